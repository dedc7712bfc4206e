"""Word pairs that mean more than their words: `not worth`, `must see`, `at best`.

A pair that becomes one word of the vocabulary gets its own row of the embedding, and makes reviews shorter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from itertools import chain, compress, pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np

from sentipress.data.task import Task
from sentipress.text.tokenizer import Tokenizer, text_words

MINIMUM_TEXTS = 10  # a pair in fewer training texts says too little about its label
SLOTS = 1 << 26  # bytes, and counts of a byte, by which rare words and pairs are told from the others; a power of two
AT_ONCE = 1_000_000  # words and pairs that are counted there in one go


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
    # Most of the different pairs are rare, and in memory they would take more room than the texts.
    often = _Often()
    often.count_all(texts)
    words: list[Counter[str]] = [Counter() for _ in task.labels]
    pairs: list[Counter[tuple[str, str]]] = [Counter() for _ in task.labels]
    for text, label in zip(texts, labels, strict=True):
        split = text_words(text)
        words[int(label)].update(often.among(list(dict.fromkeys(split))))
        pairs[int(label)].update(often.among(list(dict.fromkeys(pairwise(split)))))
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


class _Often:
    """Tells the words and pairs that stand in `MINIMUM_TEXTS` texts at least. It misses none, and takes few others for such.

    Terms are counted under hashes, which several terms may share: a count-min sketch of one row (Cormode and Muthukrishnan, "An Improved
    Data Stream Summary", 2005, section 3). What is counted afterwards, of these terms alone, is exact.
    """

    def __init__(self) -> None:
        self._counts = np.zeros(SLOTS, np.uint8)

    def count_all(self, texts: Iterable[str]) -> None:
        """Count the texts of each word and of each pair of neighbours."""
        waiting: list[Hashable] = []
        for text in texts:
            split = text_words(text)
            waiting += dict.fromkeys(split)
            waiting += dict.fromkeys(pairwise(split))
            if len(waiting) >= AT_ONCE:
                self._count(waiting)
                waiting = []
        self._count(waiting)

    def _count(self, terms: Sequence[Hashable]) -> None:
        slots, times = np.unique(self._slots(terms), return_counts=True)
        self._counts[slots] = np.minimum(self._counts[slots] + times, np.iinfo(np.uint8).max)

    def among(self, terms: Sequence[Any]) -> list[Any]:
        """Those of some terms, in their order."""
        return list(compress(terms, (self._counts[self._slots(terms)] >= MINIMUM_TEXTS).tolist()))

    @staticmethod
    def _slots(terms: Sequence[Hashable]) -> np.ndarray:
        return np.fromiter(map(hash, terms), np.int64, len(terms)) & (SLOTS - 1)


def _ratios(counts: Sequence[Counter[Any]], terms: Sequence[Any], label: int, size: float) -> np.ndarray:
    """Log-count ratios of terms, of one label against all others; `size` is that of the labels' own frequencies."""
    others = [counter for number, counter in enumerate(counts) if number != label]
    return np.log([(counts[label][term] + 1) / (sum(counter[term] for counter in others) + 1) for term in terms]) - size


def fit(
    texts: Sequence[str], labels: np.ndarray, settings: SimpleNamespace, cleaning: str, task: Task, others: Iterable[str] = ()
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
        chain(texts, others),
        settings.vocabulary_size,
        select(texts, labels, settings.pairs, task),
        sequence_length=settings.sequence_length,
        padding=settings.padding,
        truncating=settings.truncating,
        cleaning=cleaning,
    )
