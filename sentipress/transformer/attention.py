"""The network: Devlin et al., "BERT" (2019), section 3, written out so that any layer may lack heads or columns.

The library's own model has one size for all layers and attention kernels that the converter to `.tflite` does not know.
This one computes the same function from the same weights; a test compares them.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from sentipress.transformer.shapes import EncoderSpec

HIDDEN = -1e4  # added to the score of a padding id: minus infinity gives no number where a whole text is padding
START_DEVIATION = 0.02  # of the weights of a new head, as in BERT


class Layer(nn.Module):
    """Attention, then feed-forward, each with a sum and a layer normalization behind it."""

    def __init__(self, spec: EncoderSpec, number: int, dropout: float) -> None:
        super().__init__()
        inner, self.heads, self.head_width = spec.heads[number] * spec.head_width, spec.heads[number], spec.head_width
        self.query, self.key, self.value = (nn.Linear(spec.width, inner) for _ in range(3))
        self.mix = nn.Linear(inner, spec.width)
        self.mix_norm = nn.LayerNorm(spec.width, spec.epsilon)
        self.wide = nn.Linear(spec.width, spec.columns[number])
        self.narrow = nn.Linear(spec.columns[number], spec.width)
        self.norm = nn.LayerNorm(spec.width, spec.epsilon)
        self.dropout = nn.Dropout(dropout)

    def _split(self, values: torch.Tensor) -> torch.Tensor:
        texts, length, _ = values.shape
        return values.reshape(texts, length, self.heads, self.head_width).transpose(1, 2)

    def forward(self, values: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """Values float32 (texts, ids, width) and what is added to the scores, (texts, 1, 1, ids)."""
        query, key, value = self._split(self.query(values)), self._split(self.key(values)), self._split(self.value(values))
        scores = query @ key.transpose(2, 3) * self.head_width**-0.5 + hidden
        mixed = (self.dropout(functional.softmax(scores, dim=-1)) @ value).transpose(1, 2).flatten(2)
        values = self.mix_norm(values + self.dropout(self.mix(mixed)))
        return self.norm(values + self.dropout(self.narrow(functional.gelu(self.wide(values)))))


class Encoder(nn.Module):
    """Ids to logits.

    Attributes:
        spec: the shape.
    """

    def __init__(self, spec: EncoderSpec, dropout: float = 0.1) -> None:
        super().__init__()
        self.spec = spec
        self.words = nn.Embedding(spec.vocabulary_size, spec.width)
        self.positions = nn.Embedding(spec.positions, spec.width)  # the row of the first token type is part of each
        self.norm = nn.LayerNorm(spec.width, spec.epsilon)
        self.layers = nn.ModuleList(Layer(spec, number, dropout) for number in range(spec.layers))
        self.head = nn.Linear(spec.width, spec.outputs)
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.head.weight, std=START_DEVIATION)
        nn.init.zeros_(self.head.bias)

    def embedded(self, ids: torch.Tensor) -> torch.Tensor:
        """Sum of word and position, normalized: float32 (texts, ids, width)."""
        first = self.spec.first_position
        return self.norm(self.words(ids) + self.positions.weight[first : first + ids.shape[1]])

    def hidden_states(self, ids: torch.Tensor) -> list[torch.Tensor]:
        """Values after the embedding and after each layer: float32 (texts, ids, width) each."""
        present = (ids != self.spec.padding_id).to(torch.float32)
        hidden = (1 - present)[:, None, None, :] * HIDDEN
        states = [self.dropout(self.embedded(ids))]
        for layer in self.layers:
            states.append(layer(states[-1], hidden))
        return states

    def pooled(self, ids: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """One row for each text: float32 (texts, width)."""
        if self.spec.pooling == "first":
            return values[:, 0]
        present = (ids != self.spec.padding_id).to(values.dtype)[:, :, None]
        return (values * present).sum(dim=1) / present.sum(dim=1).clamp(min=1)

    def embed(self, ids: torch.Tensor) -> torch.Tensor:
        """What the head reads: float32 (texts, width)."""
        return self.pooled(ids, self.hidden_states(ids)[-1])

    def classified(self, ids: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        """Logits of the last layer's values float32 (texts, ids, width): float32 (texts, outputs)."""
        return torch.as_tensor(self.head(self.dropout(self.pooled(ids, values))))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Logits of ids int32 (texts, ids): float32 (texts, outputs)."""
        return self.classified(ids, self.hidden_states(ids)[-1])


def parameters_of(model: Any) -> dict[str, Any]:
    """Arrays of a network by name, NumPy float32, in its own order."""
    return {name: value.detach().cpu().numpy() for name, value in model.state_dict().items()}


def count_parameters(model: Encoder) -> int:
    """Weights of a network, head included."""
    return sum(value.numel() for value in model.parameters())
