"""Training with an embedding that already has the few values of a 4-bit file, so that the rest of the network fits them."""

from __future__ import annotations

from typing import Any

import numpy as np

from sentipress.core.backend import keras, tf
from sentipress.lstm import export
from sentipress.lstm.networks import ModelSpec, training_of


class RoundedEmbedding(keras.layers.Embedding):
    """An embedding that is read as 4 bits would give it, while its exact values go on learning.

    The gradient passes the rounding as if it were not there: the straight-through estimator (Bengio, Léonard & Courville,
    "Estimating or Propagating Gradients Through Stochastic Neurons", 2013, section 4), as in the quantization-aware training of
    Jacob et al. (2018), section 3.
    """

    def __init__(self, scale: np.ndarray, **settings: Any) -> None:
        """Take the range of each column, float32 (columns,), beside the settings of a Keras embedding."""
        super().__init__(**settings)
        self._step = tf.constant(scale / export.LEVELS)

    def call(self, ids: Any) -> Any:
        """Ids int32 (batch, length) to float32 (batch, length, columns)."""
        exact = tf.convert_to_tensor(self.embeddings)
        rounded = tf.clip_by_value(tf.round(exact / self._step), -export.LEVELS, export.LEVELS) * self._step
        return tf.gather(exact + tf.stop_gradient(rounded - exact), ids)


def rounding_copy(weights: list[np.ndarray], spec: ModelSpec) -> tuple[Any, np.ndarray]:
    """A training model with these weights that reads its embedding rounded; and the range of each column, float32 (columns,)."""
    scale = export.clipped_ranges(weights[0])

    def replace(layer: Any) -> Any:
        return RoundedEmbedding(scale, **layer.get_config()) if layer.name == "embedding" else layer

    copy = keras.models.clone_model(training_of(weights, spec), clone_function=replace)
    copy.set_weights(weights)
    return copy, scale


def rounded(weights: list[np.ndarray], scale: np.ndarray) -> list[np.ndarray]:
    """Weights whose embedding has the values that 4 bits give it; a file of 4 bits then stores them without a loss."""
    return [(export.to_int4(weights[0], scale) * (scale / export.LEVELS)).astype(np.float32), *weights[1:]]
