"""The pocket model: network, vocabulary and settings in one zip file that needs numpy and ai-edge-litert alone."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sentipress.core import files
from sentipress.core.errors import UserError
from sentipress.data.task import Task
from sentipress.runtimes.interface import Runtime
from sentipress.text.tokenizer import Tokenizer

SCHEMA = 1
MODEL, VOCABULARY, METADATA = "model.tflite", "vocabulary.txt", "metadata.json"
LIMIT_BYTES = 1 << 28  # of a member when it is unpacked: no pocket model has more, and a damaged or hostile zip may claim it
LONGEST_PREFIX = 60


def front_coded(words: Sequence[str]) -> str:
    """Words, a line each, without the beginning that a word shares with the one before; its length is the first character.

    The length n stands as the character 48 + n ("0" is none). For words in alphabetical order gzip then needs about
    two bytes a word.
    """
    lines, before = [], ""
    for word in words:
        shared = 0
        for one, other in zip(before[:LONGEST_PREFIX], word, strict=False):
            if one != other:
                break
            shared += 1
        lines.append(chr(48 + shared) + word[shared:])
        before = word
    return "\n".join(lines)


def front_decoded(text: str) -> tuple[str, ...]:
    """What `front_coded` was given.

    Raises:
        ValueError: a line that no word could have led to.
    """
    words: list[str] = []
    before = ""
    for line in text.split("\n") if text else []:
        shared = ord(line[:1] or "\0") - 48
        if not 0 <= shared <= min(LONGEST_PREFIX, len(before)):
            raise ValueError(f"line {len(words) + 1} of the vocabulary")
        before = before[:shared] + line[1:]
        words.append(before)
    return tuple(words)


def pack(model: bytes, tokenizer: Tokenizer, labels: Sequence[str]) -> bytes:
    """The zip's bytes; equal contents give equal bytes."""
    metadata = {
        "schema": SCHEMA,
        "labels": list(labels),  # of two, the probability is that of the last one
        "cleaning": tokenizer.cleaning,
        "sequence_length": tokenizer.sequence_length,
        "padding": tokenizer.padding,
        "truncating": tokenizer.truncating,
    }
    members = {MODEL: model, VOCABULARY: front_coded(tokenizer.words).encode(), METADATA: json.dumps(metadata).encode()}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 9)
    return stream.getvalue()


@dataclass(frozen=True)
class Unpacked:
    """What a pocket model holds.

    Attributes:
        model: bytes of a `.tflite` file.
        tokenizer: its vocabulary.
        labels: names, in the order of the model's outputs.
    """

    model: bytes
    tokenizer: Tokenizer
    labels: tuple[str, ...]


def unpack(path: Path, remedy: str) -> Unpacked:
    """Read a pocket model without running it; nothing is written to disk.

    Raises:
        UserError: missing, damaged, or no pocket model.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if any(archive.getinfo(name).file_size > LIMIT_BYTES for name in (MODEL, VOCABULARY, METADATA)):
                raise ValueError("a member is too large")
            model, vocabulary, metadata = (archive.read(name) for name in (MODEL, VOCABULARY, METADATA))
        about = json.loads(metadata)
        if about["schema"] != SCHEMA:
            raise ValueError(f"schema {about['schema']}")
        settings = {name: about[name] for name in ("padding", "truncating", "cleaning")}
        words = front_decoded(vocabulary.decode("utf-8"))
        labels = tuple(str(label) for label in about["labels"])
        return Unpacked(model, Tokenizer(words, sequence_length=int(about["sequence_length"]), **settings), labels)
    except FileNotFoundError:
        raise UserError(f"{path} is missing", remedy) from None
    except Exception as error:  # zipfile and zlib raise many kinds for damaged bytes
        raise UserError(f"{path} is no pocket model ({str(error)[:100]})", remedy) from None


class PocketModel(Runtime):
    """A pocket model, ready to run.

    Attributes:
        tokenizer: its vocabulary.
        network: its network.
    """

    reads = "texts"

    def __init__(self, path: Path, remedy: str) -> None:
        """Load a file.

        Raises:
            UserError: see `unpack`.
        """
        from sentipress.runtimes.litert import LiteRTModel

        content = unpack(path, remedy)
        self.tokenizer, self.task = content.tokenizer, Task(content.labels)
        self.network = LiteRTModel(path, remedy, self.tokenizer, self.task, content.model)

    @property
    def cleaning(self) -> str:
        """Recipe that a raw text goes through first."""
        return self.tokenizer.cleaning

    def prepare(self, cleaned: Sequence[str]) -> Sequence[str]:
        """The texts as they are: the model has its own vocabulary."""
        return cleaned

    def predict_raw(self, raw: Sequence[str]) -> np.ndarray:
        """Probabilities of raw texts."""
        return self.network.predict_raw(raw)

    def judge(self, raw: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """The same, and the texts' shares of known words, float64 (texts,)."""
        return self.network.judge(raw)

    def predict(self, inputs: Sequence[str]) -> np.ndarray:
        """Probabilities of cleaned texts, one text a call as on a phone."""
        return self.network.predict(self.tokenizer.encode(inputs))

    def predict_one(self, inputs: Sequence[str]) -> np.ndarray:
        """Probabilities of a list of one cleaned text."""
        return self.network.predict_one(self.tokenizer.encode(inputs))

    def predict_batch(self, inputs: Sequence[str]) -> np.ndarray:
        """Probabilities of cleaned texts, many in a call."""
        return self.network.predict_batch(self.tokenizer.encode(inputs))

    def stored_arrays(self) -> dict[str, np.ndarray]:
        """Not to be told from the package: its `.tflite` file has them."""
        raise NotImplementedError("ask the .tflite file that was packed")

    def known_share(self, cleaned: str) -> float:
        """Share of a cleaned text's words that the vocabulary has, 0 to 1."""
        return self.tokenizer.known_share(cleaned)


def save(path: Path, model: bytes, tokenizer: Tokenizer, labels: Sequence[str]) -> None:
    """Write a pocket model, atomically."""
    files.write_bytes(path, pack(model, tokenizer, labels))
