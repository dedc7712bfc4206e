"""Ids of texts in memory or, where they would take too much of it, in a file that is read in pieces."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from sentipress.text.encoder import TextEncoder

ROWS_AT_ONCE = 20_000  # texts that are encoded or copied in one go
MEGABYTES = 4000  # for scripts without a setting of their own: 2.5 million texts of 400 ids


class IdStore:
    """Makes arrays of ids. One that is too large for memory is a numpy.memmap: it is used like any other.

    Its file has no name, so that it is gone with the process, however that ends. What was read of it counts as memory of the process
    until the system needs the room.
    """

    def __init__(self, folder: Path, megabytes: int) -> None:
        """Keep in mind where and how much.

        Args:
            folder: for the files.
            megabytes: that one array may take in memory.
        """
        self._folder, self._bytes = folder, megabytes * 1_000_000

    def encoded(self, encoder: TextEncoder, texts: Sequence[str]) -> np.ndarray:
        """Ids of cleaned texts, int32 (texts, length)."""
        parts = (encoder.encode(texts[start : start + ROWS_AT_ONCE]) for start in range(0, len(texts), ROWS_AT_ONCE))
        return self._filled((len(texts), encoder.sequence_length), parts)

    def joined(self, several: Sequence[np.ndarray]) -> np.ndarray:
        """Ids of several arrays int32 (texts, length), one behind the other."""
        parts = (ids[start : start + ROWS_AT_ONCE] for ids in several for start in range(0, len(ids), ROWS_AT_ONCE))
        return self._filled((sum(map(len, several)), several[0].shape[1]), parts)

    def taken(self, ids: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Rows of ids int32 (texts, length), by their numbers (any number,)."""
        parts = (ids[rows[start : start + ROWS_AT_ONCE]] for start in range(0, len(rows), ROWS_AT_ONCE))
        return self._filled((len(rows), ids.shape[1]), parts)

    def _filled(self, shape: tuple[int, int], parts: Iterable[np.ndarray]) -> np.ndarray:
        whole = self._empty(shape)
        start = 0
        for part in parts:
            whole[start : start + len(part)] = part
            start += len(part)
        return whole

    def _empty(self, shape: tuple[int, int]) -> np.ndarray:
        if math.prod(shape) * np.dtype(np.int32).itemsize <= self._bytes:
            return np.empty(shape, np.int32)
        with tempfile.TemporaryFile(dir=self._folder, prefix=".ids-") as stream:
            return np.memmap(stream, np.int32, "w+", shape=shape)
