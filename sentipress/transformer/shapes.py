"""The shape of an encoder of BERT's family."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

SIGNATURE = "ids_"  # begins the name of a signature of a `.tflite` file, which ends with its length
POOLINGS = ("mean", "first")


@dataclass(frozen=True)
class EncoderSpec:
    """An encoder with a linear head: word and position embeddings, layers of attention and feed-forward, each with its own size.

    Attributes:
        encoder: name of what the weights started from.
        vocabulary_size: rows of the word embedding.
        width: columns of everything that passes between layers.
        positions: rows of the position embedding.
        first_position: row of a text's first id: 0 for BERT, 2 for RoBERTa.
        padding_id: id that is no part of a text.
        head_width: columns of one attention head.
        heads: attention heads of each layer.
        columns: hidden columns of each layer's feed-forward part.
        epsilon: of layer normalization.
        pooling: "mean" over a text's ids, or the "first" one.
        outputs: columns of the head: 1 for two labels, else one for each.
    """

    encoder: str
    vocabulary_size: int
    width: int
    positions: int
    first_position: int
    padding_id: int
    head_width: int
    heads: tuple[int, ...]
    columns: tuple[int, ...]
    epsilon: float
    pooling: str
    outputs: int

    @property
    def layers(self) -> int:
        """Layers of attention and feed-forward."""
        return len(self.heads)

    @property
    def longest(self) -> int:
        """Most ids of a text."""
        return self.positions - self.first_position

    def as_dict(self) -> dict[str, Any]:
        """The fields, for a JSON file."""
        return {**asdict(self), "heads": list(self.heads), "columns": list(self.columns)}

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> EncoderSpec:
        """Read what `as_dict` wrote.

        Raises:
            TypeError, KeyError: a field is missing or unknown.
        """
        return cls(**{**content, "heads": tuple(content["heads"]), "columns": tuple(content["columns"])})
