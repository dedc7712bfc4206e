"""Magnitude pruning with tensorflow-model-optimization, on a copy."""

from __future__ import annotations

from typing import Any

from sentipress.core.errors import UserError
from sentipress.lstm.compression import sparsity, wrapped_copy
from sentipress.lstm.networks import ModelSpec, PackedLSTM, to_training

sparsity.PrunableLayer.register(PackedLSTM)  # it has the method; inheriting would load tfmot wherever a network is built

FREQUENCY = 100  # steps between two updates of the masks, tfmot's default


def prunable_copy(stock_model: Any, spec: ModelSpec, initial: float, final: float, steps: int) -> Any:
    """A training model with copied weights whose embedding, LSTM and output kernels are wrapped for pruning.

    The share of zeros rises from `initial` to `final` over `steps` by the polynomial schedule of Zhu & Gupta, "To
    prune, or not to prune" (2017), section 3. tfmot wraps the very layers that it is given, so a copy is wrapped: the
    base keeps its weights.
    """
    copy = to_training(stock_model, spec)
    # tfmot counts steps from 1 and updates masks at begin_step and every `frequency` steps after it. The last update
    # must be the end of the schedule and lie inside the training, else the masks stop short of the final share.
    frequency = min(FREQUENCY, max(1, (steps - 1) // 2))
    end = max(2, 1 + (steps - 1) // frequency * frequency)
    schedule = sparsity.PolynomialDecay(initial, final, begin_step=1, end_step=end, frequency=frequency)
    kinds = ("embedding", "lstm", "bilstm", "output")

    def wrap(layer: Any) -> Any:
        return sparsity.prune_low_magnitude(layer, pruning_schedule=schedule) if layer.name in kinds else layer

    return wrapped_copy(copy, wrap)


def check_schedule(initial: float, final: float) -> None:
    """Refuse a schedule that falls.

    Raises:
        UserError: `initial` is above `final`.
    """
    if initial > final:
        raise UserError(f"--initial-sparsity {initial} is above --final-sparsity {final}", "give a smaller first value")


def callbacks() -> list[Any]:
    """What `fit` needs for pruning to happen."""
    return [sparsity.UpdatePruningStep()]


def strip(wrapped: Any) -> Any:
    """The training model without the wrappers; masked weights are zeros for good."""
    return sparsity.strip_pruning(wrapped)
