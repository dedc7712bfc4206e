"""Giving freed memory back to the system."""

from __future__ import annotations

import contextlib
import ctypes
import gc


def release() -> None:
    """Return what was freed to the system, where the C library can (glibc); elsewhere do nothing.

    Without it the texts of a large CSV, deleted once they are cleaned, still count as memory of the process.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
