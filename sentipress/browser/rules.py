"""How Python reads a text, as data for the page: steps of cleaning, character classes, lower case, ids; and golden vectors of it."""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sentipress.core.errors import UserError
from sentipress.data import cleaning
from sentipress.data.task import KNOWN_SHARE
from sentipress.text.tokenizer import OOV_ID, PADDING_ID, Tokenizer

_CLASS = re.compile(r"\{([a-z]+)\}")  # a character class by its name, inside a pattern
# What is the same for every vocabulary of words; the separators stand beside whitespace, see `sentipress.text.tokenizer.text_words`.
TOKENS = {"padding_id": PADDING_ID, "oov_id": OOV_ID, "first_word_id": OOV_ID + 1, "separators": "_"}


def character_class(ranges: Iterable[tuple[int, int]]) -> str:
    r"""Ranges of code points as the inside of a character class of a JavaScript regular expression (flag u): `0-9A-Z_\u{aa}`."""

    def shown(point: int) -> str:
        character = chr(point)
        return character if character.isascii() and (character.isalnum() or character in "_'") else f"\\u{{{point:x}}}"

    return "".join(shown(first) + (f"-{shown(last)}" if last > first else "") for first, last in ranges)


def _class_of(holds: Callable[[str], object]) -> str:
    """Class of the characters of which a function says yes."""
    return character_class(cleaning.character_ranges(tuple(point for point in range(0x110000) if holds(chr(point)))))


@functools.cache
def character_classes() -> dict[str, str]:
    r"""Python's `\w` and `\s`, accents, scripts without spaces; asked of Python itself, so of its version of Unicode."""
    return {
        "word": _class_of(re.compile(r"\w").match),
        "space": _class_of(str.isspace),
        "marks": character_class(cleaning.character_ranges(cleaning.accents())),
        "unspaced": character_class(cleaning.UNSPACED),
    }


@functools.cache
def lower_case() -> dict[str, str]:
    """`str.lower` as data: a character and what becomes of it, in turn, and what decides between the two small sigmas.

    A sigma is a final one where a cased character stands before it and none after it. Python looks past ignorable
    characters on both sides.
    """

    def is_final(after: str) -> bool:
        return f"a\N{GREEK CAPITAL LETTER SIGMA}{after}".lower()[1] == "\N{GREEK SMALL LETTER FINAL SIGMA}"

    changed = [(chr(point), chr(point).lower()) for point in range(0x110000) if chr(point).lower() != chr(point)]
    return {
        "pairs": " ".join(itertools.chain.from_iterable(changed)),
        "sigma": "\N{GREEK CAPITAL LETTER SIGMA}",
        "final_sigma": "\N{GREEK SMALL LETTER FINAL SIGMA}",
        "cased": _class_of(lambda character: not is_final(character + "1")),
        "ignorable": _class_of(lambda character: is_final(character + "1") and not is_final(character + "a")),
    }


def steps(recipe: str) -> list[dict[str, Any]]:
    """A recipe of words of `sentipress.data.cleaning` as steps that `tokenizer.js` carries out in order.

    A name in braces inside a pattern stands for the members of a class of `character_classes`.

    Raises:
        UserError: the recipe is unknown, or one of pieces.
    """
    lower = {"do": "lower"}
    unspaced = {"do": "surround", "pattern": "[{unspaced}][{marks}]*", "by": " "}
    if recipe == "thesis":
        return [
            lower,
            {"do": "drop_words", "words": sorted(cleaning.stopwords())},
            {"do": "delete_between", "open": "<", "close": ">"},  # `<.*?>`: no line end is left by now that could stop the dot
            _replace(cleaning.NOT_WORD, " "),
        ]
    if recipe == "default":
        return [
            lower,
            _replace(cleaning.TAG, " "),
            {"do": "replace", "pattern": "[^{word}{marks}']+", "by": " "},
            unspaced,
            {"do": "strip_words", "characters": "'_"},
        ]
    if recipe == "posts":
        return [
            lower,
            _replace(cleaning.MARKUP, " "),
            _replace(cleaning.SELECTORS, ""),
            {"do": "surround", "pattern": r"([^{word}{marks}{space}'])\1*", "by": " ", "longest": cleaning.LONGEST_RUN},
            unspaced,
            {"do": "strip_words", "characters": "'_", "longest": cleaning.PREFIX},
        ]
    raise UserError(f"unknown cleaning recipe {recipe!r}", f"use one of {', '.join(cleaning.WORD_RECIPES)}")


def _replace(pattern: re.Pattern[str], by: str) -> dict[str, Any]:
    return {"do": "replace", "pattern": pattern.pattern.replace(r"\w", "{word}"), "by": by}


def recipe_rules(recipe: str) -> dict[str, Any]:
    """A cleaning recipe for the page: its steps, and the character classes that they name.

    Raises:
        UserError: the recipe is unknown, or one of pieces.
    """
    found = steps(recipe)
    used = {"space", *itertools.chain.from_iterable(_CLASS.findall(step.get("pattern", "")) for step in found)}
    return {"steps": found, "classes": {name: members for name, members in character_classes().items() if name in used}}


def common(recipes: Iterable[str]) -> dict[str, Any]:
    """What all models share: the least share of known words, how texts of these recipes are cleaned, the numbers of ids.

    Raises:
        UserError: a recipe is unknown.
    """
    return {
        "known_share": KNOWN_SHARE,  # of a text's words: below it there is no label
        "cleaning": {"recipes": {recipe: recipe_rules(recipe) for recipe in recipes}, "lower": lower_case()},
        "tokens": TOKENS,
    }


def vocabulary(tokenizer: Tokenizer) -> dict[str, Any]:
    """A vocabulary for the page, and how long a text may be."""
    return {
        "sequence_length": tokenizer.sequence_length,
        "padding": tokenizer.padding,
        "truncating": tokenizer.truncating,
        "words": list(tokenizer.words),
    }


def reading(tokenizer: Tokenizer, labels: Sequence[str]) -> dict[str, Any]:
    """All that the page's scripts know of one model before they ask it; on the page it is put together from metadata.json."""
    return {
        "labels": list(labels),
        "known_share": KNOWN_SHARE,
        "cleaning": {"recipe": tokenizer.cleaning, **recipe_rules(tokenizer.cleaning), "lower": lower_case()},
        "tokenizer": {**TOKENS, **vocabulary(tokenizer)},
    }


def compact(content: Any) -> str:
    r"""JSON without spaces; a lone surrogate, which UTF-8 cannot hold, leaves all of it in `\u` escapes."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text if _encodes(text) else json.dumps(content, allow_nan=False, separators=(",", ":"))


def _encodes(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def vectors(tokenizer: Tokenizer, texts: Sequence[str]) -> dict[str, Any]:
    """Golden vectors: texts, the ids that Python gives them (whole rows, padding included), and the shares of known words."""
    cleaned = [cleaning.clean(text, tokenizer.cleaning) for text in texts]
    shares = [tokenizer.known_share(text) for text in cleaned]
    return {"texts": list(texts), "ids": tokenizer.encode(cleaned).tolist(), "known_share": shares}
