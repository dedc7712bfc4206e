"""Files of labelled texts, read in pieces: CSV, TSV and the form of fastText, plain or packed, JSON Lines and Parquet."""

from __future__ import annotations

import bz2
import contextlib
import csv
import gzip
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple, NoReturn, cast

import numpy as np
import pandas as pd

from sentipress.core.errors import UserError
from sentipress.data.lines import pieces

CSV, TSV, FASTTEXT = "CSV", "TSV", "fastText"  # forms
JSON_LINES, PARQUET = "JSON Lines", "Parquet"  # forms that pyarrow is needed for
ENDINGS = {".tsv": TSV, ".txt": FASTTEXT, ".jsonl": JSON_LINES, ".ndjson": JSON_LINES, ".parquet": PARQUET, ".pq": PARQUET}
PACKED = (".gz", ".bz2", ".xz", ".zip")
PIECE = 2_000  # rows that are read at a time
LABEL = "__label__"  # begins a label in the form of fastText (https://fasttext.cc/docs/en/supervised-tutorial.html)

# Wherever pyarrow happens to be installed pandas would keep text in its arrays: other code than elsewhere.
TEXT = pd.StringDtype("python", na_value=np.nan)

DAMAGED = (lzma.LZMAError, zipfile.BadZipFile, zlib.error)  # what the readers of packed files raise, beside OSError and EOFError
_FASTTEXT_LINE = re.compile(rf"\s*(?:{LABEL}(\S+))?\s*(.*)", re.DOTALL)
_NO_HEADER = (
    "a TSV has text TAB label in each row, or a header: name its columns by --text-column and --label-column; quotes are plain characters"
)


class Rows(NamedTuple):
    """Texts and labels as they stand in a file, or in a piece of it.

    Attributes:
        texts: str, an entry for each row.
        labels: str, the same.
        numbers: where a person finds the rows, from 1: records of a CSV, lines of another file, rows of a Parquet file; int64 (rows,).
        form: `CSV`, `TSV`, `FASTTEXT`, `JSON_LINES` or `PARQUET`.
        header: whether the first row names the columns.
    """

    texts: pd.Series
    labels: pd.Series
    numbers: np.ndarray
    form: str
    header: bool


def form_of(path: Path) -> str:
    """Form of a file: by its ending, see `ENDINGS`, or fastText's where it begins with a label; else CSV."""
    name = path.with_suffix("") if path.suffix.lower() in PACKED else path
    return ENDINGS.get(name.suffix.lower()) or (FASTTEXT if _begins_with_label(path) else CSV)


def _begins_with_label(path: Path) -> bool:
    with contextlib.suppress(OSError, EOFError, ValueError, RuntimeError, *DAMAGED), _opened(path) as stream:
        return stream.read(32).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(LABEL.encode())
    return False  # a damaged file is refused by its reader


def header(path: Path) -> list[str]:
    """Names in the first line of a CSV or TSV, which may be no header; of another form, or of a damaged file, none."""
    separator = {CSV: ",", TSV: "\t"}.get(form_of(path))
    if separator is None:
        return []
    try:
        first = next(_lines(path, ""), (1, ""))[1]
        return [name.strip() for name in next(csv.reader([first], delimiter=separator), [])]
    except (UserError, csv.Error):  # its reader says so
        return []


def read(path: Path, text_column: str, label_column: str) -> Iterator[Rows]:
    """Read a file of any form, `PIECE` rows at a time; the columns are those of its header, if its form has one.

    Raises:
        UserError: not UTF-8, damaged, empty, without these columns, or a row that cannot be read; pyarrow is not installed.
    """
    form = form_of(path)
    if form == TSV:
        return _read_tsv(path, text_column, label_column)
    if form == FASTTEXT:
        return _read_fasttext(path)
    if form in (JSON_LINES, PARQUET):
        return _read_by_pyarrow(path, text_column, label_column, form)
    return _read_csv(path, text_column, label_column)


def _read_csv(path: Path, text_column: str, label_column: str) -> Iterator[Rows]:
    for frame in tables(path, [text_column, label_column]):
        yield Rows(frame[text_column], frame[label_column], frame.index.to_numpy() + 2, CSV, header=True)


def read_table(path: Path, columns: list[str]) -> pd.DataFrame:
    """Columns of a CSV with a header, see `tables`, in memory."""
    return pd.concat(tables(path, columns))


def tables(path: Path, columns: list[str]) -> Iterator[pd.DataFrame]:
    """Columns of a CSV with a header, every cell as text, `PIECE` rows at a time; the first row of the file has the index 0.

    Raises:
        UserError: not UTF-8, damaged, empty, or columns that are not there once.
    """
    remedy = f"give a UTF-8 CSV with the columns {','.join(columns)}, or name yours by --text-column and --label-column"
    try:
        # Every cell as text: pandas would read a review "NA" as missing and a label 1 as 1.0.
        with pd.read_csv(
            path, header=None, dtype=TEXT, keep_default_na=False, encoding="utf-8-sig", encoding_errors="strict", chunksize=PIECE
        ) as pieces:
            yield from _columns(path, pieces, columns, remedy)
    except pd.errors.EmptyDataError:
        raise UserError(f"{path} is empty", remedy) from None
    except UnicodeDecodeError as error:
        _not_utf8(path, str(error), remedy)
    except pd.errors.ParserError as error:
        raise UserError(f"{path} cannot be parsed as CSV ({error})", f"close every quote; {remedy}") from None
    except (OSError, EOFError, ValueError, RuntimeError, *DAMAGED) as error:
        _unreadable(path, error)


def _columns(path: Path, pieces: Iterable[pd.DataFrame], columns: list[str], remedy: str) -> Iterator[pd.DataFrame]:
    """Columns of the pieces of a table whose first row names them."""
    header: list[str] = []
    rows = 0
    for piece in pieces:
        if not header:
            header = [str(name).strip() for name in piece.iloc[0]]
            _check_header(path, header, columns, remedy)
        frame = piece.set_axis(header, axis=1).set_axis(piece.index - 1)[columns].loc[0:]  # the header has the index -1
        rows += len(frame)
        yield frame
    if not rows:
        raise UserError(f"{path} has a header and no rows", remedy)


def _read_by_pyarrow(path: Path, text_column: str, label_column: str, form: str) -> Iterator[Rows]:
    from sentipress.data import places, row_reading

    def rows() -> Iterator[tuple[int, str, str]]:
        file = places.inputs([str(path)])[0][0]
        for number, row in enumerate(row_reading.rows(file, text_column, label_column), start=1):
            if row.reason not in ("", row_reading.NO_TEXT, row_reading.BLANK):  # these two are said as of the other forms
                raise UserError(f"{path} row {number} has no text ({row.reason})", "mend or remove that row")
            yield number, row.text or "", "" if row.key is None else str(row.key)

    try:
        yield from _in_pieces(path, rows(), form, "give rows", header=True)
    except row_reading.NoSuchColumn as error:
        raise UserError(error.problem, "name yours by --text-column and --label-column") from None
    except row_reading.Damaged as error:
        raise UserError(str(error), "check the file") from None


def _read_tsv(path: Path, text_column: str, label_column: str) -> Iterator[Rows]:
    lines = _lines(path, _NO_HEADER)
    first_number, first = next(lines, (0, ""))
    if not first_number:
        raise UserError(f"{path} is empty", _NO_HEADER)
    names = [name.strip() for name in first.split("\t")]
    header = text_column in names or label_column in names
    text_at, label_at, width = 0, 1, 2
    if header:
        _check_header(path, names, [text_column, label_column], _NO_HEADER)
        text_at, label_at, width = names.index(text_column), names.index(label_column), len(names)
    else:
        lines = _before((first_number, first), lines)

    def rows() -> Iterator[tuple[int, str, str]]:
        for number, line in lines:
            cells = line.split("\t")
            if len(cells) > width:
                raise UserError(f"{path} row {number} has {len(cells)} columns, not {width}", _NO_HEADER)
            cells += [""] * (width - len(cells))
            yield number, cells[text_at], cells[label_at]

    return _in_pieces(path, rows(), TSV, _NO_HEADER, header)


def _read_fasttext(path: Path) -> Iterator[Rows]:
    remedy = f"begin each row with {LABEL}name, a space and the text; a CSV's name ends with .csv"

    def rows() -> Iterator[tuple[int, str, str]]:
        for number, line in _lines(path, remedy):
            match = cast(re.Match[str], _FASTTEXT_LINE.fullmatch(line))
            if not match[1]:
                raise UserError(f"{path} row {number} has no label", remedy)
            if match[2].startswith(LABEL):
                raise UserError(f"{path} row {number} has two labels", "leave one of them")
            yield number, match[2], match[1]

    return _in_pieces(path, rows(), FASTTEXT, remedy, header=False)


def _in_pieces(path: Path, rows: Iterator[tuple[int, str, str]], form: str, remedy: str, header: bool) -> Iterator[Rows]:
    """Number, text and label of each row, `PIECE` rows at a time.

    Raises:
        UserError: there are none.
    """
    numbers: tuple[int, ...] = ()
    for piece in pieces(rows, PIECE):
        numbers, texts, labels = zip(*piece, strict=True)
        yield Rows(pd.Series(texts, dtype=TEXT), pd.Series(labels, dtype=TEXT), np.array(numbers, np.int64), form, header)
    if not numbers:
        raise UserError(f"{path} has a header and no rows" if header else f"{path} is empty", remedy)


def _before(first: tuple[int, str], others: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    yield first
    yield from others


def _lines(path: Path, remedy: str) -> Iterator[tuple[int, str]]:
    """Number and content of each line that is not blank. Only a line feed ends one: a text may hold other separators."""
    number = 0
    try:
        with _opened(path) as stream:
            for number, line in enumerate(stream, start=1):
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                if text.strip(" "):
                    yield number, text
    except UnicodeDecodeError as error:
        _not_utf8(path, f"row {number}: {error.reason} at byte {error.start}", remedy)
    except (OSError, EOFError, ValueError, RuntimeError, *DAMAGED) as error:
        _unreadable(path, error)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """Bytes of a file, unpacked as its ending says.

    Raises:
        OSError, EOFError, RuntimeError, one of `DAMAGED`: it cannot be read.
        ValueError: an archive of several files.
    """
    ending = path.suffix.lower()
    with contextlib.ExitStack() as stack:
        if ending == ".zip":
            archive = stack.enter_context(zipfile.ZipFile(path))
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if len(names) != 1:
                raise ValueError(f"{len(names)} files in the archive")
            yield stack.enter_context(archive.open(names[0]))
        elif ending == ".gz":
            yield cast(IO[bytes], stack.enter_context(gzip.open(path)))
        elif ending == ".bz2":
            yield cast(IO[bytes], stack.enter_context(bz2.open(path)))
        elif ending == ".xz":
            yield cast(IO[bytes], stack.enter_context(lzma.open(path)))
        else:
            yield stack.enter_context(open(path, "rb"))


def _check_header(path: Path, header: list[str], columns: list[str], remedy: str) -> None:
    for column in columns:
        if header.count(column) != 1:
            problem = "lacks the column" if column not in header else "repeats the column"
            raise UserError(f"{path} {problem} {column!r} (found: {', '.join(header)[:200]})", remedy)


def _not_utf8(path: Path, reason: str, remedy: str) -> NoReturn:
    raise UserError(f"{path} is not UTF-8 ({reason})", f"convert it, for example with iconv; {remedy}") from None


def _unreadable(path: Path, error: BaseException) -> NoReturn:
    raise UserError(f"{path} cannot be read ({error})", "check the file; compressed files must be whole") from None
