"""A network that reads ids: what the formats of networks share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sentipress.core.errors import UserError
from sentipress.data.task import SENTIMENT, Task
from sentipress.runtimes.interface import Runtime
from sentipress.text.encoder import TextEncoder


class NetworkRuntime(Runtime):
    """A network, with the encoder that makes its ids; without one, only ids can be given."""

    reads = "ids"

    def __init__(self, path: Path, encoder: TextEncoder | None = None, task: Task = SENTIMENT) -> None:
        self.path, self.task, self._encoder = path, task, encoder

    @property
    def encoder(self) -> TextEncoder:
        """The encoder.

        Raises:
            UserError: the model was loaded without one.
        """
        if self._encoder is None:
            raise UserError(f"{self.path} was loaded without a vocabulary", "give its tokenizer.json")
        return self._encoder

    @property
    def cleaning(self) -> str:
        """Recipe that a raw text goes through first."""
        return self.encoder.cleaning

    def prepare(self, cleaned: Sequence[str]) -> np.ndarray:
        """Ids of cleaned texts, int32 (texts, length)."""
        return self.encoder.encode(cleaned)

    def prepare_raw(self, raw: Sequence[str]) -> np.ndarray:
        """Ids of raw texts, int32 (texts, length)."""
        return self.encoder.encode_raw(raw)

    def read(self, raw: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Ids of raw texts, and their shares of known words, float64 (texts,)."""
        return self.encoder.read(raw)

    def known_share(self, cleaned: str) -> float:
        """Share of a cleaned text's words that the vocabulary has, 0 to 1."""
        return self.encoder.known_share(cleaned)
