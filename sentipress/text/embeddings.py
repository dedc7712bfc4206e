"""Where an embedding starts: word vectors and sentiment counts from reviews, in seconds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import scipy.sparse as sparse
from sklearn.utils.extmath import randomized_svd

from sentipress.core import files
from sentipress.core.errors import UserError
from sentipress.data.task import Task
from sentipress.text.tokenizer import OOV_ID, Tokenizer

WINDOW = 5  # words to either side that count as context, nearer ones more
CONTEXT_POWER = 0.75  # Levy, Goldberg & Dagan (2015), section 3.2: context distribution smoothing
RATIO_PART = 4  # at most a quarter of an embedding's columns start from ratios
CHUNK = 4_000_000  # words counted at a time: bounds the memory of the pair lists to about 0.2 GB


@dataclass(frozen=True)
class Shape:
    """What word vectors are fitted to.

    Attributes:
        dimension: columns.
        seed: of the randomized SVD.
        task: the labels that the ratios are of.
    """

    dimension: int
    seed: int
    task: Task


@dataclass(frozen=True)
class Start:
    """What a run knows of its words before training; kept for the smaller embeddings of later stages.

    Attributes:
        vectors: float32 (words, columns), the most telling columns first; rows of padding and of the unknown word are 0.
        ratios: float32 (words,) for two labels, (words, labels) for more; see `log_count_ratios`.
    """

    vectors: np.ndarray
    ratios: np.ndarray

    @classmethod
    def fit(cls, texts: Sequence[str], labels: np.ndarray, unlabelled: Iterable[str], tokenizer: Tokenizer, shape: Shape) -> Start:
        """Count words in cleaned training texts, and for the vectors in unlabelled ones as well.

        Args:
            texts: cleaned training texts.
            labels: number of each text's label.
            unlabelled: further cleaned texts, none of them for validation or test.
            tokenizer: numbers the words.
            shape: columns, labels and seed.
        """
        vectors = word_vectors(chain(texts, unlabelled), tokenizer, shape.dimension, shape.seed)
        return cls(vectors, log_count_ratios(texts, labels, tokenizer, shape.task))

    def table(self, kind: str, dimension: int, scale: float) -> np.ndarray:
        """First values of an embedding: float32 (words, dimension); a row of zeros is a word that nothing is known of.

        Args:
            kind: "svd" (the first columns of the vectors), or "svd+nb" (the last column, or the last few for more than two
                labels, being the ratios).
            dimension: columns, at most those of the vectors.
            scale: standard deviation of the vectors.

        Raises:
            UserError: the vectors have fewer columns.
        """
        if dimension > self.vectors.shape[1]:
            raise UserError(
                f"an embedding of {dimension} columns cannot start from word vectors of {self.vectors.shape[1]}",
                "take fewer columns, or give --embedding-start random",
            )
        table = self.vectors[:, :dimension] * np.float32(scale / max(float(self.vectors[:, :dimension].std()), 1e-9))
        if kind == "svd+nb":
            ratios = self._ratio_columns(max(1, dimension // RATIO_PART))
            table[:, -ratios.shape[1] :] = ratios
        return table

    def _ratio_columns(self, most: int) -> np.ndarray:
        """The ratios as at most so many columns, float32 (words, columns): those that tell most, by an SVD."""
        if self.ratios.ndim == 1:
            return self.ratios[:, np.newaxis]
        if self.ratios.shape[1] <= most:
            return self.ratios
        _, _, basis = np.linalg.svd(self.ratios, full_matrices=False)
        return np.asarray(self.ratios @ basis[:most].T)

    def save(self, path: Path) -> None:
        """Write a `.npz`, atomically."""
        with files.atomic(path) as temporary, open(temporary, "wb") as stream:
            np.savez(stream, vectors=self.vectors, ratios=self.ratios)

    @classmethod
    def load(cls, path: Path, tokenizer: Tokenizer, remedy: str) -> Start:
        """Read what `save` wrote.

        Raises:
            UserError: missing, damaged, or of another vocabulary.
        """
        try:
            with np.load(path, allow_pickle=False) as saved:
                start = cls(saved["vectors"], saved["ratios"])
        except FileNotFoundError:
            raise UserError(
                f"{path} is missing: the base was not started from word vectors", f"{remedy}, or give --embedding-start random"
            ) from None
        except Exception as error:  # zipfile and zlib raise their own kinds for damaged bytes
            raise UserError(f"{path} is damaged ({error})", remedy) from None
        if len(start.vectors) != tokenizer.vocabulary_size or len(start.ratios) != tokenizer.vocabulary_size:
            raise UserError(f"{path} knows {len(start.vectors)} words, tokenizer.json {tokenizer.vocabulary_size}", remedy)
        return start


def table_of(start: Start | None, settings: SimpleNamespace, dimension: int) -> np.ndarray | None:
    """First values of an embedding of so many columns by a stage's settings; None without a start."""
    return start.table(settings.embedding_start, dimension, settings.embedding_scale) if start else None


def log_count_ratios(texts: Iterable[str], labels: np.ndarray, tokenizer: Tokenizer, task: Task) -> np.ndarray:
    """How much more often a word stands in texts of a label than in the others, as a logarithm.

    The ratio r of Wang & Manning, "Baselines and Bigrams" (2012), section 2.1, of binarized counts smoothed by 1. For two
    labels it is the last one against the first.

    Returns:
        float32 (words,) for two labels, (words, labels) for more; 0 for padding and the unknown word.
    """
    counts = np.ones((len(task.labels), tokenizer.vocabulary_size))
    for text, label in zip(texts, labels, strict=True):
        counts[int(label), list(set(tokenizer.ids(text)))] += 1
    if task.binary:
        shares = counts / counts.sum(axis=1, keepdims=True)
        ratios = np.log(shares[1] / shares[0]).astype(np.float32)
    else:
        others = counts.sum(axis=0) - counts
        shares, other_shares = (each / each.sum(axis=1, keepdims=True) for each in (counts, others))
        ratios = np.log(shares / other_shares).astype(np.float32).T
    ratios[: OOV_ID + 1] = 0
    return ratios


def word_vectors(texts: Iterable[str], tokenizer: Tokenizer, dimension: int, seed: int) -> np.ndarray:
    """Truncated SVD of the positive pointwise mutual information of words and their neighbours.

    Levy, Goldberg & Dagan, "Improving Distributional Similarity with Lessons Learned from Word Embeddings" (TACL
    2015), section 2.2 with the symmetric split of the singular values (section 3.3). Counting is linear in the number
    of words; no test review may be among `texts`.

    Args:
        texts: cleaned reviews.
        tokenizer: numbers the words.
        dimension: columns.
        seed: of the randomized SVD.

    Returns:
        float32 (tokenizer.vocabulary_size, dimension), standard deviation 1; rows of padding and of the unknown word
        are zero.
    """
    size = tokenizer.vocabulary_size
    gap = [0] * WINDOW  # between two reviews, so that no window spans both
    counts = sparse.csr_matrix((size, size), dtype=np.float32)
    for part in _overlapping(number for text in texts for number in (*tokenizer.ids(text), *gap)):
        for distance in range(1, WINDOW + 1):
            left = part[: max(0, min(CHUNK, len(part) - distance))]
            right = part[distance : distance + len(left)]
            known = (left > OOV_ID) & (right > OOV_ID)
            weight = np.full(int(known.sum()), (WINDOW + 1 - distance) / WINDOW, np.float32)
            counts = counts + sparse.coo_matrix((weight, (left[known], right[known])), shape=(size, size)).tocsr()
    counts = (counts + counts.T).tocoo()
    words = np.asarray(counts.tocsr().sum(axis=1)).ravel() + 1e-9
    contexts = words**CONTEXT_POWER
    information = np.log(counts.data / (words[counts.row] * contexts[counts.col] / contexts.sum()))
    positive = information > 0
    matrix = sparse.csr_matrix((information[positive], (counts.row[positive], counts.col[positive])), shape=(size, size))
    rank = min(dimension, size - 1)
    left_vectors, values, _ = randomized_svd(matrix, rank, n_iter=3, random_state=seed)
    vectors = np.zeros((size, dimension), np.float32)
    vectors[OOV_ID + 1 :, :rank] = (left_vectors * np.sqrt(values))[OOV_ID + 1 :]
    return vectors / max(float(vectors.std()), 1e-9)


def _overlapping(ids: Iterator[int]) -> Iterator[np.ndarray]:
    """Ids in pieces of `CHUNK`, each with the first `WINDOW` ids of the next one behind it: int32 (ids,)."""
    part = np.fromiter(islice(ids, CHUNK + WINDOW), np.int32)
    while len(part):
        yield part
        part = np.concatenate([part[CHUNK:], np.fromiter(islice(ids, CHUNK), np.int32)])
