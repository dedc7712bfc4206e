"""One metrics JSON per model file: what it scores, weighs and costs, and what it was made from.

`<name>.metrics.json` describes `<name><suffix>`; `<name>.probabilities.npz` holds the probabilities behind the score,
for paired tests and as teacher outputs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypedDict

import numpy as np

from sentipress.core import cli, files, manifest
from sentipress.core.errors import UserError
from sentipress.data.task import SENTIMENT_LABELS, Task
from sentipress.evaluation import environment
from sentipress.evaluation.scores import Scores, from_confusion, scores

SCHEMA = 3  # 3: labels, scores for each of them, and "out_of_domain", which was "outside"
OLDER = 2  # the schema that is still read
SUFFIX = manifest.METRICS


class Sizes(TypedDict):
    """Bytes of a file as it lies on disk and after gzip at level 9."""

    bytes: int
    gzip_bytes: int


class Latency(TypedDict):
    """Time of one text; see `sentipress.evaluation.latency`."""

    p50_ms: float
    p50_low_ms: float
    p50_high_ms: float
    p95_ms: float
    padded_p50_ms: float
    ratio_to_base: float
    ratio_low: float
    ratio_high: float
    runs: int
    rounds: int
    base: str
    what: str


class Parameters(TypedDict):
    """Parameters of a model; see `sentipress.evaluation.parameters`."""

    total: int
    nonzero: int
    sparsity: float
    arrays: list[dict[str, Any]]


class Record(TypedDict, total=False):
    """A metrics JSON. A model may have further fields: history, second_pass, distillation, chain."""

    schema: int
    name: str
    file: str
    order: int
    technique: str
    complexity: str
    role: str
    stage: str
    labels: list[str]
    scores: Scores
    out_of_domain: Scores | None
    size: Sizes
    vocabulary: Sizes
    tokenizer: str | None
    parameters: Parameters
    seconds: dict[str, float]
    latency: Latency
    deployment: dict[str, Any] | None
    model: dict[str, Any]
    settings: dict[str, Any]
    flags: dict[str, Any]
    inputs: dict[str, str]
    outputs: dict[str, str]
    code: str
    environment: dict[str, Any]
    created: str


@dataclass(frozen=True)
class Truth:
    """Which texts were scored, and the numbers of their labels.

    Attributes:
        test_row: rows of the test texts in the source, int64 (texts,).
        test_label: their labels, float32 (texts,).
        validation_row: rows of the validation texts.
        out_of_domain_label: labels of the texts of another domain; None where there are none.
    """

    test_row: np.ndarray
    test_label: np.ndarray
    validation_row: np.ndarray
    out_of_domain_label: np.ndarray | None


def metrics_path(folder: Path, name: str) -> Path:
    """Where the metrics of the model called `name` lie."""
    return folder / (name + SUFFIX)


def probabilities_path(folder: Path, name: str) -> Path:
    """Where the probabilities of the model called `name` lie."""
    return folder / (name + manifest.PROBABILITIES)


def save(
    file: Path,
    tokenizer: Path | None,
    row: manifest.Row,
    settings: SimpleNamespace,
    inputs: Sequence[Path],
    probabilities: Mapping[str, np.ndarray],
    truth: Truth,
    task: Task,
    measured: Mapping[str, Any],
) -> dict[str, Any]:
    """Score a model's test probabilities and write its probabilities and its metrics JSON, the JSON last.

    Args:
        file: the model file, already in place; probabilities and metrics go beside it.
        tokenizer: file of the vocabulary that it needs beside it; None if it brings its own.
        row: its place in the table.
        settings: of the stage (`sentipress.core.cli.settings`).
        inputs: artifacts that the model was made from or scored with.
        probabilities: "test", "validation" and perhaps "out_of_domain": float32, in the task's shape.
        truth: what they are scored against.
        task: the labels.
        measured: `parameters`, `seconds`, `latency`, and anything else worth keeping.

    Returns:
        The record as written.
    """
    saved = probabilities_path(file.parent, row.name)
    with files.atomic(saved) as temporary, open(temporary, "wb") as stream:
        known = {name: array for name, array in asdict(truth).items() if array is not None}
        arrays: dict[str, Any] = {**known, **probabilities}
        np.savez_compressed(stream, **arrays)
    elsewhere = None
    if truth.out_of_domain_label is not None:
        elsewhere = scores(truth.out_of_domain_label, probabilities["out_of_domain"], task)
    record = {
        "schema": SCHEMA,
        "name": row.name,
        "file": file.name,
        "order": row.order,
        "technique": row.technique,
        "complexity": row.complexity,
        "role": row.role,
        "stage": settings.stage,
        "labels": list(task.labels),
        "scores": scores(truth.test_label, probabilities["test"], task),
        "out_of_domain": elsewhere,
        "size": files.sizes(file),
        "vocabulary": files.sizes(tokenizer) if tokenizer else {"bytes": 0, "gzip_bytes": 0},
        "tokenizer": tokenizer.name if tokenizer else None,
        **measured,
        **cli.recorded(settings),
        "inputs": {path.name: files.sha256(path) for path in inputs},
        "outputs": {path.name: files.sha256(path) for path in (file, saved)},
        "code": environment.code_hash(settings.stage),
        "environment": environment.environment(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    files.write_json(metrics_path(file.parent, row.name), record)
    return record


_NUMBER = (int, float)
# What the table and later stages read of a record: path of keys to type.
_FIELDS: dict[tuple[str, ...], Any] = {
    ("name",): str,
    ("file",): str,
    ("technique",): str,
    ("complexity",): str,
    ("role",): str,
    ("stage",): str,
    ("order",): int,
    ("labels",): list,
    ("scores", "accuracy", "value"): _NUMBER,
    ("scores", "accuracy", "low"): _NUMBER,
    ("scores", "accuracy", "high"): _NUMBER,
    ("scores", "accuracy", "n"): int,
    ("scores", "macro_f1"): _NUMBER,
    ("scores", "weighted_f1"): _NUMBER,
    ("scores", "per_label"): list,
    ("size", "bytes"): int,
    ("size", "gzip_bytes"): int,
    ("vocabulary", "bytes"): int,
    ("vocabulary", "gzip_bytes"): int,
    ("parameters", "total"): int,
    ("parameters", "nonzero"): int,
    ("seconds",): dict,
    ("latency", "p50_ms"): _NUMBER,
    ("latency", "p95_ms"): _NUMBER,
    ("latency", "ratio_to_base"): _NUMBER,
    ("model",): dict,
    ("settings",): dict,
    ("inputs",): dict,
    ("outputs",): dict,
    ("environment", "packages", "tensorflow"): str,
    ("environment", "processor"): str,
    ("environment", "system"): str,
    ("environment", "python"): str,
    ("environment", "cores"): int,
}


def read(path: Path, remedy: str) -> dict[str, Any]:
    """Read a metrics JSON and make sure that it holds what others read of it. One of schema 2 is brought to schema 3.

    Raises:
        UserError: missing, damaged, of another schema, or a field missing or of another type.
    """
    record = _upgraded(path) or files.read_json(path, SCHEMA, remedy)
    for keys, kind in _FIELDS.items():
        value: Any = record
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if not isinstance(value, kind) or isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
            raise UserError(f"{path} lacks or garbles {'.'.join(keys)}", remedy)
    elsewhere = record.get("out_of_domain")
    if elsewhere is not None and not isinstance(_inside(elsewhere, "accuracy", "value"), _NUMBER):
        raise UserError(f"{path} lacks or garbles out_of_domain.accuracy.value", remedy)
    if not isinstance(record.get("reading", {}), dict) or not isinstance(_inside(record, "reading", "sets") or [], list):
        raise UserError(f"{path} lacks or garbles reading", remedy)
    if not all(isinstance(value, _NUMBER) for value in record["seconds"].values()):
        raise UserError(f"{path} lacks or garbles seconds", remedy)
    needed = {record["file"], probabilities_path(path.parent, record["name"]).name}
    if not needed <= set(record["outputs"]) or manifest.REVIEWS not in record["inputs"]:
        raise UserError(f"{path} lacks or garbles outputs or inputs", remedy)
    return record


def _inside(content: Any, *keys: str) -> Any:
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def _upgraded(path: Path) -> dict[str, Any] | None:
    """A record of schema 2 in the words of schema 3; None where the file is none, damaged ones included."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["schema"] != OLDER:
            return None
        record |= {"schema": SCHEMA, "labels": list(SENTIMENT_LABELS), "out_of_domain": record.pop("outside")}
        for part in (record["scores"], record["out_of_domain"]):
            part |= from_confusion(part["confusion"], SENTIMENT_LABELS)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None
    return dict(record)


def readable(folder: Path) -> list[dict[str, Any]]:
    """Metrics of a folder; damaged ones are left out: they count as missing."""
    content = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        with suppress(UserError):
            content.append(read(path, "run the stage again"))
    return content


def load(folder: Path, name: str, remedy: str) -> dict[str, Any]:
    """Read a model's metrics and make sure that file and inputs are those that the metrics speak of.

    Raises:
        UserError: missing, damaged, or of another run; `remedy` is the command that makes it anew.
    """
    record = read(metrics_path(folder, name), remedy)
    changed = changes(folder, record)
    if changed:
        raise UserError(f"{folder / record['file']} is not of this run: {'; '.join(changed)}", remedy)
    return record


def changes(folder: Path, record: Mapping[str, Any], sha256: Callable[[Path], str] = files.sha256) -> list[str]:
    """What no longer fits a record: files that are missing or differ from the hashes in it."""
    reasons = []
    for kind in ("outputs", "inputs"):
        for name, expected in record[kind].items():
            path = folder / name
            if not path.is_file():
                reasons.append(f"{name} is missing")
            elif sha256(path) != expected:
                reasons.append(f"{name} has changed since")
    return reasons


def load_probabilities(folder: Path, name: str) -> dict[str, np.ndarray]:
    """The arrays beside a record: `test`, `validation`, perhaps `out_of_domain`, and those of `Truth`."""
    with np.load(probabilities_path(folder, name), allow_pickle=False) as saved:
        return {key.replace("outside", "out_of_domain"): saved[key] for key in saved.files}  # "outside" until schema 2
