"""The report as one HTML page, Markdown, CSV and LaTeX; all four show the same cells."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from sentipress.data.task import OFFICIAL, TEST_FILE
from sentipress.reporting import cells, findings, live, naming, reads, tabular
from sentipress.reporting.conclusions import NOT_MEASURED, conclusions
from sentipress.reporting.evidence import Evidence, ScoredRow
from sentipress.reporting.excerpts import Example
from sentipress.reporting.live import Drawn
from sentipress.reporting.wording import machine

FOLDER = Path(__file__).parent


@functools.cache
def _environment(autoescape: bool) -> jinja2.Environment:
    """Templates in which a name that is not known is an error; `autoescape` for HTML."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "templates"),
        autoescape=autoescape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"text": tabular.markdown_text, "said": example_sentence}
    return environment


def page(content: Evidence, figures: Sequence[Drawn]) -> str:
    """Write one self-contained HTML page that asks for nothing; its only script sorts tables and shows the figures of a point.

    Args:
        content: of `sentipress.reporting.evidence.collect`.
        figures: pictures. The first stands above the table, the rest below.
    """
    # Style sheet and script are the project's own: as text of the page they would be escaped.
    style, script = (Markup((FOLDER / name).read_text(encoding="utf-8")) for name in ("report.css", "report.js"))
    shown = cells.columns(content)
    split = shown.index(cells.FIRST_COST)
    return (
        _environment(True)
        .get_template("report.html")
        .render(
            _shared(content),
            style=style,
            script=script,
            script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            headline=findings.headline(content),
            unmeasured=[one for one in conclusions(content) if one.verdict == NOT_MEASURED],
            figures=[_embedded(figure) for figure in figures],
            main=cells.main(content),
            phone=cells.PHONE,
            rows=[cells.cells(row) for row in content.rows],
            all_tables=[shown[:split], ("model", *shown[split:])],
            all_rows=cells.all_cells(content),
            texts=cells.TEXTS,
            question_texts=cells.QUESTION_TEXTS,
            published=content.published,
            label_columns=cells.LABEL_COLUMNS,
            by_label=[(row, cells.label_cells(row)) for row in findings.looked_into(content)],
        )
    )


def _embedded(figure: Drawn) -> dict[str, Any]:
    """A picture as the template takes it: inside the page where its points are alive, else as an image."""
    embed = live.inline if figure.live else lambda svg, _: _base64(svg)
    key = "".join(filter(str.isalnum, figure.title.lower()))
    forms = {form: embed(getattr(figure, form), f"{key}-{form}-") for form in ("wide", "narrow")}
    return {"title": figure.title, "live": figure.live, **forms}


def markdown(content: Evidence) -> str:
    """Write the report as Markdown, without pictures; argument as in `page`."""
    grouped = [row for row in content.scored if row.length_groups]
    first = cells.LABEL_COLUMNS[:1]
    by_label = [(row, tabular.markdown(cells.LABEL_COLUMNS, cells.label_cells(row), first)) for row in findings.looked_into(content)]
    asked = _shared(content)
    return (
        _environment(False)
        .get_template("report.md")
        .render(
            asked,
            table=tabular.markdown(cells.columns(content), cells.all_cells(content), cells.TEXTS),
            answers=tabular.markdown(asked["question_columns"], asked["questions"], cells.QUESTION_TEXTS),
            by_label=by_label,
            reading_table=tabular.markdown(asked["reading"][0], asked["reading"][1], ["model"]) if asked["reading"][1] else "",
            lengths=_lengths_table(grouped) if grouped else "",
        )
    )


def _shared(content: Evidence) -> dict[str, Any]:
    """What both templates show."""
    return {
        "content": content,
        "caption": caption(content),
        "findings": findings.findings(content),
        "notes": findings.notes(content),
        "questions": [cells.question_cells(one) for one in content.questions],
        "question_columns": cells.question_columns(content),
        "conclusions": conclusions(content),
        "explained": cells.explained(content),
        "reading": reads.grid([row.record for row in content.scored]),
        "reading_examples": reads.examples([row.record for row in content.scored]),
        "with_examples": [row for row in content.scored if row.examples],
    }


def _base64(svg: str) -> str:
    return base64.b64encode(svg.encode()).decode()


def _lengths_table(rows: Sequence[ScoredRow]) -> str:
    """Accuracy by length as Markdown, a line per row."""
    names = [f"{group['name']} (n = {group['n']:,})" for group in rows[0].length_groups]
    values = [["-" if group["value"] is None else f"{group['value']:.2%}" for group in row.length_groups] for row in rows]
    lines = [{"model": row.technique, **dict(zip(names, line, strict=True))} for row, line in zip(rows, values, strict=True)]
    return tabular.markdown(["model", *names], lines, ["model"])


def example_sentence(example: Example, noun: str) -> str:
    """Say what a model and the base made of one text; `noun` is what a text is called, in the plural."""
    return (
        f"{example.label} {noun.removesuffix('s')} (row {example.row}), model {example.decided} ({example.probability:.2f}), "
        f"base {example.base_decided} ({example.base_probability:.2f})"
    )


def caption(content: Evidence) -> str:
    """Say on what data and machine the figures are."""
    row = content.base or next(iter(content.scored), None)
    if row is None:
        return "No readable metrics."
    about = content.about
    settings, split = about.get("settings", {}), about.get("task", {}).get("split", {})
    seed = split.get("seed", settings.get("seed", "unknown"))
    divided = {TEST_FILE: "test texts from a file of their own", OFFICIAL: "official split, no film in both halves"}.get(
        split.get("kind", ""), f"split seed {seed}"
    )
    length = (row.record.get("encoder") or {}).get("length")
    read = f"{naming.encoder(row.record)}" + (f" at {length} ids a text" if length else "") + ", " if content.of_encoders else ""
    return (
        f"{row.accuracy['n']:,} test {content.noun} of {about.get('source', {}).get('name', 'unknown source')}, "
        f"recipe {about.get('recipe', 'unknown')}, {read}{divided}; {machine(row.record)}."
    )


def comma_separated(content: Evidence) -> str:
    """Write the table as CSV, thousands without commas."""
    return tabular.comma_separated(cells.columns(content), cells.all_cells(content), cells.TEXTS)


def latex(content: Evidence) -> str:
    """Write the table as LaTeX, in two parts that fit a page: what a model scores, and what it costs."""
    shown, rows = cells.columns(content), cells.all_cells(content)
    split = shown.index(cells.FIRST_COST)
    scores = tabular.latex(shown[:split], rows, cells.TEXTS, caption(content))
    return scores + "\n" + tabular.latex(("model", *shown[split:-1]), rows, cells.TEXTS, "What they cost.")


def figures_by_model(content: Evidence) -> dict[str, dict[str, float]]:
    """Give the main figures of each row by model name, for tools that compare runs (DVC)."""
    return {
        row.name: {
            "accuracy": row.accuracy["value"],
            "accuracy_low": row.accuracy["low"],
            "accuracy_high": row.accuracy["high"],
            "macro_f1": row.scores["macro_f1"],
            "kilobytes": row.deployed_bytes / 1024,
            "kilobytes_gzip": row.deployed_gzip_bytes / 1024,
            "ratio_to_base_latency": row.record["latency"]["ratio_to_base"],
        }
        for row in content.scored
    }
