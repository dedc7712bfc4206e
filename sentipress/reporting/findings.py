"""Sentences on what the figures support, and the rows that deserve a closer look."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sentipress.evaluation import statistics
from sentipress.reporting.evidence import Evidence, ScoredRow


def findings(evidence: Evidence) -> list[str]:
    """Say what the table supports, a sentence per row that can be compared with the base."""
    base = evidence.base
    if not base:
        return ["There is no base to compare with."]
    return [f"{row.technique} is {_size(row, base)}; {accuracy_sentence(row)}." for row in evidence.scored if row.comparison]


def _size(row: ScoredRow, base: ScoredRow) -> str:
    """How large a model is beside the base."""
    if row.role == "classical":  # a bag of words is little but vocabulary, so there the base counts with its own
        ratio, zipped = base.deployed_bytes / row.deployed_bytes, base.deployed_gzip_bytes / row.deployed_gzip_bytes
    else:
        ratio, zipped = size_ratio(row, base), size_ratio(row, base, "gzip_bytes")
    packed = f" ({zipped:.1f} times smaller after gzip)" if zipped > max(1.0, 1.2 * ratio) else ""
    if 0.97 < ratio < 1.03:
        return f"as large as the base{packed}"
    return (f"{ratio:.1f} times smaller" if ratio > 1 else f"{1 / ratio:.1f} times larger") + packed


def size_ratio(row: ScoredRow, base: ScoredRow, unit: str = "bytes") -> float:
    """Divide the base's model file by a row's, by `bytes` or `gzip_bytes`: 2 for one of half the size."""
    return base.record["size"][unit] / row.record["size"][unit]


def distinguishable(row: ScoredRow) -> bool:
    """Whether a row's accuracy differs from the base's by McNemar's test, corrected over the rows."""
    return row.comparison is not None and row.comparison.p_holm < statistics.SIGNIFICANT


def better(row: ScoredRow) -> bool:
    """Whether a row is distinguishable from the base and more accurate."""
    return row.comparison is not None and distinguishable(row) and row.comparison.difference["value"] > 0


def worse(row: ScoredRow) -> bool:
    """Whether a row is distinguishable from the base and less accurate."""
    return row.comparison is not None and distinguishable(row) and row.comparison.difference["value"] < 0


def accuracy_sentence(row: ScoredRow) -> str:
    """Compare a row's accuracy with the base's in half a sentence."""
    if row.comparison is None:
        return "its accuracy cannot be compared with the base's"
    gained, p = row.comparison.difference, f"p {p_text(row.comparison.p_holm)}"
    if not distinguishable(row):
        return f"its accuracy is not distinguishable from the base's ({points(gained['value'])} points, {p})"
    word = "higher" if gained["value"] > 0 else "lower"
    low, high = sorted((abs(gained["low"]), abs(gained["high"])))
    return f"its accuracy is {word} by {abs(gained['value']) * 100:.2f} points ({low * 100:.2f} to {high * 100:.2f}, {p})"


def p_text(value: float) -> str:
    """Write a p value as people do."""
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def points(share: float) -> str:
    """Write a difference of shares in percentage points, with its sign."""
    return f"{share * 100:+.2f}"


def pareto(rows: Sequence[ScoredRow], cost: Callable[[ScoredRow], float]) -> list[ScoredRow]:
    """Choose the rows that no other row beats in both accuracy and cost, by rising cost."""
    best, front = -1.0, []
    for row in sorted(rows, key=lambda row: (cost(row), -row.accuracy["value"])):
        if row.accuracy["value"] > best:
            best = row.accuracy["value"]
            front.append(row)
    return front


def most_accurate(evidence: Evidence) -> ScoredRow | None:
    """The row with the highest accuracy, controls aside."""
    return max(_no_controls(evidence), key=lambda row: row.accuracy["value"], default=None)


def best_small(evidence: Evidence) -> ScoredRow | None:
    """The smallest row (gzip) whose interval reaches that of the most accurate one, controls aside."""
    best = most_accurate(evidence)
    if not best:
        return None
    near = [row for row in _no_controls(evidence) if row.accuracy["high"] >= best.accuracy["low"]]
    return min(near, key=lambda row: row.deployed_gzip_bytes)


def _no_controls(evidence: Evidence) -> list[ScoredRow]:
    return [row for row in evidence.scored if row.role != "control"]


def looked_into(evidence: Evidence) -> list[ScoredRow]:
    """Rows whose labels are looked at one by one: the base and the best small one, each once."""
    rows = [row for row in (evidence.base, best_small(evidence)) if row]
    return rows[:1] if len(rows) == 2 and rows[0].name == rows[1].name else rows


def headline(evidence: Evidence) -> str:
    """Say in one line how good the best small model is."""
    best, small = most_accurate(evidence), best_small(evidence)
    if not best or not small:
        return "Models compared"
    return f"{small.accuracy['value']:.1%} in {small.deployed_gzip_bytes / 1024:,.0f} KB; the best has {best.accuracy['value']:.1%}"
