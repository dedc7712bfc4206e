"""Texts from a command line and from a file with a text per line; anything in lists of a size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

from sentipress.core.errors import UserError

Item = TypeVar("Item")


def pieces(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Items in lists of `size`; the last one may be shorter."""
    iterator = iter(items)
    while piece := list(islice(iterator, size)):
        yield piece


def groups(texts: Sequence[str], file: str | None, size: int) -> Iterator[list[str]]:
    """Texts, then the lines of a file, in lists of `size`.

    Args:
        texts: raw.
        file: UTF-8, one text per line; "-" is the standard input; None is none. Blank lines are texts without a word: the
            rows of the output stay those of the file.
        size: of a list, at most.

    Raises:
        UserError: the file is missing or not UTF-8, or one of `texts` is blank.
    """
    for text in texts:
        if not text.strip():
            raise UserError("an empty text cannot be judged", "give at least one word")
    group = list(texts)
    for line in _lines(file) if file else ():
        group.append(line)
        if len(group) >= size:
            yield group[:size]
            group = group[size:]
    for start in range(0, len(group), size):
        yield group[start : start + size]


def _lines(file: str) -> Iterator[str]:
    try:
        with open(0 if file == "-" else file, encoding="utf-8", closefd=file != "-") as stream:
            yield from (line.rstrip("\n") for line in stream)
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror})", "give a text file with a text per line") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not UTF-8 ({error.reason} at byte {error.start})", "save it as UTF-8") from None
