"""How right probabilities are: accuracy with its interval, F1, AUC, log loss, and the same for each label."""

from __future__ import annotations

from typing import Any, TypedDict

import numpy as np
from sklearn.metrics import confusion_matrix, log_loss, roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from sentipress.data.task import Task

LEAST_PROBABILITY = 1e-7  # a smaller one counts as this in the log loss


class Accuracy(TypedDict):
    """A share of right answers with its 95 % interval."""

    value: float
    low: float
    high: float
    correct: int
    n: int
    interval: str


class PerLabel(TypedDict):
    """Precision, recall and F1 of one label, and how many texts have it."""

    label: str
    precision: float
    recall: float
    f1: float
    n: int


class Scores(TypedDict):
    """Scores of one model on one set of texts. `auc` is None where a label has no text."""

    accuracy: Accuracy
    log_loss: float
    f1: float
    macro_f1: float
    weighted_f1: float
    auc: float | None
    confusion: list[list[int]]
    per_label: list[PerLabel]


def accuracy_interval(correct: int, total: int) -> tuple[float, float]:
    """95 % interval of a share after Wilson (1927), by statsmodels."""
    low, high = proportion_confint(correct, total, alpha=0.05, method="wilson")
    return float(low), float(high)


def scores(labels: np.ndarray, probabilities: np.ndarray, task: Task) -> Scores:
    """Scores of probabilities against the numbers of the labels (texts,).

    `f1` is that of the last label for two labels, the weighted one for more; `auc` is the macro average of one against
    the rest for more than two.
    """
    truth, decided = labels.astype(np.int64), task.decide(probabilities)
    numbers = list(range(len(task.labels)))
    matrix = confusion_matrix(truth, decided, labels=numbers).tolist()
    correct, total = int((truth == decided).sum()), len(truth)
    low, high = accuracy_interval(correct, total)
    clipped = np.clip(probabilities.astype(np.float64), LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    if not task.binary:
        clipped = clipped / clipped.sum(axis=1, keepdims=True)
    averages = from_confusion(matrix, task.labels)
    return {
        "accuracy": {"value": correct / total, "low": low, "high": high, "correct": correct, "n": total, "interval": "Wilson 95 %"},
        "log_loss": float(log_loss(truth, clipped, labels=numbers)),
        "f1": averages["per_label"][-1]["f1"] if task.binary else averages["weighted_f1"],
        "macro_f1": averages["macro_f1"],
        "weighted_f1": averages["weighted_f1"],
        "auc": _auc(truth, clipped if not task.binary else probabilities, task),
        "confusion": matrix,
        "per_label": averages["per_label"],
    }


def _auc(truth: np.ndarray, probabilities: np.ndarray, task: Task) -> float | None:
    """Area under the ROC curve; None where a label has no text."""
    if len(np.unique(truth)) < len(task.labels):
        return None
    if task.binary:
        return float(roc_auc_score(truth, probabilities))
    return float(roc_auc_score(truth, probabilities, multi_class="ovr", average="macro"))


def from_confusion(matrix: list[list[int]], labels: tuple[str, ...]) -> Any:
    """`per_label`, `macro_f1` and `weighted_f1` of a confusion matrix (true labels down, decided ones across).

    A label that was never decided, or that no text has, counts 0.
    """
    counts = np.array(matrix, np.float64)
    right, decided, true = np.diag(counts), counts.sum(axis=0), counts.sum(axis=1)
    precision, recall = (right / np.maximum(of, 1) for of in (decided, true))
    # 2 * right / (decided + true), as scikit-learn has it.
    f1 = 2 * right / np.maximum(decided + true, 1)
    return {
        "per_label": [
            {"label": label, "precision": float(p), "recall": float(r), "f1": float(f), "n": int(n)}
            for label, p, r, f, n in zip(labels, precision, recall, f1, true, strict=True)
        ],
        "macro_f1": float(f1.mean()),
        "weighted_f1": float((f1 * true).sum() / max(1.0, true.sum())),
    }
