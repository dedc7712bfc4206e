"""Time of one review, measured so that two models can be compared."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

ROUNDS = 3  # over the same reviews: what differs between them is noise
# Stands in each record. Other words are another clock (`comparable`): change them when the way of timing changes, and only then.
WHAT = (
    "one review; networks from ids, bags of words from cleaned text; Keras compiled by XLA on all cores, the rest on one thread; "
    "p50 at the review's own length (Keras: the next multiple of 50), padded_p50 with ids filled up to the model's length and all "
    "of them computed where the runtime can"
)


@dataclass(frozen=True)
class Clocked:
    """A model to be timed.

    Attributes:
        one: a function of one review that does no work on padding, where the runtime can leave it out.
        padded: the same that computes the padding as well.
        reviews: the same reviews for every model, as this one takes them: ids int32 (1, length), or a list of one text.
    """

    one: Callable[[Any], Any]
    padded: Callable[[Any], Any]
    reviews: Sequence[Any]


def measure(models: Mapping[str, Clocked], base: str) -> dict[str, dict[str, Any]]:
    """Time each model on each review, in turns, so that a change of the machine's speed meets all of them.

    Args:
        models: by name.
        base: the name that the ratios refer to.

    Returns:
        Per name, in milliseconds: p50 and p95 over all rounds, p50_low and p50_high, the extremes of the rounds' medians, and
        padded_p50 of one round. `ratio_to_base` is the median over reviews of time / base time, ratio_low and ratio_high its
        extremes over the rounds; `runs` and `rounds` count.
    """
    reviews = len(models[base].reviews)
    for model in models.values():
        for review in model.reviews:  # all of them: XLA compiles a program for each length
            model.one(review)
            model.padded(review)
    spent = {name: np.empty((ROUNDS, reviews)) for name in models}
    padded = {name: np.empty(reviews) for name in models}
    for index in range(reviews):
        for name, model in models.items():
            padded[name][index] = _seconds(model.padded, model.reviews[index])
    for number in range(ROUNDS):
        for index in range(reviews):
            for name, model in models.items():
                spent[name][number, index] = _seconds(model.one, model.reviews[index])
    return {name: _summary(times, padded[name], spent[base], base) for name, times in spent.items()}


def comparable(times: Mapping[str, Any]) -> bool:
    """Whether a row's times are of this clock: those of an earlier one do not stand beside them."""
    return times.get("what") == WHAT


def _seconds(call: Callable[[Any], Any], review: Any) -> float:
    started = time.perf_counter()
    call(review)
    return time.perf_counter() - started


def _summary(times: np.ndarray, padded: np.ndarray, base_times: np.ndarray, base: str) -> dict[str, Any]:
    medians, ratios = np.median(times, axis=1) * 1000, np.median(times / base_times, axis=1)
    return {
        "p50_ms": float(np.median(times) * 1000),
        "p50_low_ms": float(medians.min()),
        "p50_high_ms": float(medians.max()),
        "p95_ms": float(np.percentile(times, 95) * 1000),
        "padded_p50_ms": float(np.median(padded) * 1000),
        "ratio_to_base": float(np.median(times / base_times)),
        "ratio_low": float(ratios.min()),
        "ratio_high": float(ratios.max()),
        "runs": times.size,
        "rounds": len(times),
        "base": base,
        "what": WHAT,
    }


def shown(value: float, low: float | None, high: float | None, most: int = 3) -> str:
    """Write a measured value with the digits that its spread supports: the last one is the first that is uncertain.

    Args:
        value: what was measured, above 0.
        low: the lowest of several measurements; None where there was but one.
        high: the highest.
        most: decimals at most, and where nothing is known of the spread 2 significant digits.
    """
    if value <= 0 or not math.isfinite(value):
        return f"{value:g}"
    spread = value / 10 if low is None or high is None else high - low
    decimals = most if spread <= 0 else -math.floor(math.log10(spread))
    decimals = min(most, max(decimals, -math.floor(math.log10(value))))  # one significant digit at least
    return f"{value:,.{max(0, decimals)}f}"
