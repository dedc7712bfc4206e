"""A model against another one on the same test texts, by one rule: `sentipress.evaluation.statistics.verdict`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sentipress.core import manifest
from sentipress.evaluation import statistics
from sentipress.reporting.saved import Saved

CONTROL = "control"  # role of rows that no one would use


@dataclass(frozen=True)
class Comparison:
    """A model against another one on the same test texts.

    Attributes:
        difference: accuracy minus the other's: `value`, `low`, `high` (95 %), as shares.
        p: two-sided, against no difference: of McNemar's exact test, or over seeds of `statistics.over_seeds`.
        p_holm: the same, corrected after Holm for the rows that one question is about.
        p_no_worse: one-sided, against a loss of `statistics.MARGIN` or more.
        p_no_worse_holm: the same, corrected likewise.
        agreement: share of texts on which both decide the same; over seeds the mean.
        seeds: trainings of each model that went into it.
        counted: rows of that question; 1 where nothing was corrected.
    """

    difference: Mapping[str, float]
    p: float
    p_holm: float
    p_no_worse: float
    p_no_worse_holm: float
    agreement: float
    seeds: int = 1
    counted: int = 1

    @property
    def value(self) -> float:
        """Accuracy minus the other's, a share."""
        return self.difference["value"]

    @property
    def verdict(self) -> str:
        """By the corrected p values: "no worse", "worse" or "undecided"."""
        return statistics.verdict(self.value, self.p_holm, self.p_no_worse_holm)

    @property
    def better(self) -> bool:
        """Whether there is a gain at all, by the corrected p value."""
        return self.value > 0 and self.p_holm < statistics.SIGNIFICANT


def compare(own: Saved, other: Saved) -> Comparison:
    """Compare two models that were scored on the same texts; nothing is corrected yet."""
    found = statistics.comparison(own.test, other.test, own.labels, own.task)
    difference = {key: found[key] for key in ("value", "low", "high")}
    agreement = float(np.mean(own.decided == other.decided))
    return Comparison(difference, found["p"], found["p"], found["p_no_worse"], found["p_no_worse"], agreement)


def compare_over_seeds(pairs: Sequence[tuple[Saved, Saved]]) -> Comparison | None:
    """Compare two models over several seeds, a pair of each seed; None for fewer than two.

    All of them hold the same texts in the same order.
    """
    if len(pairs) < 2:
        return None
    gained = [own.right.astype(np.int8) - other.right.astype(np.int8) for own, other in pairs]
    found = statistics.over_seeds(np.stack(gained))
    difference = {key: found[key] for key in ("value", "low", "high")}
    agreement = float(np.mean([np.mean(own.decided == other.decided) for own, other in pairs]))
    return Comparison(difference, found["p"], found["p"], found["p_no_worse"], found["p_no_worse"], agreement, len(pairs))


def family(record: Mapping[str, Any]) -> str:
    """Name the question that a row belongs to: its stage; for a chain of stage 6 the chain."""
    stage = str(record["stage"])
    return f"{stage} {str(record['name']).split('_')[0]}" if stage == manifest.COMBINATION else stage


def corrected(compared: Iterable[tuple[Mapping[str, Any], Comparison]]) -> dict[str, Comparison]:
    """Correct p values after Holm within each family; by name of the row.

    Controls, and rows that decide as the other one on every text, ask nothing: they are not counted and keep their p.

    Args:
        compared: metrics records and their comparisons, not corrected yet.
    """
    compared = list(compared)
    result = {str(record["name"]): comparison for record, comparison in compared}
    families: dict[str, list[str]] = {}
    for record, comparison in compared:
        if record["role"] != CONTROL and comparison.agreement < 1:
            families.setdefault(family(record), []).append(str(record["name"]))
    for names in families.values():
        two_sided = statistics.holm([result[name].p for name in names])
        one_sided = statistics.holm([result[name].p_no_worse for name in names])
        for name, p, p_no_worse in zip(names, two_sided, one_sided, strict=True):
            result[name] = replace(result[name], p_holm=p, p_no_worse_holm=p_no_worse, counted=len(names))
    return result
