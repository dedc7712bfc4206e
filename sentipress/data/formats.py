"""Files of labelled texts: CSV, TSV and the form of fastText, plain or packed as .gz, .bz2, .xz or .zip."""

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

CSV, TSV, FASTTEXT = "CSV", "TSV", "fastText"  # forms
PACKED = (".gz", ".bz2", ".xz", ".zip")
LABEL = "__label__"  # begins a label in the form of fastText (https://fasttext.cc/docs/en/supervised-tutorial.html)

# Wherever pyarrow happens to be installed pandas would keep text in its arrays: other code than elsewhere, and a stage 1
# whose memory grows by 4.1 to 4.5 bytes per byte of text, against 1.6 (the memory test of tests/test_faults.py, printed).
TEXT = pd.StringDtype("python", na_value=np.nan)

DAMAGED = (lzma.LZMAError, zipfile.BadZipFile, zlib.error)  # what the readers of packed files raise, beside OSError and EOFError
_FASTTEXT_LINE = re.compile(rf"\s*(?:{LABEL}(\S+))?\s*(.*)", re.DOTALL)
_NO_HEADER = (
    "a TSV has text TAB label in each row, or a header: name its columns by --text-column and --label-column; quotes are plain characters"
)


class Rows(NamedTuple):
    """Texts and labels as they stand in a file.

    Attributes:
        texts: str, an entry for each row.
        labels: str, the same.
        numbers: where a person finds the rows, from 1: records of a CSV, lines of another file; int64 (rows,).
        form: `CSV`, `TSV` or `FASTTEXT`.
        header: whether the first row names the columns.
    """

    texts: pd.Series
    labels: pd.Series
    numbers: np.ndarray
    form: str
    header: bool


def form_of(path: Path) -> str:
    """Form of a file: by its ending (.tsv, .txt), or fastText's where it begins with a label; else CSV."""
    name = path.with_suffix("") if path.suffix.lower() in PACKED else path
    if name.suffix.lower() == ".tsv":
        return TSV
    return FASTTEXT if name.suffix.lower() == ".txt" or _begins_with_label(path) else CSV


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


def read(path: Path, text_column: str, label_column: str) -> Rows:
    """Read a file of any form; the columns are those of a CSV, or of a TSV whose first row names them.

    Raises:
        UserError: not UTF-8, damaged, empty, or without these columns.
    """
    form = form_of(path)
    if form == TSV:
        return _read_tsv(path, text_column, label_column)
    if form == FASTTEXT:
        return _read_fasttext(path)
    frame = read_table(path, [text_column, label_column])
    return Rows(frame[text_column], frame[label_column], np.arange(2, len(frame) + 2), CSV, header=True)


def read_table(path: Path, columns: list[str]) -> pd.DataFrame:
    """Columns of a CSV with a header, every cell as text.

    Raises:
        UserError: not UTF-8, damaged, empty, or columns that are not there once.
    """
    remedy = f"give a UTF-8 CSV with the columns {','.join(columns)}, or name yours by --text-column and --label-column"
    try:
        # Every cell as text: pandas would read a review "NA" as missing and a label 1 as 1.0.
        rows = pd.read_csv(path, header=None, dtype=TEXT, keep_default_na=False, encoding="utf-8-sig", encoding_errors="strict")
    except pd.errors.EmptyDataError:
        raise UserError(f"{path} is empty", remedy) from None
    except UnicodeDecodeError as error:
        _not_utf8(path, str(error), remedy)
    except pd.errors.ParserError as error:
        raise UserError(f"{path} cannot be parsed as CSV ({error})", f"close every quote; {remedy}") from None
    except (OSError, EOFError, ValueError, RuntimeError, *DAMAGED) as error:
        _unreadable(path, error)
    header = [str(name).strip() for name in rows.iloc[0]]
    _check_header(path, header, columns, remedy)
    frame = rows.iloc[1:].reset_index(drop=True)
    frame.columns = pd.Index(header)
    if frame.empty:
        raise UserError(f"{path} has a header and no rows", remedy)
    return frame[columns]


def _read_tsv(path: Path, text_column: str, label_column: str) -> Rows:
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
    numbers, texts, labels = [], [], []
    for number, line in lines:
        cells = line.split("\t")
        if len(cells) > width:
            raise UserError(f"{path} row {number} has {len(cells)} columns, not {width}", _NO_HEADER)
        cells += [""] * (width - len(cells))
        numbers.append(number)
        texts.append(cells[text_at])
        labels.append(cells[label_at])
    if not numbers:
        raise UserError(f"{path} has a header and no rows", _NO_HEADER)
    return _rows(texts, labels, numbers, TSV, header)


def _read_fasttext(path: Path) -> Rows:
    remedy = f"begin each row with {LABEL}name, a space and the text; a CSV's name ends with .csv"
    numbers, texts, labels = [], [], []
    for number, line in _lines(path, remedy):
        match = cast(re.Match[str], _FASTTEXT_LINE.fullmatch(line))
        if not match[1]:
            raise UserError(f"{path} row {number} has no label", remedy)
        if match[2].startswith(LABEL):
            raise UserError(f"{path} row {number} has two labels", "leave one of them")
        numbers.append(number)
        texts.append(match[2])
        labels.append(match[1])
    if not numbers:
        raise UserError(f"{path} is empty", remedy)
    return _rows(texts, labels, numbers, FASTTEXT, header=False)


def _rows(texts: list[str], labels: list[str], numbers: list[int], form: str, header: bool) -> Rows:
    return Rows(pd.Series(texts, dtype=TEXT), pd.Series(labels, dtype=TEXT), np.array(numbers, np.int64), form, header)


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
