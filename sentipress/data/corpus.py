"""The cleaned texts that every later stage reads: making them, splitting them, loading them."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from sentipress.core import files, folder, manifest
from sentipress.core.errors import UserError
from sentipress.data import additions, varying
from sentipress.data.cleaning import clean, words_of
from sentipress.data.formats import TEXT
from sentipress.data.sources import BUNDLE, CSV_NAMES
from sentipress.data.task import OFFICIAL, RANDOM, Task

SPLITS = ("train", "validation", "test")
VARIED_SEED = 1  # of varied texts: one for students of all seeds, so that a teacher is asked about them once
MINIMUM_REVIEWS = 50  # fewer leave a validation set of under 4 texts


@dataclass(frozen=True)
class Corpus:
    """Cleaned reviews of one run of stage 1.

    Attributes:
        frame: columns `review` (cleaned text), `label` (its number), `split`, `row` (row of the source, from 0; rows of a
            test file follow those of the training file).
        about: the JSON beside the CSV: task, recipe, source, counts, hash of the CSV.
        path: the CSV.
        task: the labels and the split.
    """

    frame: pd.DataFrame
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

    def texts(self, split: str) -> list[str]:
        """Cleaned texts of one split."""
        return self.frame.loc[self.frame["split"] == split, "review"].tolist()

    def labels(self, split: str) -> np.ndarray:
        """Numbers of the labels of one split: float32 (texts,)."""
        return self.frame.loc[self.frame["split"] == split, "label"].to_numpy(np.float32)

    def unlabelled(self) -> list[str]:
        """Cleaned texts without a label, if stage 1 was given some; none is a copy of a labelled one.

        Raises:
            UserError: the file is missing or not the one that reviews.json describes.
        """
        if not self.about.get("unlabelled"):
            return []
        return _read_checked(self.path.with_name(manifest.UNLABELLED), self.about["unlabelled"].get("sha256"))["review"].tolist()

    def out_of_domain(self) -> tuple[list[str], np.ndarray] | None:
        """Cleaned texts of another domain and the numbers of their labels, float32 (texts,); None where there are none.

        No model is trained on them: what it makes of them is a test.

        Raises:
            UserError: the file is missing or not the one that reviews.json describes.
        """
        if not self.about.get("out_of_domain"):
            return None
        frame = _read_checked(self.path.with_name(manifest.OUT_OF_DOMAIN), self.about["out_of_domain"].get("sha256"))
        return frame["review"].tolist(), frame["label"].to_numpy(np.float32)

    def sentences(self) -> tuple[list[str], list[str]]:
        """Sentences cut from training reviews and unlabelled ones, raw and cleaned; none where stage 1 was not asked for any.

        Raises:
            UserError: the file is missing or not the one that reviews.json describes.
        """
        if not self.about.get("sentences"):
            return [], []
        frame = _read_checked(self.path.with_name(manifest.SENTENCES), self.about["sentences"].get("sha256"))
        return frame["text"].tolist(), frame["review"].tolist()

    def varied(self, share: float) -> list[str]:
        """Texts made from the training texts (see `varying.varied`), so many for each; of a smaller share the first ones of a larger."""
        training, held_out = self.texts("train"), [*self.texts("validation"), *self.texts("test")]
        return varying.varied(training, round(share * len(training)), VARIED_SEED, held_out) if share else []

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
        return additions.reading_sets(_read_checked(self.path.with_name(manifest.READING), self.about["reading"].get("sha256")))

    def rows(self, split: str) -> np.ndarray:
        """Source rows of one split: int64 (texts,); they identify a text in paired tests."""
        return self.frame.loc[self.frame["split"] == split, "row"].to_numpy(np.int64)


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


def prepare(raw: pd.DataFrame, recipe: str, keep_duplicates: bool) -> tuple[pd.DataFrame, dict[str, int]]:
    """Clean raw reviews, count what cleaning empties and what appears twice, drop both (duplicates on request).

    Args:
        raw: columns `review` and `label`; the index is the row of the source.
        recipe: a recipe of `sentipress.data.cleaning`.
        keep_duplicates: keep reviews whose cleaned text appeared before, as the study did.

    Returns:
        A frame with columns `review`, `label`, `row`, and the counts.
    """
    texts = [clean(text, recipe) for text in tqdm(raw["review"], desc="clean", unit=" reviews", leave=False, disable=None)]
    frame = pd.DataFrame({"review": pd.Series(texts, dtype=TEXT), "label": raw["label"].to_numpy(), "row": raw.index.to_numpy()})
    empty = frame["review"] == ""
    twice = frame["review"].duplicated() & ~empty
    # The same text with both labels teaches nothing and cannot be scored.
    contradicting = int((frame[~empty].groupby("review")["label"].nunique() > 1).sum())
    counts = {
        "reviews": len(frame),
        "empty_after_cleaning": int(empty.sum()),
        "duplicates": int(twice.sum()),
        "texts_with_both_labels": contradicting,
    }
    frame = frame[~empty if keep_duplicates else ~(empty | twice)].reset_index(drop=True)
    counts["kept"] = len(frame)
    return frame, counts


def prepare_unlabelled(raw: pd.Series, labelled: pd.Series, recipe: str) -> tuple[pd.Series, dict[str, int]]:
    """Clean reviews without labels; drop empty and repeated ones, and copies of labelled reviews of any split.

    Args:
        raw: texts.
        labelled: cleaned texts of all splits.
        recipe: a recipe of `sentipress.data.cleaning`.

    Returns:
        The texts kept, each under its number among the raw ones, and the counts.
    """
    bar = tqdm(raw, desc="clean unlabelled", unit=" reviews", leave=False, disable=None)
    texts = pd.Series([clean(text, recipe) for text in bar], name="review", dtype=TEXT)
    empty, known = texts == "", texts.isin(set(labelled))
    repeated = texts.duplicated() & ~empty & ~known
    kept = texts[~(empty | known | repeated)]
    counts = {
        "reviews": len(texts),
        "empty_after_cleaning": int(empty.sum()),
        "copies_of_labelled": int(known.sum()),
        "duplicates": int(repeated.sum()),
        "kept": len(kept),
    }
    return kept, counts


def prepare_elsewhere(raw: pd.DataFrame, frame: pd.DataFrame, recipe: str) -> tuple[pd.DataFrame, dict[str, int]]:
    """Clean labelled texts of another domain; drop the empty, the repeated, and copies of the labelled texts.

    A copy has the same words, whatever its marks and its case: data sets of one origin differ in these.

    Args:
        raw: columns `review` and `label`.
        frame: of `prepare` or `with_test`; all its splits count.
        recipe: a recipe of `sentipress.data.cleaning`.

    Returns:
        A frame with columns `review`, `label`, `row`, and the counts.

    Raises:
        UserError: nothing is left.
    """
    kept, counts = prepare(raw, recipe, keep_duplicates=False)
    known = set(map(words_of, frame["review"]))
    copies = kept["review"].map(words_of).isin(known)
    if copies.all():
        raise UserError("every text of --out-of-domain-data stands in --data or is empty", "give texts of another source, or leave it out")
    kept = kept[~copies].reset_index(drop=True)
    return kept, {**counts, "copies_of_labelled": int(copies.sum()), "kept": len(kept)}


def prepare_test(raw: pd.DataFrame, recipe: str) -> pd.DataFrame:
    """Clean given test texts. All of them stay, the repeated and the empty too: a score must be of the whole set.

    Args:
        raw: columns `review` and `label`; the index is the row of the source.
        recipe: a recipe of `sentipress.data.cleaning`.

    Returns:
        A frame with columns `review`, `label`, `row`.
    """
    bar = tqdm(raw["review"], desc="clean test texts", unit=" texts", leave=False, disable=None)
    texts = pd.Series([clean(text, recipe) for text in bar], dtype=TEXT)
    return pd.DataFrame({"review": texts, "label": raw["label"].to_numpy(), "row": raw.index.to_numpy()})


def with_test(frame: pd.DataFrame, test: pd.DataFrame, task: Task) -> tuple[pd.DataFrame, int]:
    """Training texts split for validation, with given test texts behind them.

    Args:
        frame: of `prepare`.
        test: of `prepare_test`.
        task: labels and split.

    Returns:
        The frame with a column `split`, and how many training texts were dropped since they are test texts too.

    Raises:
        UserError: see `split`.
    """
    copies = frame["review"].isin(set(test["review"]))
    if copies.all():
        raise UserError("every training text is a test text too", "give --test-data texts that are not for training")
    kept = frame[~copies].reset_index(drop=True)
    kept["split"] = split(kept, task)
    return pd.concat([kept, test.assign(split="test")], ignore_index=True), int(copies.sum())


def split(frame: pd.DataFrame, task: Task) -> pd.Series:
    """Name the split of each row: a shuffled share for testing unless the test texts are given, then a part of the rest for validation.

    For two labels this is the study's split: scikit-learn's `train_test_split`, then Keras's `validation_split`, which
    takes the end. For more labels both parts are stratified, so that a rare label is in each.

    Raises:
        UserError: too few texts, or a split that lacks a label.
    """
    if len(frame) < MINIMUM_REVIEWS:
        raise UserError(f"{len(frame)} reviews are left after cleaning", f"give at least {MINIMUM_REVIEWS}")
    how, labels = task.split, frame["label"].to_numpy()
    rest, names = np.arange(len(frame)), np.full(len(frame), "train", dtype=object)
    if how.test_share is not None:
        rest, test = _divided(rest, labels, task, how.test_share)
        names[test] = "test"
        if task.binary:
            names[rest[int(len(rest) * (1 - how.validation_share)) :]] = "validation"
    if how.test_share is None or not task.binary:
        _, validation = _divided(rest, labels, task, how.validation_share)
        names[validation] = "validation"
    for name in dict.fromkeys(names):
        missing = set(range(len(task.labels))) - set(labels[names == name])
        if missing and task.binary:
            raise UserError(f"the {name} split has fewer than two classes", "give more texts of both labels, or another --seed")
        if missing:
            raise UserError(f"the {name} split lacks the label {task.labels[min(missing)]!r}", "give more texts of it, or leave it out")
    return pd.Series(names, index=frame.index, name="split")


def _divided(rows: np.ndarray, labels: np.ndarray, task: Task, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers shuffled and cut in two, `share` of them in the second part."""
    strata = None if task.binary else labels[rows]
    try:
        first, second = train_test_split(rows, test_size=share, random_state=task.split.seed, shuffle=True, stratify=strata)
    except ValueError as error:  # a label with a single text
        raise UserError(f"the texts cannot be split ({error})", "give more texts of each label") from None
    return first, second


def save(
    frame: pd.DataFrame,
    unlabelled: tuple[pd.Series, dict[str, Any]] | None,
    out_of_domain: pd.DataFrame | None,
    description: dict[str, Any],
    artifacts: Path,
    reading: tuple[pd.DataFrame, list[dict[str, Any]]] | None = None,
    sentences: pd.DataFrame | None = None,
) -> None:
    """Write reviews.csv, the files beside it and, after them, reviews.json that describes them, each atomically.

    Args:
        frame: columns `row`, `split`, `label`, `review`.
        unlabelled: cleaned texts and what is to be known of them, if there are any.
        out_of_domain: labelled texts of another domain, columns `label`, `review`, if there are any.
        description: what reviews.json says besides; holds `task`, and may hold more on `out_of_domain`.
        artifacts: the folder.
        reading: sets of `sentipress.data.additions.for_reading`, and what was counted, if there are any.
        sentences: columns `text` (raw) and `review` (cleaned), if there are any.
    """
    path = artifacts / manifest.REVIEWS
    beside: dict[str, Any] = {}
    if unlabelled:
        beside["unlabelled"] = {**unlabelled[1], "sha256": _write_csv(unlabelled[0].to_frame(), artifacts / manifest.UNLABELLED)}
    if out_of_domain is not None:
        checksum = _write_csv(out_of_domain[["label", "review"]], artifacts / manifest.OUT_OF_DOMAIN)
        beside["out_of_domain"] = {**description.get("out_of_domain", {}), "reviews": len(out_of_domain), "sha256": checksum}
    if reading:
        beside["reading"] = {"sets": reading[1], "sha256": _write_csv(reading[0], artifacts / manifest.READING, csv.QUOTE_NONNUMERIC)}
    if sentences is not None:
        beside["sentences"] = {"kept": len(sentences), "sha256": _write_csv(sentences, artifacts / manifest.SENTENCES, csv.QUOTE_ALL)}
    checksum = _write_csv(frame[["row", "split", "label", "review"]], path)
    files.write_json(path.with_suffix(".json"), {"schema": folder.SCHEMA, **description, **beside, "sha256": checksum})
    kept = {"unlabelled": manifest.UNLABELLED, "out_of_domain": manifest.OUT_OF_DOMAIN}
    kept |= {"reading": manifest.READING, "sentences": manifest.SENTENCES}
    for key, name in kept.items():
        if key not in beside:
            (artifacts / name).unlink(missing_ok=True)


def _write_csv(frame: pd.DataFrame, path: Path, quoting: Literal[0, 1, 2] = csv.QUOTE_MINIMAL) -> str:
    """Write a table; raw texts must be quoted, since one with a bare carriage return would be read as two rows."""
    with files.atomic(path) as temporary:
        frame.to_csv(temporary, index=False, encoding="utf-8", lineterminator="\n", quoting=quoting)
    return files.sha256(path)


def _read_checked(path: Path, expected: str | None) -> pd.DataFrame:
    """A CSV that stage 1 wrote.

    Raises:
        UserError: the file is missing or has another hash.
    """
    remedy = manifest.prepare(path.parent)
    if not path.is_file():
        raise UserError(f"{path} is missing", remedy)
    if files.sha256(path) != expected:
        raise UserError(f"{path} is not the file that reviews.json describes", remedy)
    return pd.read_csv(path, dtype={"review": TEXT, "split": TEXT, "text": TEXT}, keep_default_na=False, encoding="utf-8")


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
    """Read what `save` wrote.

    Raises:
        UserError: a file is missing, damaged, or the CSV is not the one that the JSON describes.
    """
    path = artifacts / manifest.REVIEWS
    if not path.is_file():
        raise UserError(f"{path} is missing", manifest.prepare(artifacts))
    description = folder.about(artifacts)
    return Corpus(_read_checked(path, description["sha256"]), description, path, task_of(artifacts))
