"""Texts that lie in a file until the process ends, so that millions of them take little memory."""

from __future__ import annotations

import hashlib
import os
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
import pandas as pd

from sentipress.core import files
from sentipress.data.formats import TEXT

PIECE = 10_000  # rows that are in memory at a time
IN_MEMORY_BYTES = 4 << 20  # of texts in UTF-8: fewer make no file
BUFFER = 1 << 20  # bytes that are read or written at once
KEYS = ("key", "key2")  # columns of a text's hash


class Spool:
    """A file that takes texts and gives them back. It has no name where the system allows that, and goes with the process.

    Attributes:
        folder: where it lies; that of temporary files if None.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._stream = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - closed by `__exit__`, or when nobody has its texts
            IN_MEMORY_BYTES, buffering=BUFFER, prefix=files.TEMPORARY, dir=str(folder) if folder else None
        )
        self._end = 0

    def __enter__(self) -> Spool:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def add(self, texts: Iterable[str]) -> Texts:
        """Take texts; while they come, others of this spool may be read."""
        sizes, waiting, waiting_bytes, first = array("i"), list[bytes](), 0, self._end
        for text in texts:
            waiting.append(text.encode("utf-8", "surrogatepass"))
            sizes.append(len(waiting[-1]))
            waiting_bytes += sizes[-1]
            if waiting_bytes >= BUFFER:
                self._write(waiting)
                waiting, waiting_bytes = [], 0
        self._write(waiting)
        counts = np.array(sizes, np.int32)
        return Texts(self, first + np.cumsum(counts, dtype=np.int64) - counts, counts)

    def _write(self, contents: Sequence[bytes]) -> None:
        self._stream.seek(0, os.SEEK_END)
        self._stream.write(b"".join(contents))
        self._end = self._stream.tell()

    def read(self, start: int, size: int) -> str:
        """The text that begins at a byte and has so many."""
        self._stream.seek(start)
        return self._stream.read(size).decode("utf-8", "surrogatepass")


class Texts(Sequence[str]):
    """Texts of a spool, in an order: 12 bytes of memory for each. Reading them one after the other is fast, in any other order slow.

    Attributes:
        spool: where they lie.
    """

    def __init__(self, spool: Spool, starts: np.ndarray, sizes: np.ndarray) -> None:
        """See `Spool.add`.

        Args:
            spool: where they lie.
            starts: first byte of each, int64 (texts,).
            sizes: bytes of each, int32 (texts,).
        """
        self.spool, self._starts, self._sizes = spool, starts, sizes

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[str]:
        for first in range(0, len(self), PIECE):  # as Python's numbers, which take more memory, a piece at a time
            part = slice(first, first + PIECE)
            for start, size in zip(self._starts[part].tolist(), self._sizes[part].tolist(), strict=True):
                yield self.spool.read(start, size)

    @overload
    def __getitem__(self, rows: int) -> str: ...
    @overload
    def __getitem__(self, rows: np.ndarray | slice) -> Texts: ...
    def __getitem__(self, rows: Any) -> str | Texts:
        """The text of a row; those of several rows: a slice, numbers, or whether a text is one of them."""
        if isinstance(rows, np.ndarray | slice):
            return Texts(self.spool, self._starts[rows], self._sizes[rows])
        return self.spool.read(int(self._starts[rows]), int(self._sizes[rows]))

    @property
    def empty(self) -> np.ndarray:
        """Whether a text is "": bool (texts,)."""
        return self._sizes == 0

    def joined(self, others: Texts) -> Texts:
        """These and others of the same spool behind them.

        Raises:
            ValueError: they lie in another spool.
        """
        if others.spool is not self.spool:
            raise ValueError("the texts lie in two spools")
        return Texts(self.spool, np.concatenate([self._starts, others._starts]), np.concatenate([self._sizes, others._sizes]))


@dataclass(frozen=True)
class Table:
    """Texts, and a row of numbers and names for each.

    Attributes:
        texts: raw or cleaned.
        frame: `label` (number of the label), `row` (row of the source, from 0); of cleaned texts also `key` and `key2` (128 bits of the
            text's hash), and `split` once they are split. Its index is 0, 1, ...
    """

    texts: Texts
    frame: pd.DataFrame

    def __len__(self) -> int:
        return len(self.frame)

    def where(self, rows: np.ndarray | pd.Series) -> Table:
        """Some rows: their numbers, or whether a row is one of them, bool (rows,)."""
        chosen = np.asarray(rows)
        return Table(self.texts[chosen], self.frame[chosen] if chosen.dtype == bool else self.frame.take(chosen)).renumbered()

    def renumbered(self) -> Table:
        """The same with the index 0, 1, ..."""
        return Table(self.texts, self.frame.reset_index(drop=True))

    def sample(self, count: int, seed: int) -> Table:
        """So many rows at most, drawn at random, in their order."""
        drawn = self.frame["label"].sample(min(count, len(self)), random_state=seed)
        return self.where(np.sort(drawn.index.to_numpy()))

    def joined(self, other: Table) -> Table:
        """These rows and others behind them, whose texts lie in the same spool."""
        return Table(self.texts.joined(other.texts), pd.concat([self.frame, other.frame], ignore_index=True))

    def of(self, *splits: str) -> Texts:
        """Texts of some splits, in the order of the table."""
        return self.texts[self.frame["split"].isin(splits).to_numpy()]

    def assign(self, **columns: object) -> Table:
        """The same with further columns."""
        return Table(self.texts, self.frame.assign(**columns))

    def parts(self, size: int = PIECE) -> Iterator[pd.DataFrame]:
        """Rows with a column `review`, so many at a time; of an empty table one part without rows."""
        for first in range(0, max(1, len(self)), size):
            part = slice(first, first + size)
            yield self.frame.iloc[part].assign(review=pd.Series(list(self.texts[part]), self.frame.index[part], dtype=TEXT))

    def loaded(self) -> pd.DataFrame:
        """All rows with a column `review`, in memory."""
        return next(self.parts(max(1, len(self))))

    @classmethod
    def stored(cls, frame: pd.DataFrame, spool: Spool | None = None) -> Table:
        """Put a frame with a column `review` into a spool; its index becomes the column `row` where there is none."""
        return cls.of_parts([frame if "row" in frame else frame.assign(row=frame.index.to_numpy())], spool or Spool())

    @classmethod
    def of_parts(cls, parts: Iterable[pd.DataFrame], spool: Spool) -> Table:
        """What `parts` gives, put into a spool: one part is in memory at a time."""
        frames: list[pd.DataFrame] = []

        def reviews() -> Iterator[str]:
            for part in parts:
                frames.append(part.drop(columns="review"))
                yield from part["review"]

        texts = spool.add(reviews())
        return cls(texts, pd.concat(frames, ignore_index=True))


def digest(text: str) -> bytes:
    """128 bits of a hash (BLAKE2b) of a text, to be held in its place.

    Equal texts have equal ones. That two of a billion different texts have equal ones is less likely than one in 10 to the power of 20.
    """
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def hashes(texts: Iterable[str]) -> pd.DataFrame:
    """`digest` of each text: columns `key` and `key2`, uint64."""
    found = bytearray()
    for text in texts:
        found.extend(digest(text))
    return pd.DataFrame(np.frombuffer(found, np.uint64).reshape(-1, 2), columns=list(KEYS))


def numbered(keys: pd.DataFrame) -> np.ndarray:
    """A number for each row, the same for equal keys and for no others: int64 (rows,).

    Args:
        keys: columns `key` and `key2`, uint64.
    """
    first, second = keys["key"].to_numpy(), keys["key2"].to_numpy()
    order = np.lexsort((second, first))
    differs = np.ones(len(order), bool)
    differs[1:] = (np.diff(first[order]) != 0) | (np.diff(second[order]) != 0)
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.cumsum(differs) - 1
    return numbers
