"""Validation figures behind the choices of stages 5 and 6: one setting at a time around the defaults, test texts untouched.

Reads    artifacts/ after stages 1, 2 and classical.py
Writes   OUTPUT after each training; one that has a training already is not done again. Prints one line per training
Command  python benchmarks/choices.py --artifacts artifacts/official-1 --output results/official/choices.json
"""

from pathlib import Path

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts"  # folder that the stages share
OUTPUT = None  # JSON of all trainings; ARTIFACTS/choices.json by default
PARTS = "student,pocket"  # of stage 5, of stage 6, or both
SEEDS = "1"  # of weights, order and dropout

# %% What is tried: the defaults of a script, and one change each
SCRIPTS = {"student": "5_distillation.py", "pocket": "6_combination.py"}
CHANGES = {
    "student": (
        {},
        {"alpha": 0.0},
        {"alpha": 0.25},
        {"alpha": 0.75},
        {"alpha": 1.0},
        {"temperature": 2.0},
        {"temperature": 4.0},
        {"learning_rate": 0.001},
        {"learning_rate": 0.009},
    ),
    "pocket": (
        {},
        {"alpha": 0.0},
        {"alpha": 1.0},
        {"temperature": 2.0},
        {"learning_rate": 0.002},
        {"learning_rate": 0.008},
        {"chain": "vocabulary=4000,distil=24x44,round,int4,pack"},
        {"chain": "vocabulary=16000,distil=24x44,round,int4,pack"},
        {"chain": "vocabulary=8000,distil=8x8,round,int4,pack"},
        {"chain": "vocabulary=8000,distil=32x32,round,int4,pack"},
        {"chain": "distil=24x44,vocabulary=8000,distil,round,int4,pack"},
        {"chain": "vocabulary=8000,factorize=24,units=24,distil,round,int4,pack"},
    ),
}


def student(settings) -> list[dict]:
    """Train the half-width student by the plain response; gives its epochs."""
    from sentipress.pipeline.students import School
    from sentipress.pipeline.workspace import Workspace

    space, base = Workspace.open(settings)
    history = School(space, base).teach("response", None).history.epochs
    space.remove_checkpoints()
    return history


def pocket(settings) -> list[dict]:
    """Apply the links of a chain that train or change the shape; gives the epochs of the last training."""
    from sentipress.pipeline import chain_links
    from sentipress.pipeline.chain import Chain

    return Chain(settings, chain_links.parse(settings.chain)).rehearse()


def main(arguments: list[str] | None = None) -> None:
    """Train on the training and unlabelled texts, score the validation texts."""
    from sentipress.core import cli, files, folder, manifest
    from sentipress.core.errors import UserError
    from sentipress.data import corpus
    from sentipress.evaluation.environment import environment

    settings = cli.settings(__file__, arguments)
    artifacts, parts = Path(settings.artifacts), settings.parts.split(",")
    if unknown := [part for part in parts if part not in SCRIPTS]:
        raise UserError(f"--parts {','.join(unknown)} is unknown", f"give some of {', '.join(SCRIPTS)}")
    output = Path(settings.output) if settings.output else artifacts / "choices.json"
    with folder.lock(artifacts, "benchmarks/choices.py"):
        reviews = corpus.load(artifacts)
        texts = {"source": reviews.in_words, "validation_texts": len(reviews.labels("validation"))}
        done = files.read_json(output, 1, "move it away")["trainings"] if output.is_file() else []
        for part in parts:
            for seed in settings.seeds.split(","):
                for change in CHANGES[part]:
                    about = {"part": part, "seed": int(seed), "change": change}
                    if any(about.items() <= one.items() for one in done):
                        continue
                    flags = {"seed": seed, **({"name": "choice"} if part == "pocket" else {}), **change}
                    script, *words = manifest.words(SCRIPTS[part], artifacts, flags)
                    path = Path(__file__).resolve().parent.parent / script
                    epochs = {"student": student, "pocket": pocket}[part](cli.settings(str(path), words))
                    best = max(epochs, key=lambda epoch: epoch["validation_accuracy"])
                    figures = {key: best[key] for key in ("validation_accuracy", "validation_loss")}
                    done.append({**about, **figures, "epochs": epochs})
                    files.write_json(output, {"schema": 1, "environment": environment(), "texts": texts, "trainings": done})
                    print(f"{part} {change or 'default'}, seed {seed}: {figures['validation_accuracy']:.2%} on validation", flush=True)
    print(f"wrote {output}")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
