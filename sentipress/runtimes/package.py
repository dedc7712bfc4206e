"""`.zip` files: a pocket model, or a bag of words in the same container. The metadata say which."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from sentipress.runtimes.interface import Runtime
from sentipress.runtimes.packed_words import KINDS, PackedWords
from sentipress.runtimes.pocket import LIMIT_BYTES, METADATA, PocketModel


def kind_of(path: Path) -> str:
    """What the metadata of a package call it; "" for a pocket model, and for what cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(METADATA).file_size > LIMIT_BYTES:
                return ""
            return str(json.loads(archive.read(METADATA)).get("kind", ""))
    except Exception:  # missing or damaged in one of the many ways of zip files: the opener says so
        return ""


def open_package(path: Path, remedy: str) -> Runtime:
    """Open a package.

    Raises:
        UserError: missing, damaged, or no package.
    """
    return PackedWords(path, remedy) if kind_of(path) in KINDS else PocketModel(path, remedy)
