"""Processes that share each batch of a training: every one computes a part, and all of them make the same step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from sentipress.core.backend import tf


@dataclass(frozen=True)
class Team:
    """One process's place among those that train a model together.

    Data parallelism: the weights are the same in all processes, and each step adds up their gradients (Goyal et al.,
    "Accurate, Large Minibatch SGD", 2017, section 2.3). TensorFlow's strategy exchanges them.

    Attributes:
        number: of this process, from 0.
        size: processes.
        strategy: a tf.distribute.MultiWorkerMirroredStrategy; None for a process that is alone.
    """

    number: int = 0
    size: int = 1
    strategy: Any = None

    @property
    def first(self) -> bool:
        """Whether this process writes checkpoints and prints."""
        return self.number == 0

    def scope(self) -> AbstractContextManager[Any]:
        """Where model and optimizer are made, so that their variables are the same in all processes."""
        return self.strategy.scope() if self.strategy else nullcontext()

    def part(self, rows: np.ndarray) -> tuple[np.ndarray, float]:
        """Rows of a batch that the process has, at least one, and the share of the batch that they are.

        A batch with fewer rows than there are processes leaves some without: they get one row, with the share 0.
        """
        own = rows[self.number :: self.size]
        return (own, len(own) / len(rows)) if len(own) else (rows[:1], 0.0)

    def together(self, step: Callable[..., tuple[Any, Any]]) -> Callable[..., tuple[Any, Any]]:
        """A step whose two results are sums over all processes."""
        strategy = self.strategy
        if strategy is None:
            return step

        def of_all(*arguments: Any) -> tuple[Any, Any]:
            first, second = strategy.run(step, args=arguments)
            both = strategy.reduce(tf.distribute.ReduceOp.SUM, tf.stack([first, second]), axis=None)
            return both[0], both[1]

        return of_all


ALONE = Team()
