"""Files on disk: atomic writes, hashes and sizes."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sentipress.core.errors import UserError

TEMPORARY = ".writing-"


@contextlib.contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it over `path` when the block ends well, else delete it.

    A reader sees the old file or the new one, never a part, also after a kill or a full disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix is kept because Keras and pandas choose the format by it.
    handle, name = tempfile.mkstemp(prefix=f"{TEMPORARY}{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb+") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o644)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` atomically."""
    with atomic(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write `content` atomically as UTF-8 with Unix line ends."""
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` atomically as readable JSON; NaN and infinity are refused."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path, schema: int, remedy: str) -> dict[str, Any]:
    """Read a JSON object whose `schema` field must equal `schema`.

    Raises:
        UserError: the file is missing, damaged or of another schema; `remedy` is the command that writes it.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing", remedy) from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path} is damaged ({error})", remedy) from None
    if not isinstance(content, dict) or content.get("schema") != schema:
        version = content.get("schema") if isinstance(content, dict) else None
        raise UserError(f"{path} has schema {version}, this version reads {schema}", remedy)
    return content


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def bytes_sha256(content: bytes) -> str:
    """Hexadecimal SHA-256 of bytes."""
    return hashlib.sha256(content).hexdigest()


def fingerprint(content: Any) -> str:
    """SHA-256 of a JSON-able value; equal values give equal fingerprints whatever the order of their keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def fingerprint_of_texts(texts: Iterable[str]) -> str:
    """What `fingerprint` gives for a list of these texts, one of which is in memory at a time."""
    found, between = hashlib.sha256(b"["), ""
    for text in texts:
        found.update(f"{between}{json.dumps(text)}".encode())
        between = ", "
    found.update(b"]")
    return found.hexdigest()


def array_hashes(arrays: Iterable[Any]) -> list[str]:
    """SHA-256 of the values of each NumPy array; "" for None."""
    # Not of a copy, where the values lie in one piece: they may be more than fits into memory.
    values = (None if array is None else array if array.flags.c_contiguous else array.copy() for array in arrays)
    return ["" if array is None else hashlib.sha256(array).hexdigest() for array in values]


def sizes(path: Path) -> dict[str, int]:
    """Bytes of a file as it lies on disk and after gzip at level 9."""
    content = path.read_bytes()
    return {"bytes": len(content), "gzip_bytes": len(gzip.compress(content, 9, mtime=0))}
