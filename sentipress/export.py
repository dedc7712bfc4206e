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

FORMATS = ("float32", "float16", "dynamic_range", "int4")
LEVELS = 7  # of 4 bits either side of zero
# Up to so many LSTM units both directions go through one product, half of it zeros: 0.77 of the time at 16 units, 0.82 at
# 32. At 64 it is 0.91 for a file that is 4 % larger.
TOGETHER_UNITS = 32
CLIPS = np.linspace(0.3, 1.0, 36)  # shares of a column's largest value that are tried as its range


def to_tflite(model: Any, spec: ModelSpec, number_format: str) -> bytes:
    """Convert a stock Keras model.

    Args:
        model: a model made by `sentipress.models.build` for `spec`.
        spec: its shape.
        number_format: "float32"; "float16" (weights stored as halves); "dynamic_range" (weights stored as int8,
            activations quantized on the fly); "int4" (the same with two values of the embedding in a byte).

    Returns:
        A flatbuffer: int32 ids (batch, spec.sequence_length) to float32 probabilities (batch, 1); the batch is 1
        until the interpreter resizes it.
    """
    if number_format not in FORMATS:
        raise ValueError(f"number_format is one of {FORMATS}, not {number_format!r}")
    weights = model.get_weights()
    scale = clipped_ranges(weights[0]) if number_format == "int4" else np.maximum(np.abs(weights[0]).max(axis=0), 1e-9)
    function = tf.function(
        InferenceGraph(spec, weights, scale, flat=number_format == "int4"),
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
        content = bytes(converter.convert())
    return with_int4_lookup(content, to_int4(weights[0], scale)) if number_format == "int4" else content


def clipped_ranges(embedding: np.ndarray) -> np.ndarray:
    """Range of each column for 4 bits: the share of its largest value that gives the least squared error; (columns,)."""
    largest = np.maximum(np.abs(embedding).max(axis=0), 1e-9)
    errors = [((to_int4(embedding, largest * clip) * largest * clip / LEVELS - embedding) ** 2).sum(axis=0) for clip in CLIPS]
    return np.asarray(largest * CLIPS[np.argmin(errors, axis=0)], np.float32)


def to_int4(embedding: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Values of an embedding as whole numbers from -7 to 7, int8 (words, columns); 7 stands for a column's `scale`."""
    return np.clip(np.rint(embedding / scale * LEVELS), -LEVELS, LEVELS).astype(np.int8)


def with_int4_lookup(content: bytes, table: np.ndarray) -> bytes:
    """A file whose 8-bit embedding is one of 4 bits.

    LiteRT reads 4-bit tables in EMBEDDING_LOOKUP alone, which gives floats; TensorFlow's converter writes a GATHER of
    8 bits and a DEQUANTIZE. Both are replaced.

    Args:
        content: flatbuffer with one GATHER from a table of this shape, of ids (n,).
        table: int8 (words, columns), -7 to 7; stands for a seventh each.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    codes = [code.builtinCode for code in model.operatorCodes]

    def reads(operator: Any, code: int, tensor: int) -> bool:
        return codes[operator.opcodeIndex] == code and operator.inputs[0] == tensor

    (gather,) = [
        operator
        for operator in graph.operators
        if codes[operator.opcodeIndex] == schema.BuiltinOperator.GATHER
        and list(graph.tensors[operator.inputs[0]].shape) == list(table.shape)
    ]
    # A table of fewer than 1,024 numbers is left as floats, and nothing follows.
    following = [o for o in graph.operators if reads(o, schema.BuiltinOperator.DEQUANTIZE, gather.outputs[0])]
    low, high = np.append(table.ravel(), np.zeros(table.size % 2, np.int8)).astype(np.uint8).reshape(-1, 2).T
    values = graph.tensors[gather.inputs[0]]
    model.buffers[values.buffer].data = (low & 15) | (high << 4)
    values.type = schema.TensorType.INT4
    values.quantization = schema.QuantizationParametersT()
    values.quantization.scale, values.quantization.zeroPoint = [1 / LEVELS], [0]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.EMBEDDING_LOOKUP
    code.version = 4  # the first one with 4-bit tables
    model.operatorCodes.append(code)
    gather.opcodeIndex = len(model.operatorCodes) - 1
    gather.inputs = [gather.inputs[1], gather.inputs[0]]
    gather.builtinOptionsType, gather.builtinOptions = 0, None
    for dequantize in following:
        gather.outputs = dequantize.outputs
        graph.operators.remove(dequantize)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def together(spec: ModelSpec) -> bool:
    """Whether both directions of a network go through one product."""
    return spec.bidirectional and spec.masked and spec.units <= TOGETHER_UNITS


def filling(spec: ModelSpec) -> int:
    """Zeros that a file of this shape has between the kernels of its two directions."""
    return 8 * spec.units * (spec.embedding_dim + spec.units) if together(spec) else 0


def side_by_side(directions: list[tuple[np.ndarray, np.ndarray]], spec: ModelSpec) -> tuple[np.ndarray, np.ndarray]:
    """Kernels (2 * (columns + units), 8 * units) and bias of both directions in one product, with zeros between them.

    Rows are both words, then both states; columns are both directions of one gate, then of the next: the two states then
    lie side by side, and every operation of a step is done once for both.
    """
    columns, units = spec.embedding_dim, spec.units
    kernels = np.zeros((2, columns + units, 4, 2, units), np.float32)  # direction and row; gate, direction and unit
    for number, (kernel, _) in enumerate(directions):
        kernels[number, :, :, number] = kernel.reshape(columns + units, 4, units)
    rows = np.concatenate([kernels[:, :columns].reshape(2 * columns, -1), kernels[:, columns:].reshape(2 * units, -1)])
    return rows, np.stack([bias.reshape(4, units) for _, bias in directions], axis=1).ravel()


class InferenceGraph(tf.Module):
    """What a stock model computes for one batch, as a loop with constants for weights."""

    def __init__(self, spec: ModelSpec, weights: list[np.ndarray], scale: np.ndarray, flat: bool) -> None:
        """Take the weights of a stock model; `scale` (columns,) is what 1 stands for in each column of the embedding.

        With `flat` words are looked up as one long list.
        """
        super().__init__()
        self.spec, self.flat = spec, flat
        embedding, *recurrent = weights[:-2]
        # One scale serves the whole quantized embedding. Columns of unlike range would share it badly, so each is
        # brought to a range of 1 and its scale moves into the weights that it is multiplied with: the same function.
        self.embedding = embedding / scale
        # One product of words and state per step: one large product for all words would count the padding as well, and
        # took 1.2 times as long (LSTM 64, median of reviews).
        directions = [
            (np.concatenate([kernel * scale[:, np.newaxis], recurrent_kernel]), bias)
            for kernel, recurrent_kernel, bias in zip(recurrent[::3], recurrent[1::3], recurrent[2::3], strict=True)
        ]
        # Direction numbers that share a product, its kernels and its bias.
        self.groups = (
            [((0, 1), *side_by_side(directions, spec))] if together(spec) else [((n,), *each) for n, each in enumerate(directions)]
        )
        self.wide_scale = scale * WIDE_SCALE
        self.output_kernel, self.output_bias = weights[-2:]

    def __call__(self, ids: Any) -> Any:
        """Ids (batch, sequence_length) int32 to probabilities (batch, 1) float32."""
        spec = self.spec
        words = tf.gather(self.embedding, tf.reshape(ids, [-1]) if self.flat else ids)
        if self.flat:
            words = tf.reshape(words, [-1, spec.sequence_length, spec.embedding_dim])
        if spec.masked:
            lengths = tf.reduce_sum(tf.cast(tf.not_equal(ids, 0), tf.int32), axis=1)
            steps = tf.reduce_max(lengths)
        else:
            lengths, steps = None, tf.constant(spec.sequence_length)
        zero = tf.zeros([tf.shape(ids)[0], spec.units * len(self.groups[0][0])])

        def word(step: Any, backwards: bool) -> Any:
            if backwards and spec.masked:
                return tf.gather(words, tf.maximum(lengths - 1 - step, 0), axis=1, batch_dims=1)
            return tf.gather(words, spec.sequence_length - 1 - step if backwards else step, axis=1)

        def body(step: Any, *state: Any) -> tuple[Any, ...]:
            following = []
            for number, (directions, kernels, bias) in enumerate(self.groups):
                hidden, cell, best, total = state[4 * number : 4 * number + 4]
                entering = [*(word(step, direction == 1) for direction in directions), hidden]
                gates = tf.matmul(tf.concat(entering, axis=1), kernels) + bias
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

        final = tf.while_loop(lambda step, *_: step < steps, body, [tf.constant(0), *[zero] * (4 * len(self.groups))])
        states = [final[1 + 4 * number : 5 + 4 * number] for number in range(len(self.groups))]
        features = [best if spec.masked else hidden for hidden, _, best, _ in states]
        if spec.pooling == "wide":
            present = tf.cast(tf.not_equal(ids, 0), tf.float32)
            count = tf.reduce_sum(present, axis=1, keepdims=True)
            features += [total / count for *_, total in states]
            features.append(tf.reduce_sum(words * present[:, :, tf.newaxis], axis=1) / count * self.wide_scale)
        features = tf.concat(features, axis=1)
        return tf.sigmoid(tf.matmul(features, self.output_kernel) + self.output_bias)
