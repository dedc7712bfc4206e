"""From a raw text to the text that a model sees."""

from __future__ import annotations

import functools
import re
import unicodedata
from pathlib import Path

from sentipress.core.errors import UserError

NLTK_DATA = Path(__file__).parent / "nltk_data"  # The corpus travels with the project: no download at run time.

WORD_RECIPES = ("default", "thesis", "posts")  # to words with spaces between, for a vocabulary of words
PLAIN = "plain"  # for the tokenizer of a pretrained encoder
RECIPES = (*WORD_RECIPES, PLAIN)
PREFIX = 6  # letters of a word that "posts" keeps: fixed-prefix stemming, for languages whose words change at their ends
LONGEST_RUN = 3  # of one mark: ")))" and "))))))" become the same word
# Scripts without spaces between words: Thai, Lao, Myanmar, Khmer, kana, Han. Each of their characters is a word.
UNSPACED = (
    *((0x0E01, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3041, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF)),
    *((0xF900, 0xFAFF), (0x20000, 0x2FA1F)),
)

HTML = re.compile(r"<.*?>")
NOT_WORD = re.compile(r"[^\w']")
TAG = re.compile(r"<[^<>]*>")
MARKUP = re.compile(r"<[a-z/!][^<>]*>")  # where "<" may be a mark of its own, as in "<3"
_BEGINS_MARKUP = re.compile(r"<[A-Za-z/!]")
_BRACKETS = re.compile(r"[<>]")
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # and halves of a surrogate pair, which UTF-8 does not have
SELECTORS = re.compile("[\ufe00-\ufe0f\u200d]")  # they choose or join an emoji's form
_SPACES = re.compile(r" +")
_WORDS = re.compile(r"[^\W_]+")  # recipes strip `_` from the ends of words
_APART = re.compile(r"\s+(?=n't\b)")  # tokenized corpora, SST-2 among them, write "does n't"
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
# Of each byte of UTF-8: what `clean_default` makes of it outside a tag, but for `'` and `_` at the ends of words.
_DEFAULT_TABLE = bytes(ord(chr(code).lower()) if re.match(r"[\w']", chr(code)) else ord(" ") for code in range(128))
_DEFAULT_TABLE += bytes(range(128, 256))
_NOT_ASCII_WORDS = {code: " " for code in range(128) if not re.match(r"[\w']", chr(code))}


@functools.cache
def accents() -> tuple[int, ...]:
    r"""Code points that belong to the letter before them: accents, the vowel signs of Indic scripts. Not in Python's `\w`.

    The selectors of an emoji's form (U+FE00 to U+FE0F) are left out: they are no part of a word.
    """
    return tuple(p for p in range(0x300, 0x20000) if unicodedata.category(chr(p))[0] == "M" and not 0xFE00 <= p <= 0xFE0F)


def character_ranges(points: tuple[int, ...]) -> list[tuple[int, int]]:
    """First and last code point of each run of neighbours in a rising sequence."""
    ranges: list[tuple[int, int]] = []
    for point in points:
        if ranges and ranges[-1][1] == point - 1:
            ranges[-1] = (ranges[-1][0], point)
        else:
            ranges.append((point, point))
    return ranges


@functools.cache
def _patterns() -> dict[str, re.Pattern[str]]:
    """Patterns for texts beyond ASCII, compiled when the first such text comes."""

    def inside(ranges: list[tuple[int, int]] | tuple[tuple[int, int], ...]) -> str:
        return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)

    marks = inside(character_ranges(accents()))
    return {
        "not words": re.compile(rf"[^\w{marks}']+"),
        "unspaced": re.compile(rf"[{inside(UNSPACED)}][{marks}]*"),
        "run": re.compile(rf"([^\w{marks}\s'])\1*"),
    }


@functools.cache
def stopwords() -> frozenset[str]:
    """The English list of NLTK's stopword corpus (198 words), loaded through NLTK's own reader.

    Raises:
        UserError: NLTK is not installed.
    """
    try:
        import nltk
    except ModuleNotFoundError:
        raise UserError("the package nltk is not installed, which the recipe 'thesis' needs", "pip install -r requirements.txt") from None

    # First in NLTK's search path: the same list on every machine, whatever corpora its user has downloaded.
    if str(NLTK_DATA) not in nltk.data.path:
        nltk.data.path.insert(0, str(NLTK_DATA))
    return frozenset(nltk.corpus.stopwords.words("english"))


def clean_thesis(text: str) -> str:
    """The study's recipe (seed study A, step 1), kept as it was, errors included.

    Lower case. Stopwords are removed first, from words between spaces: negation goes, a word with punctuation stays.
    Then HTML tags are deleted, so that their neighbours run together. Everything but letters, digits, `_` and
    apostrophes becomes a space.
    """
    listed = stopwords()
    text = " ".join(word for word in text.lower().split() if word not in listed)
    text = HTML.sub("", text)
    return _SPACES.sub(" ", NOT_WORD.sub(" ", text)).strip()


def clean_default(text: str) -> str:
    """Lower case, tags to spaces, words of letters, digits and inner apostrophes. Every word stays, negation too.

    A character of a script without spaces is a word of its own. Cleaning a cleaned text changes nothing.
    """
    text = TAG.sub(" ", text.lower())
    if text.isascii():  # most reviews: a table takes an eighth of the expression's time
        text = text.translate(_NOT_ASCII_WORDS)
    else:
        text = _patterns()["unspaced"].sub(r" \g<0> ", _patterns()["not words"].sub(" ", text))
    return " ".join([word for part in text.split() if (word := part.strip("'_"))])


def default_words(text: str) -> list[str]:
    """Words of what `clean_default` makes of a text, parted at `_` as well; several times as fast as the two steps.

    In most texts no apostrophe stands beside another one, and there is no `_`. Then the apostrophes at the ends of words are
    those beside a space.
    """
    lowered = text if text.isascii() else text.lower()  # the table has the lower case of ASCII
    if "<" in lowered:
        lowered = TAG.sub(" ", lowered)
    if not lowered.isascii():
        lowered = _BEYOND_ASCII.sub(lambda run: _words_beyond_ascii(run[0]), lowered)
    if "''" in lowered or "_" in lowered:
        return clean_default(text).replace("_", " ").split()
    lowered = f" {lowered} ".encode().translate(_DEFAULT_TABLE).decode()
    return (lowered.replace("' ", " ").replace(" '", " ") if "'" in lowered else lowered).split()


@functools.lru_cache(maxsize=1 << 14)
def _words_beyond_ascii(run: str) -> str:
    """A run of characters beyond ASCII as `clean_default` leaves it; none of what it does there looks at ASCII beside it."""
    return _patterns()["unspaced"].sub(r" \g<0> ", _patterns()["not words"].sub(" ", run))


def clean_posts(text: str) -> str:
    """For short posts in a language whose words change at their ends: smileys stay, words are cut to their first letters.

    Like `clean_default`, but marks are words as well: ")))", "!", an emoji; of equal marks in a row at most three are
    kept. Words are cut to 6 letters. Cutting words to a fixed prefix is a plain stemmer that needs no dictionary: Can et
    al., "Information retrieval on Turkish texts" (JASIST 2008), section 4.1.
    """
    text = SELECTORS.sub("", MARKUP.sub(" ", text.lower()))
    text = _patterns()["run"].sub(lambda run: f" {run[0][:LONGEST_RUN]} ", text)
    text = _patterns()["unspaced"].sub(r" \g<0> ", text)
    # An apostrophe or `_` at a word's end may be what is left of a longer word: cut first.
    return " ".join([word for part in text.split() if (word := part.strip("'_")[:PREFIX].strip("'_"))])


def clean_plain(text: str) -> str:
    """For the tokenizer of a pretrained encoder, which knows case, punctuation, accents and emoji: all of them stay.

    Tags (`MARKUP`, in capitals too) and control characters become spaces, runs of whitespace one space. Cleaning a cleaned
    text changes nothing.
    """
    return " ".join(_without_markup(CONTROL.sub(" ", text)).split())


def _without_markup(text: str) -> str:
    """Put a space in the place of each tag, until none is left: "<a<b>c>" is one once "<b>" is gone. In linear time."""
    opened: list[int] = []
    tags: list[tuple[int, int]] = []
    for mark in _BRACKETS.finditer(text):
        if mark[0] == "<":
            opened.append(mark.start())
        elif opened and _BEGINS_MARKUP.match(text, opened[-1]):
            start = opened.pop()
            while tags and tags[-1][0] > start:
                tags.pop()
            tags.append((start, mark.end()))
        else:  # this ">" stays, and no tag goes beyond it
            opened.clear()
    if not tags:
        return text
    ends, starts = [0, *(end for _, end in tags)], [*(start for start, _ in tags), len(text)]
    return " ".join([text[end:start] for end, start in zip(ends, starts, strict=True)])


def clean(text: str, recipe: str) -> str:
    """Clean one text by a recipe of `RECIPES`."""
    if recipe == "thesis":
        return clean_thesis(text)
    if recipe == "default":
        return clean_default(text)
    if recipe == "posts":
        return clean_posts(text)
    if recipe == PLAIN:
        return clean_plain(text)
    raise UserError(f"unknown cleaning recipe {recipe!r}", f"use one of {', '.join(RECIPES)}")


def check_recipe(recipe: str) -> None:
    """Do what cleaning by a recipe does at the first text: load its word list, compile its patterns.

    Raises:
        UserError: the recipe is unknown, or a package that it needs is not installed.
    """
    clean("", recipe)


def words_of(text: str) -> str:
    """Words of a text in lower case, by which copies are found, raw or cleaned; of a text of marks alone the text itself.

    "does n't" and "doesn't" are the same words.
    """
    return " ".join(_WORDS.findall(_APART.sub("", text.lower()))) or text
