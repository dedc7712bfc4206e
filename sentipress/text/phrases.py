"""Word pairs that mean more than their words: `not worth`, `must see`, `at best`.

A pair that becomes one word of the vocabulary gets its own row of the embedding, and makes reviews shorter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from types import SimpleNamespace

import numpy as np

from sentipress.text.tokenizer import Tokenizer, text_words

MINIMUM_REVIEWS = 10  # a pair in fewer training reviews says too little about its sentiment


def select(texts: list[str], labels: np.ndarray, count: int) -> list[str]:
    """Pairs of neighbouring words whose sentiment their words do not explain, the most telling ones first.

    With r the log-count ratio of the reviews that hold a term, a pair (a, b) in n reviews scores
    sqrt(n) * min(|r(ab) - r(a) - r(b)|, |r(ab) - r(a)|, |r(ab) - r(b)|): its distance from the best of three
    explanations by its words, in units of about one standard error.

    Args:
        texts: cleaned training reviews.
        labels: 0 or 1 per text.
        count: pairs at most.

    Returns:
        Pairs as two words with a space between; ties in the order of first appearance, so that equal reviews give
        equal pairs.
    """
    if not count:
        return []
    words: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    pairs: tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]] = (Counter(), Counter())
    for text, label in zip(texts, labels, strict=True):
        review = text_words(text)
        words[int(label)].update(list(dict.fromkeys(review)))
        pairs[int(label)].update(list(dict.fromkeys(pairwise(review))))
    totals = Counter(pairs[0])
    totals.update(pairs[1])
    found = [pair for pair, reviews in totals.items() if reviews >= MINIMUM_REVIEWS]
    if not found:
        return []
    positive = int(np.sum(labels > 0.5))
    size = np.log((positive + 1) / (len(labels) - positive + 1))

    def ratio(counts: tuple[Counter, Counter], terms: list) -> np.ndarray:  # type: ignore[type-arg]
        return np.log([(counts[1][t] + 1) / (counts[0][t] + 1) for t in terms]) - size

    whole = ratio(pairs, found)
    first, second = ratio(words, [a for a, _ in found]), ratio(words, [b for _, b in found])
    unexplained = np.min(np.abs([whole - first - second, whole - first, whole - second]), axis=0)
    scores = np.sqrt([totals[pair] for pair in found]) * unexplained
    return [" ".join(found[place]) for place in np.argsort(-scores, kind="stable")[:count]]


def fit(texts: list[str], labels: np.ndarray, settings: SimpleNamespace, cleaning: str, others: Sequence[str] = ()) -> Tokenizer:
    """Vocabulary of words and pairs by stage 2's settings.

    Args:
        texts: cleaned training reviews, whose pairs are chosen.
        labels: 0 or 1 per text.
        settings: vocabulary_size, pairs, sequence_length, padding and truncating.
        cleaning: recipe that cleaned the texts.
        others: cleaned texts whose words count as well.

    Raises:
        UserError: more pairs than ids.
    """
    return Tokenizer.fit(
        [*texts, *others],
        settings.vocabulary_size,
        select(texts, labels, settings.pairs),
        sequence_length=settings.sequence_length,
        padding=settings.padding,
        truncating=settings.truncating,
        cleaning=cleaning,
    )
