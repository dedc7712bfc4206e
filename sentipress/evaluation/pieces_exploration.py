"""How an encoder's tokenizer takes texts apart: figures and pictures beside those of `exploration`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sentipress.data.lines import pieces
from sentipress.data.stored import Table
from sentipress.data.task import Task
from sentipress.evaluation.exploration import COLORS, HISTOGRAM_BINS
from sentipress.evaluation.plots import BLUE, ORANGE, new_figure, noun, plain_text, save_figure, shortened
from sentipress.text.pieces import PieceTokenizer

CHUNK = 1024  # texts whose pieces are held at a time: the library keeps a hundred bytes for each
TOP_UNKNOWN = 20
LENGTHS = "lengths"  # key of the distribution


def explore(texts: Iterable[str], tokenizer: PieceTokenizer) -> dict[str, Any]:
    """Count the pieces of cleaned texts.

    Args:
        texts: cleaned; they are gone through several times.
        tokenizer: with the length at which texts are cut.

    Returns:
        A dictionary that fits into JSON. `lengths` and `percentiles` are of ids per text, special ones and prefix included,
        before the cut; `cut_share` is of texts. `per_word` divides all pieces but the special ones by the words between
        spaces. `unknown_share` is of the pieces within the cut. `unknown_characters` are characters without a piece, with
        how often they stand in the texts, the most frequent 20; `distinct_unknown_characters` counts them all.
    """
    counts = lengths(texts, tokenizer)
    ends = int(tokenizer.lengths([""])[0])  # special ids and prefix, which stand in every text
    words = sum(len(text.split()) for text in texts)
    seen, unknown = 0, 0
    for some in pieces(texts, CHUNK):
        ids = tokenizer.encode(some)
        seen += int(np.isin(ids, list(tokenizer.special_ids - {tokenizer.unknown_id}), invert=True).sum())
        unknown += int((ids == tokenizer.unknown_id).sum()) if tokenizer.unknown_id is not None else 0
    characters = unknown_characters(texts, tokenizer)
    return {
        "length": tokenizer.sequence_length,
        "vocabulary": tokenizer.vocabulary_size,
        LENGTHS: {str(key): float(value) for key, value in pd.Series(counts).describe().items()},
        "percentiles": {str(p): float(np.percentile(counts, p)) for p in range(5, 101, 5)},
        "cut_share": float((counts > tokenizer.sequence_length).mean()),
        "per_word": float((counts - ends).sum() / max(1, words)),
        "unknown_share": unknown / max(1, seen),
        "unknown_characters": [list(pair) for pair in characters[:TOP_UNKNOWN]],
        "distinct_unknown_characters": len(characters),
    }


def lengths(texts: Iterable[str], tokenizer: PieceTokenizer) -> np.ndarray:
    """Ids of each cleaned text before the cut: int64 (texts,)."""
    return np.concatenate([tokenizer.lengths(some) for some in pieces(texts, CHUNK)])


def unknown_characters(texts: Iterable[str], tokenizer: PieceTokenizer) -> list[tuple[str, int]]:
    """Characters that the tokenizer does not know by themselves, with their number in the texts, falling."""
    if tokenizer.unknown_id is None:
        return []
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(text)
    characters = sorted(set(counts) - {" "})
    ids = tokenizer.encode(characters)
    known = {character for character, row in zip(characters, ids, strict=True) if tokenizer.unknown_id not in row}
    found = [(character, counts[character]) for character in characters if character not in known]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))


def draw(table: Table, figures: Mapping[str, Any], tokenizer: PieceTokenizer, folder: Path, task: Task) -> list[Path]:
    """Draw the texts per label, their lengths in pieces with the cut, and the unknown characters.

    Args:
        table: cleaned texts, column `label` (number of the label).
        figures: what `explore` returned.
        tokenizer: as for `explore`.
        folder: where the PNGs go.
        task: whose labels these are.

    Returns:
        The files written.
    """
    with plain_text():
        return [
            _classes(table.frame["label"], folder, task),
            _lengths(lengths(table.texts, tokenizer), figures, folder, task),
            _unknown(figures["unknown_characters"], figures["distinct_unknown_characters"], folder),
        ]


def _classes(numbers: pd.Series, folder: Path, task: Task) -> Path:
    counts = [int((numbers == number).sum()) for number in range(len(task.labels))]
    figure, axes = new_figure(height=max(2.5, 1.2 + 0.35 * len(counts)))
    colors = COLORS[: len(counts)] if len(counts) <= len(COLORS) else BLUE
    bars = axes.barh([shortened(label) for label in task.labels], counts, color=colors)
    axes.bar_label(bars, [f"{count:,}" for count in counts], padding=3)
    axes.invert_yaxis()
    axes.set(title=f"{noun(task).capitalize()} per label", xlabel=noun(task))
    axes.margins(x=0.12)
    return save_figure(figure, folder / "classes.png")


def _lengths(counts: np.ndarray, figures: Mapping[str, Any], folder: Path, task: Task) -> Path:
    cut = figures["length"]
    limit = max(float(np.percentile(counts, 99)), 1.05 * cut)  # the cut is always in the picture
    shown = counts[counts <= limit]
    bins: Any = HISTOGRAM_BINS if limit >= HISTOGRAM_BINS else np.arange(0.5, limit + 1)
    figure, axes = new_figure()
    axes.hist(shown, bins=bins, color=BLUE, alpha=0.7)
    axes.axvline(cut, color=ORANGE, linestyle="--", label=f"cut at {cut}: {figures['cut_share']:.1%} of the {noun(task)} are longer")
    axes.set(title=f"Length of cleaned {noun(task)} in pieces, up to {limit:.0f}", xlabel="pieces", ylabel=noun(task))
    axes.legend(frameon=False)
    return save_figure(figure, folder / "histogram_pieces.png")


def _unknown(characters: Sequence[Sequence[Any]], distinct: int, folder: Path) -> Path:
    figure, axes = new_figure(height=max(2.5, 1.2 + 0.25 * len(characters)))
    # A code point beside each: the font lacks many of these characters.
    names = [f"{character}  U+{ord(character):04X}" for character, _ in characters]
    axes.barh(names, [count for _, count in characters], color=BLUE)
    axes.invert_yaxis()
    axes.set(title=f"Characters without a piece: {distinct:,}, the most frequent {len(characters)}", xlabel="times in the texts")
    if not characters:
        axes.set(title="Every character has a piece", xlim=(0, 1))
    return save_figure(figure, folder / "unknown_characters.png")
