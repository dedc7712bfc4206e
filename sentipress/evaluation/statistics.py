"""Is one model really better than another on the same texts? Statistics by scipy, statsmodels and scikit-learn."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from sentipress.data.task import SENTIMENT, Task

RESAMPLES = 2000
BINS = 15  # of the calibration error; Guo et al., "On Calibration of Modern Neural Networks" (2017), section 3
SIGNIFICANT = 0.05
MARGIN = 0.005  # of accuracy: a smaller loss does not matter in practice; fixed before the official test half was scored
NO_WORSE, WORSE, UNDECIDED = "no worse", "worse", "undecided"  # verdicts


def difference(model: np.ndarray, base: np.ndarray) -> dict[str, float]:
    """Subtract a base's accuracy from a model's on the same texts, with a 95 % interval by paired bootstrap.

    Args:
        model: whether each text is labelled rightly, bool (texts,).
        base: the same of the base, in the same order.

    Returns:
        `value`, `low` and `high`, as shares. The bounds are percentiles of 2,000 resamples of texts, seed 0.
    """
    gained = model.astype(np.int8) - base.astype(np.int8)
    low, high = _bounds(gained.tobytes()) if gained.any() else (0.0, 0.0)
    return {"value": float(gained.astype(np.float32).mean()), "low": low, "high": high}


@functools.lru_cache(maxsize=1024)
def _bounds(gained: bytes) -> tuple[float, float]:
    """The bounds of `difference` for gains int8 (texts,), as bytes: a report asks for those of the same rows in several places."""
    values = np.frombuffer(gained, np.int8).astype(np.float32)
    interval = stats.bootstrap(
        (values,), np.mean, n_resamples=RESAMPLES, batch=250, method="percentile", vectorized=True, rng=np.random.default_rng(0)
    ).confidence_interval
    return float(interval.low), float(interval.high)


def mcnemar_p(model: np.ndarray, base: np.ndarray) -> float:
    """Test with McNemar's exact test whether a model and a base err equally often; give the two-sided p value.

    Args:
        model: whether each text is labelled rightly, bool (texts,).
        base: the same of the base, in the same order.
    """
    only_model, only_base = int((model & ~base).sum()), int((~model & base).sum())
    both, neither = int((model & base).sum()), int((~model & ~base).sum())
    return float(mcnemar([[both, only_model], [only_base, neither]], exact=True).pvalue)


def equivalence_p(model: np.ndarray, base: np.ndarray, margin: float = MARGIN) -> dict[str, float]:
    """Test by two one-sided paired t tests whether a model's accuracy lies within a margin of a base's.

    Schuirmann, "A comparison of the two one-sided tests procedure and the power approach" (1987). The differences of
    single texts are -1, 0 or 1; with thousands of texts their mean is as good as normal. With few texts that hardly differ the
    t test is too sure: no p value is below (1 - margin) ** texts, the chance that a loss of the margin shows on no text.

    Args:
        model: whether each text is labelled rightly, bool (texts,).
        base: the same of the base, in the same order.
        margin: of accuracy, a share.

    Returns:
        `no_worse`: p value against a loss of at least the margin; `no_better`: against a gain of at least the margin;
        `equal`: the larger of both.
    """
    gained = model.astype(np.float64) - base.astype(np.float64)
    if np.ptp(gained) == 0:  # nothing varies: the t test is not defined
        lower, upper = float(gained[0] <= -margin), float(gained[0] >= margin)
    else:
        _, (_, lower, _), (_, upper, _) = ttost_paired(model.astype(np.float64), base.astype(np.float64), -margin, margin)
    least = (1 - margin) ** len(gained)
    no_worse, no_better = max(float(lower), least), max(float(upper), least)
    return {"no_worse": no_worse, "no_better": no_better, "equal": max(no_worse, no_better)}


def verdict(value: float, p: float, p_no_worse: float) -> str:
    """Judge a model against another one: "no worse", "worse" or "undecided". The same rule everywhere.

    Args:
        value: its accuracy minus the other's.
        p: of McNemar's test, corrected where several rows answer one question.
        p_no_worse: of `equivalence_p`, corrected likewise.

    Returns:
        "no worse" if a loss of `MARGIN` or more is ruled out, else "worse" if there is a loss at all, else "undecided".
    """
    if p_no_worse < SIGNIFICANT:
        return NO_WORSE
    return WORSE if value < 0 and p < SIGNIFICANT else UNDECIDED


def over_seeds(gained: np.ndarray, margin: float = MARGIN) -> dict[str, float]:
    """Mean difference of two models over seeds and texts, both being samples: another seed and other texts would do as well.

    A crossed random-effects model, difference = mean + seed + text + rest, with variances by analysis of variance
    (Cornfield & Tukey, "Average values of mean squares in factorials", 1956) and degrees of freedom after Satterthwaite
    (1946). With few seeds that differ much the interval is wide, as it should be.

    Args:
        gained: what the model gained on each text with each seed, -1, 0 or 1: (seeds, texts), at least two of each.
        margin: for `p_no_worse`.

    Returns:
        `value`, `low`, `high` (95 %), `p` (two-sided, against no difference), `p_no_worse` (one-sided, against a loss of the
        margin), `seeds`, `sd_seeds` (standard deviation of the seeds' means).
    """
    values = gained.astype(np.float64)
    seeds, texts = values.shape
    if min(seeds, texts) < 2:
        raise ValueError(f"{seeds} seeds and {texts} texts: at least two of each are needed")
    least = (1 - margin) ** texts  # as in `equivalence_p`
    mean, by_seed, by_text = values.mean(), values.mean(axis=1), values.mean(axis=0)
    rest = values - by_seed[:, np.newaxis] - by_text + mean
    seed_square = texts * ((by_seed - mean) ** 2).sum() / (seeds - 1)
    text_square = seeds * ((by_text - mean) ** 2).sum() / (texts - 1)
    rest_square = (rest**2).sum() / ((seeds - 1) * (texts - 1))
    # Of the mean: (seed + text - rest) / number; where the rest explains all of the seeds' spread, that of the texts alone.
    parts = [(seed_square, seeds - 1), (text_square, texts - 1), (-rest_square, (seeds - 1) * (texts - 1))]
    if seed_square <= rest_square:
        parts = [(text_square, texts - 1)]
    variance = sum(square for square, _ in parts) / values.size
    result = {"value": float(mean), "seeds": seeds, "sd_seeds": float(by_seed.std(ddof=1))}
    if variance <= 0:
        return {**result, "low": float(mean), "high": float(mean), "p": float(mean == 0), "p_no_worse": max(float(mean <= -margin), least)}
    degrees = (variance * values.size) ** 2 / sum(square**2 / df for square, df in parts)
    error, t = float(np.sqrt(variance)), stats.t(degrees)
    half = float(t.ppf(0.975)) * error
    return {
        **result,
        "low": float(mean - half),
        "high": float(mean + half),
        "p": float(2 * t.sf(abs(mean) / error)),
        "p_no_worse": max(float(t.sf((mean + margin) / error)), least),
    }


def comparison(probabilities: np.ndarray, control: np.ndarray, labels: np.ndarray, task: Task = SENTIMENT) -> dict[str, float]:
    """Compare two models by their probabilities for the same texts.

    Args:
        probabilities: of the model, float, in the shape of `Task`: (texts,) for two labels, else (texts, labels).
        control: of the model that it is compared with, same shape.
        labels: true numbers (texts,).
        task: of both models.

    Returns:
        `value`, `low` and `high` of `difference`, `p` of `mcnemar_p`, and `p_no_worse` of `equivalence_p`.
    """
    right, control_right = task.right(probabilities, labels), task.right(control, labels)
    p_no_worse = equivalence_p(right, control_right)["no_worse"]
    return {**difference(right, control_right), "p": mcnemar_p(right, control_right), "p_no_worse": p_no_worse}


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
