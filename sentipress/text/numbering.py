"""Ids of many texts at once: what `Tokenizer.ids` gives for each of them, with NumPy in the place of loops over words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat

import numpy as np

UNKNOWN = 1  # number of a word that neither the vocabulary nor a pair has


@dataclass(frozen=True)
class Numbered:
    """Ids of some texts, one text after the other.

    Attributes:
        ids: int32 (words and pairs of all texts,).
        ends: int64 (texts + 1,): the ids of text n are those from `ends[n]` to `ends[n + 1]`.
        words: of each text, int64 (texts,); a pair is two.
    """

    ids: np.ndarray
    ends: np.ndarray
    words: np.ndarray


class Numbering:
    """A vocabulary, laid out for many texts.

    A word that stands in pairs alone gets a number beyond the ids, so that every pair is two numbers.
    """

    def __init__(self, ids: Mapping[str, int]) -> None:
        """Take entries and their ids; an entry of two words with a space between is a pair."""
        pairs = {tuple(entry.split(" ")): number for entry, number in ids.items() if entry.count(" ") == 1}
        self._numbers = {entry: number for entry, number in ids.items() if " " not in entry}
        self._limit = max(ids.values(), default=UNKNOWN) + 1
        for word in chain.from_iterable(pairs):
            self._numbers.setdefault(word, self._limit + len(self._numbers))
        self._base = max(self._numbers.values(), default=UNKNOWN) + 1
        keys = np.array([self._numbers[first] * self._base + self._numbers[second] for first, second in pairs], np.int64)
        order = np.argsort(keys)
        self._keys, self._pair_ids = keys[order], np.fromiter(pairs.values(), np.int32, len(pairs))[order]
        # Most neighbours are no pair. Two look-ups leave few of them for the search.
        self._first, self._second = np.zeros(self._base, bool), np.zeros(self._base, bool)
        self._first[self._keys // self._base] = True
        self._second[self._keys % self._base] = True

    def of(self, texts: Sequence[Sequence[str]]) -> Numbered:
        """Ids of the words of each text; two neighbours that make a pair are joined, from left to right, none used twice."""
        words = np.fromiter(map(len, texts), np.int64, len(texts))
        ends = np.concatenate([[0], np.cumsum(words)])
        found = map(self._numbers.get, chain.from_iterable(texts), repeat(UNKNOWN))
        numbers = np.fromiter(found, np.int32, ends[-1])
        ids = np.where(numbers < self._limit, numbers, np.int32(UNKNOWN))
        places, pair_ids = self._pairs(numbers, ends)
        if not len(places):
            return Numbered(ids, ends, words)
        ids[places] = pair_ids
        ids = np.delete(ids, places + 1)
        return Numbered(ids, ends - np.searchsorted(places, ends), words)

    def _pairs(self, numbers: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places where a pair begins that is joined, rising int64 (pairs,), and the ids of these pairs."""
        if len(numbers) < 2 or not len(self._keys):
            return np.zeros(0, np.int64), np.zeros(0, np.int32)
        likely = self._first[numbers[:-1]] & self._second[numbers[1:]]
        last_words = ends[1:-1] - 1  # of a text; the next word belongs to another one
        likely[last_words[(last_words >= 0) & (last_words < len(likely))]] = False
        places = np.flatnonzero(likely)
        keys = numbers[places].astype(np.int64) * self._base + numbers[places + 1]
        rows = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        known = self._keys[rows] == keys
        places, rows = places[known], rows[known]
        # Of pairs that overlap, a run of neighbouring places, every second one is joined, the first one first.
        numbered = np.arange(len(places))
        begins = np.concatenate([[True], np.diff(places) > 1])[: len(places)]
        joined = (numbered - np.maximum.accumulate(np.where(begins, numbered, 0))) % 2 == 0
        return places[joined], self._pair_ids[rows[joined]]
