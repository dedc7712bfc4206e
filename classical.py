"""Bag-of-words classifiers: the yardstick for every network, and rows of the table like them.

Reads    artifacts/reviews.csv, out_of_domain.csv, tokenizer.json, modelo_base.keras (stages 1 and 2), and an encoder's answers
         to the sentences of stage 1, if there are any
Writes   artifacts/classical_*.npz (vocabulary and weights as they are) and packed_<terms>.zip (the strongest terms in the
         container of the pocket model, weights of 8 bits): all that a deployment needs beside numpy; with an encoder's answers
         also taught_<terms>.zip, which learn from them too; each with its .metrics.json and .probabilities.npz
Command  python classical.py [--only classical_unigrams]
"""

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags
ARTIFACTS = "artifacts"  # folder that the stages share
RECIPE = "auto"  # {auto, default, thesis, posts} auto: the recipe by which stage 1 cleaned
ONLY = None  # name of one row, to make that one alone
LATENCY_REVIEWS = 100  # [10, 10000] test texts that are timed one by one, in three rounds, in turns with the base in Keras
ANSWERS = "auto"  # what is said of sentences: auto (answers.npz, or published ones that fit), none, rules alone, or a file of ask.py
RULES = True  # beside an encoder's answers take of made sentences what their rule says; False: what the encoder says
PACKED_C = 0.1  # [0.0001, 10000.0] scikit-learn's C of the packed ones (chosen on validation: benchmarks/packing.py)
DEPLOYMENT = True  # measure each file in a fresh process as well: start-up, memory, text to probability

# %% What is trained: weighting, terms, words of the longest term, C (chosen on validation, 50,000 reviews: benchmarks/regularization.py)
SPECS = {
    "classical_unigrams": ("tfidf", 20_000, 1, 1.0),
    "classical_pairs": ("tfidf", 20_000, 2, 3.0),
    "classical_many_pairs": ("tfidf", 300_000, 2, 30.0),
    "classical_nb": ("nb", 400_000, 2, 0.1),
}


# %% Stage
def main(arguments: list[str] | None = None) -> None:
    """Run the stage; see the top of the file."""
    import time
    from dataclasses import replace
    from pathlib import Path

    from sentipress.core import cli, folder, manifest
    from sentipress.core.errors import UserError

    settings = cli.settings(__file__, arguments)
    artifacts, stage = Path(settings.artifacts), manifest.LSTM.stage(manifest.CLASSICAL)
    with folder.lock(artifacts, settings.stage):
        from sentipress.linear import fitting
        from sentipress.linear.fitting import ClassicalSpec, Counted
        from sentipress.pipeline import encoder_answers, taught_words
        from sentipress.pipeline.publisher import Publisher
        from sentipress.pipeline.workspace import Workspace

        # %% Open what stages 1 and 2 saved
        space, base = Workspace.open(settings)
        chosen = [row for row in stage.rows if settings.only in (None, row.name)]
        if not chosen:
            raise UserError(f"--only {settings.only} is unknown", f"give one of {', '.join(row.name for row in stage.rows)}")
        heard = encoder_answers.hear(space) if any(row.name.startswith(manifest.TAUGHT) for row in chosen) else None
        if not (heard and heard.answered):
            chosen = [row for row in chosen if not row.name.startswith(manifest.TAUGHT)]
            if not chosen:
                asking = manifest.command(manifest.ASKING, artifacts)
                raise UserError(
                    f"--only {settings.only} learns from an encoder's answers, and it knows none", f"run {asking} --teacher FILE"
                )
        publisher, published = Publisher(space), []
        data = space.reviews.texts("train"), space.labels["train"], space.reviews.recipe, space.task

        # %% Files with every weight as a half float
        for row in [row for row in chosen if row.name in SPECS]:
            spec = ClassicalSpec(*SPECS[row.name])
            started = time.perf_counter()
            model = fitting.fit(spec, *data)
            measured = {"seconds": {"training": time.perf_counter() - started}, "model": spec.as_dict()}
            published.append(publisher.linear(model, row, measured))

        # %% The strongest terms alone, trained again, in the container of the pocket model; then taught by an encoder as well
        spec = ClassicalSpec(*SPECS["classical_nb"])
        for begins, sentences in ((manifest.PACKED, None), (manifest.TAUGHT, heard)):
            rows = [row for row in chosen if row.name.startswith(begins)]
            if not rows:
                continue
            started, inputs, about, weights = time.perf_counter(), [space.reviews.path], {}, None
            if sentences:
                print(sentences.describe())
                taught = taught_words.learn(space, spec, sentences)
                counted, whole, weights = taught.counted, taught.whole, taught.weights
                inputs = [*inputs, *(artifacts / name for name in sentences.files)]
                about = {"answers": {**sentences.about(), **taught.about}, **({"by_rule": sentences.by_rule} if sentences.by_rule else {})}
            else:
                counted = Counted(spec, *data)
                whole = counted.fit()
            selection = time.perf_counter() - started
            for row in rows:
                terms = manifest.packed_terms(row)
                started = time.perf_counter()
                model = counted.fit(counted.strongest(whole, terms), settings.packed_c, weights)
                measured = {"seconds": {"selection": selection, "training": time.perf_counter() - started}}
                measured |= {"model": replace(spec, terms=terms, C=settings.packed_c).as_dict(), **about}
                # Few texts have fewer terms than the row is named after.
                row = replace(row, technique=row.technique.replace(f"{terms:,}", f"{len(model.terms):,}"))
                published.append(publisher.packed_words(model, row, inputs, measured))
        records = publisher.finish(published, base.runtime)
    print(f"wrote {', '.join(record['file'] for record in records)} with metrics in {settings.artifacts}")
    print(f"next: {manifest.command(manifest.QUANTIZATION, artifacts)}")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
