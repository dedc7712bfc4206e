"""The page that reads a review in the browser: the measured model files, LiteRT.js and the vocabulary in one folder.

Reads    artifacts/tokenizer.json, modelo_*.tflite, pocket.zip and packed_*.zip with their .metrics.json (stages 2 to 6,
         classical.py); demo/source; demo/node_modules (npm ci --prefix demo)
Writes   demo/dist: static files for any web server, metadata.json and the service worker's list of hashes among them
Command  python demo/build.py [--artifacts FOLDER], or make demo, which serves the folder too
"""

from sentipress.core.errors import exit_code

ARTIFACTS = "artifacts"  # folder that the stages share
TARGET = "demo/dist"  # folder that is replaced


def main(arguments: list[str] | None = None) -> None:
    """Build the page; see the top of the file."""
    from pathlib import Path

    from sentipress.browser import site
    from sentipress.core import cli

    settings = cli.settings(__file__, arguments)
    sizes = site.build(Path(settings.artifacts), Path(__file__).resolve().parent, Path(settings.target))
    for name, size in sizes.items():
        print(f"{size['bytes']:>10,} bytes {size['gzip_bytes']:>10,} gzip  {name}")
    print(f"wrote {settings.target}")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
