"""The report as one HTML page, Markdown, CSV and LaTeX; all four show the same cells."""

from __future__ import annotations

import base64
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from sentipress.data.task import OFFICIAL, TEST_FILE
from sentipress.reporting import findings, study, tabular
from sentipress.reporting.conclusions import conclusions
from sentipress.reporting.evidence import DamagedRow, Evidence, Example, ScoredRow

COLUMNS = (
    "model",
    "accuracy",
    "95 % interval",
    "to base, points",
    "p (Holm)",
    "agreement",
    "F1",
    "macro F1",
    "weighted F1",
    "AUC",
    "calibration error",
    "out of domain",
    "seeds",
    "KB",
    "KB gzip",
    "parameters",
    "non-zero",
    "training s",
    "start-up s",
    "peak MB",
    "ms p50",
    "ms p95",
    "per second",
    "note",
)
TEXTS = ("model", "note")  # columns that hold no numbers
FIRST_COST = "KB"  # the first column on what a model costs; those before say how good it is
LABEL_COLUMNS = ("label", "precision", "recall", "F1", "n")
NOTES = {"control": "control", "classical": "bag of words"}  # by role
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


def page(content: Evidence, figures: Sequence[tuple[str, str, str]]) -> str:
    """Write one self-contained HTML page: no script, no request.

    Args:
        content: of `sentipress.reporting.evidence.collect`.
        figures: title, SVG for wide and SVG for narrow screens. The first stands above the table, the rest below.
    """
    encoded = [{"title": title, "wide": _base64(wide), "narrow": _base64(narrow)} for title, wide, narrow in figures]
    # The style sheet is the project's own: as text of the page it would be escaped.
    style = Markup((FOLDER / "report.css").read_text(encoding="utf-8"))
    shown, rows = columns(content), all_cells(content)
    split = shown.index(FIRST_COST)
    return (
        _environment(True)
        .get_template("report.html")
        .render(
            _shared(content),
            style=style,
            headline=findings.headline(content),
            figures=encoded,
            cards=rows[: len(content.rows)],
            details=[name for name in shown if name not in ("model", "accuracy", "note", "to base, points")],
            wide_tables=[shown[:split], ("model", *shown[split:])],
            all_rows=rows,
            texts=TEXTS,
            published=_published_cells() if content.task.is_sentiment else [],
            label_columns=LABEL_COLUMNS,
            by_label=[(row, label_cells(row)) for row in findings.looked_into(content)],
        )
    )


def markdown(content: Evidence) -> str:
    """Write the report as Markdown, without pictures; argument as in `page`."""
    grouped = [row for row in content.scored if row.length_groups]
    by_label = [(row, tabular.markdown(LABEL_COLUMNS, label_cells(row), LABEL_COLUMNS[:1])) for row in findings.looked_into(content)]
    return (
        _environment(False)
        .get_template("report.md")
        .render(
            _shared(content),
            table=tabular.markdown(columns(content), all_cells(content), TEXTS),
            by_label=by_label,
            lengths=_lengths_table(grouped) if grouped else "",
        )
    )


def _shared(content: Evidence) -> dict[str, Any]:
    """What both templates show."""
    return {
        "content": content,
        "caption": caption(content),
        "findings": findings.findings(content),
        "conclusions": conclusions(content),
        "explained": explained(content),
        "with_examples": [row for row in content.scored if row.examples],
    }


def _base64(svg: str) -> str:
    return base64.b64encode(svg.encode()).decode()


def columns(content: Evidence) -> tuple[str, ...]:
    """Choose the table's columns, of `COLUMNS`.

    With more than two labels F1 would be the weighted F1 again. Most tasks have no texts of another domain.
    """
    left_out = set() if content.task.binary else {"F1"}
    if not any(row.out_of_domain for row in content.scored):
        left_out.add("out of domain")
    return tuple(name for name in COLUMNS if name not in left_out)


def explained(content: Evidence) -> dict[str, str]:
    """Say what the columns mean, those that need it."""
    noun, two = content.noun, content.task.binary
    meanings = {
        "accuracy": f"share of right predictions on the test {noun}, with the bytes on disk",
        "95 % interval": "Wilson's",
        "to base, points": f"accuracy minus the base's on the same {noun}, 95 % interval by paired bootstrap (2,000 resamples)",
        "p (Holm)": "McNemar's exact test against the base, corrected for the number of rows after Holm",
        "agreement": f"share of test {noun} on which model and base say the same",
        "F1": f"of the label {content.task.labels[-1]}",
        "macro F1": "mean of the labels' F1, each counting the same",
        "weighted F1": f"mean of the labels' F1, each counting by its {noun}",
        "AUC": "area under the ROC curve" + ("" if two else ", mean over the labels, each against the rest"),
        "calibration error": "mean distance of "
        + ("predicted probability and observed share" if two else "the chosen label's probability and the share labelled rightly")
        + " over 15 bins",
        "out of domain": "accuracy on the Rotten Tomatoes sentences, which no model was trained on",
        "seeds": "mean ± standard deviation over several seeds of training, same split",
        "KB": "everything a deployment needs, model and vocabulary; 1 KB is 1,024 bytes",
        "start-up s": "from the start of a fresh process to the first probability, interpreter and imports included",
        "peak MB": "most memory of that process until then",
        "ms p50": f"one {noun.removesuffix('s')}, text to probability, in that process on one thread: median; p95 beside it",
        "per second": f"{noun} a second in batches of 64, same process",
    }
    shown = columns(content)
    return {name: meaning for name, meaning in meanings.items() if name in shown}


def all_cells(content: Evidence) -> list[dict[str, str]]:
    """Write every row as text by column; for the study's task its published rows follow."""
    return [*(cells(row) for row in content.rows), *(_published_cells() if content.task.is_sentiment else [])]


def cells(row: ScoredRow | DamagedRow) -> dict[str, str]:
    """Write a row as text by column. What is not known is a dash, what is wrong is in the note."""
    if isinstance(row, DamagedRow):
        return {**dict.fromkeys(COLUMNS, "-"), "model": row.technique, "note": f"DAMAGED: {row.reason}"}
    accuracy, scores, costs, parameters = row.accuracy, row.scores, row.deployment, row.record["parameters"]
    compared, seeds = row.comparison, row.seeds
    gained = compared.difference if compared else {}
    memory = costs.get("peak_memory_bytes")
    stale = f"STALE ({row.stale})" + (f": {row.refresh}" if row.refresh else "")
    return {
        "model": row.technique,
        "accuracy": f"{accuracy['value']:.2%}",
        "95 % interval": f"{accuracy['low']:.2%} to {accuracy['high']:.2%}",
        "to base, points": "{} ({} to {})".format(*(findings.points(gained[key]) for key in ("value", "low", "high"))) if gained else "-",
        "p (Holm)": findings.p_text(compared.p_holm).removeprefix("= ") if compared else "-",
        "agreement": f"{compared.agreement:.2%}" if compared else "-",
        "F1": _number(scores["f1"], 4),
        "macro F1": _number(scores["macro_f1"], 4),
        "weighted F1": _number(scores["weighted_f1"], 4),
        "AUC": _number(scores.get("auc"), 4),
        "calibration error": _number(row.calibration["error"], 3),
        "out of domain": f"{row.out_of_domain['accuracy']['value']:.2%}" if row.out_of_domain else "-",
        "seeds": f"{seeds['mean']:.2%} ± {seeds['sd'] * 100:.2f} (n = {seeds['n']})" if seeds else "-",
        "KB": f"{row.deployed_bytes / 1024:,.0f}",
        "KB gzip": f"{row.deployed_gzip_bytes / 1024:,.0f}",
        "parameters": f"{parameters['total']:,}",
        "non-zero": f"{parameters['nonzero']:,}",
        "training s": f"{row.seconds:,.0f}",
        "start-up s": _number(costs.get("startup_seconds"), 2),
        "peak MB": _number(memory / 1e6 if memory else None, 0),
        "ms p50": _number(costs.get("p50_ms"), 2),
        "ms p95": _number(costs.get("p95_ms"), 2),
        "per second": _number(costs.get("reviews_per_second"), 0),
        "note": stale if row.stale else NOTES.get(row.role, ""),
    }


def _published_cells() -> list[dict[str, str]]:
    """The study's rows, as it published them."""
    return [
        {
            **dict.fromkeys(COLUMNS, "-"),
            "model": row.title,
            "accuracy": f"{row.accuracy:.2%}",
            "KB": f"{row.kilobytes:,}",
            "parameters": row.parameters or "-",
            "non-zero": row.nonzero or "-",
            "note": row.note,
        }
        for row in study.PUBLISHED
    ]


def label_cells(row: ScoredRow) -> list[dict[str, str]]:
    """Write precision, recall and F1 of each label as text, by `LABEL_COLUMNS`."""
    return [
        {
            "label": one["label"],
            "precision": f"{one['precision']:.2%}",
            "recall": f"{one['recall']:.2%}",
            "F1": f"{one['f1']:.4f}",
            "n": f"{one['n']:,}",
        }
        for one in row.scores["per_label"]
    ]


def _lengths_table(rows: Sequence[ScoredRow]) -> str:
    """Accuracy by length as Markdown, a line per row."""
    names = [f"{group['name']} (n = {group['n']:,})" for group in rows[0].length_groups]
    values = [["-" if group["value"] is None else f"{group['value']:.2%}" for group in row.length_groups] for row in rows]
    lines = [{"model": row.technique, **dict(zip(names, line, strict=True))} for row, line in zip(rows, values, strict=True)]
    return tabular.markdown(["model", *names], lines, ["model"])


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


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
    about, machine = content.about, row.record["environment"]
    settings, split = about.get("settings", {}), about.get("task", {}).get("split", {})
    seed = split.get("seed", settings.get("seed", "unknown"))
    divided = {TEST_FILE: "test texts from a file of their own", OFFICIAL: "official split, no film in both halves"}.get(
        split.get("kind", ""), f"split seed {seed}"
    )
    return (
        f"{row.accuracy['n']:,} test {content.noun} of {about.get('source', {}).get('name', 'unknown source')}, "
        f"recipe {about.get('recipe', 'unknown')}, {divided}; {machine['cores']} cores of {machine['processor']}, {machine['system']}, "
        f"Python {machine['python']}, TensorFlow {machine['packages']['tensorflow']}."
    )


def comma_separated(content: Evidence) -> str:
    """Write the table as CSV, thousands without commas."""
    return tabular.comma_separated(columns(content), all_cells(content), TEXTS)


def latex(content: Evidence) -> str:
    """Write the table as LaTeX, in two parts that fit a page: what a model scores, and what it costs."""
    shown, rows = columns(content), all_cells(content)
    split = shown.index(FIRST_COST)
    scores = tabular.latex(shown[:split], rows, TEXTS, caption(content))
    return scores + "\n" + tabular.latex(("model", *shown[split:-1]), rows, TEXTS, "What they cost.")


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
