"""Words to ids, and the JSON file in which a deployment finds everything it needs to do the same.

Needs numpy alone, so that a program that only predicts does not load TensorFlow.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sentipress.core import files
from sentipress.core.errors import UserError
from sentipress.data.cleaning import clean, default_words
from sentipress.text.numbering import Numbering

SCHEMA = 2  # 2: words may be pairs
PADDING_ID = 0
OOV_ID = 1
OOV_TOKEN = "404"  # the study's out-of-vocabulary token
TEXTS_AT_ONCE = 256  # whose words are in memory together


@dataclass(frozen=True)
class Tokenizer:
    """A fixed vocabulary with its length and padding.

    Ids: 0 is padding, 1 is any word outside the vocabulary, words follow by falling frequency (ties: first seen),
    exactly as `tf.keras.preprocessing.text.Tokenizer(num_words, oov_token="404")` numbers them. An entry "not worth"
    is a pair: from left to right, two neighbouring words that make one take its id instead of theirs.

    Attributes:
        words: the words and pairs with ids 2, 3, ...
        sequence_length: ids per review.
        padding: "pre" or "post": where zeros go.
        truncating: "pre" or "post": which end of a long review is dropped.
        cleaning: the recipe that raw text goes through first.
    """

    words: tuple[str, ...]
    sequence_length: int
    padding: str
    truncating: str
    cleaning: str
    _ids: dict[str, int] = field(init=False, repr=False, compare=False)
    _pairs: frozenset[str] = field(init=False, repr=False, compare=False)
    _numbering: Numbering = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.sequence_length < 1:
            raise ValueError(f"{self.sequence_length} ids per text")
        object.__setattr__(self, "_ids", {word: number for number, word in enumerate(self.words, start=OOV_ID + 1)})
        object.__setattr__(self, "_pairs", frozenset(word for word in self.words if " " in word))
        object.__setattr__(self, "_numbering", Numbering(self._ids))

    @classmethod
    def fit(cls, texts: Iterable[str], vocabulary_size: int, pairs: Sequence[str] = (), **settings: Any) -> Tokenizer:
        """Number all pairs that occur and the most frequent words of cleaned texts; ids stay below `vocabulary_size`.

        Raises:
            UserError: more pairs than ids.
        """
        known = frozenset(pairs)
        counts = Counter(word for text in texts for word in merged(text_words(text), known))
        # The token for unknown words has its own id and would be shadowed by a review that says "404".
        counts.pop(OOV_TOKEN, None)
        single = vocabulary_size - OOV_ID - 1 - sum(pair in counts for pair in known)
        if single < 0:
            raise UserError(f"{len(pairs)} pairs do not fit into {vocabulary_size} ids", "give fewer --pairs or a larger --vocabulary-size")
        kept = []
        for word, _ in counts.most_common():
            single -= word not in known
            if word in known or single >= 0:
                kept.append(word)
        return cls(tuple(kept), **settings)

    @property
    def padding_id(self) -> int:
        """Id that fills a text up to its length: 0."""
        return PADDING_ID

    @property
    def vocabulary_size(self) -> int:
        """Rows that an embedding needs: the words, padding and the unknown word."""
        return len(self.words) + OOV_ID + 1

    def ids(self, cleaned: str) -> list[int]:
        """All ids of one cleaned text, neither cut nor padded."""
        lookup = self._ids
        return [lookup.get(word, OOV_ID) for word in merged(text_words(cleaned), self._pairs)]

    def encode(self, cleaned: Sequence[str]) -> np.ndarray:
        """Ids of cleaned texts, cut and padded: int32 array of shape (texts, sequence_length)."""
        return self._read(cleaned, text_words)[0]

    def encode_raw(self, raw: Sequence[str]) -> np.ndarray:
        """Clean, then encode: what a deployment does with a person's text."""
        return self.read(raw)[0]

    def read(self, raw: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """`encode_raw`, and what `known_share` gives for each text, float64 (texts,)."""
        return self._read(raw, self.raw_words)

    def raw_words(self, text: str) -> list[str]:
        """Words of a raw text, pairs not yet joined."""
        return default_words(text) if self.cleaning == "default" else text_words(clean(text, self.cleaning))

    def _read(self, texts: Sequence[str], words_of: Callable[[str], list[str]]) -> tuple[np.ndarray, np.ndarray]:
        rows, known = np.zeros((len(texts), self.sequence_length), np.int32), np.zeros(len(texts))
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            part = slice(start, start + TEXTS_AT_ONCE)
            rows[part], known[part] = self.read_words([words_of(text) for text in texts[part]])
        return rows, known

    def read_words(self, texts: Sequence[list[str]]) -> tuple[np.ndarray, np.ndarray]:
        """Ids int32 (texts, sequence_length) and shares of known words float64 (texts,) of texts given as their words."""
        found = self._numbering.of(texts)
        unknown_before = np.concatenate([[0], np.cumsum(found.ids == OOV_ID)])
        unknown = np.diff(unknown_before[found.ends])
        known = np.where(found.words > 0, 1 - unknown / np.maximum(found.words, 1), 0.0)
        rows = np.zeros((len(texts), self.sequence_length), np.int32)
        for row, first, end in zip(rows, found.ends[:-1].tolist(), found.ends[1:].tolist(), strict=True):
            self._fill(row, found.ids[first:end])
        return rows, known

    def _fill(self, row: np.ndarray, ids: np.ndarray) -> None:
        """Put a text's ids into its row, cut to the row's length."""
        length = self.sequence_length
        if not len(ids):
            ids = np.array([OOV_ID])  # no word at all is one unknown word: a mean needs something to divide by
        ids = ids[-length:] if self.truncating == "pre" else ids[:length]
        if self.padding == "pre":
            row[-len(ids) :] = ids
        else:
            row[: len(ids)] = ids

    def known_share(self, cleaned: str) -> float:
        """Share of a cleaned text's words that have an id of their own, 0 to 1; a known pair is two known words.

        0 for a text without words. Words beyond the length that a network reads count as well.
        """
        words = text_words(cleaned)
        unknown = sum(word not in self._ids for word in merged(words, self._pairs))
        return 1 - unknown / len(words) if words else 0.0

    def save(self, path: Path) -> None:
        """Write the tokenizer as compact JSON, atomically."""
        content = {
            "schema": SCHEMA,
            "cleaning": self.cleaning,
            "sequence_length": self.sequence_length,
            "padding": self.padding,
            "truncating": self.truncating,
            "padding_id": PADDING_ID,
            "oov_id": OOV_ID,
            "oov_token": OOV_TOKEN,
            "words": self.words,
        }
        files.write_text(path, json.dumps(content, ensure_ascii=False, separators=(",", ":")))

    @classmethod
    def load(cls, path: Path, remedy: str) -> Tokenizer:
        """Read what `save` wrote.

        Raises:
            UserError: missing, damaged or of another schema.
        """
        content = files.read_json(path, SCHEMA, remedy)
        try:
            return cls(
                words=tuple(content["words"]),
                sequence_length=int(content["sequence_length"]),
                padding=content["padding"],
                truncating=content["truncating"],
                cleaning=content["cleaning"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path} is damaged ({error!r})", remedy) from None


def text_words(cleaned: str) -> list[str]:
    """Words of a cleaned text; `_` and whitespace part them, as Keras's default filters do."""
    return cleaned.replace("_", " ").split()


def merged(words: Sequence[str], pairs: Set[str]) -> Sequence[str]:
    """Words with every two that make one of `pairs` ("not worth") joined, from left to right, none used twice."""
    if not pairs:
        return words
    joined, index, last = [], 0, len(words) - 1
    while index <= last:
        pair = f"{words[index]} {words[index + 1]}" if index < last else ""
        is_known = pair in pairs
        joined.append(pair if is_known else words[index])
        index += 1 + is_known
    return joined
