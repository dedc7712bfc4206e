"""Make the comparison table from the metrics files alone, at any time and in a second.

Reads    artifacts/*.metrics.json
Writes   artifacts/comparison.md, comparison.csv, comparison.tex, figures/comparison.png; prints the table
Command  python compare.py [--artifacts FOLDER] [--publish FOLDER]
"""

ARTIFACTS = "artifacts"  # folder that the stages share
PUBLISH = None  # folder to which metrics, tables, pictures and packed models are copied, other models left out


def main(arguments: list[str] | None = None) -> None:
    """Print and write the table; see the top of the file."""
    from pathlib import Path

    from sentipress.core import cli
    from sentipress.reporting import table

    settings = cli.settings(__file__, arguments)
    if settings.publish:
        table.publish(Path(settings.artifacts), Path(settings.publish))
    else:
        table.make(Path(settings.artifacts))


if __name__ == "__main__":
    from sentipress.core.errors import exit_code

    raise SystemExit(exit_code(main))
