"""How an encoder's tokenizer sees characters, as data for `demo/source/pieces.js`; asked of the `tokenizers` library itself.

The page reads the vocabulary and the map of characters from the encoder's own `tokenizer.json`. What that file leaves to the
library's version of Unicode stands here: which characters are deleted, become others, end a word, or belong together.
"""

from __future__ import annotations

import functools
import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sentipress.browser.charsmap import charsmap
from sentipress.browser.rules import character_class, character_classes
from sentipress.core.errors import UserError
from sentipress.data.cleaning import CONTROL, PLAIN, character_ranges
from sentipress.text.pieces import INSTALL, PieceTokenizer

POINTS = tuple(point for point in range(0x110000) if not 0xD800 <= point < 0xE000)  # all characters that UTF-8 has
CHARACTERS = tuple(map(chr, POINTS))
HANGUL = (0xAC00, 0xD7A3)  # syllables that fall apart by a rule
BAR = "|"  # stands between characters that are asked about at once: it is no letter, and no normalizer changes it
MARK = "\u0301"  # an accent, which belongs to the character before it
ACCENT_BELOW_OTHERS = "\u0334"  # of combining class 1: comes first where accents are put in order
BEGINS_MARKUP = "A-Za-z/!"  # what stands behind a tag's "<"
REMEDY = "leave this encoder out of the page"


class TokenizerError(UserError):
    """A tokenizer that the page does not know."""


def reading(tokenizer: PieceTokenizer) -> dict[str, Any]:
    """What the page needs besides the content of `tokenizer.json`.

    Returns:
        Keys `begin` and `end` (special ids around a text), `space` (a character class), and for WordPiece `punctuation` and
        `normalizer` (what becomes of each character), for Unigram `graphemes` (which characters belong together).

    Raises:
        TokenizerError: the tokenizer has a part that the page does not know.
    """
    library = tokenizer.library
    _check(library)
    plain = PieceTokenizer({**library, "post_processor": None}, tokenizer.sequence_length, tokenizer.padding_id)
    whole, inner = ([int(number) for number in one.encode(["a"])[0]] for one in (tokenizer_without_prefix(tokenizer), plain))
    whole, inner = ([number for number in ids if number != tokenizer.padding_id] for ids in (whole, inner))
    start = next(place for place in range(len(whole)) if whole[place : place + len(inner)] == inner)
    words = word_characters()
    shared = {"begin": whole[:start], "end": whole[start + len(inner) :], "space": words["space"]}
    if tokenizer.kind == "WordPiece":
        return shared | {"punctuation": words["punctuation"], "normalizer": character_table(library["normalizer"])}
    return shared | {"graphemes": dict(graphemes())}


def tokenizer_without_prefix(tokenizer: PieceTokenizer) -> PieceTokenizer:
    """The same tokenizer for texts that nothing stands in front of."""
    return PieceTokenizer(tokenizer.library, tokenizer.sequence_length, tokenizer.padding_id, tokenizer.cleaning)


def _check(library: Mapping[str, Any]) -> None:
    kind = library["model"]["type"]
    if kind not in ("WordPiece", "Unigram"):
        raise TokenizerError(f"the page does not read tokenizers of the kind {kind}", REMEDY)
    if library["model"].get("byte_fallback"):
        raise TokenizerError("the page does not read tokenizers that fall back to bytes", REMEDY)
    known = {
        "normalizer": {"WordPiece": ("BertNormalizer",), "Unigram": ("Precompiled", "NFKC", "Replace")}[kind],
        "pre_tokenizer": {"WordPiece": ("BertPreTokenizer",), "Unigram": ("WhitespaceSplit", "Metaspace")}[kind],
    }
    for name, types in known.items():
        for part in parts(library.get(name)):
            if part["type"] not in types:
                raise TokenizerError(f"the page does not know the {name.replace('_', '-')} {part['type']} of a {kind} tokenizer", REMEDY)
    if not parts(library.get("pre_tokenizer")):
        raise TokenizerError("the page does not read tokenizers that leave a text in one part", REMEDY)
    for token in library["added_tokens"]:
        if token["normalized"] or token["single_word"]:
            raise TokenizerError(f"the page does not know added pieces like {token['content']}: whole words, or normalized ones", REMEDY)


def parts(part: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """A normalizer or pre-tokenizer of `tokenizer.json` as a list; a sequence is taken apart."""
    if part is None:
        return []
    if part["type"] != "Sequence":
        return [part]
    return [inner for each in part.get("normalizers", part.get("pretokenizers", [])) for inner in parts(each)]


def _library() -> Any:
    try:
        import tokenizers
    except ModuleNotFoundError:
        raise UserError("the package tokenizers is not installed", INSTALL) from None
    return tokenizers


def _class(characters: Iterable[str]) -> str:
    return character_class(character_ranges(tuple(map(ord, characters))))


def _asked(function: Callable[[str], str], characters: Sequence[str], around: str = "{}", between: str = BAR) -> Iterator[str]:
    """What a normalizer makes of each character, asked about all of them at once."""
    found = function(between.join(around.format(character) for character in characters)).split(between)
    if len(found) != len(characters):
        raise ValueError(f"{len(found)} answers for {len(characters)} characters")
    return iter(found)


def character_table(normalizer: Mapping[str, Any]) -> dict[str, Any]:
    """What BERT's normalizer makes of each character.

    Returns:
        Character classes `control` and `accents` (deleted), `blank` (become a space), `apart` (get a space on both sides),
        `hangul` (fall apart by Unicode's rule) and `reordered` (accents that stay, and are put in order with others), and
        `pairs`, from a character to what becomes of it.
    """
    return json.loads(_character_table(json.dumps(normalizer)))


@functools.cache
def _character_table(normalizer: str) -> str:
    library = _library()

    def normalized(**changes: Any) -> Callable[[str], str]:
        config = {**json.loads(normalizer), **changes}
        names = ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase")
        one = library.normalizers.BertNormalizer(**{name: config[name] for name in names})
        return one.normalize_str

    some = [character for character in CHARACTERS if character != BAR]
    uncleaned = dict(zip(some, _asked(normalized(clean_text=False), some), strict=True))
    classes: dict[str, list[str]] = {name: [] for name in ("control", "accents", "blank", "apart", "hangul", "kept")}
    pairs: dict[str, str] = {}
    for character, found in zip(some, _asked(normalized(), some), strict=True):
        if not found:
            classes["control" if uncleaned[character] else "accents"].append(character)
        elif found == " " != character:
            classes["blank"].append(character)
        elif found == f" {character} ":
            classes["apart"].append(character)
        elif HANGUL[0] <= ord(character) <= HANGUL[1] and found == unicodedata.normalize("NFD", character) != character:
            classes["hangul"].append(character)
        elif found == character:
            classes["kept"].append(character)
        else:
            pairs[character] = found
    # Accents that stay: a spacing mark is one, if another goes before it.
    kept, decomposed = classes.pop("kept"), library.normalizers.NFD().normalize_str
    turned = _asked(decomposed, kept, "{}" + ACCENT_BELOW_OTHERS)
    strips = uncleaned[MARK] == ""
    reordered = [character for character, found in zip(kept, turned, strict=True) if strips and found[0] == ACCENT_BELOW_OTHERS]
    names = {name: _class(members) for name, members in classes.items()}
    return json.dumps({**names, "reordered": _class(reordered), "pairs": pairs})


@functools.cache
def word_characters() -> dict[str, str]:
    """Character classes of BERT's pre-tokenizer: `space` divides words, `punctuation` is a word of its own."""
    split = _library().pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    found: dict[str, list[str]] = {"space": [], "punctuation": []}
    block = 1 << 15
    for first in range(0, len(CHARACTERS), block):
        some = CHARACTERS[first : first + block]
        # Four characters each: where a part begins tells what the second of them is.
        begun = {start for _, (start, _) in split(" ".join(f"a{character}a" for character in some))}
        for place, character in enumerate(some):
            if 4 * place + 1 in begun:
                found["punctuation"].append(character)
            elif 4 * place + 2 in begun:
                found["space"].append(character)
    return {name: _class(members) for name, members in found.items()}


@functools.cache
def graphemes() -> Mapping[str, str]:
    """Character classes by which the map of characters (`Precompiled`) cuts a text: `attached`, `prepended`, `isolated`.

    An attached character belongs to the one before it, a prepended one to the one after it, an isolated one to none. The map
    looks up a group of up to five bytes by its first key and drops the rest, so the answers of a small map show the groups.
    """
    small = _library().normalizers.Precompiled(charsmap({"a": "b", MARK: "z"})).normalize_str
    some = [character for character in CHARACTERS if character != "\n"]  # a line's end belongs to no other character
    found: dict[str, list[str]] = {"attached": [], "prepended": [], "isolated": ["\n"]}
    asked = (_asked(small, some, around, "\n") for around in ("a{}", "{}a" + MARK, "{}" + 2 * MARK))
    for character, after, before, alone in zip(some, *asked, strict=True):
        if after == "b":
            found["attached"].append(character)
        elif before.endswith("bz"):
            found["prepended"].append(character)
        elif alone.endswith("z") and not alone.endswith("zz"):
            found["isolated"].append(character)
    return {name: _class(sorted(members)) for name, members in found.items()}


def cleaning_steps() -> dict[str, Any]:
    """The recipe `plain` of `sentipress.data.cleaning` as steps that `cleaning.js` carries out in order."""
    classes = {"space": character_classes()["space"], "control": _class(filter(CONTROL.match, map(chr, range(0x110000))))}
    steps = [
        {"do": "replace", "pattern": "[{control}]", "by": " "},
        {"do": "drop_markup", "begins": BEGINS_MARKUP, "by": " "},
        {"do": "strip_words", "characters": ""},  # words with one space between
    ]
    return {"recipe": PLAIN, "steps": steps, "classes": classes}


def described(tokenizer: PieceTokenizer) -> dict[str, Any]:
    """What `demo/source/pieces.js` needs of a tokenizer besides the content of the library's `tokenizer.json`.

    Raises:
        TokenizerError: the tokenizer has a part that the page does not know.
    """
    return {
        "sequence_length": tokenizer.sequence_length,
        "padding_id": tokenizer.padding_id,
        "prefix": tokenizer.prefix,
        "cleaning": cleaning_steps(),
        **reading(tokenizer),
    }
