"""The comparison table, made from the metrics files alone."""

from __future__ import annotations

import csv
import functools
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sentipress.core import cli, files, manifest
from sentipress.data import corpus
from sentipress.evaluation import plots, records
from sentipress.core.errors import UserError

SCRIPTS = Path(__file__).resolve().parent.parent.parent
COLUMNS = (
    "technique",
    "test accuracy",
    "95 % interval",
    "size KB",
    "gzip KB",
    "parameters",
    "non-zero",
    "seconds",
    "complexity",
    "p50 ms",
    "p95 ms",
    "time / base",
    "note",
)

# Rows as the study published them (seed study A), 10,000 test reviews: +-0.66 points is the 95 % interval of each.
_STUDY = (
    ("Base LSTM", "86.43%", "31,578", "2,691,713", "", "30 min", "base", "with Adam's state; 10.5 MB without"),
    ("dynamic-range quantization", "86.57%", "2,643", "2,691,713", "", "", "medium", "needed Flex operators"),
    ("float16 quantization", "86.43%", "5,271", "2,691,713", "", "", "medium", "needed Flex operators"),
    ("magnitude pruning", "86.40%", "10,535", "2,691,713", "543,847", "12-15 min", "simple", "its log prints 86.80 %"),
    ("distilled student", "88.40%", "5,149", "1.31 M", "", "15 h search", "high", "KL term always 0; best of 49 on the test set"),
)
PUBLISHED = tuple(
    {
        **dict.fromkeys(COLUMNS, ""),
        **dict(
            zip(
                ("technique", "test accuracy", "size KB", "parameters", "non-zero", "seconds", "complexity", "note"),
                (f"Study: {technique}", *cells, f"published; {remark}"),
                strict=True,
            )
        ),
    }
    for technique, *cells, remark in _STUDY
)


def load(folder: Path) -> list[dict[str, Any]]:
    """All records of a folder in table order; an unreadable one becomes a record with `damaged` set."""
    found = []
    for path in sorted(folder.glob(f"*{records.SUFFIX}")):
        name = path.name.removesuffix(records.SUFFIX)
        try:
            record = records.read(path, "run the stage again")
        except UserError as error:
            record = {"name": name, "technique": name, "order": 1000, "damaged": error.problem}
        found.append(record)
    return sorted(found, key=lambda record: (record["order"], record["name"]))


class Staleness:
    """Why a row no longer tells of what lies in its folder.

    Compared are the files that a model was made from and led to, the settings that its stage would now have with the
    same recipe and flags, and those of stage 1. A folder without reviews.csv is a published copy, where there is
    nothing to compare. What belongs to the folder is read and hashed once.
    """

    def __init__(self, folder: Path, scripts: Path = SCRIPTS) -> None:
        self.folder, self.scripts = folder, scripts
        self._published = not (folder / "reviews.csv").is_file()
        self._hash = functools.cache(files.sha256)
        self._preprocessing: list[str] = []
        if not self._published:
            try:
                self._preprocessing = cli.changed_settings(scripts / manifest.PREPROCESSING, corpus.about(folder))
            except UserError as error:
                self._preprocessing = [error.problem]

    def reasons(self, record: dict[str, Any]) -> list[str]:
        """Reasons against one record of `load`; empty when it is current, or damaged."""
        if self._published or "damaged" in record:
            return []
        script = self.scripts / record["stage"]
        own = cli.changed_settings(script, record) if script.is_file() else []
        return records.changes(self.folder, record, self._hash) + self._preprocessing + own


def row(folder: Path, record: dict[str, Any], reasons: Sequence[str]) -> dict[str, str]:
    """The cells of one record, as text, by column."""
    if "damaged" in record:
        return {**dict.fromkeys(COLUMNS, "-"), "technique": record["technique"], "note": f"DAMAGED: {record['damaged']}"}
    accuracy, size, latency = record["scores"]["accuracy"], record["size"], record["latency"]
    refresh = manifest.command(record["stage"], folder, record.get("flags"))
    note = f"STALE ({reasons[0]}): {refresh}" if reasons else "control" if record["role"] == "control" else ""
    return {
        "technique": record["technique"],
        "test accuracy": f"{accuracy['value']:.2%}",
        "95 % interval": f"{accuracy['low']:.2%} - {accuracy['high']:.2%}",
        "size KB": f"{size['bytes'] / 1024:,.0f}",
        "gzip KB": f"{size['gzip_bytes'] / 1024:,.0f}",
        "parameters": f"{record['parameters']['total']:,}",
        "non-zero": f"{record['parameters']['nonzero']:,}",
        "seconds": f"{sum(record['seconds'].values()):,.1f}",
        "complexity": record["complexity"],
        "p50 ms": f"{latency['p50_ms']:.2f}",
        "p95 ms": f"{latency['p95_ms']:.2f}",
        "time / base": f"{latency['ratio_to_base']:.3f}",
        "note": note,
    }


def make(folder: Path) -> list[dict[str, str]]:
    """Print the table and write comparison.md, .csv and .tex beside the metrics.

    Raises:
        UserError: the folder holds no metrics.
    """
    found = load(folder)
    if not found:
        raise UserError(f"{folder} holds no *{records.SUFFIX}", manifest.run(manifest.PREPROCESSING, folder))
    staleness = Staleness(folder)
    rows = [row(folder, record, staleness.reasons(record)) for record in found]
    caption = describe(found)
    shown = [*rows, *PUBLISHED]
    print(caption)
    print(terminal(shown))
    whole = [record for record in found if "damaged" not in record]
    if whole:
        plots.front(whole, folder / "figures" / "comparison.png")
    files.write_text(folder / "comparison.md", markdown(shown, caption))
    files.write_text(folder / "comparison.csv", comma_separated(shown))
    files.write_text(folder / "comparison.tex", latex(shown, caption))
    print(f"\nwrote {folder}/comparison.md, comparison.csv, comparison.tex, figures/comparison.png")
    return rows


def publish(folder: Path, target: Path) -> None:
    """Copy what a reader needs to `target`: metrics, probabilities, tables, reports, pictures, and of the models the packed ones.

    Raises:
        UserError: a row is stale or damaged.
    """
    bad = [cells["technique"] for cells in make(folder) if cells["note"].startswith(("STALE", "DAMAGED"))]
    if bad:
        raise UserError(f"{folder} has rows that are stale or damaged ({', '.join(bad)})", "refresh them first")
    patterns = ("*.metrics.json", "*.probabilities.npz", "comparison.*", "*.report.txt", "eda.json", "reviews.json")
    for pattern in (*patterns, "figures/*.png", "*.zip"):
        for path in sorted(folder.glob(pattern)):
            files.write_bytes(target / path.relative_to(folder), path.read_bytes())
    print(f"published to {target}")


def describe(found: Sequence[dict[str, Any]]) -> str:
    """One line on what was scored, where, and how."""
    whole = [record for record in found if "damaged" not in record]
    if not whole:
        return "No readable metrics."
    record = next((r for r in whole if r["technique"] == "Base LSTM"), whole[0])
    where = record["environment"]
    return (
        f"Scored on {record['scores']['accuracy']['n']:,} test reviews with the bytes on disk; intervals are Wilson's. "
        f"{where['cores']} cores of {where['processor']}, {where['system']}, Python {where['python']}, "
        f"TensorFlow {where['packages']['tensorflow']}. KB is 1,024 bytes, model file alone. Time is of one review from ids, "
        f"measured in turns with the base in Keras; LiteRT on one thread, Keras on all cores. The study's rows are as "
        f"published, its base with the optimizer's state; their interval is +-0.66 points."
    )


def _numeric(column: str) -> bool:
    return column not in ("technique", "complexity", "note")


def terminal(rows: Sequence[dict[str, str]]) -> str:
    """The table for a terminal, columns aligned, numbers to the right."""
    shown = [column for column in COLUMNS if any(row[column] for row in rows)]
    widths = {column: max(len(column), *(len(row[column]) for row in rows)) for column in shown}
    lines = [{column: column for column in shown}, {column: "-" * widths[column] for column in shown}, *rows]
    return "\n".join(
        "  ".join(line[c].rjust(widths[c]) if _numeric(c) else line[c].ljust(widths[c]) for c in shown).rstrip() for line in lines
    )


def markdown(rows: Sequence[dict[str, str]], caption: str) -> str:
    """The table as Markdown."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "|".join("---:" if _numeric(c) else "---" for c in COLUMNS) + "|"]
    lines += ["| " + " | ".join(_no_bars(row[c]) for c in COLUMNS) + " |" for row in rows]
    return "\n".join([*lines, "", caption]) + "\n"


def _no_bars(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def comma_separated(rows: Sequence[dict[str, str]]) -> str:
    """The table as CSV, thousands without commas."""
    return csv_text(COLUMNS, [{c: cells[c].replace(",", "") if _numeric(c) else cells[c] for c in COLUMNS} for cells in rows])


def csv_text(columns: Sequence[str], rows: Sequence[dict[str, str]]) -> str:
    """Rows as CSV with a header."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def latex(rows: Sequence[dict[str, str]], caption: str) -> str:
    """The table as a LaTeX table."""
    return latex_text(COLUMNS, rows, caption, [c for c in COLUMNS if not _numeric(c)])


def latex_text(columns: Sequence[str], rows: Sequence[dict[str, str]], caption: str, texts: Sequence[str]) -> str:
    """Rows as a LaTeX table of plain LaTeX commands, no package needed; `texts` are the columns set to the left."""
    escapes = {"\\": r"\textbackslash{}", **{c: "\\" + c for c in "&%$#_{}"}, "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    escapes["±"] = r"$\pm$"

    def escape(text: str) -> str:
        return "".join(escapes.get(character, character) for character in text)

    lines = [
        r"\begin{table}",
        rf"\caption{{{escape(caption)}}}",
        rf"\begin{{tabular}}{{{''.join('l' if c in texts else 'r' for c in columns)}}}",
        r"\hline",
        " & ".join(escape(c) for c in columns) + r" \\",
        r"\hline",
        *(" & ".join(escape(cells[c]) for c in columns) + r" \\" for cells in rows),
        r"\hline",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"
