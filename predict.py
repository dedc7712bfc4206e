"""Say of texts whether they are positive, with any model of the project; no TensorFlow is needed for the small ones.

Reads    a model: pocket.zip or .npz alone, .tflite or .keras with the tokenizer beside it; texts as arguments, or a
         UTF-8 file with a text per line (- is the standard input)
Writes   nothing; prints a line per text: label, probability of "positive", text
Command  python predict.py "A wonderful film." [--model artifacts/modelo_DRQ.tflite] [--file reviews.txt]
"""

MODEL = None  # model file; by default artifacts/pocket.zip, else the 8-bit base there, else the published results/default/pocket.zip
FILE = None  # UTF-8 text file, one text per line; - is the standard input
BATCH = 64  # texts that are read and scored together


def main(arguments: list[str] | None = None) -> None:
    """Print a line per text; see the top of the file."""
    import io
    import sys
    from pathlib import Path

    from sentipress.core import cli, manifest
    from sentipress.runtimes import registry
    from sentipress.core.errors import UserError

    settings = cli.settings(__file__, arguments, rest="text")
    if not settings.rest and not settings.file:
        raise UserError("no text to judge", 'python predict.py "A wonderful film.", or --file reviews.txt')
    folder = Path(manifest.DEFAULT_FOLDER)
    published = Path(__file__).resolve().parent / "results" / "default"
    defaults = [folder / "pocket.zip", folder / "modelo_DRQ.tflite", published / "pocket.zip"]
    path = Path(settings.model) if settings.model else next((file for file in defaults if file.is_file()), defaults[1])
    model = registry.load(path, remedy=manifest.run(manifest.QUANTIZATION, folder))
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal may lack letters that a text has
        sys.stdout.reconfigure(errors="backslashreplace")
    for texts in registry.groups(settings.rest, settings.file, settings.batch):
        for text, probability in zip(texts, model.batch(texts), strict=True):
            print(f"{'positive' if probability > 0.5 else 'negative'}\t{probability:.3f}\t{text}")


if __name__ == "__main__":
    from sentipress.core.errors import exit_code

    raise SystemExit(exit_code(main))
