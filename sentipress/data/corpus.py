"""The cleaned texts that every later stage reads."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sentipress.core import files, folder, manifest
from sentipress.core.errors import UserError
from sentipress.data import additions, varying
from sentipress.data.formats import TEXT
from sentipress.data.sources import BUNDLE, CSV_NAMES
from sentipress.data.stored import PIECE, Spool, Table, Texts
from sentipress.data.task import OFFICIAL, RANDOM, Task

SPLITS = ("train", "validation", "test")
VARIED_SEED = 1  # of varied texts: one for students of all seeds, so that a teacher is asked about them once
NO_RULE = -1  # of a sentence that was cut from a text


@dataclass(frozen=True)
class Corpus:
    """Cleaned reviews of one run of stage 1. Texts are in memory up to 4 MB; more lie in a file without a name in the artifacts folder.

    Attributes:
        table: cleaned texts, and for each `label` (its number), `split`, `row` (row of the source, from 0; rows of a test file follow
            those of the training file).
        about: the JSON beside the CSV: task, recipe, source, counts, hash of the CSV.
        path: the CSV.
        task: the labels and the split.
    """

    table: Table
    about: dict[str, Any]
    path: Path
    task: Task

    @property
    def recipe(self) -> str:
        """Cleaning recipe, one of `sentipress.data.cleaning.RECIPES`."""
        return str(self.about["recipe"])

    @property
    def in_words(self) -> str:
        """Source, recipe and split of the texts, in words."""
        how, source = self.task.split, (self.about.get("source") or {}).get("name", "unknown texts")
        kind = {RANDOM: f"random split, seed {how.seed}", OFFICIAL: "official split"}.get(how.kind, how.kind)
        more = "".join(f", and {one['kept']:,} training texts of {one['name']}" for one in self.about.get("more_training") or [])
        return f"{source}{more}, recipe {self.recipe}, {kind}"

    def texts(self, split: str) -> Texts:
        """Cleaned texts of one split."""
        return self.table.of(split)

    def labels(self, split: str) -> np.ndarray:
        """Numbers of the labels of one split: float32 (texts,)."""
        frame = self.table.frame
        return frame.loc[frame["split"] == split, "label"].to_numpy(np.float32)

    def stored(self, texts: Iterable[str]) -> Texts:
        """Further texts, put where those of the corpus lie, so that they can be joined."""
        return self.table.texts.spool.add(texts)

    def unlabelled(self) -> Texts:
        """Cleaned texts without a label, if stage 1 was given some; none is a copy of a labelled one. Each call reads the file anew.

        Raises:
            UserError: the file is missing or not the one that reviews.json describes.
        """
        if not self.about.get("unlabelled"):
            return self.stored([])
        parts = _parts(self.path.with_name(manifest.UNLABELLED), self.about["unlabelled"].get("sha256"))
        return self.stored(text for part in parts for text in part["review"])

    def out_of_domain(self) -> tuple[Texts, np.ndarray] | None:
        """Cleaned texts of another domain and the numbers of their labels, float32 (texts,); None where there are none.

        No model is trained on them: what it makes of them is a test.

        Raises:
            UserError: the file is missing or not the one that reviews.json describes.
        """
        if not self.about.get("out_of_domain"):
            return None
        parts = _parts(self.path.with_name(manifest.OUT_OF_DOMAIN), self.about["out_of_domain"].get("sha256"))
        table = Table.of_parts(parts, self.table.texts.spool)
        return table.texts, table.frame["label"].to_numpy(np.float32)

    def sentences(self) -> tuple[Texts, Texts]:
        """The first two of `ruled_sentences`."""
        raw, cleaned, _ = self.ruled_sentences()
        return raw, cleaned

    def rules(self) -> np.ndarray:
        """The last of `ruled_sentences`."""
        return self.ruled_sentences()[2]

    def ruled_sentences(self) -> tuple[Texts, Texts, np.ndarray]:
        """Sentences cut from training and unlabelled reviews, then made ones; none where stage 1 was not asked for any.

        Each call reads the file anew.

        Returns:
            Raw texts, cleaned ones, and what the rule says that made a sentence: number of a label, or `NO_RULE` where it was cut from a
            text; int64 (sentences,).

        Raises:
            UserError: the file is missing or not the one that reviews.json describes.
        """
        if not self.about.get("sentences"):
            return self.stored([]), self.stored([]), np.zeros(0, np.int64)
        numbers = {"": NO_RULE, **{label: number for number, label in enumerate(self.task.labels)}}
        rules: list[int] = []

        def texts() -> Iterator[str]:
            for part in _parts(self.path.with_name(manifest.SENTENCES), self.about["sentences"].get("sha256")):
                rules.extend(numbers[label] for label in (part["rule"] if "rule" in part else [""] * len(part)))
                yield from (text for row in zip(part["text"], part["review"], strict=True) for text in row)

        both = self.stored(texts())
        return both[::2], both[1::2], np.array(rules, np.int64)

    def varied(self, share: float) -> Texts:
        """Texts made from the training texts (see `varying.varied`), so many for each; of a smaller share the first ones of a larger."""
        training, held_out = self.texts("train"), self.table.of("validation", "test")
        return self.stored(varying.varied(training, round(share * len(training)), VARIED_SEED, held_out) if share else [])

    def paired(self) -> np.ndarray:
        """Places among the training texts of originals and their edited texts (`--more-training original+edited`): int64 (texts,)."""
        rows = {row for one in self.about.get("more_training") or [] for pair in one.get("pairs", []) for row in pair}
        return np.flatnonzero(np.isin(self.rows("train"), list(rows)))

    def reading(self) -> list[additions.ReadingSet]:
        """Sets of raw texts that tell whether a model reads, if stage 1 was given some.

        Raises:
            UserError: the file is missing or not the one that reviews.json describes.
        """
        if not self.about.get("reading"):
            return []
        parts = _parts(self.path.with_name(manifest.READING), self.about["reading"].get("sha256"))
        return additions.reading_sets(pd.concat(parts, ignore_index=True))

    def rows(self, split: str) -> np.ndarray:
        """Source rows of one split: int64 (texts,); they identify a text in paired tests."""
        frame = self.table.frame
        return frame.loc[frame["split"] == split, "row"].to_numpy(np.int64)


def check_source(artifacts: Path, given: Path | None, further: Mapping[str, Collection[Any]] | None = None) -> None:
    """Refuse to replace the texts of a folder by others that nobody named.

    Args:
        artifacts: the folder.
        given: the file that `--data` names, if any.
        further: names of the flags of further files, and what they name.

    Raises:
        UserError: the folder's texts came from a file of the user's, or from further files, and none is given now.
    """
    try:
        about = folder.about(artifacts)
    except UserError:
        return
    name = str((about.get("source") or {}).get("name", ""))
    own = not (name.startswith(f"{BUNDLE}==") or any((Path("data") / file).is_file() for file in CSV_NAMES if file == name))
    had = {"more_training": about.get("more_training"), "reading_sets": about.get("reading"), "held_out": about.get("held_out")}
    dropped = [flag for flag, files_ in had.items() if files_ and not (further or {}).get(flag)] if given is None else []
    if given is None and name and (own or dropped):
        given_files = {"data": name if own else None, "test_data": (about.get("test_source") or {}).get("name")}
        given_files["unlabelled"] = ((about.get("unlabelled") or {}).get("source") or {}).get("name")
        given_files["more_training"] = additions.flag(about.get("more_training") or [])
        given_files["held_out"] = ",".join(one["name"] for one in about.get("held_out") or [])
        given_files["reading_sets"] = additions.flag((about.get("reading") or {}).get("sets") or [])
        flags = {**{flag: file for flag, file in given_files.items() if file}, **about["flags"]}
        command = manifest.command(manifest.track_in(artifacts).scripts[0], artifacts, flags)
        files_of = name if own else f"further files (--{dropped[0].replace('_', '-')})"
        raise UserError(
            f"{artifacts} holds texts of {files_of}", f"run {command} (with the path of each file), or name another --artifacts"
        )


def _parts(path: Path, expected: str | None) -> Iterator[pd.DataFrame]:
    """A CSV that stage 1 wrote, so many rows at a time.

    Raises:
        UserError: the file is missing or has another hash.
    """
    remedy = manifest.prepare(path.parent)
    if not path.is_file():
        raise UserError(f"{path} is missing", remedy)
    if files.sha256(path) != expected:
        raise UserError(f"{path} is not the file that reviews.json describes", remedy)
    types = dict.fromkeys(("review", "split", "text", "set", "rule"), TEXT)
    with pd.read_csv(path, dtype=types, keep_default_na=False, encoding="utf-8", chunksize=PIECE) as reader:
        yield from reader


def task_of(artifacts: Path) -> Task:
    """The task of an artifacts folder.

    Raises:
        UserError: reviews.json is missing, damaged, or holds no task.
    """
    try:
        return Task.of(folder.about(artifacts)["task"])
    except (KeyError, TypeError) as error:
        remedy = manifest.prepare(artifacts)
        raise UserError(f"{artifacts / manifest.DESCRIPTION} garbles the task ({error})", remedy) from None


def load(artifacts: Path) -> Corpus:
    """Read what `corpus_making.save` wrote.

    Raises:
        UserError: a file is missing, damaged, or the CSV is not the one that the JSON describes.
    """
    path = artifacts / manifest.REVIEWS
    if not path.is_file():
        raise UserError(f"{path} is missing", manifest.prepare(artifacts))
    description = folder.about(artifacts)
    table = Table.of_parts(_parts(path, description["sha256"]), Spool(artifacts))
    return Corpus(table, description, path, task_of(artifacts))
