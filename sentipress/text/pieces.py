"""Pieces of words to ids: the tokenizer of a pretrained encoder, run by Hugging Face's own `tokenizers` library."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sentipress.core import files
from sentipress.core.errors import UserError
from sentipress.data.cleaning import clean

SCHEMA = 1
KIND = "pieces"  # tells the file from that of a vocabulary of words
MARKS = ("##", "▁")  # WordPiece's mark of a piece inside a word, Unigram's of a piece that begins one
TEXTS_AT_ONCE = 1024
INSTALL = "pip install -r requirements-encoder.txt"


@dataclass(frozen=True)
class PieceTokenizer:
    """A library tokenizer (WordPiece, Unigram or BPE) with its length and its padding on the right.

    Attributes:
        library: the content of the library's `tokenizer.json`, without padding and truncation.
        sequence_length: ids per text, special ones included.
        padding_id: id that fills a text up to that length.
        cleaning: the recipe that raw text goes through first.
        prefix: words that the encoder's authors want in front of each text.
    """

    library: dict[str, Any]
    sequence_length: int
    padding_id: int
    cleaning: str = "plain"
    prefix: str = ""
    _tokenizer: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_tokenizer", _loaded(self.library, self.sequence_length))

    @property
    def vocabulary_size(self) -> int:
        """Ids that there are: rows of an embedding."""
        return int(self._tokenizer.get_vocab_size(with_added_tokens=True))

    @property
    def vocabulary(self) -> dict[str, int]:
        """Piece to id, special ones included."""
        return dict(self._tokenizer.get_vocab(with_added_tokens=True))

    @property
    def kind(self) -> str:
        """Kind of the vocabulary, in the library's words: WordPiece, Unigram or BPE."""
        return str(self.library["model"]["type"])

    @property
    def can_be_cut(self) -> bool:
        """Whether `cut_vocabulary` can cut it: BPE's pieces are made of one another."""
        return self.kind in ("WordPiece", "Unigram")

    @property
    def unknown_id(self) -> int | None:
        """Id of what cannot be cut into pieces; None where every letter can be (BPE over bytes)."""
        model = self.library["model"]
        if model["type"] == "Unigram":
            return model.get("unk_id")
        return self._tokenizer.token_to_id(model["unk_token"]) if model.get("unk_token") else None

    @property
    def special_ids(self) -> set[int]:
        """Ids of what is no piece of a text: padding, begin, end, mask."""
        return {int(token["id"]) for token in self.library["added_tokens"] if token["special"]}

    def encode(self, cleaned: Sequence[str]) -> np.ndarray:
        """Ids of cleaned texts, cut and padded on the right: int32 (texts, sequence_length)."""
        ids = np.full((len(cleaned), self.sequence_length), self.padding_id, np.int32)
        for start in range(0, len(cleaned), TEXTS_AT_ONCE):
            some = [self.prefix + _encodable(text) for text in cleaned[start : start + TEXTS_AT_ONCE]]
            for row, found in enumerate(self._tokenizer.encode_batch(some), start=start):
                ids[row, : len(found.ids)] = found.ids
        return ids

    def encode_raw(self, raw: Sequence[str]) -> np.ndarray:
        """Ids of raw texts: int32 (texts, sequence_length)."""
        return self.encode([clean(text, self.cleaning) for text in raw])

    def read(self, raw: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """`encode_raw`, and what `known_share` gives for each text, float64 (texts,)."""
        cleaned = [clean(text, self.cleaning) for text in raw]
        return self.encode(cleaned), np.array([self.known_share(text) for text in cleaned], np.float64)

    def lengths(self, cleaned: Iterable[str]) -> np.ndarray:
        """Pieces of each cleaned text, special ones included, before anything is cut off: int64 (texts,)."""
        whole, texts, found = _loaded(self.library, None), list(cleaned), []
        for start in range(0, len(texts), TEXTS_AT_ONCE):  # what the library gives of a text is a hundred times as large
            some = [self.prefix + _encodable(text) for text in texts[start : start + TEXTS_AT_ONCE]]
            found += [len(encoded.ids) for encoded in whole.encode_batch(some)]
        return np.array(found, np.int64)

    def known_share(self, cleaned: str) -> float:
        """Share of a cleaned text's words that are known, 0 to 1; 0 for a text without words.

        A word is unknown if a piece of it is, or if it falls apart into pieces of fewer than two letters on average:
        vocabularies hold the letters of many alphabets, so that words of a language that was never seen, and letters in
        any order, are seldom unknown as such.
        """
        found = self._tokenizer.encode(_encodable(cleaned), add_special_tokens=False)
        words: dict[int, list[str]] = {}
        unknown = self.unknown_id
        for word, number, piece in zip(found.word_ids, found.ids, found.tokens, strict=True):
            words.setdefault(-1 if word is None else word, []).append("" if number == unknown else _letters(piece))
        known = [all(pieces) and (len(pieces) == 1 or sum(map(len, pieces)) >= 2 * len(pieces)) for pieces in words.values()]
        return sum(known) / len(known) if known else 0.0

    def save(self, path: Path) -> None:
        """Write the file that a deployment needs, atomically."""
        names = ("sequence_length", "padding_id", "cleaning", "prefix", "library")
        content = {"schema": SCHEMA, "kind": KIND, **{name: getattr(self, name) for name in names}}
        files.write_text(path, json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n")

    @classmethod
    def load(cls, path: Path, remedy: str) -> PieceTokenizer:
        """Read what `save` wrote.

        Raises:
            UserError: missing or damaged, or the library is not installed.
        """
        content = files.read_json(path, SCHEMA, remedy)
        try:
            return cls(
                dict(content["library"]),
                int(content["sequence_length"]),
                int(content["padding_id"]),
                str(content["cleaning"]),
                str(content["prefix"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path} lacks or garbles {error}", remedy) from None


def of_pieces(path: Path) -> bool:
    """Whether a tokenizer's file holds pieces; False for one of words, and for one that is missing or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("kind") == KIND


def _encodable(text: str) -> str:
    """The text with "?" for halves of surrogate pairs, which the library refuses."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _letters(piece: str) -> str:
    for mark in MARKS:
        piece = piece.removeprefix(mark)
    return piece or "_"  # a lone mark is a blank, which is known


def _loaded(library: dict[str, Any], length: int | None) -> Any:
    """The library's tokenizer, which cuts texts at `length` and pads none: its file may ask for other things.

    Raises:
        UserError: the library is not installed.
        ValueError: the content is none of a tokenizer.
    """
    try:
        import tokenizers
    except ModuleNotFoundError:
        raise UserError("the package tokenizers is not installed", INSTALL) from None
    try:
        tokenizer = tokenizers.Tokenizer.from_str(json.dumps(library))
    except Exception as error:  # the library raises plain exceptions
        raise ValueError(f"library ({error})") from None
    tokenizer.no_padding()
    tokenizer.no_truncation()
    if length is not None:
        tokenizer.enable_truncation(length)
    return tokenizer


def cut_vocabulary(tokenizer: PieceTokenizer, kept: Sequence[int]) -> PieceTokenizer:
    """The same tokenizer with some of its pieces; what was one of the others falls apart into smaller ones.

    Args:
        tokenizer: WordPiece or Unigram.
        kept: old ids in the order of the new ones, special ones among them. Pieces that were added to the model's own come
            last: the library numbers them after those.

    Raises:
        UserError: a tokenizer of another kind, a special piece that is not among the kept ones, or ids that are repeated,
            unknown, or in an order that the library does not keep.
    """
    content: dict[str, Any] = json.loads(json.dumps(tokenizer.library))
    model, new = content["model"], {old: number for number, old in enumerate(kept)}
    if not tokenizer.can_be_cut:
        raise UserError(f"a vocabulary of the kind {tokenizer.kind} cannot be cut", "leave the vocabulary as it is")
    pieces = {old: piece for piece, old in tokenizer.vocabulary.items()}
    if len(new) < len(kept) or not set(new) <= set(pieces):
        raise UserError("ids of a cut vocabulary are repeated or unknown", "give each id of the tokenizer once")
    needed = tokenizer.special_ids | ({tokenizer.unknown_id} if tokenizer.unknown_id is not None else set())
    if not needed <= set(new):
        raise UserError("a vocabulary without its special pieces cannot be used", "keep them")
    if model["type"] == "WordPiece":
        model["vocab"] = {piece: new[old] for piece, old in model["vocab"].items() if old in new}
    else:
        model["vocab"] = [model["vocab"][old] for old in kept if old < len(model["vocab"])]
        model["unk_id"] = None if model["unk_id"] is None else new[model["unk_id"]]
    for token in content["added_tokens"]:
        token["id"] = new[token["id"]]
    _renumber(content.get("post_processor"), new)
    cut = PieceTokenizer(content, tokenizer.sequence_length, new[tokenizer.padding_id], tokenizer.cleaning, tokenizer.prefix)
    if cut.vocabulary != {pieces[old]: number for old, number in new.items()}:
        raise UserError("a vocabulary cannot be cut in this order of ids", "give them in rising order")
    return cut


def _renumber(part: Any, new: dict[int, int]) -> None:
    """Bring the ids in a post-processor (template or BERT's) to the new vocabulary, in place."""
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "ids":
                part[key] = [new[old] for old in value]
            elif key in ("sep", "cls"):
                part[key] = [value[0], new[value[1]]]
            else:
                _renumber(value, new)
    elif isinstance(part, list):
        for each in part:
            _renumber(each, new)
