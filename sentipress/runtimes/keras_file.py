"""`.keras` files: saving them so that equal models give equal bytes, loading them in safe mode, running them."""

from __future__ import annotations

import json
import math
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sentipress.core import files
from sentipress.core.backend import as_graph, keras, tf
from sentipress.core.errors import UserError
from sentipress.core.quiet import quiet
from sentipress.data.task import SENTIMENT, Task
from sentipress.runtimes.network import NetworkRuntime
from sentipress.text.batching import lengths_of
from sentipress.text.encoder import TextEncoder

STEP = 50  # XLA compiles a program for each length: one text is filled up to the next multiple of this


class KerasModel(NetworkRuntime):
    """A `.keras` file with one of the project's stock networks.

    Attributes:
        model: as Keras loaded it.
    """

    def __init__(self, path: Path, remedy: str, encoder: TextEncoder | None = None, task: Task = SENTIMENT) -> None:
        """Load a file.

        Raises:
            UserError: see `load_keras`; or its outputs are not those of the task.
        """
        super().__init__(path, encoder, task)
        self.model = load_keras(path, remedy)
        self._masked = bool(self.model.get_layer("embedding").mask_zero)  # then padding on the right is invisible
        self._call = traced(self.model)
        self._predict = predictor(self.model, bucketed=self._masked, call=self._call)
        self._compiled = traced(self.model, compiled=True)
        outputs = self.model.output_shape[-1]
        if outputs != task.outputs:
            raise UserError(f"{path} gives {outputs} numbers, its {len(task.labels)} labels need {task.outputs}", remedy)

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Probabilities of ids int32 (texts, length), in batches of like length where padding is invisible."""
        with quiet():
            return self.task.shaped(self._predict(inputs))

    def predict_one(self, inputs: np.ndarray) -> Any:
        """Probabilities of ids int32 (1, length), compiled by XLA for the next length that is a multiple of `STEP`.

        The fastest way of Keras. Shape () for two labels, (labels,) for more.
        """
        return self.predict_padded(cut(inputs, STEP) if self._masked else inputs)

    def predict_padded(self, inputs: np.ndarray) -> Any:
        """The same with all padding computed."""
        return self.task.shaped(self._compiled(inputs).numpy())[0]

    def predict_batch(self, inputs: np.ndarray) -> np.ndarray:
        """Probabilities of ids int32 (texts, length) in one call, cut to the longest text."""
        return self.task.shaped(self._call(cut(inputs) if self._masked else inputs).numpy())

    def stored_arrays(self) -> dict[str, np.ndarray]:
        """Weights by name."""
        return {variable.name.split(":")[0]: variable.numpy() for variable in self.model.weights}


def traced(model: Any, compiled: bool = False) -> Callable[[np.ndarray], Any]:
    """A Keras model as a TensorFlow function of ids int32 (texts, length), for texts of any length.

    Traced once, at the first call, which takes a second. Gives a tensor float32 (texts, outputs).

    Args:
        model: any Keras model of ids.
        compiled: by XLA, once more for each shape.
    """
    function: Callable[[np.ndarray], Any] = as_graph(
        lambda part: model(part, training=False), input_signature=[tf.TensorSpec([None, None], tf.int32)], jit_compile=compiled
    )
    return function


def predictor(
    model: Any, bucketed: bool, batch_size: int = 256, call: Callable[[np.ndarray], Any] | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """A function of ids int32 (texts, length) that gives a Keras model's outputs, float32 (texts, outputs), in their order.

    Args:
        model: any Keras model of ids.
        bucketed: put texts of like length into a batch and cut right-padded ids to the longest of it.
        batch_size: texts in one call.
        call: the model as `traced` gave it, if it is traced already.
    """
    call = call or traced(model)

    def predict(ids: np.ndarray) -> np.ndarray:
        order = np.argsort(lengths_of(ids), kind="stable") if bucketed else np.arange(len(ids))
        outputs = np.empty((len(ids), model.output_shape[-1]), np.float32)
        for rows in np.split(order, range(batch_size, len(order), batch_size)):
            part = ids[rows]
            outputs[rows] = call(cut(part) if bucketed else part).numpy()
        return outputs

    return predict


def cut(ids: np.ndarray, multiple: int = 1) -> np.ndarray:
    """Right-padded ids without the columns that are padding for every text; their number is rounded up to a multiple, 1 at least."""
    longest = max(1, int(np.count_nonzero(ids, axis=1).max()))
    return ids[:, : math.ceil(longest / multiple) * multiple]


def save_keras(model: Any, path: Path) -> None:
    """Write a `.keras` file without optimizer state, atomically; equal models give equal bytes.

    Keras writes the time and memory addresses into the archive, which would make every file differ from the one before.
    They become a constant and running numbers.
    """
    with files.atomic(path) as temporary:
        model.save(temporary, include_optimizer=False) if model.optimizer else model.save(temporary)
        with zipfile.ZipFile(temporary) as archive:
            members = {name: archive.read(name) for name in sorted(archive.namelist())}
        about = json.loads(members["metadata.json"])
        numbers: dict[str, str] = {}
        members["config.json"] = re.sub(
            r'(?<="shared_object_id": )\d+',
            lambda match: numbers.setdefault(match[0], str(len(numbers) + 1)),
            members["config.json"].decode(),
        ).encode()
        members["metadata.json"] = json.dumps({**about, "date_saved": "1980-01-01@00:00:00"}).encode()
        with zipfile.ZipFile(temporary, "w") as archive:
            for name, content in members.items():
                archive.writestr(zipfile.ZipInfo(name), content)


def load_keras(path: Path, remedy: str) -> Any:
    """Load a stock `.keras` file in safe mode: code inside the file is refused, not run.

    Raises:
        UserError: missing, damaged, or with code inside.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing", remedy)
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras, h5py and zipfile raise many kinds for a damaged file
        raise UserError(f"{path} cannot be loaded ({str(error)[:200]})", remedy) from None
