"""Sentences cut from reviews: texts without a label for a student to learn on."""

from __future__ import annotations

import hashlib
import heapq
import re
from collections.abc import Callable, Collection, Iterable, Sequence

import numpy as np

from sentipress.data.cleaning import TAG, words_of

SHORTEST, LONGEST = 3, 40  # words; what is shorter says little, what is longer is seldom one sentence
SHORTEST_PASSAGE, LONGEST_PASSAGE = 41, 150  # words; the longer half of reviews is longer still
NEGATED_SHARE = 0.4  # of picked sentences, more than reviews have: an answer seldom turns on a negation
_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+|[\r\n]+|<br\s*/?>")
_WORDS = re.compile(r"\w+")
_NEGATION = re.compile(r"\b(?:not|no|never|nothing|nobody|none|neither|nor|without|hardly|cannot)\b|n['’]t\b", re.IGNORECASE)


def cut(text: str) -> list[str]:
    """Sentences of a raw text of 3 to 40 words: the text is cut behind `.`, `!` and `?` and at line ends."""
    parts = [" ".join(part.split()) for part in _END.split(text)]
    return [part for part in parts if SHORTEST <= len(_WORDS.findall(part)) <= LONGEST]


def passages(text: str) -> list[str]:
    """Runs of neighbouring sentences of a raw text, of 41 to 150 words: longer than a sentence, shorter than most reviews.

    A run ends where it has as many words as a hash of its first sentence says, so that there are passages of many lengths.
    """
    found: list[str] = []
    run: list[str] = []
    words = limit = 0
    for part in (" ".join(part.split()) for part in _END.split(text)):
        if not run:
            words, limit = 0, SHORTEST_PASSAGE + key_of(part) % (LONGEST_PASSAGE - SHORTEST_PASSAGE)
        run.append(part)
        words += len(_WORDS.findall(part))
        if words >= limit:
            if words <= LONGEST_PASSAGE:
                found.append(" ".join(run))
            run = []
    return found


def is_passage(text: str) -> bool:
    """Whether a text has the words of a passage rather than of a sentence."""
    return SHORTEST_PASSAGE <= len(_WORDS.findall(text)) <= LONGEST_PASSAGE


def negated(text: str) -> bool:
    """Whether an English negation stands in a text."""
    return _NEGATION.search(text) is not None


def key_of(text: str) -> int:
    """64 bits of a text's words, tags left out: the same of a raw text and of a cleaned one. What answers are kept under."""
    return int.from_bytes(hashlib.blake2b(words_of(TAG.sub(" ", text)).encode("utf-8", "replace"), digest_size=8).digest(), "big")


def sample(texts: Sequence[str], count: int, seed: int, forbidden: Collection[str] = ()) -> list[str]:
    """Different sentences of texts, in a random order that depends on the seed alone.

    Args:
        texts: raw.
        count: sentences at most.
        seed: of the order.
        forbidden: texts, such as those of validation and test, none of which may be among the sentences.
    """
    seen = {words_of(text) for text in forbidden}
    found: list[str] = []
    for index in np.random.default_rng(seed).permutation(len(texts)):
        for sentence in cut(texts[index]):
            key = words_of(sentence)
            if key not in seen:
                seen.add(key)
                found.append(sentence)
        if len(found) >= 2 * count:  # twice as many, so that those of one review seldom stand together
            break
    order = np.random.default_rng(seed + 1).permutation(len(found))[:count]
    return [found[index] for index in order]


class Picker:
    """Picks sentences by their own words, without a seed, and holds no more than it picks.

    A sentence is picked if the hash of its words is among the smallest ones. So two runs on much the same reviews pick much the
    same sentences, and what a teacher said of them once serves both.
    """

    def __init__(
        self,
        count: int,
        forbidden: Iterable[str] = (),
        parts: Callable[[str], list[str]] = cut,
        negated_share: float = NEGATED_SHARE,
    ) -> None:
        """Begin.

        Args:
            count: sentences at most.
            forbidden: texts, such as those of validation and test, none of which is picked.
            parts: takes a raw text apart, by default into sentences.
            negated_share: of the picked sentences with an English negation, at most; those without one are the rest at most. With 0 they
                are picked alike.
        """
        self._apart = negated_share > 0
        self._parts = parts
        with_negation = round(count * negated_share)
        self._most = {True: with_negation, False: count - with_negation}
        self._forbidden = np.unique(np.fromiter(map(key_of, forbidden), np.uint64))  # 8 bytes for each, where a set takes a hundred
        self._held: dict[bool, dict[int, str]] = {True: {}, False: {}}
        self._largest: dict[bool, list[int]] = {True: [], False: []}  # heaps of negative keys: the largest key comes first

    def read(self, texts: Iterable[str]) -> None:
        """Take what is worth taking from raw texts."""
        for text in texts:
            for sentence in self._parts(text):
                self._offer(sentence)

    def _offer(self, sentence: str) -> None:
        kind = self._apart and negated(sentence)
        held, largest, most, key = self._held[kind], self._largest[kind], self._most[kind], key_of(sentence)
        if key in held or (len(held) >= most and (not most or key > -largest[0])) or self._is_forbidden(key):
            return
        held[key] = sentence
        heapq.heappush(largest, -key)
        if len(held) > most:
            del held[-heapq.heappop(largest)]

    def _is_forbidden(self, key: int) -> bool:
        place = int(np.searchsorted(self._forbidden, np.uint64(key)))
        return place < len(self._forbidden) and int(self._forbidden[place]) == key

    def picked(self) -> list[str]:
        """The sentences, raw, in the order of their hashes."""
        both = {**self._held[True], **self._held[False]}
        return [both[key] for key in sorted(both)]
