"""Which texts go into a batch together: of like length, in an order that is random and can be repeated."""

from __future__ import annotations

import numpy as np

AT_ONCE = 20_000  # texts whose ids are counted in one go
GROUP = 50  # batches that are sorted by length together: enough to save padding, few enough to stay random


def lengths_of(ids: np.ndarray) -> np.ndarray:
    """Ids of each text that are no padding (0), int64 (texts,), of ids (texts, length); counted in pieces, for they may lie in a file."""
    return np.concatenate([np.count_nonzero(ids[start : start + AT_ONCE], axis=1) for start in range(0, max(1, len(ids)), AT_ONCE)])


def counts_of(ids: np.ndarray, vocabulary_size: int) -> np.ndarray:
    """How often each id stands in ids (texts, length), int64 (vocabulary_size,); counted in pieces likewise."""
    counts = np.zeros(vocabulary_size, np.int64)
    for start in range(0, len(ids), AT_ONCE):
        counts += np.bincount(ids[start : start + AT_ONCE].ravel(), minlength=vocabulary_size)
    return counts


def with_repeats(texts: int, often: np.ndarray, times: int) -> np.ndarray:
    """Numbers of the texts that are read in one epoch: each once, and behind them those that are read so many times, int64 (rows,)."""
    return np.concatenate([np.arange(texts), np.tile(often, times - 1)])


def with_longer_again(texts: int, often: np.ndarray, times: int, sentences: int, longer_times: int) -> np.ndarray:
    """Numbers of the texts that are read in one epoch, if the last of them are sentences, each read once, int64 (rows,).

    Args:
        texts: all of them, the sentences last.
        often: numbers of those that are read oftener, none of them a sentence.
        times: that they are read for each time of another text that is no sentence.
        sentences: how many of the texts are sentences.
        longer_times: that any other text is read.
    """
    longer = with_repeats(texts - sentences, often, times)
    return np.concatenate([with_repeats(texts, often, times), np.tile(longer, longer_times - 1)])


def shuffled(count: int, batch_size: int, seed: int, epoch: int, lengths: np.ndarray | None = None) -> list[np.ndarray]:
    """Row numbers of each batch of one epoch, int64 (batch_size or fewer,); every row is in one batch.

    Args:
        count: texts.
        batch_size: texts in a batch; the last one of a pass may have fewer.
        seed: of the order.
        epoch: number of the pass, from 0.
        lengths: ids of each text (texts,): texts of like length go together. None for any.
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(count)
    if lengths is not None:
        group = batch_size * GROUP
        parts = np.split(order, range(group, len(order), group))
        order = np.concatenate([part[np.argsort(lengths[part], kind="stable")] for part in parts])
    rows = np.split(order, range(batch_size, len(order), batch_size))
    return [rows[index] for index in random.permutation(len(rows))] if lengths is not None else rows
