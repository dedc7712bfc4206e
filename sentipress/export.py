"""From a Keras model to a `.tflite` file: built-in operators, no state between calls.

TensorFlow's own conversion of an LSTM gives either Flex operators, which no pip interpreter has, or a fused operator
that keeps its state from one call to the next and that CompiledModel refuses. So the same computation is written here
as one loop over the words (a built-in WHILE), which also stops at the last word instead of the last pad.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sentipress.backend import tf
from sentipress.models import WIDE_SCALE, ModelSpec
from sentipress.quiet import quiet

FORMATS = ("float32", "float16", "dynamic_range")


def to_tflite(model: Any, spec: ModelSpec, number_format: str) -> bytes:
    """Convert a stock Keras model.

    Args:
        model: a model made by `sentipress.models.build` for `spec`.
        spec: its shape.
        number_format: "float32"; "float16" (weights stored as halves); "dynamic_range" (weights stored as int8,
            activations quantized on the fly).

    Returns:
        A flatbuffer: int32 ids (batch, spec.sequence_length) to float32 probabilities (batch, 1); the batch is 1
        until the interpreter resizes it.
    """
    if number_format not in FORMATS:
        raise ValueError(f"number_format is one of {FORMATS}, not {number_format!r}")
    function = tf.function(
        InferenceGraph(spec, model.get_weights()),
        input_signature=[tf.TensorSpec([None, spec.sequence_length], tf.int32, name="ids")],
    ).get_concrete_function()
    # A converter converts once; each format gets a new one.
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if number_format != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if number_format == "float16":
        converter.target_spec.supported_types = [tf.float16]
    with quiet():
        return bytes(converter.convert())


class InferenceGraph(tf.Module):
    """What a stock model computes for one batch, as a loop with constants for weights."""

    def __init__(self, spec: ModelSpec, weights: list[np.ndarray]) -> None:
        super().__init__()
        self.spec = spec
        embedding, *recurrent = weights[:-2]
        # One 8-bit scale serves the whole embedding. Columns of unlike range would share it badly, so each is brought
        # to a range of 1 and its scale moves into the weights that it is multiplied with: the same function.
        scale = np.maximum(np.abs(embedding).max(axis=0), 1e-9)
        self.embedding = embedding / scale
        # One product of word and state per step: one large product for all words would count the padding as well, and
        # took 1.2 times as long (LSTM 64, median of reviews).
        self.directions = [
            (np.concatenate([kernel * scale[:, np.newaxis], recurrent_kernel]), bias)
            for kernel, recurrent_kernel, bias in zip(recurrent[::3], recurrent[1::3], recurrent[2::3], strict=True)
        ]
        self.wide_scale = scale * WIDE_SCALE
        self.output_kernel, self.output_bias = weights[-2:]

    def __call__(self, ids: Any) -> Any:
        """Ids (batch, sequence_length) int32 to probabilities (batch, 1) float32."""
        spec = self.spec
        words = tf.gather(self.embedding, ids)
        if spec.masked:
            lengths = tf.reduce_sum(tf.cast(tf.not_equal(ids, 0), tf.int32), axis=1)
            steps = tf.reduce_max(lengths)
        else:
            lengths, steps = None, tf.constant(spec.sequence_length)
        batch = tf.shape(ids)[0]
        zero = tf.zeros([batch, spec.units])

        def body(step: Any, *state: Any) -> tuple[Any, ...]:
            following = []
            for number, (kernels, bias) in enumerate(self.directions):
                hidden, cell, best, total = state[4 * number : 4 * number + 4]
                backwards = number == 1
                if backwards and spec.masked:
                    word = tf.gather(words, tf.maximum(lengths - 1 - step, 0), axis=1, batch_dims=1)
                else:
                    word = tf.gather(words, spec.sequence_length - 1 - step if backwards else step, axis=1)
                gates = tf.matmul(tf.concat([word, hidden], axis=1), kernels) + bias
                entered, forget, candidate, output = tf.split(gates, 4, axis=1)  # Keras's order
                cell = tf.sigmoid(forget) * cell + tf.sigmoid(entered) * tf.tanh(candidate)
                hidden = tf.sigmoid(output) * tf.tanh(cell)
                if spec.masked:
                    # Past its own end a review's state no longer counts, so only maximum and sum are guarded.
                    real = tf.cast(step < lengths, tf.float32)[:, tf.newaxis]
                    best = tf.maximum(best, hidden * real)
                    total = total + hidden * real if spec.pooling == "wide" else total
                following += [hidden, cell, best, total]
            return step + 1, *following

        final = tf.while_loop(lambda step, *_: step < steps, body, [tf.constant(0), *[zero] * (4 * len(self.directions))])
        states = [final[1 + 4 * number : 5 + 4 * number] for number in range(len(self.directions))]
        features = [best if spec.masked else hidden for hidden, _, best, _ in states]
        if spec.pooling == "wide":
            present = tf.cast(tf.not_equal(ids, 0), tf.float32)
            count = tf.reduce_sum(present, axis=1, keepdims=True)
            features += [total / count for *_, total in states]
            features.append(tf.reduce_sum(words * present[:, :, tf.newaxis], axis=1) / count * self.wide_scale)
        features = tf.concat(features, axis=1)
        return tf.sigmoid(tf.matmul(features, self.output_kernel) + self.output_bias)
