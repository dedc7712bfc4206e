"""How figures are put into words: points, p values, verdicts, and only as many digits as are known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sentipress.core import manifest
from sentipress.evaluation import statistics
from sentipress.reporting.comparing import Comparison

MARGIN = f"{100 * statistics.MARGIN:.1f} points"
RULED_OUT = f"a loss of {MARGIN} or more is ruled out"
MOST_DECIMALS = 2


def points(share: float) -> str:
    """Write a difference of shares in percentage points, with its sign; a zero has none."""
    text = f"{share * 100:+.2f}"
    return "0.00" if float(text) == 0 else text


def points_with_interval(compared: Comparison) -> str:
    """Write a difference in points with its 95 % interval: "-0.53 (-0.87 to -0.20)"."""
    value, low, high = (points(compared.difference[key]) for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def p_text(value: float) -> str:
    """Write a p value as people do."""
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def p_cell(value: float) -> str:
    """Write a p value for a table."""
    return p_text(value).removeprefix("= ")


def against(compared: Comparison, other: str) -> str:
    """Say how a row stands against another one, to follow its name: by the same rule everywhere.

    Args:
        compared: the row with the other one.
        other: what the other one is called, with its article.
    """
    value, low, high = (compared.difference[key] for key in ("value", "low", "high"))
    if compared.agreement == 1:
        return f"decides as {other} on every text"
    signed = f"{points(value)} points, {points(low)} to {points(high)}"
    if compared.better:
        words = f"is better than {other} by {value * 100:.2f} points ({low * 100:.2f} to {high * 100:.2f})"
    elif compared.verdict == statistics.WORSE:
        words = f"is worse than {other} by {-value * 100:.2f} points ({-high * 100:.2f} to {-low * 100:.2f})"
    elif compared.verdict == statistics.NO_WORSE:
        words = f"is no worse than {other} ({RULED_OUT}; {signed})"
    else:
        words = f"is neither shown to be worse than {other} nor to be no worse (undecided: {signed})"
    return words + (f", over {compared.seeds} seeds" if compared.seeds > 1 else "")


def significant(value: float, digits: int = 2) -> str:
    """Write a number with so many digits that count: 88.6 as "89", 1.286 as "1.3", 1734 as "1,700"."""
    if value == 0:
        return "0"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    return f"{round(value, decimals):,.{max(0, decimals)}f}"


def measured(value: float | None, low: float | None = None, high: float | None = None) -> str:
    """Write a time with its spread, and no digit that the spread does not support; a dash for none.

    Without a spread two digits count: how far another measurement would lie is not known.
    """
    if value is None:
        return "-"
    if low is None or high is None:
        return significant(value)
    spread = high - low
    decimals = MOST_DECIMALS if spread <= 0 else min(MOST_DECIMALS, max(0, 1 - math.floor(math.log10(spread))))
    return "{} ({}–{})".format(*(f"{one:,.{decimals}f}" for one in (value, low, high)))


def machine(record: Mapping[str, Any]) -> str:
    """Say on which machine a model was scored and timed, and with which library its track trains.

    Records of an encoder may lack its libraries' versions: the first ones did.
    """
    about = record["environment"]
    libraries = {"PyTorch": "torch", "LiteRT": "ai-edge-litert"} if of_encoder(record) else {"TensorFlow": "tensorflow"}
    versions = [f"{name} {about['packages'][package]}" for name, package in libraries.items() if package in about["packages"]]
    return ", ".join([f"{about['cores']} cores of {about['processor']}", about["system"], f"Python {about['python']}", *versions])


def of_encoder(record: Mapping[str, Any]) -> bool:
    """Whether a row is of the encoder's track."""
    return manifest.track_of(record["stage"]) is manifest.ENCODER


def kilobytes(size: float) -> str:
    """Write bytes as KB of 1,024."""
    return f"{size / 1024:,.0f} KB"


def several(names: list[str]) -> str:
    """Write a list in words: "a; b and c"; names may hold commas."""
    return f"{'; '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)
