"""How strongly to regularize each bag-of-words classifier: validation accuracy by scikit-learn's C.

Reads    artifacts/reviews.csv (stage 1)
Writes   OUTPUT; prints one line per classifier and C
Command  python benchmarks/regularization.py [--artifacts FOLDER] [--only classical_nb]
"""

from pathlib import Path

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts"  # folder that the stages share
C_VALUES = "0.03,0.1,0.3,1,3,10,30"  # in steps of about three
ONLY = None  # name of one row of classical.py, to try that one alone
OUTPUT = None  # JSON of all results; printed only by default


def main(arguments: list[str] | None = None) -> None:
    """Train on the training texts, score the validation texts; the test texts are not read."""
    from sentipress.core import cli, files
    from sentipress.core.constants import script_literals
    from sentipress.data import corpus
    from sentipress.evaluation.environment import environment
    from sentipress.linear import fitting

    settings = cli.settings(__file__, arguments)
    reviews = corpus.load(Path(settings.artifacts))
    specs = script_literals(Path(__file__).resolve().parent.parent / "classical.py")["SPECS"]
    task, labels, truth = reviews.task, reviews.labels("train"), reviews.labels("validation")
    results = []
    for name, (weighting, terms, max_ngram, _) in specs.items():
        for C in map(float, settings.c_values.split(",")):
            if settings.only in (None, name):
                spec = fitting.ClassicalSpec(weighting, terms, max_ngram, C)
                model = fitting.fit(spec, reviews.texts("train"), labels, reviews.recipe, task)
                accuracy = float(task.right(model.predict(reviews.texts("validation")), truth).mean())
                results.append({"name": name, **spec.as_dict(), "validation_accuracy": accuracy})
                print(f"{name}, C = {C:g}: {accuracy:.2%} on {len(truth):,} validation texts", flush=True)
    if settings.output:
        files.write_json(Path(settings.output), {"schema": 1, "environment": environment(), "results": results})


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
