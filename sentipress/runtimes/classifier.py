"""A model file in a program of one's own: texts in, labels and probabilities out, from any number of threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sentipress.data.cleaning import check_recipe
from sentipress.data.task import KNOWN_SHARE
from sentipress.runtimes import registry

TEXTS_AT_ONCE = 1024  # more need more memory and are no faster
REMEDY = "give the path of a whole model file, such as pocket.zip"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says of one text.

    Attributes:
        label: the likeliest label; None where the model cannot judge: it knows fewer than a third of the text's words.
        score: probability of the likeliest label, 0 to 1, also where `label` is None.
        probabilities: of each label by its name, in the order of `Classifier.labels`; their sum is 1.
        known: share of the text's words that the model's vocabulary has, 0 to 1; 0 for a text without words.
    """

    label: str | None
    score: float
    probabilities: dict[str, float]
    known: float


class Classifier:
    """A loaded model file. Made by `load`.

    Threads may share one: their calls wait for one another. It can be pickled; the copy opens the same file again.
    """

    def __init__(self, path: Path, tokenizer: Path | None = None) -> None:
        """Open a file; see `load`."""
        self._path, self._tokenizer = path.absolute(), tokenizer and tokenizer.absolute()
        self._runtime = registry.open_model(self._path, self._tokenizer, REMEDY)
        check_recipe(self._runtime.cleaning)
        self._lock = threading.Lock()  # an interpreter of LiteRT holds the numbers of one call at a time

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels, in the order of the columns of `predict_proba`."""
        return self._runtime.task.labels

    @property
    def classes_(self) -> np.ndarray:
        """The labels under the name that scikit-learn gives them: an array of str (labels,)."""
        return np.array(self.labels)

    def __call__(self, texts: Iterable[str]) -> list[Answer]:
        """Judge raw texts.

        Args:
            texts: a list, or anything else that gives texts in an order; not a single text.

        Returns:
            An answer for each text, in their order.

        Raises:
            TypeError: a single text, or something in `texts` that is no text.
        """
        probabilities, known = self._judge(texts)
        answers = []
        for row, share in zip(probabilities.tolist(), known.tolist(), strict=True):
            score = max(row)
            label = self.labels[row.index(score)] if share >= KNOWN_SHARE else None
            answers.append(Answer(label, score, dict(zip(self.labels, row, strict=True)), share))
        return answers

    def predict_proba(self, texts: Iterable[str]) -> np.ndarray:
        """Probabilities of raw texts, float32 (texts, labels). Texts and errors are those of a call."""
        return self._judge(texts)[0]

    def predict(self, texts: Iterable[str]) -> np.ndarray:
        """The likeliest label of each raw text: an array of str (texts,).

        Each text gets a label here, as in scikit-learn, also one that the model cannot judge. Texts and errors are those of a call.
        """
        return self.classes_[self.predict_proba(texts).argmax(axis=1)]

    def _judge(self, texts: Iterable[str]) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities float32 (texts, labels), shares of known words float64 (texts,)."""
        listed = _checked(texts)
        task, known = self._runtime.task, np.zeros(len(listed))
        probabilities = np.zeros((len(listed), len(task.labels)), np.float32)
        for start in range(0, len(listed), TEXTS_AT_ONCE):
            part = slice(start, start + TEXTS_AT_ONCE)
            with self._lock:
                found, known[part] = self._runtime.judge(listed[part])
            probabilities[part] = task.table(found)
        return probabilities, known

    def __reduce__(self) -> tuple[object, ...]:
        return Classifier, (self._path, self._tokenizer)

    def __repr__(self) -> str:
        return f"sentipress.load({str(self._path)!r})"


def _checked(texts: Iterable[str]) -> list[str]:
    if isinstance(texts, str | bytes):
        raise TypeError("give a list of texts, also for a single one: model([text])")
    listed = list(texts)
    for number, text in enumerate(listed):
        if not isinstance(text, str):
            raise TypeError(f"texts[{number}] is no text (str) but of the type {type(text).__name__}")
    return listed


def load(path: str | os.PathLike[str], tokenizer: str | os.PathLike[str] | None = None) -> Classifier:
    """Open a model file.

    Args:
        path: `.zip` (a pocket model needs numpy and ai-edge-litert, a packed bag of words numpy alone) or any other model file
            of the project; see `sentipress.runtimes.registry.open_model`.
        tokenizer: vocabulary of a `.tflite`, `.keras`, `.safetensors` or `.onnx` file; by default the tokenizer.json beside it.

    Raises:
        UserError: a file is missing, damaged or of an unknown kind, or a package that it needs is not installed.
    """
    return Classifier(Path(path), None if tokenizer is None else Path(tokenizer))
