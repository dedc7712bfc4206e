"""Ids that do not fit into memory lie in a file, and are used like those that do."""

import numpy as np
import pytest

from sentipress.core.backend import deterministic
from sentipress.data.task import SENTIMENT
from sentipress.lstm import networks, training
from sentipress.text import batching, id_store
from sentipress.text.id_store import IdStore
from sentipress.text.tokenizer import Tokenizer


@pytest.fixture
def small_pieces(monkeypatch):
    monkeypatch.setattr(id_store, "ROWS_AT_ONCE", 70)
    monkeypatch.setattr(batching, "AT_ONCE", 70)


@pytest.fixture(scope="module")
def tokenizer(sample):
    words = sorted({word for text in sample["review"][:50] for word in text.lower().split() if word.isalpha()})
    return Tokenizer(tuple(words), 100, "post", "pre", "default")


def test_ids_in_a_file_are_those_in_memory(sample, tokenizer, tmp_path, small_pieces):
    texts = sample["review"][:300].tolist()
    memory, file = IdStore(tmp_path, 1), IdStore(tmp_path, 0)
    expected = tokenizer.encode(texts)
    for store, kind in ((memory, np.ndarray), (file, np.memmap)):
        ids = store.encoded(tokenizer, texts)
        twice, rows = store.joined([ids, ids[:33]]), np.array([299, 0, 0, 5] * 50)
        taken = store.taken(ids, rows)
        assert type(ids) is type(twice) is type(taken) is kind and ids.dtype == np.int32
        np.testing.assert_array_equal(ids, expected)
        np.testing.assert_array_equal(twice, np.concatenate([expected, expected[:33]]))
        np.testing.assert_array_equal(taken, expected[rows])
        np.testing.assert_array_equal(batching.lengths_of(ids), np.count_nonzero(expected, axis=1))
    assert list(tmp_path.iterdir()) == []  # no name: a kill leaves nothing
    assert memory.encoded(tokenizer, []).shape == (0, 100) and batching.lengths_of(expected[:0]).shape == (0,)


def test_a_training_reads_from_a_file_what_it_reads_from_memory(sample, tokenizer, tmp_path, small_pieces):
    plan = training.TrainingPlan(2, 32, 0.01, "cosine", 2, keep_best=True, bucketed=True, seed=1)
    spec = networks.ModelSpec(tokenizer.vocabulary_size, 100, 4, 4, bidirectional=False, pooling="max", dropout=0.2, spatial_dropout=0.2)
    labels = sample["label"].to_numpy(np.float32)
    weights = []
    for name, megabytes in (("memory", 1000), ("file", 0)):
        store = IdStore(tmp_path, megabytes)
        ids, validation = (store.encoded(tokenizer, sample["review"][part].tolist()) for part in (slice(200), slice(200, 300)))
        deterministic(1)
        model = networks.build_for_training(spec)
        data = (ids, labels[:200, np.newaxis])
        training.train(model, data, (validation, labels[200:300]), plan, SENTIMENT, tmp_path / f"{name}.npz", {})
        weights.append(np.concatenate([weight.ravel() for weight in model.get_weights()]))
    np.testing.assert_array_equal(*weights)
