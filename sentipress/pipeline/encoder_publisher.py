"""Putting encoders into an artifacts folder: saved, loaded back, scored, timed, and described by a metrics file."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sentipress.core import files
from sentipress.core.errors import UserError
from sentipress.core.manifest import Row
from sentipress.evaluation import parameters
from sentipress.pipeline.encoder_space import EncoderSpace
from sentipress.pipeline.published import Published
from sentipress.pipeline.publishing import Publishing
from sentipress.runtimes import pocket
from sentipress.runtimes.encoder_file import EncoderModel, save_encoder
from sentipress.runtimes.interface import Runtime
from sentipress.runtimes.litert import loads_as_compiled_model, stored_arrays
from sentipress.runtimes.litert_encoder import LiteRTEncoder
from sentipress.runtimes.onnx_file import OnnxEncoder
from sentipress.runtimes.pocket import PocketModel
from sentipress.text.tokenizer import Tokenizer
from sentipress.transformer import conversion
from sentipress.transformer.attention import Encoder, count_parameters
from sentipress.transformer.inference import logits_of
from sentipress.transformer.shapes import EncoderSpec

COMPARED = 1000  # test texts at most whose logits in a float32 file are compared with PyTorch's
LARGEST_DIFFERENCE = 1e-3  # of a logit there; beyond it the conversion is wrong
LARGEST_IN_ANOTHER = 0.05  # of a logit between two runtimes of one file with 8-bit activations


class EncoderPublisher(Publishing):
    """Writes the models of one stage of the encoder's track."""

    space: EncoderSpace

    def encoder(self, model: Encoder, row: Row, inputs: Sequence[Path], measured: Mapping[str, Any]) -> Published:
        """Save a network, load it back, and score what was loaded."""
        path = self._pending(row)
        save_encoder(model, path)
        runtime = EncoderModel(path, self._remedy, self.space.tokenizer, self.space.task)
        return self._described(row, inputs, runtime, model.spec, count_parameters(model), measured)

    def tflite(
        self, model: Encoder, content: bytes, number_format: str, row: Row, inputs: Sequence[Path], measured: Mapping[str, Any]
    ) -> Published:
        """Write a network's `.tflite` file in a number format, score it from disk, and try it in CompiledModel.

        Args:
            model: the network.
            content: of `conversion.to_tflite` of it.
            number_format: "float32", or a key of `conversion.FORMATS`.
            row: its place in the table.
            inputs: what it was made from.
            measured: more for its metrics.

        Raises:
            UserError: the file needs foreign operators, its logits are not the network's, or CompiledModel refuses it or
                disagrees with the interpreter.
        """
        path, started = self._pending(row), time.perf_counter()
        files.write_bytes(path, content if number_format == conversion.FLOAT32 else conversion.quantized(content, number_format))
        seconds = time.perf_counter() - started
        self._check_operators(path)
        runtime = LiteRTEncoder(path, self._remedy, self.space.tokenizer, self.space.task)
        measured = {**measured, "seconds": {**measured.get("seconds", {}), "conversion": seconds}, "number_format": number_format}
        if number_format == conversion.FLOAT32:
            measured["agreement"] = self._agreement(model, runtime, path)
        measured["compiled_model"] = {"loads": True, "difference": self._compiled(runtime, path)}
        measured["signatures"] = list(runtime.lengths)
        return self._described(row, inputs, runtime, model.spec, count_parameters(model), measured)

    def onnx(self, model: Encoder, row: Row, inputs: Sequence[Path], measured: Mapping[str, Any]) -> Published:
        """Write a network's `.onnx` file with 8-bit weights and score it from disk."""
        path, started = self._pending(row), time.perf_counter()
        files.write_bytes(path, conversion.onnx_8bit(conversion.to_onnx(model)))
        measured = {**measured, "seconds": {"conversion": time.perf_counter() - started}, "number_format": "ONNX dynamic 8 bits"}
        runtime = OnnxEncoder(path, self._remedy, self.space.tokenizer, self.space.task)
        return self._described(row, inputs, runtime, model.spec, count_parameters(model), measured)

    def pocket(
        self,
        content: bytes,
        tokenizer: Tokenizer,
        shape: Mapping[str, Any],
        counted: tuple[int, int],
        row: Row,
        inputs: Sequence[Path],
        measured: Mapping[str, Any],
    ) -> Published:
        """Pack an LSTM's `.tflite` file and its words into one file, load it back, and score what was loaded.

        Args:
            content: of the file.
            tokenizer: its words.
            shape: of the network, for its metrics.
            counted: its parameters, and zeros of the file that are none.
            row: of the package.
            inputs: what it was made from.
            measured: more for its metrics.
        """
        path = self._pending(row)
        pocket.save(path, content, tokenizer, self.space.task.labels)
        runtime = PocketModel(path, self._remedy)
        with tempfile.TemporaryDirectory() as place:
            file = Path(place) / "model.tflite"
            file.write_bytes(content)
            found = parameters.count(stored_arrays(file), *counted)
        return self._published(row, inputs, runtime, {"seconds": {}, **measured, "parameters": found, "model": dict(shape)})

    def _described(
        self, row: Row, inputs: Sequence[Path], runtime: Runtime, spec: EncoderSpec, total: int, measured: Mapping[str, Any]
    ) -> Published:
        counted = parameters.count(runtime.stored_arrays(), total)
        return self._published(row, inputs, runtime, {"seconds": {}, **measured, "parameters": counted, "model": spec.as_dict()})

    def _agreement(self, model: Encoder, runtime: LiteRTEncoder, path: Path) -> dict[str, Any]:
        """Largest difference of the file's logits from the network's, over test texts."""
        ids = self.space.ids["test"][:COMPARED]
        found = np.concatenate([runtime.logits(row[np.newaxis]) for row in ids])
        difference = float(np.abs(found - logits_of(model, ids)).max())
        if difference > LARGEST_DIFFERENCE:
            raise UserError(f"{path} gives logits that differ by {difference:.4f} from the network's", "report this")
        return {"texts": len(ids), "largest_difference_of_logits": difference}

    def _compiled(self, runtime: LiteRTEncoder, path: Path) -> float:
        ids = self.space.ids["test"][:1]
        try:
            found = loads_as_compiled_model(path, ids, self.space.task.outputs)
        except RuntimeError as error:
            raise UserError(f"{path} does not load in CompiledModel ({error})", "report this") from None
        difference = float(np.abs(found - runtime.longest(ids)[0]).max())
        if difference > LARGEST_IN_ANOTHER:
            raise UserError(f"{path} gives {found} in CompiledModel, {difference:.4f} from the interpreter", "report this")
        return difference
