"""Sentences cut from reviews: what counts as one, and that none is of a text that is held out."""

from sentipress.data import sentences
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
    assert len(first) == 500 == len({sentences.words_of(sentence) for sentence in first})


def test_no_sentence_is_a_held_out_text_however_it_is_spelled() -> None:
    texts = ["It was a great film! I liked the ending a lot."] * 3
    assert sorted(sentences.sample(texts, 10, 1)) == ["I liked the ending a lot.", "It was a great film!"]
    assert sentences.sample(texts, 10, 1, ["it was , a GREAT film"]) == ["I liked the ending a lot."]
    assert sentences.sample(texts, 0, 1) == []
