"""Short sentences of praise and blame made by rule, most of which turn on a negation, a contrast, a comparison or a mood.

Reviews have few such sentences. Their kinds are those of CheckList (Ribeiro et al. 2020, sections 2 and 3). Where words of both sides
fit into a pattern, it is filled with both equally often. So single words say little: logistic regression on them is right in 60 of 100
sentences, on words and pairs in 74 (the first 20,000, three-fold cross-validation). Guessing is right in 50. `tests/test_grammar.py`
checks it.
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
from sentipress.data.sentences import key_of
from sentipress.data.task import SENTIMENT_LABELS

BLAME, PRAISE = SENTIMENT_LABELS
MOST = 30_000  # sentences that may be asked for
DRAWS = 150  # of each pattern, repeated ones among them: 30,583 different sentences in all
_SMALL = ("it", "is", "not", "isn't", "thing", "whole", "we")  # kinds of words that a sentence may repeat
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


@cache
def _pool() -> list[tuple[str, str]]:
    """All sentences with their labels, in the order of a hash of their words: a new pattern changes nothing about the others."""
    words, patterns = _grammar()
    found: dict[int, tuple[str, str]] = {}
    for pattern in patterns:
        draw = np.random.default_rng(key_of(pattern.text))
        for number in range(DRAWS):
            side = pattern.sides[number % len(pattern.sides)]
            text = pattern.text
            for slot in _SLOT.finditer(pattern.text):
                choices = words[_other(side) if slot[1] else side][slot[2]]
                # No word of content twice in a sentence.
                choices = [word for word in choices if slot[2] in _SMALL or word not in text] or choices
                text = text.replace(slot[0], choices[draw.integers(len(choices))], 1)
            text = _BEFORE_VOWEL.sub(r"\1n", text)
            text = _START.sub(lambda first: first[0].upper(), text)
            found.setdefault(key_of(text), (text, _other(side) if pattern.turns else side))
    return [found[key] for key in sorted(found)]


def made(count: int) -> list[tuple[str, str]]:
    """Different sentences with their labels, `"positive"` or `"negative"`; always the same ones, and the first of more are the fewer.

    Args:
        count: sentences, at most `MOST`.

    Raises:
        ValueError: more than that.
    """
    if not 0 <= count <= MOST:
        raise ValueError(f"{count} sentences were asked for, not 0 to {MOST}")
    return _pool()[:count]


def main() -> None:
    """Write sentences and labels into a file; see the top of the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=6000, help=f"sentences, 1 to {MOST}")
    parser.add_argument("--output", type=Path, required=True, help="CSV to write")
    asked = parser.parse_args()
    if not 1 <= asked.count <= MOST:
        parser.error(f"--count {asked.count} is not 1 to {MOST}")
    frame = pd.DataFrame(made(asked.count), columns=["review", "sentiment"])
    files.write_text(asked.output, frame.to_csv(index=False, lineterminator="\n"))
    print(f"wrote {len(frame):,} sentences, {(frame['sentiment'] == PRAISE).mean():.1%} of praise, to {asked.output}")


if __name__ == "__main__":
    main()
