"""The comparison table, made from the metrics files alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sentipress.core import files, manifest
from sentipress.core.errors import UserError
from sentipress.evaluation import ledger, plots, records
from sentipress.evaluation.latency import comparable, shown
from sentipress.pipeline.staleness import Staleness
from sentipress.reporting import cards, naming, reads, study, tabular
from sentipress.reporting.wording import machine, of_encoder

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
TEXTS = ("technique", "encoder", "complexity", "note")  # columns that hold no numbers
PUBLISHED = study.PUBLISHED  # rows that follow those of the LSTM's track on its study's task
MORE_OF_ENCODERS = {"technique": "encoder", "weighted F1": "log loss"}  # their track's further columns, by those before them
# What a reader of a published folder gets. The first ones hold figures alone: no text, no label and no word of the data.
FIGURES = ("comparison.*", f"*{manifest.METRICS}", "figures/comparison.png")
# Of the models the packed ones, and the smallest encoder, which the page offers.
EVERYTHING = (
    *(*FIGURES, f"*{manifest.PROBABILITIES}", manifest.DESCRIPTION, "*.report.txt", "eda.json", "figures/*.png", "*.zip"),
    *("topics.json", "topics.md", "compact.tflite", "compact.tokenizer.json"),
)


def columns(readable: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Choose the table's columns: `COLUMNS`, what was found of reading, and of the encoder's track which encoder, and the loss."""
    names: tuple[str, ...] = COLUMNS
    if study.track_of(readable) is manifest.ENCODER:
        names = tuple(one for name in COLUMNS for one in (name, MORE_OF_ENCODERS.get(name)) if one)
    place = names.index("size KB")
    return (*names[:place], *reads.columns(readable), *names[place:])


def published_cells(readable: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Rows of a study that may stand beside these records, as text by column."""
    return [
        {
            **dict.fromkeys(columns(readable), ""),
            "technique": row.title,
            "encoder": row.encoder,
            "test accuracy": "" if row.accuracy is None else f"{row.accuracy:.2%}",
            "log loss": "" if row.log_loss is None else f"{row.log_loss:.4f}",
            "size KB": row.size,
            "parameters": row.parameters,
            "non-zero": row.nonzero,
            "seconds": row.seconds,
            "complexity": row.complexity,
            "note": row.note,
        }
        for row in study.published(readable)
    ]


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
        return {
            **dict.fromkeys((*COLUMNS, *MORE_OF_ENCODERS.values()), "-"),
            "technique": record["technique"],
            "note": f"DAMAGED: {record['damaged']}",
        }
    scores, size, latency = record["scores"], record["size"], record["latency"]
    accuracy = scores["accuracy"]
    refresh = manifest.command(record["stage"], folder, record.get("flags"))
    note = f"STALE ({reasons[0]}): {refresh}" if reasons else "control" if record["role"] == "control" else ""
    return {
        "technique": record["technique"],
        "encoder": naming.encoder(record),
        "test accuracy": f"{accuracy['value']:.2%}",
        "95 % interval": f"{accuracy['low']:.2%} - {accuracy['high']:.2%}",
        "macro F1": f"{scores['macro_f1']:.4f}",
        "weighted F1": f"{scores['weighted_f1']:.4f}",
        "log loss": f"{scores['log_loss']:.4f}" if "log_loss" in scores else "-",
        "size KB": f"{size['bytes'] / 1024:,.0f}",
        "gzip KB": f"{size['gzip_bytes'] / 1024:,.0f}",
        **reads.cells(record),
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
    readable = [record for record in loaded if "damaged" not in record]
    names = columns(readable)
    rows = [{**dict.fromkeys(names, "-"), **cells(folder, record, staleness.reasons(record))} for record in loaded]
    caption = describe(loaded)
    shown = [*rows, *published_cells(readable)]
    print(caption)
    print(tabular.terminal(names, shown, TEXTS))
    if readable:
        plots.front(readable, folder / "figures" / "comparison.png")
    files.write_text(folder / "comparison.md", f"{tabular.markdown(names, shown, TEXTS)}\n\n{caption}\n")
    files.write_text(folder / "comparison.csv", tabular.comma_separated(names, shown, TEXTS))
    files.write_text(folder / "comparison.tex", tabular.latex(names, shown, TEXTS, caption))
    print(f"\nwrote {folder}/comparison.md, comparison.csv, comparison.tex, figures/comparison.png")
    return rows


def publish(folder: Path, target: Path, only_figures: bool = False) -> None:
    """Copy what a reader needs to `target`.

    These are metrics, tables, and unless `only_figures` probabilities, pictures, topics, packed models with a card each, and the
    smallest encoder.

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
            files.write_bytes(target / path.relative_to(folder), _shared(path))
    ledger.publish(folder, target)
    print(f"published to {target}")


def _shared(path: Path) -> bytes:
    """What others get of a file: its bytes, but of the description of an encoder's texts not where that lay on this machine."""
    content = path.read_bytes()
    if path.name != manifest.DESCRIPTION:
        return content
    about = json.loads(content)
    portable = study.portable(about)
    return content if portable == about else (json.dumps(portable, indent=1, ensure_ascii=False) + "\n").encode()


def describe(loaded: Sequence[Mapping[str, Any]]) -> str:
    """Say what was scored, where, and how."""
    readable = [record for record in loaded if "damaged" not in record]
    if not readable:
        return "No readable metrics."
    record = next((record for record in readable if record["name"] == manifest.BASE.name), readable[0])
    text = "review" if study.of_the_lstm(readable) else "text"
    sentences = [
        f"Scored on {record['scores']['accuracy']['n']:,} test {text}s with the bytes on disk; intervals are Wilson's.",
        f"{machine(record)}.",
        "KB is 1,024 bytes, model file alone.",
        *(_timed_encoders(record) if of_encoder(record) else [_timed_lstms(text)]),
        "The last digit of a time is the first that differs between three rounds.",
        "A dash: not timed in this way.",
        study.remark(readable),
    ]
    return " ".join(filter(None, sentences))


def _timed_lstms(text: str) -> str:
    return (
        f"Time is of one {text} from ids at its own length, measured in turns with the base in Keras, padded with all padding computed; "
        "LiteRT on one thread, Keras on all cores."
    )


def _timed_encoders(record: Mapping[str, Any]) -> list[str]:
    """How the encoder's track times, and where its base was trained if that is not said yet."""
    device = str(record.get("device", "cpu"))
    return [
        "Time is of one text from ids on one thread, measured in turns with the base in PyTorch: at the text's own length, but for an "
        "encoder's .tflite file by the shortest of its signatures that holds the text; padded with all padding computed.",
        *([] if device.startswith("cpu") else [f"The base was trained on {device}."]),
    ]
