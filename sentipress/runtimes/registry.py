"""Any model of the project, from text to probability. Needs TensorFlow for `.keras` files alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sentipress.core import files
from sentipress.core.errors import UserError
from sentipress.text.tokenizer import Tokenizer

if TYPE_CHECKING:
    from sentipress.runtimes.litert import LiteRTModel

SUFFIXES = (".zip", ".tflite", ".npz", ".keras")
DEFAULT_TOKENIZER = "tokenizer.json"


@dataclass(frozen=True)
class Classifier:
    """A loaded model.

    Attributes:
        one: raw text to the probability of "positive".
        batch: raw texts to probabilities float32 (texts,), in one call where the runtime can.
    """

    one: Callable[[str], float]
    batch: Callable[[Sequence[str]], np.ndarray]


def tokenizer_of(model: Path, remedy: str) -> Path:
    """The tokenizer that belongs to a `.keras` or `.tflite` file: the one its metrics name, else tokenizer.json beside it.

    Raises:
        UserError: that file has changed since the model was made.
    """
    try:
        record = json.loads(model.with_suffix(".metrics.json").read_text(encoding="utf-8"))
        named, inputs = str(record.get("tokenizer") or DEFAULT_TOKENIZER), dict(record.get("inputs") or {})
    except (OSError, ValueError, AttributeError, TypeError):
        named, inputs = DEFAULT_TOKENIZER, {}
    path = model.with_name(named)
    if named in inputs and path.is_file() and files.sha256(path) != inputs[named]:
        raise UserError(f"{path} is not the one that {model} was made with", remedy)
    return path


def load(model: Path, tokenizer: Path | None = None, remedy: str = "run the stage that makes it") -> Classifier:
    """Open a model file.

    Args:
        model: `.zip` (pocket model) or `.tflite` (both need ai-edge-litert and numpy), `.npz` (numpy) or `.keras`
            (TensorFlow).
        tokenizer: for `.tflite` and `.keras`; by default `tokenizer_of` the model.
        remedy: for the message when something is wrong.

    Raises:
        UserError: a file is missing, damaged or of an unknown kind.
    """
    if model.suffix not in SUFFIXES:
        raise UserError(f"{model} is no model", f"give a file that ends in {', '.join(SUFFIXES)}")
    if not model.is_file():
        raise UserError(f"{model} is missing", remedy)
    if model.suffix == ".npz":
        from sentipress.linear.bag_of_words import LinearModel

        linear = LinearModel.load(model, remedy)
        return Classifier(lambda text: float(linear.predict_raw([text])[0]), linear.predict_raw)
    if model.suffix == ".zip":
        from sentipress.runtimes.pocket import PocketModel

        pocket = PocketModel(model, remedy)
        return _of_litert(pocket.tokenizer, pocket.model)
    words = Tokenizer.load(tokenizer or tokenizer_of(model, remedy), remedy)
    if model.suffix == ".tflite":
        from sentipress.runtimes.litert import LiteRTModel

        return _of_litert(words, LiteRTModel(model, remedy))
    from sentipress.lstm.networks import load_keras

    network = load_keras(model, remedy)

    def batch(texts: Sequence[str]) -> np.ndarray:
        return np.asarray(network.predict_on_batch(words.encode_raw(texts)))[:, 0]

    return Classifier(lambda text: float(batch([text])[0]), batch)


def _of_litert(words: Tokenizer, model: LiteRTModel) -> Classifier:
    return Classifier(
        lambda text: model.predict_one(words.encode_raw([text])),
        lambda texts: model.predict_batch(words.encode_raw(texts)),
    )


def groups(texts: Sequence[str], file: str | None, size: int) -> Iterator[list[str]]:
    """Texts, then those of a file, in lists of `size`.

    Args:
        texts: raw.
        file: UTF-8, one text per line, blank lines passed over; "-" is the standard input; None is none.
        size: of a list, at most.

    Raises:
        UserError: the file is missing, not UTF-8, or a text is blank.
    """
    for text in texts:
        if not text.strip():
            raise UserError("an empty text cannot be judged", "give at least one word")
    group = list(texts)
    for line in _lines(file) if file else ():
        group.append(line)
        if len(group) >= size:
            yield group[:size]
            group = group[size:]
    for place in range(0, len(group), size):
        yield group[place : place + size]


def _lines(file: str) -> Iterator[str]:
    try:
        with open(0 if file == "-" else file, encoding="utf-8", closefd=file != "-") as stream:
            yield from (line.rstrip("\n") for line in stream if line.strip())
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror})", "give a text file with a text per line") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not UTF-8 ({error.reason} at byte {error.start})", "save it as UTF-8") from None
