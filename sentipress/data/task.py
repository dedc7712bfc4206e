"""A task: which labels there are, what a row of probabilities means, and how its texts are split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from sentipress.core.errors import UserError

MOST_LABELS = 50
SENTIMENT_LABELS = ("negative", "positive")
LARGEST_ODDS = 15.0  # a probability of 0 or 1 counts as this log-odds: 3 in ten million from it
KNOWN_SHARE = 1 / 3  # of a text's words: below it a model has read too little to judge
RANDOM, TEST_FILE, OFFICIAL = "random", "test file", "official"  # kinds of splits


@dataclass(frozen=True)
class Split:
    """How the texts of a task are divided.

    Attributes:
        kind: "random" (a seeded share is the test split), "test file" (a file of its own is), or "official" (the test half
            of the 50,000 IMDB reviews, whose films are not those of the training half).
        test_share: of all texts; None unless the split is random.
        validation_share: of the texts that are not for testing.
        seed: of the shuffle.
    """

    kind: str = RANDOM
    test_share: float | None = 0.2
    validation_share: float = 0.1
    seed: int = 1


@dataclass(frozen=True)
class Task:
    """What a model decides.

    With two labels a model gives one probability for each text, that of the last label: arrays of shape (texts,).
    With more it gives one for each label, in their order, with a sum of 1: arrays of shape (texts, labels).

    Attributes:
        labels: names, in the order of their numbers 0, 1, ...
        text_column: of the CSV that the texts come from.
        label_column: of that CSV.
        split: how the texts are divided.
    """

    labels: tuple[str, ...] = SENTIMENT_LABELS
    text_column: str = "review"
    label_column: str = "sentiment"
    split: Split = field(default_factory=Split)

    def __post_init__(self) -> None:
        if not 2 <= len(self.labels) <= MOST_LABELS or len(set(self.labels)) < len(self.labels):
            raise UserError(f"{len(set(self.labels))} different labels", f"give 2 to {MOST_LABELS}, each once")

    @property
    def binary(self) -> bool:
        """Whether there are two labels."""
        return len(self.labels) == 2

    @property
    def outputs(self) -> int:
        """Numbers that a model gives for a text: 1 for two labels, else one for each."""
        return 1 if self.binary else len(self.labels)

    @property
    def is_sentiment(self) -> bool:
        """Whether the labels are those of the study: negative and positive."""
        return self.labels == SENTIMENT_LABELS

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """Number of the label that each row of probabilities speaks for: int64 (texts,)."""
        return (probabilities > 0.5).astype(np.int64) if self.binary else np.argmax(probabilities, axis=1)

    def decide_logits(self, logits: np.ndarray) -> np.ndarray:
        """The same from logits: (texts,) for two labels, (texts, labels) for more."""
        return (logits > 0).astype(np.int64) if self.binary else np.argmax(logits, axis=1)

    def logits(self, probabilities: np.ndarray) -> np.ndarray:
        """Log-odds within `LARGEST_ODDS` (texts,) for two labels, log-probabilities (texts, labels) for more; float32."""
        values = probabilities.astype(np.float64)
        if not self.binary:
            return np.asarray(np.log(np.maximum(values, np.exp(-LARGEST_ODDS))), np.float32)
        clipped = np.clip(values, 1 / (1 + np.exp(LARGEST_ODDS)), 1 / (1 + np.exp(-LARGEST_ODDS)))
        return (np.log(clipped) - np.log1p(-clipped)).astype(np.float32)

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Probabilities of logits, in the same shape: by the logistic function for two labels, by softmax for more; float32."""
        values = logits.astype(np.float64)
        if self.binary:
            return (1 / (1 + np.exp(-values))).astype(np.float32)
        powers = np.exp(values - values.max(axis=1, keepdims=True))
        return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)

    def right(self, probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Whether each text is labelled rightly: bool (texts,)."""
        return self.decide(probabilities) == labels.astype(np.int64)

    def table(self, probabilities: np.ndarray) -> np.ndarray:
        """Probabilities of all labels, in their order: (texts, labels), also for two labels."""
        return np.stack([1 - probabilities, probabilities], axis=1) if self.binary else probabilities

    def shaped(self, outputs: np.ndarray) -> np.ndarray:
        """A model's outputs (texts, outputs) in the shape that this class speaks of: (texts,) for two labels."""
        return outputs[:, 0] if self.binary else outputs[:, : self.outputs]

    def as_dict(self) -> dict[str, Any]:
        """The fields, for a JSON file."""
        return {**asdict(self), "labels": list(self.labels)}

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Task:
        """Read what `as_dict` wrote.

        Raises:
            TypeError, KeyError: a field is missing or unknown.
        """
        fields = {**content, "labels": tuple(content["labels"])}
        return cls(**{**fields, "split": Split(**content["split"])}) if "split" in content else cls(**fields)


SENTIMENT = Task()


def verdict(labels: Sequence[str], row: np.ndarray, known_share: float) -> str:
    """Name of the label of one text, or "cannot judge" where fewer than a third of its words are known.

    Args:
        labels: of the task.
        row: probabilities of all labels (labels,).
        known_share: of the text's words, 0 to 1.
    """
    return "cannot judge" if known_share < KNOWN_SHARE else labels[int(np.argmax(row))]


def mean_loss(labels: np.ndarray, logits: np.ndarray) -> float:
    """Mean cross-entropy in nats, of logits (texts,) for two labels or (texts, labels) for more."""
    from scipy.special import logsumexp  # a deployment has no SciPy

    wide = logits.astype(np.float64)
    if wide.ndim == 1:
        return float(np.mean(np.logaddexp(0, -wide * (2 * labels - 1))))
    return float(np.mean(logsumexp(wide, axis=1) - wide[np.arange(len(wide)), labels.astype(int)]))
