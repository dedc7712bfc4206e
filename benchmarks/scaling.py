"""What training costs by the number of reviews and by their length: both should be straight lines.

Reads    artifacts/reviews.csv, tokenizer.json, modelo_base.metrics.json (stages 1 and 2)
Writes   OUTPUT; prints one line per measurement
Command  python benchmarks/scaling.py [--artifacts FOLDER] [--sizes 5000,10000,20000,40000]
"""

from pathlib import Path

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts"  # folder that the stages share
SIZES = "5000,10000,20000,40000"  # reviews of one epoch; beyond the training reviews they are repeated
WORDS = "50,100,200,400"  # reviews cut to these lengths, for the second line
REVIEWS = 5000  # [10, 100000000] reviews of the second line
BATCH_SIZE = 64  # [1, 4096] as in stage 2
SEED = 1  # [0, 2147483647] of weights, order and dropout
OUTPUT = None  # JSON of all measurements; printed only by default


def main(arguments: list[str] | None = None) -> None:
    """Measure one epoch each; see the top of the file."""
    import tempfile
    import time

    import numpy as np

    from sentipress.core import cli, files
    from sentipress.core.backend import deterministic
    from sentipress.data import corpus
    from sentipress.evaluation import environment, records
    from sentipress.lstm import networks, training
    from sentipress.text.tokenizer import Tokenizer

    settings = cli.settings(__file__, arguments)
    folder = Path(settings.artifacts)
    reviews = corpus.load(folder)
    spec = networks.ModelSpec(**records.load(folder, "modelo_base", "run stage 2")["model"])
    ids = Tokenizer.load(folder / "tokenizer.json", "run stage 2").encode(reviews.texts("train"))
    labels = reviews.labels("train")
    plan = training.TrainingPlan(1, settings.batch_size, 0.001, "constant", 1, False, spec.masked, settings.seed)

    def epoch(rows: np.ndarray, words: int | None, title: str) -> dict[str, float]:
        deterministic(settings.seed)
        model = networks.build_for_training(spec)
        part = ids[rows][:, :words]
        with tempfile.TemporaryDirectory() as name:
            data, validation = (part, labels[rows][:, np.newaxis]), (part[:64], labels[rows][:64])
            # The first training of a process also traces the graph; a short one before keeps that out of the figure.
            few = (data[0][:128], data[1][:128])
            training.train(model, few, validation, plan, reviews.task, Path(name) / "warm.npz", {}, title="warm-up")
            started = time.perf_counter()
            training.train(model, data, validation, plan, reviews.task, Path(name) / "c.npz", {}, title=title)
            seconds = time.perf_counter() - started
        total = int(np.count_nonzero(part))
        return {"reviews": len(rows), "words": total, "seconds": seconds, "microseconds_per_word": 1e6 * seconds / total}

    random = np.random.default_rng(settings.seed)
    by_size = []
    for size in map(int, settings.sizes.split(",")):
        by_size.append(epoch(random.permutation(np.resize(np.arange(len(ids)), size)), None, f"{size} reviews"))
    by_length = []
    long = np.flatnonzero(np.count_nonzero(ids, axis=1) >= max(map(int, settings.words.split(","))))
    for words in map(int, settings.words.split(",")):
        by_length.append({"cut_to": words, **epoch(np.resize(long, settings.reviews), words, f"{words} words")})
    for name, lines in (("by reviews", by_size), ("by length", by_length)):
        for line in lines:
            print(
                f"{name}: {line['reviews']:,} reviews, {line['words'] / line['reviews']:.0f} words each, {line['seconds']:.1f} s, "
                f"{line['microseconds_per_word']:.2f} us a word"
            )
    if settings.output:
        files.write_json(
            Path(settings.output), {"schema": 1, "environment": environment.environment(), "by_size": by_size, "by_length": by_length}
        )


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
