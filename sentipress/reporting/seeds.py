"""The same models trained with other seeds: folders beside the one that a report is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sentipress.core import manifest
from sentipress.core.errors import UserError
from sentipress.evaluation import records, statistics
from sentipress.reporting import saved
from sentipress.reporting.comparing import Comparison, compare_over_seeds
from sentipress.reporting.saved import Saved

BAG_OF_WORDS = "classical"  # role of bags of words


def seedless(record: Mapping[str, Any]) -> bool:
    """Whether no seed changes a row: it stands for itself with every seed.

    That is a bag of words, unless it learned from a network whose answers are another file in each folder.
    """
    return bool(record["role"] == BAG_OF_WORDS and record["stage"] == manifest.CLASSICAL and manifest.ANSWERS not in record["inputs"])


class Repeats:
    """Folders of the same recipe with other seeds.

    Args:
        folders: with metrics and probabilities of some of the rows.
    """

    def __init__(self, folders: Sequence[Path] = ()) -> None:
        self._folders = folders
        self._loaded: dict[tuple[int, str], Saved | None] = {}

    def accuracy(self, record: Mapping[str, Any]) -> dict[str, float] | None:
        """Mean and spread of a model's accuracy over all seeds; None where no other seed has it.

        Raises:
            UserError: its metrics in another folder cannot be read.
        """
        others = [one for _, one in self._others(record)]
        return statistics.spread([one["scores"]["accuracy"]["value"] for one in (record, *others)]) if others else None

    def compare(self, own: tuple[Mapping[str, Any], Saved], other: tuple[Mapping[str, Any], Saved]) -> Comparison | None:
        """Compare two rows, records and probabilities, over the seeds that have both; None without such a seed.

        A row that no seed changes stands for itself. A folder whose test texts are others is left out.
        """
        if seedless(own[0]) and seedless(other[0]):
            return None
        first = own[1].in_order()
        pairs = [(first, other[1].in_order())]
        for number in range(len(self._folders)):
            one, two = self._of_seed(number, *own), self._of_seed(number, *other)
            if one and two and one.same_texts(first) and two.same_texts(first):
                pairs.append((one, two))
        return compare_over_seeds(pairs)

    def _of_seed(self, number: int, record: Mapping[str, Any], own: Saved) -> Saved | None:
        """A row's probabilities in a folder, texts in order; None where it has none that can be read."""
        if seedless(record):
            return own.in_order()
        key = (number, str(record["name"]))
        if key not in self._loaded:
            try:
                found = dict(self._others(record)).get(number)
                self._loaded[key] = saved.load(self._folders[number], found).in_order() if found else None
            except (ValueError, UserError):
                self._loaded[key] = None
        return self._loaded[key]

    def _others(self, record: Mapping[str, Any]) -> list[tuple[int, dict[str, Any]]]:
        """Number of the folder and metrics of the same row; the same file again is not another seed."""
        paths = [records.metrics_path(folder, record["name"]) for folder in self._folders]
        found, known = [], {_file_hash(record)}
        for number, path in enumerate(paths):
            one = records.read(path, "run the stage again") if path.is_file() else None
            if one and _file_hash(one) not in known:
                known.add(_file_hash(one))
                found.append((number, one))
        return found


def _file_hash(record: Mapping[str, Any]) -> str:
    return str(record["outputs"][record["file"]])
