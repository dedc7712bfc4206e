"""From a Keras model to a `.tflite` file: built-in operators, no state between calls.

TensorFlow's own conversion of an LSTM gives either Flex operators, which no pip interpreter has, or a fused operator
that keeps its state from one call to the next and that CompiledModel refuses. So the same computation is written here
as one loop over the words (a built-in WHILE), which also stops at the last word instead of the last pad.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sentipress.core.backend import as_graph, tf
from sentipress.core.quiet import quiet
from sentipress.lstm.networks import WIDE_SCALE, ModelSpec

FORMATS = ("float32", "float16", "dynamic_range", "int4")
LEVELS = 7  # of 4 bits either side of zero
# `python benchmarks/loop.py`, 8 bits, two cores of an Intel Xeon at 2.5 GHz. Up to so many LSTM units both directions go through
# one product, half of it zeros: 0.70 of the time of two at 16 units, 0.75 at 32; at 64 it is 0.92 for a file 9 % larger.
TOGETHER_UNITS = 32
# Words in one turn of the loop, where they divide the length: with 4, 0.58 of the time of one word a turn at 16 units and 0.65
# at 64, for 7 to 13 KB of operators; 8 are no faster.
LONGEST_CHUNK = 4
SHUT = 1e4  # a gate's sigmoid of minus this is 0
CLIPS = np.linspace(0.3, 1.0, 36)  # shares of a column's largest value that are tried as its range


def to_tflite(model: Any, spec: ModelSpec, number_format: str) -> bytes:
    """Convert a stock Keras model.

    Args:
        model: a model made by `sentipress.lstm.networks.build` for `spec`.
        spec: its shape.
        number_format: "float32"; "float16" (weights stored as halves); "dynamic_range" (weights stored as int8,
            activations quantized on the fly); "int4" (the same with two values of the embedding in a byte).

    Returns:
        A flatbuffer: int32 ids (batch, spec.sequence_length) to float32 probabilities (batch, outputs); the batch is 1
        until the interpreter resizes it.
    """
    if number_format not in FORMATS:
        raise ValueError(f"number_format is one of {FORMATS}, not {number_format!r}")
    weights = model.get_weights()
    scale = clipped_ranges(weights[0]) if number_format == "int4" else np.maximum(np.abs(weights[0]).max(axis=0), 1e-9)
    function = as_graph(
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
    return spec.bidirectional and spec.units <= TOGETHER_UNITS


def filling(spec: ModelSpec) -> int:
    """Zeros that a file of this shape has between the kernels of its two directions."""
    return 8 * spec.units * (spec.embedding_dim + spec.units) if together(spec) else 0


def side_by_side(kernels: list[np.ndarray]) -> np.ndarray:
    """Kernels (rows, 4 * units) of n directions as one of (n * rows, 4 * n * units), with zeros between them.

    Columns are all directions of one gate, then of the next: the states then lie side by side, and every operation of a
    step is done once for all.
    """
    count, (rows, columns) = len(kernels), kernels[0].shape
    joined = np.zeros((count, rows, 4, count, columns // 4), np.float32)  # direction and row; gate, direction and unit
    for number, kernel in enumerate(kernels):
        joined[number, :, :, number] = kernel.reshape(rows, 4, -1)
    return joined.reshape(count * rows, -1)


@dataclass(frozen=True)
class Group:
    """Directions that share every operation.

    Attributes:
        directions: 0 reads forwards, 1 backwards.
        words: kernel of the words, (directions * columns, gates).
        states: kernel of the states, (directions * units, gates).
        bias: (gates,), 4 * directions * units.
    """

    directions: tuple[int, ...]
    words: np.ndarray
    states: np.ndarray
    bias: np.ndarray

    @classmethod
    def of(cls, directions: tuple[int, ...], recurrent: list[np.ndarray], scale: np.ndarray) -> Group:
        """Take the weights of some directions from those of a stock model's LSTM; `scale` belongs to the words' columns."""
        # A stock model has a kernel of the words, a kernel of the states and a bias for each direction.
        word_kernels = [recurrent[3 * direction] for direction in directions]
        state_kernels = [recurrent[3 * direction + 1] for direction in directions]
        biases = [recurrent[3 * direction + 2][np.newaxis] for direction in directions]
        words, states, bias = (side_by_side(kernels) for kernels in (word_kernels, state_kernels, biases))
        # tanh(x) is 2 * sigmoid(2 * x) - 1: one sigmoid serves all gates, of which the third is the candidate.
        twice = np.repeat(np.array([1, 1, 2, 1], np.float32), words.shape[1] // 4)
        return cls(directions, words * np.tile(scale, len(directions))[:, np.newaxis] * twice, states * twice, bias.sum(axis=0) * twice)


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
        sharing = [(0, 1)] if together(spec) else [(number,) for number in range(len(recurrent) // 3)]
        self.groups = [Group.of(directions, recurrent, scale) for directions in sharing]
        self.chunk = max(steps for steps in range(1, LONGEST_CHUNK + 1) if spec.sequence_length % steps == 0)
        self.wide_scale = scale * WIDE_SCALE
        self.output_kernel, self.output_bias = weights[-2:]

    def __call__(self, ids: Any) -> Any:
        """Ids (batch, sequence_length) int32 to probabilities (batch, outputs) float32."""
        spec, chunks = self.spec, self.spec.sequence_length // self.chunk
        words = tf.gather(self.embedding, tf.reshape(ids, [-1]) if self.flat else ids)
        if self.flat:
            words = tf.reshape(words, [-1, spec.sequence_length, spec.embedding_dim])
        present = tf.not_equal(ids, 0)
        lengths = tf.reduce_sum(tf.cast(present, tf.int32), axis=1)
        present = tf.cast(present, tf.float32)
        needed = (tf.reduce_max(lengths) + self.chunk - 1) // self.chunk if spec.masked else tf.constant(chunks)
        backwards = tf.reverse_sequence(words, lengths, seq_axis=1) if spec.masked else tf.reverse(words, axis=[1])
        entering = [
            tf.reshape(tf.concat([(words, backwards)[n] for n in group.directions], axis=2), [-1, chunks, self.chunk * len(group.words)])
            for group in self.groups
        ]
        # Past its end a review must not count: with every gate shut its states are 0, which neither maximum nor sum sees.
        shut = tf.reshape((present - 1) * SHUT, [-1, chunks, self.chunk])

        def body(number: Any, *states: Any) -> tuple[Any, ...]:
            following = []
            for index, (group, source) in enumerate(zip(self.groups, entering, strict=True)):
                hidden, cell, best, total = states[4 * index : 4 * index + 4]
                # The words' part of the gates for a whole chunk at once: one product for all words of a review would count
                # the padding as well.
                gates = tf.matmul(tf.reshape(tf.gather(source, number, axis=1), [-1, len(group.words)]), group.words) + group.bias
                if spec.masked:
                    gates += tf.reshape(tf.gather(shut, number, axis=1), [-1, 1])
                for step in tf.split(tf.reshape(gates, [-1, self.chunk * len(group.bias)]), self.chunk, axis=1):
                    opened = tf.sigmoid(step + tf.matmul(hidden, group.states))
                    entered, forget, candidate, output = tf.split(opened, 4, axis=1)  # Keras's order
                    cell = forget * cell + entered * (2.0 * candidate - 1.0)
                    hidden = output * tf.tanh(cell)
                    best = tf.maximum(best, hidden) if spec.masked else best
                    total = total + hidden if spec.pooling == "wide" else total
                following += [hidden, cell, best, total]
            return number + 1, *following

        zeros = [tf.zeros([tf.shape(ids)[0], len(group.states)]) for group in self.groups for _ in range(4)]
        final = tf.while_loop(lambda number, *_: number < needed, body, [tf.constant(0), *zeros])
        states = [final[1 + 4 * index : 5 + 4 * index] for index in range(len(self.groups))]
        features = [best if spec.masked else hidden for hidden, _, best, _ in states]
        if spec.pooling == "wide":
            count = tf.reduce_sum(present, axis=1, keepdims=True)
            features += [total / count for *_, total in states]
            features.append(tf.reduce_sum(words * present[:, :, tf.newaxis], axis=1) / count * self.wide_scale)
        features = tf.concat(features, axis=1)
        logits = tf.matmul(features, self.output_kernel) + self.output_bias
        return tf.sigmoid(logits) if spec.outputs == 1 else tf.nn.softmax(logits)
