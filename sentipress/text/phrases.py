"""Word pairs that mean more than their words: `not worth`, `must see`, `at best`.

A pair that becomes one word of the vocabulary gets its own row of the embedding, and makes reviews shorter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np

from sentipress.data.task import Task
from sentipress.text.tokenizer import Tokenizer, text_words

MINIMUM_TEXTS = 10  # a pair in fewer training texts says too little about its label


def select(texts: Sequence[str], labels: np.ndarray, count: int, task: Task) -> list[str]:
    """Pairs of neighbouring words whose label their words do not explain, the most telling ones first.

    With r the log-count ratio of the texts that hold a term, a pair (a, b) in n texts scores
    sqrt(n) * min(|r(ab) - r(a) - r(b)|, |r(ab) - r(a)|, |r(ab) - r(b)|): its distance from the best of three
    explanations by its words, in units of about one standard error. For more than two labels r is that of each label
    against the others, and the label of the greatest distance counts.

    Args:
        texts: cleaned training texts.
        labels: number of each text's label.
        count: pairs at most.
        task: the labels.

    Returns:
        Pairs as two words with a space between. Ties stand in the order of first appearance, so that equal texts give
        equal pairs.
    """
    if not count:
        return []
    words: list[Counter[str]] = [Counter() for _ in task.labels]
    pairs: list[Counter[tuple[str, str]]] = [Counter() for _ in task.labels]
    for text, label in zip(texts, labels, strict=True):
        split = text_words(text)
        words[int(label)].update(list(dict.fromkeys(split)))
        pairs[int(label)].update(list(dict.fromkeys(pairwise(split))))
    totals = Counter(pairs[0])
    for others in pairs[1:]:
        totals.update(others)
    frequent = [pair for pair, number in totals.items() if number >= MINIMUM_TEXTS]
    if not frequent:
        return []
    sizes = np.bincount(labels.astype(int), minlength=len(task.labels))
    unexplained = np.zeros(len(frequent))
    for label in [1] if task.binary else range(len(task.labels)):
        size = np.log((sizes[label] + 1) / (sizes.sum() - sizes[label] + 1))
        whole = _ratios(pairs, frequent, label, size)
        first = _ratios(words, [a for a, _ in frequent], label, size)
        second = _ratios(words, [b for _, b in frequent], label, size)
        distances = np.min(np.abs([whole - first - second, whole - first, whole - second]), axis=0)
        unexplained = np.maximum(unexplained, distances)
    scores = np.sqrt([totals[pair] for pair in frequent]) * unexplained
    return [" ".join(frequent[index]) for index in np.argsort(-scores, kind="stable")[:count]]


def _ratios(counts: Sequence[Counter[Any]], terms: Sequence[Any], label: int, size: float) -> np.ndarray:
    """Log-count ratios of terms, of one label against all others; `size` is that of the labels' own frequencies."""
    others = [counter for number, counter in enumerate(counts) if number != label]
    return np.log([(counts[label][term] + 1) / (sum(counter[term] for counter in others) + 1) for term in terms]) - size


def fit(
    texts: Sequence[str], labels: np.ndarray, settings: SimpleNamespace, cleaning: str, task: Task, others: Sequence[str] = ()
) -> Tokenizer:
    """Vocabulary of words and pairs by stage 2's settings.

    Args:
        texts: cleaned training texts, whose pairs are chosen.
        labels: number of each text's label.
        settings: vocabulary_size, pairs, sequence_length, padding and truncating.
        cleaning: recipe that cleaned the texts.
        task: the labels.
        others: cleaned texts whose words count as well.

    Raises:
        UserError: more pairs than ids.
    """
    return Tokenizer.fit(
        [*texts, *others],
        settings.vocabulary_size,
        select(texts, labels, settings.pairs, task),
        sequence_length=settings.sequence_length,
        padding=settings.padding,
        truncating=settings.truncating,
        cleaning=cleaning,
    )
