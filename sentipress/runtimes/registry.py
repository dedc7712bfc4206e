"""Model files by their ending: which class opens each, and the vocabulary and labels that belong to it."""

from __future__ import annotations

import contextlib
import importlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sentipress.core import files, manifest
from sentipress.core.errors import UserError
from sentipress.data.task import SENTIMENT_LABELS, Task
from sentipress.runtimes.interface import Runtime
from sentipress.text.encoder import TextEncoder
from sentipress.text.pieces import PieceTokenizer, of_pieces
from sentipress.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Format:
    """A kind of model file.

    Attributes:
        module: that opens it; imported when such a file is opened, since each needs other packages.
        name: of the class in it, or of a function that gives a `Runtime`.
        own_vocabulary: whether the file holds its words and labels; else both stand beside it.
    """

    module: str
    name: str
    own_vocabulary: bool


FORMATS = {
    ".zip": Format("sentipress.runtimes.package", "open_package", own_vocabulary=True),
    ".ensemble": Format("sentipress.runtimes.registry", "open_ensemble", own_vocabulary=True),
    ".tflite": Format("sentipress.runtimes.litert", "LiteRTModel", own_vocabulary=False),
    ".npz": Format("sentipress.runtimes.linear_file", "LinearRuntime", own_vocabulary=True),
    ".keras": Format("sentipress.runtimes.keras_file", "KerasModel", own_vocabulary=False),
    ".safetensors": Format("sentipress.runtimes.encoder_file", "EncoderModel", own_vocabulary=False),
    ".onnx": Format("sentipress.runtimes.onnx_file", "OnnxEncoder", own_vocabulary=False),
}
# A `.tflite` file of a network that reads pieces of words has a signature for each length.
PIECES_TFLITE = Format("sentipress.runtimes.litert_encoder", "LiteRTEncoder", own_vocabulary=False)


def format_of(model: Path) -> Format:
    """The format of a model file.

    Raises:
        UserError: its ending is unknown.
    """
    if model.suffix not in FORMATS:
        raise UserError(f"{model} is no model", f"give a file that ends in {', '.join(FORMATS)}")
    return FORMATS[model.suffix]


def _metrics(model: Path) -> dict[str, Any]:
    """The metrics beside a model file; empty where there are none that can be read."""
    try:
        content = json.loads(model.with_suffix(manifest.METRICS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def tokenizer_of(model: Path, remedy: str) -> Path:
    """The tokenizer that belongs to a `.keras` or `.tflite` file: the one its metrics name, else tokenizer.json beside it.

    Raises:
        UserError: that file has changed since the model was made.
    """
    metrics = _metrics(model)
    name, inputs = metrics.get("tokenizer") or manifest.TOKENIZER, metrics.get("inputs")
    path = model.with_name(str(name))
    if isinstance(inputs, dict) and name in inputs and path.is_file() and files.sha256(path) != inputs[name]:
        raise UserError(f"{path} is not the one that {model} was made with", remedy)
    return path


def task_of(model: Path) -> Task:
    """The task that the metrics beside a model file speak of; negative and positive where they name no labels."""
    labels = _metrics(model).get("labels")
    return Task(tuple(map(str, labels)) if isinstance(labels, list) else SENTIMENT_LABELS)


def open_model(
    model: Path, tokenizer: Path | None = None, remedy: str = "run the stage that makes it", task: Task | None = None
) -> Runtime:
    """Open a model file.

    Args:
        model: `.zip` (a pocket model needs ai-edge-litert and numpy, a packed bag of words numpy alone), `.tflite`
            (ai-edge-litert and numpy; an encoder's also tokenizers), `.npz` (numpy), `.keras` (TensorFlow), `.safetensors`
            (PyTorch and tokenizers) or `.onnx` (ONNX Runtime and tokenizers).
        tokenizer: for a file without its own vocabulary; by default `tokenizer_of` the model.
        remedy: for the message when something is wrong.
        task: for such a file; by default `task_of` the model.

    Raises:
        UserError: a file is missing, damaged or of an unknown kind, or a package that it needs is not installed.
    """
    kind = format_of(model)
    if not model.is_file():
        raise UserError(f"{model} is missing", remedy)
    if kind.own_vocabulary:
        with _packages_named():
            return cast(Runtime, _opener(kind)(model, remedy))
    encoder = open_vocabulary(tokenizer or tokenizer_of(model, remedy), remedy)
    if isinstance(encoder, PieceTokenizer) and model.suffix == ".tflite":
        kind = PIECES_TFLITE
    with _packages_named():
        return cast(Runtime, _opener(kind)(model, remedy, encoder, task or task_of(model)))


def files_of(model: Path, remedy: str) -> list[Path]:
    """Files that `open_model` reads for a model: itself, what it names, its vocabulary and the metrics that have its labels.

    Raises:
        UserError: it is missing or of an unknown kind, or its vocabulary or a member is not the one that it was made with.
    """
    if not format_of(model).own_vocabulary:
        metrics = model.with_suffix(manifest.METRICS)
        return [model, tokenizer_of(model, remedy), *([metrics] if metrics.is_file() else [])]
    if model.suffix != ".ensemble":
        return [model]
    from sentipress.runtimes import ensemble

    return [model, *(file for member in ensemble.member_files(model, remedy) for file in files_of(member, remedy))]


def _opener(kind: Format) -> Any:
    return getattr(importlib.import_module(kind.module), kind.name)


@contextlib.contextmanager
def _packages_named() -> Iterator[None]:
    """Say which package is missing and how to install it: some modules import theirs when a file is opened."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        if package == "sentipress":
            raise
        of_encoder = package in ("torch", "safetensors", "onnxruntime", "transformers")
        raise UserError(
            f"the package {package} is not installed",
            f"pip install -r requirements{'-encoder' if of_encoder else ''}.txt",
        ) from None


def open_vocabulary(path: Path, remedy: str) -> TextEncoder:
    """Open a tokenizer's file: of words, or of an encoder's pieces.

    Raises:
        UserError: missing or damaged.
    """
    return PieceTokenizer.load(path, remedy) if of_pieces(path) else Tokenizer.load(path, remedy)


def open_ensemble(path: Path, remedy: str) -> Runtime:
    """Open the models that an `.ensemble` file names, as one.

    Raises:
        UserError: the file or a member is missing or damaged, is not what the file speaks of, or does not fit the others.
    """
    from sentipress.runtimes import ensemble

    members = {file.name: open_model(file, remedy=remedy) for file in ensemble.member_files(path, remedy)}
    return ensemble.EnsembleRuntime(members, path, remedy)
