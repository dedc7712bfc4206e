"""The ledger: every scoring of a test set, so that a reader can count how often its texts were looked at.

A folder's `ledger.csv` has a line for each model file that was scored there on all test texts. Publishing a folder adds its
lines to the ledger beside the published folders (`results/ledger.csv`). The same bytes scored again tell nothing new and
make no line.
"""

from __future__ import annotations

import csv
import functools
import hashlib
import io
import subprocess
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from sentipress.core import files
from sentipress.core.errors import UserError

NAME = "ledger.csv"
COLUMNS = ("date", "commit", "row", "task", "test_set", "texts", "accuracy", "model_sha256")
ID_LENGTH = 12  # hexadecimal digits of a test set's name
PROJECT = Path(__file__).resolve().parent.parent.parent

Line = dict[str, str]


def test_set(rows: np.ndarray, labels: np.ndarray) -> str:
    """Name of a test set: a hash of which rows of the source it has, and of their labels, in order.

    Args:
        rows: of the source, int64 (texts,).
        labels: numbers of their labels (texts,).
    """
    content = rows.astype("<i8").tobytes() + labels.astype("<f4").tobytes()
    return hashlib.sha256(content).hexdigest()[:ID_LENGTH]


def line(row: str, right: np.ndarray, model: Path, task: str, name: str) -> Line:
    """The line of a scoring that was made now.

    Args:
        row: name of the model.
        right: whether each test text is labelled rightly, bool (texts,).
        model: the file that was scored.
        task: in words: texts and split.
        name: of `test_set`.
    """
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit(),
        "row": row,
        "task": task,
        "test_set": name,
        "texts": str(len(right)),
        "accuracy": f"{float(np.mean(right)):.6f}",
        "model_sha256": files.sha256(model),
    }


def read(path: Path) -> list[Line]:
    """Lines of a ledger; none if there is no file.

    Raises:
        UserError: damaged.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    except FileNotFoundError:
        return []
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is damaged ({error})", "restore it from git, or move it away") from None
    if any(set(row) != set(COLUMNS) or None in row.values() for row in rows):
        raise UserError(f"{path} is damaged (its columns are not {','.join(COLUMNS)})", "restore it from git, or move it away")
    return rows


def append(path: Path, lines: Iterable[Line]) -> None:
    """Add lines of scorings that the ledger does not have yet; the file is replaced atomically."""
    written = read(path)
    every: dict[tuple[str, str], Line] = {}
    for one in (*written, *lines):
        every.setdefault(_scoring(one), one)
    if list(every.values()) == written:
        return
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(every.values())
    files.write_text(path, stream.getvalue())


def publish(folder: Path, target: Path) -> None:
    """Add a folder's lines to the ledger beside a published folder or above that, or inside it where there is none."""
    above = (target.parent / NAME, target.parent.parent / NAME)
    append(next((path for path in above if path.is_file()), target / NAME), read(folder / NAME))


def uses(folder: Path, name: str) -> int:
    """How many model files were scored on a test set, by the ledgers of a folder, beside it, and of the project.

    Args:
        folder: with or without a ledger.
        name: of `test_set`.
    """
    paths = {path.resolve() for path in (folder / NAME, folder.parent / NAME, PROJECT / "results" / NAME)}
    return len({_scoring(one) for path in paths for one in read(path) if one["test_set"] == name})


def _scoring(one: Line) -> tuple[str, str]:
    return one["test_set"], one["model_sha256"]


@functools.cache
def commit() -> str:
    """Commit of the project's code, with "-dirty" behind it if it was changed since; "" outside git."""
    command = ["git", "-C", str(PROJECT), "describe", "--always", "--dirty", "--exclude", "*", "--abbrev=12"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
