"""One metrics JSON per model file: what it scores, weighs and costs, and what it was made from.

`<name>.metrics.json` describes `<name><suffix>`; `<name>.probabilities.npz` holds the probabilities behind the score,
for paired tests and as teacher outputs.
"""

from __future__ import annotations

import math
import os
import platform
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix, f1_score, log_loss, roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from sentipress.core import cli, files
from sentipress.core.errors import UserError

SCHEMA = 2  # 2: with scores outside the domain and costs in a fresh process
SUFFIX = ".metrics.json"
PACKAGES = (
    "tensorflow",
    "tf_keras",
    "tensorflow-model-optimization",
    "ai-edge-litert",
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
    "nltk",
)


def accuracy_interval(correct: int, total: int) -> tuple[float, float]:
    """95 % interval of a share after Wilson (1927), by statsmodels."""
    low, high = proportion_confint(correct, total, alpha=0.05, method="wilson")
    return float(low), float(high)


def scores(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    """Accuracy with its interval, and the usual companions, of probabilities (reviews,) against labels (reviews,)."""
    truth, predicted = labels > 0.5, probabilities > 0.5
    correct, total = int((truth == predicted).sum()), len(truth)
    low, high = accuracy_interval(correct, total)
    return {
        "accuracy": {"value": correct / total, "low": low, "high": high, "correct": correct, "n": total, "interval": "Wilson 95 %"},
        "log_loss": float(log_loss(truth, np.clip(probabilities.astype(np.float64), 1e-7, 1 - 1e-7), labels=[False, True])),
        "f1": float(f1_score(truth, predicted)),
        "auc": float(roc_auc_score(truth, probabilities)),
        "confusion": confusion_matrix(truth, predicted).tolist(),
    }


def code_hash(stage: str) -> str:
    """SHA-256 over the shared package and one stage: which code made a result."""
    package = Path(__file__).resolve().parent.parent
    return files.fingerprint([files.sha256(path) for path in (*sorted(package.rglob("*.py")), package.parent / stage)])


def environment() -> dict[str, Any]:
    """Versions and machine, and the most memory that this process has held so far."""
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "peak_memory_bytes": peak_memory(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def peak_memory() -> int | None:
    """Most resident bytes of this process so far; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@dataclass(frozen=True)
class Truth:
    """Which reviews were scored, and their labels.

    Attributes:
        test_row: rows of the test reviews in the source, int64 (reviews,).
        test_label: their labels, float32 (reviews,).
        validation_row: rows of the validation reviews.
        outside_label: labels of the sentences of another domain.
    """

    test_row: np.ndarray
    test_label: np.ndarray
    validation_row: np.ndarray
    outside_label: np.ndarray


def metrics_path(folder: Path, name: str) -> Path:
    """Where the metrics of the model called `name` lie."""
    return folder / (name + SUFFIX)


def save(
    folder: Path,
    file: Path,
    tokenizer: Path | None,
    row: Mapping[str, Any],
    settings: SimpleNamespace,
    inputs: list[Path],
    probabilities: Mapping[str, np.ndarray],
    truth: Truth,
    measured: Mapping[str, Any],
) -> dict[str, Any]:
    """Score a model's test probabilities and write its probabilities and its metrics JSON, the JSON last.

    Args:
        folder: the artifacts folder.
        file: the model file, already in place.
        tokenizer: file of the vocabulary that it needs beside it; None if it brings its own.
        row: place in the table: `order`, `technique`, `complexity`, `role` ("model" or "control").
        settings: of the stage (`sentipress.core.cli.settings`).
        inputs: artifacts that the model was made from or scored with.
        probabilities: "test", "validation" and "outside": float32 (reviews,).
        truth: what they are scored against.
        measured: `parameters`, `seconds`, `latency`, and anything else worth keeping.

    Returns:
        The record as written.
    """
    name = file.stem
    with files.atomic(folder / f"{name}.probabilities.npz") as temporary, open(temporary, "wb") as stream:
        arrays: dict[str, Any] = {**asdict(truth), **probabilities}
        np.savez_compressed(stream, **arrays)
    record = {
        "schema": SCHEMA,
        "name": name,
        "file": file.name,
        **row,
        "stage": settings.stage,
        "scores": scores(truth.test_label, probabilities["test"]),
        "outside": scores(truth.outside_label, probabilities["outside"]),
        "size": files.sizes(file),
        "vocabulary": files.sizes(tokenizer) if tokenizer else {"bytes": 0, "gzip_bytes": 0},
        "tokenizer": tokenizer.name if tokenizer else None,
        **measured,
        **cli.recorded(settings),
        "inputs": {path.name: files.sha256(path) for path in inputs},
        "outputs": {path.name: files.sha256(path) for path in (file, folder / f"{name}.probabilities.npz")},
        "code": code_hash(settings.stage),
        "environment": environment(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    files.write_json(metrics_path(folder, name), record)
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
    ("scores", "accuracy", "value"): _NUMBER,
    ("scores", "accuracy", "low"): _NUMBER,
    ("scores", "accuracy", "high"): _NUMBER,
    ("scores", "accuracy", "n"): int,
    ("outside", "accuracy", "value"): _NUMBER,
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
    """Read a metrics JSON and make sure that it holds what others read of it.

    Raises:
        UserError: missing, damaged, of another schema, or a field missing or of another type.
    """
    record = files.read_json(path, SCHEMA, remedy)
    for keys, kind in _FIELDS.items():
        value: Any = record
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if not isinstance(value, kind) or isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
            raise UserError(f"{path} lacks or garbles {'.'.join(keys)}", remedy)
    if not all(isinstance(value, _NUMBER) for value in record["seconds"].values()):
        raise UserError(f"{path} lacks or garbles seconds", remedy)
    if not {record["file"], f"{record['name']}.probabilities.npz"} <= set(record["outputs"]) or "reviews.csv" not in record["inputs"]:
        raise UserError(f"{path} lacks or garbles outputs or inputs", remedy)
    return record


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
    found = []
    for kind in ("outputs", "inputs"):
        for name, expected in record[kind].items():
            path = folder / name
            if not path.is_file():
                found.append(f"{name} is missing")
            elif sha256(path) != expected:
                found.append(f"{name} has changed since")
    return found


def load_probabilities(folder: Path, name: str) -> dict[str, np.ndarray]:
    """The arrays beside a record: `test`, `validation`, `outside`, and those of `Truth`."""
    with np.load(folder / f"{name}.probabilities.npz", allow_pickle=False) as saved:
        return {key: saved[key] for key in saved.files}
