"""Further labelled files beside the main one: texts to learn on as well, and texts that only tell whether a model reads.

A file is named alone, or as a pair "original+edited" of files whose rows belong together: an edited text is the original with a
few words changed, so that it says the opposite (Kaushik et al. 2020; Gardner et al. 2020).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sentipress.core import files
from sentipress.core.errors import UserError
from sentipress.data import formats, sources
from sentipress.data.cleaning import clean, words_of
from sentipress.data.task import Task

BETWEEN, EDITED, NAMED = ",", "+", "="
TEXT_COLUMNS, LABEL_COLUMNS = ("review", "text", "sentence"), ("sentiment", "label")  # in lower case, besides the run's own


@dataclass(frozen=True)
class ReadingSet:
    """Texts that no model learns from, see `for_reading`.

    Attributes:
        name: of the set.
        texts: raw; of pairs all originals, then the edited ones in the same order.
        labels: their numbers, int64 (texts,).
        edited: whether a text is an edited one, bool (texts,).
        pairs: whether these are originals and edited texts.
    """

    name: str
    texts: list[str]
    labels: np.ndarray
    edited: np.ndarray
    pairs: bool


@dataclass(frozen=True)
class Given:
    """A file, or a pair of files.

    Attributes:
        name: what the user calls it, else the name of its last file without endings.
        path: the file, of a pair that of the originals.
        edited: the file of the edited texts; None for a file alone.
    """

    name: str
    path: Path
    edited: Path | None

    @property
    def paths(self) -> list[Path]:
        """Its files."""
        return [self.path, *([self.edited] if self.edited else [])]


def parse(text: str | None, flag: str) -> list[Given]:
    """Files of a flag: "a.csv,pairs=b.tsv+c.tsv".

    Raises:
        UserError: not of this form, a file that is missing, or one name twice.
    """
    found = []
    for part in (text or "").split(BETWEEN):
        name, _, rest = part.strip().rpartition(NAMED)
        paths = [Path(one.strip()) for one in rest.split(EDITED)]
        if not part.strip() and not text:
            continue
        if not rest or len(paths) > 2 or not all(str(path) != "." for path in paths):
            raise UserError(f"{flag} {text!r} is not understood", "give file, name=file or original+edited, with commas between")
        for path in paths:
            if not path.is_file():
                raise UserError(f"{path} is missing", f"pass {flag} with existing files, or leave it out")
        found.append(Given(name.strip() or paths[-1].name.split(".")[0], paths[0], paths[1] if len(paths) == 2 else None))
    names = [one.name for one in found]
    strange = next((name for name in names if not re.fullmatch(r"[\w.-]+", name)), None)
    if strange is not None:
        raise UserError(f"{flag} has the name {strange!r}", "name it by letters, digits and -_., as in one=a.csv")
    if len(set(names)) < len(names):
        raise UserError(f"{flag} has two files called {max(names, key=names.count)!r}", "name them: one=a.csv,two=b.csv")
    return found


def flag(counted: Sequence[Mapping[str, Any]]) -> str:
    """What a flag would have to say to name the same files; `counted` as `for_training` and `for_reading` give it."""
    return BETWEEN.join(f"{one['name']}{NAMED}{EDITED.join(file['name'] for file in one['files'])}" for one in counted)


def read(given: Given, task: Task) -> pd.DataFrame:
    """Texts of a file or of a pair of files: columns `review` (raw), `label` (number), `edited` (0 or 1), `pair` (-1 for none).

    Raises:
        UserError: see `sentipress.data.sources.read_file`; or files of a pair with different numbers of rows.
    """
    frames = [_read_one(path, task) for path in given.paths]
    if len({len(frame) for frame in frames}) > 1:
        counts = " and ".join(f"{len(frame):,}" for frame in frames)
        raise UserError(f"{given.path} and {given.edited} have {counts} texts", "give the two files of one set, row by row")
    pairs = np.arange(len(frames[0])) if given.edited else -1
    return pd.concat([frame.assign(edited=number, pair=pairs) for number, frame in enumerate(frames)], ignore_index=True)


def _read_one(path: Path, task: Task) -> pd.DataFrame:
    header = formats.header(path)
    text_column = _column(header, task.text_column, TEXT_COLUMNS)
    label_column = _column(header, task.label_column, LABEL_COLUMNS)
    frame = sources.read_file(path, text_column, label_column, list(task.labels)).frame
    if formats.form_of(path) == formats.TSV:  # published pairs quote some texts as a CSV does
        frame["review"] = frame["review"].map(_unquoted)
    return frame


def _column(header: Sequence[str], own: str, usual: Collection[str]) -> str:
    """Name of a column: the run's own, or else one that such files often have."""
    return own if own in header else next((name for name in header if name.lower() in usual), own)


def _unquoted(text: str) -> str:
    """A text without the quotes around it, if those inside are all doubled."""
    inside = text[1:-1]
    if len(text) < 3 or text[0] != '"' or text[-1] != '"' or '"' in inside.replace('""', ""):
        return text
    return inside.replace('""', '"')


def for_training(
    given: Collection[Given],
    task: Task,
    cleaning: str,
    held_out: Iterable[str],
    known: Iterable[tuple[int, str]],
    first_row: int,
    elsewhere: Callable[[str], bool] = lambda text: False,
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Texts to learn on besides the main file's.

    A pair whose original is held out is left out: its edited text is a copy of a held-out text but for a few words. So is each
    text that is held out or known itself, whatever its marks and its case.

    Args:
        given: the files.
        task: the labels.
        cleaning: recipe by which the other texts were cleaned.
        held_out: cleaned texts of validation and test.
        known: row number and cleaned text of the training split.
        first_row: number of the first further text.
        elsewhere: whether another folder holds out a raw text.

    Returns:
        Columns `review` (cleaned), `label` and `row`, and of each file what was counted; of two files of one set also `pairs`, the
        row numbers of each original and its edited text that are both learned from.
    """
    frames = [read(one, task) for one in given]
    away_too = [frame["review"].map(elsewhere) for frame in frames]
    frames = [frame.assign(review=[clean(text, cleaning) for text in frame["review"]]) for frame in frames]
    words_in = [frame["review"].map(words_of) for frame in frames]
    own = {found for words in words_in for found in words}  # of the other texts, which may be millions, no others matter
    held = {found for text in held_out if (found := words_of(text)) in own}
    rows = {found: row for row, text in known if (found := words_of(text)) in own}
    parts, counted = [], []
    for one, frame, there, words in zip(given, frames, away_too, words_in, strict=True):
        empty = frame["review"] == ""
        away = (words.isin(held) | there) & ~empty
        leaked = frame["pair"].isin(set(frame.loc[away & (frame["pair"] >= 0), "pair"])) & ~away
        repeated = (words.isin(set(rows)) | words.duplicated()) & ~away & ~leaked & ~empty
        kept = frame[~(away | leaked | repeated | empty)]
        numbers = range(first_row, first_row + len(kept))
        first_row += len(kept)
        rows |= dict(zip(words[kept.index], numbers, strict=True))
        parts.append(kept[["review", "label"]].assign(row=numbers))
        counted.append(
            {
                "name": one.name,
                "files": _files(one),
                "texts": len(frame),
                "held_out": int(away.sum()),
                "edited_of_held_out": int(leaked.sum()),
                "duplicates": int(repeated.sum()),
                "empty_after_cleaning": int(empty.sum()),
                "kept": len(kept),
                **({"pairs": _pairs(frame[~(away | leaked)], words, rows)} if one.edited else {}),
            }
        )
    return pd.concat(parts, ignore_index=True), counted


def _pairs(frame: pd.DataFrame, words: pd.Series, rows: Mapping[str, int]) -> list[list[int]]:
    """Row numbers of original and edited text of each pair of which both are learned from."""
    known = frame.assign(row=words[frame.index].map(rows)).dropna(subset="row").sort_values(["pair", "edited"])
    return [list(map(int, two)) for _, two in known.groupby("pair")["row"] if two.nunique() == 2]


def for_reading(given: Collection[Given], task: Task, cleaning: str, learned: Iterable[str]) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Sets that tell whether a model reads: columns `set`, `review` (raw), `label`, `edited`, `pair`.

    A text of a file alone that a model learns from or is chosen by is left out, and so is a pair whose edited text is such a one.
    An original may be known: it is the edited text that tests.

    Args:
        given: the files.
        task: the labels.
        cleaning: recipe by which the other texts were cleaned.
        learned: cleaned texts of training and validation.

    Raises:
        UserError: nothing of a file is left.
    """
    frames = [read(one, task) for one in given]
    words_in = [frame["review"].map(lambda text: words_of(clean(text, cleaning))) for frame in frames]
    own = {found for words in words_in for found in words}
    known = {found for text in learned if (found := words_of(text)) in own}
    parts, counted = [], []
    for one, frame, words in zip(given, frames, words_in, strict=True):
        tests = (frame["pair"] < 0) | (frame["edited"] == 1)
        seen = words.isin(known) & tests
        left = frame[~seen & ~frame["pair"].isin(set(frame.loc[seen & (frame["pair"] >= 0), "pair"]))]
        if left.empty:
            raise UserError(f"every text of {one.path} stands in the training texts", "give other texts, or leave it out")
        parts.append(left.assign(set=one.name))
        counted.append({"name": one.name, "files": _files(one), "texts": len(frame), "known": len(frame) - len(left), "kept": len(left)})
    return pd.concat(parts, ignore_index=True)[["set", "pair", "edited", "label", "review"]], counted


def reading_sets(frame: pd.DataFrame) -> list[ReadingSet]:
    """Sets in the order of a frame of `for_reading`."""
    names = dict.fromkeys(frame["set"])
    ordered = frame.sort_values(["edited", "pair"], kind="stable")
    of_name = {name: ordered[ordered["set"] == name] for name in names}
    return [
        ReadingSet(
            str(name),
            rows["review"].tolist(),
            rows["label"].to_numpy(np.int64),
            rows["edited"].to_numpy(bool),
            bool((rows["pair"] >= 0).any()),
        )
        for name, rows in of_name.items()
    ]


def _files(one: Given) -> list[Mapping[str, str]]:
    return [{"name": path.name, "sha256": files.sha256(path)} for path in one.paths]
