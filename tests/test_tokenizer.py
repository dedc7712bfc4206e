"""Words to ids: as Keras numbers them, for any text, and the same after a trip through the file."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentipress.core.errors import UserError
from sentipress.data.cleaning import clean
from sentipress.data.task import SENTIMENT, Task
from sentipress.text import phrases
from sentipress.text import tokenizer as tokenizer_module
from sentipress.text.tokenizer import OOV_ID, OOV_TOKEN, PADDING_ID, Tokenizer

POST = {"sequence_length": 50, "padding": "post", "truncating": "post", "cleaning": "thesis"}


@pytest.fixture(scope="module")
def cleaned(sample):
    return [clean(text, "thesis") for text in sample["review"]]


def test_ids_are_those_of_keras(cleaned):
    from sentipress.core.backend import keras

    training, others = cleaned[:1000], cleaned[1000:]
    theirs = keras.preprocessing.text.Tokenizer(num_words=2000, oov_token=OOV_TOKEN)
    theirs.fit_on_texts(training)
    ours = Tokenizer.fit(training, 2000, **POST)
    for padding in ("pre", "post"):
        for truncating in ("pre", "post"):
            ours = Tokenizer(ours.words, 50, padding, truncating, "thesis")
            expected = keras.preprocessing.sequence.pad_sequences(
                theirs.texts_to_sequences(others), maxlen=50, padding=padding, truncating=truncating
            )
            np.testing.assert_array_equal(ours.encode(others), expected)


def test_the_file_gives_the_same_tokenizer(cleaned, tmp_path):
    ours = Tokenizer.fit(cleaned, 500, **POST)
    ours.save(tmp_path / "tokenizer.json")
    assert Tokenizer.load(tmp_path / "tokenizer.json", "") == ours
    assert ours.vocabulary_size == 500
    content = json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8"))
    assert content["words"][:2] == list(ours.words[:2])


@given(text=st.text(max_size=200), length=st.integers(1, 60), padding=st.sampled_from(["pre", "post"]))
@settings(deadline=None, max_examples=200)
def test_any_text_becomes_ids_in_range(text, length, padding):
    ours = Tokenizer(("good", "bad", "movie"), length, padding, "pre", "default")
    ids = ours.encode_raw([text])
    assert ids.shape == (1, length) and ids.dtype == np.int32
    assert ids.min() >= PADDING_ID and ids.max() < ours.vocabulary_size
    assert np.count_nonzero(ids) >= 1  # even no text at all is one unknown word


def assert_reads_text_by_text(ours, raw):
    """Ids and shares of known words of many texts are those of each text alone, by `ids` and `known_share`."""
    found, known = ours.read(raw)
    cleaned = [clean(text, ours.cleaning) for text in raw]
    length = ours.sequence_length
    for text, row, share in zip(cleaned, found, known, strict=True):
        ids = ours.ids(text) or [OOV_ID]
        ids = ids[-length:] if ours.truncating == "pre" else ids[:length]
        padding = [PADDING_ID] * (length - len(ids))
        assert row.tolist() == (padding + ids if ours.padding == "pre" else ids + padding)
        assert share == ours.known_share(text)
    np.testing.assert_array_equal(ours.encode(cleaned), found)


# Pairs whose words have no id, that overlap, that begin and end texts; entries that no text can have.
PAIRS = ("a b", "b a", "b b", "c d", "d'e f", "a\tb c", "a  b", " a", "a b c", "é b", "x y")
WORDS = ("a", "b", "d'e", "é", "y")


@given(
    st.lists(
        st.one_of(
            st.text(max_size=40),
            st.lists(st.sampled_from(["a", "b", "c", "d", "d'e", "f", "é", "x", "y", "z", "a_b", "<i>", "''"])).map(" ".join),
        ),
        max_size=8,
    ),
    st.integers(1, 12),
    st.sampled_from(["pre", "post"]),
    st.sampled_from(["pre", "post"]),
    st.sampled_from(["default", "thesis", "posts"]),
)
@settings(deadline=None, max_examples=500)
def test_many_texts_are_read_as_each_alone(raw, length, padding, truncating, recipe):
    for words in (WORDS + PAIRS, PAIRS[::-1] + WORDS, WORDS, PAIRS, ()):
        assert_reads_text_by_text(Tokenizer(words, length, padding, truncating, recipe), raw)


@pytest.mark.parametrize("recipe", ["default", "thesis", "posts"])
def test_many_real_reviews_are_read_as_each_alone(sample, recipe, monkeypatch):
    raw = [*sample["review"][:400], "", "<br>", "'", "not", "worth"]
    cleaned = [clean(text, recipe) for text in raw]
    pairs = phrases.select(cleaned[:400], sample["label"][:400].to_numpy(), 200, SENTIMENT)
    assert pairs
    ours = Tokenizer.fit(cleaned, 1500, pairs, sequence_length=60, padding="post", truncating="pre", cleaning=recipe)
    assert_reads_text_by_text(ours, raw)
    monkeypatch.setattr(tokenizer_module, "TEXTS_AT_ONCE", 7)
    assert_reads_text_by_text(ours, raw)


def test_unknown_words_and_the_tokens_own_name():
    ours = Tokenizer.fit(["404 404 404 good good bad"], 10, **POST)
    assert ours.words == ("good", "bad")
    assert ours.ids("404 good constructor") == [OOV_ID, 2, OOV_ID]


def test_pairs_take_the_place_of_their_words_from_left_to_right():
    ours = Tokenizer.fit(["not worth it not worth not not worth", "worth it"], 8, ["not worth", "worth not", "never seen"], **POST)
    # The text reads as "not worth", it, "not worth", not, "not worth": no word is used twice.
    assert ours.words == ("not worth", "it", "not", "worth")
    assert ours.ids("not worth not worth worth") == [2, 2, 5]
    assert ours.ids("worth not worth") == [5, 2] and ours.ids("not") == [4] and ours.ids("") == []
    with pytest.raises(UserError, match="3 pairs do not fit"):
        Tokenizer.fit(["a b c d e f"], 4, ["a b", "c d", "e f"], **POST)


def test_all_pairs_stay_when_words_are_cut_off(cleaned, tmp_path):
    pairs = phrases.select(cleaned, np.arange(len(cleaned)) % 2, 100, SENTIMENT)
    ours = Tokenizer.fit(cleaned, 500, pairs, **POST)
    assert ours.vocabulary_size == 500 and {word for word in ours.words if " " in word} <= set(pairs)
    ours.save(tmp_path / "tokenizer.json")
    np.testing.assert_array_equal(Tokenizer.load(tmp_path / "tokenizer.json", "").encode(cleaned), ours.encode(cleaned))
    single = Tokenizer(tuple(word for word in ours.words if " " not in word), 50, "post", "post", "thesis")
    assert len(ours.ids(cleaned[0])) <= len(single.ids(cleaned[0]))


def test_selected_pairs_are_those_that_their_words_do_not_explain():
    texts = ["not good"] * 20 + ["good film"] * 20 + ["not bad"] * 20 + ["bad film"] * 20 + ["good"] * 40 + ["bad"] * 40
    labels = np.repeat([0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0], 20)
    assert set(phrases.select(texts, labels, 2, SENTIMENT)) == {"not good", "not bad"}
    assert phrases.select(texts, labels, 0, SENTIMENT) == [] and phrases.select(texts[:5], labels[:5], 9, SENTIMENT) == []


def test_pairs_of_three_labels_are_those_that_tell_one_label_from_the_others():
    two = ["not good"] * 20 + ["good film"] * 20 + ["not bad"] * 20 + ["bad film"] * 20 + ["good"] * 40 + ["bad"] * 40
    texts = [*two, *["so so"] * 30, *["so good"] * 15, *["so bad"] * 15]
    labels = np.repeat([0, 1, 1, 0, 1, 1, 0, 0, 2, 2, 1, 0], [20, 20, 20, 20, 20, 20, 20, 20, 15, 15, 15, 15])
    chosen = phrases.select(texts, labels, 5, Task(("bad", "good", "neither")))
    assert {"not good", "not bad", "so so"} <= set(chosen) and len(chosen) == 5
    swapped = phrases.select(texts, 2 - labels, 5, Task(("neither", "good", "bad")))  # whatever their numbers
    assert set(swapped) == set(chosen)


def test_the_share_of_known_words_counts_pairs_as_two():
    ours = Tokenizer(("not worth", "film"), 5, "post", "pre", "default")
    assert ours.known_share("not worth a film") == 3 / 4 and ours.known_share("worth not") == 0 and ours.known_share("") == 0
    assert ours.known_share("film " * 20) == 1  # words past the length as well


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"schema": 0}', '{"schema": 1, "words": ["good"]}', '{"schema": 2, "words": 3}', "\x00\xff"]
)
def test_a_damaged_file_is_one_clear_line(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(UserError) as caught:
        Tokenizer.load(path, "run python 2_lstm_baseline.py")
    assert "tokenizer.json" in str(caught.value) and "2_lstm_baseline.py" in str(caught.value)
