"""scikit-learn's classification report of a task."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import classification_report

from sentipress.data.task import Task


def report(task: Task, labels: np.ndarray, probabilities: np.ndarray) -> str:
    """Precision, recall and F1 of each label as text.

    Args:
        task: the labels.
        labels: their numbers (texts,).
        probabilities: in the task's shape.
    """
    decided, numbers = task.decide(probabilities), list(range(len(task.labels)))
    return str(
        classification_report(labels.astype(int), decided, labels=numbers, target_names=list(task.labels), digits=4, zero_division=0)
    )
