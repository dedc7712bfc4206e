"""What a teacher says of texts, kept under hashes of their words: a text is asked about once, and any student can learn from it.

A file of answers holds no text, so that it may be passed on where the texts may not.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sentipress.core import files
from sentipress.core.errors import UserError
from sentipress.data.sentences import key_of

SCHEMA = 1


def keys_of(texts: Sequence[str]) -> np.ndarray:
    """Hashes of the words of texts, uint64 (texts,)."""
    return np.fromiter((key_of(text) for text in texts), np.uint64, len(texts))


@dataclass(frozen=True)
class Answers:
    """Answers of one teacher.

    Attributes:
        keys: of the texts, rising, uint64 (texts,).
        logits: log-odds float16 (texts,) for two labels, log-probabilities (texts, labels) for more.
        labels: their names, in the order of the task.
        teacher: name and SHA-256 of the model file.
        fits: SHA-256 of each reviews.csv whose held-out texts the teacher is known not to have learned from, as far as can be told.
    """

    keys: np.ndarray
    logits: np.ndarray
    labels: tuple[str, ...]
    teacher: dict[str, str]
    fits: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, texts: Sequence[str], logits: np.ndarray, labels: Sequence[str], teacher: dict[str, str], fits: Sequence[str] = ()
    ) -> Answers:
        """Keep answers to texts; of two texts with the same words the first one's.

        Args:
            texts: raw or cleaned.
            logits: float (texts,) or (texts, labels).
            labels: of the task.
            teacher: name and SHA-256 of its file.
            fits: see `Answers`.
        """
        keys, first = np.unique(keys_of(texts), return_index=True)
        return cls(keys, logits[first].astype(np.float16), tuple(labels), teacher, tuple(fits))

    def find(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """What is known of texts.

        Returns:
            Whether there is an answer to each text, bool (texts,), and the answers, float32 (texts,) or (texts, labels); 0 where
            there is none.
        """
        wanted = keys_of(texts)
        places = np.minimum(np.searchsorted(self.keys, wanted), max(len(self.keys) - 1, 0))
        known = self.keys[places] == wanted if len(self.keys) else np.zeros(len(wanted), bool)
        found = np.zeros((len(wanted), *self.logits.shape[1:]), np.float32)
        found[known] = self.logits[places[known]]
        return known, found

    def with_more(self, *others: Answers) -> Answers:
        """These answers and those of the same teacher to other texts."""
        every = [self, *others]
        keys, first = np.unique(np.concatenate([one.keys for one in every]), return_index=True)
        fits = tuple(sorted({name for one in every for name in one.fits}))
        return Answers(keys, np.concatenate([one.logits for one in every])[first], self.labels, self.teacher, fits)

    def save(self, path: Path) -> None:
        """Write the file, atomically; the same answers make the same bytes."""
        about = json.dumps({"schema": SCHEMA, "labels": self.labels, "teacher": self.teacher, "fits": self.fits}, sort_keys=True)
        arrays: dict[str, Any] = {"about": np.array(about), "keys": self.keys, "logits": self.logits}
        with files.atomic(path) as temporary, open(temporary, "wb") as stream:
            np.savez(stream, **arrays)

    @classmethod
    def load(cls, path: Path, remedy: str) -> Answers:
        """Read what `save` wrote.

        Raises:
            UserError: missing, damaged, or not a file of answers.
        """
        try:
            with np.load(path, allow_pickle=False) as content:
                about, keys, logits = json.loads(str(content["about"])), content["keys"], content["logits"]
            labels, teacher = tuple(map(str, about["labels"])), {key: str(about["teacher"][key]) for key in ("name", "sha256")}
            fits = tuple(map(str, about["fits"]))
            shape = (len(keys),) if len(labels) == 2 else (len(keys), len(labels))
            whole = about["schema"] == SCHEMA and keys.dtype == np.uint64 and logits.dtype == np.float16 and logits.shape == shape
            if not (whole and np.isfinite(logits).all() and (keys[1:] > keys[:-1]).all()):
                raise ValueError("not a file of answers")
        except FileNotFoundError:
            raise UserError(f"{path} is missing", remedy) from None
        except Exception as error:  # zipfile, zlib and json raise their own kinds for damaged bytes
            raise UserError(f"{path} cannot be read as a teacher's answers ({str(error)[:100]})", remedy) from None
        return cls(keys, logits, labels, teacher, fits)
