"""Label texts with any model of the project; no TensorFlow is needed for the small ones.

Reads    a model: pocket.zip or .npz alone, .tflite or .keras with the tokenizer beside it; texts as arguments, or a
         UTF-8 file with a text per line (- is the standard input)
Writes   nothing; prints a line per text, with tabs between: label, probability, share of known words, text. With two labels
         the probability is that of the last one ("positive"), with more that of the label shown. A model that knows less
         than a third of a text's words cannot judge it, and says so instead of a label.
Command  python predict.py "A wonderful film." [--model artifacts/modelo_DRQ.tflite] [--file texts.txt]
"""

from sentipress.core.errors import exit_code

MODEL = None  # model file; by default artifacts/pocket.zip, else the 8-bit base there, else the published results/default/pocket.zip
FILE = None  # UTF-8 text file, one text per line; - is the standard input
BATCH = 64  # [1, 4096] texts that are read and scored together


def main(arguments: list[str] | None = None) -> None:
    """Print a line per text; see the top of the file."""
    import io
    import sys
    from pathlib import Path

    from sentipress.core import cli, manifest
    from sentipress.core.errors import UserError
    from sentipress.data import lines
    from sentipress.data.cleaning import clean
    from sentipress.data.task import verdict
    from sentipress.runtimes import registry

    settings = cli.settings(__file__, arguments, rest="text")
    if not settings.rest and not settings.file:
        raise UserError("no text to judge", 'python predict.py "A wonderful film.", or --file texts.txt')
    folder = Path(manifest.DEFAULT_FOLDER)
    published = Path(__file__).resolve().parent / "results" / "default"
    defaults = [folder / "pocket.zip", folder / "modelo_DRQ.tflite", published / "pocket.zip"]
    path = Path(settings.model) if settings.model else next((file for file in defaults if file.is_file()), defaults[1])
    remedy = "run python compare.py --refresh" + (f" --artifacts {path.parent}" if path.parent != folder else "")
    model = registry.open_model(path, remedy=remedy)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may lack letters that a text has
        sys.stdout.reconfigure(errors="backslashreplace")
    for texts in lines.groups(settings.rest, settings.file, settings.batch):
        table = model.task.table(model.predict_raw(texts))
        for text, row in zip(texts, table, strict=True):
            known = model.known_share(clean(text, model.cleaning))
            shown = row[-1] if model.task.binary else row.max()
            one_line = " ".join(text.splitlines()).replace("\t", " ")
            print(f"{verdict(model.task.labels, row, known)}\t{shown:.3f}\t{known:.0%}\t{one_line}")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
