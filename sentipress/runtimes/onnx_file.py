"""Running an encoder's `.onnx` file with ONNX Runtime on one thread."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from sentipress.core.errors import UserError
from sentipress.data.task import SENTIMENT, Task
from sentipress.runtimes.network import NetworkRuntime
from sentipress.text.encoder import TextEncoder


class OnnxEncoder(NetworkRuntime):
    """An `.onnx` encoder; reads a text at its own length."""

    def __init__(self, path: Path, remedy: str, encoder: TextEncoder, task: Task = SENTIMENT) -> None:
        """Load a file.

        Raises:
            UserError: missing or damaged, of another kind, or its outputs are not those of the task.
        """
        super().__init__(path, encoder, task)
        if not path.is_file():
            raise UserError(f"{path} is missing", remedy)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # Without VNNI the default 8-bit products can overflow 16 bits: other answers than on a newer processor.
        options.add_session_config_entry("session.x64quantprecision", "1")
        try:
            self._session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # the library raises many kinds
            raise UserError(f"{path} is damaged ({str(error)[:200]})", remedy) from None
        inputs, results = self._session.get_inputs(), self._session.get_outputs()
        if [one.name for one in inputs] != ["ids"] or [one.name for one in results] != ["logits"]:
            raise UserError(f"{path} does not give logits for ids: it is no encoder of this project", remedy)
        if results[0].shape[-1] != task.outputs:
            raise UserError(f"{path} gives {results[0].shape[-1]} numbers, its {len(task.labels)} labels need {task.outputs}", remedy)

    def _logits(self, inputs: np.ndarray) -> np.ndarray:
        return np.asarray(self._session.run(["logits"], {"ids": inputs})[0])

    def predict_one(self, inputs: np.ndarray) -> np.ndarray:
        """Probabilities of ids int32 (1, length) at the text's own length: () for two labels, (labels,) for more."""
        return self.predict_padded(inputs[:, : max(1, int((inputs != self.encoder.padding_id).sum()))])

    def predict_padded(self, inputs: np.ndarray) -> np.ndarray:
        """The same with all padding computed."""
        return np.asarray(self.task.probabilities(self.task.shaped(self._logits(inputs)))[0])

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Probabilities of ids int32 (texts, length), one text a call."""
        from tqdm import tqdm

        logits = np.zeros((len(inputs), self.task.outputs), np.float32)
        for number, row in enumerate(tqdm(inputs, desc=self.path.name, unit=" texts", leave=False, disable=None)):
            used = max(1, int((row != self.encoder.padding_id).sum()))
            logits[number] = self._logits(row[np.newaxis, :used])[0]
        return self.task.probabilities(self.task.shaped(logits))

    def stored_arrays(self) -> dict[str, np.ndarray]:
        """Constants of the file, as stored."""
        import onnx
        from onnx import numpy_helper

        model = onnx.load(str(self.path))
        return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
