"""Several processes that share each batch of a training."""

import numpy as np
import pytest
from conftest import run_stage

from sentipress.core import manifest
from sentipress.core.backend import deterministic
from sentipress.core.errors import UserError
from sentipress.data.task import SENTIMENT
from sentipress.lstm import networks, parallel, training
from sentipress.lstm.team import ALONE, Team

PLAN = training.TrainingPlan(
    epochs=2, batch_size=33, learning_rate=0.01, schedule="cosine", patience=2, keep_best=True, bucketed=True, seed=1
)
# Without dropout, the one part of a step that depends on the process.
SPEC = networks.ModelSpec(200, 30, 8, 8, bidirectional=True, pooling="wide", dropout=0.0, spatial_dropout=0.0)


@pytest.mark.parametrize("size", [1, 2, 3, 64])
@pytest.mark.parametrize("count", [1, 2, 33])
def test_each_row_of_a_batch_is_computed_once(size, count):
    rows = np.arange(100, 100 + count)
    parts = [Team(number, size).part(rows) for number in range(size)]
    assert sorted(row for own, share in parts if share for row in own) == rows.tolist()
    assert sum(share for _, share in parts) == pytest.approx(1)
    assert all(len(own) for own, _ in parts)  # a network cannot read a batch of nothing


def test_one_process_is_its_own_team():
    rows = np.arange(7)
    assert ALONE.first and ALONE.part(rows)[0].tolist() == rows.tolist() and ALONE.part(rows)[1] == 1
    assert not Team(1, 2).first


def test_two_processes_take_the_same_steps_as_one(tmp_path):
    random = np.random.default_rng(0)
    ids = random.integers(2, 200, (300, 30)).astype(np.int32)
    for row, length in zip(ids, random.integers(5, 31, len(ids)), strict=True):
        row[length:] = 0
    labels = (ids == 7).any(axis=1).astype(np.float32)
    # The last batch of each epoch has one text: one of the two processes has none of it.
    data, validation = (ids[:199], labels[:199, np.newaxis]), (ids[199:], labels[199:])
    watched, weights, curves = [], [], []
    for workers in (1, 2):
        deterministic(1)
        model = networks.build_for_training(SPEC)
        arguments = (model, data, validation, PLAN, SENTIMENT, tmp_path / f"{workers}.npz", {"name": "test"})
        if workers == 1:
            history = training.train(*arguments)
        else:
            history = parallel.train(*arguments, spec=SPEC, workers=workers, watch=watched.append)
        weights.append(np.concatenate([weight.ravel() for weight in model.get_weights()]))
        curves.append([[epoch[key] for key in ("loss", "accuracy", "validation_loss", "validation_accuracy")] for epoch in history.epochs])
    assert len(curves[0]) == PLAN.epochs and curves[1] == [pytest.approx(epoch, abs=1e-4) for epoch in curves[0]]
    assert np.abs(weights[0] - weights[1]).max() < 1e-3
    assert watched == [history.epochs] and history.resumed_after == 0
    assert not list(tmp_path.glob(".workers-*"))


def test_a_worker_that_fails_ends_the_training(tmp_path):
    (tmp_path / "job.json").write_text("{}", encoding="utf-8")
    with pytest.raises(UserError, match="a worker of the training ended with exit code 2"):
        parallel._run(tmp_path, 1)


def test_more_workers_than_there_may_be(tmp_path):
    with pytest.raises(UserError, match="--workers 65 is out of bounds"):
        run_stage(manifest.BASELINE, tmp_path, "--workers", "65")
