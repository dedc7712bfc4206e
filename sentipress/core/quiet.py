"""Keeping the chatter of native libraries off the terminal."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import sys
import tempfile
from collections.abc import Iterator


@contextlib.contextmanager
def quiet(show_on_failure: bool = True) -> Iterator[None]:
    """Keep what native libraries print on stderr off the terminal; show it when the block fails, if wanted."""
    sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # no stderr at all
        yield
        return
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(saved, 2)
            log.seek(0)
            if show_on_failure:
                os.write(2, log.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)


@functools.cache
def quiet_exit() -> None:
    """Drop what native destructors print after Python has ended; a traceback comes before that and is shown."""
    atexit.register(lambda: os.dup2(os.open(os.devnull, os.O_WRONLY), 2))
