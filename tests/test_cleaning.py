"""Cleaning: the study's recipe to the letter, and one that loses nothing."""

import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sentipress.core.errors import UserError
from sentipress.data import cleaning
from sentipress.data.cleaning import clean, clean_default, clean_plain, clean_posts, clean_thesis, default_words, stopwords, words_of

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


# What the recipes treat unlike other letters: marks of all kinds, scripts without spaces, what lower case makes longer.
SCRIPTS = "aZ09_' .!)😀❤\ufe0f\u200d\u0301\u0307İıΣσςéё\u093f\u0902कि\u0e31ไทยかな漢字ﬁ<>/br\n\t\u2028"


@given(st.one_of(st.text(max_size=300), st.text(st.sampled_from(SCRIPTS), max_size=80)))
@example(text="ไทย\u0301\u0301\u0301\u0301\u0301\u0301\u0301x")
@example(text="<3 <b>a'b'c'd'e</b>_'_''__f")
@settings(deadline=None, max_examples=300)
def test_any_text_cleans_to_words(text):
    for recipe in cleaning.RECIPES:
        cleaned = clean(text, recipe)
        assert cleaned == cleaned.strip() and "  " not in cleaned
        if recipe not in ("posts", "plain"):  # there every mark is a word, or stays
            assert not re.search(r"[^\w' ]", "".join(c for c in cleaned if recipe == "thesis" or ord(c) not in cleaning.accents()))
        assert recipe == "thesis" or clean(cleaned, recipe) == cleaned


@given(st.text(st.characters(max_codepoint=127), max_size=300))
@settings(deadline=None, max_examples=300)
def test_a_letter_beyond_ascii_changes_nothing_before_it(text):
    assert clean_default(text + " é") == f"{clean_default(text)} é".strip()


@given(st.one_of(st.text(max_size=300), st.text(st.sampled_from(SCRIPTS + "_''<> K"), max_size=80)))
@example(text="'a' ''b'' c'_d _e_ 'f'_ '<b>' g'<br />'h 'é' i'ß")
@example(text="K\u212a'İ' ΑΣ' ΑΣ'Α <\u212a>'ΑΣ\u0301' '\u0301a' \x00'\ud800'")
@example(text="'")
@settings(deadline=None, max_examples=1000)
def test_the_fast_way_to_words_gives_those_of_the_cleaned_text(text):
    assert default_words(text) == clean_default(text).replace("_", " ").split()


def test_the_fast_way_to_words_on_real_reviews(bundled):
    texts = [*bundled["review"][:4000], *(text for text in bundled["review"] if not text.isascii())][:6000]
    for text in texts:
        assert default_words(text) == clean_default(text).replace("_", " ").split()
    assert sum(not text.isascii() for text in texts) > 500
    assert any("_" in text for text in texts) and any("''" in text for text in texts)


def test_cleaning_real_reviews_is_idempotent(sample):
    for text in sample["review"]:
        once = clean_default(text)
        assert once and clean_default(once) == once and "<" not in once


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("Café crème, cafe\u0301!", "café crème cafe\u0301"),  # the accent of its own code point stays at its letter
        ("हिन्दी, अच्छी", "हिन्दी अच्छी"),  # vowel signs and virama are no gaps
        ("Это — не «плохо»…", "это не плохо"),
        ("ΔΕΝ ΜΟΥ ΑΡΕΣΕΙ ΚΑΘΌΛΟΥ;", "δεν μου αρεσει καθόλου"),
        ("好きです。", "好 き で す"),
        ("ภาษาไทย ok", "ภ า ษ า ไ ท ย ok"),
        ("한국어 영화", "한국어 영화"),  # Korean has spaces
        ("أحبُّ هذا", "أحبُّ هذا"),
        ("good👍🏽film ❤\ufe0f", "good film"),
    ],
)
def test_letters_of_other_scripts_stay_whole(raw, cleaned):
    assert clean_default(raw) == cleaned


def test_accents_are_marks_of_unicode_but_no_selectors():
    assert {0x301, 0x93F, 0x94D, 0x64F} <= set(cleaning.accents()) and not set(range(0xFE00, 0xFE10)) & set(cleaning.accents())
    assert all(unicodedata.category(chr(point)).startswith("M") for point in cleaning.accents())
    assert cleaning.character_ranges((3, 4, 5, 9, 11, 12)) == [(3, 5), (9, 9), (11, 12)]


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("Отличный день)))))) Всем привет!!", "отличн день ))) всем привет !!"),
        ("<b>ok</b> <3 :-( ...", "ok < 3 : - ( ..."),  # a tag goes, a heart stays
        ("❤\ufe0f❤\ufe0f❤\ufe0f❤\ufe0f", "❤❤❤"),
        ("don't'_ preunder_score", "don't preund"),
        ("漢字!", "漢 字 !"),
        ("кафе\u0301шка", "кафе\u0301ш"),  # six characters, an accent being one
    ],
)
def test_posts_keep_smileys_and_the_beginnings_of_words(raw, cleaned):
    assert clean_posts(raw) == cleaned == clean(raw, "posts")


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        (RAW, "I did NOT like it. The plot isn't good, but 10/10 for MOVIE_NIGHT's café!"),
        ("  I <3 it!!! <I>so</I> much ❤\ufe0f 👨\u200d👩 :-)))\u2028", "I <3 it!!! so much ❤\ufe0f 👨\u200d👩 :-)))"),
        ("nul\x00 tab\t bell\x07 next\x85 half\ud800", "nul tab bell next half"),
        ("a < b > c << d >> 1<2 </p\nclass=x>!", "a < b > c << d >> 1<2 !"),
        ("<a<b>c>d <<b>a> <!-- a > b -->", "d < a> b -->"),  # what is left is no tag
        ("漢字です。Ёлки", "漢字です。Ёлки"),
        ("\x00<br>\n", ""),
    ],
)
def test_plain_text_loses_nothing_but_tags_and_control_characters(raw, cleaned):
    assert clean_plain(raw) == cleaned == clean(raw, "plain") == clean_plain(cleaned)


@given(st.text(st.sampled_from("<>ab/!B \n3"), max_size=40))
@settings(deadline=None, max_examples=500)
def test_plain_removes_tags_until_none_is_left(text):
    again, count = text, 1
    while count:
        again, count = re.subn(f"(?i){cleaning.MARKUP.pattern}", " ", again)
    assert clean_plain(text) == " ".join(again.split())


def test_plain_takes_linear_time():
    depth = 200_000
    assert clean_plain("<a" * depth + ">" * depth) == "" and len(clean_plain("<b>x" * depth)) == 2 * depth - 1


def test_an_unknown_recipe_is_one_line():
    with pytest.raises(UserError, match="unknown cleaning recipe 'stemmed' -> use one of default, thesis, posts, plain"):
        clean("text", "stemmed")


def test_copies_are_found_however_a_negation_is_written():
    forms = ("It doesn't work .", "it does n't WORK!", "does n 't")
    assert words_of(forms[0]) == words_of(forms[1]) == "it doesn t work"
    assert words_of(forms[2]) == "does n t"
