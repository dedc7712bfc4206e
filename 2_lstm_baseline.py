"""Stage 2: train the LSTM that the later stages compress.

Reads    artifacts/reviews.csv, out_of_domain.csv and, if stage 1 wrote it, unlabelled.csv
Writes   artifacts/tokenizer.json, embedding_start.npz (word vectors), modelo_base.keras (no optimizer state),
         modelo_base.metrics.json, modelo_base.probabilities.npz, modelo_base.report.txt, figures/modelo_base_*.png,
         logs/modelo_base (for TensorBoard)
         With --search: search_baseline.json and figures/search_baseline.png, and nothing else
Command  python 2_lstm_baseline.py [--recipe thesis] [--fresh]
         python 2_lstm_baseline.py --search study [--address HOST:PORT], then --defaults artifacts/search_baseline.json
"""

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags (--units 32)
ARTIFACTS = "artifacts"  # folder that the stages share
RECIPE = "auto"  # {auto, default, thesis, posts} auto: the recipe by which stage 1 cleaned; thesis: the study's model to the letter
VOCABULARY_SIZE = 25000  # [10, 1000000] ids, padding and the unknown word included: the study's 20,000, and the pairs
PAIRS = 5000  # [0, 100000] word pairs with a meaning of their own ("not worth") that become words; see docs/baseline.md
VOCABULARY_FROM_VALIDATION = False  # the study fitted its tokenizer before Keras split validation off
SEQUENCE_LENGTH = 400  # [1, 4096] words per text; 9 of 10 reviews are shorter once every word is kept
PADDING = "post"  # {pre, post} where zeros go; all poolings but last need post
TRUNCATING = "pre"  # {pre, post} which end of a long review is cut: verdicts stand at the end
EMBEDDING_DIM = 64  # [1, 1024] half of the study's: half the bytes
EMBEDDING_START = "svd+nb"  # {random, svd, svd+nb} svd: word vectors from the training texts; svd+nb: and label counts
USE_UNLABELLED = False  # unlabelled texts for the word vectors: no gain over three seeds (docs/baseline.md); stage 5 uses them
EMBEDDING_SCALE = 0.1  # [0.001, 10.0] standard deviation of those vectors
UNITS = 64  # [1, 1024] LSTM units per direction
BIDIRECTIONAL = True  # read in both directions
POOLING = "wide"  # {last, max, wide} wide: maximum and mean over the words, and the mean embedding; max; last: the last state (the study)
DROPOUT = 0.3  # [0.0, 0.95] of pooled features
SPATIAL_DROPOUT = 0.3  # [0.0, 0.95] of whole embedding columns
EPOCHS = 2  # [1, 1000] a third one only lowers the training loss; see docs/baseline.md
BATCH_SIZE = 64  # [1, 4096] the study's
LEARNING_RATE = 0.001  # [1e-7, 1.0] Adam's own default, the study's
SCHEDULE = "cosine"  # {constant, cosine} cosine falls down to 5 %
PATIENCE = 2  # [1, 1000] epochs without a better validation accuracy
KEEP_BEST = True  # end with the best epoch's weights; the study kept the last
SEED = 1  # [0, 2147483647] of weights, order and dropout
WORKERS = 1  # [1, 64] processes of this machine that share each batch (docs/scale.md)
IDS_MEMORY = 4000  # [1, 1000000] MB that the ids of a set of texts may take; more lie in a file and are read in pieces (docs/scale.md)
LATENCY_REVIEWS = 100  # [10, 10000] test texts that are timed one by one, in three rounds
DEPLOYMENT = True  # measure each file in a fresh process as well: start-up, memory, text to probability
FRESH = False  # start over instead of going on with an interrupted training
SEARCH = None  # study (its 28 points) or wide: search on validation with Ray Tune, instead of the stage
ADDRESS = None  # of a Ray cluster (host:port) that the search uses; none: this machine's cores
SAMPLE = 0  # [0, 100000000] texts that a search trains on; 0: all
DEFAULTS = None  # JSON of a search whose best settings replace those above

RECIPES = {
    "thesis": {
        "VOCABULARY_SIZE": 20000,
        "PAIRS": 0,
        "VOCABULARY_FROM_VALIDATION": True,
        "SEQUENCE_LENGTH": 170,
        "TRUNCATING": "post",
        "EMBEDDING_DIM": 128,
        "EMBEDDING_START": "random",
        "UNITS": 128,
        "BIDIRECTIONAL": False,
        "POOLING": "last",
        "DROPOUT": 0.2,
        "SPATIAL_DROPOUT": 0.0,
        "EPOCHS": 12,
        "SCHEDULE": "constant",
        "PATIENCE": 12,
        "KEEP_BEST": False,
    },
    # Short posts, few of them: a smaller network with more dropout, chosen on RuSentiment's validation posts (docs/classes.md).
    "posts": {
        "VOCABULARY_SIZE": 12000,
        "PAIRS": 1000,
        "SEQUENCE_LENGTH": 60,
        "EMBEDDING_DIM": 32,
        "UNITS": 48,
        "DROPOUT": 0.5,
        "SPATIAL_DROPOUT": 0.5,
        "EPOCHS": 3,
    },
}


# %% Stage
def main(arguments: list[str] | None = None) -> None:
    """Run the stage; see the top of the file."""
    import time
    from pathlib import Path

    from sentipress.core import cli, files, folder, manifest
    from sentipress.data import corpus

    settings = cli.settings(__file__, arguments)
    artifacts = Path(settings.artifacts)
    with folder.lock(artifacts, settings.stage):
        reviews = corpus.load(artifacts)
        cli.check_recipe(settings, reviews.recipe)
        if settings.search:
            from sentipress.pipeline import search

            search.baseline(settings, reviews)
            return

        from sentipress.core.backend import deterministic
        from sentipress.evaluation import plots, summary
        from sentipress.lstm import networks, training
        from sentipress.pipeline.publisher import Publisher
        from sentipress.pipeline.workspace import Workspace
        from sentipress.text import embeddings, phrases

        # %% The network's shape
        task, row = reviews.task, manifest.BASE
        spec = networks.ModelSpec.of(settings, task.outputs)
        networks.check_padding(spec, settings.padding)
        deterministic(settings.seed)
        model = networks.build_for_training(spec)

        # %% Words and pairs to ids
        started = time.perf_counter()
        texts, labels = reviews.texts("train"), reviews.labels("train")
        others = reviews.texts("validation") if settings.vocabulary_from_validation else []
        tokenizer = phrases.fit(texts, labels, settings, reviews.recipe, task, others)
        space = Workspace(settings, reviews, tokenizer)

        # %% Where the embedding starts
        start, unlabelled = None, []
        if settings.embedding_start != "random":
            unlabelled = reviews.unlabelled() if settings.use_unlabelled else []
            shape = embeddings.Shape(settings.embedding_dim, settings.seed, task)
            start = embeddings.Start.fit(texts, labels, unlabelled, tokenizer, shape)
            networks.start_embedding(model, start.table(settings.embedding_start, settings.embedding_dim, settings.embedding_scale))
        pretraining = time.perf_counter() - started

        # %% Train
        print(f"{networks.count_parameters(spec):,} parameters, {len(texts):,} training texts, {len(unlabelled):,} unlabelled")
        plan = training.plan_of(settings, bucketed=spec.masked)
        history = space.train(model, row.name, plan, [reviews.path], spec=spec)  # the tokenizer follows from both

        # %% Save, score what was saved, then put it in place: an earlier run's files are whole until the last moment
        measured = {
            "unlabelled_reviews": len(unlabelled),
            **history.measured(),
            "seconds": {"pretraining": pretraining, "training": history.seconds},
        }
        inputs = space.inputs(*([manifest.UNLABELLED] if unlabelled else []))
        publisher = Publisher(space)
        published = publisher.keras(networks.to_stock(model, spec), spec, row, inputs, measured)
        (record,) = publisher.finish([published], foundation=lambda: space.save_words(start))

        # %% Look
        figures = artifacts / "figures"
        plots.training_curves(history.epochs, history.best_epoch, figures / f"{row.name}_curves.png", row.technique)
        title = f"{row.technique}, test {'reviews' if task.is_sentiment else 'texts'}"
        plots.confusion(record["scores"]["confusion"], task.labels, figures / f"{row.name}_confusion.png", title)
        report = summary.report(task, space.labels["test"], published.probabilities["test"])
        files.write_text(artifacts / f"{row.name}.report.txt", report)
        space.remove_checkpoints()
    print(report)
    print(f"trained in {history.seconds:.0f} s (+ {pretraining:.0f} s for pairs and word vectors), epoch {history.best_epoch} kept")
    print(f"wrote {artifacts}/{row.file}, tokenizer.json, metrics, report and pictures")
    print(f"next: {manifest.command(manifest.CLASSICAL, artifacts)}")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
