"""An artifacts folder: its lock, and the description of its texts."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sentipress.core import files, manifest
from sentipress.core.errors import UserError

SCHEMA = 3  # of reviews.json. 3: with the task
OLDER = 2  # the schema that published folders may have
OWN_FOLDERS = ("figures", "logs")  # sub-folders that stages write to


@contextlib.contextmanager
def lock(folder: Path, stage: str, create: bool = False) -> Iterator[None]:
    """Hold `folder` for one stage; a second run is refused at once. The system frees it when the process dies.

    Args:
        folder: the artifacts folder.
        stage: who holds it, for the message to the second run.
        create: make the folder. Without, a folder that is not there is an error: a stage run too early, a typing slip.

    Raises:
        UserError: another run holds the folder, it does not exist, or it holds the texts of the other track.
    """
    _check_track(folder, stage)
    if create:
        folder.mkdir(parents=True, exist_ok=True)
    if not folder.is_dir():
        raise UserError(f"{folder} does not exist", manifest.run(manifest.track_of(stage).scripts[0], folder))
    with held(folder, stage, "wait until it ends, or pass another --artifacts"):
        yield


@contextlib.contextmanager
def held(folder: Path, holder: str, remedy: str) -> Iterator[None]:
    """Hold an existing folder for one process, and delete what a killed one had half written in it.

    Args:
        folder: any folder.
        holder: who holds it, for the message to a second process.
        remedy: for that message.

    Raises:
        UserError: another process holds it.
    """
    with open(folder / manifest.LOCK, "a+", encoding="utf-8") as stream:  # closing the file frees the lock
        try:
            _lock_stream(stream)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
                raise
            stream.seek(0)
            named = stream.read().strip() or "another stage"
            raise UserError(f"{folder} is in use by {named}", remedy) from None
        stream.truncate(0)
        stream.write(f"{holder} (process {os.getpid()})")
        stream.flush()
        _remove_temporaries(folder)  # what a killed run had half written: nobody else can be writing now
        try:
            yield
        finally:
            _remove_temporaries(folder)


def _check_track(folder: Path, stage: str) -> None:
    """Refuse a stage of one track in the folder of the other: files of both have the same names."""
    first = manifest.made_by(folder)
    if first and any(stage in track.scripts for track in manifest.TRACKS) and manifest.track_of(first) != manifest.track_of(stage):
        raise UserError(f"{folder} holds texts of {first}, which are not for {stage}", "name another --artifacts")


def _remove_temporaries(folder: Path) -> None:
    """Delete half-written files of this folder. Another experiment may lie in a sub-folder, with a lock of its own."""
    left = [*folder.glob(f"{files.TEMPORARY}*"), *(path for own in OWN_FOLDERS for path in (folder / own).rglob(f"{files.TEMPORARY}*"))]
    for path in left:
        path.unlink(missing_ok=True)


def _lock_stream(stream: Any) -> None:
    if os.name == "nt":
        import msvcrt

        locking: Callable[..., None] = getattr(msvcrt, "locking")  # noqa: B009 - absent from the type stubs elsewhere
        stream.seek(1 << 20)  # past the text, which a second run reads while the lock is held
        locking(stream.fileno(), getattr(msvcrt, "LK_NBLCK"), 1)  # noqa: B009
    else:
        import fcntl

        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)


def about(folder: Path, stage: str | None = None) -> dict[str, Any]:
    """The description of the cleaned texts, reviews.json.

    Args:
        folder: the artifacts folder.
        stage: script that asks; the message to it names the first one of its track.

    Raises:
        UserError: missing, damaged, of another schema, or without what later stages need.
    """
    remedy = manifest.run(manifest.track_of(stage).scripts[0], folder) if stage else manifest.prepare(folder)
    path = folder / manifest.DESCRIPTION
    content = files.read_json(path, SCHEMA, remedy)
    for key, kind in (("recipe", str), ("sha256", str), ("settings", dict), ("flags", dict), ("task", dict)):
        if not isinstance(content.get(key), kind):
            raise UserError(f"{path} lacks {key!r}", remedy)
    return content


def published_about(folder: Path) -> dict[str, Any]:
    """The description of the texts, also one of an earlier schema in a published folder; empty where there is none."""
    for schema in (SCHEMA, OLDER):
        try:
            return files.read_json(folder / manifest.DESCRIPTION, schema, "")
        except UserError:
            continue
    return {}


def recipe_of(folder: Path, stage: str) -> str:
    """The recipe of stage 1 of a folder, for a script that follows it."""
    return str(about(folder, stage)["recipe"])
