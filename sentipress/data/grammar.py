"""Short sentences of praise and blame made by rule, most of which turn on a negation, a contrast or a comparison.

Reviews have few of them, and what they say can be told from their words one by one seldom enough. The kinds are those of CheckList
(Ribeiro et al. 2020, sections 2 and 3). A sentence pattern that has a word of praise or blame is filled with both kinds equally
often: so no pattern, and no word, tells the answer alone.

Command  python -m sentipress.data.grammar --count 6000 --output made.csv   (columns review, sentiment: a file for --more-training)
"""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from sentipress.core import files
from sentipress.data.cleaning import words_of
from sentipress.data.task import SENTIMENT_LABELS

BLAME, PRAISE = SENTIMENT_LABELS
_SEED = 1  # one order for all users: an answer that was published is for the very same sentences
_SLOT = re.compile(r"\{(~?)([^}]+)\}")
_BEFORE_VOWEL = re.compile(r"\b(a)(?= [aeiou])", re.IGNORECASE)
_START = re.compile(r"(?:^|(?<=[.?!] ))[a-z]")


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A sentence with slots `{kind}`, and `{~kind}` for a word of the other side."""

    text: str
    sides: tuple[str, ...]  # whose words may fill its slots
    turns: bool  # whether the sentence says the opposite of these words


@cache
def _grammar() -> tuple[dict[str, dict[str, list[str]]], list[_Pattern]]:
    read = json.loads(resources.files("sentipress.data").joinpath("grammar.json").read_text("utf-8"))
    words = {side: {**read["words"], **read[name]} for side, name in ((PRAISE, "praise"), (BLAME, "blame"))}
    meant = {
        "as_said": (SENTIMENT_LABELS, False),
        "turned_round": (SENTIMENT_LABELS, True),
        "always_praise": ((PRAISE,), False),
        "always_blame": ((BLAME,), False),
    }
    patterns = [_Pattern(text, *meant[name]) for name in meant for kind in read[name].values() for text in kind]
    return words, patterns


def _other(side: str) -> str:
    return BLAME if side == PRAISE else PRAISE


def made(count: int) -> list[tuple[str, str]]:
    """Different sentences with their labels, `"positive"` or `"negative"`; always the same ones, and the first of more are the fewer.

    Args:
        count: sentences, at most 100,000: beyond that the patterns repeat themselves.

    Raises:
        ValueError: if the patterns do not make so many.
    """
    words, patterns = _grammar()
    draw = np.random.default_rng(_SEED)
    found: dict[str, tuple[str, str]] = {}
    for _ in range(100 * count):
        if len(found) == count:
            break
        pattern = patterns[draw.integers(len(patterns))]
        side = pattern.sides[draw.integers(len(pattern.sides))]

        def fill(slot: re.Match[str], side: str = side) -> str:
            choices = words[_other(side) if slot[1] else side][slot[2]]
            return choices[draw.integers(len(choices))]

        text = _BEFORE_VOWEL.sub(r"\1n", _SLOT.sub(fill, pattern.text))
        text = _START.sub(lambda first: first[0].upper(), text)
        found.setdefault(words_of(text), (text, _other(side) if pattern.turns else side))
    if len(found) < count:
        raise ValueError(f"the patterns make {len(found)} sentences, {count} were asked for")
    return list(found.values())


def main() -> None:
    """Write sentences and labels into a file; see the top of the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=6000, help="sentences")
    parser.add_argument("--output", type=Path, required=True, help="CSV to write")
    asked = parser.parse_args()
    frame = pd.DataFrame(made(asked.count), columns=["review", "sentiment"])
    files.write_text(asked.output, frame.to_csv(index=False, lineterminator="\n"))
    print(f"wrote {len(frame):,} sentences, {(frame['sentiment'] == PRAISE).mean():.1%} of praise, to {asked.output}")


if __name__ == "__main__":
    main()
