"""Cleaning: the study's recipe to the letter, and one that loses nothing."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from sentipress.data.cleaning import clean_default, clean_thesis, stopwords

RAW = "I did NOT like it.<br /><br />The\tplot isn't good,\nbut 10/10 for MOVIE_NIGHT's café!"


def test_thesis_recipe_keeps_the_studys_errors():
    cleaned = clean_thesis(RAW)
    assert "not" not in cleaned.split() and "isn't" not in cleaned.split()  # negation is deleted
    assert cleaned.endswith("plot good 10 10 movie_night's café")  # the newline, deleted after the list, parted no words
    assert cleaned.startswith("like it the")  # "it.<br" is no stopword: punctuation stuck to it when the list was applied


def test_default_recipe_keeps_negation_and_parts_words_at_tags():
    assert clean_default(RAW) == "i did not like it the plot isn't good but 10 10 for movie_night's café"


def test_stopwords_are_nltks_english_list():
    words = stopwords()
    assert len(words) == 198
    assert {"not", "no", "nor", "don't", "you'd", "he'll", "wouldn't"} <= words
    assert not {"movie", "good"} & words


@given(st.text(max_size=300))
@settings(deadline=None, max_examples=300)
def test_any_text_cleans_to_words(text):
    for clean in (clean_default, clean_thesis):
        cleaned = clean(text)
        assert cleaned == cleaned.strip() and "  " not in cleaned
        assert not re.search(r"[^\w' ]", cleaned)
    assert clean_default(clean_default(text)) == clean_default(text)


@given(st.text(st.characters(max_codepoint=127), max_size=300))
@settings(deadline=None, max_examples=300)
def test_a_letter_beyond_ascii_changes_nothing_before_it(text):
    assert clean_default(text + " é") == f"{clean_default(text)} é".strip()


def test_cleaning_real_reviews_is_idempotent(sample):
    for text in sample["review"]:
        once = clean_default(text)
        assert once and clean_default(once) == once and "<" not in once
