"""Time of one review, measured so that two models can be compared."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

WARM_UP = 20


def measure(models: Mapping[str, Callable[[np.ndarray], Any]], ids: np.ndarray, base: str) -> dict[str, dict[str, Any]]:
    """Time each model on each review, in turns, so that a change of the machine's speed meets all of them.

    Args:
        models: name to a function of one review's ids, int32 (1, length).
        ids: reviews to time, int32 (reviews, length); a random sample, long and short ones.
        base: the name that the ratios refer to.

    Returns:
        Per name: p50 and p95 in milliseconds, runs, and `ratio_to_base`, the median over reviews of time / base time.
    """
    rows = [row[np.newaxis] for row in ids]
    for call in models.values():
        for row in rows[:WARM_UP]:
            call(row)
    times = {name: np.empty(len(rows)) for name in models}
    for place, row in enumerate(rows):
        for name, call in models.items():
            started = time.perf_counter()
            call(row)
            times[name][place] = time.perf_counter() - started
    return {
        name: {
            "p50_ms": float(np.percentile(spent, 50) * 1000),
            "p95_ms": float(np.percentile(spent, 95) * 1000),
            "runs": len(rows),
            "ratio_to_base": float(np.median(spent / times[base])),
            "base": base,
            "what": "one review from ids, tokenization not counted; Keras on all cores, LiteRT on one thread",
        }
        for name, spent in times.items()
    }
