"""Texts turned round by rule: their words of praise and blame exchanged for opposite ones, negations put in or taken out.

A review says much that is no judgement: names, places, the plot. A model that learns from reviews alone counts this as well. A turned
text keeps it and says something else of it. Wang & Culotta, "Robustness to Spurious Correlations in Text Classification via
Automatically Generated Counterfactuals" (2021), section 3, give such a text the opposite label. Here a teacher reads it and says what it
says now: a rule can leave a text half turned.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np

from sentipress.data.sentences import key_of

SHARES = (0.5, 1.0, 1.0)  # of the words of a text that are exchanged, one of these: people, too, contradict themselves
NEGATED = 0.25  # of the sentences in which "is" stands before such a word: a "not" is put in or taken out, and the words stay
_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_WORD = re.compile(r"[A-Za-z]+(?:['-][A-Za-z]+)*")
_RATING = re.compile(r"\b(10|[0-9])(\s?/\s?|\s+out\s+of\s+)10\b", re.IGNORECASE)
_AN = re.compile(r"\b(a)(?= (?!eu|one\b|once\b)[aeio])", re.IGNORECASE)
_A = re.compile(r"\b(a)n(?= [bcdfgjklmnpqrstvwxyz])", re.IGNORECASE)


@dataclass(frozen=True)
class _Words:
    """What is exchanged.

    Attributes:
        opposites: of a word, in small letters.
        softened: what may stand before such a word and takes it back.
        said: "is", "was" and so on before such a word, with a negation in group 2 if there is one.
    """

    opposites: dict[str, list[str]]
    softened: list[str]
    said: re.Pattern[str]


@cache
def _words() -> _Words:
    read = json.loads(resources.files("sentipress.data").joinpath("opposites.json").read_text("utf-8"))
    opposites: dict[str, list[str]] = {}
    for word, other in (*read["opposites"], *read["one_way"]):
        opposites.setdefault(word, []).append(other)
    for word, other in read["opposites"]:
        if " " not in other:
            opposites.setdefault(other, []).append(word)
    known = "|".join(sorted(opposites, key=len, reverse=True))
    degree = "(?:(?:an?|the|very|really|so|quite|pretty|such) )*"
    return _Words(opposites, read["softened"], re.compile(rf"\b(is|was|are|were)( not|n['’]t)?\b(?= {degree}(?:{known})\b)", re.IGNORECASE))


def _like(model: str, word: str) -> str:
    """A word in capital letters where the one that it replaces has them."""
    if model.isupper() and len(model) > 1:
        return word.upper()
    return word[0].upper() + word[1:] if model[0].isupper() else word


def turned(text: str) -> str | None:
    """An English text turned round, raw; None if it has no word of praise or blame. The same text is always turned alike.

    Args:
        text: raw.
    """
    words, draw = _words(), np.random.default_rng(key_of(text))
    share, changes = SHARES[draw.integers(len(SHARES))], 0

    def negation(found: re.Match[str]) -> str:
        return found[1] if found[2] else f"{found[1]} {words.softened[draw.integers(len(words.softened))]}"

    def opposite(found: re.Match[str]) -> str:
        nonlocal changes
        choices = words.opposites.get(found[0].lower())
        if not choices or draw.random() >= share:
            return found[0]
        changes += 1
        return _like(found[0], choices[draw.integers(len(choices))])

    def rating(found: re.Match[str]) -> str:
        nonlocal changes
        changes += found[1] != "5"
        return f"{10 - int(found[1])}{found[2]}10"

    sentences = []
    for sentence in _SENTENCE.split(text):
        if draw.random() < NEGATED and words.said.search(sentence):
            sentences.append(words.said.sub(negation, sentence, count=1))
            changes += 1
        else:
            sentences.append(_WORD.sub(opposite, sentence))
    found = _RATING.sub(rating, " ".join(sentences))
    return _A.sub(r"\1", _AN.sub(r"\1n", found)) if changes else None
