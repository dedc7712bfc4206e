"""How strongly to regularize each bag-of-words classifier: validation accuracy by scikit-learn's C.

Reads    artifacts/reviews.csv (stage 1)
Writes   OUTPUT; prints one line per classifier and C
Command  python benchmarks/strength.py [--artifacts FOLDER] [--only classical_nb]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts"  # folder that the stages share
STRENGTHS = "0.03,0.1,0.3,1,3,10,30"  # values of C, in steps of about three
ONLY = None  # name of one row of classical.py, to try that one alone
OUTPUT = None  # JSON of all results; printed only by default


def main(arguments: list[str] | None = None) -> None:
    """Train on the training reviews, score the validation reviews; the test reviews are not read."""
    from sentipress.core import cli, files
    from sentipress.data import corpus
    from sentipress.evaluation import records
    from sentipress.linear import fitting

    settings = cli.settings(__file__, arguments)
    reviews = corpus.load(Path(settings.artifacts))
    rows = cli.script_constants(Path(__file__).resolve().parent.parent / "classical.py")["ROWS"]
    labels, truth = reviews.labels("train"), reviews.labels("validation") > 0.5
    results = []
    for name, _, _, weighting, terms, longest, _ in rows:
        for strength in map(float, settings.strengths.split(",")):
            if settings.only in (None, name):
                spec = fitting.ClassicalSpec(weighting, terms, longest, strength)
                model = fitting.fit(spec, reviews.texts("train"), labels, reviews.recipe)
                accuracy = float(((model.predict(reviews.texts("validation")) > 0.5) == truth).mean())
                results.append({"name": name, **spec.as_dict(), "validation_accuracy": accuracy})
                print(f"{name}, C = {strength:g}: {accuracy:.2%} on {len(truth):,} validation reviews", flush=True)
    if settings.output:
        files.write_json(Path(settings.output), {"schema": 1, "environment": records.environment(), "results": results})


if __name__ == "__main__":
    from sentipress.core.errors import exit_code

    raise SystemExit(exit_code(main))
