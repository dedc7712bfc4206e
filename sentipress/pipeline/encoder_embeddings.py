"""What the encoders of a folder make of texts before their head: teacher, students, and the encoder as it was published."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sentipress.core import manifest
from sentipress.core.errors import UserError
from sentipress.evaluation import records
from sentipress.pipeline.encoder_space import EncoderBase, EncoderSpace
from sentipress.runtimes.encoder_file import EncoderModel
from sentipress.transformer import pretrained
from sentipress.transformer.attention import Encoder
from sentipress.transformer.inference import embeddings_of


def embedded(space: EncoderSpace, base: EncoderBase, texts: Sequence[str]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Embeddings of texts by every encoder of a folder.

    Args:
        space: the folder.
        base: its teacher.
        texts: cleaned.

    Returns:
        Name of each encoder to float32 (texts, width), and the names of the encoders' files.

    Raises:
        UserError: a student is damaged, or the setting `device` asks for a GPU that is not there.
    """
    remedy, device = manifest.run(manifest.ENCODER_DISTILLATION, space.folder), space.device()
    found: dict[str, np.ndarray] = {}
    inputs: list[str] = []

    def add(name: str, model: Encoder, ids: np.ndarray) -> None:
        found[name] = embeddings_of(model.to(device), ids, name)
        model.to("cpu")  # room for the next one

    for path in [base.runtime.path, *sorted(space.folder.glob("modelo_destilado*.safetensors"))]:
        if records.metrics_path(space.folder, path.stem).is_file():
            record = records.load(space.folder, path.stem, remedy)
            runtime = base.runtime if path == base.runtime.path else EncoderModel(path, remedy, space.tokenizer, space.task)
            name = str(record["technique"])
            add(f"{name} ({path.stem})" if name in found else name, runtime.model, runtime.prepare(texts))
            inputs.append(path.name)
    if base.spec.encoder == pretrained.BUNDLED_NAME:
        try:
            untouched = pretrained.load(pretrained.BUNDLED)
        except UserError as error:
            print(f"left out: {pretrained.BUNDLED_NAME} as published; {error}")
        else:
            # Its own pooling and pieces, whatever the fine-tuned one has.
            ids = untouched.tokenizer(space.tokenizer.sequence_length).encode(texts)
            add(f"{untouched.name}, not fine-tuned", untouched.network(1, "mean"), ids)
    return found, inputs
