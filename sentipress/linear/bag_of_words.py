"""A bag-of-words classifier as one file that needs numpy alone: the yardstick for every network of the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from sentipress.core import files
from sentipress.core.errors import UserError
from sentipress.data.task import SENTIMENT_LABELS, Task

LINKS = ("softmax", "one-vs-rest")
WORDS, CHARACTERS = "words", "characters"
SHORTEST_RUN = 2  # characters of the shortest term of characters
LARGEST_SCORE = 500.0  # beyond it the exponential leaves the range of a float


@dataclass(frozen=True)
class LinearModel:
    """Terms of one to `max_ngram` words, or of two to so many characters, weights for each, and a logistic output.

    Attributes:
        terms: words, or words with a space between; runs of characters.
        weights: float16 (terms,) for two labels, (terms, labels) for more.
        idf: float16 (terms,), inverse document frequencies. A term that stands c times counts (1 + log c) * idf, and the
            text's vector is brought to length 1. Without them a term counts once and nothing is normalized.
        bias: added to the scores, float32 (1,) or (labels,).
        max_ngram: words or characters of the longest term.
        cleaning: the recipe that raw text goes through first.
        labels: their names, in order.
        link: from scores to probabilities, for more than two labels: "softmax", or "one-vs-rest" (a logistic output for
            each label, brought to a sum of 1).
        unit: of the terms: "words" or "characters".
    """

    terms: tuple[str, ...]
    weights: np.ndarray
    idf: np.ndarray | None
    bias: np.ndarray
    max_ngram: int
    cleaning: str
    labels: tuple[str, ...] = SENTIMENT_LABELS
    link: str = "softmax"
    unit: str = WORDS
    _numbers: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        shape = (len(self.terms), self.task.outputs)
        if (
            self.weights.size != shape[0] * shape[1]
            or self.bias.shape != (shape[1],)
            or self.link not in LINKS
            or self.unit not in (WORDS, CHARACTERS)
        ):
            raise ValueError(f"weights {self.weights.shape} and bias {self.bias.shape} for {shape[0]} terms and {len(self.labels)} labels")
        object.__setattr__(self, "_numbers", {term: number for number, term in enumerate(self.terms)})

    @property
    def task(self) -> Task:
        """The labels, and the shape of the probabilities."""
        return Task(self.labels)

    def predict(self, cleaned: Sequence[str]) -> np.ndarray:
        """Probabilities of cleaned texts: float32 (texts,) for two labels, (texts, labels) for more."""
        shape = () if self.task.binary else (len(self.labels),)
        return np.array([self.predict_one(text) for text in cleaned], np.float32).reshape(len(cleaned), *shape)

    def predict_one(self, text: str) -> Any:
        """Probability of the last of two labels, or of every label (labels,), of one cleaned text."""
        scores = np.clip(self._scores(text), -LARGEST_SCORE, LARGEST_SCORE)
        if self.task.binary:
            return 1 / (1 + np.exp(-scores[0]))
        if self.link == "softmax":
            powers = np.exp(scores - scores.max())
            return powers / powers.sum()
        each = 1 / (1 + np.exp(-scores))
        return each / each.sum()

    def _scores(self, text: str) -> np.ndarray:
        """Weighted sums, float64 (1,) or (labels,)."""
        numbers = (self._numbers.get(term) for term in terms_of(text, self.max_ngram, self.unit))
        counts = Counter(number for number in numbers if number is not None)
        known = np.fromiter(counts, np.int64, len(counts))
        scores = self.bias.astype(np.float64)
        weights = self.weights.reshape(len(self.terms), -1)[known].astype(np.float64)
        if self.idf is None:
            return np.asarray(scores + weights.sum(axis=0))
        if len(known):
            times = np.fromiter(counts.values(), np.float64, len(counts))
            values = (1 + np.log(times)) * self.idf[known].astype(np.float64)
            scores = scores + values @ weights / float(np.linalg.norm(values))
        return scores

    def known_share(self, cleaned: str) -> float:
        """Share of a cleaned text's words that are known, 0 to 1; 0 for a text without words.

        A word is known if it stands in a term; to a model of characters, if at least half of its runs are terms.
        """
        words = cleaned.split()
        if self.unit == CHARACTERS:
            runs = [terms_of(word, self.max_ngram, self.unit) for word in words]
            return sum(2 * sum(run in self._numbers for run in each) >= len(each) for each in runs) / len(runs) if runs else 0.0
        return sum(word in self._words for word in words) / len(words) if words else 0.0

    @cached_property
    def _words(self) -> frozenset[str]:
        """Words of all terms."""
        return frozenset(word for term in self.terms for word in term.split())

    def arrays(self) -> dict[str, np.ndarray]:
        """The numbers that were learned, by name."""
        return {"weights": self.weights, **({} if self.idf is None else {"idf": self.idf}), "bias": self.bias}

    def save(self, path: Path) -> None:
        """Write an `.npz` of everything a deployment needs, atomically."""
        terms = np.frombuffer("\n".join(self.terms).encode("utf-8"), np.uint8)
        content: dict[str, Any] = {"terms": terms, "longest": np.array(self.max_ngram), "cleaning": np.array(self.cleaning)}
        if self.labels != SENTIMENT_LABELS:  # files of negative and positive texts name no labels
            content |= {"labels": np.array(self.labels), "link": np.array(self.link)}
        if self.unit != WORDS:  # a reader of earlier versions would take the terms for words
            raise ValueError("models of characters are packed, not saved as .npz")
        content |= self.arrays()
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
                labels = tuple(map(str, saved["labels"])) if "labels" in saved.files else SENTIMENT_LABELS
                return cls(
                    terms=tuple(saved["terms"].tobytes().decode("utf-8").split("\n")),
                    weights=saved["weights"],
                    idf=saved["idf"] if "idf" in saved.files else None,
                    bias=saved["bias"],
                    max_ngram=int(saved["longest"]),
                    cleaning=str(saved["cleaning"]),
                    labels=labels,
                    link=str(saved["link"]) if "link" in saved.files else "softmax",
                )
        except FileNotFoundError:
            raise UserError(f"{path} is missing", remedy) from None
        except Exception as error:  # zipfile and zlib raise their own kinds for damaged bytes
            raise UserError(f"{path} is damaged ({error})", remedy) from None


def terms_of(text: str, max_ngram: int, unit: str = WORDS) -> list[str]:
    """All terms of a cleaned text, in no order, as often as they stand in it.

    Args:
        text: the cleaned text.
        max_ngram: words or characters of the longest term.
        unit: "words": runs of 1 to `max_ngram` neighbouring words. "characters": runs of 2 to `max_ngram` characters of each
            word in lower case with a space on either side, as scikit-learn's `char_wb`; a shorter word is one run.
    """
    if unit == CHARACTERS:
        return [run for word in text.lower().split() for run in _runs(f" {word} ", max_ngram)]
    words = text.split()
    terms = list(words)
    for length in range(2, max_ngram + 1):
        terms += [" ".join(run) for run in zip(*(words[start:] for start in range(length)), strict=False)]
    return terms


def _runs(word: str, longest: int) -> list[str]:
    found = []
    for length in range(SHORTEST_RUN, longest + 1):
        found += [word[start : start + length] for start in range(max(1, len(word) - length + 1))]
        if len(word) <= length:
            break
    return found
