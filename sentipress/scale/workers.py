"""Who answers shards: this process, or processes that Ray keeps, here or on a cluster."""

from __future__ import annotations

import contextlib
import functools
import queue
import sys
import threading
from collections.abc import Generator, Iterator
from typing import Any

from sentipress.core import memory
from sentipress.core.errors import UserError
from sentipress.core.files import fingerprint
from sentipress.runtimes.interface import Runtime
from sentipress.scale import answering, cluster
from sentipress.scale.answering import Answers, Form, ModelFiles
from sentipress.scale.shards import Shard
from sentipress.scale.threads import VARIABLES

REQUIREMENTS = "requirements-scale.txt"
TRIES = 10  # of a shard, should its worker be killed; not more, for a text that ends a process would end them all
SHARD_BYTES = 40_000_000  # room for each shard that waits: more than the most characters of one, if few letters take three bytes
MOST_STORE = 2_000_000_000  # bytes of the room for waiting shards on this machine
WAIT_SECONDS = 0.2  # between looks at the queue


def alone(shards: Iterator[Shard], model: ModelFiles, form: Form) -> Generator[Answers, None, None]:
    """Answers of this process."""
    opened = model.open()
    for shard in shards:
        yield answering.answer(shard, opened, form)


_opened: dict[str, Runtime] = {}  # of a worker: the model that it has loaded


def _answer(shard: Shard, holder: list[Any], key: str, form: Form) -> Answers:
    """What a worker does, on whichever machine; the model is fetched and loaded once."""
    if key not in _opened:
        import ray

        _opened.clear()
        _opened[key] = ray.get(holder[0]).open()
    try:
        return answering.answer(shard, _opened[key], form)
    finally:
        memory.release()  # of a part's texts: else each worker would hold on to those of the largest one


class _Reader:
    """Reads shards in a thread, so that answers never wait for a file. One waits to be taken, not more."""

    def __init__(self, shards: Iterator[Shard]) -> None:
        self._shards, self._stopped = shards, False
        self._queue: queue.Queue[Shard | BaseException | None] = queue.Queue(1)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        end: BaseException | None = None
        try:
            for shard in self._shards:
                self._put(shard)
                if self._stopped:
                    return
        except BaseException as error:  # for the thread that asks
            end = error
        self._put(end)

    def _put(self, item: Shard | BaseException | None) -> None:
        while not self._stopped:
            with contextlib.suppress(queue.Full):
                self._queue.put(item, timeout=WAIT_SECONDS)
                return

    def take(self, wait: bool) -> Shard | None:
        """The next shard; None at the end.

        Raises:
            queue.Empty: it is not read yet, after a short time if `wait`, else at once.
            Exception: what reading has raised.
        """
        item = self._queue.get(wait, WAIT_SECONDS if wait else None)
        if isinstance(item, BaseException):
            raise item
        return item

    def stop(self) -> None:
        """Read no more."""
        self._stopped = True


def many(
    shards: Iterator[Shard], model: ModelFiles, form: Form, workers: int | None, address: str | None
) -> Generator[Answers, None, None]:
    """Answers of Ray's workers, each as soon as it is there.

    Args:
        shards: to be answered.
        model: that answers.
        form: of the parts.
        workers: processes; None for one on each core of the cluster.
        address: host:port of a Ray cluster; None for this machine.

    Raises:
        UserError: Ray is not installed, nothing answers at the address, or a shard has ended its worker again and again.
    """
    here = workers or 1
    store = min(MOST_STORE, (here + 3) * SHARD_BYTES)
    started = cluster.connected(address, REQUIREMENTS, VARIABLES, num_cpus=here, object_store_memory=store)
    # What Ray says of lost workers is no part of the summary on the standard output.
    with contextlib.redirect_stdout(sys.stderr), started as ray:
        count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        holder, key = [ray.put(model)], fingerprint(model.sha256())
        task = ray.remote(num_cpus=1, max_retries=TRIES)(_answer)
        reader = _Reader(shards)
        try:
            yield from _answers(ray, reader, functools.partial(task.remote, holder=holder, key=key, form=form), count)
        finally:
            reader.stop()


def _answers(ray: Any, reader: _Reader, start: Any, count: int) -> Generator[Answers, None, None]:
    running: dict[Any, str] = {}
    most, is_all = count + max(1, count // 4), False  # some wait, so that no worker does
    while running or not is_all:
        while not is_all and len(running) < most:
            try:
                shard = reader.take(wait=not running)
            except queue.Empty:
                break
            if shard is None:
                is_all = True
            else:
                running[start(shard)] = f"{shard.name}, rows {shard.first_row} to {shard.first_row + len(shard.texts) - 1}"
                del shard
        ready, _ = ray.wait(list(running), timeout=WAIT_SECONDS) if running else ([], [])
        for reference in ready:
            rows = running.pop(reference)
            try:
                yield ray.get(reference)
            except ray.exceptions.RayTaskError as error:
                raise error.cause from None
            except ray.exceptions.RayError as error:
                reason = str(error).strip().splitlines()[0][:150]
                raise UserError(
                    f"no worker has survived {rows} ({reason})", "run the command again; if it happens again, look there"
                ) from None
