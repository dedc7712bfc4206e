"""A model that was written and scored, on its way into the artifacts folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sentipress.core.manifest import Row
from sentipress.runtimes.interface import Runtime


@dataclass(frozen=True)
class Published:
    """A model file beside its final place, loaded back and scored.

    Attributes:
        row: its place in the table.
        pending: where the file lies until `Publisher.finish` moves it.
        file: where it will lie.
        inputs: artifacts that it was made from or scored with.
        runtime: the file, loaded.
        probabilities: split name ("validation", "test", "out_of_domain") to probabilities.
        measured: fields of its metrics: parameters, seconds, and anything else worth keeping.
    """

    row: Row
    pending: Path
    file: Path
    inputs: Sequence[Path]
    runtime: Runtime
    probabilities: dict[str, np.ndarray]
    measured: dict[str, Any]
