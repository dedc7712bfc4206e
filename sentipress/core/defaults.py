"""The constants of the stages as they are shipped, so that a stage can say which of them were edited.

`python -m sentipress.core.defaults` writes them again after a default was changed on purpose; a test compares.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from sentipress.core import files, manifest
from sentipress.core.constants import script_constants

FILE = Path(__file__).with_name("defaults.json")
SCRIPTS = Path(__file__).resolve().parent.parent.parent


@functools.cache
def _all() -> dict[str, dict[str, Any]]:
    content: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    return content


def shipped(script: str) -> dict[str, Any] | None:
    """Value of each constant of a stage as shipped, by name; None for a script that is no stage."""
    return _all().get(script)


def current() -> dict[str, dict[str, Any]]:
    """Constants that the stages have now."""
    scripts = [script for track in manifest.TRACKS for script in track.scripts]
    return {script: {name: constant.value for name, constant in script_constants(SCRIPTS / script).items()} for script in scripts}


if __name__ == "__main__":
    files.write_text(FILE, json.dumps(current(), indent=1) + "\n")
    print(f"wrote {FILE.name}")
