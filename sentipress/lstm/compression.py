"""tensorflow-model-optimization, quietly. Importing it takes seconds and 100 MB, so only what prunes or clusters does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sentipress.core.backend import keras, tf
from sentipress.core.quiet import quiet

__all__ = ["clustering", "sparsity", "wrapped_copy"]

with quiet():
    from tensorflow_model_optimization.clustering import keras as clustering
    from tensorflow_model_optimization.sparsity import keras as sparsity


def wrapped_copy(model: Any, wrap: Callable[[Any], Any]) -> Any:
    """A copy of a model with the layers that `wrap` gives for its own.

    Without AutoGraph, which would translate the wrappers of tfmot first: a small network is wrapped in 0.2 s in place of 0.8.
    """
    return tf.autograph.experimental.do_not_convert(keras.models.clone_model)(model, clone_function=wrap)
