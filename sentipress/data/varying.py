"""Texts made from other texts: parts of them, halves of two put together, words left out or exchanged; for a student to learn on."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator

import numpy as np

from sentipress.data.cleaning import words_of
from sentipress.data.stored import digest

JOINED, PART = 0.25, 0.25  # shares of the texts; what is left keeps its extent
LEFT_OUT, EXCHANGED = 0.05, 0.1  # shares of the words; every text is made anew by them
SHORTEST = 2  # words of a part, and of a text that a word may be left out of
ROUNDS = 50  # times that the texts are gone through at most: few short texts have few variants


def varied(texts: Iterable[str], count: int, seed: int, forbidden: Iterable[str] = ()) -> Iterator[str]:
    """New texts without a label, by a seed. A text may say nothing sensible: what is learned is what a teacher says of it.

    Tang et al., "Distilling Task-Specific Knowledge from BERT into Simple Neural Networks" (2019), section 3.4: words masked,
    words exchanged, parts of a text. Here a word is left out instead of masked, as each model has another mask; one that is
    exchanged is drawn from all words of the texts, as they occur, instead of those of its part of speech, which needs a tagger of
    the language; and the first half of one text goes before the second half of another.

    Args:
        texts: whose words stand between spaces.
        count: of new texts at most; there are fewer where the texts are few and short.
        seed: of all that is drawn.
        forbidden: texts, such as those of validation and test, none of which may come about.
    """
    random = np.random.default_rng(seed)
    words, seen = _Words(), set[bytes]()
    for text in texts:
        words.add(text)
        seen.add(digest(words_of(text)))
    seen.update(digest(words_of(text)) for text in forbidden)
    found = 0
    for _ in range(ROUNDS if len(words) else 0):
        for number in random.permutation(len(words)):
            if found >= count:
                return
            parts, kind = words.of(int(number)), random.random()
            if kind < JOINED:
                other = words.of(int(random.integers(len(words))))
                parts = parts[: (len(parts) + 1) // 2] + other[len(other) // 2 :]
            elif kind < JOINED + PART and len(parts) > SHORTEST:
                extent = random.integers(SHORTEST, len(parts))
                start = random.integers(len(parts) - extent + 1)
                parts = parts[start : start + extent]
            drawn = random.random(len(parts))
            exchanged = [
                words.word(int(random.integers(words.in_all))) if share >= 1 - EXCHANGED else word
                for word, share in zip(parts, drawn, strict=True)
            ]
            text = " ".join(word for word, share in zip(exchanged, drawn, strict=True) if share >= LEFT_OUT or len(parts) <= SHORTEST)
            key = words_of(text)
            if key and digest(key) not in seen:
                seen.add(digest(key))
                found += 1
                yield text


class _Words:
    """Words of texts, 4 bytes for each; a text without a word is left out."""

    def __init__(self) -> None:
        self._number_of: dict[str, int] = {}
        self._names: list[str] = []
        self._numbers, self._ends = array("i"), array("q", [0])

    def __len__(self) -> int:
        return len(self._ends) - 1

    @property
    def in_all(self) -> int:
        """Words of all texts together."""
        return len(self._numbers)

    def add(self, text: str) -> None:
        """Take a text."""
        for word in text.split():
            number = self._number_of.setdefault(word, len(self._names))
            if number == len(self._names):
                self._names.append(word)
            self._numbers.append(number)
        if len(self._numbers) > self._ends[-1]:
            self._ends.append(len(self._numbers))

    def of(self, number: int) -> list[str]:
        """Words of a text."""
        return [self._names[word] for word in self._numbers[self._ends[number] : self._ends[number + 1]]]

    def word(self, place: int) -> str:
        """One of the words of all texts together."""
        return self._names[self._numbers[place]]
