"""On which machine, with which versions and which code a result was made."""

from __future__ import annotations

import contextlib
import functools
import os
import platform
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from sentipress.core import files

PACKAGES = (
    "tensorflow",
    "tf_keras",
    "tensorflow-model-optimization",
    "ai-edge-litert",
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
    "nltk",
)
OF_ENCODERS = ("torch", "transformers", "tokenizers", "peft", "litert-torch", "onnxruntime")  # not every machine has them


@functools.cache  # a process runs the code that it began with, and each of its records names it
def code_hash(stage: str) -> str:
    """SHA-256 over the package and one stage: which code made a result.

    Args:
        stage: a script as the stages are called, with its folder if it has one: "encoder/2_finetune.py".
    """
    package = Path(__file__).resolve().parent.parent
    return files.fingerprint([files.sha256(path) for path in (*sorted(package.rglob("*.py")), package.parent / stage)])


def environment() -> dict[str, Any]:
    """Versions and machine, and the most memory that this process has held so far."""
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "packages": {**{name: metadata.version(name) for name in PACKAGES}, **_installed(OF_ENCODERS)},
        "peak_memory_bytes": peak_memory(),
    }


def _installed(names: Iterable[str]) -> dict[str, str]:
    """Versions of those packages that are there."""
    found = {}
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def peak_memory() -> int | None:
    """Most resident bytes of this process so far; None where the system does not tell."""
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
