"""Making a network smaller without training: fewer words, columns, units, or different values.

Each function takes the weights of a stock model, in Keras's order, and gives those of the smaller one with its shape.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from sentipress.lstm import networks
from sentipress.lstm.networks import ModelSpec
from sentipress.text.tokenizer import OOV_ID, Tokenizer


def word_worth(ids: Iterable[np.ndarray], ratios: np.ndarray, common_worth: float) -> np.ndarray:
    """How much a word is worth a place: the texts that have it, times the sum of its squared log-count ratio and a constant.

    Without the constant this is, up to a factor, the chi-squared statistic of the word and the label, for small ratios. The constant is
    for words that say nothing alone, such as "but" and "hardly": what they turn round needs them.

    Args:
        ids: of the texts that count, each int32 (length,).
        ratios: log-count ratios (words,), or (words, labels) for more than two labels: their squares are added up.
        common_worth: that constant, in squared log-count ratios.

    Returns:
        float64 (words,).
    """
    present = np.zeros(len(ratios))
    for row in ids:
        present[np.unique(row)] += 1
    squares = ratios.astype(np.float64).reshape(len(ratios), -1) ** 2
    return np.asarray(present * (squares.sum(axis=1) + common_worth))


def without_pairs(tokenizer: Tokenizer) -> tuple[Tokenizer, np.ndarray]:
    """A vocabulary of single words, and the old id of each new one: int64 (new size,). Words of pairs are read one by one then."""
    first = OOV_ID + 1
    places = [index for index, word in enumerate(tokenizer.words) if " " not in word]
    kept = replace(tokenizer, words=tuple(tokenizer.words[index] for index in places))
    return kept, np.array([*range(first), *(index + first for index in places)], np.int64)


def keep_words(tokenizer: Tokenizer, worth: np.ndarray, size: int) -> tuple[Tokenizer, np.ndarray]:
    """A vocabulary of the worthiest words, in alphabetical order: neighbours share beginnings, so the list packs well.

    Args:
        tokenizer: with the whole vocabulary.
        worth: of each id (words,).
        size: ids of the new one, padding and the unknown word included.

    Returns:
        The tokenizer, and the old id of each new one: int64 (new size,).
    """
    first = OOV_ID + 1
    words = np.argsort(-worth[first : tokenizer.vocabulary_size], kind="stable")[: max(0, size - first)]
    order = sorted(map(int, words), key=lambda index: tokenizer.words[index])
    kept = replace(tokenizer, words=tuple(tokenizer.words[index] for index in order))
    return kept, np.array([*range(first), *(index + first for index in order)], np.int64)


def keep_rows(weights: list[np.ndarray], spec: ModelSpec, rows: np.ndarray) -> tuple[list[np.ndarray], ModelSpec]:
    """The network with these rows of its embedding, the others really gone."""
    return [weights[0][rows], *weights[1:]], replace(spec, vocabulary_size=len(rows))


def _parts(weights: list[np.ndarray], spec: ModelSpec) -> tuple[np.ndarray, list[list[np.ndarray]], np.ndarray, np.ndarray]:
    """Embedding; kernel, recurrent kernel and bias per direction; output kernel and bias."""
    directions = [list(weights[1 + 3 * number : 4 + 3 * number]) for number in range(2 if spec.bidirectional else 1)]
    return weights[0], directions, weights[-2], weights[-1]


def factorize(weights: list[np.ndarray], spec: ModelSpec, rank: int, counts: np.ndarray) -> tuple[list[np.ndarray], ModelSpec]:
    """A low-rank embedding: E (words, columns) as A (words, rank) times B (rank, columns).

    Nothing but products reads the embedding, so B moves into the kernels that follow, and the network is one with a
    narrower embedding: no operator more. A is the best one for the words as often as they stand in the reviews (an SVD
    of the rows, weighted by the roots of their counts).

    Args:
        weights: of the stock model.
        spec: its shape.
        rank: columns that stay.
        counts: how often each id stands in the training reviews (words,).
    """
    embedding, directions, output, bias = _parts(weights, spec)
    _, _, basis = np.linalg.svd(embedding * np.sqrt(counts + 1.0)[:, np.newaxis], full_matrices=False)
    factor = basis[:rank]  # orthonormal rows: the best A is E times its transpose
    following = [[factor @ kernel, recurrent, offset] for kernel, recurrent, offset in directions]
    if spec.pooling == "wide":
        split = len(output) - spec.embedding_dim
        output = np.concatenate([output[:split], factor @ output[split:]])
    changed = [embedding @ factor.T, *(array for direction in following for array in direction), output, bias]
    return [array.astype(np.float32) for array in changed], replace(spec, embedding_dim=len(factor))


def unit_worth(features: np.ndarray, weights: list[np.ndarray], spec: ModelSpec) -> np.ndarray:
    """How much each LSTM unit moves the output: deviation of its features times the size of their weights.

    Args:
        features: pooled, of some reviews, float32 (reviews, features).
        weights: of the stock model.
        spec: its shape.

    Returns:
        float64 (directions, units).
    """
    _, directions, output, _ = _parts(weights, spec)
    moved = features.std(axis=0) * np.abs(output).sum(axis=1)
    width = len(directions) * spec.units
    groups = moved[: width * (2 if spec.pooling == "wide" else 1)].reshape(-1, len(directions), spec.units)
    return np.asarray(groups.sum(axis=0), np.float64)


def keep_units(weights: list[np.ndarray], spec: ModelSpec, worth: np.ndarray, units: int) -> tuple[list[np.ndarray], ModelSpec]:
    """The network with the worthiest units of each direction, the others really gone from every array."""
    embedding, directions, output, bias = _parts(weights, spec)
    changed, rows = [embedding], []
    for number, (kernel, recurrent, offset) in enumerate(directions):
        kept = np.sort(np.argsort(-worth[number], kind="stable")[:units])
        gates = np.concatenate([kept + gate * spec.units for gate in range(4)])
        changed += [kernel[:, gates], recurrent[np.ix_(kept, gates)], offset[gates]]
        rows.append(kept + number * spec.units)
    width = len(directions) * spec.units
    blocks = 2 if spec.pooling == "wide" else 1
    kept_rows = np.concatenate([*(np.concatenate(rows) + block * width for block in range(blocks)), np.arange(blocks * width, len(output))])
    return [*changed, output[kept_rows], bias], replace(spec, units=units)


def cluster(weights: list[np.ndarray], spec: ModelSpec, clusters: int) -> list[np.ndarray]:
    """Every large array with `clusters` different values, by tensorflow-model-optimization; gzip then finds them.

    Centroids start by k-means++ and are not trained further. What is 0, as after pruning, stays 0 and is one value more.
    """
    from sentipress.lstm.compression import clustering, wrapped_copy

    model = networks.stock_of(weights, spec)  # tfmot takes the very layers, and starts from what they hold
    settings = {"number_of_clusters": clusters, "cluster_centroids_init": clustering.CentroidInitialization.KMEANS_PLUS_PLUS}

    def wrap(layer: Any) -> Any:
        return clustering.cluster_weights(layer, **settings) if layer.name in ("embedding", "lstm", "bilstm") else layer

    clustered = clustering.strip_clustering(wrapped_copy(model, wrap)).get_weights()
    return [np.where(before == 0, before, after) for before, after in zip(weights, clustered, strict=True)]
