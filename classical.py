"""Bag-of-words classifiers: the yardstick for every network, and rows of the table like them.

Reads    artifacts/reviews.csv, outside.csv, tokenizer.json, modelo_base.keras (stages 1 and 2)
Writes   artifacts/classical_*.npz (vocabulary and weights, all that a deployment needs beside numpy), each with its
         .metrics.json and .probabilities.npz
Command  python classical.py [--only classical_unigrams]
"""

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts"  # folder that the stages share
RECIPE = "auto"  # auto: the recipe by which stage 1 cleaned
ONLY = None  # name of one row of ROWS, to make that one alone
LATENCY_REVIEWS = 300  # test reviews that are timed one by one, in turns with the base in Keras
DEPLOYMENT = True  # measure each file in a fresh process as well: start-up, memory, text to probability

# %% Rows: name, order, technique, weighting, terms, words of the longest term, C (chosen on validation, 50,000 reviews)
ROWS = (
    ("classical_unigrams", 60, "TF-IDF, 20,000 words", "tfidf", 20_000, 1, 1.0),
    ("classical_pairs", 61, "TF-IDF, 20,000 words and pairs", "tfidf", 20_000, 2, 3.0),
    ("classical_many_pairs", 62, "TF-IDF, 300,000 words and pairs", "tfidf", 300_000, 2, 30.0),
    ("classical_nb", 63, "NB-weighted, 400,000 words and pairs", "nb", 400_000, 2, 0.1),
)


# %% Stage
def main(arguments: list[str] | None = None) -> None:
    """Run the stage; see the top of the file."""
    import time
    from pathlib import Path

    from sentipress.core import cli, files
    from sentipress.core.errors import UserError

    settings = cli.settings(__file__, arguments)
    with files.lock(Path(settings.artifacts), settings.stage):
        from sentipress.linear import fitting
        from sentipress.pipeline import workspace

        space, base = workspace.Workspace.open(settings)
        chosen = [row for row in ROWS if settings.only in (None, row[0])]
        if not chosen:
            raise UserError(f"--only {settings.only} is unknown", f"give one of {', '.join(row[0] for row in ROWS)}")
        published, calls = {}, {workspace.BASE: workspace.keras_call(base.model)}
        for name, order, technique, weighting, terms, longest, strength in chosen:
            spec = fitting.ClassicalSpec(weighting, terms, longest, strength)
            started = time.perf_counter()
            model = fitting.fit(spec, space.reviews.texts("train"), space.labels["train"], space.reviews.recipe)
            seconds = time.perf_counter() - started
            row = {"order": order, "technique": technique, "complexity": "simple", "role": "classical"}
            facts, loaded = space.publish_linear(model, name, row, {"seconds": {"training": seconds}, "model": spec.as_dict()})
            published[name], calls[name] = facts, loaded.predict
        written = space.finish(published, calls)
    print(f"wrote {', '.join(record['file'] for record in written)} with metrics in {settings.artifacts}")


if __name__ == "__main__":
    from sentipress.core.errors import exit_code

    raise SystemExit(exit_code(main))
