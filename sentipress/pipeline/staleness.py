"""Which results no longer tell of what lies in their folder."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from sentipress.core import cli, files, folder, manifest
from sentipress.core.errors import UserError
from sentipress.evaluation import records

SCRIPTS = Path(__file__).resolve().parent.parent.parent


class Staleness:
    """Why a result no longer tells of what lies in its folder.

    Three things are compared: the hashes of the files that a model was made from and led to, the settings that its stage
    would have now with the same recipe and flags, and those of stage 1. A folder without reviews.csv is a published copy:
    there is nothing to compare. Each file is hashed once.
    """

    def __init__(self, artifacts: Path, scripts: Path = SCRIPTS) -> None:
        self.folder, self.scripts = artifacts, scripts
        self._published = not (artifacts / "reviews.csv").is_file()
        self._hash = functools.cache(files.sha256)
        self._preprocessing = [] if self._published else self.preprocessing_reasons()

    def preprocessing_reasons(self) -> list[str]:
        """Reasons against the texts of stage 1."""
        try:
            about = folder.about(self.folder)
            return cli.changed_settings(self.scripts / about.get("stage", manifest.PREPROCESSING), about)
        except UserError as error:
            return [error.problem]

    def reasons(self, record: dict[str, Any]) -> list[str]:
        """Reasons against one record of `reporting.table.load`; empty when it is current, or damaged."""
        if self._published or "damaged" in record:
            return []
        script = self.scripts / record["stage"]
        own = cli.changed_settings(script, record) if script.is_file() else []
        return records.changes(self.folder, record, self._hash) + self._preprocessing + own
