"""The JavaScript module that opens a model in a page of your own: the module, the rules of reading and LiteRT.js in one folder.

Reads    demo/library/sentipress.js; demo/source; demo/node_modules (npm ci --prefix demo)
Writes   demo/module: static files for any web server; put pocket.zip or packed_*.zip beside them
Command  python demo/library.py [--target FOLDER], or make demo-module
"""

from sentipress.core.errors import exit_code

TARGET = "demo/module"  # folder that is replaced


def main(arguments: list[str] | None = None) -> None:
    """Build the module; see the top of the file."""
    from pathlib import Path

    from sentipress.browser import javascript
    from sentipress.core import cli

    settings = cli.settings(__file__, arguments)
    sizes = javascript.build(Path(__file__).resolve().parent, Path(settings.target))
    for name, size in sizes.items():
        print(f"{size['bytes']:>10,} bytes {size['gzip_bytes']:>10,} gzip  {name}")
    print(f"wrote {settings.target}")


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
