"""The comparison table, made from the metrics files alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sentipress.core import files, manifest
from sentipress.core.errors import UserError
from sentipress.data.task import SENTIMENT_LABELS
from sentipress.evaluation import ledger, plots, records
from sentipress.evaluation.latency import comparable, shown
from sentipress.pipeline.staleness import Staleness
from sentipress.reporting import cards, study, tabular

COLUMNS = (
    "technique",
    "test accuracy",
    "95 % interval",
    "macro F1",
    "weighted F1",
    "size KB",
    "gzip KB",
    "parameters",
    "non-zero",
    "seconds",
    "complexity",
    "p50 ms",
    "p95 ms",
    "padded ms",
    "time / base",
    "note",
)
TEXTS = ("technique", "complexity", "note")  # columns that hold no numbers
PUBLISHED = tuple(
    {
        **dict.fromkeys(COLUMNS, ""),
        "technique": row.title,
        "test accuracy": f"{row.accuracy:.2%}",
        "size KB": f"{row.kilobytes:,}",
        "parameters": row.parameters,
        "non-zero": row.nonzero,
        "seconds": row.seconds,
        "complexity": row.complexity,
        "note": row.note,
    }
    for row in study.PUBLISHED
)
# What a reader of a published folder gets. The first ones hold figures alone: no text, no label and no word of the data.
FIGURES = ("comparison.*", f"*{manifest.METRICS}", "figures/comparison.png")
# Of the models the packed ones alone.
EVERYTHING = (*FIGURES, f"*{manifest.PROBABILITIES}", manifest.DESCRIPTION, "*.report.txt", "eda.json", "figures/*.png", "*.zip")


def load(folder: Path) -> list[dict[str, Any]]:
    """Read all metrics records of a folder, in the order of the table.

    A record that cannot be read becomes one with `name`, `technique`, `order` and `damaged`, which says why.
    """
    loaded = [_load_one(path) for path in sorted(folder.glob(f"*{records.SUFFIX}"))]
    return sorted(loaded, key=lambda record: (record["order"], record["name"]))


def _load_one(path: Path) -> dict[str, Any]:
    try:
        return records.read(path, "run the stage again")
    except UserError as error:
        name = path.name.removesuffix(records.SUFFIX)
        return {"name": name, "technique": name, "order": 1000, "damaged": error.problem}


def cells(folder: Path, record: Mapping[str, Any], reasons: Sequence[str]) -> dict[str, str]:
    """Write one record as text by column.

    Args:
        folder: that it was read from.
        record: of `load`.
        reasons: why it is stale, if it is.
    """
    if "damaged" in record:
        return {**dict.fromkeys(COLUMNS, "-"), "technique": record["technique"], "note": f"DAMAGED: {record['damaged']}"}
    scores, size, latency = record["scores"], record["size"], record["latency"]
    accuracy = scores["accuracy"]
    refresh = manifest.command(record["stage"], folder, record.get("flags"))
    note = f"STALE ({reasons[0]}): {refresh}" if reasons else "control" if record["role"] == "control" else ""
    return {
        "technique": record["technique"],
        "test accuracy": f"{accuracy['value']:.2%}",
        "95 % interval": f"{accuracy['low']:.2%} - {accuracy['high']:.2%}",
        "macro F1": f"{scores['macro_f1']:.4f}",
        "weighted F1": f"{scores['weighted_f1']:.4f}",
        "size KB": f"{size['bytes'] / 1024:,.0f}",
        "gzip KB": f"{size['gzip_bytes'] / 1024:,.0f}",
        "parameters": f"{record['parameters']['total']:,}",
        "non-zero": f"{record['parameters']['nonzero']:,}",
        "seconds": f"{sum(record['seconds'].values()):,.1f}",
        "complexity": record["complexity"],
        **_times(latency),
        "note": note,
    }


def _times(latency: Mapping[str, Any]) -> dict[str, str]:
    """Times of a row as text; dashes for one that was timed by an earlier clock."""
    if not comparable(latency):
        return dict.fromkeys(("p50 ms", "p95 ms", "padded ms", "time / base"), "-")
    return {
        "p50 ms": shown(latency["p50_ms"], latency["p50_low_ms"], latency["p50_high_ms"]),
        "p95 ms": f"{latency['p95_ms']:.2f}",
        "padded ms": f"{latency['padded_p50_ms']:.2f}",
        "time / base": shown(latency["ratio_to_base"], latency["ratio_low"], latency["ratio_high"]),
    }


def make(folder: Path) -> list[dict[str, str]]:
    """Print the table and write comparison.md, .csv, .tex and a picture beside the metrics; give the models' rows.

    Raises:
        UserError: the folder holds no metrics.
    """
    loaded = load(folder)
    if not loaded:
        raise UserError(f"{folder} holds no *{records.SUFFIX}", manifest.prepare(folder))
    staleness = Staleness(folder)
    rows = [cells(folder, record, staleness.reasons(record)) for record in loaded]
    caption = describe(loaded)
    readable = [record for record in loaded if "damaged" not in record]
    shown = [*rows, *(PUBLISHED if _of_the_study(readable) else ())]
    print(caption)
    print(tabular.terminal(COLUMNS, shown, TEXTS))
    if readable:
        plots.front(readable, folder / "figures" / "comparison.png")
    files.write_text(folder / "comparison.md", f"{tabular.markdown(COLUMNS, shown, TEXTS)}\n\n{caption}\n")
    files.write_text(folder / "comparison.csv", tabular.comma_separated(COLUMNS, shown, TEXTS))
    files.write_text(folder / "comparison.tex", tabular.latex(COLUMNS, shown, TEXTS, caption))
    print(f"\nwrote {folder}/comparison.md, comparison.csv, comparison.tex, figures/comparison.png")
    return rows


def _of_the_study(readable: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the records are of the study's task, so that its rows may stand beside them."""
    return all(tuple(record["labels"]) == SENTIMENT_LABELS for record in readable)


def publish(folder: Path, target: Path, only_figures: bool = False) -> None:
    """Copy what a reader needs to `target`.

    These are metrics, tables, and unless `only_figures` probabilities, pictures, and packed models with a card each.

    Raises:
        UserError: a row is stale or damaged, or a packed model is.
    """
    bad = [row["technique"] for row in make(folder) if row["note"].startswith(("STALE", "DAMAGED"))]
    if bad:
        raise UserError(f"{folder} has rows that are stale or damaged ({', '.join(bad)})", "refresh them first")
    for path, card in ({} if only_figures else cards.of(folder, target)).items():
        files.write_text(path, card)
    for pattern in FIGURES if only_figures else EVERYTHING:
        for path in sorted(folder.glob(pattern)):
            files.write_bytes(target / path.relative_to(folder), path.read_bytes())
    ledger.publish(folder, target)
    print(f"published to {target}")


def describe(loaded: Sequence[Mapping[str, Any]]) -> str:
    """Say what was scored, where, and how."""
    readable = [record for record in loaded if "damaged" not in record]
    if not readable:
        return "No readable metrics."
    record = next((record for record in readable if record["name"] == manifest.BASE.name), readable[0])
    machine, study = record["environment"], _of_the_study(readable)
    text, texts = ("review", "reviews") if study else ("text", "texts")
    caption = (
        f"Scored on {record['scores']['accuracy']['n']:,} test {texts} with the bytes on disk; intervals are Wilson's. "
        f"{machine['cores']} cores of {machine['processor']}, {machine['system']}, Python {machine['python']}, "
        f"TensorFlow {machine['packages']['tensorflow']}. KB is 1,024 bytes, model file alone. Time is of one {text} from ids at "
        f"its own length, measured in turns with the base in Keras, padded with all padding computed; LiteRT on one thread, Keras on "
        f"all cores. The last digit of a time is the first that differs "
        f"between three rounds. A dash: not timed in this way."
    )
    remark = " The study's rows are as published, its base with the optimizer's state; their interval is +-0.66 points."
    return caption + (remark if study else "")
