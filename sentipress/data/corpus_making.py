"""Making the cleaned texts that every later stage reads: cleaning, dropping copies, splitting, saving."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from sentipress.core import files, folder, manifest
from sentipress.core.errors import UserError
from sentipress.data.cleaning import clean, words_of
from sentipress.data.formats import TEXT
from sentipress.data.lines import pieces
from sentipress.data.stored import KEYS, PIECE, Table, Texts, hashes, numbered
from sentipress.data.task import Task

MINIMUM_REVIEWS = 50  # fewer leave a validation set of under 4 texts


def cleaned(raw: Texts, recipe: str, what: str) -> tuple[Texts, pd.DataFrame]:
    """Clean texts; the cleaned ones go into the same spool.

    Args:
        raw: texts.
        recipe: a recipe of `sentipress.data.cleaning`.
        what: of the progress bar.

    Returns:
        The cleaned texts and their hashes (see `sentipress.data.stored.hashes`).
    """
    bar = tqdm(raw, desc=what, unit=" texts", total=len(raw), leave=False, disable=None)
    texts = raw.spool.add(clean(text, recipe) for text in bar)
    return texts, hashes(texts)


def keyed(table: Table) -> Table:
    """A table of cleaned texts with their hashes."""
    return Table(table.texts, pd.concat([table.frame, hashes(table.texts)], axis=1))


def prepare(raw: Table, recipe: str, keep_duplicates: bool) -> tuple[Table, dict[str, int]]:
    """Clean raw reviews, count what cleaning empties and what appears twice, drop both (duplicates on request).

    Args:
        raw: columns `label` and `row`.
        recipe: a recipe of `sentipress.data.cleaning`.
        keep_duplicates: keep reviews whose cleaned text appeared before, as the study did.

    Returns:
        The cleaned table, with the columns `label`, `row`, `key` and `key2`, and the counts.
    """
    texts, keys = cleaned(raw.texts, recipe, "clean")
    table, empty, numbers = Table(texts, pd.concat([raw.frame, keys], axis=1)), texts.empty, pd.Series(numbered(keys))
    twice = numbers.duplicated().to_numpy() & ~empty
    # The same text with both labels teaches nothing and cannot be scored.
    labels, of_text = raw.frame["label"].to_numpy(), numbers.to_numpy()
    first_label = np.empty(len(labels), np.int64)
    first_label[of_text[::-1]] = labels[::-1]
    contradicting = len(np.unique(of_text[(labels != first_label[of_text]) & ~empty]))
    counts = {
        "reviews": len(table),
        "empty_after_cleaning": int(empty.sum()),
        "duplicates": int(twice.sum()),
        "texts_with_both_labels": contradicting,
    }
    kept = table.where(~empty if keep_duplicates else ~(empty | twice))
    return kept, {**counts, "kept": len(kept)}


def prepare_unlabelled(raw: Texts, labelled: pd.DataFrame, recipe: str) -> tuple[Texts, np.ndarray, dict[str, int]]:
    """Clean reviews without labels; drop empty and repeated ones, and copies of labelled reviews of any split.

    Args:
        raw: texts.
        labelled: hashes of the cleaned texts of all splits, columns `key` and `key2`.
        recipe: a recipe of `sentipress.data.cleaning`.

    Returns:
        The texts kept, whether a raw text was kept, bool (raw texts,), and the counts.
    """
    texts, keys = cleaned(raw, recipe, "clean unlabelled")
    empty, known = texts.empty, among(keys, labelled)
    repeated = pd.Series(numbered(keys)).duplicated().to_numpy() & ~empty & ~known
    kept = ~(empty | known | repeated)
    counts = {
        "reviews": len(texts),
        "empty_after_cleaning": int(empty.sum()),
        "copies_of_labelled": int(known.sum()),
        "duplicates": int(repeated.sum()),
        "kept": int(kept.sum()),
    }
    return texts[kept], kept, counts


def among(keys: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    """Whether each of the hashes, columns `key` and `key2`, is one of others: bool (rows,)."""
    numbers = numbered(pd.concat([keys[[*KEYS]], others[[*KEYS]]], ignore_index=True))
    return np.isin(numbers[: len(keys)], numbers[len(keys) :])


def prepare_elsewhere(raw: Table, labelled: Table, recipe: str) -> tuple[Table, dict[str, int]]:
    """Clean labelled texts of another domain; drop the empty, the repeated, and copies of the labelled texts.

    A copy has the same words, whatever its marks and its case: data sets of one origin differ in these.

    Args:
        raw: columns `label` and `row`.
        labelled: of `prepare` or `with_test`; all its splits count.
        recipe: a recipe of `sentipress.data.cleaning`.

    Returns:
        A table as of `prepare`, and the counts.

    Raises:
        UserError: nothing is left.
    """
    kept, counts = prepare(raw, recipe, keep_duplicates=False)
    words = pd.Series([words_of(text) for text in kept.texts], dtype=TEXT)
    own = set(words)
    copies = words.isin({found for text in labelled.texts if (found := words_of(text)) in own})
    if copies.all():
        raise UserError("every text of --out-of-domain-data stands in --data or is empty", "give texts of another source, or leave it out")
    left = kept.where(~copies)
    return left, {**counts, "copies_of_labelled": int(copies.sum()), "kept": len(left)}


def prepare_test(raw: Table, recipe: str) -> Table:
    """Clean given test texts. All of them stay, the repeated and the empty too: a score must be of the whole set.

    Args:
        raw: columns `label` and `row`.
        recipe: a recipe of `sentipress.data.cleaning`.

    Returns:
        A table as of `prepare`.
    """
    texts, keys = cleaned(raw.texts, recipe, "clean test texts")
    return Table(texts, pd.concat([raw.frame, keys], axis=1))


def with_test(table: Table, test: Table, task: Task) -> tuple[Table, int]:
    """Training texts split for validation, with given test texts behind them.

    Args:
        table: of `prepare`.
        test: of `prepare_test`.
        task: labels and split.

    Returns:
        The table with a column `split`, and how many training texts were dropped since they are test texts too.

    Raises:
        UserError: see `split`.
    """
    copies = among(table.frame, test.frame)
    if copies.all():
        raise UserError("every training text is a test text too", "give --test-data texts that are not for training")
    kept = table.where(~copies)
    return kept.assign(split=split(kept.frame, task)).joined(test.assign(split="test")), int(copies.sum())


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
        missing = set(range(len(task.labels))) - set(np.unique(labels[names == name]).tolist())
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
    table: Table,
    unlabelled: tuple[Texts, dict[str, Any]] | None,
    out_of_domain: Table | None,
    description: dict[str, Any],
    artifacts: Path,
    reading: tuple[pd.DataFrame, list[dict[str, Any]]] | None = None,
    sentences: pd.DataFrame | None = None,
) -> None:
    """Write reviews.csv, the files beside it and, after them, reviews.json that describes them, each atomically.

    Args:
        table: columns `row`, `split`, `label`.
        unlabelled: cleaned texts and what is to be known of them, if there are any.
        out_of_domain: labelled texts of another domain, column `label`, if there are any.
        description: what reviews.json says besides; holds `task`, and may hold more on `out_of_domain`.
        artifacts: the folder.
        reading: sets of `sentipress.data.additions.for_reading`, and what was counted, if there are any.
        sentences: columns `text` (raw), `review` (cleaned) and `rule` (a label where a rule made it), if there are any.
    """
    path = artifacts / manifest.REVIEWS
    beside: dict[str, Any] = {}
    if unlabelled:
        parts = (pd.DataFrame({"review": part}, dtype=TEXT) for part in pieces(unlabelled[0], PIECE))
        beside["unlabelled"] = {**unlabelled[1], "sha256": _write_csv(parts, ["review"], artifacts / manifest.UNLABELLED)}
    if out_of_domain is not None:
        checksum = _write_csv(out_of_domain.parts(PIECE), ["label", "review"], artifacts / manifest.OUT_OF_DOMAIN)
        beside["out_of_domain"] = {**description.get("out_of_domain", {}), "reviews": len(out_of_domain), "sha256": checksum}
    if reading:
        checksum = _write_csv([reading[0]], list(reading[0]), artifacts / manifest.READING, csv.QUOTE_NONNUMERIC)
        beside["reading"] = {"sets": reading[1], "sha256": checksum}
    if sentences is not None:
        checksum = _write_csv([sentences], list(sentences), artifacts / manifest.SENTENCES, csv.QUOTE_ALL)
        beside["sentences"] = {"kept": len(sentences), "sha256": checksum}
    checksum = _write_csv(table.parts(PIECE), ["row", "split", "label", "review"], path)
    files.write_json(path.with_suffix(".json"), {"schema": folder.SCHEMA, **description, **beside, "sha256": checksum})
    kept = {"unlabelled": manifest.UNLABELLED, "out_of_domain": manifest.OUT_OF_DOMAIN}
    kept |= {"reading": manifest.READING, "sentences": manifest.SENTENCES}
    for key, name in kept.items():
        if key not in beside:
            (artifacts / name).unlink(missing_ok=True)


def _write_csv(parts: Iterable[pd.DataFrame], columns: list[str], path: Path, quoting: Literal[0, 1, 2] = csv.QUOTE_MINIMAL) -> str:
    """Write a table, part by part; raw texts must be quoted, since one with a bare carriage return would be read as two rows."""
    options: dict[str, Any] = {"index": False, "columns": columns, "lineterminator": "\n", "quoting": quoting}
    with files.atomic(path) as temporary, open(temporary, "w", encoding="utf-8", newline="") as stream:
        pd.DataFrame(columns=columns).to_csv(stream, **options)
        for part in parts:
            part.to_csv(stream, header=False, **options)
    return files.sha256(path)
