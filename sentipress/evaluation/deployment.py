"""What a model costs where it is used: a fresh process that imports only what a deployment imports.

`python -m sentipress.evaluation.deployment MODEL TOKENIZER STARTED < texts.json` prints one JSON object; `measure` runs it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BATCH = 64
BATCHES = 2  # that many batches are timed after one of warm-up
WARM_UP = 20
PROCESSES = 3  # fresh ones for each model
LIMIT_SECONDS = 600
_MEDIANS = ("startup_seconds", "peak_memory_bytes", "p50_ms", "p95_ms", "reviews_per_second")


def measure_in_turns(models: Sequence[tuple[Path, Path | None]], texts: list[str], labels: Sequence[str]) -> list[dict[str, Any]]:
    """Measure several models, each in several fresh processes, in turns: medians, and the spread of the median time.

    Args:
        models: file and tokenizer of each, as in `measure`.
        texts: see `measure`.
        labels: see `measure`.

    Returns:
        For each model what `measure` gives, as medians over its processes; p50_low_ms and p50_high_ms, the extremes of p50;
        `processes`, their number.

    Raises:
        RuntimeError: see `measure`.
    """
    rounds = [[measure(file, tokenizer, texts, labels) for file, tokenizer in models] for _ in range(PROCESSES)]
    return [_summary(list(results)) for results in zip(*rounds, strict=True)]


def _summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    known = {key: [result[key] for result in results if result[key] is not None] for key in _MEDIANS}
    times = known["p50_ms"]
    medians = {key: statistics.median(values) if values else None for key, values in known.items()}
    return {**results[0], **medians, "p50_low_ms": min(times), "p50_high_ms": max(times), "processes": len(results)}


def measure(model: Path, tokenizer: Path | None, texts: list[str], labels: Sequence[str]) -> dict[str, Any]:
    """Start-up, memory and speed of a model file in a process of its own, from text to probability on one thread.

    Args:
        model: see `sentipress.runtimes.registry.open_model`.
        tokenizer: the tokenizer's JSON; None for a model that holds its own vocabulary.
        texts: raw; the first one is the first that the process predicts.
        labels: names, in their order.

    Returns:
        startup_seconds from the start of the process to the first probability, interpreter and imports included;
        peak_memory_bytes; first, what the model gives for the first text; p50_ms and p95_ms of one review, text to probability;
        reviews_per_second in batches of 64; runs.

    Raises:
        RuntimeError: the process failed; its last line says why.
    """
    # The clock of the system, since a process cannot read another's performance counter.
    command = [
        sys.executable,
        "-m",
        "sentipress.evaluation.deployment",
        str(model.resolve()),
        str(tokenizer.resolve()) if tokenizer else "-",
    ]
    # One thread and no GPU probing: what is measured is one core, on every runtime alike.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    done = subprocess.run(
        [*command, str(time.time())],
        input=json.dumps({"texts": texts, "labels": list(labels)}),
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=Path(__file__).resolve().parent.parent.parent,
        env=environment,
        timeout=LIMIT_SECONDS,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise RuntimeError(f"{model.name} failed in a fresh process: {last}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def _peak_memory() -> int | None:
    """Most resident bytes since this program was loaded; the counter of getrusage still holds the parent's."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) * 1024
    except (OSError, StopIteration):
        return None


def main(model: str, tokenizer: str, started: str) -> None:
    """Measure in this process and print the result as one line of JSON."""
    from sentipress.data.task import Task
    from sentipress.runtimes.registry import open_model

    content = json.loads(sys.stdin.buffer.read())
    texts, path = content["texts"], Path(model)
    runtime = open_model(path, Path(tokenizer), task=Task(tuple(content["labels"])))
    first = runtime.predict_raw(texts[:1]).tolist()[0]
    result: dict[str, Any] = {"startup_seconds": time.time() - float(started), "peak_memory_bytes": _peak_memory(), "first": first}
    import numpy as np

    for text in texts[:WARM_UP]:
        runtime.predict_raw([text])
    spent = np.empty(len(texts))
    for index, text in enumerate(texts):
        begun = time.perf_counter()
        runtime.predict_raw([text])
        spent[index] = time.perf_counter() - begun
    batch = (texts * (BATCH // len(texts) + 1))[:BATCH]
    runtime.predict_raw(batch)
    begun = time.perf_counter()
    for _ in range(BATCHES):
        runtime.predict_raw(batch)
    seconds = time.perf_counter() - begun
    result |= {
        "p50_ms": float(np.percentile(spent, 50) * 1000),
        "p95_ms": float(np.percentile(spent, 95) * 1000),
        "runs": len(texts),
        "reviews_per_second": BATCH * BATCHES / seconds,
        "what": "a fresh process on one thread, from text to probability",
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
