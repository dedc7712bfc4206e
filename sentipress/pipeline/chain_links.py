"""Links of a chain of compressions, each a function of one network to the next; the stages' own rooms do the work.

A chain is text: `vocabulary=8000,distil=16x16,int4,pack`. Links that change the network come first, in any order;
then one number format; then, if wanted, the package.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sentipress.lstm import networks
from sentipress.core.backend import clustering, keras
from sentipress.core.errors import UserError
from sentipress.lstm.networks import ModelSpec
from sentipress.text.tokenizer import OOV_ID, Tokenizer

# Links that change the network, and what the value of one may be; `distil` has a shape.
BOUNDS: dict[str, tuple[type, float, float]] = {
    "vocabulary": (int, 3, 1_000_000),
    "factorize": (int, 1, 1024),
    "units": (int, 1, 1024),
    "prune": (float, 0.0, 0.99),
    "cluster": (int, 2, 256),
}
DISTIL = "distil"
NETWORK = ("vocabulary", DISTIL, "factorize", "units", "prune", "cluster")
FORMATS = {"float32": "float32", "float16": "float16", "quantize": "dynamic_range", "int4": "int4"}
PACK = "pack"
CLUSTERS = 16  # values per array, by default: as many as 4 bits can tell apart


@dataclass(frozen=True)
class Link:
    """One step.

    Attributes:
        name: what is done.
        value: how much; "" when validation or a default decides.
    """

    name: str
    value: str

    def __str__(self) -> str:
        return f"{self.name}={self.value}" if self.value else self.name

    def number(self, most: float | None = None) -> Any:
        """The value as a number; None when there is none.

        Args:
            most: what the network has, where a link makes it fewer.

        Raises:
            UserError: no number, or out of bounds.
        """
        if not self.value:
            return None
        kind, low, high = BOUNDS[self.name]
        high = high if most is None else most
        try:
            found = kind(self.value)
        except ValueError:
            found = None
        if found is None or not low <= found <= high:
            raise UserError(f"--chain {self}: {self.value!r} is no number from {low:g} to {high:g}", "mend that link")
        return found


def parse(chain: str) -> list[Link]:
    """Links of a chain.

    Raises:
        UserError: an unknown link, one out of place, or a value that no network could have.
    """
    links = []
    for word in chain.split(","):
        name, _, value = word.strip().partition("=")
        links.append(Link(name.strip(), value.strip()))
    known = [*NETWORK, *FORMATS, PACK]
    stages = [0 if link.name in NETWORK else 1 if link.name in FORMATS else 2 for link in links]
    for link in links:
        if link.name not in known:
            raise UserError(f"--chain {chain!r}: {link.name!r} is unknown", f"links are {', '.join(known)}")
        if link.value and link.name in (*FORMATS, PACK):
            raise UserError(f"--chain {chain!r}: {link.name} takes no value", f"write {link.name}")
        if link.name in BOUNDS:
            link.number()
        elif link.value:
            shape_of(link.value)
    if stages != sorted(stages) or stages.count(1) > 1 or stages.count(2) > 1 or (2 in stages and 1 not in stages):
        order = f"first {', '.join(NETWORK)}, then at most one of {', '.join(FORMATS)}, then {PACK}"
        raise UserError(f"--chain {chain!r}: the order does not work", order)
    return links


def check_sizes(links: list[Link], spec: ModelSpec, columns: int | None) -> None:
    """Refuse a value that is more than a network of this shape will have when its link is reached.

    Args:
        links: the chain.
        spec: shape of the network that it starts from.
        columns: most that a new student's embedding can start with; None for any number.

    Raises:
        UserError: such a value.
    """
    sizes = {"vocabulary": spec.vocabulary_size, "factorize": spec.embedding_dim, "units": spec.units}
    for link in links:
        if link.name == DISTIL and link.value:
            sizes["factorize"], sizes["units"] = shape_of(link.value)
            if columns is not None and sizes["factorize"] > columns:
                raise UserError(
                    f"--chain {link}: the word vectors that it starts from have {columns} columns",
                    "take fewer columns, or give --embedding-start random",
                )
        elif link.name in sizes:
            sizes[link.name] = link.number(sizes[link.name]) or sizes[link.name]


def check_name(name: str, sources: Iterable[str]) -> None:
    """Refuse a name that files of other stages have, that is no plain word, or that what the chain is made from has.

    Args:
        name: of the chain.
        sources: models of the folder that it starts from or is taught by.

    Raises:
        UserError: such a name.
    """
    if not re.fullmatch("[a-z][a-z0-9]*", name) or name.startswith(("modelo", "classical", "tokenizer", "reviews", "teacher")):
        raise UserError(f"--name {name!r} cannot name a chain", "give a word of small letters and digits, such as pocket")
    for source in sources:
        if source == name or source.startswith(f"{name}_"):
            raise UserError(f"{source} is of the chain {name}, which would be replaced while it is read", "give another --name")


def shape_of(value: str) -> tuple[int, int]:
    """Columns of the embedding and LSTM units of a value like 16x8.

    Raises:
        UserError: not of that form.
    """
    first, cross, second = value.partition("x")
    if not (cross and first.isdigit() and second.isdigit() and int(first) and int(second)):
        raise UserError(f"--chain distil={value} is not understood", "give columns x units, as in distil=16x16")
    return int(first), int(second)


def word_worth(ids: np.ndarray, ratios: np.ndarray) -> np.ndarray:
    """How much a word says about the sentiment of the reviews: those that have it, times its log-count ratio squared.

    Up to a constant the chi-squared statistic of the word and the label, for small ratios. A small constant keeps frequent
    words that say nothing alone, such as "but", ahead of rare ones.

    Args:
        ids: of the training reviews, int32 (reviews, length).
        ratios: log-count ratios (words,).

    Returns:
        float64 (words,).
    """
    present = np.zeros(len(ratios))
    for row in ids:
        present[np.unique(row)] += 1
    return np.asarray(present * (ratios.astype(np.float64) ** 2 + 0.02))


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
    order = sorted((int(place) for place in words), key=lambda place: tokenizer.words[place])
    kept = replace(tokenizer, words=tuple(tokenizer.words[place] for place in order))
    return kept, np.array([*range(first), *(place + first for place in order)], np.int64)


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
    moved = features.std(axis=0) * np.abs(output[:, 0])
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
    model = networks.stock_of(weights, spec)  # tfmot takes the very layers, and starts from what they hold
    settings = {"number_of_clusters": clusters, "cluster_centroids_init": clustering.CentroidInitialization.KMEANS_PLUS_PLUS}

    def wrap(layer: Any) -> Any:
        return clustering.cluster_weights(layer, **settings) if layer.name in ("embedding", "lstm", "bilstm") else layer

    clustered = clustering.strip_clustering(keras.models.clone_model(model, clone_function=wrap)).get_weights()
    return [np.where(before == 0, before, after) for before, after in zip(weights, clustered, strict=True)]
