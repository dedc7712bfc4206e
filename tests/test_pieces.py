"""Pieces of words to ids: as the library's own tokenizers give them, cut, padded, saved, and with a smaller vocabulary."""

import json
import time

import numpy as np
import pytest

pytest.importorskip("tokenizers", reason="needs pip install -r requirements-encoder.txt")
pytest.importorskip("transformers", reason="needs pip install -r requirements-encoder.txt")

import tokenizers
from encoders import KINDS, PIECES, sentences, small_folder
from transformers import PreTrainedTokenizerFast

from sentipress.core.errors import UserError
from sentipress.data.task import KNOWN_SHARE
from sentipress.text.pieces import PieceTokenizer, cut_vocabulary, of_pieces
from sentipress.text.tokenizer import Tokenizer
from sentipress.transformer import pretrained

PADDING = {"bert": 0, "xlm-roberta": 1}
ODD = [
    *("", " ", "\n\t ", "\u200b\ufeff", "\x00a\x01b", "a\u00a0b\u3000c", "[SEP] [MASK] <s> </s><mask>", "##ing ▁the", "x" * 150),
    *(
        "e\u0301te\u0301 \u00e9t\u00e9",
        "ﬁne ½ Ⅷ ℻",
        "İstanbul ıI",
        "ß ẞ",
        "ϒ\u0344",
        "שָׁלוֹם",
        "مرحبا\u0640",
        "नमस्ते",
        "ไทยคำ",
        "한국어 \u1112\u1161\u11ab",
        "日本語と中文",
    ),
    *(
        "👍🏽👩\u200d👩\u200d👧 ❤️",
        "🇩🇪",
        "\U0001d4d0\U00020000",
        "\ufffd\uffff\U0010ffff",
        "don't -- won't ... !!!",
        "1,000.50$ 3/4",
        "a" + "\u0301" * 40,
    ),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {kind: small_folder(tmp_path_factory.mktemp(kind), kind) for kind in KINDS}


@pytest.fixture(scope="module")
def small(folders):
    """A tokenizer of 24 ids of each kind."""
    contents = {kind: json.loads((folder / "tokenizer.json").read_text(encoding="utf-8")) for kind, folder in folders.items()}
    return {kind: PieceTokenizer(content, 24, PADDING[kind]) for kind, content in contents.items()}


@pytest.fixture(scope="module")
def bundled_pieces():
    pytest.importorskip("torch", reason="needs pip install -r requirements-encoder.txt")
    return pretrained.load(pretrained.BUNDLED).tokenizer(48)


def test_the_small_tokenizers_are_the_same_each_time(folders, tmp_path):
    for kind, folder in folders.items():
        again = small_folder(tmp_path / kind, kind)
        assert {path.name for path in again.iterdir()} == set(pretrained.NEEDED)
        assert all((again / name).read_bytes() == (folder / name).read_bytes() for name in pretrained.NEEDED)


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_those_of_the_librarys_tokenizers(kind, folders, small):
    texts = [*sentences()[:2000], *ODD]
    fast = PreTrainedTokenizerFast(tokenizer_file=str(folders[kind] / "tokenizer.json"), pad_token="[PAD]" if kind == "bert" else "<pad>")
    theirs = fast(texts, max_length=24, truncation=True, padding="max_length")["input_ids"]
    ours = small[kind].encode(texts)
    assert ours.dtype == np.int32 and ours.shape == (len(texts), 24)
    np.testing.assert_array_equal(ours, theirs)
    plain = tokenizers.Tokenizer.from_file(str(folders[kind] / "tokenizer.json"))
    whole = [found.ids for found in plain.encode_batch(texts)]
    assert small[kind].lengths(texts).tolist() == [len(ids) for ids in whole]
    short = [number for number, ids in enumerate(whole) if len(ids) <= 24]
    assert 200 < len(short) < len(texts)  # some are cut, some are not
    for number in short:
        assert ours[number].tolist() == whole[number] + [PADDING[kind]] * (24 - len(whole[number]))


def test_the_bundled_tokenizer_gives_the_librarys_ids_though_its_file_pads(bundled_pieces):
    texts = [*sentences()[:2000], *ODD]
    library = tokenizers.Tokenizer.from_str(json.dumps(bundled_pieces.library))
    library.enable_truncation(48)
    library.enable_padding(length=48)
    np.testing.assert_array_equal(bundled_pieces.encode(texts), [found.ids for found in library.encode_batch(texts)])
    padded = {**bundled_pieces.library, "padding": json.loads(library.to_str())["padding"]}
    assert padded["padding"] and PieceTokenizer(padded, 48, 0).lengths(["a film"]).tolist() == [4]


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_is_cut_at_its_end_and_keeps_both_marks(kind, small):
    tokenizer = small[kind]
    begin, end = tokenizer.encode([""])[0, :2].tolist()
    ids = tokenizer.encode([sentences()[0], "", "a " * 500])
    assert ids[:, 0].tolist() == [begin] * 3
    assert ids[1].tolist() == [begin, end] + [tokenizer.padding_id] * 22
    assert ids[2, -1] == end and tokenizer.padding_id not in ids[2].tolist()
    longer = PieceTokenizer(tokenizer.library, 60, tokenizer.padding_id).encode(["a " * 500])
    assert longer[0, :23].tolist() == ids[2, :23].tolist() and longer.shape == (1, 60)
    assert tokenizer.encode([]).shape == (0, 24)


def test_halves_of_surrogate_pairs_are_read_as_question_marks(small):
    for tokenizer in small.values():
        np.testing.assert_array_equal(tokenizer.encode(["a \ud83d film\udfff"]), tokenizer.encode(["a ? film?"]))
        assert tokenizer.lengths(["\ud800"]).tolist() == tokenizer.lengths(["?"]).tolist() and tokenizer.known_share("\ud800") <= 1


def test_the_prefix_stands_before_each_text_and_counts_as_no_word(small):
    for tokenizer in small.values():
        asked = PieceTokenizer(tokenizer.library, 24, tokenizer.padding_id, prefix="query: ")
        texts = list(sentences()[:50])
        np.testing.assert_array_equal(asked.encode(texts), tokenizer.encode(["query: " + text for text in texts]))
        assert (asked.lengths(texts) > tokenizer.lengths(texts)).all()
        assert [asked.known_share(text) for text in texts] == [tokenizer.known_share(text) for text in texts]


def test_the_vocabulary_and_its_special_ids(small):
    bert, xlm = small["bert"], small["xlm-roberta"]
    assert bert.vocabulary_size == PIECES == len(bert.vocabulary) and xlm.vocabulary_size == PIECES + 1 == len(xlm.vocabulary)
    assert bert.special_ids == {0, 1, 2, 3, 4} and bert.unknown_id == bert.vocabulary["[UNK]"] == 1
    assert xlm.special_ids == {0, 1, 2, 3, PIECES} and xlm.unknown_id == xlm.vocabulary["<unk>"] == 3
    assert bert.encode(["привет"])[0, :4].tolist() == [2, 1, 3, 0]
    letters = tokenizers.Tokenizer(tokenizers.models.BPE({"a": 0, "b": 1}, []))
    assert PieceTokenizer(json.loads(letters.to_str()), 8, 0).unknown_id is None


def test_words_of_other_languages_are_unknown_to_an_english_tokenizer(bundled_pieces):
    english = [bundled_pieces.known_share(text) for text in sentences()[:300]]
    assert np.mean(english) > 0.97 and min(english) > 0.8
    russian = ["Этот фильм был просто ужасен, не смотрите", "очень хороший фильм, всем советую посмотреть"]
    chinese = ["这部电影真的很好看我喜欢它", "这部电影非常无聊浪费时间"]
    for text in (*russian, *chinese):
        assert bundled_pieces.known_share(text) < KNOWN_SHARE, text
    letters = np.random.default_rng(1).choice(list("abcdefghijklmnopqrstuvwxyz"), (200, 10, 7))
    shares = [bundled_pieces.known_share(" ".join(map("".join, words))) for words in letters]
    assert np.mean(np.array(shares) < KNOWN_SHARE) > 0.8  # of 200 texts of random letters
    assert bundled_pieces.known_share("") == 0 == bundled_pieces.known_share(" \n")
    assert bundled_pieces.known_share("ужасен film film") == pytest.approx(2 / 3)


def test_the_file_gives_the_same_tokenizer_and_the_same_bytes(small, tmp_path):
    for kind, tokenizer in small.items():
        full = PieceTokenizer(tokenizer.library, 24, tokenizer.padding_id, "default", "query: ")
        path, again = tmp_path / f"{kind}.json", tmp_path / f"{kind}-again.json"
        full.save(path)
        loaded = PieceTokenizer.load(path, "")
        assert loaded == full and of_pieces(path)
        loaded.save(again)
        assert again.read_bytes() == path.read_bytes()
        texts = [*sentences()[:200], *ODD]
        np.testing.assert_array_equal(loaded.encode(texts), full.encode(texts))


def test_a_file_of_words_is_none_of_pieces(tmp_path):
    Tokenizer(("good",), 5, "post", "post", "default").save(tmp_path / "words.json")
    (tmp_path / "damaged.json").write_text("{", encoding="utf-8")
    assert not of_pieces(tmp_path / "words.json") and not of_pieces(tmp_path / "damaged.json") and not of_pieces(tmp_path / "missing.json")


@pytest.mark.parametrize(
    "change",
    [
        lambda content: b"",
        lambda content: b"[]",
        lambda content: b"\xff\xfe",
        lambda content: content[:-200],
        lambda content: content.replace(b'"schema":1', b'"schema":99'),
        lambda content: content.replace(b'"library":', b'"other":'),
        lambda content: content.replace(b'"type":"WordPiece"', b'"type":"Nothing"'),
        lambda content: content.replace(b'"sequence_length":24', b'"sequence_length":"many"'),
        lambda content: b'{"schema":1,"kind":"pieces","library":3,"sequence_length":8,"padding_id":0,"cleaning":"plain","prefix":""}',
    ],
)
def test_a_damaged_file_is_one_clear_line(change, small, tmp_path):
    path = tmp_path / "tokenizer.json"
    small["bert"].save(path)
    content = change(path.read_bytes())
    assert content != path.read_bytes()
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        PieceTokenizer.load(path, "run the first stage")
    assert "tokenizer.json" in str(caught.value) and "run the first stage" in str(caught.value)


def test_a_missing_file_is_one_clear_line(tmp_path):
    with pytest.raises(UserError, match=r"none\.json is missing -> run the first stage"):
        PieceTokenizer.load(tmp_path / "none.json", "run the first stage")


# A smaller vocabulary


def frequent(tokenizer: PieceTokenizer, most: int) -> list[int]:
    """Rising ids: special ones, letters, and the most frequent pieces of the sentences."""
    counts = np.bincount(tokenizer.encode(sentences()[:2000]).ravel(), minlength=tokenizer.vocabulary_size)
    needed = tokenizer.special_ids | {number for piece, number in tokenizer.vocabulary.items() if len(piece.removeprefix("##")) == 1}
    others = [int(number) for number in np.argsort(-counts, kind="stable") if number not in needed]
    return sorted([*needed, *others[: most - len(needed)]])


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_vocabulary_reads_every_text_with_ids_in_range(kind, small):
    tokenizer = small[kind]
    kept = frequent(tokenizer, 250)
    cut = cut_vocabulary(tokenizer, kept)
    assert cut.vocabulary_size == len(kept) == 250 and tokenizer.vocabulary_size >= PIECES  # the first is as it was
    assert cut.vocabulary == {piece: kept.index(old) for piece, old in tokenizer.vocabulary.items() if old in kept}
    texts = [*sentences()[:500], *ODD]
    ids, before = cut.encode(texts), tokenizer.encode(texts)
    lengths, lengths_before = cut.lengths(texts), tokenizer.lengths(texts)
    assert ids.min() >= 0 and ids.max() < 250
    same = np.isin(before, kept).all(axis=1) & (lengths_before <= 24)
    if kind == "bert":  # WordPiece takes the longest piece from the left: a text whose pieces are all kept reads as before
        assert same.sum() > 3
        np.testing.assert_array_equal(np.array(kept)[ids[same]], before[same])
    unknown = (np.array(kept)[ids] == tokenizer.unknown_id).sum(), (before == tokenizer.unknown_id).sum()
    assert unknown[0] <= unknown[1]  # letters stay, so that no word becomes unknown
    assert (lengths >= lengths_before).all() and lengths.sum() > lengths_before.sum()
    begin, end = tokenizer.encode([""])[0, :2]
    assert np.array(kept)[cut.encode([""])[0]].tolist() == [begin, end] + [tokenizer.padding_id] * 22


@pytest.mark.parametrize("kind", KINDS)
def test_a_vocabulary_of_all_pieces_changes_nothing(kind, small):
    tokenizer = small[kind]
    assert cut_vocabulary(tokenizer, range(tokenizer.vocabulary_size)) == tokenizer


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_vocabulary_goes_through_its_file(kind, small, tmp_path):
    cut = cut_vocabulary(small[kind], np.array(frequent(small[kind], 200)))
    cut.save(tmp_path / "tokenizer.json")
    loaded = PieceTokenizer.load(tmp_path / "tokenizer.json", "")
    np.testing.assert_array_equal(loaded.encode(sentences()[:300]), cut.encode(sentences()[:300]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_that_cannot_work_is_refused(kind, small):
    tokenizer = small[kind]
    kept = frequent(tokenizer, 200)
    for special in tokenizer.special_ids:
        with pytest.raises(UserError, match="special pieces"):
            cut_vocabulary(tokenizer, [old for old in kept if old != special])
    with pytest.raises(UserError, match="repeated or unknown"):
        cut_vocabulary(tokenizer, [*kept, kept[-1]])
    with pytest.raises(UserError, match="repeated or unknown"):
        cut_vocabulary(tokenizer, [*kept, 10_000])


def test_a_piece_outside_the_model_must_come_last(small):
    tokenizer = small["xlm-roberta"]  # whose <mask> the library numbers after the model's own pieces
    kept = frequent(tokenizer, 200)
    assert kept[-1] == PIECES
    with pytest.raises(UserError, match="rising order"):
        cut_vocabulary(tokenizer, [kept[-1], *kept[:-1]])


def test_pairs_of_bytes_are_not_cut():
    pairs = tokenizers.Tokenizer(tokenizers.models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")]))
    with pytest.raises(UserError, match="kind BPE"):
        cut_vocabulary(PieceTokenizer(json.loads(pairs.to_str()), 8, 0), [0, 1])


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_of_100_000_words_is_cut_quickly(kind, small):
    tokenizer, words = small[kind], " ".join(sentences()).split()[:100_000]
    assert len(words) == 100_000
    start = time.process_time()
    ids = tokenizer.encode([" ".join(words), "a" * 100_000])
    assert time.process_time() - start < 8
    np.testing.assert_array_equal(ids[0], tokenizer.encode([" ".join(words[:40])])[0])
