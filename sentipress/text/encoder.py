"""What every text encoder offers, whichever way it cuts a text: words and pairs, later WordPiece and Unigram."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np


class TextEncoder(Protocol):
    """From cleaned texts to the ids that a network reads."""

    @property
    def cleaning(self) -> str:
        """Recipe of `sentipress.data.cleaning` that a raw text goes through first."""

    @property
    def sequence_length(self) -> int:
        """Ids per text."""

    @property
    def padding_id(self) -> int:
        """Id that fills a text up to that length."""

    @property
    def vocabulary_size(self) -> int:
        """Ids that there are: rows of an embedding."""

    def encode(self, cleaned: Sequence[str]) -> np.ndarray:
        """Ids of cleaned texts, cut and padded: int32 (texts, sequence_length)."""

    def encode_raw(self, raw: Sequence[str]) -> np.ndarray:
        """Ids of raw texts: int32 (texts, sequence_length)."""

    def read(self, raw: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """`encode_raw`, and the share of known words of each text, float64 (texts,)."""

    def known_share(self, cleaned: str) -> float:
        """Share of a cleaned text's words that the vocabulary has, 0 to 1; 0 for a text without words."""

    def save(self, path: Path) -> None:
        """Write the file that a deployment needs, atomically; its hash stands in the metrics of every model."""
