"""From a raw review to the text that a model sees."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from sentipress.core.errors import UserError

NLTK_DATA = Path(__file__).parent / "nltk_data"  # The corpus travels with the project: no download at run time.

RECIPES = ("default", "thesis")

_HTML = re.compile(r"<.*?>")
_NOT_WORD = re.compile(r"[^\w']")
_SPACES = re.compile(r" +")
_TAG = re.compile(r"<[^<>]*>")
_NOT_WORDS = re.compile(r"[^\w']+")
_NOT_ASCII_WORDS = {code: " " for code in range(128) if _NOT_WORDS.match(chr(code))}


@functools.cache
def stopwords() -> frozenset[str]:
    """The English list of NLTK's stopword corpus (198 words), loaded through NLTK's own reader."""
    import nltk

    # First in NLTK's search path: the same list on every machine, whatever corpora its user has downloaded.
    if str(NLTK_DATA) not in nltk.data.path:
        nltk.data.path.insert(0, str(NLTK_DATA))
    return frozenset(nltk.corpus.stopwords.words("english"))


def clean_thesis(text: str) -> str:
    """The study's recipe (seed study A, step 1), kept as it was, errors included.

    Lower case; stopwords removed first, from whitespace-separated words, so that negation goes and a word with
    punctuation stays; then HTML tags deleted (their neighbours run together; newlines and tabs are gone already),
    everything but letters, digits, `_` and apostrophes to a space, spaces squeezed.
    """
    listed = stopwords()
    text = " ".join(word for word in text.lower().split() if word not in listed)
    text = _HTML.sub("", text)
    return _SPACES.sub(" ", _NOT_WORD.sub(" ", text)).strip()


def clean_default(text: str) -> str:
    """Lower case, tags to spaces, words of letters, digits and inner apostrophes; every word stays, negation too.

    Idempotent: cleaning a cleaned text changes nothing.
    """
    text = _TAG.sub(" ", text.lower())
    # The same twice: most reviews are ASCII, for which a table takes an eighth of the expression's time.
    text = text.translate(_NOT_ASCII_WORDS) if text.isascii() else _NOT_WORDS.sub(" ", text)
    return " ".join([word for part in text.split() if (word := part.strip("'_"))])


def clean(text: str, recipe: str) -> str:
    """Clean one review by a recipe of `RECIPES`."""
    if recipe == "thesis":
        return clean_thesis(text)
    if recipe == "default":
        return clean_default(text)
    raise UserError(f"unknown cleaning recipe {recipe!r}", f"use one of {', '.join(RECIPES)}")
