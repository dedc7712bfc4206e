"""What is refused of labelled texts as they are read, and the numbers of their labels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from sentipress.core.errors import UserError
from sentipress.data import formats
from sentipress.data.formats import Rows
from sentipress.data.stored import Spool, Table
from sentipress.data.task import MOST_LABELS, SENTIMENT_LABELS

LEAST_ROWS = 10  # of a label: fewer are a slip of the pen, or too few to learn from
REVIEW_LIMIT_CHARACTERS = 1_000_000  # the longest IMDB review has 13,704; far beyond is a damaged file

_SENTIMENTS = {"positive": 1, "pos": 1, "1": 1, "negative": 0, "neg": 0, "0": 0}
_FASTTEXT_SENTIMENTS = {"1": 0, "2": 1}


class Stored(NamedTuple):
    """Texts with labels, the texts on disk.

    Attributes:
        table: texts, and of each its `label` (number of the label, from 0) and its `row` in the file, from 0.
        spellings: label as it stands in the file to the number of its rows.
        labels: names, in the order of their numbers.
    """

    table: Table
    spellings: dict[str, int]
    labels: tuple[str, ...]


def store(pieces: Iterable[Rows], path: Path, allowed: Sequence[str] | None, spool: Spool) -> Stored:
    """Put the texts of a file into a spool, and check them and their labels.

    Args:
        pieces: of the file.
        path: of the file, for messages.
        allowed: names of labels in their order; by default the file's own.
        spool: takes the texts.

    Raises:
        UserError: unknown or missing labels, blank texts, one of over a million characters, one class, more than 50 labels.
    """
    seen = _Seen()
    # NUL bytes come from damaged exports; no tokenizer or CSV writer treats them alike, so they become spaces.
    texts = spool.add(text.replace("\x00", " ") for rows in pieces for text in seen.texts_of(rows))
    spellings = seen.counts()
    order, number_of = _numbers(seen, spellings, path, allowed)
    unknown = next((spelling for spelling in seen.code_of if number_of[spelling] is None), None)
    if unknown is not None:
        row = seen.first_rows[seen.code_of[unknown]]
        own = f"positive and negative (pos/neg, 1/0) are read, or 2 to {MOST_LABELS} labels of your own in at least {LEAST_ROWS} rows each"
        remedy = f"use {', '.join(order)}" if allowed else own
        if not seen.code_of[unknown] and not seen.header and seen.form == formats.TSV:
            remedy = f"name the columns by --text-column and --label-column if that row is a header; {remedy}"
        raise UserError(f"{path} row {row} has the unknown label {unknown[:40]!r}", remedy)
    if seen.blank:
        raise UserError(f"{path} row {seen.first_blank} has an empty review ({seen.blank} in all)", "remove those rows")
    if seen.longest > REVIEW_LIMIT_CHARACTERS:
        found = f"the review in row {seen.longest_row} has {seen.longest} characters"
        raise UserError(f"{path}: {found}", "look for an unclosed quote, or remove that row")
    if len(set(number_of.values())) < 2 and not allowed:
        raise UserError(f"{path} has only one class ({next(iter(seen.code_of))!r})", "give texts of two labels at least")
    of_code = np.array([number_of[spelling] for spelling in seen.code_of], np.int64)
    labels = of_code[np.concatenate(seen.codes)]
    return Stored(Table(texts, pd.DataFrame({"label": labels, "row": np.arange(len(labels))})), spellings, order)


class _Seen:
    """What is to be known of the rows of a file, whose texts pass by.

    Attributes:
        code_of: label as it stands in the file to its code: 0, 1, ... in the order in which they came.
        first_rows: number of the first row of each label.
        codes: of the labels of each piece: int32 (rows,).
        blank: texts without a word or mark.
        first_blank: number of the first one's row.
        longest: characters of the longest text.
        longest_row: number of its row.
        form: of the file, see `Rows`.
        header: the same.
    """

    def __init__(self) -> None:
        self.code_of: dict[str, int] = {}
        self.first_rows: list[int] = []
        self.codes: list[np.ndarray] = []
        self.blank = self.first_blank = self.longest = self.longest_row = 0
        self.form, self.header = formats.CSV, True

    def texts_of(self, rows: Rows) -> list[str]:
        """Texts of a piece that comes next."""
        self.form, self.header = rows.form, rows.header
        texts, numbers = rows.texts.tolist(), rows.numbers.tolist()
        for number, text in zip(numbers, texts, strict=True):
            if len(text) > self.longest:
                self.longest, self.longest_row = len(text), number
            if not text.strip():
                self.first_blank = self.first_blank or number
                self.blank += 1
        codes = [self.code_of.setdefault(label, len(self.code_of)) for label in rows.labels]
        for number, code in zip(numbers, codes, strict=True):
            if code == len(self.first_rows):
                self.first_rows.append(number)
        self.codes.append(np.array(codes, np.int32))
        return texts

    def counts(self) -> dict[str, int]:
        """Each label as it stands in the file with the number of its rows, the most frequent first, equals as they came."""
        rows = np.bincount(np.concatenate(self.codes)).tolist()
        return dict(sorted(zip(self.code_of, rows, strict=True), key=lambda item: -item[1]))


def _numbers(
    seen: _Seen, spellings: Mapping[str, int], path: Path, allowed: Sequence[str] | None
) -> tuple[tuple[str, ...], dict[str, int | None]]:
    """Labels in their order, and the number of the label that each spelling stands for; None for one that is unknown."""
    # A tab or a line end would break the lines of predict.py.
    names = {spelling: re.sub(r"\s+", " ", spelling.strip()) for spelling in spellings}
    sentiment = allowed is None or tuple(allowed) == SENTIMENT_LABELS  # a test file may spell them as the training file may
    spelled = _sentiments(seen, path) if sentiment else {}
    if spelled and all(name.lower() in spelled for name in names.values()):
        return SENTIMENT_LABELS, {spelling: spelled[name.lower()] for spelling, name in names.items()}
    order = tuple(allowed or _own_labels(names, spellings))
    number_of = {name: number for number, name in enumerate(order)}
    return order, {spelling: number_of.get(name) for spelling, name in names.items()}


def _sentiments(seen: _Seen, path: Path) -> dict[str, int]:
    """Spellings of negative and positive in a file: those of fastText's data sets are 1 and 2, which 1 alone does not tell."""
    if seen.form != formats.FASTTEXT:
        return _SENTIMENTS
    found = set(seen.code_of)
    if found == {"1"}:
        raise UserError(f"{path} has the label 1 alone, which is negative beside 2 and positive beside 0", "write negative or positive")
    return _FASTTEXT_SENTIMENTS if found == set(_FASTTEXT_SENTIMENTS) else _SENTIMENTS


def _own_labels(names: Mapping[str, str], rows: Mapping[str, int]) -> list[str]:
    """Labels of a file in their order: by number where all are whole numbers, else by alphabet; those in a few rows left out.

    Args:
        names: of each spelling.
        rows: number of the rows of each spelling.
    """
    counts: Counter[str] = Counter()
    for spelling, name in names.items():
        counts[name] += rows[spelling]
    kept = [name for name, count in counts.most_common() if name and count >= LEAST_ROWS]
    if len(kept) > MOST_LABELS:
        raise UserError(f"{len(kept)} different labels stand in the file", f"name another --label-column: at most {MOST_LABELS} are read")
    return sorted(kept, key=float) if all(re.fullmatch(r"-?\d+(\.\d+)?", name) for name in kept) else sorted(kept)
