"""Seconds that models take over an archive of texts, from raw text to label: cleaning, tokenizing and the network, by a process a core.

Reads    MODELS, TEXTS
Writes   OUTPUT; prints a line for each model
Command  python benchmarks/archive.py --models artifacts/roberta/modelo_base.safetensors,artifacts/roberta/modelo_DRQ.tflite \
             --texts "data/IMDB Dataset.csv" [--count 0] --output results/encoder/roberta/archive.json

Each worker is a process with one thread and the model loaded before the clock starts. All models read the same texts, in turns,
so that what else the machine does touches all of them.
"""

import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
MODELS = "artifacts/encoder/modelo_base.safetensors,artifacts/encoder/modelo_DRQ.tflite"  # files of any kind; the first is the measure
TEXTS = None  # CSV, TSV or fastText file of texts and labels
TEXT_COLUMN = "review"  # column of the texts
LABEL_COLUMN = "sentiment"  # column of the labels
COUNT = 4000  # [0, 100000000] texts drawn at random; 0: all. Seconds for all are those of the drawn ones times all over drawn
ROUNDS = 2  # [1, 100] times that every model reads them
WORKERS = 2  # [1, 256] processes, one for each core
CHUNK = 250  # [1, 100000] texts that a worker takes at once
SEED = 1  # [0, 2147483647] of the draw
OUTPUT = None  # JSON of all results; printed only by default

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
_model = None  # of a worker


def load(path: str, started: Any) -> None:
    """What a worker does first: one thread, and the model in memory; then it waits for the others."""
    global _model
    from sentipress.runtimes import registry

    _model = registry.open_model(Path(path))
    if path.endswith(".safetensors"):
        import torch

        torch.set_num_threads(1)
    _model.predict_raw(["A first text, which pays for all that is set up once.", "And a second one."])
    started.wait()


def judge(texts: list[str]) -> list[int]:
    """Numbers of the labels that the worker's model gives texts."""
    assert _model is not None
    return [int(number) for number in _model.task.decide(_model.predict_raw(texts))]


def timed(path: str, chunks: list[list[str]], workers: int) -> tuple[float, list[int]]:
    """Seconds from raw texts to labels, and the labels."""
    fresh = multiprocessing.get_context("spawn")  # a copy of this process would keep its threads
    with ProcessPoolExecutor(workers, fresh, load, (path, fresh.Barrier(workers))) as pool:
        list(pool.map(judge, [chunks[0][:20]] * workers * 4))  # no worker answers before all of them are up
        started = time.perf_counter()
        found = list(pool.map(judge, chunks))
        return time.perf_counter() - started, [number for part in found for number in part]


def main(arguments: list[str] | None = None) -> None:
    """Time each model; see the top of the file."""
    import os

    import numpy as np

    from sentipress.core import cli, files
    from sentipress.core.errors import UserError
    from sentipress.data import sources
    from sentipress.evaluation import environment
    from sentipress.runtimes import registry

    settings = cli.settings(__file__, arguments)
    if not settings.texts:
        raise UserError("no texts to read", "give --texts FILE")
    paths = settings.models.split(",")
    tasks = [registry.open_model(Path(path)).task for path in paths]  # one that cannot be opened is named before anything is timed
    task = tasks[0]
    for path, other in zip(paths, tasks, strict=True):
        if other.labels != task.labels:
            raise UserError(f"{path} has other labels than {paths[0]}", "leave it out")
    frame = sources.read_file(Path(settings.texts), settings.text_column, settings.label_column, list(task.labels)).frame
    whole = len(frame)
    if settings.count and settings.count < whole:
        frame = frame.iloc[np.sort(np.random.default_rng(settings.seed).permutation(whole)[: settings.count])]
    texts, truth = frame["review"].tolist(), frame["label"].to_numpy()
    chunks = [texts[start : start + settings.chunk] for start in range(0, len(texts), settings.chunk)]
    os.environ.update(dict.fromkeys(THREADS, "1"))  # the workers start with it
    seconds: dict[str, list[float]] = {path: [] for path in paths}
    accuracy = {}
    for _ in range(settings.rounds):
        for path in paths:
            taken, found = timed(path, chunks, settings.workers)
            seconds[path].append(taken)
            accuracy[path] = float(np.mean(np.array(found) == truth))
    results = []
    for path in paths:
        ratios = [own / first for own, first in zip(seconds[path], seconds[paths[0]], strict=True)]
        best = min(seconds[path])
        results.append(
            {
                "model": Path(path).name,
                "sha256": files.sha256(Path(path)),
                "bytes": Path(path).stat().st_size,
                "texts": len(texts),
                "accuracy": accuracy[path],
                "seconds": seconds[path],
                "seconds_for_all": best * whole / len(texts),
                "ratio_to_first": [min(ratios), max(ratios)],
            }
        )
        print(
            f"{path}: {len(texts):,} texts in {best:.1f} s, {len(texts) / best:,.0f} a second, all {whole:,} in "
            f"{best * whole / len(texts):,.0f} s; {min(ratios):.3f} to {max(ratios):.3f} of the first one's time; "
            f"accuracy {accuracy[path]:.2%}",
            flush=True,
        )
    if settings.output:
        about = {"schema": 1, "texts": Path(settings.texts).name, "all_texts": whole, "workers": settings.workers}
        files.write_json(Path(settings.output), {**about, "environment": environment.environment(), "results": results})


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
