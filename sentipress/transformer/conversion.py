"""Encoders as `.tflite` files with a signature for each length, in float32, 8 bits, or blocks of 4 bits; and as ONNX."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import torch

from sentipress.core.errors import UserError
from sentipress.core.quiet import quiet
from sentipress.transformer.attention import Encoder
from sentipress.transformer.shapes import SIGNATURE

BLOCK = 32  # weights that share a scale in 4 bits
SENTENCE = 32  # pieces that hold most sentences
ALIGNMENT = 16  # bytes: LiteRT's schema wants the data of a buffer to begin at a multiple of it
# By operator: bits of its weights, and whether a scale is for a block of them.
FLOAT32 = "float32"
FORMATS: Mapping[str, Mapping[str, tuple[int, bool]]] = {
    "linear_8bit": {"FULLY_CONNECTED": (8, False)},
    "dynamic_8bit": {"FULLY_CONNECTED": (8, False), "EMBEDDING_LOOKUP": (8, False)},
    "dynamic_4bit": {"FULLY_CONNECTED": (4, True), "EMBEDDING_LOOKUP": (4, True)},
}


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Keep what the converters print off the terminal."""
    with quiet(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        disabled = logging.root.manager.disable
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(disabled)


def to_tflite(model: Encoder, lengths: Sequence[int]) -> bytes:
    """A `.tflite` file in float32 that gives logits float32 (1, outputs) for ids int32 (1, length), padded on the right.

    Args:
        model: the encoder.
        lengths: of the signatures `ids_<length>`, which share the weights.
    """
    with silent():
        import litert_torch

    plain = copy.deepcopy(model).cpu().eval()
    # Each signature keeps a copy of the position table, so rows that no signature reads are left out.
    rows = model.spec.first_position + max(lengths)
    plain.positions.weight = torch.nn.Parameter(plain.positions.weight[:rows].detach().clone())
    with silent(), tempfile.TemporaryDirectory() as place:
        converter: Any = None
        for length in lengths:
            example = (torch.ones((1, length), dtype=torch.int32),)
            begun = litert_torch if converter is None else converter
            converter = begun.signature(f"{SIGNATURE}{length}", plain, example)
        file = Path(place) / "model.tflite"
        converter.convert().export(str(file))
        return file.read_bytes()


def quantized(content: bytes, number_format: str) -> bytes:
    """A float32 `.tflite` file with weights, the embedding's too, in fewer bits; activations become 8 bits while it runs.

    The quantizer writes scales and zero points anew for each signature; here the signatures share them (`shared`).

    Args:
        content: of `to_tflite`.
        number_format: a key of `FORMATS`.

    Raises:
        UserError: the quantizer changed nothing.
    """
    with silent():
        from ai_edge_quantizer import qtyping, quantizer, recipe_manager

    manager = recipe_manager.RecipeManager()
    for operator, (bits, in_blocks) in FORMATS[number_format].items():
        granularity = qtyping.QuantGranularity.BLOCKWISE_32 if in_blocks else qtyping.QuantGranularity.CHANNELWISE
        operation = qtyping.TFLOperationName[operator]
        manager.add_dynamic_config(regex=".*", operation_name=operation, num_bits=bits, granularity=granularity)
    with silent(), tempfile.TemporaryDirectory() as place:
        source, target = Path(place) / "float.tflite", Path(place) / "small.tflite"
        source.write_bytes(content)
        worker = quantizer.Quantizer(str(source))
        worker.load_quantization_recipe(manager.get_quantization_recipe())
        worker.quantize().export_model(str(target))
        small = shared(target.read_bytes())
    if len(small) > 0.95 * len(content):
        raise UserError(f"quantization to {number_format} saved nothing", "report this")
    return small


class _SharingBuilder(flatbuffers.Builder):
    """A builder that writes equal vectors, and equal strings, once: a flatbuffer's tables may point at the same ones."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._written: dict[Any, int] = {}

    def CreateNumpyVector(self, x: np.ndarray) -> int:
        key = (x.dtype.str, x.tobytes())
        if key not in self._written:
            self.Prep(ALIGNMENT, x.nbytes)
            self._written[key] = super().CreateNumpyVector(x)
        return self._written[key]

    def CreateString(self, s: Any, *others: Any) -> int:
        if s not in self._written:
            self._written[s] = super().CreateString(s, *others)
        return self._written[s]


def shared(content: bytes) -> bytes:
    """A `.tflite` file that says the same with each vector (scales, zero points, shapes, weights) stored once.

    An embedding of 8 bits has 12 bytes of scale and zero point for each row, in each signature. Values that are computed on the
    way get short names: nothing reads the long ones. Weights that the quantizer
    put behind the flatbuffer come back into it, where `sentipress.runtimes.litert.stored_arrays` finds them.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    for buffer in model.buffers:
        if buffer.size:
            buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    for place, graph in enumerate(model.subgraphs):
        named = {*map(int, graph.inputs), *map(int, graph.outputs)}
        for number, tensor in enumerate(graph.tensors):
            if number not in named and model.buffers[tensor.buffer].data is None:
                tensor.name = f"{place}.{number}".encode()
    builder = _SharingBuilder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def to_onnx(model: Encoder) -> bytes:
    """An ONNX file in float32: logits float32 (1, outputs) for ids int32 (1, any length)."""
    plain = copy.deepcopy(model).cpu().eval()
    with silent(), tempfile.TemporaryDirectory() as place:
        file = Path(place) / "model.onnx"
        example = (torch.ones((1, 8), dtype=torch.int32),)
        torch.onnx.export(
            plain, example, str(file), input_names=["ids"], output_names=["logits"], dynamic_axes={"ids": {1: "length"}}, dynamo=False
        )
        return file.read_bytes()


def onnx_8bit(content: bytes) -> bytes:
    """An ONNX file with 8-bit weights, by ONNX Runtime's dynamic quantization.

    Raises:
        UserError: no matrix product became one of whole numbers.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with silent(), tempfile.TemporaryDirectory() as place:
        source, target = Path(place) / "float.onnx", Path(place) / "small.onnx"
        source.write_bytes(content)
        quantize_dynamic(str(source), str(target), weight_type=QuantType.QInt8)
        small = target.read_bytes()
    nodes: list[Any] = list(onnx.load_from_string(small).graph.node)
    if not any(node.op_type == "MatMulInteger" for node in nodes):
        raise UserError("ONNX Runtime quantized no matrix product", "report this")
    return small


def signature_lengths(longest: int) -> list[int]:
    """Lengths for which a file gets a signature: most of a short text's time would go into padding.

    A file for long texts has one for a sentence as well.
    """
    sentence = {SENTENCE} if longest // 4 > SENTENCE else set()
    return sorted({max(1, longest // 4), max(1, longest * 3 // 8), max(1, longest // 2), longest} | sentence)
