"""Running what is missing or stale in an artifacts folder, in the order of the stages."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sentipress.core import folder, manifest
from sentipress.core.errors import UserError
from sentipress.core.manifest import Stage, Track
from sentipress.evaluation import records
from sentipress.pipeline.staleness import SCRIPTS, Staleness

NO_FLAGS: Mapping[str, Any] = {}


def pending(artifacts: Path, stage: Stage, scripts: Path = SCRIPTS) -> list[Mapping[str, Any]]:
    """Flags of each run of a stage that is due, in the order of the table's rows; none if all of its rows are current.

    A stage is due without flags when it has never been run in the folder. It is due with the flags of an earlier run when
    a row of that run is stale.

    Args:
        artifacts: the folder.
        stage: of the track.
        scripts: where the stages lie.
    """
    if stage.script == manifest.PREPROCESSING:
        return _pending_texts(artifacts, scripts)
    staleness = Staleness(artifacts, scripts)
    mine = [record for record in _records(artifacts) if record["stage"] == stage.script]
    names = {record["name"] for record in mine}
    due: list[Mapping[str, Any]] = []
    if not any(row.name in names for row in stage.usual_rows):
        due.append(NO_FLAGS)
    for record in sorted(mine, key=lambda record: record["order"]):
        if record["flags"] not in due and staleness.reasons(record):
            due.append(record["flags"])
    return due


def _pending_texts(artifacts: Path, scripts: Path) -> list[Mapping[str, Any]]:
    try:
        about = folder.about(artifacts)
    except UserError:
        return [NO_FLAGS]
    if not (artifacts / manifest.REVIEWS).is_file() or Staleness(artifacts, scripts).preprocessing_reasons():
        return [about["flags"]]
    return []


def _records(artifacts: Path) -> list[dict[str, Any]]:
    """Metrics of a folder; damaged ones are left out: their stage counts as not run."""
    content = []
    for path in sorted(artifacts.glob(f"*{manifest.METRICS}")):
        try:
            content.append(records.read(path, "run the stage again"))
        except UserError:
            continue
    return content


def refresh(artifacts: Path, track: Track = manifest.LSTM, scripts: Path = SCRIPTS) -> list[str]:
    """Run every stage that is due, in order; a stage is looked at when those before it have been run.

    Args:
        artifacts: the folder.
        track: whose stages.
        scripts: where they lie.

    Returns:
        The command lines that were run.

    Raises:
        UserError: a stage ended with an error, which it has printed. Texts that came from a file of the user's are not made
            again by themselves: the flags of stage 1 do not say where the file lies.
    """
    done = []
    for stage in track.stages:
        for flags in pending(artifacts, stage, scripts):
            line = manifest.command(stage.script, artifacts, flags)
            if stage.script == manifest.PREPROCESSING and (artifacts / manifest.DESCRIPTION).is_file():
                _check_source(artifacts, line)
            print(f"$ {line}", flush=True)
            words = manifest.words(stage.script, artifacts.resolve(), flags)
            code = subprocess.run([sys.executable, str(scripts / words[0]), *words[1:]]).returncode
            if code:
                raise UserError(f"{stage.script} ended with exit code {code}", f"mend it, then {line}")
            done.append(line)
    return done


def _check_source(artifacts: Path, line: str) -> None:
    """Refuse to read other texts than the folder's.

    Raises:
        UserError: the folder's texts came from a file whose place is not known.
    """
    try:
        about = folder.about(artifacts)
    except UserError:
        return
    given = [about.get(key) or {} for key in ("source", "test_source")] + [(about.get("unlabelled") or {}).get("source") or {}]
    names = [str(source["name"]) for source in given if source.get("name") and "==" not in str(source["name"])]
    if names:
        flags = " ".join(f"--data/--test-data/--unlabelled {name}" for name in names)
        raise UserError(f"{artifacts}/reviews.csv is stale, and was made from {', '.join(names)}", f"run {line} with {flags}")
