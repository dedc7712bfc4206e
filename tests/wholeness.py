"""What lies in an artifacts folder: whether every file is whole, and whether two runs made the same."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sentipress.core import files
from sentipress.core.errors import UserError
from sentipress.evaluation import ledger


class Damaged(Exception):
    """An artifact is not whole."""


_TIMES = ("seconds", "latency", "created", "peak_memory_bytes")


def state(folder: Path) -> dict[str, str]:
    """Fingerprint of every artifact, figures of time left out: two runs of one seed give equal states.

    Checkpoints and the ledger are opened and not part of the state; the lock and what is being written are passed over.

    Raises:
        Damaged: a file cannot be read to its end.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_dir() or path.name == ".lock" or path.name.startswith(files.TEMPORARY):
            continue
        if path.name == ledger.NAME:  # it grows with every scoring, so no two runs have the same: whole is all that it must be
            _check_ledger(path)
            continue
        content = path.read_bytes()
        try:
            normal = _normal(path, content)
        except (ValueError, KeyError, zipfile.BadZipFile, EOFError, OSError) as error:
            raise Damaged(f"{name}: {error!r}") from error
        if not path.name.startswith("."):
            found[name] = hashlib.sha256(normal).hexdigest()
    return found


def _check_ledger(path: Path) -> None:
    try:
        ledger.read(path)
    except UserError as error:
        raise Damaged(str(error)) from error


def _normal(path: Path, content: bytes) -> bytes:
    """Bytes without figures of time; raises ValueError or what the file's reader raises when it is not whole."""
    if path.suffix == ".json":
        return json.dumps(_timeless(json.loads(content)), sort_keys=True).encode()
    if path.suffix in (".npz", ".keras", ".zip"):
        with zipfile.ZipFile(path) as archive:
            if archive.testzip():
                raise ValueError("a member has another checksum")
    elif path.suffix == ".png":
        if not (content.startswith(b"\x89PNG") and content.endswith(b"IEND\xaeB`\x82")):
            raise ValueError("no whole picture")
    elif path.name.startswith("events.out.tfevents"):
        return _records(content)
    elif path.suffix == ".tflite":
        if content[4:8] != b"TFL3":
            raise ValueError("no flatbuffer")
    elif path.stem == "comparison":
        if not content.endswith(b"\n"):
            raise ValueError("no whole table")
        return re.sub(rb"[\d.,]+", b"#", content)  # the table shows times
    return content


def _records(content: bytes) -> bytes:
    """Lengths of the records of an event file, whose contents hold times; ValueError when it ends inside one."""
    lengths, place = [], 0
    while place < len(content):
        (length,) = struct.unpack_from("<Q", content.ljust(place + 8, b"\0"), place)
        lengths.append(length)
        place += 16 + length  # length, its checksum, the record, its checksum
    if place != len(content):
        raise ValueError("no whole event file")
    return repr(lengths).encode()


def _timeless(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _timeless(value) for key, value in content.items() if key not in _TIMES}
    return [_timeless(value) for value in content] if isinstance(content, list) else content


def lost(before: Mapping[str, str], after: Mapping[str, str], folder: Path) -> list[str]:
    """Artifacts of a folder that are neither what they were before nor what a whole run makes of them.

    The log of a training grows with each epoch: it must be there and whole, of however many epochs.
    """
    try:
        now = state(folder)
    except Damaged as error:
        return [str(error)]
    grown = {name for name in now if name.startswith("logs/")}
    wrong = [name for name in before if name not in grown and now.get(name) not in (before[name], after.get(name))]
    return wrong + [name for name in now if name not in before and name not in grown and now[name] != after.get(name)]


def differing(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    """Names of files that stand in one of two states alone, or with another fingerprint."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))
