"""Texts made from other texts: parts of them, halves of two put together, words left out or exchanged; for a student to learn on."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from sentipress.data.cleaning import words_of

JOINED, PART = 0.25, 0.25  # shares of the texts; what is left keeps its extent
LEFT_OUT, EXCHANGED = 0.05, 0.1  # shares of the words; every text is made anew by them
SHORTEST = 2  # words of a part, and of a text that a word may be left out of
ROUNDS = 50  # times that the texts are gone through at most: few short texts have few variants


def varied(texts: Sequence[str], count: int, seed: int, forbidden: Collection[str] = ()) -> list[str]:
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
    words = [parts for text in texts if (parts := text.split())]
    pool = [word for parts in words for word in parts]
    seen = {words_of(text) for text in (*texts, *forbidden)}
    found: list[str] = []
    for _ in range(ROUNDS if words else 0):
        for number in random.permutation(len(words)):
            if len(found) >= count:
                return found
            parts, kind = words[number], random.random()
            if kind < JOINED:
                other = words[random.integers(len(words))]
                parts = parts[: (len(parts) + 1) // 2] + other[len(other) // 2 :]
            elif kind < JOINED + PART and len(parts) > SHORTEST:
                extent = random.integers(SHORTEST, len(parts))
                start = random.integers(len(parts) - extent + 1)
                parts = parts[start : start + extent]
            drawn = random.random(len(parts))
            exchanged = [
                pool[random.integers(len(pool))] if share >= 1 - EXCHANGED else word for word, share in zip(parts, drawn, strict=True)
            ]
            text = " ".join(word for word, share in zip(exchanged, drawn, strict=True) if share >= LEFT_OUT or len(parts) <= SHORTEST)
            key = words_of(text)
            if key and key not in seen:
                seen.add(key)
                found.append(text)
    return found
