"""The command lines that messages and the table tell a person to run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PREPROCESSING, BASELINE, QUANTIZATION, PRUNING, DISTILLATION, COMBINATION = STAGES = (
    "1_data_preprocessing.py",
    "2_lstm_baseline.py",
    "3_quantization.py",
    "4_pruning.py",
    "5_distillation.py",
    "6_combination.py",
)
DEFAULT_FOLDER = "artifacts"


def command(stage: str, folder: Path | str, flags: Mapping[str, Any] | None = None) -> str:
    """How to run a stage on an artifacts folder, with the flags (lower-case name to value) of an earlier run."""
    words = ["python", stage]
    if str(folder) != DEFAULT_FOLDER:
        words += ["--artifacts", str(folder)]
    for name, value in (flags or {}).items():
        flag = name.replace("_", "-")
        if name in ("artifacts", "fresh", "download"):
            continue
        words += [f"--{flag}" if value else f"--no-{flag}"] if isinstance(value, bool) else [f"--{flag}", str(value)]
    return shlex.join(words)


def run(stage: str, folder: Path | str) -> str:
    """The remedy "run <command>"."""
    return f"run {command(stage, folder)}"
