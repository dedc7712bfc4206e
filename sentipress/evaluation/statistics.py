"""Is one model really better than another on the same reviews? Statistics by scipy, statsmodels and scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

RESAMPLES = 2000
BINS = 15  # of the calibration error; Guo et al., "On Calibration of Modern Neural Networks" (2017), section 3
SIGNIFICANT = 0.05


def difference(model: np.ndarray, base: np.ndarray) -> dict[str, float]:
    """Accuracy of a model minus that of a base on the same reviews, with a 95 % interval by paired bootstrap.

    Args:
        model: bool (reviews,), right or wrong.
        base: the same of the base, in the same order.

    Returns:
        value, low, high, as shares; percentiles of 2,000 resamples of reviews, seed 0.
    """
    gained = model.astype(np.float32) - base.astype(np.float32)
    value = float(gained.mean())
    if not gained.any():
        return {"value": 0.0, "low": 0.0, "high": 0.0}
    found = stats.bootstrap(
        (gained,), np.mean, n_resamples=RESAMPLES, batch=250, method="percentile", vectorized=True, rng=np.random.default_rng(0)
    ).confidence_interval
    return {"value": value, "low": float(found.low), "high": float(found.high)}


def mcnemar_p(model: np.ndarray, base: np.ndarray) -> float:
    """Exact two-sided p value of McNemar's test that both err equally often; arguments as in `difference`."""
    only_model, only_base = int((model & ~base).sum()), int((~model & base).sum())
    both, neither = int((model & base).sum()), int((~model & ~base).sum())
    return float(mcnemar([[both, only_model], [only_base, neither]], exact=True).pvalue)


def comparison(probabilities: np.ndarray, control: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """`difference` and McNemar's p value of two models' probabilities of "positive" on the same reviews (reviews,)."""
    right, control_right = ((each > 0.5) == (labels > 0.5) for each in (probabilities, control))
    return {**difference(right, control_right), "p": mcnemar_p(right, control_right)}


def holm(p_values: Sequence[float]) -> list[float]:
    """P values corrected for their number after Holm (1979)."""
    return [float(p) for p in multipletests(list(p_values), method="holm")[1]] if p_values else []


def calibration(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, Any]:
    """How far probabilities are from shares: expected calibration error over equal bins of P(positive).

    Args:
        labels: 0 or 1 (reviews,).
        probabilities: float (reviews,).

    Returns:
        error (0 to 1), and per bin that is not empty: predicted (mean probability), observed (share of positives), n.
    """
    place = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    counts = np.bincount(place, minlength=BINS)
    filled = counts > 0
    predicted = np.bincount(place, probabilities, BINS)[filled] / counts[filled]
    observed = np.bincount(place, labels, BINS)[filled] / counts[filled]
    error = float(np.sum(np.abs(predicted - observed) * counts[filled]) / len(labels))
    bins = [{"predicted": float(p), "observed": float(o), "n": int(n)} for p, o, n in zip(predicted, observed, counts[filled], strict=True)]
    return {"error": error, "bins": bins}


def by_group(right: np.ndarray, groups: np.ndarray, names: Sequence[str]) -> list[dict[str, Any]]:
    """Accuracy within each group: name, n, value (None where a group is empty)."""
    return [
        {"name": name, "n": int((groups == g).sum()), "value": float(right[groups == g].mean()) if (groups == g).any() else None}
        for g, name in enumerate(names)
    ]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Mean and standard deviation (of a sample) of the same figure over several seeds."""
    return {"n": len(values), "mean": float(np.mean(values)), "sd": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0}
