"""The page that reads a text in the browser: the measured model files, LiteRT.js and the vocabularies in one folder.

Reads    models with their .metrics.json: of artifacts folders modelo_*.tflite with tokenizer.json, pocket.zip, packed_*.zip and
         taught_*.zip (stages 2 to 6, classical.py), or an encoder's .tflite files with their tokenizers, student_lstm.zip and
         rival_words.zip (encoder/*.py), or published ones of results/; the bundled reviews; demo/source; demo/node_modules
         (npm ci --prefix demo)
Writes   demo/dist: static files for any web server, metadata.json and the service worker's list of hashes among them
Command  python demo/build.py [--artifacts FOLDER[,FOLDER]] [--target FOLDER], or make demo, which serves the folder too
"""

from sentipress.core.errors import exit_code

ARTIFACTS = None  # folders of the stages, with commas between; by default artifacts/, or the published models if it has none
TARGET = "demo/dist"  # folder that is replaced


def main(arguments: list[str] | None = None) -> None:
    """Build the page; see the top of the file."""
    from pathlib import Path

    from sentipress.browser import offered, site
    from sentipress.core import cli

    settings = cli.settings(__file__, arguments)
    sizes = site.build(offered.models(offered.named(settings.artifacts)), Path(__file__).resolve().parent, Path(settings.target))
    for name, size in sizes.items():
        print(f"{size['bytes']:>10,} bytes {size['gzip_bytes']:>10,} gzip  {name}")
    print(f"wrote {settings.target}")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
