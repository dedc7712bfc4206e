"""The answers to a shard, as the bytes of a file."""

from __future__ import annotations

import io
import json
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from sentipress.core import files, manifest
from sentipress.data.task import KNOWN_SHARE
from sentipress.runtimes import registry
from sentipress.runtimes.interface import Runtime
from sentipress.scale.shards import Shard

FORMATS = ("parquet", "csv", "jsonl")
TOO_FEW_KNOWN = "too few known words"


@dataclass(frozen=True)
class ModelFiles:
    """A model as the bytes of its files: workers on other machines need no copy, and a file that changes meanwhile does no harm.

    Attributes:
        name: of the model file.
        contents: file name to its bytes.
    """

    name: str
    contents: Mapping[str, bytes]

    @classmethod
    def of(cls, path: Path, remedy: str) -> ModelFiles:
        """Read a model's files.

        Raises:
            UserError: one is missing or of an unknown kind; others are refused by `open`.
        """
        registry.open_model(path, remedy=remedy)  # says what is wrong by the paths that the person knows
        return cls(path.name, {file.name: file.read_bytes() for file in registry.files_of(path, remedy)})

    def sha256(self) -> dict[str, str]:
        """Hashes of the files that answers depend on, by name."""
        return {name: files.bytes_sha256(content) for name, content in self.contents.items() if not name.endswith(manifest.METRICS)}

    def open(self) -> Runtime:
        """Open the model."""
        with tempfile.TemporaryDirectory() as folder:
            for name, content in self.contents.items():
                Path(folder, name).write_bytes(content)
            return registry.open_model(Path(folder, self.name))


@dataclass(frozen=True)
class Answers:
    """What a worker makes of a shard.

    Attributes:
        shard: stem of its part.
        content: bytes of the part.
        about: what is written down of it, for JSON.
    """

    shard: str
    content: bytes
    about: dict[str, Any]


@dataclass(frozen=True)
class Form:
    """What parts look like.

    Attributes:
        format: one of `FORMATS`.
        key_type: Arrow type of the key column; None if there is none.
        batch: texts that the model reads together.
    """

    format: str
    key_type: pa.DataType | None
    batch: int


def answer(shard: Shard, model: Runtime, form: Form) -> Answers:
    """Judge the texts of a shard; equal shards give equal bytes."""
    started = time.perf_counter()
    rows = len(shard.texts)
    judged = [row for row, text in enumerate(shard.texts) if text is not None]
    probabilities = np.zeros((rows, len(model.task.labels)), np.float32)
    known = np.zeros(rows, np.float32)
    _judge(shard.texts, judged, model, form.batch, probabilities, known)
    has_text, reasons = np.zeros(rows, bool), list(shard.reasons)
    has_text[judged] = True
    for row in judged:
        if known[row] < KNOWN_SHARE:
            reasons[row] = TOO_FEW_KNOWN
    best = np.argmax(probabilities, axis=1)
    labels = [None if reason else model.task.labels[number] for reason, number in zip(reasons, best, strict=True)]
    columns = {"file": pa.array([shard.name] * rows, pa.string()), "row": pa.array(np.arange(rows) + shard.first_row, pa.int64())}
    if form.key_type is not None:
        columns["key"] = pa.array(shard.keys, form.key_type)
    columns["label"] = pa.array(labels, pa.string())
    for number, label in enumerate(model.task.labels):
        columns[f"probability_{label}"] = pa.array(probabilities[:, number], pa.float32(), mask=~has_text)
    columns["known"] = pa.array(known, pa.float32(), mask=~has_text)
    columns["reason"] = pa.array([reason or None for reason in reasons], pa.string())
    content = encoded(pa.table(columns), form.format)
    about = {
        "rows": rows,
        "first_row": shard.first_row,
        "end": shard.end,
        "share": shard.share,
        "last": shard.last,
        "unanswered": dict(sorted(Counter(reason.partition(":")[0] for reason in reasons if reason).items())),
        "bytes": len(content),
        "sha256": files.bytes_sha256(content),
        "seconds": time.perf_counter() - started,
    }
    return Answers(shard.stem, content, about)


def _judge(
    texts: Sequence[str | None], judged: Sequence[int], model: Runtime, batch: int, probabilities: np.ndarray, known: np.ndarray
) -> None:
    """Fill in probabilities (rows, labels) and shares of known words (rows,) of the rows that have a text.

    Texts of like length are read together: a runtime that pads a batch to its longest text then pads little.
    """
    order = sorted(judged, key=lambda row: len(texts[row] or ""))
    for start in range(0, len(order), batch):
        rows = order[start : start + batch]
        found, known[rows] = model.judge([texts[row] or "" for row in rows])
        probabilities[rows] = model.task.table(found)


def encoded(table: pa.Table, form: str) -> bytes:
    """A table as the bytes of a file of one of `FORMATS`."""
    if form == "jsonl":
        columns = {name: _plain(table.column(name)) for name in table.column_names}
        rows = (dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True))
        return "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows).encode("utf-8")
    stream = io.BytesIO()
    if form == "parquet":
        pq.write_table(table, stream, compression="zstd")
    else:
        pyarrow.csv.write_csv(table, stream)
    return stream.getvalue()


def _plain(column: pa.ChunkedArray) -> list[Any]:
    """Values for JSON; a float32 with as many digits as tell it from its neighbours."""
    values = column.to_pylist()
    return [None if value is None else float(str(np.float32(value))) for value in values] if pa.types.is_float32(column.type) else values
