"""Who works on parts of a task with a model: this process, or processes that Ray keeps, here or on a cluster."""

from __future__ import annotations

import contextlib
import functools
import queue
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from types import SimpleNamespace
from typing import Any, Generic, TypeVar

from sentipress.core import memory
from sentipress.core.errors import UserError
from sentipress.core.files import fingerprint
from sentipress.runtimes.interface import Runtime
from sentipress.scale import cluster
from sentipress.scale.answering import ModelFiles
from sentipress.scale.threads import VARIABLES

REQUIREMENTS = "requirements-scale.txt"
TRIES = 10  # of a part, should its worker be killed; not more, for a text that ends a process would end them all
PART_BYTES = 40_000_000  # room for each part that waits: more than the most characters of one, if few letters take three bytes
MOST_STORE = 2_000_000_000  # bytes of the room for waiting parts on this machine
WAIT_SECONDS = 0.2  # between looks at the queue


Part = TypeVar("Part")  # `str` of it tells a person where it lies
Answer = TypeVar("Answer")


def answers(
    parts: Iterator[Part], model: ModelFiles, answer: Callable[[Part, Runtime], Answer], settings: SimpleNamespace
) -> Generator[Answer, None, None]:
    """Answers by as many processes as the settings `workers` and `address` of a script name; see `many`."""
    if settings.address:
        count = settings.workers if "workers" in settings.flags else None
        return many(parts, model, answer, count, settings.address)
    return many(parts, model, answer, settings.workers, None) if settings.workers > 1 else alone(parts, model, answer)


def alone(parts: Iterator[Part], model: ModelFiles, answer: Callable[[Part, Runtime], Answer]) -> Generator[Answer, None, None]:
    """Answers of this process."""
    opened = model.open()
    for part in parts:
        yield answer(part, opened)


_opened: dict[str, Runtime] = {}  # of a worker: the model that it has loaded


def _answer(part: Part, holder: list[Any], key: str, answer: Callable[[Part, Runtime], Answer]) -> Answer:
    """What a worker does, on whichever machine; the model is fetched and loaded once."""
    if key not in _opened:
        import ray

        _opened.clear()
        _opened[key] = ray.get(holder[0]).open()
    try:
        return answer(part, _opened[key])
    finally:
        memory.release()  # of a part's texts: else each worker would hold on to those of the largest one


class _Reader(Generic[Part]):
    """Reads parts in a thread, so that answers never wait for a file. One waits to be taken, not more."""

    def __init__(self, parts: Iterator[Part]) -> None:
        self._parts, self._stopped = parts, False
        self._queue: queue.Queue[Part | BaseException | None] = queue.Queue(1)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        end: BaseException | None = None
        try:
            for part in self._parts:
                self._put(part)
                if self._stopped:
                    return
        except BaseException as error:  # for the thread that asks
            end = error
        self._put(end)

    def _put(self, item: Part | BaseException | None) -> None:
        while not self._stopped:
            with contextlib.suppress(queue.Full):
                self._queue.put(item, timeout=WAIT_SECONDS)
                return

    def take(self, wait: bool) -> Part | None:
        """The next part; None at the end.

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
    parts: Iterator[Part], model: ModelFiles, answer: Callable[[Part, Runtime], Answer], workers: int | None, address: str | None
) -> Generator[Answer, None, None]:
    """Answers of Ray's workers, each as soon as it is there.

    Args:
        parts: to be answered.
        model: that answers.
        answer: of a part and the opened model; a function of a module, for it is sent to the workers by its name.
        workers: processes; None for one on each core of the cluster.
        address: host:port of a Ray cluster; None for this machine.

    Raises:
        UserError: Ray is not installed, nothing answers at the address, or a part has ended its worker again and again.
    """
    here = workers or 1
    store = min(MOST_STORE, (here + 3) * PART_BYTES)
    started = cluster.connected(address, REQUIREMENTS, VARIABLES, num_cpus=here, object_store_memory=store)
    # What Ray says of lost workers is no part of the summary on the standard output.
    with contextlib.redirect_stdout(sys.stderr), started as ray:
        count = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        holder, key = [ray.put(model)], fingerprint(model.sha256())
        task = ray.remote(num_cpus=1, max_retries=TRIES)(_answer)
        reader = _Reader(parts)
        try:
            yield from _answers(ray, reader, functools.partial(task.remote, holder=holder, key=key, answer=answer), count)
        finally:
            reader.stop()


def _answers(ray: Any, reader: _Reader[Any], start: Any, count: int) -> Generator[Any, None, None]:
    running: dict[Any, str] = {}
    most, is_all = count + max(1, count // 4), False  # some wait, so that no worker does
    while running or not is_all:
        while not is_all and len(running) < most:
            try:
                part = reader.take(wait=not running)
            except queue.Empty:
                break
            if part is None:
                is_all = True
            else:
                running[start(part)] = str(part)
                del part
        ready, _ = ray.wait(list(running), timeout=WAIT_SECONDS) if running else ([], [])
        for reference in ready:
            where = running.pop(reference)
            try:
                yield ray.get(reference)
            except ray.exceptions.RayTaskError as error:
                raise error.cause from None
            except ray.exceptions.RayError as error:
                reason = str(error).strip().splitlines()[0][:150]
                raise UserError(
                    f"no worker has survived {where} ({reason})", "run the command again; if it happens again, look there"
                ) from None
