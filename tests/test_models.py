"""Networks, their shipped form, training and pruning, each against something independent."""

import functools
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
from ai_edge_litert.schema_py_generated import BuiltinOperator
from scipy.special import log_softmax
from sklearn.metrics import log_loss

from sentipress.core import files
from sentipress.core.backend import deterministic, keras, tf
from sentipress.core.errors import UserError
from sentipress.data.cleaning import clean
from sentipress.data.task import SENTIMENT, Task, mean_loss
from sentipress.evaluation import parameters
from sentipress.lstm import distillation, export, networks, pruning, training
from sentipress.runtimes import keras_file, litert
from sentipress.text import embeddings
from sentipress.text.tokenizer import Tokenizer

THESIS = networks.ModelSpec(20_000, 170, 128, 128, False, "last", 0.2, 0.0)
SHAPES = {
    "last": networks.ModelSpec(300, 30, 6, 5, False, "last", 0.2, 0.0),
    "last_both_ways": networks.ModelSpec(300, 30, 6, 5, True, "last", 0.2, 0.0),
    "max": networks.ModelSpec(300, 30, 6, 5, True, "max", 0.2, 0.2),
    "wide": networks.ModelSpec(300, 30, 6, 5, True, "wide", 0.2, 0.2),
    "wide_one_way": networks.ModelSpec(300, 30, 6, 5, False, "wide", 0.0, 0.0),
    "wide_three_labels": networks.ModelSpec(300, 30, 6, 5, True, "wide", 0.2, 0.2, outputs=3),
}
THREE = Task(("negative", "neutral", "positive"))


def random_ids(spec, reviews=40, seed=0):
    random = np.random.default_rng(seed)
    ids = np.zeros((reviews, spec.sequence_length), np.int32)
    for row, length in zip(ids, random.integers(1, spec.sequence_length + 1, reviews), strict=True):
        row[:length] = random.integers(1, spec.vocabulary_size, length)
    ids[0] = random.integers(1, spec.vocabulary_size, spec.sequence_length)  # one without padding
    return ids


@functools.cache
def model_of(spec):
    """A network of this shape; each is built once."""
    deterministic(3)
    model = networks.build(spec)
    for weight in model.weights:  # larger than at the start, so that gates and padding matter
        weight.assign(weight * 2 + 0.05)
    return model


@functools.cache
def converted(spec, number_format):
    """That network as a `.tflite` file's bytes; each is converted once."""
    return export.to_tflite(model_of(spec), spec, number_format)


def outputs_of(model, ids):
    """Probabilities in the shape of the task that fits."""
    return task_of(model).shaped(model(ids).numpy())


def task_of(model):
    return SENTIMENT if model.output_shape[-1] == 1 else THREE


@pytest.fixture(scope="module", params=SHAPES, ids=str)
def network(request):
    return model_of(SHAPES[request.param]), SHAPES[request.param]


def test_the_studys_base_has_its_parameters():
    assert networks.build(THESIS).count_params() == networks.count_parameters(THESIS) == 2_691_713
    student = distillation.student_spec(THESIS, 0.5)
    assert (student.embedding_dim, student.units) == (64, 64)


def test_both_forms_and_the_count_agree(network):
    model, spec = network
    assert model.count_params() == networks.count_parameters(spec)
    copy = networks.to_training(model, spec)
    ids = random_ids(spec)
    activation = tf.sigmoid if spec.outputs == 1 else tf.nn.softmax
    np.testing.assert_allclose(activation(copy(ids)), model(ids), atol=1e-5)
    assert model(ids).shape == (len(ids), spec.outputs) and model(ids).numpy().std(axis=0).min() > 1e-4
    back = networks.to_stock(copy, spec)
    for ours, theirs in zip(back.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="there the second graph has its use")
def test_a_network_is_not_built_again_for_a_gpu_that_is_not_there(network):
    model, spec = network
    for form in (model, networks.to_training(model, spec)):
        graph = tf.function(form).get_concrete_function(tf.TensorSpec([None, None], tf.int32)).graph.as_graph_def()
        operators = {node.op for part in (graph, *graph.library.function) for node in (getattr(part, "node", None) or part.node_def)}
        assert {"MatMul", "BiasAdd"} < operators and not {op for op in operators if op.startswith("Cudnn")}


def test_padding_is_invisible_where_promised(network):
    model, spec = network
    ids = random_ids(spec, reviews=12)  # each is read alone, operation by operation
    lengths = np.count_nonzero(ids, axis=1)
    assert lengths[0] == spec.sequence_length > lengths.min()
    alone = np.array([model(row[np.newaxis, :length]).numpy()[0] for row, length in zip(ids, lengths, strict=True)])
    same = np.allclose(model(ids).numpy(), alone, atol=1e-5)
    assert same == spec.masked


@pytest.mark.parametrize("number_format", export.FORMATS)
def test_the_shipped_bytes_compute_the_same(network, number_format, tmp_path):
    model, spec = network
    path = tmp_path / "model.tflite"
    files.write_bytes(path, converted(spec, number_format))
    shipped = litert.LiteRTModel(path, "", task=task_of(model))
    ids = random_ids(spec)
    expected = outputs_of(model, ids)
    tolerance = {"float32": 1e-5, "float16": 5e-3, "dynamic_range": 5e-2, "int4": 0.2}[number_format]
    first = shipped.predict(ids)
    np.testing.assert_allclose(first, expected, atol=tolerance)
    np.testing.assert_array_equal(shipped.predict(ids), first)  # no state between calls
    np.testing.assert_array_equal(shipped.predict(ids[::-1])[::-1], first)
    if spec.outputs > 1:
        np.testing.assert_allclose(first.sum(axis=1), 1, atol=1e-5)
    assert litert.custom_operators(path) == []
    assert BuiltinOperator.WHILE in litert.operators(path)
    assert BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM not in litert.operators(path)
    assert litert.loads_as_compiled_model(path, ids[:1], spec.outputs) == pytest.approx(np.atleast_1d(first[0]), abs=1e-3)
    with pytest.raises(UserError, match=rf"gives {spec.outputs} numbers, its . labels need . -> make it again"):
        litert.LiteRTModel(path, "make it again", task=THREE if spec.outputs == 1 else SENTIMENT)
    stored = parameters.count(litert.stored_arrays(path), networks.count_parameters(spec), export.filling(spec))
    enough = 0.6 if number_format == "int4" else 0.9  # of 15 levels one is zero
    assert stored["total"] == model.count_params() and enough * stored["total"] < stored["nonzero"] <= stored["total"]
    kinds = {array["dtype"] for array in stored["arrays"] if array["total"] >= 1024}
    assert kinds == {{"float32": "float32", "float16": "float16"}.get(number_format, "int8")}


def test_four_bits_are_packed_and_read_back(network, tmp_path):
    model, spec = network
    sizes = {}
    for number_format in ("dynamic_range", "int4"):
        path = tmp_path / f"{number_format}.tflite"
        files.write_bytes(path, converted(spec, number_format))
        sizes[number_format] = len(path.read_bytes())
    assert sizes["dynamic_range"] - sizes["int4"] > 0.2 * model.get_weights()[0].size  # half a byte each, and two operators more
    (table,) = [a for name, a in litert.stored_arrays(path).items() if name.endswith("(4 bits)")]
    embedding = model.get_weights()[0]
    np.testing.assert_array_equal(table, export.to_int4(embedding, export.clipped_ranges(embedding)))
    assert table.shape == embedding.shape and np.abs(table).max() == export.LEVELS
    assert BuiltinOperator.EMBEDDING_LOOKUP in litert.operators(path) and BuiltinOperator.GATHER in litert.operators(path)
    # The range of a column with one far value is cut, so that the others keep their differences.
    skewed = np.random.default_rng(0).normal(0, 0.1, (500, 2)).astype(np.float32)
    skewed[0, 0] = 2
    assert export.clipped_ranges(skewed)[0] < 1.2 and export.clipped_ranges(skewed)[1] > 0.2


@pytest.mark.parametrize("length", [12, 13])
def test_directions_together_or_apart_and_turns_of_any_length_compute_the_same(length, monkeypatch, tmp_path):
    spec = replace(SHAPES["wide"], sequence_length=length)  # 13 words can only be read one by one
    deterministic(3)
    model = networks.build(spec)
    ids = random_ids(spec)
    for units in (0, spec.units):
        for words in (1, 4):
            monkeypatch.setattr(export, "TOGETHER_UNITS", units)
            monkeypatch.setattr(export, "LONGEST_CHUNK", words)
            path = tmp_path / f"{units}.tflite"
            files.write_bytes(path, export.to_tflite(model, spec, "float32"))
            np.testing.assert_allclose(litert.LiteRTModel(path, "").predict(ids), model(ids).numpy()[:, 0], atol=1e-6)
            assert sum(array.size - np.count_nonzero(array) for array in litert.stored_arrays(path).values()) == export.filling(spec)


def test_a_batch_of_any_size_runs(network):
    from ai_edge_litert.interpreter import Interpreter

    model, spec = network
    interpreter = Interpreter(model_content=converted(spec, "float32"))
    ids = random_ids(spec, reviews=7)
    place = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(place, ids.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(place, ids)
    interpreter.invoke()
    np.testing.assert_allclose(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]), model(ids), atol=1e-5)


def test_saved_files_are_equal_safe_and_small(network, tmp_path):
    model, spec = network
    first, second = tmp_path / "a.keras", tmp_path / "b.keras"
    keras_file.save_keras(model, first)
    keras_file.save_keras(model, second)
    assert first.read_bytes() == second.read_bytes()
    loaded = keras.models.load_model(first)  # Keras's own layers only: needs nothing of this package
    np.testing.assert_array_equal(loaded(random_ids(spec)), model(random_ids(spec)))
    assert loaded.optimizer is None
    code = keras.Sequential([keras.layers.Input([3]), keras.layers.Lambda(lambda x: x + 1)])
    code.save(tmp_path / "lambda.keras")
    for path in (tmp_path / "lambda.keras", tmp_path / "none.keras", shutil.copy(first, tmp_path / "cut.keras")):
        if path == tmp_path / "cut.keras":
            (tmp_path / "cut.keras").write_bytes(first.read_bytes()[:-100])
        with pytest.raises(UserError, match=r"(lambda|none|cut)\.keras"):
            keras_file.load_keras(path, "run it again")


# Training


def test_the_losses_of_labels_are_numpys():
    random = np.random.default_rng(0)
    for outputs in (1, 3):
        logits = random.normal(0, 3, (20, outputs)).astype(np.float32)
        labels = random.integers(0, max(2, outputs), 20)
        targets = np.concatenate([labels[:, None], random.normal(size=(20, 4))], axis=1).astype(np.float32)  # further columns do not count
        both = np.concatenate([np.zeros_like(logits), logits], axis=1) if outputs == 1 else logits
        expected = -log_softmax(both.astype(np.float64), axis=1)[np.arange(20), labels]
        np.testing.assert_allclose(training.label_loss(tf.constant(targets), tf.constant(logits)), expected, rtol=1e-5)
        shaped = logits[:, 0] if outputs == 1 else logits
        assert mean_loss(labels.astype(np.float32), shaped) == pytest.approx(expected.mean(), rel=1e-9)
        probabilities = np.exp(log_softmax(both.astype(np.float64), axis=1))
        assert mean_loss(labels.astype(np.float32), shaped) == pytest.approx(log_loss(labels, probabilities), rel=1e-9)
        far = np.full_like(shaped, -800)
        assert np.isfinite(mean_loss(labels.astype(np.float32), far))


@pytest.fixture(scope="module")
def data(sample):
    texts = [clean(text, "default") for text in sample["review"]]
    labels = sample["label"].to_numpy(np.float32)
    tokenizer = Tokenizer.fit(texts[:1200], 2000, sequence_length=80, padding="post", truncating="pre", cleaning="default")
    return texts, labels, tokenizer, tokenizer.encode(texts)


SPEC = networks.ModelSpec(2000, 80, 8, 6, True, "wide", 0.2, 0.2)


def plan(epochs=3, **changes):
    values = {"epochs": epochs, "batch_size": 64, "learning_rate": 0.01, "schedule": "cosine", "patience": 9, "keep_best": False}
    return training.TrainingPlan(**{**values, "bucketed": True, "seed": 5, **changes})


def fit(data, tmp_path, plan_, callbacks=(), reviews=1200, **options):
    _, labels, _, ids = data
    deterministic(plan_.seed)
    model = networks.build_for_training(SPEC)
    history = training.train(
        model,
        (ids[:reviews], labels[:reviews, None]),
        (ids[1200:], labels[1200:]),
        plan_,
        SENTIMENT,
        tmp_path / "c.npz",
        {},
        callbacks=callbacks,
        **options,
    )
    return model, history


def test_each_epoch_sees_every_review_once_in_another_order(data):
    ids = data[3][:1200]
    first, again, second = (training.batches(ids, plan(), epoch) for epoch in (0, 0, 1))
    assert sorted(np.concatenate(first)) == list(range(1200)) == sorted(np.concatenate(second))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert not np.array_equal(np.concatenate(first), np.concatenate(second))
    cut_away = sum(keras_file.cut(ids[rows]).size for rows in first) / ids.size
    assert cut_away < 0.999  # batches of like length are narrower


def test_interrupted_and_whole_training_end_with_the_same_weights(data, tmp_path, capsys):
    class Killed(Exception):
        pass

    class Kill(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 3 and (tmp_path / "a" / "c.npz").exists():
                raise Killed

    for name in "ab":
        (tmp_path / name).mkdir()
    with pytest.raises(Killed):
        fit(data, tmp_path / "a", plan(), callbacks=[Kill()], reviews=400)
    resumed, history = fit(data, tmp_path / "a", plan(), reviews=400)
    assert "goes on after epoch 1/3" in capsys.readouterr().out and history.resumed_after == 1
    whole, complete = fit(data, tmp_path / "b", plan(), reviews=400)
    for ours, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    keys = ("loss", "accuracy", "validation_loss", "validation_accuracy")
    assert [[e[k] for k in keys] for e in history.epochs] == [[e[k] for k in keys] for e in complete.epochs]
    other, _ = fit(data, tmp_path / "b", plan(epochs=1, seed=6), reviews=400)
    assert not np.array_equal(other.get_weights()[0], whole.get_weights()[0])


def test_a_kill_between_checkpoint_and_log_leaves_no_epoch_unlogged(data, tmp_path):
    class Killed(Exception):
        pass

    def die(epochs):
        if len(epochs) == 3:
            raise Killed

    with pytest.raises(Killed):
        fit(data, tmp_path, plan(), reviews=200, watch=die)
    seen = []
    _, history = fit(data, tmp_path, plan(), reviews=200, watch=lambda epochs: seen.append(len(epochs)))
    assert history.resumed_after == 3 and seen == [3]


def test_a_checkpoint_of_other_settings_or_damaged_is_not_used(data, tmp_path):
    fit(data, tmp_path, plan(epochs=1), reviews=200)
    _, history = fit(data, tmp_path, plan(epochs=1, learning_rate=0.02), reviews=200)
    assert history.resumed_after == 0
    (tmp_path / "c.npz").write_bytes((tmp_path / "c.npz").read_bytes()[:1000])
    _, history = fit(data, tmp_path, plan(epochs=1), reviews=200)
    assert history.resumed_after == 0
    _, history = fit(data, tmp_path, plan(epochs=1), reviews=200, fresh=True)
    assert history.resumed_after == 0


def test_training_learns_keeps_the_best_and_stops(data, tmp_path):
    model, history = fit(data, tmp_path, plan(epochs=8, patience=2, keep_best=True, learning_rate=0.02))
    best = max(history.epochs, key=lambda record: record["validation_accuracy"])
    assert best["epoch"] == history.best_epoch and best["validation_accuracy"] > 0.65
    assert len(history.epochs) <= history.best_epoch + 2
    logits = keras_file.predictor(model, bucketed=True)(data[3][1200:])[:, 0]
    assert np.mean((logits > 0) == (data[1][1200:] > 0.5)) == best["validation_accuracy"]


def test_three_labels_are_learned_and_counted(tmp_path):
    random = np.random.default_rng(0)
    numbers = random.integers(0, 3, 500).astype(np.float32)
    ids = random.integers(2, 300, (500, 20)).astype(np.int32)
    own = random.random(ids.shape) < 0.2  # a fifth of the words are a label's own
    ids = np.where(own, 2 + 10 * numbers[:, None].astype(np.int32) + random.integers(0, 10, ids.shape), ids).astype(np.int32)
    deterministic(1)
    spec = networks.ModelSpec(300, 20, 8, 6, True, "wide", 0.2, 0.2, outputs=3)
    model = networks.build_for_training(spec)
    plan_ = plan(epochs=4, batch_size=32, learning_rate=0.02, keep_best=True)
    train, validation = (ids[:400], numbers[:400, None]), (ids[400:], numbers[400:])
    history = training.train(model, train, validation, plan_, THREE, tmp_path / "c.npz", {})
    logits = keras_file.predictor(model, bucketed=True)(ids[400:])
    kept = history.epochs[history.best_epoch - 1]
    assert kept["validation_accuracy"] == np.mean(logits.argmax(axis=1) == numbers[400:]) > 0.8
    assert kept["validation_loss"] == pytest.approx(log_loss(numbers[400:], np.exp(log_softmax(logits, axis=1))), rel=1e-4)
    assert history.epochs[-1]["accuracy"] > 0.8


def test_a_loss_that_is_no_number_is_one_clear_line(data, tmp_path):
    with pytest.raises(UserError, match="not a number"):
        fit(data, tmp_path, plan(epochs=1), reviews=200, loss=lambda targets, logits: tf.math.log(-tf.abs(logits[:, 0]) - 1))


# The start of the embedding


def test_word_vectors_and_counts_know_sentiment(data):
    texts, labels, tokenizer, _ = data
    start = embeddings.Start.fit(texts[:1200], labels[:1200], [], tokenizer, embeddings.Shape(8, 1, SENTIMENT))
    assert start.vectors.shape == (2000, 8) and start.vectors.dtype == np.float32 and not start.vectors[:2].any()
    table = start.table("svd+nb", 8, 0.1)
    assert table[:, :7].std() == pytest.approx(0.1, rel=0.1) and not np.array_equal(table[:, -1], start.table("svd", 8, 0.1)[:, -1])
    ratio = {word: table[number, -1] for number, word in enumerate(tokenizer.words, start=2)}
    assert ratio["worst"] < ratio["bad"] < 0 < ratio["great"]
    again = embeddings.Start.fit(texts[:1200], labels[:1200], [], tokenizer, embeddings.Shape(8, 1, SENTIMENT))
    np.testing.assert_array_equal(start.vectors, again.vectors)
    more = embeddings.Start.fit(texts[:1200], labels[:1200], texts[1200:], tokenizer, embeddings.Shape(8, 1, SENTIMENT))
    np.testing.assert_array_equal(start.ratios, more.ratios)  # only labels give ratios
    assert not np.array_equal(start.vectors, more.vectors)


def test_a_smaller_embedding_starts_from_the_first_columns(data, tmp_path):
    texts, labels, tokenizer, _ = data
    start = embeddings.Start.fit(texts[:600], labels[:600], [], tokenizer, embeddings.Shape(8, 1, SENTIMENT))
    start.save(tmp_path / "start.npz")
    loaded = embeddings.Start.load(tmp_path / "start.npz", tokenizer, "")
    small, large = loaded.table("svd", 4, 0.1), start.table("svd", 8, 0.1)
    assert small.std() == pytest.approx(0.1) and np.allclose(small / small[5, 0], large[:, :4] / large[5, 0])
    other = Tokenizer(("good", "bad"), 5, "post", "pre", "default")
    for path, text in (("start.npz", "knows 2000 words"), ("none.npz", "not started from word vectors")):
        with pytest.raises(UserError, match=text):
            embeddings.Start.load(tmp_path / path, other, "run it")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "start.npz").read_bytes()[:-99])
    with pytest.raises(UserError, match="damaged"):
        embeddings.Start.load(tmp_path / "cut.npz", tokenizer, "run it")


def test_log_count_ratios_by_hand():
    tokenizer = Tokenizer(("good", "bad", "film"), 5, "post", "pre", "default")
    texts, labels = ["good good film", "good film", "bad film"], np.array([1.0, 1.0, 0.0])
    ratios = embeddings.log_count_ratios(texts, labels, tokenizer, SENTIMENT)
    # Counts of reviews plus 1, padding and unknown included: positive 1,1,3,1,3 of 9; negative 1,1,1,2,2 of 7.
    expected = [0, 0, math.log((3 / 9) / (1 / 7)), math.log((1 / 9) / (2 / 7)), math.log((3 / 9) / (2 / 7))]
    np.testing.assert_allclose(ratios, expected, rtol=1e-6)
    # Of three labels each is held against the other two, whose counts are added up.
    ratios = embeddings.log_count_ratios([*texts, "film film"], np.array([1.0, 1.0, 0.0, 2.0]), tokenizer, THREE)
    counts = np.array([[1, 1, 1, 2, 2], [1, 1, 3, 1, 3], [1, 1, 1, 1, 2]])
    for label in range(3):
        others = np.delete(counts, label, axis=0).sum(axis=0)
        expected = np.log(counts[label] / counts[label].sum()) - np.log(others / others.sum())
        np.testing.assert_allclose(ratios[:, label], np.where(np.arange(5) < 2, 0, expected), rtol=1e-6)


def test_the_ratios_of_many_labels_get_a_quarter_of_the_columns():
    random = np.random.default_rng(0)
    vectors, ratios = random.normal(size=(50, 16)).astype(np.float32), random.normal(size=(50, 6)).astype(np.float32)
    start = embeddings.Start(vectors, ratios)
    plain, table = start.table("svd", 16, 0.1), start.table("svd+nb", 16, 0.1)
    (columns,) = np.nonzero((plain != table).any(axis=0))
    assert columns.tolist() == list(range(16 - 16 // embeddings.RATIO_PART, 16))
    # The columns are the first axes of the ratios: no other two keep more of them.
    basis = np.linalg.svd(ratios)[2][: len(columns)]
    np.testing.assert_allclose(np.abs(table[:, columns]), np.abs(ratios @ basis.T), rtol=1e-4)
    few = embeddings.Start(vectors, ratios[:, :2]).table("svd+nb", 16, 0.1)
    np.testing.assert_array_equal(few[:, -2:], ratios[:, :2])


# Pruning


def test_pruning_reaches_its_share_on_a_copy_and_zeros_stay(data, tmp_path):
    _, labels, _, ids = data
    deterministic(1)
    base = networks.build(SPEC)
    before = [w.copy() for w in base.get_weights()]
    plan_ = plan(epochs=2)
    steps = training.steps_per_epoch(1200, plan_) * 2
    wrapped = pruning.prunable_copy(base, SPEC, 0.2, 0.8, steps)
    training.train(
        wrapped,
        (ids[:1200], labels[:1200, None]),
        (ids[1200:], labels[1200:]),
        plan_,
        SENTIMENT,
        tmp_path / "c.npz",
        {},
        callbacks=pruning.callbacks(),
    )
    pruned = networks.to_stock(pruning.strip(wrapped), SPEC)
    for array, old in zip(base.get_weights(), before, strict=True):
        np.testing.assert_array_equal(array, old)
    for weight in pruned.weights:
        zeros = 1 - np.count_nonzero(weight.numpy()) / weight.shape.num_elements()
        if "bias" in weight.name:
            assert zeros < 0.5
        else:
            assert zeros == pytest.approx(0.8, abs=0.5 / weight.shape.num_elements() + 0.005), weight.name
    assert not np.array_equal(pruned.get_weights()[0], before[0])


@pytest.mark.parametrize("steps", [2, 3, 38, 150, 201, 564, 1126])
def test_the_pruning_schedule_ends_inside_the_training_at_its_last_share(steps):
    base = networks.build(SPEC)
    wrapped = pruning.prunable_copy(base, SPEC, 0.2, 0.8, steps)
    schedule = wrapped.get_layer(index=1).pruning_schedule
    updates = [
        step
        for step in range(1, steps + 1)
        if schedule._should_prune_in_step(step, schedule.begin_step, schedule.end_step, schedule.frequency)
    ]
    assert float(schedule(tf.constant(updates[0]))[1]) == pytest.approx(0.2)
    assert float(schedule(tf.constant(updates[-1]))[1]) == pytest.approx(0.8) and updates[-1] <= steps
