"""The page's tokenizer of encoders: JavaScript's ids against Python's, the map of characters, what is refused."""

import importlib.util
import random
import shutil
import unicodedata
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("tokenizers", reason="needs the encoder's packages: pip install -r requirements-encoder.txt")

import encoders

from sentipress.browser import piece_rules
from sentipress.browser.charsmap import charsmap
from sentipress.core.errors import UserError
from sentipress.data import cleaning, sources
from sentipress.text.pieces import PieceTokenizer

ROOT = Path(__file__).resolve().parent.parent
NODE = shutil.which("node")
MAPPED = {
    **{chr(point): unicodedata.normalize("NFKC", chr(point)) for point in (*range(0xA0, 0x250), *range(0xFF01, 0xFF5F), 0x3300, 0x2460)},
    **{letter + "\u0301": unicodedata.normalize("NFC", letter + "\u0301") for letter in "aeiouAEIOU"},
    "\u200b": " ",
    "\u3000": " ",
    "\ufeff": "",
}


def script() -> ModuleType:
    """demo/pieces_check.py."""
    spec = importlib.util.spec_from_file_location("pieces_check", ROOT / "demo" / "pieces_check.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def library(kind: str) -> dict:
    """Content of a small tokenizer.json: WordPiece, Unigram with NFKC, or Unigram with a map of characters."""
    import base64
    import json

    content = json.loads((encoders.word_pieces() if kind == "WordPiece" else encoders.unigram_pieces()).to_str())
    if kind != "WordPiece":
        # Scores that add up without rounding: ways that are equally likely stay so, whatever reads the numbers.
        content["model"]["vocab"] = [[piece, round(score * 1024) / 1024] for piece, score in content["model"]["vocab"]]
    if kind == "map":
        changed = {key: value for key, value in MAPPED.items() if key != value}
        mapped = {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap(changed)).decode()}
        content["normalizer"] = {"type": "Sequence", "normalizers": [mapped, *content["normalizer"]["normalizers"][1:]]}
    return content


@pytest.mark.skipif(NODE is None, reason="needs Node.js")
@pytest.mark.parametrize("kind", ["WordPiece", "NFKC", "map"])
def test_ids_and_known_shares_are_pythons(kind):
    check = script()
    prefix = "" if kind == "WordPiece" else "query: "
    tokenizer = PieceTokenizer(library(kind), 48, 0 if kind == "WordPiece" else 1, prefix=prefix)
    raw = [*encoders.sentences()[:300], *sources.read_bundled()["review"].sample(100, random_state=2), *check.fuzzed(600, seed=5), ""]
    cleaned = [cleaning.clean(text, "plain") for text in raw]
    (answers,) = check.by_javascript(tokenizer, piece_rules.described(tokenizer), [(raw, raw)])
    assert [ids for _, _, ids in answers["raw"]] == check.python_rows(tokenizer, cleaned)
    assert [ids for ids, _, _ in answers["raw"]] == check.python_rows(tokenizer, cleaned)
    assert answers["cleaned"] == check.python_rows(tokenizer, raw)
    shares = [tokenizer.known_share(text) for text in cleaned]
    assert [share for _, share, _ in answers["raw"]] == shares and len(set(shares)) > 20


def test_the_library_reads_a_map_of_characters_as_it_was_written():
    from tokenizers import normalizers

    one = normalizers.Precompiled(charsmap(MAPPED))
    for key, value in MAPPED.items():
        assert one.normalize_str(f"|{key}|") == f"|{value}|", ascii(key)
    assert one.normalize_str("plain") == "plain"


def test_what_becomes_of_a_character_is_what_the_library_makes_of_it():
    from tokenizers import normalizers

    config = {"clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True}
    table, one = piece_rules.character_table({"type": "BertNormalizer", **config}), normalizers.BertNormalizer(**config)
    assert table["pairs"]["É"] == one.normalize_str("É") == "e"
    chance = random.Random(1)
    for character in chance.sample(list(table["pairs"]), 200):
        assert table["pairs"][character] == one.normalize_str(character)
    cased = piece_rules.character_table({"type": "BertNormalizer", **config, "lowercase": False})
    assert "É" not in cased["pairs"] and cased["accents"] == "" != table["accents"]


def test_the_cleaning_of_the_page_is_the_recipe():
    steps = piece_rules.cleaning_steps()
    assert steps["recipe"] == cleaning.PLAIN
    begins = {character for character in map(chr, range(0x250)) if cleaning.clean_plain(f"a<{character}>b") == "a b"}
    import re

    assert begins == set(re.findall(f"[{piece_rules.BEGINS_MARKUP}]", "".join(map(chr, range(0x250)))))


@pytest.mark.parametrize(
    ("part", "changes", "message"),
    [
        ("model", {"type": "BPE"}, "of the kind BPE"),
        ("normalizer", {"type": "Lowercase"}, "normalizer Lowercase"),
        ("pre_tokenizer", {"type": "Whitespace"}, "pre-tokenizer Whitespace"),
    ],
)
def test_a_part_that_the_page_does_not_know_is_refused(part, changes, message):
    content = library("WordPiece")
    with pytest.raises(UserError, match=message):
        piece_rules._check({**content, part: {**content[part], **changes}})


def test_added_pieces_that_ask_for_more_are_refused():
    content = library("WordPiece")
    content["added_tokens"][0]["single_word"] = True
    with pytest.raises(UserError, match=r"added pieces like \[PAD\]"):
        piece_rules._check(content)


def test_the_control_knows_whole_words_alone():
    check, tokenizer = script(), PieceTokenizer(library("WordPiece"), 16, 0)
    rows = check.control_rows(tokenizer, piece_rules.described(tokenizer), ["The film.", "the film"])
    assert rows[0][1] == rows[1][1] == tokenizer.vocabulary["the"] and rows[0][2] == tokenizer.unknown_id
    assert check.wrong_ids([[1, 2, 3]], [[1, 5, 3, 4]]) == 0.5
    assert check.python_rows(tokenizer, ["the"]) == [[int(one) for one in np.trim_zeros(tokenizer.encode(["the"])[0])]]
