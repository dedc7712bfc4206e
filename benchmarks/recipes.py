"""The study's recipe and the default one trained in turns, by the project's own stages, on the same reviews.

Reads    what stage 1 reads
Writes   FOLDER/<variant>-<seed>/ (an artifacts folder each) and OUTPUT; prints one line per run and the comparison
Command  python benchmarks/recipes.py --data "data/IMDB Dataset.csv" --unlabelled data/imdb-unlabelled.csv --seeds 1,2,3
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
DATA = None  # CSV for stage 1; the bundled reviews by default
UNLABELLED = None  # CSV with a column review; without one, the variant "unlabelled" is left out
FOLDER = "artifacts/recipes"  # one artifacts folder per run goes here
OUTPUT = None  # JSON of all runs; FOLDER/recipes.json by default
VARIANTS = "thesis,default,unlabelled"  # what to train, in this order, seed by seed
SEEDS = "1"  # of weights, order and dropout; the split stays
THESIS_SEEDS = "1"  # the study's recipe takes several times as long

# %% What each variant passes to stage 2
FLAGS = {"thesis": [], "default": ["--no-use-unlabelled"], "unlabelled": ["--use-unlabelled"]}


def stage(name: str, *flags: str) -> None:
    """Run a stage of the project as from a terminal; a failure ends the benchmark with the stage's exit code."""
    done = subprocess.run([sys.executable, str(Path(__file__).resolve().parent.parent / name), *flags])
    if done.returncode:
        raise SystemExit(done.returncode)


def reached(record: dict, accuracy: float) -> float | None:
    """Seconds, pretraining included, until the end of the first epoch with this validation accuracy; None if never."""
    spent = record["seconds"].get("pretraining", 0.0)
    for epoch in record["history"]:
        spent += epoch["seconds"]
        if epoch["validation_accuracy"] >= accuracy:
            return spent
    return None


def main(arguments: list[str] | None = None) -> None:
    """Train and compare; see the top of the file."""
    from sentipress.core import cli, files, manifest
    from sentipress.core.errors import UserError
    from sentipress.evaluation import environment, records, statistics

    settings = cli.settings(__file__, arguments)
    folder, runs, variants = Path(settings.folder), [], settings.variants.split(",")
    unknown = [name for name in variants if name not in FLAGS]
    if unknown:
        raise UserError(f"--variants {','.join(unknown)} is unknown", f"give some of {', '.join(FLAGS)}")
    if not settings.unlabelled:
        variants = [name for name in variants if name != "unlabelled"]

    # %% Train in turns
    for seed in settings.seeds.split(","):
        for variant in variants:
            if variant == "thesis" and seed not in settings.thesis_seeds.split(","):
                continue
            recipe = "thesis" if variant == "thesis" else "default"
            cleaned, run = folder / f"{recipe}-reviews", folder / f"{variant}-{seed}"
            if not (cleaned / "reviews.json").is_file():
                flags = ["--artifacts", str(cleaned), "--recipe", recipe, *(["--data", settings.data] if settings.data else [])]
                more = settings.unlabelled if recipe == "default" else None
                stage(manifest.PREPROCESSING, *flags, *(["--unlabelled", more] if more else []))
            shutil.copytree(cleaned, run, dirs_exist_ok=True)
            stage(manifest.BASELINE, "--artifacts", str(run), "--seed", seed, "--fresh", *FLAGS[variant])
            record = records.read(records.metrics_path(run, "modelo_base"), "run the benchmark again")
            epochs = record["history"]
            reviews = json.loads((run / "reviews.json").read_text(encoding="utf-8"))["splits"]["train"]
            runs.append(
                {
                    "variant": variant,
                    "seed": int(seed),
                    "test_accuracy": record["scores"]["accuracy"]["value"],
                    "best_validation_accuracy": max(epoch["validation_accuracy"] for epoch in epochs),
                    "parameters": record["parameters"]["total"],
                    "seconds_pretraining": record["seconds"].get("pretraining", 0.0),
                    "seconds": sum(record["seconds"].values()),
                    "microseconds_per_review": 1e6 * record["seconds"]["training"] / len(epochs) / reviews,
                    "peak_memory_bytes": record["environment"]["peak_memory_bytes"],
                    "record": {"seconds": record["seconds"], "history": epochs},
                }
            )
            print(json.dumps({key: value for key, value in runs[-1].items() if key != "record"}), flush=True)

    # %% Compare with the study's recipe
    thesis = next((run for run in runs if run["variant"] == "thesis"), None)
    if thesis:
        target = thesis["best_validation_accuracy"]
        base = reached(thesis["record"], target)
        for run in runs:
            own = reached(run["record"], target)
            run["seconds_to_thesis_best"] = own
            run["share_of_thesis_seconds_to_best"] = own / base if own is not None and base else None
            run["share_of_thesis_seconds"] = run["seconds"] / thesis["seconds"]
    output = Path(settings.output) if settings.output else folder / "recipes.json"
    machine = environment.environment()
    machine.pop("peak_memory_bytes")
    files.write_json(output, {"schema": 1, "environment": machine, "runs": runs})
    for run in runs:
        own = run.get("seconds_to_thesis_best")
        print(
            f"{run['variant']} seed {run['seed']}: test {run['test_accuracy']:.2%}, {run['parameters']:,} parameters, "
            f"{run['seconds']:.0f} s, "
            f"{run['microseconds_per_review']:,.0f} us a review and epoch, {(run['peak_memory_bytes'] or 0) / 1e9:.2f} GB"
            + (f", thesis's best validation accuracy after {own:.0f} s" if own is not None else "")
        )
    for variant in dict.fromkeys(run["variant"] for run in runs):
        found = statistics.spread([run["test_accuracy"] for run in runs if run["variant"] == variant])
        print(f"{variant}: mean {found['mean']:.2%}, standard deviation {found['sd'] * 100:.2f} points, {found['n']} seeds")
    print(f"wrote {output}")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
