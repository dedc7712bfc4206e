"""What happened in a training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass
class History:
    """What happened.

    Attributes:
        epochs: one record per epoch: epoch, loss, accuracy, validation_loss, validation_accuracy, seconds.
        best_epoch: the epoch whose weights the model ends with.
        seconds: training time, over all sessions when it was interrupted, validation included.
        resumed_after: epochs that an earlier, interrupted run had finished.
    """

    epochs: list[dict[str, float]]
    best_epoch: int = 0
    seconds: float = 0.0
    resumed_after: int = 0

    def measured(self) -> dict[str, Any]:
        """What a metrics JSON keeps of it."""
        return {"seconds": {"training": self.seconds}, "history": self.epochs, "best_epoch": self.best_epoch}
