"""Encoders for the page: what `demo/source/encoder.js` needs to know of a `.tflite` file and its tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sentipress.browser import piece_rules, rules
from sentipress.core import files
from sentipress.data.task import Task
from sentipress.runtimes.litert_encoder import LiteRTEncoder
from sentipress.text.pieces import PieceTokenizer
from sentipress.transformer.shapes import SIGNATURE


def described(model: Path, tokenizer: Path, task: Task, place: str, remedy: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What the page needs to run an encoder, and the file with its tokenizer.

    Args:
        model: a `.tflite` file with a signature for each length.
        tokenizer: what `PieceTokenizer.save` wrote.
        task: its labels.
        place: folder of the tokenizer on the page, as "models/".
        remedy: command that makes the files anew.

    Returns:
        Part of an entry in metadata.json: `labels`; `cleaning`; `words` (how many pieces there are); `signature` (how their names
        begin) and `lengths`, rising; `tokenizer` (`file`, `bytes` and `sha256`).
        Name on the page to content of that file, a JSON: `library` (the tokenizer's own tokenizer.json) and `reading` (see
        `sentipress.browser.piece_rules.described`).

    Raises:
        piece_rules.TokenizerError: the page does not know the tokenizer.
        UserError: a file is missing or damaged, they do not fit each other, or the package tokenizers is not installed.
    """
    encoder = PieceTokenizer.load(tokenizer, remedy)
    lengths = LiteRTEncoder(model, remedy, encoder, task).lengths
    content = rules.compact({"library": encoder.library, "reading": piece_rules.described(encoder)}).encode()
    name = place + tokenizer.name
    about = {
        "labels": list(task.labels),
        "cleaning": encoder.cleaning,
        "words": encoder.vocabulary_size,
        "signature": SIGNATURE,
        "lengths": lengths,
        "tokenizer": {"file": name, "bytes": len(content), "sha256": files.bytes_sha256(content)},
    }
    return about, {name: content}
