"""`.npz` files: bags of words, which bring their own vocabulary and labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sentipress.linear.bag_of_words import LinearModel
from sentipress.runtimes.interface import Runtime


class LinearRuntime(Runtime):
    """A bag of words, ready to run.

    Attributes:
        model: the classifier.
    """

    reads = "texts"

    def __init__(self, path: Path, remedy: str) -> None:
        """Load a file.

        Raises:
            UserError: missing or damaged.
        """
        self.model = LinearModel.load(path, remedy)
        self.task = self.model.task

    @property
    def cleaning(self) -> str:
        """Recipe that a raw text goes through first."""
        return self.model.cleaning

    def prepare(self, cleaned: Sequence[str]) -> Sequence[str]:
        """The texts as they are: the model has its own vocabulary."""
        return cleaned

    def predict(self, inputs: Sequence[str]) -> np.ndarray:
        """Probabilities of cleaned texts."""
        return self.model.predict(inputs)

    def predict_one(self, inputs: Sequence[str]) -> Any:
        """Probabilities of a list of one cleaned text."""
        return self.model.predict_one(inputs[0])

    def stored_arrays(self) -> dict[str, np.ndarray]:
        """Weights, inverse document frequencies and bias."""
        return self.model.arrays()

    def known_share(self, cleaned: str) -> float:
        """Share of a cleaned text's words that stand in a term, 0 to 1."""
        return self.model.known_share(cleaned)
