"""Encoders for the page: what `demo/source/encoder.js` needs to know of a `.tflite` file and its tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sentipress.browser import piece_rules
from sentipress.core import files
from sentipress.data.task import Task
from sentipress.runtimes.litert_encoder import LiteRTEncoder
from sentipress.text.pieces import PieceTokenizer
from sentipress.transformer.shapes import SIGNATURE

KIND = "encoder"  # of a model in the page's metadata


def described(model: Path, tokenizer: Path, task: Task, remedy: str) -> dict[str, Any]:
    """All that the page needs to run an encoder, figures of the table aside.

    Args:
        model: a `.tflite` file with a signature for each length.
        tokenizer: what `PieceTokenizer.save` wrote.
        task: its labels.
        remedy: command that makes the files anew.

    Returns:
        `kind`; `file`, `bytes`, `gzip_bytes` and `sha256` of the model and, under `tokenizer`, of its vocabulary; `labels`;
        `signature` (how their names begin) and `lengths`, rising; `reading` (see `sentipress.browser.piece_rules.described`).

    Raises:
        UserError: a file is missing or damaged, they do not fit each other, or the page does not know the tokenizer.
    """
    encoder = PieceTokenizer.load(tokenizer, remedy)
    lengths = LiteRTEncoder(model, remedy, encoder, task).lengths

    def about(path: Path, name: str) -> dict[str, Any]:
        return {"file": f"models/{name}", **files.sizes(path), "sha256": files.sha256(path)}

    return {
        "kind": KIND,
        **about(model, model.name),
        "labels": list(task.labels),
        "signature": SIGNATURE,
        "lengths": lengths,
        "tokenizer": about(tokenizer, f"{model.stem}.{tokenizer.name}"),
        "reading": piece_rules.described(encoder),
    }
