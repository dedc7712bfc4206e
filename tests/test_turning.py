"""Texts turned round by rule: always alike, nothing but words of praise and blame changes, and a teacher may judge what comes out."""

import json
from collections import Counter
from importlib import resources

import pandas as pd
import pytest

from sentipress.data import sources, turning
from sentipress.data.cleaning import words_of
from sentipress.data.sentences import LONGEST_PASSAGE, is_passage, passages

READ = json.loads(resources.files("sentipress.data").joinpath("opposites.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def cut() -> list[str]:
    """Passages of bundled reviews."""
    reviews = sources.read_bundled(sources.REVIEWS)["review"].iloc[:300]
    return [passage for review in reviews for passage in passages(review)]


def test_a_text_is_always_turned_alike_and_most_passages_are(cut) -> None:
    found = [turning.turned(passage) for passage in cut]
    assert found == [turning.turned(passage) for passage in cut]
    assert 0.75 < sum(one is not None for one in found) / len(cut) < 0.95
    assert all(words_of(one) != words_of(passage) for one, passage in zip(found, cut, strict=True) if one)


def test_what_is_no_judgement_stays(cut) -> None:
    """Nine words of ten, and what goes or comes is known to the rules: a judgement, a negation, a mark or an article."""
    known = {word for pair in (*READ["opposites"], *READ["one_way"]) for side in pair for word in words_of(side).split()}
    known |= {word for phrase in READ["softened"] for word in words_of(phrase).split()} | {"a", "an", "not", *map(str, range(11))}
    known |= {"is", "was", "are", "were", *words_of("isn't wasn't aren't weren't").split()}
    kept = total = 0
    for passage in cut:
        if found := turning.turned(passage):
            before, after = (Counter(words_of(text).split()) for text in (passage, found))
            assert {*(before - after), *(after - before)} <= known, (passage, found)
            kept, total = kept + (before & after).total(), total + before.total()
    assert kept / total > 0.9


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        ("a boat on a lake.", [None]),
        ("5/10", [None]),
        ("EXCELLENT.", ["DREADFUL.", None]),
        ("Excellent.", ["Dreadful.", None]),
        ("I give it 8/10.", ["I give it 2/10."]),
        ("I give it 3 out of 10.", ["I give it 7 out of 10."]),
        ("An idiotic story.", ["A brilliant story.", None]),
        ("A brilliant story.", ["An idiotic story.", None]),
        ("It isn't a bad film.", ["It is a bad film.", "It isn't a good film.", None]),
        ("It was flawed.", [f"It was {word} flawed." for word in READ["softened"]] + ["It was perfect.", None]),
    ],
)
def test_words_marks_and_negations_change_as_they_should(text, choices) -> None:
    assert turning.turned(text) in choices


def test_half_of_the_texts_keep_some_words_and_praise_becomes_blame() -> None:
    texts = [f"Number {number}: the plot is excellent, the cast superb, the music wonderful, the end brilliant." for number in range(200)]
    found = pd.Series([turning.turned(text) for text in texts]).dropna()
    left = found.str.count("excellent|superb|wonderful|brilliant")
    assert 0.4 < (left == 0).mean() < 0.8 and (left > 0).any()


def test_a_passage_is_told_from_a_sentence(cut) -> None:
    assert all(map(is_passage, cut)) and not is_passage("A wonderful film.") and not is_passage("word " * (LONGEST_PASSAGE + 1))
