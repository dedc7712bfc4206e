"""Stage 2 trained by one process and by several that share each batch: loss curves, accuracy and seconds.

Reads    what stage 1 wrote into ARTIFACTS
Writes   OUTPUT; prints a line for each number of processes
Command  python benchmarks/training_workers.py [--workers 1,2] [--output results/scale/training.json]

Each run works in a folder of its own. Two seeds show how much chance alone moves the curves.
"""

from pathlib import Path

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts"  # folder of stage 1
WORKERS = "1,2"  # numbers of processes, with commas
SEEDS = "1,2"  # seeds of each, with commas
EPOCHS = 2  # [1, 1000] of stage 2
OUTPUT = None  # JSON of all figures; printed only by default


def main(arguments: list[str] | None = None) -> None:
    """Train with each number of processes; see the top of the file."""
    import json
    import os
    import shutil
    import subprocess
    import sys
    import tempfile

    from sentipress.core import cli, files, manifest
    from sentipress.core.errors import UserError
    from sentipress.evaluation import environment

    settings = cli.settings(__file__, arguments)
    source, root = Path(settings.artifacts), Path(__file__).resolve().parent.parent
    if not (source / manifest.REVIEWS).is_file():
        raise UserError(f"{source / manifest.REVIEWS} is missing", manifest.run(manifest.PREPROCESSING, source))
    needed = [*source.glob("*.csv"), source / manifest.DESCRIPTION]  # what stage 1 wrote
    results = []
    for seed in settings.seeds.split(","):
        for workers in settings.workers.split(","):
            with tempfile.TemporaryDirectory() as name:
                for path in needed:
                    shutil.copy(path, name)
                flags = ["--artifacts", name, "--workers", workers, "--seed", seed, "--epochs", str(settings.epochs)]
                command = [sys.executable, str(root / manifest.BASELINE), *flags, "--no-deployment", "--latency-reviews", "10"]
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(root)})
                record = json.loads((Path(name) / f"{manifest.BASE.name}{manifest.METRICS}").read_text(encoding="utf-8"))
            one = {
                "workers": int(workers),
                "seed": int(seed),
                "training_seconds": record["seconds"]["training"],
                "history": record["history"],
                "test_accuracy": record["scores"]["accuracy"]["value"],
            }
            results.append(one)
            losses = ", ".join(f"{epoch['validation_loss']:.4f}" for epoch in record["history"])
            print(
                f"{workers} processes, seed {seed}: {one['training_seconds']:.0f} s, validation loss {losses}, "
                f"test accuracy {one['test_accuracy']:.2%}",
                flush=True,
            )
    if settings.output:
        about = {"schema": 1, "environment": environment.environment()}
        files.write_json(Path(settings.output), {**about, "results": results})


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
