"""Time of one review, measured so that two models can be compared."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

WARM_UP = 20


def measure(models: Mapping[str, Callable[[Any], Any]], reviews: Mapping[str, Sequence[Any]], base: str) -> dict[str, dict[str, Any]]:
    """Time each model on each review, in turns, so that a change of the machine's speed meets all of them.

    Args:
        models: name to a function of one review.
        reviews: name to the same reviews as that model takes them: ids int32 (1, length), or a list of one text; a
            random sample, long and short ones.
        base: the name that the ratios refer to.

    Returns:
        Per name: p50 and p95 in milliseconds, runs, and `ratio_to_base`, the median over reviews of time / base time.
    """
    runs = len(reviews[base])
    for name, call in models.items():
        for review in reviews[name][:WARM_UP]:
            call(review)
    times = {name: np.empty(runs) for name in models}
    for index in range(runs):
        for name, call in models.items():
            review = reviews[name][index]
            started = time.perf_counter()
            call(review)
            times[name][index] = time.perf_counter() - started
    return {
        name: {
            "p50_ms": float(np.percentile(spent, 50) * 1000),
            "p95_ms": float(np.percentile(spent, 95) * 1000),
            "runs": runs,
            "ratio_to_base": float(np.median(spent / times[base])),
            "base": base,
            "what": "one review; networks from ids, bags of words from cleaned text; Keras on all cores, the rest on one thread",
        }
        for name, spent in times.items()
    }
