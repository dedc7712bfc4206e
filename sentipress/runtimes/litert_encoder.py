"""Running an encoder's `.tflite` file, which has a signature for each of several lengths; no PyTorch here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from sentipress.core.errors import UserError
from sentipress.core.quiet import quiet
from sentipress.data.task import SENTIMENT, Task
from sentipress.runtimes.litert import stored_arrays
from sentipress.runtimes.network import NetworkRuntime
from sentipress.text.encoder import TextEncoder
from sentipress.transformer.shapes import SIGNATURE


class LiteRTEncoder(NetworkRuntime):
    """A `.tflite` encoder on one thread. One interpreter: not for several threads at once.

    Attributes:
        lengths: of its signatures, rising.
    """

    def __init__(self, path: Path, remedy: str, encoder: TextEncoder, task: Task = SENTIMENT) -> None:
        """Load a file.

        Raises:
            UserError: missing or damaged, without signatures, or its inputs and outputs are not those of encoder and task.
        """
        super().__init__(path, encoder, task)
        if not path.is_file():
            raise UserError(f"{path} is missing", remedy)
        try:
            # From bytes: the score is that of this file even if another run replaces it meanwhile.
            with quiet(show_on_failure=False):
                self._interpreter = Interpreter(model_content=path.read_bytes(), num_threads=1)
                signatures = self._interpreter.get_signature_list()
                self._interpreter.allocate_tensors()  # prints which kernels it took; later calls print nothing more
        except (ValueError, RuntimeError) as error:
            raise UserError(f"{path} is damaged ({error})", remedy) from None
        lengths = [name.removeprefix(SIGNATURE) for name in signatures if name.startswith(SIGNATURE)]
        self.lengths = sorted(int(length) for length in lengths if length.isdecimal())
        if not self.lengths:
            raise UserError(f"{path} has no signature {SIGNATURE}<length>: it is no encoder of this project", remedy)
        if self.lengths[-1] != encoder.sequence_length:
            raise UserError(f"{path} reads {self.lengths[-1]} ids, its vocabulary gives {encoder.sequence_length}", remedy)
        self._runners: dict[int, tuple[Any, str, str]] = {}
        outputs = int(self._runner(self.lengths[0])[0].get_output_details()[self._runner(self.lengths[0])[2]]["shape"][-1])
        if outputs != task.outputs:
            raise UserError(f"{path} gives {outputs} numbers, its {len(task.labels)} labels need {task.outputs}", remedy)

    def _runner(self, length: int) -> tuple[Any, str, str]:
        """The signature of a length with the names of its input and output; made when it is first needed, for its memory."""
        if length not in self._runners:
            name = f"{SIGNATURE}{length}"
            names = self._interpreter.get_signature_list()[name]
            with quiet(show_on_failure=False):
                self._runners[length] = (self._interpreter.get_signature_runner(name), names["inputs"][0], names["outputs"][0])
        return self._runners[length]

    def _logits(self, inputs: np.ndarray, length: int) -> np.ndarray:
        runner, source, target = self._runner(length)
        return np.asarray(runner(**{source: inputs[:, :length]})[target])

    def logits(self, inputs: np.ndarray) -> np.ndarray:
        """Logits float32 (1, outputs) of ids int32 (1, length), by the shortest signature that holds the text."""
        used = int((inputs != self.encoder.padding_id).sum())
        return self._logits(inputs, next(length for length in self.lengths if length >= used))

    def longest(self, inputs: np.ndarray) -> np.ndarray:
        """The same by the longest signature, with all padding computed."""
        return self._logits(inputs, self.lengths[-1])

    def predict_one(self, inputs: np.ndarray) -> np.ndarray:
        """Probabilities of ids int32 (1, length): () for two labels, (labels,) for more."""
        return np.asarray(self.task.probabilities(self.task.shaped(self.logits(inputs)))[0])

    def predict_padded(self, inputs: np.ndarray) -> np.ndarray:
        """The same by the longest signature."""
        return np.asarray(self.task.probabilities(self.task.shaped(self.longest(inputs)))[0])

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Probabilities of ids int32 (texts, length), one text a call as on a phone."""
        from tqdm import tqdm  # not where single texts are judged

        logits = np.zeros((len(inputs), self.task.outputs), np.float32)
        for number, row in enumerate(tqdm(inputs, desc=self.path.name, unit=" texts", leave=False, disable=None)):
            logits[number] = self.logits(row[np.newaxis])[0]
        return self.task.probabilities(self.task.shaped(logits))

    def stored_arrays(self) -> dict[str, np.ndarray]:
        """Constants of the file, as stored."""
        return stored_arrays(self.path)
