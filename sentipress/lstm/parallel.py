"""A training on several processes of this machine; `python -m sentipress.lstm.parallel FOLDER` is one of them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from sentipress.core import backend, files
from sentipress.core.errors import UserError, exit_code
from sentipress.core.history import History
from sentipress.data.task import Task
from sentipress.lstm import training
from sentipress.lstm.networks import ModelSpec, build_for_training
from sentipress.lstm.team import Team

SCHEMA = 1  # of what a worker reads
_JOB, _ARRAY = "job.json", ".npy"  # what a worker reads: a file, and the ending of files with an array each


def train(
    model: Any,
    data: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    plan: training.TrainingPlan,
    task: Task,
    checkpoint: Path,
    identity: dict[str, Any],
    *,
    spec: ModelSpec,
    workers: int,
    fresh: bool = False,
    title: str = "train",
    watch: Callable[[list[dict[str, float]]], object] | None = None,
) -> History:
    """Train on labels in so many new processes; else like `sentipress.lstm.training.train`.

    Each step is over the same texts as one process would take, and each epoch over the same batches. Dropout draws other masks, so
    that the weights are not those of one process. The same seed and the same number of workers give the same weights.

    Args:
        model: training form of the network; it ends with the weights of the best epoch.
        data: see `training.train`, and so are those not named here.
        validation: likewise.
        plan: likewise.
        task: likewise.
        checkpoint: likewise; the first worker writes it.
        identity: likewise.
        spec: shape of the model, which the workers build.
        workers: processes.
        fresh: likewise.
        title: likewise.
        watch: likewise, but called once, at the end.

    Raises:
        UserError: a worker ended early; it has said why.
    """
    state = training.Checkpoint(checkpoint, training.key_of(model, data, validation, plan, identity))
    if fresh:
        state.remove()
    start = model.get_weights()
    optimizer = training.compiled(model, plan, len(data[0]))
    before = state.restore(model, optimizer)
    with tempfile.TemporaryDirectory(prefix=".workers-", dir=checkpoint.parent) as place:
        about = {"spec": spec.as_dict(), "plan": asdict(plan), "task": task.as_dict(), "checkpoint": str(checkpoint)}
        files.write_json(Path(place) / _JOB, {"schema": SCHEMA, **about, "identity": identity, "title": title})
        arrays: dict[str, Any] = {"ids": data[0], "targets": data[1]}
        arrays |= {"validation_ids": validation[0], "validation_labels": validation[1]}
        arrays |= {f"weight_{number}": weights for number, weights in enumerate(start)}
        for name, array in arrays.items():
            np.save(Path(place) / f"{name}{_ARRAY}", array)
        _run(Path(place), workers)
    restored = state.restore(model, optimizer)
    if restored is None:
        raise UserError(f"{checkpoint} is not what the workers should have left", "run the stage again with --fresh")
    history, best = restored
    history.resumed_after = len(before[0].epochs) if before else 0
    model.set_weights(best)
    if watch:
        watch(history.epochs)
    return history


def _run(place: Path, workers: int) -> None:
    """Start the processes and wait for them; when one ends early, all do."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in _free_ports(workers)]}
    threads = str(max(1, (os.cpu_count() or 1) // workers))
    command = [sys.executable, "-m", "sentipress.lstm.parallel", str(place)]
    with ExitStack() as stack:
        started = []
        for number in range(workers):
            place_in = {"cluster": cluster, "task": {"type": "worker", "index": number}}
            own = {backend.WORKER: "1", "TF_CONFIG": json.dumps(place_in), "TF_NUM_INTRAOP_THREADS": threads}
            # A worker ends when its input does: that of a killed stage is closed by the system.
            worker = subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, **own})
            started.append(worker)
            stack.callback(_end, worker)
        codes: list[int | None] = [None]
        while None in codes:
            time.sleep(0.1)
            codes = [worker.poll() for worker in started]
            if failed := [code for code in codes if code]:
                raise UserError(f"a worker of the training ended with exit code {failed[0]}", "see above, or give --workers 1")


def _end(worker: subprocess.Popen[bytes]) -> None:
    worker.kill()
    worker.wait()
    if worker.stdin:
        worker.stdin.close()


def _free_ports(count: int) -> list[int]:
    """Ports of this machine that nobody listens at."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def main(arguments: Sequence[str] | None = None) -> None:
    """Work on the job in a folder, as one of the processes that TF_CONFIG names."""
    (place,) = map(Path, sys.argv[1:] if arguments is None else arguments)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    config = json.loads(os.environ["TF_CONFIG"])
    team = Team(config["task"]["index"], len(config["cluster"]["worker"]), backend.strategy)
    job = files.read_json(place / _JOB, SCHEMA, "run the stage again")
    plan, task = training.TrainingPlan(**job["plan"]), Task.of(job["task"])
    # Ids may be more than fits into memory: they are read where they lie.
    arrays = {path.stem: np.load(path, mmap_mode="r", allow_pickle=False) for path in place.glob(f"*{_ARRAY}")}
    backend.deterministic(plan.seed)
    with team.scope():
        model = build_for_training(ModelSpec(**job["spec"]))
    model.set_weights([arrays[f"weight_{number}"] for number in range(len(model.get_weights()))])
    training.train(
        model,
        (arrays["ids"], arrays["targets"]),
        (arrays["validation_ids"], arrays["validation_labels"]),
        plan,
        task,
        Path(job["checkpoint"]),
        job["identity"],
        title=job["title"],
        team=team,
    )


def _leave_with_parent() -> None:
    os.read(0, 1)  # nobody writes: it gives way when the other end is closed
    os._exit(1)


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
