"""Word vectors from the training reviews alone, in seconds: a start for the embedding."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sparse
from sklearn.utils.extmath import randomized_svd

from sentipress.tokenizer import OOV_ID, Tokenizer

WINDOW = 5  # words to either side that count as context, nearer ones more
CONTEXT_POWER = 0.75  # Levy, Goldberg & Dagan (2015), section 3.2: context distribution smoothing
CHUNK = 4_000_000  # words counted at a time: bounds the memory of the pair lists to about 0.2 GB


def word_vectors(texts: list[str], tokenizer: Tokenizer, dimension: int, seed: int) -> np.ndarray:
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
    stream = np.fromiter((number for text in texts for number in (*tokenizer.ids(text), *gap)), np.int32)
    counts = sparse.csr_matrix((size, size), dtype=np.float32)
    for start in range(0, len(stream), CHUNK):
        part = stream[start : start + CHUNK + WINDOW]
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
    dimension_found = min(dimension, size - 1)
    left_vectors, values, _ = randomized_svd(matrix, dimension_found, n_iter=3, random_state=seed)
    vectors = np.zeros((size, dimension), np.float32)
    vectors[:, :dimension_found] = left_vectors * np.sqrt(values)
    return vectors / max(float(vectors.std()), 1e-9)
