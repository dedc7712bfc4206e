"""The cleaned reviews that every later stage reads: making them, splitting them, loading them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from sentipress.core import files, manifest
from sentipress.data.cleaning import clean
from sentipress.core.errors import UserError
from sentipress.data.sources import TEXT

SCHEMA = 2  # 2: with texts of another domain, and unlabelled ones
UNLABELLED, OUTSIDE = "unlabelled.csv", "outside.csv"  # beside reviews.csv
SPLITS = ("train", "validation", "test")
MINIMUM_REVIEWS = 50  # fewer leave a validation set of under 4 reviews
REVIEW_LIMIT_CHARACTERS = 1_000_000  # the longest IMDB review has 13,704; far beyond is a damaged file


@dataclass(frozen=True)
class Corpus:
    """Cleaned reviews of one run of stage 1.

    Attributes:
        frame: columns `review` (cleaned text), `label` (0 or 1), `split`, `row` (row of the source, from 0).
        about: the JSON beside the CSV: recipe, source, counts, hash of the CSV.
        path: the CSV.
    """

    frame: pd.DataFrame
    about: dict[str, Any]
    path: Path

    @property
    def recipe(self) -> str:
        """Cleaning recipe: "default" or "thesis"."""
        return str(self.about["recipe"])

    def texts(self, split: str) -> list[str]:
        """Cleaned texts of one split."""
        return self.frame.loc[self.frame["split"] == split, "review"].tolist()

    def labels(self, split: str) -> np.ndarray:
        """Labels of one split: float32 array of shape (reviews,)."""
        return self.frame.loc[self.frame["split"] == split, "label"].to_numpy(np.float32)

    def unlabelled(self) -> list[str]:
        """Cleaned reviews without a label, if stage 1 was given some; none is a copy of a labelled one.

        Raises:
            UserError: the file is missing or not the one that reviews.json describes.
        """
        return self._beside("unlabelled", UNLABELLED)["review"].tolist() if self.about.get("unlabelled") else []

    def outside(self) -> tuple[list[str], np.ndarray]:
        """Cleaned texts of another domain and their labels, float32 (texts,): what a model makes of them is a test.

        Raises:
            UserError: the file is missing or not the one that reviews.json describes.
        """
        frame = self._beside("outside", OUTSIDE)
        return frame["review"].tolist(), frame["label"].to_numpy(np.float32)

    def _beside(self, key: str, name: str) -> pd.DataFrame:
        path, remedy = self.path.with_name(name), manifest.run(manifest.PREPROCESSING, self.path.parent)
        if not path.is_file():
            raise UserError(f"{path} is missing", remedy)
        if files.sha256(path) != self.about.get(key, {}).get("sha256"):
            raise UserError(f"{path} is not the file that reviews.json describes", remedy)
        return pd.read_csv(path, dtype={"review": TEXT}, keep_default_na=False, encoding="utf-8")

    def rows(self, split: str) -> np.ndarray:
        """Source rows of one split: int64 array of shape (reviews,); they identify a review in paired tests."""
        return self.frame.loc[self.frame["split"] == split, "row"].to_numpy(np.int64)


def prepare(raw: pd.DataFrame, recipe: str, keep_duplicates: bool) -> tuple[pd.DataFrame, dict[str, int]]:
    """Clean raw reviews, count what cleaning empties and what appears twice, drop both (duplicates on request).

    Args:
        raw: columns `review` and `label`.
        recipe: a recipe of `sentipress.data.cleaning`.
        keep_duplicates: keep reviews whose cleaned text appeared before, as the study did.

    Returns:
        A frame with columns `review`, `label`, `row`, and the counts.
    """
    longest = int(raw["review"].str.len().max())
    if longest > REVIEW_LIMIT_CHARACTERS:
        row = int(raw["review"].str.len().argmax())
        raise UserError(f"the review in row {row + 2} has {longest} characters", "look for an unclosed quote, or remove that row")
    texts = [clean(text, recipe) for text in tqdm(raw["review"], desc="clean", unit=" reviews", leave=False, disable=None)]
    frame = pd.DataFrame({"review": pd.Series(texts, dtype=TEXT), "label": raw["label"].to_numpy(), "row": np.arange(len(raw))})
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


def prepare_unlabelled(raw: pd.Series, frame: pd.DataFrame, recipe: str) -> tuple[pd.Series, dict[str, int]]:
    """Clean reviews without labels; drop empty and repeated ones, and copies of labelled reviews of any split.

    Args:
        raw: texts.
        frame: of `prepare`.
        recipe: a recipe of `sentipress.data.cleaning`.

    Returns:
        The texts kept, and the counts.
    """
    bar = tqdm(raw, desc="clean unlabelled", unit=" reviews", leave=False, disable=None)
    texts = pd.Series([clean(text, recipe) for text in bar], name="review", dtype=TEXT)
    empty, known = texts == "", texts.isin(set(frame["review"]))
    repeated = texts.duplicated() & ~empty & ~known
    kept = texts[~(empty | known | repeated)].reset_index(drop=True)
    counts = {
        "reviews": len(texts),
        "empty_after_cleaning": int(empty.sum()),
        "copies_of_labelled": int(known.sum()),
        "duplicates": int(repeated.sum()),
        "kept": len(kept),
    }
    return kept, counts


def split(frame: pd.DataFrame, test_share: float, validation_share: float, seed: int) -> pd.Series:
    """Name the split of each row: a shuffled test share, then the last part of the rest for validation.

    This is the study's split (scikit-learn's `train_test_split`, then Keras's `validation_split`, which takes the end).

    Raises:
        UserError: too few reviews, or a split with one class.
    """
    if len(frame) < MINIMUM_REVIEWS:
        raise UserError(f"{len(frame)} reviews are left after cleaning", f"give at least {MINIMUM_REVIEWS}")
    rest, test = train_test_split(np.arange(len(frame)), test_size=test_share, random_state=seed, shuffle=True)
    first_validation = int(len(rest) * (1 - validation_share))
    names = np.full(len(frame), "train", dtype=object)
    names[test] = "test"
    names[rest[first_validation:]] = "validation"
    for name in SPLITS:
        if frame["label"][names == name].nunique() < 2:
            raise UserError(f"the {name} split has fewer than two classes", "give more reviews of both sentiments, or another --seed")
    return pd.Series(names, index=frame.index, name="split")


def save(
    frame: pd.DataFrame,
    unlabelled: tuple[pd.Series, dict[str, Any]] | None,
    outside: pd.DataFrame,
    description: dict[str, Any],
    artifacts: Path,
) -> None:
    """Write reviews.csv, the two files beside it and, after them, reviews.json that describes them, each atomically.

    Args:
        frame: columns `row`, `split`, `label`, `review`.
        unlabelled: cleaned texts and what is to be known of them, if there are any.
        outside: labelled texts of another domain, columns `label`, `review`.
        description: what reviews.json says besides.
        artifacts: the folder.
    """
    path = artifacts / "reviews.csv"
    beside = {}
    if unlabelled:
        beside["unlabelled"] = {**unlabelled[1], "sha256": _write_csv(unlabelled[0].to_frame(), artifacts / UNLABELLED)}
    beside["outside"] = {"reviews": len(outside), "sha256": _write_csv(outside[["label", "review"]], artifacts / OUTSIDE)}
    checksum = _write_csv(frame[["row", "split", "label", "review"]], path)
    files.write_json(path.with_suffix(".json"), {"schema": SCHEMA, **description, **beside, "sha256": checksum})
    if not unlabelled:
        (artifacts / UNLABELLED).unlink(missing_ok=True)


def _write_csv(frame: pd.DataFrame, path: Path) -> str:
    with files.atomic(path) as temporary:
        frame.to_csv(temporary, index=False, encoding="utf-8", lineterminator="\n")
    return files.sha256(path)


def about(artifacts: Path) -> dict[str, Any]:
    """The JSON beside the cleaned reviews of an artifacts folder.

    Raises:
        UserError: missing, damaged, of another schema, or without what later stages need.
    """
    remedy = manifest.run(manifest.PREPROCESSING, artifacts)
    path = artifacts / "reviews.json"
    content = files.read_json(path, SCHEMA, remedy)
    for key, kind in (("recipe", str), ("sha256", str), ("settings", dict), ("flags", dict)):
        if not isinstance(content.get(key), kind):
            raise UserError(f"{path} lacks {key!r}", remedy)
    return content


def recipe_of(artifacts: Path) -> str:
    """The recipe by which stage 1 cleaned the reviews of an artifacts folder."""
    return str(about(artifacts)["recipe"])


def load(artifacts: Path) -> Corpus:
    """Read what `save` wrote.

    Raises:
        UserError: a file is missing, damaged, or the CSV is not the one that the JSON describes.
    """
    path, remedy = artifacts / "reviews.csv", manifest.run(manifest.PREPROCESSING, artifacts)
    if not path.is_file():
        raise UserError(f"{path} is missing", remedy)
    description = about(artifacts)
    if files.sha256(path) != description["sha256"]:
        raise UserError(f"{path} is not the file that reviews.json describes", remedy)
    frame = pd.read_csv(path, dtype={"review": TEXT, "split": TEXT}, keep_default_na=False, encoding="utf-8")
    return Corpus(frame, description, path)
