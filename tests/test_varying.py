"""Texts made from other texts."""

from collections import Counter

from sentipress.data import sources, varying
from sentipress.data.cleaning import words_of

TEXTS = sources.read_bundled("rotten_tomatoes")["review"].tolist()[:400]


def test_as_many_new_texts_as_asked_for_repeat_themselves():
    first, again, other = ([*varying.varied(TEXTS, 900, seed)] for seed in (1, 1, 2))
    assert first == again != other
    keys = [words_of(text) for text in first]
    assert len(first) == 900 == len(set(keys)) and not set(keys) & set(map(words_of, TEXTS))


def test_every_word_is_of_the_texts_and_most_stand_beside_their_neighbours():
    words = {word for text in TEXTS for word in text.split()}
    neighbours = {pair for text in TEXTS for pair in zip(text.split(), text.split()[1:], strict=False)}
    found = [*varying.varied(TEXTS, 500, 1)]
    assert {word for text in found for word in text.split()} <= words
    pairs = [pair in neighbours for text in found for pair in zip(text.split(), text.split()[1:], strict=False)]
    # A word in seven is left out or exchanged, and each breaks one pair or two.
    assert 0.6 < sum(pairs) / len(pairs) < 0.9


def test_parts_and_joined_texts_are_among_them(monkeypatch):
    monkeypatch.setattr(varying, "LEFT_OUT", 0.0)
    monkeypatch.setattr(varying, "EXCHANGED", 0.0)
    found = varying.varied(TEXTS, 400, 1)
    whole = [f" {text} " for text in TEXTS]
    kinds = Counter(any(f" {text} " in one for one in whole) for text in found)
    assert kinds[True] > 100 and kinds[False] > 100  # parts of one text, and halves of two


def test_held_out_texts_do_not_come_about_and_few_texts_give_few():
    few = ["good film indeed", "bad film"]
    everything = [*varying.varied(few, 1000, 1)]
    assert 3 < len(everything) < 1000 and "good film" in everything
    assert "good film" not in varying.varied(few, 1000, 1, ["Good film!"])
    assert [*varying.varied([], 10, 1), *varying.varied(["", " "], 10, 1), *varying.varied(few, 0, 1)] == []
