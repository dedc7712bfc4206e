"""Test texts of a folder: groups by length, and excerpts of those on which two models differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from sentipress.core.errors import UserError
from sentipress.data import corpus
from sentipress.evaluation import statistics
from sentipress.reporting.saved import Saved

FIRST_BOUNDS = (2, 5, 10, 25, 50, 100)  # words: where the first group by length may end; long texts take the last
EXAMPLES = 3  # texts shown per model
EXCERPT = 420  # characters of each


@dataclass(frozen=True)
class Example:
    """A test text on which a model and the base decide differently.

    Attributes:
        row: of the source.
        label: name of the true label.
        decided: name of the label that the model chose.
        probability: that the model gives it, 0 to 1.
        base_decided: name of the label that the base chose.
        base_probability: that the base gives it, 0 to 1.
        text: an excerpt.
    """

    row: int
    label: str
    decided: str
    probability: float
    base_decided: str
    base_probability: float
    text: str


@dataclass(frozen=True)
class Texts:
    """Cleaned test texts by their row in the source, bounds in words of the groups by length, and which end an excerpt shows.

    An encoder reads the beginning of a long text; of a review the LSTMs read the end, where its verdict stands.
    """

    by_row: Mapping[int, str]
    bounds: Sequence[int]
    from_start: bool = False


def read_texts(folder: Path) -> Texts | None:
    """Read the test texts of a folder; None where it has none, as a published copy."""
    try:
        texts = corpus.load(folder)
    except UserError:
        return None
    by_row = dict(zip(texts.rows("test").tolist(), texts.texts("test"), strict=True))
    return Texts(by_row, length_bounds([_words(text) for text in by_row.values()]), from_start=bool(texts.about.get("encoder")))


def _words(text: str) -> int:
    return len(text.split())


def length_bounds(words: Sequence[int]) -> list[int]:
    """Choose where the groups by length end: three bounds in words, each twice the one before.

    At least a tenth of the texts reach the second bound, unless nearly all have under 4 words. Film reviews give 100, 200
    and 400.

    Args:
        words: number of words of each text.
    """
    longest = np.percentile(words, 90) / 2 if len(words) else FIRST_BOUNDS[-1]
    first = max((bound for bound in FIRST_BOUNDS if bound <= longest), default=FIRST_BOUNDS[0])
    return [first, 2 * first, 4 * first]


def length_names(bounds: Sequence[int]) -> list[str]:
    """Name the groups by length, one more than there are bounds."""
    return [f"under {bounds[0]} words", *(f"{low} to {high - 1}" for low, high in pairwise(bounds)), f"{bounds[-1]} and more"]


def length_groups(own: Saved, texts: Texts) -> list[dict[str, Any]]:
    """Accuracy by length of the text: `name`, `n`, `value` of each group."""
    words = np.array([_words(texts.by_row.get(int(row), "")) for row in own.rows])
    return statistics.by_group(own.right, np.digitize(words, texts.bounds), length_names(texts.bounds))


def examples(own: Saved, base: Saved, texts: Texts) -> list[Example]:
    """Choose texts on which both decide differently, first those whose probabilities lie furthest apart."""
    labels = own.task.labels
    decided, base_decided = own.decided, base.decided
    probabilities, base_probabilities = own.task.table(own.test), base.task.table(base.test)
    # Half of what the labels' probabilities differ by, all together: with two labels the difference of one of them.
    apart = np.where(decided != base_decided, np.abs(probabilities - base_probabilities).sum(axis=1) / 2, 0)
    return [
        Example(
            row=int(own.rows[index]),
            label=labels[int(own.labels[index])],
            decided=labels[decided[index]],
            probability=float(probabilities[index, decided[index]]),
            base_decided=labels[base_decided[index]],
            base_probability=float(base_probabilities[index, base_decided[index]]),
            text=_excerpt(texts.by_row.get(int(own.rows[index]), ""), texts.from_start),
        )
        for index in np.argsort(-apart, kind="stable")[:EXAMPLES]
        if apart[index] > 0
    ]


def _excerpt(text: str, from_start: bool) -> str:
    """The beginning of a text or its end, cut between two words."""
    if len(text) <= EXCERPT:
        return text
    return text[:EXCERPT].rsplit(" ", 1)[0] + " …" if from_start else "… " + text[-EXCERPT:].split(" ", 1)[-1]
