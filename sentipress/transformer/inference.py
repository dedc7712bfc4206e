"""An encoder over many texts, in batches of like length."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from sentipress.transformer.attention import Encoder

IDS_A_BATCH = 8192  # padded ids that are computed at once


def batches(ids: np.ndarray, padding_id: int, ids_a_batch: int = IDS_A_BATCH) -> list[tuple[np.ndarray, np.ndarray]]:
    """Row numbers (texts,) and ids (texts, own length) of batches of texts of like length, longest first.

    Args:
        ids: int32 (texts, length), padded on the right.
        padding_id: what they are padded with.
        ids_a_batch: padded ids in a batch at most, but for one text at least.
    """
    lengths = np.maximum(1, (ids != padding_id).sum(axis=1))
    order = np.argsort(-lengths, kind="stable")
    found, start = [], 0
    while start < len(order):
        length = int(lengths[order[start]])
        rows = order[start : start + max(1, ids_a_batch // length)]
        found.append((rows, ids[rows, :length]))
        start += len(rows)
    return found


def logits_of(model: Encoder, ids: np.ndarray, title: str | None = None) -> np.ndarray:
    """Logits float32 (texts, outputs) of ids int32 (texts, length), computed where the network lies, in the texts' order."""
    return _in_batches(model, model, ids, model.spec.outputs, title)


def embeddings_of(model: Encoder, ids: np.ndarray, title: str | None = None) -> np.ndarray:
    """What the head reads, float32 (texts, width), of ids int32 (texts, length); computed like `logits_of`, without dropout."""
    training = model.training
    model.eval()
    try:
        return _in_batches(model, model.embed, ids, model.spec.width, title)
    finally:
        model.train(training)


def _in_batches(
    model: Encoder, compute: Callable[[torch.Tensor], torch.Tensor], ids: np.ndarray, columns: int, title: str | None
) -> np.ndarray:
    """Rows float32 (texts, columns) that `compute` gives for batches of texts of like length."""
    from tqdm import tqdm

    device = next(model.parameters()).device
    found = np.zeros((len(ids), columns), np.float32)
    with torch.inference_mode(), tqdm(total=len(ids), desc=title, unit=" texts", leave=False, disable=None) as bar:
        for rows, part in batches(ids, model.spec.padding_id):
            found[rows] = compute(torch.from_numpy(part).to(device)).float().cpu().numpy()
            bar.update(len(rows))
    return found
