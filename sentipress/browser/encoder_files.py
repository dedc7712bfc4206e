"""Encoders for the page: what `demo/source/encoder.js` needs to know of a `.tflite` file and its tokenizer.

A published encoder has this written beside it, so that a page of it is built without the packages of encoders:
`python -m sentipress.browser.encoder_files results/encoder/default/compact.tflite` writes `compact.page.json`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sentipress.browser import rules
from sentipress.core import files
from sentipress.core.errors import UserError, exit_code
from sentipress.data.task import Task
from sentipress.runtimes import registry

WRITTEN = ".page.json"  # ends the name of such a file
COMMAND = "python -m sentipress.browser.encoder_files"


def known(model: Path, tokenizer: Path, task: Task, remedy: str) -> dict[str, Any]:
    """What the page needs to run an encoder.

    Args:
        model: a `.tflite` file with a signature for each length.
        tokenizer: what `PieceTokenizer.save` wrote.
        task: its labels.
        remedy: command that makes the files anew.

    Returns:
        `sha256` of both files by name; `entry`: `labels`, `cleaning`, `words` (how many pieces there are), `signature` (how their
        names begin) and `lengths`, rising; `content`: `library` (the tokenizer's own tokenizer.json) and `reading` (see
        `sentipress.browser.piece_rules.described`).

    Raises:
        piece_rules.TokenizerError: the page does not know the tokenizer.
        UserError: a file is missing or damaged, they do not fit each other, or the package tokenizers is not installed.
    """
    from sentipress.browser import piece_rules
    from sentipress.runtimes.litert_encoder import LiteRTEncoder
    from sentipress.text.pieces import PieceTokenizer
    from sentipress.transformer.shapes import SIGNATURE

    encoder = PieceTokenizer.load(tokenizer, remedy)
    lengths = LiteRTEncoder(model, remedy, encoder, task).lengths
    entry = {
        "labels": list(task.labels),
        "cleaning": encoder.cleaning,
        "words": encoder.vocabulary_size,
        "signature": SIGNATURE,
        "lengths": lengths,
    }
    content = {"library": encoder.library, "reading": piece_rules.described(encoder)}
    return {"sha256": {path.name: files.sha256(path) for path in (model, tokenizer)}, "entry": entry, "content": content}


def written(model: Path, tokenizer: Path, remedy: str) -> dict[str, Any] | None:
    """The same from the file that this module's command wrote; None where there is none.

    Raises:
        UserError: it is damaged or of other files.
    """
    path = model.with_suffix(WRITTEN)
    if not path.is_file():
        return None
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if found["sha256"] == {file.name: files.sha256(file) for file in (model, tokenizer)}:
            return found
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error!r})", remedy) from None
    raise UserError(f"{path} speaks of another {model.name} or {tokenizer.name}", f"run {COMMAND} {model}")


def served(about: Mapping[str, Any], name: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Part of an entry in metadata.json, and the file with the tokenizer.

    Args:
        about: what `known` gave.
        name: of that file on the page.

    Returns:
        The `entry` with `tokenizer` (`file`, `bytes` and `sha256`); name to content of the file, a JSON.
    """
    content = rules.compact(about["content"]).encode()
    tokenizer = {"file": name, "bytes": len(content), "sha256": files.bytes_sha256(content)}
    return {**about["entry"], "tokenizer": tokenizer}, {name: content}


def main(arguments: list[str]) -> None:
    """Write what the page needs beside an encoder.

    Raises:
        UserError: see `known`; or not one file is named.
    """
    if len(arguments) != 1:
        raise UserError("name one .tflite file", f"{COMMAND} results/encoder/default/compact.tflite")
    model, remedy = Path(arguments[0]), "run the stages of encoder/ and publish them"
    about = known(model, registry.tokenizer_of(model, remedy), registry.task_of(model), remedy)
    files.write_text(model.with_suffix(WRITTEN), rules.compact(about))
    print(f"wrote {model.with_suffix(WRITTEN)}")


if __name__ == "__main__":
    raise SystemExit(exit_code(lambda: main(sys.argv[1:])))
