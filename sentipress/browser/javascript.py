"""The JavaScript module for pages of others: `load` with all that it needs but the model, in one folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sentipress.browser import rules, site
from sentipress.data.cleaning import WORD_RECIPES

MODULE = "sentipress.js"  # of demo/library
# Modules that the page has, too.
SHARED = (
    "cleaning.js", "context.js", "influence.js", "language.js", "measured.js", "model.js", "network.js", "packed.js", "problem.js",
    "tokenizer.js", "verdict.js", "words.js", "zip.js",
)  # fmt: skip
RULES = "rules.js"
ERROR = "error"  # so begin the keys of strings that say what went wrong


def known(demo: Path) -> dict[str, Any]:
    """How texts of every recipe of words are read, and what errors say; what differs between models stands in their files."""
    strings = json.loads((demo / "source" / site.STRINGS / f"{site.LANGUAGE}.json").read_text(encoding="utf-8"))
    said = {key: text for key, text in strings.items() if key.startswith(ERROR)}
    return {**rules.common(WORD_RECIPES), "language": site.LANGUAGE, "strings": said}


def build(demo: Path, target: Path) -> dict[str, dict[str, int]]:
    """Put the module together.

    Args:
        demo: folder of the page's sources, of the module and of node_modules.
        target: folder that is replaced.

    Returns:
        Bytes and gzip bytes of each file, by path.

    Raises:
        UserError: npm packages are missing, or the target holds something else.
    """
    content = site.runtime_files(demo)
    content |= {name: (demo / "source" / name).read_bytes() for name in SHARED}
    content[MODULE] = (demo / "library" / MODULE).read_bytes()
    content[RULES] = f"// Made by demo/library.py out of what Python does.\nexport default {rules.compact(known(demo))};\n".encode()
    return site.replace(target, content, RULES, "a built module")
