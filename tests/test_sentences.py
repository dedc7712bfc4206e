"""Sentences cut from reviews: what counts as one, and that none is of a text that is held out."""

import pytest

from sentipress.data import sentences
from sentipress.data.cleaning import clean, words_of
from sentipress.data.sentences import Picker
from sentipress.data.sources import read_bundled


def test_a_review_is_cut_behind_marks_and_at_line_ends() -> None:
    text = 'I loved it a lot. "Did you see it?" Yes.<br /><br />The end is (really!) weak and it drags on\nNever again, my friends...'
    found = sentences.cut(text)
    assert found == ["I loved it a lot.", '"Did you see it?', "The end is (really!", "weak and it drags on", "Never again, my friends..."]


def test_only_sentences_of_3_to_40_words_are_taken() -> None:
    long = "word " * 41
    assert sentences.cut(f"Too short. {long}. This is just right.") == ["This is just right."]


def test_a_sample_repeats_itself_and_holds_no_sentence_twice() -> None:
    texts = read_bundled()["review"].tolist()[:300]
    first, again, other = sentences.sample(texts, 500, 1), sentences.sample(texts, 500, 1), sentences.sample(texts, 500, 2)
    assert first == again != other
    assert len(first) == 500 == len({words_of(sentence) for sentence in first})


def test_no_sentence_is_a_held_out_text_however_it_is_spelled() -> None:
    texts = ["It was a great film! I liked the ending a lot."] * 3
    assert sorted(sentences.sample(texts, 10, 1)) == ["I liked the ending a lot.", "It was a great film!"]
    assert sentences.sample(texts, 10, 1, ["it was , a GREAT film"]) == ["I liked the ending a lot."]
    assert sentences.sample(texts, 0, 1) == []


def test_picked_sentences_are_the_same_of_more_reviews_and_in_another_order() -> None:
    texts = read_bundled()["review"].tolist()[:300]
    few, many = Picker(200), Picker(200)
    few.read(texts[:200])
    many.read(reversed(texts))
    first, second = few.picked(), many.picked()
    assert len(first) == len(second) == 200 and sum(map(sentences.negated, second)) == 80
    available = {words_of(sentence) for text in texts[:200] for sentence in sentences.cut(text)}
    assert {words_of(sentence) for sentence in second} & available <= set(map(words_of, first))
    assert 100 < len(set(map(words_of, first)) & set(map(words_of, second))) < 200


def test_a_sentence_is_picked_once_and_never_a_forbidden_one() -> None:
    picker = Picker(10, ["it was NOT a great film"])
    picker.read(["It was not a great film! I liked the ending a lot. i liked the ending, a lot."])
    assert picker.picked() == ["I liked the ending a lot."]
    nothing = Picker(0)
    nothing.read(["I liked the ending a lot."])
    assert nothing.picked() == []


def test_passages_are_neighbouring_sentences_of_41_to_150_words() -> None:
    texts = read_bundled()["review"].tolist()[:300]
    found = {text: sentences.passages(text) for text in texts}
    lengths = [len(passage.split()) for passages in found.values() for passage in passages]
    assert len(lengths) > 300 and len(set(lengths)) > 60
    for text, passages in found.items():
        whole = words_of(sentences.TAG.sub(" ", text))
        places = [whole.find(words_of(passage)) for passage in passages]
        assert -1 not in places and places == sorted(places)
        assert all(41 <= len(sentences._WORDS.findall(passage)) <= 150 for passage in passages)
    assert sentences.passages("It was short. It was good.") == []


def test_passages_are_picked_without_regard_to_negation() -> None:
    picker = Picker(100, parts=sentences.passages, negated_share=0.0)
    picker.read(read_bundled()["review"].tolist()[:300])
    picked = picker.picked()
    assert len(picked) == 100 and sum(map(sentences.negated, picked)) > 60


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("This isn't good at all", True),
        ("They don’t care", True),
        ("Never again", True),
        ("Nothing happens here", True),
        ("A knot in the notes", False),
        ("I know it well", False),
    ],
)
def test_a_negation_is_a_word_of_its_own(text: str, expected: bool) -> None:
    assert sentences.negated(text) is expected


def test_a_text_has_one_key_however_it_is_spelled() -> None:
    raw = "It isn't <br />GOOD, is it?"
    assert sentences.key_of(raw) == sentences.key_of(clean(raw, "default")) != sentences.key_of("it is good")
    assert 0 <= sentences.key_of("") < 2**64
