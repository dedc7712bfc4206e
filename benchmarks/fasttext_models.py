"""The tool that a user would take instead: supervised fastText, pruned and quantized to the sizes of the packed bags of words.

Reads    artifacts/reviews.csv (stage 1)
Writes   OUTPUT; prints one line per model
Command  pip install -r benchmarks/requirements-fasttext.txt
         python benchmarks/fasttext_models.py [--artifacts FOLDER] [--score-test]

Each combination of the settings is trained, pruned to TRIAL_CUTOFF and quantized (cutoff, qnorm, retrain). For each
number of columns the combination with the best quantized file on validation is quantized at all CUTOFFS. Of these files
the best on validation within each of SIZES is timed and, with --score-test, scored on the test texts.
"""

import itertools
import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sentipress.core.errors import UserError, exit_code

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts"  # folder that the stages share
DIMENSIONS = "4,10"  # columns of the embedding; two labels need few, and each costs half a byte a term
EPOCHS = "5,10"  # 5 is fastText's own; more fit the whole model better and the pruned one worse
LEARNING_RATES = "0.2,0.5"  # fastText's own 0.1 is too low for 5 epochs, 1.0 is the most that its guide names
WORD_NGRAMS = "2,3"  # words of the longest term; single words alone are two points worse than pairs
BUCKETS = 1_000_000  # [1, 10000000] that pairs and triples are hashed into; pruning drops all but the strongest
TRIAL_CUTOFF = 8900  # [10, 10000000] terms of the files by which a combination is chosen: the middle one of SIZES
CUTOFFS = "2700,3900,4300,5900,8900,11200,16200,21000,30000"  # terms that are kept: of 4 and of 10 columns just within each of SIZES
SIZES = "44,58,82,142,256"  # KB of a zipped file, those of the packed bags of words of classical.py
SCORE_TEST = False  # score the chosen files on the test texts as well
LATENCY_TEXTS = 300  # [10, 10000] test texts that are timed one by one
ROUNDS = 3  # [1, 100] of timing; the median counts
SEED = 1  # [0, 2147483647] of the initial weights
OUTPUT = None  # JSON of all results; printed only by default

# With one thread fastText initializes a tenth of its weights and leaves the rest as the memory was. With this variable
# glibc hands out zeros, which makes a training repeatable (elsewhere than on Linux it need not be).
ZEROED_MEMORY = {"MALLOC_PERTURB_": "255"}
prefix = "__label__"  # of a label in a line of its training file


def train(texts: str, path: str, how: dict[str, Any]) -> None:
    """Train on a file of labelled lines and write a `.bin` file."""
    import fasttext

    fasttext.train_supervised(texts, thread=1, verbose=0, **how).save_model(path)


def quantize(texts: str, model: str, path: str, cutoff: int) -> None:
    """Prune a `.bin` file to the strongest terms, train these again with the model's own settings, write a `.ftz` file."""
    import fasttext

    from sentipress.core.quiet import quiet

    pruned = fasttext.load_model(model)
    with quiet():  # its progress bar cannot be switched off
        pruned.quantize(input=texts, cutoff=cutoff, retrain=True, qnorm=True, thread=1)
    pruned.save_model(path)


def alone(work: Callable[..., None], *arguments: Any) -> None:
    """Run a function in a fresh process, whose memory no earlier training has used."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(work, *arguments).result()


def zipped(path: Path) -> int:
    """Bytes of a file in a zip, as the project's own packages are."""
    package = path.with_suffix(".zip")
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    return package.stat().st_size


def accuracy(path: Path, texts: Sequence[str], truth: Any) -> float:
    """Share of the texts that a file labels rightly."""
    import fasttext

    found, _ = fasttext.load_model(str(path)).predict(list(texts))
    return sum(int(one[0].removeprefix(prefix)) == label for one, label in zip(found, truth, strict=True)) / len(truth)


def milliseconds(paths: Sequence[Path], texts: Sequence[str], rounds: int) -> list[float]:
    """Median time of one text by each file; the files take turns, so that a change of the machine's speed meets all of them."""
    import statistics
    import time

    import fasttext

    models = [fasttext.load_model(str(path)) for path in paths]
    spent: list[list[float]] = [[] for _ in models]
    for number in range(rounds + 1):
        for text in texts:
            for model, times in zip(models, spent, strict=True):
                started = time.perf_counter()
                model.predict(text)
                if number:  # the first round warms up
                    times.append(time.perf_counter() - started)
    return [1000 * statistics.median(times) for times in spent]


def main(arguments: list[str] | None = None) -> None:
    """Train, quantize, choose on validation; see the top of the file."""
    import tempfile
    from importlib import metadata, util

    from sentipress.core import cli, files
    from sentipress.data import corpus
    from sentipress.evaluation.environment import environment

    settings = cli.settings(__file__, arguments)
    if not util.find_spec("fasttext"):
        raise UserError("fasttext is not installed", "pip install -r benchmarks/requirements-fasttext.txt")
    os.environ.update(ZEROED_MEMORY)
    reviews = corpus.load(Path(settings.artifacts))
    validation = list(reviews.texts("validation")), reviews.labels("validation").astype(int)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = str(folder / "train.txt")
        lines = zip(reviews.labels("train").astype(int), reviews.texts("train"), strict=True)
        files.write_text(Path(texts), "".join(f"{prefix}{label} {text}\n" for label, text in lines))

        def measured(path: Path, how: dict[str, Any]) -> dict[str, Any]:
            found = {**how, "bytes": path.stat().st_size, "zipped_bytes": zipped(path)}
            found |= {"file": path.name, "validation_accuracy": accuracy(path, *validation)}
            what = ", ".join(f"{key} {value}" for key, value in how.items())
            print(f"{what}: {found['zipped_bytes'] / 1024:,.1f} KB, {found['validation_accuracy']:.2%} on validation", flush=True)
            return found

        def pruned(number: int, cutoff: int) -> dict[str, Any]:
            path = folder / f"{number}-{cutoff}.ftz"
            alone(quantize, texts, str(folder / f"{number}.bin"), str(path), cutoff)
            return measured(path, {**combinations[number], "cutoff": cutoff})

        # %% Every combination, whole and pruned to one number of terms
        grid = itertools.product(
            map(int, settings.dimensions.split(",")),
            map(int, settings.epochs.split(",")),
            map(float, settings.learning_rates.split(",")),
            map(int, settings.word_ngrams.split(",")),
        )
        combinations = [dict(zip(("dim", "epoch", "lr", "wordNgrams"), point, strict=True)) for point in grid]
        whole, trials = [], []
        for number, how in enumerate(combinations):
            path = folder / f"{number}.bin"
            alone(train, texts, str(path), {**how, "bucket": settings.buckets, "seed": settings.seed})
            whole.append(measured(path, how))
            trials.append(pruned(number, settings.trial_cutoff))

        # %% The best of each number of columns, at all sizes
        quantized = []
        for dim in dict.fromkeys(how["dim"] for how in combinations):
            of_dim = [number for number, how in enumerate(combinations) if how["dim"] == dim]
            best = max(of_dim, key=lambda number: trials[number]["validation_accuracy"])
            quantized += [pruned(best, cutoff) for cutoff in map(int, settings.cutoffs.split(","))]

        # %% The best within each size, and the best whole one
        chosen = []
        for size in map(int, settings.sizes.split(",")):
            within = [found for found in quantized if found["zipped_bytes"] <= size * 1024]
            if within:
                chosen.append({"within_kb": size, **max(within, key=lambda found: found["validation_accuracy"])})
        chosen.append({"within_kb": None, **max(whole, key=lambda found: found["validation_accuracy"])})
        sample = list(reviews.texts("test")[: settings.latency_texts])
        times = milliseconds([folder / found["file"] for found in chosen], sample, settings.rounds)
        for found, spent in zip(chosen, times, strict=True):
            found["ms_per_text"] = spent
            if settings.score_test:
                found["test_accuracy"] = accuracy(folder / found["file"], list(reviews.texts("test")), reviews.labels("test").astype(int))
                found["test_texts"] = len(reviews.texts("test"))
            size = f"within {found['within_kb']} KB" if found["within_kb"] else "not quantized"
            scores = ", ".join(f"{found[name]:.2%} on {name[:-9]}" for name in ("validation_accuracy", "test_accuracy") if name in found)
            print(f"{size}: {found['zipped_bytes'] / 1024:,.1f} KB, {scores}, {found['ms_per_text']:.3f} ms a text")
        for found in (*whole, *trials, *quantized, *chosen):
            found.pop("file", None)
    if settings.output:
        about = environment()
        about["packages"]["fasttext-numpy2"] = metadata.version("fasttext-numpy2")
        results = {"whole": whole, "trials": trials, "quantized": quantized, "chosen": chosen}
        fixed = {"buckets": settings.buckets, "seed": settings.seed, "validation_texts": len(validation[0])}
        files.write_json(Path(settings.output), {"schema": 1, "environment": about, **fixed, **results})


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
