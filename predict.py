"""Label texts with any model of the project, from one to an archive; no TensorFlow is needed for the small ones.

Reads    a model: pocket.zip or .npz alone, .tflite or .keras with the tokenizer beside it; texts as arguments, or a
         UTF-8 file with a text per line (- is the standard input); or CSV, JSON Lines and Parquet files (INPUT)
Writes   nothing; prints a line per text, with tabs between: label, probability, share of known words, text. With two labels
         the probability is that of the last one ("positive"), with more that of the label shown. A model that knows less
         than a third of a text's words cannot judge it, and says so instead of a label.
         With INPUT: parts of a table in the folder OUTPUT with a row for each row of the input, and a summary, which is
         printed. A killed run goes on. docs/scale.md
Command  python predict.py "A wonderful film." [--model artifacts/modelo_DRQ.tflite] [--file texts.txt]
         python predict.py --input reviews.parquet --output answers [--workers 2]
"""

from sentipress.core.errors import exit_code

MODEL = None  # model file; by default artifacts/pocket.zip, else the 8-bit base there, else the published results/reference/pocket.zip
FILE = None  # UTF-8 text file, one text per line; - is the standard input
BATCH = 64  # [1, 4096] texts that are read and scored together
INPUT = None  # file, folder or URI of CSV, JSON Lines or Parquet files, packed or not; more of them may follow, without a flag
OUTPUT = None  # folder or URI for the answers to INPUT
TEXT_COLUMN = "review"  # of INPUT
KEY_COLUMN = None  # of INPUT; its values go into the answers, beside the row's number
FORMAT = "parquet"  # {parquet, csv, jsonl} of the answers
INPUT_BATCH = 512  # [1, 65536] texts of INPUT that a worker scores together: a text of 512 takes 0.6 of the time of one of 64
SHARD_ROWS = 5000  # [1, 1000000] rows of a part, at most: a killed run does at most one part a worker again
WORKERS = 1  # [1, 10000] processes with one thread each; more than 1 needs requirements-scale.txt. With ADDRESS: a core each if not given
ADDRESS = None  # host:port of a Ray cluster, to answer INPUT on its machines
FRESH = False  # replace the answers in OUTPUT that another model gave, or to other files


def main(arguments: list[str] | None = None) -> None:
    """Print a line per text; see the top of the file."""
    import io
    import sys
    from pathlib import Path

    from sentipress.core import cli, manifest
    from sentipress.core.errors import UserError
    from sentipress.data import lines
    from sentipress.data.task import verdict

    settings = cli.settings(__file__, arguments, rest="text")
    if not settings.rest and not settings.file and not settings.input and not settings.output:
        raise UserError("no text to judge", 'python predict.py "A wonderful film.", or --file texts.txt')
    folder = Path(manifest.DEFAULT_FOLDER)
    published = Path(__file__).resolve().parent / "results" / "reference"
    defaults = [folder / "pocket.zip", folder / "modelo_DRQ.tflite", published / "pocket.zip"]
    path = Path(settings.model) if settings.model else next((file for file in defaults if file.is_file()), defaults[1])
    remedy = "run python compare.py --refresh" + (f" --artifacts {path.parent}" if path.parent != folder else "")
    if settings.input or settings.output:
        from sentipress.scale import scoring

        scoring.score(settings, path, remedy)
        return
    from sentipress.runtimes import registry

    model = registry.open_model(path, remedy=remedy)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may lack letters that a text has
        sys.stdout.reconfigure(errors="backslashreplace")
    for texts in lines.groups(settings.rest, settings.file, settings.batch):
        probabilities, shares = model.judge(texts)
        for text, row, known in zip(texts, model.task.table(probabilities), shares, strict=True):
            shown = row[-1] if model.task.binary else row.max()
            one_line = " ".join(text.splitlines()).replace("\t", " ")
            print(f"{verdict(model.task.labels, row, known)}\t{shown:.3f}\t{known:.0%}\t{one_line}")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
