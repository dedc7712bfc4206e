"""Does a model read? Short texts, written by hand, whose answer turns on a negation, a contrast, a comparison or a mood.

Tests of behaviour by kind are those of Ribeiro et al., "Beyond Accuracy: Behavioral Testing of NLP Models with CheckList" (2020),
section 2. Names, typing errors and negation are among their kinds; the others are the project's own.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypedDict

from sentipress.core import files
from sentipress.data.additions import ReadingSet
from sentipress.data.cleaning import clean, words_of
from sentipress.data.corpus import Corpus
from sentipress.data.task import SENTIMENT_LABELS
from sentipress.runtimes.interface import Runtime

CASES = Path(__file__).parent / "behaviour.csv"
SENTENCES, SENTENCES_SCHEMA = Path(__file__).parent / "sentences.json", 1
SHORT = 3  # words up to which a text is too short to have near copies
CHOOSING, SCORING = "choosing", "scoring"
OWN_LANGUAGE = 0.5  # mean share of known words from which the cases are in the language of a model


@dataclass(frozen=True)
class Case:
    """A text of the behaviour cases.

    Attributes:
        kind: what its answer turns on.
        use: "choosing", for whoever builds a model, or "scoring", which nothing may be chosen by.
        label: "negative" or "positive".
        group: number that texts with one answer share: right together or not at all.
        text: raw.
    """

    kind: str
    use: str
    label: str
    group: int
    text: str


class Count(TypedDict):
    """Right groups of texts, of so many."""

    right: int
    of: int


Behaviour = dict[str, dict[str, Count]]  # by use, then by kind


class OfSet(TypedDict, total=False):
    """Right answers to a set of texts. Of pairs: to `of` originals, to as many edited texts, and pairs with both right."""

    name: str
    of: int
    right: int
    original: int
    edited: int
    both: int


class Reading(TypedDict):
    """What a metrics JSON says of a model's reading.

    `wrong` are the groups of the half for choosing that are not right; of the other half nobody needs to know which. `cases` tells
    which cases these were.
    """

    behaviour: Behaviour | None
    cases: str
    wrong: list[int]
    sets: list[OfSet]


@cache
def cases() -> tuple[Case, ...]:
    """The behaviour cases, in the order of their file."""
    with open(CASES, encoding="utf-8", newline="") as stream:
        return tuple(Case(**{**row, "group": int(row["group"])}) for row in csv.DictReader(stream))  # type: ignore[arg-type]


@cache
def sentences() -> dict[str, Any]:
    """The fixed sentences that each card is made with: `language` and `sentences`, each with `kind`, `label` and `text`."""
    return files.read_json(SENTENCES, SENTENCES_SCHEMA, "install the package again")


def near(text: str) -> bool:
    """Whether a text is a behaviour case or a fixed sentence, or would be with one word more, less or exchanged.

    Of texts of up to three words only the same ones count: all of these are near.
    """
    words = tuple(words_of(text).split())
    return not _forms(words).isdisjoint(_asked())


@cache
def _asked() -> frozenset[tuple[str, ...]]:
    texts = [*(case.text for case in cases()), *(one["text"] for one in sentences()["sentences"])]
    return frozenset(form for text in texts for form in _forms(tuple(words_of(text).split())))


def _forms(words: tuple[str, ...]) -> set[tuple[str, ...]]:
    """The words, and from four of them on the words with a gap in place of each one and between any two."""
    if len(words) <= SHORT:
        return {words}
    exchanged = {(*words[:number], "", *words[number + 1 :]) for number in range(len(words))}
    return {words} | exchanged | {(*words[:number], "", *words[number:]) for number in range(len(words) + 1)}


def judge(model: Runtime, sets: Sequence[ReadingSet], english: bool = True) -> Reading | None:
    """Ask a model; None where there is nothing to ask: the behaviour cases are English texts, positive or negative.

    Args:
        model: any.
        sets: that it is asked as well.
        english: whether the texts that it learned from are, as far as that is known.
    """
    english = english and model.task.is_sentiment and _known(model) >= OWN_LANGUAGE
    if not english and not sets:
        return None
    found, wrong = behaviour(model) if english else (None, [])
    return Reading(behaviour=found, cases=version(), wrong=wrong, sets=[on_set(model, one) for one in sets])


@cache
def version() -> str:
    """Tells today's behaviour cases from those of other days: the beginning of their file's SHA-256."""
    return files.sha256(CASES)[:12]


def are_english(reviews: Corpus) -> bool:
    """Whether the training texts have most words of the behaviour cases: pieces of words spell any language."""
    cleaning = str(reviews.about.get("cleaning", reviews.recipe))
    return reviews.task.is_sentiment and english(reviews.texts("train"), cleaning)


def english(texts: Iterable[str], cleaning: str) -> bool:
    """The same of cleaned texts and their recipe."""
    asked = [word for case in cases() for word in words_of(clean(case.text, cleaning)).split()]
    looked_for = set(asked)
    known = {word for text in texts for word in words_of(text).split() if word in looked_for}
    return sum(word in known for word in asked) >= OWN_LANGUAGE * len(asked)


def _known(model: Runtime) -> float:
    """Mean share of the words of the behaviour cases that a model knows."""
    return sum(model.known_share(clean(case.text, model.cleaning)) for case in cases()) / len(cases())


def on_set(model: Runtime, given: ReadingSet) -> OfSet:
    """Right answers of a model to a set."""
    right = model.task.right(model.predict_raw(given.texts), given.labels)
    if not given.pairs:
        return OfSet(name=given.name, of=len(right), right=int(right.sum()))
    original, edited = right[~given.edited], right[given.edited]
    both = int((original & edited).sum())
    return OfSet(name=given.name, of=len(edited), original=int(original.sum()), edited=int(edited.sum()), both=both)


def behaviour(model: Runtime) -> tuple[Behaviour, list[int]]:
    """Groups of the behaviour cases that a model of negative and positive texts answers rightly, by use and kind, and `wrong` ones."""
    given = cases()
    numbers = model.task.decide(model.predict_raw([case.text for case in given]))
    return counted(given, [SENTIMENT_LABELS[int(number)] for number in numbers])


def counted(given: Sequence[Case], answers: Sequence[str]) -> tuple[Behaviour, list[int]]:
    """Right groups of cases by use and kind, and the wrong ones for choosing: a group is right if every text of it is."""
    wrong = {case.group for case, answer in zip(given, answers, strict=True) if answer != case.label}
    found: Behaviour = {CHOOSING: {}, SCORING: {}}
    by_group = {case.group: case for case in given}
    for group, case in by_group.items():
        count = found[case.use].setdefault(case.kind, Count(right=0, of=0))
        count["of"] += 1
        count["right"] += group not in wrong
    return found, sorted(group for group in wrong if by_group[group].use == CHOOSING)


def share(of_use: dict[str, Count]) -> float:
    """Share of right groups over all kinds, 0 to 1."""
    return sum(count["right"] for count in of_use.values()) / sum(count["of"] for count in of_use.values())
