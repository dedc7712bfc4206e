"""Running `.tflite` files with ai-edge-litert; no TensorFlow here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from sentipress.core.errors import UserError
from sentipress.core.quiet import quiet, quiet_exit
from sentipress.data.task import SENTIMENT, Task
from sentipress.runtimes.network import NetworkRuntime
from sentipress.text.batching import lengths_of
from sentipress.text.encoder import TextEncoder

TOGETHER = 64  # texts in a call: more are no faster


class LiteRTModel(NetworkRuntime):
    """A `.tflite` classifier on one thread. One interpreter: not for several threads at once."""

    def __init__(
        self, path: Path, remedy: str, encoder: TextEncoder | None = None, task: Task = SENTIMENT, content: bytes | None = None
    ) -> None:
        """Load a file, or the `content` that was found in a file.

        Raises:
            UserError: the file is missing or damaged, or its inputs and outputs are not those of encoder and task.
        """
        super().__init__(path, encoder, task)
        if content is None and not path.is_file():
            raise UserError(f"{path} is missing", remedy)
        try:
            # From bytes: the score is that of this file even if another run replaces it meanwhile.
            with quiet(show_on_failure=False):
                self._interpreter = Interpreter(model_content=content or path.read_bytes(), num_threads=1)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise UserError(f"{path} is damaged ({error})", remedy) from None
        self._input = self._interpreter.get_input_details()[0]["index"]
        length = self._interpreter.get_input_details()[0]["shape"][-1]
        if encoder is not None and length != encoder.sequence_length:
            raise UserError(f"{path} reads {length} ids, its vocabulary gives {encoder.sequence_length}", remedy)
        output = self._interpreter.get_output_details()[0]
        self._output = output["index"]
        if output["shape"][-1] != task.outputs:
            raise UserError(f"{path} gives {output['shape'][-1]} numbers, its {len(task.labels)} labels need {task.outputs}", remedy)

    def predict_one(self, inputs: np.ndarray) -> np.ndarray:
        """Probabilities of ids int32 (1, length): () for two labels, (labels,) for more."""
        self._interpreter.set_tensor(self._input, inputs)
        self._interpreter.invoke()
        return np.asarray(self.task.shaped(self._interpreter.get_tensor(self._output))[0])

    def predict_batch(self, inputs: np.ndarray) -> np.ndarray:
        """Probabilities of ids int32 (texts, length), `TOGETHER` texts of like length in a call: the same bits as one by one."""
        # The loop of a network runs to the last word of the longest text of a call.
        order = np.argsort(lengths_of(inputs), kind="stable")
        outputs = np.zeros((len(inputs), self.task.outputs), np.float32)
        size = 1
        try:
            for start in range(0, len(inputs), TOGETHER):
                rows = order[start : start + TOGETHER]
                if len(rows) != size:
                    size = self._resize(len(rows))
                self._interpreter.set_tensor(self._input, inputs[rows])
                self._interpreter.invoke()
                outputs[rows] = self._interpreter.get_tensor(self._output)
        finally:
            self._resize(1)  # what `predict_one` gives
        return self.task.shaped(outputs)

    def _resize(self, texts: int) -> int:
        shape = self._interpreter.get_input_details()[0]["shape"]
        self._interpreter.resize_tensor_input(self._input, [texts, *shape[1:]])
        self._interpreter.allocate_tensors()
        return texts

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Probabilities of ids int32 (texts, length), one text a call as on a phone."""
        from tqdm import tqdm  # not where single texts are judged, which needs numpy and ai-edge-litert alone

        bar = tqdm(inputs, desc=self.path.name, unit=" texts", leave=False, disable=None)
        answers = [self.predict_one(row[np.newaxis]) for row in bar]
        return np.array(answers, np.float32) if answers else np.zeros((0, *[self.task.outputs][: not self.task.binary]), np.float32)

    def stored_arrays(self) -> dict[str, np.ndarray]:
        """See `stored_arrays` of this module."""
        return stored_arrays(self.path)


def _parsed(path: Path) -> Any:
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)


def custom_operators(path: Path) -> list[str]:
    """Names of operators in any graph of the file, loop bodies included, that LiteRT does not bring itself (Flex)."""
    return [str(code.customCode) for code in _parsed(path).operatorCodes if code.customCode]


def operators(path: Path) -> set[int]:
    """Codes of all operators of the file (`schema.BuiltinOperator`), loop bodies included."""
    return {int(code.builtinCode) for code in _parsed(path).operatorCodes}


def stored_arrays(path: Path) -> dict[str, np.ndarray]:
    """Constants of at least 64 numbers in a `.tflite` file, as stored (int8, float16 or float32), by tensor name.

    Two 4-bit numbers of a byte come as two int8, and " (4 bits)" in the name.

    Read from the flatbuffer itself, so that parameters and zeros are those of the shipped bytes.
    """
    from ai_edge_litert import schema_py_generated as schema

    types = {
        schema.TensorType.FLOAT32: np.float32,
        schema.TensorType.FLOAT16: np.float16,
        schema.TensorType.INT8: np.int8,
    }
    model = _parsed(path)
    arrays: dict[str, np.ndarray] = {}
    seen: set[int] = set()
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            data = model.buffers[tensor.buffer].data
            half = tensor.type == schema.TensorType.INT4
            if data is None or not (half or tensor.type in types) or tensor.buffer in seen:
                continue
            seen.add(tensor.buffer)
            array = np.frombuffer(bytes(data), np.int8 if half else types[tensor.type])
            if half:  # the lower four bits first, each with its sign
                array = np.stack([array << 4 >> 4, array >> 4], axis=1).ravel()[: int(np.prod(tensor.shape))]
            if array.size >= 64:
                name = tensor.name.decode() if isinstance(tensor.name, bytes) else str(tensor.name)
                arrays[f"{name}#{tensor.buffer}{' (4 bits)' if half else ''}"] = array.reshape(tensor.shape)
    return arrays


def loads_as_compiled_model(path: Path, ids: np.ndarray, outputs: int) -> np.ndarray:
    """Outputs float32 (outputs,) for ids int32 (1, length) by LiteRT's CompiledModel, the other runtime of the package.

    Of several signatures the one is taken that reads so many ids.

    Raises:
        RuntimeError: CompiledModel refuses the file.
    """
    from ai_edge_litert.compiled_model import CompiledModel

    quiet_exit()
    with quiet():
        model = CompiledModel.from_file(str(path))
        names = list(model.get_signature_list())
        index = model.get_signature_index(next((name for name in names if name.endswith(f"_{ids.shape[1]}")), names[0]))
        inputs, results = model.create_input_buffers(index), model.create_output_buffers(index)
        inputs[0].write(ids)
        model.run_by_index(index, inputs, results)
        probabilities = np.array(results[0].read(outputs, np.float32))
        del model, inputs, results
    return probabilities
