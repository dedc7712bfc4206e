"""The networks: one embedding, one (bidirectional) LSTM, one output.

Each network exists in two forms with the same weights in the same order:

- the *stock* form, made of Keras's own layers only, is what is saved and shipped: anyone can load it without this
  package;
- the *training* form computes the same logits faster. Keras's masked LSTM costs 1.6 times an unmasked step on a CPU;
  reversing each review within its own length makes the mask inside the recurrence unnecessary.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from types import SimpleNamespace
from typing import Any

import numpy as np

from sentipress.core.backend import keras, tf
from sentipress.core.errors import UserError

POOLINGS = ("last", "max", "wide")
WIDE_SCALE = 10.0  # brings the mean of the embeddings to the size of the LSTM's features, so that it learns as fast


@dataclass(frozen=True)
class ModelSpec:
    """Shape of a network.

    Attributes:
        vocabulary_size: rows of the embedding; id 0 is padding.
        sequence_length: ids per review in the shipped files.
        embedding_dim: columns of the embedding.
        units: LSTM units per direction.
        bidirectional: read the review in both directions.
        pooling: "last" reads the last state, padding included (the study); "max" takes the maximum over the real
            words, which padding cannot change; "wide" adds beside the maximum the mean of the LSTM's outputs, and the
            mean of the words' embeddings: a path from each word straight to the output, as in a bag of words.
        dropout: share of pooled features dropped in training.
        spatial_dropout: share of embedding columns dropped in training, per text.
        outputs: 1 for two labels (the probability of the last one), else one for each label.
    """

    vocabulary_size: int
    sequence_length: int
    embedding_dim: int
    units: int
    bidirectional: bool
    pooling: str
    dropout: float
    spatial_dropout: float
    outputs: int = 1

    def __post_init__(self) -> None:
        if self.pooling not in POOLINGS:
            raise UserError(f"unknown pooling {self.pooling!r}", f"use one of {', '.join(POOLINGS)}")

    @property
    def masked(self) -> bool:
        """Whether padding is invisible to the network."""
        return self.pooling != "last"

    def as_dict(self) -> dict[str, Any]:
        """The fields, for a metrics JSON."""
        return asdict(self)

    @classmethod
    def of(cls, settings: SimpleNamespace, outputs: int) -> ModelSpec:
        """The shape in a stage's settings, for so many outputs."""
        named = [field.name for field in fields(cls) if field.name != "outputs"]
        return cls(**{name: getattr(settings, name) for name in named}, outputs=outputs)


def build(spec: ModelSpec) -> Any:
    """The stock form: int32 ids of shape (batch, length) to probabilities, float32 (batch, outputs)."""
    layers = keras.layers
    ids = layers.Input([None], dtype="int32", name="ids")
    words = layers.Embedding(spec.vocabulary_size, spec.embedding_dim, mask_zero=spec.masked, name="embedding")(ids)
    hidden = layers.SpatialDropout1D(spec.spatial_dropout, name="spatial_dropout")(words) if spec.spatial_dropout else words
    cell = layers.LSTM(spec.units, return_sequences=spec.masked, zero_output_for_mask=spec.masked, name="lstm")
    hidden = (layers.Bidirectional(cell, name="bilstm") if spec.bidirectional else cell)(hidden)
    if spec.masked:
        outputs = hidden
        # Masked steps are zeros in the maximum; after the ReLU it no longer matters whether there were any.
        hidden = layers.ReLU(name="relu")(layers.GlobalMaxPooling1D(name="pooling")(outputs))
        if spec.pooling == "wide":
            mean = layers.GlobalAveragePooling1D(name="mean_output")(outputs)
            bag = layers.Rescaling(WIDE_SCALE, name="scale")(layers.GlobalAveragePooling1D(name="mean")(words))
            hidden = layers.Concatenate(name="features")([hidden, mean, bag])
    if spec.dropout:
        hidden = layers.Dropout(spec.dropout, name="dropout")(hidden)
    activation = "sigmoid" if spec.outputs == 1 else "softmax"
    return keras.Model(ids, layers.Dense(spec.outputs, activation=activation, name="output")(hidden), name="sentiment")


def build_for_training(spec: ModelSpec) -> Any:
    """The training form: int32 ids of shape (batch, any length) to logits, float32 (batch, outputs)."""
    layers = keras.layers
    ids = layers.Input([None], dtype="int32", name="ids")
    words = layers.Embedding(spec.vocabulary_size, spec.embedding_dim, name="embedding")(ids)
    hidden = layers.SpatialDropout1D(spec.spatial_dropout, name="spatial_dropout")(words) if spec.spatial_dropout else words
    if spec.masked:
        mask = NotPadding(name="mask")(ids)
        outputs = PackedLSTM(spec.units, spec.bidirectional, name="lstm")([hidden, mask])
        hidden = MaskedMax(name="pooling")([outputs, mask])
        if spec.pooling == "wide":
            mean = MaskedMean(name="mean_output")([outputs, mask])
            bag = layers.Rescaling(WIDE_SCALE, name="scale")(MaskedMean(name="mean")([words, mask]))
            hidden = layers.Concatenate(name="features")([hidden, mean, bag])
    elif spec.bidirectional:
        hidden = layers.Bidirectional(layers.LSTM(spec.units), name="bilstm")(hidden)
    else:
        hidden = layers.LSTM(spec.units, name="lstm")(hidden)
    if spec.dropout:
        hidden = layers.Dropout(spec.dropout, name="dropout")(hidden)
    return keras.Model(ids, layers.Dense(spec.outputs, name="output")(hidden), name="sentiment_training")


def feature_layer(spec: ModelSpec) -> str:
    """Name of the training form's layer whose output the last layer reads, dropout aside: (batch, features)."""
    if spec.pooling == "wide":
        return "features"
    return "pooling" if spec.masked else "bilstm" if spec.bidirectional else "lstm"


def check_padding(spec: ModelSpec, padding: str) -> None:
    """Refuse padding on the left for a network that reads right-padded reviews.

    Raises:
        UserError: another pooling than "last" with padding "pre".
    """
    if spec.masked and padding != "post":
        raise UserError(f"--pooling {spec.pooling} needs --padding post", "change one of them")


def start_embedding(model: Any, vectors: np.ndarray | None) -> None:
    """Set the embedding to `vectors`, float32 (vocabulary, columns); without any, or where a row is 0, it stays random."""
    if vectors is None:
        return
    (variable,) = model.get_layer("embedding").weights
    table = variable.numpy()
    rows = slice(0, len(vectors))  # a small corpus may know fewer words than the embedding has rows
    table[rows] = np.where(np.any(vectors, axis=1, keepdims=True), vectors, table[rows])
    variable.assign(table)


def to_stock(training_model: Any, spec: ModelSpec) -> Any:
    """A stock model with the weights of a training model."""
    return stock_of(training_model.get_weights(), spec)


def to_training(stock_model: Any, spec: ModelSpec) -> Any:
    """A training model with a copy of the weights of a stock model, which stays as it is."""
    return training_of(stock_model.get_weights(), spec)


def stock_of(weights: list[np.ndarray], spec: ModelSpec) -> Any:
    """A stock model with these weights, which both forms have in the same order."""
    model = build(spec)
    model.set_weights(weights)
    return model


def training_of(weights: list[np.ndarray], spec: ModelSpec) -> Any:
    """A training model with these weights."""
    model = build_for_training(spec)
    model.set_weights(weights)
    return model


class NotPadding(keras.layers.Layer):
    """Ids (batch, time) to 1.0 where there is a word and 0.0 where there is padding, (batch, time, 1)."""

    def call(self, ids: Any) -> Any:
        """See the class."""
        return tf.cast(tf.not_equal(ids, 0), tf.float32)[..., tf.newaxis]


class MaskedMax(keras.layers.Layer):
    """[values (batch, time, features), mask (batch, time, 1)] to max(0, maximum over real steps), (batch, features)."""

    def call(self, inputs: Any) -> Any:
        """See the class."""
        values, mask = inputs
        return tf.nn.relu(tf.reduce_max(values * mask, axis=1))


class MaskedMean(keras.layers.Layer):
    """[values (batch, time, features), mask (batch, time, 1)] to the mean over real steps, (batch, features)."""

    def call(self, inputs: Any) -> Any:
        """See the class."""
        values, mask = inputs
        return tf.reduce_sum(values * mask, axis=1) / tf.reduce_sum(mask, axis=1)


class PackedLSTM(keras.layers.Layer):
    """LSTM over right-padded reviews that never sees the padding of the direction it reads in.

    Reading forwards, padding comes after the last word and cannot change an earlier output. Reading backwards, each
    review is reversed within its own length, so that padding again comes last (the idea of packed sequences).

    Call: [values (batch, time, features), mask (batch, time, 1)] to (batch, time, units * directions).
    """

    def __init__(self, units: int, bidirectional: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.bidirectional = units, bidirectional
        self.forward = keras.layers.LSTM(units, return_sequences=True, name="forward_lstm")
        self.backward = keras.layers.LSTM(units, return_sequences=True, name="backward_lstm") if bidirectional else None

    def build(self, input_shape: Any) -> None:
        """Create the weights in Keras's order: forward, then backward; kernel, recurrent kernel, bias."""
        for lstm in (lstm for lstm in (self.forward, self.backward) if lstm is not None):
            lstm.build(input_shape[0])
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """See the class."""
        values, mask = inputs
        outputs = self.forward(values)
        if self.backward is None:
            return outputs
        lengths = tf.cast(tf.reduce_sum(mask, axis=[1, 2]), tf.int32)
        reverse = tf.reverse_sequence(self.backward(tf.reverse_sequence(values, lengths, 1)), lengths, 1)
        return tf.concat([outputs, reverse], axis=-1)

    def get_prunable_weights(self) -> list[Any]:
        """Kernels of both directions, no biases: what tfmot prunes in Keras's own LSTM. See `sentipress.lstm.pruning`."""
        cells = [lstm.cell for lstm in (self.forward, self.backward) if lstm is not None]
        return [kernel for cell in cells for kernel in (cell.kernel, cell.recurrent_kernel)]

    def get_config(self) -> dict[str, Any]:
        """Constructor arguments."""
        return {**super().get_config(), "units": self.units, "bidirectional": self.bidirectional}


def count_parameters(spec: ModelSpec) -> int:
    """Parameters of a network of this shape, without building it."""
    directions = 2 if spec.bidirectional else 1
    lstm = directions * 4 * spec.units * (spec.embedding_dim + spec.units + 1)
    features = 2 * directions * spec.units + spec.embedding_dim if spec.pooling == "wide" else directions * spec.units
    return spec.vocabulary_size * spec.embedding_dim + lstm + (features + 1) * spec.outputs
