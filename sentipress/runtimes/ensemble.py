"""`.ensemble` files: the mean of several models of one folder, named by file and hash. What a student is taught by."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sentipress.core import files
from sentipress.core.errors import UserError
from sentipress.runtimes.interface import Runtime

SCHEMA = 1


class EnsembleRuntime(Runtime):
    """Several models that judge together, by the mean of their log-odds (log-probabilities for more than two labels).

    Attributes:
        members: file name to loaded model.
    """

    reads = "texts"

    def __init__(self, members: Mapping[str, Runtime], path: Path, remedy: str) -> None:
        """Join loaded models.

        Args:
            members: by file name.
            path: of the file that names them, for the message.
            remedy: for the message.

        Raises:
            UserError: their labels or cleaning differ.
        """
        first, *others = members.values()
        if any((other.task.labels, other.cleaning) != (first.task.labels, first.cleaning) for other in others):
            raise UserError(f"{path} joins models of other labels or cleaning", remedy)
        self.members, self.task = dict(members), first.task

    @property
    def cleaning(self) -> str:
        """Recipe that a raw text goes through first."""
        return next(iter(self.members.values())).cleaning

    def prepare(self, cleaned: Sequence[str]) -> Sequence[str]:
        """The texts as they are: each member prepares them its own way."""
        return cleaned

    def _mean(self, probabilities: Sequence[np.ndarray]) -> np.ndarray:
        return self.task.probabilities(np.mean([self.task.logits(each) for each in probabilities], axis=0))

    def predict(self, inputs: Sequence[str]) -> np.ndarray:
        """Probabilities of cleaned texts."""
        return self._mean([member.predict(member.prepare(inputs)) for member in self.members.values()])

    def predict_one(self, inputs: Sequence[str]) -> np.ndarray:
        """Probabilities of a list of one cleaned text."""
        return self._mean([np.asarray([member.predict_one(member.prepare(inputs))]) for member in self.members.values()])[0]

    def predict_batch(self, inputs: Sequence[str]) -> np.ndarray:
        """Probabilities of cleaned texts, each member in one call where it can."""
        return self._mean([member.predict_batch(member.prepare(inputs)) for member in self.members.values()])

    def stored_arrays(self) -> dict[str, np.ndarray]:
        """Arrays of all members; their names begin with the member's."""
        return {f"{name}: {key}": array for name, member in self.members.items() for key, array in member.stored_arrays().items()}

    def known_share(self, cleaned: str) -> float:
        """Largest share of a cleaned text's words that a member knows, 0 to 1."""
        return max(member.known_share(cleaned) for member in self.members.values())


def member_files(path: Path, remedy: str) -> list[Path]:
    """Files that an ensemble names, in its own folder.

    Raises:
        UserError: the file is missing or damaged, or a member is not the one that it speaks of.
    """
    hashes = files.read_json(path, SCHEMA, remedy).get("members")
    if not isinstance(hashes, dict) or not hashes or any(not name or Path(name).name != name for name in hashes):
        raise UserError(f"{path} lacks or garbles members", remedy)
    for name, expected in hashes.items():
        file = path.with_name(name)
        if file.is_file() and files.sha256(file) != expected:
            raise UserError(f"{file} is not the one that {path.name} was made of", remedy)
    return [path.with_name(name) for name in hashes]


def save(path: Path, members: Sequence[Path]) -> None:
    """Write an ensemble of model files that lie in the folder of `path`, atomically."""
    content: dict[str, Any] = {"schema": SCHEMA, "members": {member.name: files.sha256(member) for member in members}}
    files.write_text(path, json.dumps(content, indent=1) + "\n")
