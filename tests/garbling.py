"""Garbled CSVs and any text: what is read must be valid, what is not must be refused in one line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sentipress.core.errors import UserError
from sentipress.data import cleaning, corpus, corpus_making, sources
from sentipress.data.stored import Table
from sentipress.data.task import MOST_LABELS, Task
from sentipress.text.tokenizer import PADDING_ID, Tokenizer

_TOKENS = (
    *(b'"', b'""', b",", b"\n", b"\r\n", b"\r", b"\x00", b"\xef\xbb\xbf", b"\xff", b"\xc3"),
    *(b"positive", b"neutral", b" Pos ", b"1", b"NA"),
)
_HEADERS = (
    b"review",
    b"sentiment",
    b"sentiment,review",
    b"review,review,sentiment",
    b"review,sentiment,sentiment",
    b" Review ,sentiment",
    b" review , sentiment ",
    b"text,label",
    b'"review","sentiment"',
    b"",
)


def garbled(content: bytes, random: np.random.Generator) -> bytes:
    """A CSV with one to four faults: bytes flipped, cut, inserted, repeated, or another header."""
    found = bytearray(content)
    for _ in range(int(random.integers(1, 5))):
        kind = random.integers(6)
        first, last = sorted(int(place) for place in random.integers(0, len(found) + 1, 2))
        last = min(last, first + int(random.choice([1, 10, 1000])))
        if kind == 0 and found:
            for place in random.integers(0, len(found), int(random.integers(1, 6))):
                found[place] ^= 1 << int(random.integers(8))
        elif kind == 1:
            del found[first:last]
        elif kind == 2:
            del found[first:]
        elif kind == 3:
            token = _TOKENS[random.integers(len(_TOKENS))] if random.random() < 0.8 else random.bytes(4)
            found[first:first] = token
        elif kind == 4:
            found[first:first] = found[first:last]
        else:
            rows = found.split(b"\n", 1)
            found = bytearray(_HEADERS[random.integers(len(_HEADERS))]) + b"\n" + (rows[-1] if random.random() < 0.8 else bytes(found))
    return bytes(found)


def read_or_refuse(path: Path, recipe: str = "default") -> str:
    """Take a CSV through stage 1's reading, cleaning and splitting.

    Returns:
        "read", or "refused" with one clear line.

    Raises:
        AssertionError: what was read is no valid frame, or the refusal is not one line.
    """
    try:
        raw, spellings, labels = sources.read_file(path)
        table, counts = corpus_making.prepare(Table.stored(raw), recipe, keep_duplicates=False)
        frame = table.loaded()
        names = corpus_making.split(frame, Task(labels))
    except UserError as error:
        line = str(error)
        if "\n" in line or "\r" in line or not line.startswith("error: ") or " -> " not in line:
            raise AssertionError(f"not one clear line: {line!r}") from error
        return "refused"
    promises = {
        "columns": list(raw.columns) == ["review", "label"],
        "labels": set(raw["label"]) == set(range(len(labels))) and 2 <= len(set(labels)) == len(labels) <= MOST_LABELS,
        "names of labels": all(isinstance(name, str) and name == name.strip() != "" for name in labels),
        "reviews are texts": all(isinstance(text, str) and text.strip() and "\x00" not in text for text in raw["review"]),
        "every label was counted": sum(spellings.values()) == len(raw) == counts["reviews"],
        "cleaned texts": all(isinstance(text, str) and text for text in frame["review"]) and frame["review"].is_unique,
        "splits": set(names) == set(corpus.SPLITS) and len(names) == len(frame),
        "every label in every split": all(set(part["label"]) == set(raw["label"]) for _, part in frame.groupby(names)),
    }
    broken = [promise for promise, kept in promises.items() if not kept]
    if broken:
        raise AssertionError(f"{path} was read, but: {broken}")
    return "read"


def fuzz(content: bytes, inputs: int, seed: int, place: Path) -> Counter[str]:
    """Try `inputs` garbled versions of a CSV; counts what became of them.

    Raises:
        AssertionError: anything but a valid frame or a `UserError`; the input lies in `place`/fuzz.csv.
    """
    random = np.random.default_rng(seed)
    path = place / "fuzz.csv"
    outcomes: Counter[str] = Counter()
    for number in range(inputs):
        path.write_bytes(garbled(content, random))
        try:
            outcomes[read_or_refuse(path)] += 1
        except Exception as error:
            raise AssertionError(f"input {number} of seed {seed}, kept in {path}: {error!r}") from error
    return outcomes


# Any text


# Characters that no word of a recipe has: accents are letters by default, and every mark is a word in posts.
NO_WORD: dict[str, Callable[[str], bool]] = {
    "thesis": lambda character: not re.match(r"[\w' ]", character),
    "default": lambda character: not re.match(r"[\w' ]", character) and ord(character) not in cleaning.accents(),
    "posts": lambda character: character.isspace() and character != " ",
}


def broken_promises(text: str, length: int, padding: str, truncating: str, size: int) -> list[str]:
    """What cleaning, tokenizing and padding promise of any text, and did not keep.

    Args:
        text: any Unicode.
        length: ids per review.
        padding: "pre" or "post".
        truncating: "pre" or "post".
        size: ids in the vocabulary, at most; the text's own words are numbered.
    """
    broken = []
    for recipe in cleaning.WORD_RECIPES:
        cleaned = cleaning.clean(text, recipe)
        tokenizer = Tokenizer.fit([cleaned], size, sequence_length=length, padding=padding, truncating=truncating, cleaning=recipe)
        ids = tokenizer.encode_raw([text])
        words = int(np.count_nonzero(ids))
        real = ids[0] != PADDING_ID
        kept = real[::-1] if padding == "pre" else real
        promises = {
            "nothing but words and single spaces": not re.search(r"  |^ | $", cleaned) and not any(map(NO_WORD[recipe], cleaned)),
            "cleaning twice is cleaning once": recipe == "thesis" or cleaning.clean(cleaned, recipe) == cleaned,
            "fixed length": ids.shape == (1, length) and ids.dtype == np.int32,
            "ids in range": bool(ids.min() >= PADDING_ID and ids.max() < tokenizer.vocabulary_size <= max(size, 2)),
            "every word has an id, up to the length": words == min(length, max(1, len(tokenizer.ids(cleaned)))),
            "padding on its side": bool(kept[:words].all()),
            "the same ids from the cleaned text": bool((tokenizer.encode([cleaned]) == ids).all()),
        }
        broken += [f"{recipe}: {promise}" for promise, holds in promises.items() if not holds]
    return broken
