"""What every loaded model file offers, whatever its format."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from sentipress.data.cleaning import clean
from sentipress.data.task import SENTIMENT, Task


class Runtime(ABC):
    """A model file, loaded.

    Inputs are what `prepare` gives: ids int32 (texts, length) for a network, cleaned texts for a model with a vocabulary of
    its own. Probabilities are float32 in the shape of `sentipress.data.task.Task`.

    Attributes:
        reads: "ids" or "texts": what the inputs are.
        task: labels, and the shape of the probabilities.
    """

    reads: str = "ids"
    task: Task = SENTIMENT

    @property
    @abstractmethod
    def cleaning(self) -> str:
        """Recipe that a raw text goes through first."""

    @abstractmethod
    def prepare(self, cleaned: Sequence[str]) -> Any:
        """Inputs of cleaned texts."""

    @abstractmethod
    def predict(self, inputs: Any) -> np.ndarray:
        """Probabilities of many texts, as they are scored."""

    @abstractmethod
    def predict_one(self, inputs: Any) -> Any:
        """Probability, or probabilities (labels,), for inputs of one text: what is timed."""

    def predict_padded(self, inputs: Any) -> Any:
        """`predict_one` with the work on padding that the runtime could leave out; the same where it always does or never."""
        return self.predict_one(inputs)

    @abstractmethod
    def stored_arrays(self) -> dict[str, np.ndarray]:
        """Numbers that were learned, by name, as they are stored in the file."""

    @abstractmethod
    def known_share(self, cleaned: str) -> float:
        """Share of a cleaned text's words that the model's vocabulary has, 0 to 1."""

    def predict_batch(self, inputs: Any) -> np.ndarray:
        """Probabilities of many texts, in one call where the format can."""
        return self.predict(inputs)

    def prepare_raw(self, raw: Sequence[str]) -> Any:
        """Inputs of raw texts."""
        return self.prepare([clean(text, self.cleaning) for text in raw])

    def read(self, raw: Sequence[str]) -> tuple[Any, np.ndarray]:
        """Inputs of raw texts, and their shares of known words, float64 (texts,)."""
        cleaned = [clean(text, self.cleaning) for text in raw]
        return self.prepare(cleaned), np.array([self.known_share(text) for text in cleaned], np.float64)

    def predict_raw(self, raw: Sequence[str]) -> np.ndarray:
        """Probabilities of raw texts: what a deployment does with a person's words."""
        return self._predict_some(self.prepare_raw(raw), len(raw))

    def judge(self, raw: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """What `predict_raw` gives, and the texts' shares of known words, float64 (texts,): one pass for both."""
        inputs, known = self.read(raw)
        return self._predict_some(inputs, len(raw)), known

    def _predict_some(self, inputs: Any, texts: int) -> np.ndarray:
        return np.asarray([self.predict_one(inputs)], np.float32) if texts == 1 else self.predict_batch(inputs)
