"""Sentences cut from reviews: texts without a label for a student to learn on."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import numpy as np

SHORTEST, LONGEST = 3, 40  # words; what is shorter says little, what is longer is seldom one sentence
_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+|\n+|<br\s*/?>")
_WORDS = re.compile(r"\w+")


def words_of(text: str) -> str:
    """The words of a text in lower case: two texts with the same ones count as the same."""
    return " ".join(_WORDS.findall(text.lower()))


def cut(text: str) -> list[str]:
    """Sentences of a raw text of 3 to 40 words: the text is cut behind `.`, `!` and `?` and at line ends."""
    parts = [part.strip() for part in _END.split(text)]
    return [part for part in parts if SHORTEST <= len(_WORDS.findall(part)) <= LONGEST]


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
