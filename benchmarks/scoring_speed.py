"""Reviews a second from Parquet to Parquet: a model by one worker and by two, beside TF-IDF and logistic regression of scikit-learn.

Reads    DATA (IMDB reviews), or the bundled reviews; MODEL
Writes   OUTPUT; prints a line for each round
Command  python benchmarks/scoring_speed.py [--data "data/IMDB Dataset.csv"] [--output results/scale/speed.json]

All of them read one Parquet file of raw texts and write a label and a probability for each, in turns. scikit-learn's pipeline is
fitted before on a part of the same reviews, and answers 1,000 rows at a time in one process with one thread; so does one worker.
Ray's start (seconds, whatever the archive) is shown apart: the rate is that of the rows behind the first part of each worker.

A control tells what the machine allows: as many processes that share nothing judge the same texts in memory, without Ray and files.
"""

import sys
from pathlib import Path
from typing import Any

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
DATA = None  # CSV of texts and labels; the bundled reviews by default
MODEL = "results/reference/pocket.zip"  # the one that answers
COUNT = 0  # [0, 100000000] rows of the file; 0: all reviews once. More than there are: they are repeated
ROUNDS = 3  # [1, 100] turns
WORKERS = "1,2"  # numbers of workers, with commas
SHARD_ROWS = 2500  # [1, 1000000] rows of a part: small enough that no worker waits long at the end
FITTED = 10_000  # [100, 1000000] reviews that scikit-learn's pipeline is fitted on
STEPPED = 4000  # [1, 1000000] reviews whose steps are timed one by one
CHUNK = 1000  # [1, 1000000] rows that it answers at a time
OUTPUT = None  # JSON of all figures; printed only by default


def root() -> Path:
    """Folder of the project."""
    return Path(__file__).resolve().parent.parent


def predict(source: Path, folder: Path, model: str, workers: int, shard_rows: int) -> dict[str, float]:
    """Run predict.py as a person would: seconds of the whole command, and rows a second behind its start."""
    import json
    import os
    import subprocess
    import time

    command = [sys.executable, str(root() / "predict.py"), "--input", str(source), "--output", str(folder), "--model", model]
    command += ["--workers", str(workers), "--shard-rows", str(shard_rows)]
    started = time.time()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(root())})
    seconds = time.time() - started
    summary = json.loads((folder / "_summary.json").read_text(encoding="utf-8"))
    # Parts are written as they come: between the first `workers` ones and the last, all workers were at work.
    times = sorted(path.stat().st_mtime for path in folder.glob("part-*"))
    behind = summary["rows"] - workers * shard_rows
    return {"seconds": seconds, "rows_a_second": behind / (times[-1] - times[workers - 1]), "worker_seconds": summary["worker_seconds"]}


def reading_rate(source: Path, shard_rows: int) -> float:
    """Rows a second that the reader alone gives: what bounds the workers that one command can feed."""
    import time

    from sentipress.data import places
    from sentipress.scale import shards

    started = time.perf_counter()
    found = shards.shards(places.inputs([str(source)])[0], shards.Cut("review", None, shard_rows), {}, [])
    return sum(len(shard.texts) for shard in found) / (time.perf_counter() - started)


def batched(texts: list[str], size: int = 512) -> list[list[str]]:
    """The texts, so many at a time, as a worker judges them."""
    return [texts[start : start + size] for start in range(0, len(texts), size)]


def steps(texts: list[str], model_file: str) -> dict[str, float]:
    """Microseconds a text that each step of a worker takes, one after the other over all texts."""
    import time

    from sentipress.runtimes import registry

    model = registry.open_model(Path(model_file))
    inner = getattr(model, "network", model)  # of a pocket model
    batches = batched(texts)
    model.judge(batches[0])  # what is set up once
    marks = [time.perf_counter()]
    read = [inner.read(some)[0] for some in batches]
    marks.append(time.perf_counter())
    for inputs in read:
        inner.predict_batch(inputs)
    marks.append(time.perf_counter())
    for some in batches:
        model.judge(some)
    marks.append(time.perf_counter())
    names = ("raw text to inputs and share of known words", "the model", "both, as a worker does")
    return {name: 1e6 * (marks[index + 1] - marks[index]) / len(texts) for index, name in enumerate(names)}


def _judge(texts: list[str], model_file: str, ready: Any, seconds: Any) -> None:
    """One process of the control: judges the texts in batches when all processes are ready, and says how long it took."""
    import time

    from sentipress.runtimes import registry

    model = registry.open_model(Path(model_file))
    batches = batched(texts)
    model.judge(batches[0])  # what is set up once
    ready.wait(120)  # the others may have failed
    started = time.perf_counter()
    for some in batches:
        model.judge(some)
    seconds.put(time.perf_counter() - started)


def alone_together(texts: list[str], model_file: str, processes: int) -> float:
    """Texts a second of so many processes at once that share nothing, each judging all texts."""
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    ready, seconds = context.Barrier(processes), context.Queue()
    started = [context.Process(target=_judge, args=(texts, model_file, ready, seconds)) for _ in range(processes)]
    for one in started:
        one.start()
    for one in started:
        one.join()
        if one.exitcode:
            raise RuntimeError(f"a process of the control ended with exit code {one.exitcode}")
    return processes * len(texts) / max(seconds.get() for _ in started)


def score_by_sklearn(source: Path, target: Path, pipeline: Any, chunk: int) -> float:
    """Rows a second of scikit-learn's pipeline from Parquet to Parquet."""
    import time

    import pyarrow as pa
    import pyarrow.parquet as pq

    rows, started = 0, time.time()
    schema = pa.schema([("row", pa.int64()), ("label", pa.string()), ("probability", pa.float32())])
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for batch in pq.ParquetFile(source).iter_batches(chunk, columns=["review"]):
            found = pipeline.predict_proba(batch.column(0).to_pylist())[:, 1]
            labels = ["positive" if probability > 0.5 else "negative" for probability in found]
            numbers = range(rows + 1, rows + len(labels) + 1)
            writer.write_table(pa.table([pa.array(numbers), pa.array(labels), pa.array(found, pa.float32())], schema=schema))
            rows += len(labels)
    return rows / (time.time() - started)


def main(arguments: list[str] | None = None) -> None:
    """Time them in turns; see the top of the file."""
    import os
    import tempfile

    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    from sentipress.core import cli, files
    from sentipress.data import sources
    from sentipress.evaluation import environment

    settings = cli.settings(__file__, arguments)
    frame = sources.read(Path(settings.data) if settings.data else None, "review", "sentiment", None).frame
    frame = frame.sample(len(frame), random_state=0)  # else the labels stand in order
    texts, labels = frame["review"].tolist(), frame["label"].to_numpy()
    pipeline = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True), LogisticRegression(C=10, max_iter=1000))
    pipeline.fit(texts[: settings.fitted], labels[: settings.fitted])
    texts = [texts[index % len(texts)] for index in range(settings.count or len(texts))]
    workers = [int(number) for number in settings.workers.split(",")]
    kinds = [f"{kind}_{number}" for number in workers for kind in ("workers", "processes")]
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in (*kinds, "scikit-learn")}
    with tempfile.TemporaryDirectory() as name:
        source = Path(name, "reviews.parquet")
        pq.write_table(pa.table({"review": texts}), source)
        reading = reading_rate(source, settings.shard_rows)
        print(f"the reader alone: {reading:,.0f} rows a second")
        taken = steps(texts[: settings.stepped], settings.model)
        print("a worker, microseconds a text: " + ", ".join(f"{name} {value:.0f}" for name, value in taken.items()))
        for turn in range(settings.rounds):
            for number in workers:
                folder = Path(name, f"{turn}-{number}")
                one = predict(source, folder, settings.model, number, settings.shard_rows)
                found[f"workers_{number}"].append(one)
                print(
                    f"{settings.model}, {number} workers: {one['rows_a_second']:,.0f} reviews a second ({one['seconds']:.1f} s in all)",
                    flush=True,
                )
                rate = alone_together(texts[: settings.stepped], settings.model, number)
                found[f"processes_{number}"].append({"rows_a_second": rate})
                print(f"control, {number} processes that share nothing: {rate:,.0f} reviews a second", flush=True)
            rate = score_by_sklearn(source, Path(name, "sklearn.parquet"), pipeline, settings.chunk)
            found["scikit-learn"].append({"rows_a_second": rate})
            print(f"scikit-learn, TF-IDF of words and pairs with logistic regression: {rate:,.0f} reviews a second", flush=True)
    median = {kind: float(np.median([one["rows_a_second"] for one in runs])) for kind, runs in found.items()}
    first = median[f"workers_{workers[0]}"]
    for number in workers:
        mine = median[f"workers_{number}"]
        control = median[f"processes_{number}"] / median[f"processes_{workers[0]}"]
        ratios = f"{mine / first:.2f} of {workers[0]} (control {control:.2f}), {mine / median['scikit-learn']:.2f} of scikit-learn"
        print(f"{number} workers: {mine:,.0f} a second, {ratios}")
    if settings.output:
        about = {"schema": 1, "model": settings.model, "sha256": files.sha256(Path(settings.model)), "rows": len(texts)}
        characters = float(np.mean([len(text) for text in texts]))
        content = {
            **about,
            "characters_a_text": characters,
            "environment": environment.environment(),
            "reading": reading,
            "steps": taken,
            "median": median,
            "runs": found,
        }
        files.write_json(Path(settings.output), content)


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
