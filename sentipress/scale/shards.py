"""Shards: runs of rows of one file that are answered, and written, as one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sentipress.core.errors import UserError
from sentipress.data import row_reading
from sentipress.data.places import InputFile

MOST_CHARACTERS = 16_000_000  # in a shard: with longer texts it has fewer rows, so that memory does not grow


@dataclass(frozen=True)
class Shard:
    """Rows of a file.

    Attributes:
        file: number of the file, from 0.
        number: of the shard in the file, from 0.
        name: of the file.
        first_row: number of its first row, from 1.
        texts: for each row; None where there is none to judge.
        keys: for each row; empty if there is no key column.
        reasons: for each row; "" where there is a text.
        end: where the next shard begins in the file.
        share: of the file that has been read with it, 0 to 1.
        last: whether the file ends with it.
    """

    file: int
    number: int
    name: str
    first_row: int
    texts: Sequence[str | None]
    keys: Sequence[Any]
    reasons: Sequence[str]
    end: int
    share: float
    last: bool

    def __str__(self) -> str:
        return f"{self.name}, rows {self.first_row} to {self.first_row + len(self.texts) - 1}"

    @property
    def stem(self) -> str:
        """Name of its part without the ending; parts in the order of their names are rows in the order of the input."""
        return stem_of(self.file, self.number)


def stem_of(file: int, number: int) -> str:
    """Name of the part of a shard, without its ending."""
    return f"part-{file:06d}-{number:07d}"


@dataclass(frozen=True)
class Cut:
    """How rows become shards.

    Attributes:
        text_column: with the texts.
        key_column: whose values go into the answers; None for none.
        shard_rows: rows of a shard at most.
    """

    text_column: str
    key_column: str | None
    shard_rows: int


def shards(files: Sequence[InputFile], cut: Cut, done: Mapping[str, Mapping[str, Any]], damaged: list[str]) -> Iterator[Shard]:
    """Shards of files in their order, without those that are done.

    Where a shard begins and ends depends on the file and on `cut` alone: not on what is done, nor on who works on it.

    Args:
        files: to be read.
        cut: how.
        done: stem of each shard that has its answers to its `rows`, its `end`, and `last`: whether the file ends with it.
        damaged: takes a line for each file that could not be read to its end, or at all; the others are read nevertheless.

    Raises:
        UserError: the first file lacks a column.
    """
    for index, file in enumerate(files):
        try:
            yield from _of_file(index, file, cut, done)
        except row_reading.Damaged as error:
            damaged.append(str(error))
        except UserError as error:
            if not index:  # a slip in the command
                raise
            damaged.append(error.problem)


def _of_file(index: int, file: InputFile, cut: Cut, done: Mapping[str, Mapping[str, Any]]) -> Iterator[Shard]:
    number, first_row, start = 0, 1, 0
    goes_on = True
    while goes_on:
        while about := done.get(stem_of(index, number)):
            if about["last"]:
                return
            number, first_row, start = number + 1, first_row + about["rows"], about["end"]
        goes_on = False
        for shard in _from(index, file, cut, number, first_row, start):
            yield shard
            number, first_row, start = number + 1, first_row + len(shard.texts), shard.end
            if stem_of(index, number) in done:
                goes_on = True
                break


def _from(index: int, file: InputFile, cut: Cut, number: int, first_row: int, start: int) -> Iterator[Shard]:
    """Shards of a file from a position on."""
    texts: list[str | None] = []
    keys: list[Any] = []
    reasons: list[str] = []
    characters, end, share = 0, start, 0.0
    failure: row_reading.Damaged | None = None
    rows = row_reading.rows(file, cut.text_column, cut.key_column, start)
    while True:
        try:
            row = next(rows, None)
        except row_reading.Damaged as error:
            row, failure = None, error
        if texts and (row is None or len(texts) == cut.shard_rows or characters >= MOST_CHARACTERS):
            is_last = row is None and not failure
            yield Shard(index, number, file.name, first_row, texts, keys, reasons, end, share, is_last)
            number, first_row, characters = number + 1, first_row + len(texts), 0
            texts, keys, reasons = [], [], []
        if row is None:
            break
        texts.append(row.text)
        reasons.append(row.reason)
        if cut.key_column:
            keys.append(row.key)
        characters += len(row.text or "")
        end, share = row.end, row.share
    if failure:
        raise failure
