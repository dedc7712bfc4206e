"""The report as Markdown, CSV, LaTeX and one HTML page; all four show the same cells."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sentipress.reporting import evidence, table

COLUMNS = (
    "model",
    "accuracy",
    "95 % interval",
    "to base, points",
    "p (Holm)",
    "agreement",
    "F1",
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
TEXT = ("model", "note")
STYLE = Path(__file__).with_name("report.css")
EXPLAINED = {
    "accuracy": "share of right predictions on the test reviews, with the bytes on disk",
    "95 % interval": "Wilson's",
    "to base, points": "accuracy minus the base's on the same reviews, 95 % interval by paired bootstrap (2,000 resamples)",
    "p (Holm)": "McNemar's exact test against the base, corrected for the number of rows after Holm",
    "agreement": "share of test reviews on which model and base say the same",
    "calibration error": "mean distance of predicted probability and observed share over 15 bins",
    "out of domain": "accuracy on the Rotten Tomatoes sentences, which no model was trained on",
    "seeds": "mean ± standard deviation over several seeds of training, same split",
    "KB": "everything a deployment needs, model and vocabulary; 1 KB is 1,024 bytes",
    "start-up s": "from the start of a fresh process to the first probability, interpreter and imports included",
    "peak MB": "most memory of that process until then",
    "ms p50": "one review, text to probability, in that process on one thread: median; p95 beside it",
    "per second": "reviews a second in batches of 64, same process",
}


def cells(row: dict[str, Any]) -> dict[str, str]:
    """A row of `sentipress.reporting.evidence.collect` as text by column; what is not known is a dash, what is wrong is in the note."""
    if row["state"] == "damaged":
        return {**dict.fromkeys(COLUMNS, "-"), "model": row["technique"], "note": f"DAMAGED: {row['why']}"}
    accuracy, gained, costs = row["accuracy"], row["difference"], row["deployment"] or {}
    seeds = row["seeds"]
    note = f"STALE ({row['why']})" + (f": {row['refresh']}" if row["refresh"] else "") if row["state"] == "stale" else ""
    return {
        "model": row["technique"],
        "accuracy": f"{accuracy['value']:.2%}",
        "95 % interval": f"{accuracy['low']:.2%} to {accuracy['high']:.2%}",
        "to base, points": f"{gained['value'] * 100:+.2f} ({gained['low'] * 100:+.2f} to {gained['high'] * 100:+.2f})" if gained else "-",
        "p (Holm)": evidence.p_text(row["p_holm"]).removeprefix("= ") if row.get("p_holm") is not None else "-",
        "agreement": f"{row['agreement']:.2%}" if row["agreement"] is not None else "-",
        "F1": f"{row['f1']:.4f}",
        "AUC": f"{row['auc']:.4f}",
        "calibration error": f"{row['calibration']['error']:.3f}" if row["calibration"] else "-",
        "out of domain": f"{row['outside']['value']:.2%}",
        "seeds": f"{seeds['mean']:.2%} ± {seeds['sd'] * 100:.2f} (n = {seeds['n']})" if seeds else "-",
        "KB": f"{row['bytes'] / 1024:,.0f}",
        "KB gzip": f"{row['gzip_bytes'] / 1024:,.0f}",
        "parameters": f"{row['parameters']:,}",
        "non-zero": f"{row['nonzero']:,}",
        "training s": f"{row['seconds']:,.0f}",
        "start-up s": _number(costs.get("startup_seconds"), 2),
        "peak MB": _number(costs["peak_memory_bytes"] / 1e6 if costs.get("peak_memory_bytes") else None, 0),
        "ms p50": _number(costs.get("p50_ms"), 2),
        "ms p95": _number(costs.get("p95_ms"), 2),
        "per second": _number(costs.get("reviews_per_second"), 0),
        "note": note or {"control": "control", "classical": "bag of words"}.get(row["role"], ""),
    }


def published() -> list[dict[str, str]]:
    """The study's rows, as it published them."""
    return [
        {
            **dict.fromkeys(COLUMNS, "-"),
            "model": row["technique"],
            "accuracy": row["test accuracy"],
            "KB": row["size KB"],
            "parameters": row["parameters"] or "-",
            "non-zero": row["non-zero"] or "-",
            "note": row["note"],
        }
        for row in table.PUBLISHED
    ]


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def caption(content: dict[str, Any]) -> str:
    """On what data and machine the figures are."""
    row = content["base"] or next((row for row in content["rows"] if row["state"] != "damaged"), None)
    if row is None:
        return "No readable metrics."
    about, where = content["about"], row["environment"]
    source = about.get("source", {}).get("name", "unknown source")
    return (
        f"{row['accuracy']['n']:,} test reviews of {source}, recipe {about.get('recipe', 'unknown')}, split seed "
        f"{about.get('settings', {}).get('seed', 'unknown')}; {where['cores']} cores of {where['processor']}, {where['system']}, Python "
        f"{where['python']}, TensorFlow {where['packages']['tensorflow']}."
    )


def markdown(content: dict[str, Any]) -> str:
    """The report as Markdown, without pictures."""
    parts = [f"# Report: {content['folder']}", caption(content), *(f"**Missing:** {text}" for text in content["missing"])]
    parts += ["## What the table supports", "\n".join(f"- {text}" for text in evidence.findings(content))]
    parts += ["## The study's conclusions on this data"]
    parts += ["| the study | here | because |\n|---|---|---|\n" + "\n".join(
        f"| {_cell(item['claim'])} | **{item['verdict']}** | {_cell(item['why'])} |" for item in evidence.conclusions(content)
    )]  # fmt: skip
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "|".join("---" if name in TEXT else "---:" for name in COLUMNS) + "|"]
    lines += ["| " + " | ".join(_cell(row[name]) for name in COLUMNS) + " |" for row in _all_cells(content)]
    parts += ["## The table", "\n".join(lines), "\n".join(f"- {name}: {text}" for name, text in EXPLAINED.items())]
    groups = [row for row in content["rows"] if row["state"] != "damaged" and row["lengths"]]
    if groups:
        names = [f"{group['name']} (n = {group['n']:,})" for group in groups[0]["lengths"]]
        lines = ["| model | " + " | ".join(names) + " |", "|---|" + "---:|" * len(names)]
        lines += [f"| {row['technique']} | " + " | ".join(_share(group["value"]) for group in row["lengths"]) + " |" for row in groups]
        parts += ["## Accuracy by review length", "\n".join(lines)]
    examples = [row for row in content["rows"] if row["state"] != "damaged" and row["examples"]]
    if examples:
        parts += ["## Where a model and the base differ most"]
        for row in examples:
            lines = [f"**{row['technique']}**"]
            lines += [f"- {_example(example)}: “{_cell(example['text'])}”" for example in row["examples"]]
            parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def comma_separated(content: dict[str, Any]) -> str:
    """The table as CSV, thousands without commas."""
    return table.csv_text(COLUMNS, [{k: v if k in TEXT else v.replace(",", "") for k, v in row.items()} for row in _all_cells(content)])


def figures_by_model(content: dict[str, Any]) -> dict[str, dict[str, float]]:
    """The main figures of each row by model name, for tools that compare runs (DVC)."""
    return {
        row["name"]: {
            "accuracy": row["accuracy"]["value"],
            "accuracy_low": row["accuracy"]["low"],
            "accuracy_high": row["accuracy"]["high"],
            "kilobytes": row["bytes"] / 1024,
            "kilobytes_gzip": row["gzip_bytes"] / 1024,
            "ratio_to_base_latency": row["latency"]["ratio_to_base"],
        }
        for row in content["rows"]
        if row["state"] != "damaged"
    }


def latex(content: dict[str, Any]) -> str:
    """The table as LaTeX, in two parts that fit a page: what a model scores, and what it costs."""
    rows = _all_cells(content)
    scores, costs = COLUMNS[: COLUMNS.index("KB")], ("model", *COLUMNS[COLUMNS.index("KB") : -1])
    return table.latex_text(scores, rows, caption(content), TEXT) + "\n" + table.latex_text(costs, rows, "What they cost.", TEXT)


def _all_cells(content: dict[str, Any]) -> list[dict[str, str]]:
    return [*(cells(row) for row in content["rows"]), *published()]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.2%}"


def _example(example: dict[str, Any]) -> str:
    label = "positive" if example["label"] else "negative"
    return f"{label} review (row {example['row']}), model {example['model']:.2f}, base {example['base']:.2f}"


def page(content: dict[str, Any], figures: Sequence[tuple[str, str, str]]) -> str:
    """One self-contained HTML page: no script, no request.

    Args:
        content: of `sentipress.reporting.evidence.collect`.
        figures: title, SVG for wide and SVG for narrow screens.
    """
    body = [f"<h1>{_e(_headline(content))}</h1>", f'<p class="soft">{_e(caption(content))}</p>']
    body += [f'<p class="warning">Missing: {_e(text)}</p>' for text in content["missing"]]
    body += ["<h2>What the table supports</h2>", "<ul>", *(f"<li>{_e(text)}</li>" for text in evidence.findings(content)), "</ul>"]
    body += [f"<figure>{_picture(*figure)}</figure>" for figure in figures[:1]]
    body += ["<h2>The table</h2>", '<ul class="rows">', *(_card(cells(row)) for row in content["rows"]), "</ul>"]
    body += ['<div class="onlywide">', *_wide_tables(content), "</div>"]
    body += ["<details><summary>What the columns mean</summary><dl>"]
    body += [f'<dt>{_e(name)}</dt><dd style="text-align:left">{_e(text)}</dd>' for name, text in EXPLAINED.items()]
    body += ["</dl></details>", "<h2>The study's conclusions on this data</h2>", '<ul class="claims">']
    body += [
        f'<li>{_e(item["claim"])}<br><span class="verdict">{_e(item["verdict"])}</span>: {_e(item["why"])}</li>'
        for item in evidence.conclusions(content)
    ]
    body += ["</ul>", "<details><summary>The study's rows, as published</summary>", "<ul>"]
    body += [f"<li>{_e(row['model'])}: {_e(row['accuracy'])}, {_e(row['KB'])} KB; {_e(row['note'])}</li>" for row in published()]
    body += ["</ul></details>", "<h2>Pictures</h2>", *(f"<figure>{_picture(*figure)}</figure>" for figure in figures[1:])]
    examples = [row for row in content["rows"] if row["state"] != "damaged" and row["examples"]]
    if examples:
        body += ["<h2>Where a model and the base differ most</h2>"]
        for row in examples:
            body.append(f"<details><summary>{_e(row['technique'])} <small>agrees on {row['agreement']:.2%}</small></summary>")
            body += [f"<p>{_e(_example(e))}</p><blockquote>{_e(e['text'])}</blockquote>" for e in row["examples"]]
            body.append("</details>")
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><link rel="icon" href="data:,">'
        f"<title>{_e(_headline(content))}</title><style>{STYLE.read_text(encoding='utf-8')}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _e(text: str) -> str:
    return html.escape(text)


def _headline(content: dict[str, Any]) -> str:
    scored = [row for row in content["rows"] if row["state"] != "damaged" and row["role"] != "control"]
    if not scored:
        return "Sentiment models compared"
    best = max(scored, key=lambda row: row["accuracy"]["value"])
    good = [row for row in scored if row["accuracy"]["high"] >= best["accuracy"]["low"]]
    small = min(good, key=lambda row: row["gzip_bytes"])
    return f"{small['accuracy']['value']:.1%} in {small['gzip_bytes'] / 1024:,.0f} KB; the best has {best['accuracy']['value']:.1%}"


def _card(row: dict[str, str]) -> str:
    facts = [name for name in COLUMNS if name not in ("model", "accuracy", "note", "to base, points") and row[name] != "-"]
    listed = "".join(f"<dt>{_e(name)}</dt><dd>{_e(row[name])}</dd>" for name in facts)
    delta = f"{row['to base, points']} points to the base" if row["to base, points"] != "-" else ""
    kind = "warning" if row["note"].startswith(("STALE", "DAMAGED")) else "soft"
    note = f'<p class="{kind}">{_e(row["note"])}</p>' if row["note"] else ""
    title = f'<h3>{_e(row["model"])}</h3><div class="big">{_e(row["accuracy"])}</div><p class="delta soft">{_e(delta)}</p>'
    return f"<li>{title}<dl>{listed}</dl>{note}</li>"


def _wide_tables(content: dict[str, Any]) -> list[str]:
    rows = _all_cells(content)
    split = COLUMNS.index("KB")
    parts = []
    for columns in (COLUMNS[:split], ("model", *COLUMNS[split:])):
        head = "".join(f'<th scope="col">{_e(name)}</th>' for name in columns)
        lines = ["<tr>" + "".join(f"<td{' class=text' if n in TEXT else ''}>{_e(row[n])}</td>" for n in columns) + "</tr>" for row in rows]
        parts.append(f'<table class="wide"><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table><br>')
    return parts


def _picture(title: str, wide: str, narrow: str) -> str:
    sources = [base64.b64encode(image.encode()).decode() for image in (wide, narrow)]
    return (
        f"<figcaption>{_e(title)}</figcaption><picture>"
        f'<source media="(max-width: 40rem)" srcset="data:image/svg+xml;base64,{sources[1]}">'
        f'<img alt="{_e(title)}; the figures are in the table" src="data:image/svg+xml;base64,{sources[0]}"></picture>'
    )
