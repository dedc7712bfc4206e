"""Is one model really better than another on the same texts? Statistics by scipy, statsmodels and scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from sentipress.data.task import SENTIMENT, Task

RESAMPLES = 2000
BINS = 15  # of the calibration error; Guo et al., "On Calibration of Modern Neural Networks" (2017), section 3
SIGNIFICANT = 0.05


def difference(model: np.ndarray, base: np.ndarray) -> dict[str, float]:
    """Subtract a base's accuracy from a model's on the same texts, with a 95 % interval by paired bootstrap.

    Args:
        model: whether each text is labelled rightly, bool (texts,).
        base: the same of the base, in the same order.

    Returns:
        `value`, `low` and `high`, as shares. The bounds are percentiles of 2,000 resamples of texts, seed 0.
    """
    gained = model.astype(np.float32) - base.astype(np.float32)
    value = float(gained.mean())
    if not gained.any():
        return {"value": 0.0, "low": 0.0, "high": 0.0}
    interval = stats.bootstrap(
        (gained,), np.mean, n_resamples=RESAMPLES, batch=250, method="percentile", vectorized=True, rng=np.random.default_rng(0)
    ).confidence_interval
    return {"value": value, "low": float(interval.low), "high": float(interval.high)}


def mcnemar_p(model: np.ndarray, base: np.ndarray) -> float:
    """Test with McNemar's exact test whether a model and a base err equally often; give the two-sided p value.

    Args:
        model: whether each text is labelled rightly, bool (texts,).
        base: the same of the base, in the same order.
    """
    only_model, only_base = int((model & ~base).sum()), int((~model & base).sum())
    both, neither = int((model & base).sum()), int((~model & ~base).sum())
    return float(mcnemar([[both, only_model], [only_base, neither]], exact=True).pvalue)


def comparison(probabilities: np.ndarray, control: np.ndarray, labels: np.ndarray, task: Task = SENTIMENT) -> dict[str, float]:
    """Compare two models by their probabilities for the same texts.

    Args:
        probabilities: of the model, float, in the shape of `Task`: (texts,) for two labels, else (texts, labels).
        control: of the model that it is compared with, same shape.
        labels: true numbers (texts,).
        task: of both models.

    Returns:
        `value`, `low` and `high` of `difference`, and `p` of `mcnemar_p`.
    """
    right, control_right = task.right(probabilities, labels), task.right(control, labels)
    return {**difference(right, control_right), "p": mcnemar_p(right, control_right)}


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p values for their number after Holm (1979)."""
    return [float(p) for p in multipletests(list(p_values), method="holm")[1]] if p_values else []


def calibration(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    """Measure how far probabilities are from observed shares: the expected calibration error over 15 equal bins.

    With two labels the probability is that of the last label, and the share is of texts that have it. With more, the
    probability is that of the chosen label (the confidence), and the share is of texts that are labelled rightly.

    Args:
        labels: true numbers (texts,).
        probabilities: float, (texts,) for two labels, (texts, labels) for more.

    Returns:
        `error` (0 to 1), and `bins`: of each that is not empty `predicted` (mean probability), `observed` (share), `n`.
    """
    if probabilities.ndim == 2:
        outcomes = (np.argmax(probabilities, axis=1) == labels).astype(np.float64)
        probabilities = probabilities.max(axis=1)
    else:
        outcomes = labels
    bin_index = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    counts = np.bincount(bin_index, minlength=BINS)
    filled = counts > 0
    predicted = np.bincount(bin_index, probabilities, BINS)[filled] / counts[filled]
    observed = np.bincount(bin_index, outcomes, BINS)[filled] / counts[filled]
    error = float(np.sum(np.abs(predicted - observed) * counts[filled]) / len(labels))
    bins = [{"predicted": float(p), "observed": float(o), "n": int(n)} for p, o, n in zip(predicted, observed, counts[filled], strict=True)]
    return {"error": error, "bins": bins}


def by_group(right: np.ndarray, groups: np.ndarray, names: Sequence[str]) -> list[dict[str, Any]]:
    """Take the accuracy within each group of texts.

    Args:
        right: whether each text is labelled rightly, bool (texts,).
        groups: number of each text's group, int (texts,).
        names: of the groups, in the order of their numbers.

    Returns:
        Per group `name`, `n` and `value`: a share, None where the group is empty.
    """
    return [
        {"name": name, "n": int((groups == g).sum()), "value": float(right[groups == g].mean()) if (groups == g).any() else None}
        for g, name in enumerate(names)
    ]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Take mean and standard deviation (of a sample) of the same figure over several seeds; `n` is their number."""
    return {"n": len(values), "mean": float(np.mean(values)), "sd": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0}
