"""The run that stands beside published figures: the official split, all controls, three seeds. Nothing here chooses by its scores.

Reads    the full 50,000 reviews (DATA) and the unlabelled ones
Writes   FOLDER-<seed>/ (an artifacts folder each), and with PUBLISH the published copies; a stage whose rows are current is
         not run again, a killed training goes on
Command  python benchmarks/official.py --data "data/IMDB Dataset.csv" --unlabelled data/imdb-unlabelled.csv --publish results
"""

import subprocess
import sys
from pathlib import Path

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
DATA = None  # CSV of the 50,000 reviews for stage 1; by default data/IMDB Dataset.csv
UNLABELLED = "data/imdb-unlabelled.csv"  # more reviews without labels
FOLDER = "artifacts/official"  # begins the names of the artifacts folders
SEEDS = "1,2,3"  # of weights, order and dropout; the split stays
PUBLISH = None  # folder for the copies: official, official-2 and official-3 in it

# %% Each command of a seed: script, flags, and the row that it makes last
COMMANDS = (
    ("2_lstm_baseline.py", {}, "modelo_base"),
    ("classical.py", {}, "packed_78600"),
    ("3_quantization.py", {}, "modelo_F16Q"),
    ("4_pruning.py", {}, "modelo_podado_DRQ"),
    ("5_distillation.py", {}, "modelo_profesor"),
    ("6_combination.py", {}, "pocket"),
    # The pocket model's own controls: its network without a teacher, and taught by that one on the same texts.
    ("6_combination.py", {"chain": "vocabulary=8000,train=24x44,int4,pack", "name": "alone"}, "alone"),
    (
        "6_combination.py",
        {"chain": "vocabulary=8000,distil=24x44,round,int4,pack", "name": "selftaught", "teacher": "alone_2_train"},
        "selftaught",
    ),
    # Smaller ones, beside the smaller packed bags of words.
    ("6_combination.py", {"chain": "prune=0.5,cluster=16,quantize,pack", "name": "deep", "start": "pocket_2_distil"}, "deep"),
    ("6_combination.py", {"chain": "vocabulary=8000,distil=8x8,int4,pack", "name": "tiny"}, "tiny"),
)
WITHOUT_SEED = ("classical.py", "3_quantization.py")


def run(script: str, folder: Path, flags: dict) -> None:
    """Run a script of the project as from a terminal; a failure ends this one with the script's exit code."""
    from sentipress.core import manifest

    print(f"$ {manifest.command(script, folder, flags)}", flush=True)
    words = manifest.words(script, folder, flags)
    done = subprocess.run([sys.executable, str(Path(__file__).resolve().parent.parent / words[0]), *words[1:]])
    if done.returncode:
        raise SystemExit(done.returncode)


def current(folder: Path, name: str) -> bool:
    """Whether a row is there and not stale."""
    from sentipress.core.errors import UserError
    from sentipress.evaluation import records
    from sentipress.pipeline.staleness import Staleness

    try:
        return not Staleness(folder).reasons(records.read(records.metrics_path(folder, name), ""))
    except UserError:
        return False


def main(arguments: list[str] | None = None) -> None:
    """Run all stages for all seeds; see the top of the file."""
    from sentipress.core import cli

    settings = cli.settings(__file__, arguments)
    seeds = settings.seeds.split(",")
    folders = [Path(f"{settings.folder}-{seed}") for seed in seeds]

    # %% Train, then score
    for seed, folder in zip(seeds, folders, strict=True):
        if not (folder / "reviews.json").is_file():
            given = {"split": "official", "unlabelled": settings.unlabelled, **({"data": settings.data} if settings.data else {})}
            run("1_data_preprocessing.py", folder, given)
        for script, flags, row in COMMANDS:
            if not current(folder, row):
                # Times are of the first seed alone: the files of the others are as large and as fast.
                timed = {} if seed == seeds[0] else {"deployment": False}
                run(script, folder, {**flags, **timed, **({} if script in WITHOUT_SEED else {"seed": seed})})

    # %% Publish
    if settings.publish:
        copies = [Path(settings.publish) / ("official" if index == 0 else f"official-{seed}") for index, seed in enumerate(seeds)]
        for folder, copy in zip(folders, copies, strict=True):
            run("compare.py", folder, {"publish": copy})
        repeats = ",".join(map(str, folders[1:]))
        run("report.py", folders[0], {"output": copies[0] / "report", **({"repeats": repeats} if repeats else {})})


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
