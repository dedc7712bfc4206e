"""Rows of CSV, JSON Lines and Parquet files, one after the other: a broken one keeps its place and says what is wrong with it."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import lzma
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from sentipress.core.errors import UserError
from sentipress.data.places import InputFile, unpacked

LONGEST_TEXT = 1_000_000  # characters, as in stage 1: more is an unclosed quote or a damaged export
LONGEST_LINE = 8 << 20  # bytes of a line of CSV or JSON: the rest of a longer one is skipped, so that memory has a bound
BUFFER = 1 << 20  # bytes that are read at once
ROWS_AT_ONCE = 512  # of a Parquet file
FIRST_ROWS = 1000  # of a JSON file: one of them must have the column

# Why a row has no answer. What follows a colon differs from row to row.
NO_TEXT, BLANK, NOT_TEXT, NOT_UTF8, TOO_LONG = "no text", "blank", "not a text", "not UTF-8", "too long"
FIELDS, QUOTES, NOT_JSON, NOT_OBJECT = "wrong number of fields", "broken quotes", "not JSON", "not a JSON object"


class Damaged(Exception):
    """A file that cannot be read on, such as a compressed one that was cut off."""


class NoSuchColumn(UserError):
    """A column that a file lacks, has twice, or has without texts."""


class Row(NamedTuple):
    """A row of a file.

    Attributes:
        text: what is to be judged; None if there is nothing.
        key: value of the key column; None if there is none.
        reason: why there is no text; "" if there is one.
        end: where the next row begins: bytes of the unpacked file, or rows of a Parquet file.
        share: of the file that has been read, 0 to 1.
    """

    text: str | None
    key: Any
    reason: str
    end: int
    share: float


def reason_against(text: Any) -> str:
    """Why a value cannot be judged; "" for a text that can."""
    if text is None:
        return NO_TEXT
    if not isinstance(text, str):
        return f"{NOT_TEXT}: {type(text).__name__}"
    if len(text) > LONGEST_TEXT:
        return f"{TOO_LONG}: {len(text)} characters"
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:  # bytes that were no UTF-8, or half of a surrogate pair in JSON
            return NOT_UTF8
    return "" if text.strip() else BLANK


def rows(file: InputFile, text_column: str, key_column: str | None, start: int = 0) -> Iterator[Row]:
    """Rows of a file from the position `start` on (see `Row.end`).

    Raises:
        NoSuchColumn: it lacks a column, or has it twice.
        Damaged: it cannot be read on; the rows before have been given.
    """
    read = {"csv": _csv_rows, "jsonl": _json_rows, "parquet": _parquet_rows}[file.form]
    try:
        yield from read(file, text_column, key_column, start)
    except (pa.ArrowException, OSError, EOFError, lzma.LZMAError) as error:
        message = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise Damaged(f"{file.name} cannot be read on ({message[:150]})") from None


class _Lines:
    """Lines of an unpacked file, to be given to a parser; some may be given back to be read again.

    Attributes:
        position: bytes of the unpacked file before the next line.
        taken: lines since `taken` was last emptied, with their bytes in the file.
        cut: whether one of them was longer than `LONGEST_LINE` and has lost its end.
    """

    def __init__(self, file: InputFile) -> None:
        self._raw = file.system.open_input_file(file.path)
        self._size, self._seekable = max(1, file.size), not file.packing
        self._stream = io.BufferedReader(unpacked(self._raw, file.packing), BUFFER)
        self._again: deque[tuple[bytes, int]] = deque()
        self.position = 0
        self.taken: list[tuple[bytes, int]] = []
        self.cut = False

    def skip_to(self, position: int) -> None:
        """Go on at a position that is not before the present one."""
        left = position - self.position
        if self._seekable and left:
            self._stream.seek(position)
            left = 0
        while left:
            left -= len(self._stream.read(min(left, BUFFER))) or left
        self.position = position

    def share(self) -> float:
        """Of the file as it lies on disk, 0 to 1."""
        return min(1.0, self._raw.tell() / self._size)

    def give_back(self, count: int) -> None:
        """Have all but the first `count` lines of `taken` read again."""
        self._again.extendleft(reversed(self.taken[count:]))
        self.position -= sum(size for _, size in self.taken[count:])
        del self.taken[count:]

    def _read(self) -> tuple[bytes, int]:
        line = self._stream.readline(LONGEST_LINE)
        size = len(line)
        if size == LONGEST_LINE and not line.endswith(b"\n"):
            self.cut = True
            while not line.endswith(b"\n") and (rest := self._stream.readline(LONGEST_LINE)):
                size += len(rest)
                line = line[:-1] + rest[-1:]
        return line, size

    def bytes(self) -> bytes:
        """The next line with its end; empty at the end of the file."""
        line, size = self._again.popleft() if self._again else self._read()
        if line:
            self.taken.append((line, size))
            self.position += size
        return line

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        is_first = not self.position
        line = self.bytes()
        if not line:
            raise StopIteration
        text = line.decode("utf-8", "surrogateescape")  # a bad byte spoils its own field only
        return text.removeprefix("\ufeff") if is_first else text


def _column(name: str, file: InputFile, names: list[str]) -> int:
    """Number of a column.

    Raises:
        NoSuchColumn: it is not there once.
    """
    if names.count(name) != 1:
        found = f"(found: {', '.join(names)[:200]})".encode("utf-8", "replace").decode()
        problem = "repeats the column" if name in names else "lacks the column"
        raise NoSuchColumn(f"{file.name} {problem} {name!r} {found}", "name yours by --text-column and --key-column")
    return names.index(name)


def _whole(text: Any) -> Any:
    """A key of a CSV or JSON file as a text that UTF-8 can have; None stays."""
    if text is None:
        return None
    if not isinstance(text, str):
        return json.dumps(text)
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:  # half of a surrogate pair in JSON
        return text.encode("utf-8", "replace").decode("utf-8")


def _csv_rows(file: InputFile, text_column: str, key_column: str | None, start: int) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_TEXT)
    lines = _Lines(file)
    try:
        names = [name.strip() for name in next(csv.reader(lines, strict=True), [])]
    except csv.Error as error:
        raise UserError(f"{file.name} has a broken header ({error})", "close every quote in it") from None
    text_at = _column(text_column, file, names)
    key_at = _column(key_column, file, names) if key_column else None
    if start:
        lines.skip_to(start)
    reader = csv.reader(lines, strict=True)
    while True:
        lines.taken.clear()
        lines.cut = False
        text, key = None, None
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            # Which line the quote belongs to cannot be known: the first one is the broken row, the others are read again.
            lines.give_back(1)
            reader = csv.reader(lines, strict=True)
            reason = (
                TOO_LONG if lines.cut or ("field limit" in str(error) and len(lines.taken[0][0]) > LONGEST_TEXT) else f"{QUOTES}: {error}"
            )
        else:
            if lines.cut:
                reason = TOO_LONG
            elif not cells:
                reason = BLANK
            elif len(cells) != len(names):
                reason = f"{FIELDS}: {len(cells)}, not {len(names)}"
            else:
                text, key = cells[text_at], cells[key_at] if key_at is not None else None
                reason = reason_against(text)
        yield Row(None if reason else text, _whole(key), reason, lines.position, lines.share())


def _json_rows(file: InputFile, text_column: str, key_column: str | None, start: int) -> Iterator[Row]:
    lines = _Lines(file)
    missing: set[str] | None = {text_column, *([key_column] if key_column else [])} if not start else None
    seen: list[str] = []
    lines.skip_to(start)
    for number, line in enumerate(lines, start=1):
        text, key = None, None
        if lines.cut:
            reason = TOO_LONG
        elif not line.strip():
            reason = BLANK
        else:
            try:
                found = json.loads(line)
            except (ValueError, RecursionError) as error:
                reason = f"{NOT_JSON}: {str(error)[:80]}".encode("utf-8", "replace").decode()
            else:
                if isinstance(found, dict):
                    text, key = found.get(text_column), found.get(key_column) if key_column else None
                    reason = reason_against(text)
                    seen = seen or list(map(str, found))
                    if missing:
                        missing -= found.keys()
                else:
                    reason = f"{NOT_OBJECT}: {type(found).__name__}"
        lines.taken.clear()
        lines.cut = False
        if missing and seen and number == FIRST_ROWS:
            _column(min(missing), file, seen)
        yield Row(None if reason else text, _whole(key), reason, lines.position, lines.share())
    if missing and seen:
        _column(min(missing), file, seen)


def parquet_key_type(file: InputFile, key_column: str) -> pa.DataType:
    """Type of the key column of a Parquet file.

    Raises:
        UserError: it lacks the column or cannot be opened.
    """
    try:
        with contextlib.closing(pq.ParquetFile(file.system.open_input_file(file.path))) as parquet:
            schema = parquet.schema_arrow
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{file.name} is no Parquet file ({str(error).splitlines()[0][:150]})", "take it out, or write it anew") from None
    return schema.field(_column(key_column, file, schema.names)).type


def _parquet_rows(file: InputFile, text_column: str, key_column: str | None, start: int) -> Iterator[Row]:
    # Without these a whole group of rows, which may be a whole file, would be in memory.
    parquet = pq.ParquetFile(file.system.open_input_file(file.path), pre_buffer=False, buffer_size=BUFFER)
    schema = parquet.schema_arrow
    field = schema.field(_column(text_column, file, schema.names))
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    readable = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary, pa.types.is_null)
    if not any(check(kind) for check in readable):
        raise NoSuchColumn(f"the column {text_column!r} of {file.name} is {field.type}, no text", "name another --text-column")
    columns = [text_column]
    if key_column:
        _column(key_column, file, schema.names)
        columns = list(dict.fromkeys([text_column, key_column]))
    total, first, groups = parquet.metadata.num_rows, 0, list(range(parquet.num_row_groups))
    while groups and first + parquet.metadata.row_group(groups[0]).num_rows <= start:
        first += parquet.metadata.row_group(groups.pop(0)).num_rows
    for batch in parquet.iter_batches(ROWS_AT_ONCE, row_groups=groups, columns=columns, use_threads=False):
        after = first + batch.num_rows
        part = batch.slice(max(0, start - first))
        position = after - part.num_rows
        first = after
        values = part.column(text_column)
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        # As bytes: one value that is no UTF-8 would spoil the whole batch.
        contents = values.cast(pa.large_binary()).to_pylist() if not pa.types.is_null(values.type) else [None] * len(values)
        keys = part.column(key_column).to_pylist() if key_column else [None] * len(values)
        for content, key in zip(contents, keys, strict=True):
            position += 1
            try:
                text = None if content is None else content.decode("utf-8")
                reason = reason_against(text)
            except UnicodeDecodeError:
                text, reason = None, NOT_UTF8
            yield Row(None if reason else text, key, reason, position, position / total)
