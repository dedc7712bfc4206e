"""A mass of rows through stage 1, and what determinism costs."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from processes import SCRIPTS, SERVER_ENVIRONMENT, Stages
from rehearsal import small_csv

from sentipress.core import manifest
from sentipress.core.quiet import quiet
from sentipress.data import corpus, sources


def synthetic_rows(rows: int, seed: int) -> Iterator[tuple[str, str]]:
    """Reviews as long as real ones and all different: the first half of one, the second of another, and a number."""
    bundle = sources.read_bundled()
    halves = [(text[: len(text) // 2], text[len(text) // 2 :]) for text in bundle["review"]]
    names = bundle["label"].map({0: "negative", 1: "positive"}).tolist()
    random = np.random.default_rng(seed)
    for number in range(rows):
        first, second = random.integers(len(halves), size=2)
        yield f"{halves[first][0]}{halves[second][1]} {number}", names[first]


def synthetic_csv(path: Path, rows: int, seed: int = 0) -> Path:
    """Write `synthetic_rows` with Kaggle's columns."""
    with open(path, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(("review", "sentiment"))
        writer.writerows(synthetic_rows(rows, seed))
    return path


@dataclass(frozen=True)
class Load:
    """What a run of stage 1 took: rows, bytes of the CSV, seconds by the clock and of the processor, most resident bytes."""

    rows: int
    csv_bytes: int
    seconds: float
    processor_seconds: float
    peak_bytes: int


def load_stage_1(rows: int, place: Path, *flags: str) -> Load:
    """Run stage 1 with flags on synthetic rows in a process of its own and measure that process."""
    path = synthetic_csv(place / f"synthetic_{rows}.csv", rows)
    command = [
        sys.executable,
        str(SCRIPTS / manifest.PREPROCESSING),
        "--data",
        str(path),
        "--artifacts",
        str(place / f"load_{rows}"),
        *flags,
    ]
    # A process counts the memory of the one that started it as its own peak: so a small one starts it, and tells.
    small = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    tell = "used = resource.getrusage(resource.RUSAGE_CHILDREN); print(used.ru_maxrss, used.ru_utime + used.ru_stime)"
    started = time.perf_counter()
    told = subprocess.run([sys.executable, "-c", small + tell, *command], check=True, stdout=subprocess.PIPE).stdout
    seconds = time.perf_counter() - started
    peak, processor_seconds = told.split()
    unit = 1 if sys.platform == "darwin" else 1024
    found = Load(rows, path.stat().st_size, seconds, float(processor_seconds), int(peak) * unit)
    path.unlink()
    shutil.rmtree(place / f"load_{rows}")
    return found


# What determinism costs


def seconds_per_epoch(folder: Path, deterministic: bool, epochs: int) -> list[float]:
    """Train stage 2's network by its own constants, with deterministic kernels or without.

    Args:
        folder: cleaned reviews (stage 1), also where the checkpoint goes.
        deterministic: op determinism on, as the stages have it, or off.
        epochs: passes over the reviews, the first of which is not counted: it compiles.

    Returns:
        Seconds of each pass but the first.
    """
    from sentipress.core import backend, cli
    from sentipress.lstm import networks, training
    from sentipress.text import phrases

    settings = cli.settings(str(SCRIPTS / manifest.BASELINE), ["--artifacts", str(folder), "--epochs", str(epochs + 1), "--fresh"])
    found = corpus.load(folder)
    texts, labels = found.texts("train"), found.labels("train")
    tokenizer = phrases.fit(texts, labels, settings, found.recipe, found.task)
    backend.deterministic(settings.seed)
    if not deterministic:
        from tensorflow.python.framework import config

        config.disable_op_determinism()  # the public interface has no way back
    spec = networks.ModelSpec.of(settings, found.task.outputs)
    ids = tokenizer.encode(texts)
    plan = training.plan_of(settings, bucketed=spec.masked, patience=epochs + 1)
    checkpoint = folder / ".cost.checkpoint.npz"
    data, validation = (ids, labels[:, np.newaxis]), (ids[:100], labels[:100])
    model = networks.build_for_training(spec)
    history = training.train(model, data, validation, plan, found.task, checkpoint, {}, fresh=True)
    checkpoint.unlink()
    return [record["seconds"] for record in history.epochs[1:]]


def _write_seconds(path: Path, *arguments: Any) -> None:
    for name in SERVER_ENVIRONMENT:
        if name.endswith("THREADS"):  # TensorFlow reads them at its first operation: all cores, as in a stage
            del os.environ[name]
    with quiet():
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for the rest of the process
        path.write_text(json.dumps(seconds_per_epoch(*arguments)), encoding="utf-8")


def cost_of_determinism(place: Path, turns: int, epochs: int = 2, rows: int = 3000) -> dict[bool, list[float]]:
    """Seconds per epoch with determinism on and off, each time in a process of its own, in turns on the same reviews."""
    place.mkdir()
    runner = Stages(place / "artifacts")
    if runner.run(manifest.PREPROCESSING, ["--data", str(small_csv(place / "reviews.csv", rows))]).code:
        raise RuntimeError("stage 1 has failed")
    found: dict[bool, list[float]] = {True: [], False: []}
    path = place / "seconds.json"
    for turn in range(turns):
        for deterministic in (True, False) if turn % 2 == 0 else (False, True):
            if runner.call(_write_seconds, path, runner.folder, deterministic, epochs):
                raise RuntimeError("the training that is timed has failed")
            found[deterministic] += json.loads(path.read_text(encoding="utf-8"))
    return found
