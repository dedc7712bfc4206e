"""The report that says what the table supports, from what the stages wrote and nothing else.

Reads    artifacts/*.metrics.json, *.probabilities.npz, and reviews.csv for lengths and example texts
Writes   artifacts/report/report.html (one page, pictures inside), report.md, report.csv, report.tex, *.svg,
         metrics.json and points.json (for DVC)
Command  python report.py [--artifacts FOLDER] [--repeats FOLDER,FOLDER] [--output FOLDER] [--no-texts]
"""

ARTIFACTS = "artifacts"  # folder that the stages share, or a published copy of it
REPEATS = None  # folders of the same recipe with other seeds, comma between: spread, and comparisons over seeds
TEXTS = True  # show test texts and accuracy by length; not where their licence forbids that they are passed on
OUTPUT = None  # where to write; artifacts/report by default


def main(arguments: list[str] | None = None) -> None:
    """Write the report; see the top of the file."""
    import json
    from pathlib import Path

    from sentipress.core import cli, files
    from sentipress.reporting import charts, evidence, pages
    from sentipress.reporting.findings import findings

    settings = cli.settings(__file__, arguments)
    folder = Path(settings.artifacts)
    output = Path(settings.output) if settings.output else folder / "report"
    content = evidence.collect(folder, [Path(name) for name in settings.repeats.split(",")] if settings.repeats else [], settings.texts)
    figures = charts.drawn(content)
    for name, figure in figures:
        files.write_text(output / f"{name}.svg", figure.wide)
    files.write_text(output / "report.html", pages.page(content, [figure for _, figure in figures]))
    files.write_text(output / "report.md", pages.markdown(content))
    files.write_text(output / "report.csv", pages.comma_separated(content))
    files.write_text(output / "report.tex", pages.latex(content))
    models = pages.figures_by_model(content)
    files.write_json(output / "metrics.json", models)
    files.write_text(output / "points.json", json.dumps([{"model": name, **values} for name, values in models.items()], indent=1) + "\n")
    for sentence in [*(f"missing: {text}" for text in content.missing), *findings(content)]:
        print(sentence)
    print(f"wrote {output}/report.html, report.md, report.csv, report.tex and {len(figures)} pictures")


if __name__ == "__main__":
    from sentipress.core.errors import exit_code

    raise SystemExit(exit_code(main))
