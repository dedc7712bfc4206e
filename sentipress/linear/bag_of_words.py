"""A bag-of-words classifier as one file that needs numpy alone: the yardstick for every network of the table."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sentipress.core import files
from sentipress.data.cleaning import clean
from sentipress.core.errors import UserError


@dataclass(frozen=True)
class LinearModel:
    """Terms of one to `longest` words, a weight for each, and a logistic output.

    Attributes:
        terms: words, or words with a space between.
        weights: float16 (terms,).
        idf: float16 (terms,), inverse document frequencies: a term that stands c times counts (1 + log c) * idf, and
            the review's vector is brought to length 1. Without, a term counts once and nothing is normalized.
        bias: added to the sum.
        longest: words of the longest term.
        cleaning: the recipe that raw text goes through first.
    """

    terms: tuple[str, ...]
    weights: np.ndarray
    idf: np.ndarray | None
    bias: float
    longest: int
    cleaning: str
    _places: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_places", {term: place for place, term in enumerate(self.terms)})

    def predict(self, cleaned: Sequence[str]) -> np.ndarray:
        """Probabilities of "positive" of cleaned texts, float32 (texts,)."""
        return np.array([self._one(text) for text in cleaned], np.float32)

    def predict_raw(self, raw: Sequence[str]) -> np.ndarray:
        """Clean, then predict: what a deployment does with a person's text."""
        return self.predict([clean(text, self.cleaning) for text in raw])

    def _one(self, text: str) -> float:
        counts = Counter(place for term in terms_of(text, self.longest) if (place := self._places.get(term)) is not None)
        found = np.fromiter(counts, np.int64, len(counts))
        score = self.bias
        if self.idf is None:
            score += float(self.weights[found].astype(np.float64).sum())
        elif len(found):
            times = np.fromiter(counts.values(), np.float64, len(counts))
            values = (1 + np.log(times)) * self.idf[found].astype(np.float64)
            score += float(values @ self.weights[found].astype(np.float64)) / float(np.linalg.norm(values))
        return 1 / (1 + math.exp(-max(-500.0, min(500.0, score))))

    def arrays(self) -> dict[str, np.ndarray]:
        """The numbers that were learned, by name."""
        return {"weights": self.weights, **({} if self.idf is None else {"idf": self.idf}), "bias": np.array([self.bias], np.float32)}

    def save(self, path: Path) -> None:
        """Write an `.npz` of everything a deployment needs, atomically."""
        text = np.frombuffer("\n".join(self.terms).encode("utf-8"), np.uint8)
        about = {"terms": text, "longest": np.array(self.longest), "cleaning": np.array(self.cleaning)}
        content: dict[str, Any] = {**about, **self.arrays()}
        with files.atomic(path) as temporary, open(temporary, "wb") as stream:
            np.savez(stream, **content)

    @classmethod
    def load(cls, path: Path, remedy: str) -> LinearModel:
        """Read what `save` wrote.

        Raises:
            UserError: missing or damaged.
        """
        try:
            with np.load(path, allow_pickle=False) as saved:
                return cls(
                    terms=tuple(saved["terms"].tobytes().decode("utf-8").split("\n")),
                    weights=saved["weights"],
                    idf=saved["idf"] if "idf" in saved.files else None,
                    bias=float(saved["bias"][0]),
                    longest=int(saved["longest"]),
                    cleaning=str(saved["cleaning"]),
                )
        except FileNotFoundError:
            raise UserError(f"{path} is missing", remedy) from None
        except Exception as error:  # zipfile and zlib raise their own kinds for damaged bytes
            raise UserError(f"{path} is damaged ({error})", remedy) from None


def terms_of(text: str, longest: int) -> list[str]:
    """All runs of 1 to `longest` neighbouring words of a cleaned text."""
    words = text.split()
    terms = list(words)
    for length in range(2, longest + 1):
        terms += [" ".join(run) for run in zip(*(words[start:] for start in range(length)), strict=False)]
    return terms
