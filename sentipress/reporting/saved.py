"""Saved probabilities of a model, and how often the texts behind them were used."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sentipress.core import manifest
from sentipress.data.task import Task
from sentipress.evaluation import records

LEDGER = "ledger.csv"  # a line for each model file that was scored on a test set
NAME_DIGITS = 12  # of a test set's name in the ledger


@dataclass(frozen=True)
class Saved:
    """Test probabilities of a model.

    Attributes:
        task: the labels.
        rows: of the source, int64 (texts,).
        labels: true numbers (texts,).
        test: probabilities in the task's shape.
    """

    task: Task
    rows: np.ndarray
    labels: np.ndarray
    test: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """Whether each text is labelled rightly: bool (texts,)."""
        return self.task.right(self.test, self.labels)

    @property
    def decided(self) -> np.ndarray:
        """Number of the label chosen for each text."""
        return self.task.decide(self.test)

    def in_order(self) -> Saved:
        """The same with the texts in the order of their rows in the source."""
        order = np.argsort(self.rows, kind="stable")
        return Saved(self.task, self.rows[order], self.labels[order], self.test[order])

    def same_texts(self, other: Saved) -> bool:
        """Whether both are of the same texts in the same order, with the same labels to choose from."""
        return self.task.labels == other.task.labels and np.array_equal(self.rows, other.rows)


def load(folder: Path, record: Mapping[str, Any]) -> Saved:
    """Read the probabilities beside a metrics record.

    Raises:
        ValueError: they cannot be read; the sentence says why.
    """
    try:
        task = Task(labels=tuple(record["labels"]))
        arrays = records.load_probabilities(folder, record["name"])
        labels, test = arrays["test_label"].astype(np.float64), arrays["test"].astype(np.float64)
        expected = (len(labels),) if task.binary else (len(labels), len(task.labels))
        if test.shape != expected:
            raise ValueError(f"shape {test.shape} instead of {expected}")
        return Saved(task, arrays["test_row"], labels, test)
    except Exception as error:  # zipfile, zlib and numpy raise many kinds for damaged bytes
        raise ValueError(f"{record['name']}{manifest.PROBABILITIES} cannot be read ({error})") from error


def uses(folder: Path, rows: np.ndarray, labels: np.ndarray) -> int:
    """Count how many different model files were scored on a test set; 0 where no ledger speaks of it.

    Args:
        folder: its ledger and the one beside it are read.
        rows: of the source, int64 (texts,).
        labels: numbers of their labels (texts,).
    """
    content = rows.astype("<i8").tobytes() + labels.astype("<f4").tobytes()
    name = hashlib.sha256(content).hexdigest()[:NAME_DIGITS]
    scored = set()
    for path in (folder / LEDGER, folder.resolve().parent / LEDGER):
        if path.is_file():
            with open(path, encoding="utf-8", newline="") as stream:
                scored |= {(line.get("row"), line.get("model_sha256")) for line in csv.DictReader(stream) if line.get("test_set") == name}
    return len(scored)
