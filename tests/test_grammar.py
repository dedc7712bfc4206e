"""Sentences made by rule: always the same ones, and no word tells the answer alone."""

import subprocess
import sys

import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from sentipress.data import grammar, sentences
from sentipress.data.cleaning import words_of
from sentipress.evaluation import comprehension

MADE = grammar.made(6000)
FRAME = pd.DataFrame(MADE, columns=["text", "label"])


def test_fewer_sentences_are_the_first_of_more_and_all_differ() -> None:
    assert grammar.made(500) == MADE[:500] and len({words_of(text) for text in FRAME["text"]}) == 6000
    assert len(grammar.made(grammar.MOST)) == grammar.MOST
    for count in (-1, grammar.MOST + 1):
        with pytest.raises(ValueError, match=rf"{count} sentences were asked for, not 0 to 30000"):
            grammar.made(count)


def test_another_pattern_changes_none_of_the_other_sentences(monkeypatch) -> None:
    words, patterns = grammar._grammar()
    monkeypatch.setattr(grammar, "_grammar", lambda: (words, patterns[:-1]))
    fewer = grammar._pool.__wrapped__()
    assert 0 < len(grammar._pool()) - len(fewer) <= grammar.DRAWS and set(fewer) <= set(grammar._pool())


def test_what_is_nearly_a_text_that_tests_reading_is_seen() -> None:
    case = next(case.text for case in comprehension.cases() if len(words_of(case.text).split()) > 5)
    words = words_of(case).split()
    for text in (case, case.upper(), " ".join(words[1:]), " ".join(["well", *words]), " ".join([*words[:2], "other", *words[3:]])):
        assert comprehension.near(text)
    assert not comprehension.near(" ".join([*words[:2], "two", "others", *words[4:]])) and not comprehension.near("A boat on a lake.")
    assert all(comprehension.near(one["text"]) for one in comprehension.sentences()["sentences"])
    assert not comprehension.near("Not charmless.") and not comprehension.near("Never charmless, not once.")  # the first is short


def test_no_slot_is_left_open_and_articles_fit() -> None:
    texts = FRAME["text"]
    assert not texts.str.contains(r"[{}~]").any() and texts.str[0].str.isupper().all()
    assert not texts.str.contains(r"\b[Aa] [aeiou]").any() and texts.str.contains(r"\b[Aa]n [aeiou]").any()


def test_praise_and_blame_are_said_with_and_without_a_negation() -> None:
    negated = FRAME["text"].map(sentences.negated)
    assert 0.4 < negated.mean() < 0.7
    assert FRAME.groupby(negated)["label"].value_counts(normalize=True).min() > 0.4  # a negation does not tell the answer


def test_no_word_tells_the_answer_alone() -> None:
    found = {}
    for longest in (1, 2):
        counts = CountVectorizer(binary=True, ngram_range=(1, longest), token_pattern=r"[\w']+").fit_transform(FRAME["text"])
        found[longest] = cross_val_score(LogisticRegression(max_iter=500), counts, FRAME["label"], cv=3).mean()
    assert found[1] < 0.7 and found[2] < 0.8  # half of the answers are positive


def test_the_command_writes_a_file_for_more_training(tmp_path) -> None:
    path = tmp_path / "made.csv"
    line = [sys.executable, "-m", "sentipress.data.grammar", "--count", "300", "--output", str(path)]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    frame = pd.read_csv(path)
    assert done.stdout.startswith("wrote 300 sentences")
    assert list(zip(frame["review"], frame["sentiment"], strict=True)) == MADE[:300]
    asked = [*line[:-3], "0", "--output", str(path)]
    refused = subprocess.run(asked, capture_output=True, text=True)
    assert refused.returncode == 2 and "--count 0 is not 1 to 30000" in refused.stderr
