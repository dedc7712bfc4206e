"""Words of any number of texts, counted in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

MOST_WORDS = 1_000_000  # different words that are held; the 50,000 IMDB reviews have 160,000 of two labels


class WordCounts:
    """How often words stand in the texts of each label.

    Where there would be too many different words, the rarest ones are let go: those that stand a few times in millions of texts. This
    is lossy counting, Manku and Motwani, "Approximate Frequency Counts over Data Streams" (2002), section 4.2, with a cut when memory is
    full instead of one after so many words.

    Attributes:
        of_label: word to its count, for each label.
        short_by: a count may be too low by so much at most; 0 as long as no word was let go.
    """

    def __init__(self, labels: int, most: int = MOST_WORDS) -> None:
        """Begin.

        Args:
            labels: their number.
            most: words of all labels that are held after `cut`, those of two labels counted twice.
        """
        self.of_label: list[Counter[str]] = [Counter() for _ in range(labels)]
        self.short_by = 0
        self._most = most

    def add(self, label: int, words: list[str]) -> None:
        """Count the words of a text."""
        self.of_label[label].update(words)

    def cut(self) -> None:
        """Let the rarest words go if there are too many; half of the room is free then, or more."""
        held = sum(map(len, self.of_label))
        if held <= self._most:
            return
        counts = np.concatenate([np.fromiter(counter.values(), np.int64, len(counter)) for counter in self.of_label])
        rare = int(np.partition(counts, held - self._most // 2)[held - self._most // 2])
        self.of_label = [Counter({word: count for word, count in counter.items() if count > rare}) for counter in self.of_label]
        self.short_by += rare

    def items(self) -> Iterator[tuple[str, int]]:
        """Words and counts of all labels; a word comes once for each label."""
        for counter in self.of_label:
            yield from counter.items()
