"""`.safetensors` files of encoders: saving them so that equal models give equal bytes, loading them, running them with PyTorch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from sentipress.core import files
from sentipress.core.errors import UserError
from sentipress.data.task import SENTIMENT, Task
from sentipress.runtimes.network import NetworkRuntime
from sentipress.text.encoder import TextEncoder
from sentipress.transformer.attention import Encoder, parameters_of
from sentipress.transformer.inference import logits_of
from sentipress.transformer.shapes import EncoderSpec

SPEC = "sentipress.encoder"  # key of the shape in the file's own metadata


class EncoderModel(NetworkRuntime):
    """A `.safetensors` file with an encoder; many texts are computed on all cores.

    Attributes:
        model: the network.
    """

    def __init__(self, path: Path, remedy: str, encoder: TextEncoder | None = None, task: Task = SENTIMENT) -> None:
        """Load a file.

        Raises:
            UserError: missing or damaged, its outputs are not those of the task, or its vocabulary is not that of its tokenizer.
        """
        super().__init__(path, encoder, task)
        self.model = load_encoder(path, remedy).eval()
        spec = self.model.spec
        if spec.outputs != task.outputs:
            raise UserError(f"{path} gives {spec.outputs} numbers, its {len(task.labels)} labels need {task.outputs}", remedy)
        check_vocabulary(path, spec, encoder, remedy)

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Probabilities of ids int32 (texts, length), in batches of like length."""
        return self.task.probabilities(self.task.shaped(logits_of(self.model, inputs)))

    def predict_one(self, inputs: np.ndarray) -> np.ndarray:
        """Probabilities of ids int32 (1, length) at the text's own length: () for two labels, (labels,) for more."""
        return self.predict_padded(inputs[:, : max(1, int((inputs != self.model.spec.padding_id).sum()))])

    def predict_padded(self, inputs: np.ndarray) -> np.ndarray:
        """The same with all padding computed. On one thread, as the other formats: a single text has too little work for more."""
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with torch.inference_mode():
                logits = self.model(torch.from_numpy(np.ascontiguousarray(inputs))).float().numpy()
        finally:
            torch.set_num_threads(threads)
        return np.asarray(self.task.probabilities(self.task.shaped(logits))[0])

    def stored_arrays(self) -> dict[str, np.ndarray]:
        """Weights by name."""
        return parameters_of(self.model)


def check_vocabulary(path: Path, spec: EncoderSpec, encoder: TextEncoder | None, remedy: str) -> None:
    """Refuse a tokenizer whose ids a network does not have, or whose texts are longer than it can read.

    Raises:
        UserError: see above.
    """
    if encoder is None:
        return
    if encoder.vocabulary_size > spec.vocabulary_size or encoder.padding_id != spec.padding_id:
        raise UserError(f"{path} reads {spec.vocabulary_size:,} ids, its vocabulary gives {encoder.vocabulary_size:,}", remedy)
    if encoder.sequence_length > spec.longest:
        raise UserError(f"{path} reads texts of {spec.longest} ids, its vocabulary gives {encoder.sequence_length}", remedy)


def save_encoder(model: Encoder, path: Path) -> None:
    """Write a network and its shape atomically; equal networks give equal bytes."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    files.write_bytes(path, save(tensors, {SPEC: json.dumps(model.spec.as_dict())}))


def load_encoder(path: Path, remedy: str) -> Encoder:
    """Load what `save_encoder` wrote; nothing in the file is run.

    Raises:
        UserError: missing, damaged, or of another kind.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing", remedy)
    try:
        with safe_open(path, "pt") as content:
            spec = EncoderSpec.of(json.loads((content.metadata() or {})[SPEC]))
            tensors = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118 - it is no dictionary
        model = Encoder(spec)
        model.load_state_dict(tensors)
    except KeyError as error:
        raise UserError(f"{path} is no encoder of this project (it lacks {error})", remedy) from None
    except (SafetensorError, OSError, ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"{path} is damaged ({str(error).splitlines()[0][:200]})", remedy) from None
    return model
