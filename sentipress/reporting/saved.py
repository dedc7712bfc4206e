"""Saved probabilities of a model, and the texts that they are of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sentipress.core import manifest
from sentipress.data.task import Task
from sentipress.evaluation import records


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
