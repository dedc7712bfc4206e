"""Make the comparison table from the metrics files alone, at any time and in a second.

Reads    artifacts/*.metrics.json
Writes   artifacts/comparison.md, comparison.csv, comparison.tex; prints the table
Command  python compare.py [--artifacts FOLDER]
"""

ARTIFACTS = "artifacts"  # folder that the stages share


def main(arguments: list[str] | None = None) -> None:
    """Print and write the table; see the top of the file."""
    from sentipress import cli, table

    settings = cli.settings(__file__, arguments)
    table.make(cli.artifacts(settings))


if __name__ == "__main__":
    from sentipress.errors import exit_code

    raise SystemExit(exit_code(main))
