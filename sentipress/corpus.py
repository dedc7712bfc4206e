"""The cleaned reviews that every later stage reads: making them, splitting them, loading them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from tqdm import tqdm

from sentipress import commands, files
from sentipress.cleaning import clean
from sentipress.errors import UserError

SCHEMA = 1
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

    def rows(self, split: str) -> np.ndarray:
        """Source rows of one split: int64 array of shape (reviews,); they identify a review in paired tests."""
        return self.frame.loc[self.frame["split"] == split, "row"].to_numpy(np.int64)


def prepare(raw: pd.DataFrame, recipe: str, keep_duplicates: bool) -> tuple[pd.DataFrame, dict[str, int]]:
    """Clean raw reviews, count what cleaning empties and what appears twice, drop both (duplicates on request).

    Args:
        raw: columns `review` and `label`.
        recipe: a recipe of `sentipress.cleaning`.
        keep_duplicates: keep reviews whose cleaned text appeared before, as the study did.

    Returns:
        A frame with columns `review`, `label`, `row`, and the counts.
    """
    longest = int(raw["review"].str.len().max())
    if longest > REVIEW_LIMIT_CHARACTERS:
        row = int(raw["review"].str.len().argmax())
        raise UserError(f"the review in row {row + 2} has {longest} characters", "look for an unclosed quote, or remove that row")
    texts = [clean(text, recipe) for text in tqdm(raw["review"], desc="clean", unit=" reviews", leave=False, disable=None)]
    frame = pd.DataFrame({"review": texts, "label": raw["label"].to_numpy(), "row": np.arange(len(raw))})
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


def save(frame: pd.DataFrame, description: dict[str, Any], artifacts: Path) -> None:
    """Write reviews.csv and, after it, reviews.json that describes it, each atomically."""
    path = artifacts / "reviews.csv"
    with files.atomic(path) as temporary:
        frame[["row", "split", "label", "review"]].to_csv(temporary, index=False, encoding="utf-8", lineterminator="\n")
    files.write_json(path.with_suffix(".json"), {"schema": SCHEMA, **description, "sha256": files.sha256(path)})


def about(artifacts: Path) -> dict[str, Any]:
    """The JSON beside the cleaned reviews of an artifacts folder.

    Raises:
        UserError: missing, damaged, of another schema, or without what later stages need.
    """
    remedy = commands.run(commands.PREPROCESSING, artifacts)
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
    path, remedy = artifacts / "reviews.csv", commands.run(commands.PREPROCESSING, artifacts)
    if not path.is_file():
        raise UserError(f"{path} is missing", remedy)
    description = about(artifacts)
    if files.sha256(path) != description["sha256"]:
        raise UserError(f"{path} is not the file that reviews.json describes", remedy)
    frame = pd.read_csv(path, dtype={"review": str, "split": str}, keep_default_na=False, encoding="utf-8")
    return Corpus(frame, description, path)
