"""Running what is missing or stale in an artifacts folder, in the order of the stages."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sentipress.core import files, folder, manifest
from sentipress.core.errors import UserError
from sentipress.core.manifest import Stage, Track
from sentipress.data import corpus
from sentipress.evaluation import records
from sentipress.pipeline.chain_links import PACK
from sentipress.pipeline.staleness import SCRIPTS, Staleness

NO_FLAGS: Mapping[str, Any] = {}
TOPICS_SCHEMA = 1  # of the JSON of a stage that makes no model


def pending(artifacts: Path, stage: Stage, scripts: Path = SCRIPTS) -> list[Mapping[str, Any]]:
    """Flags of each run of a stage that is due, in the order of the table's rows; none if all of its rows are current.

    A run is due when a row that it makes is missing or stale. A stage that was never run in the folder is due without flags.

    Args:
        artifacts: the folder.
        stage: of the track.
        scripts: where the stages lie.
    """
    if manifest.REVIEWS in stage.writes:
        return _pending_texts(artifacts, scripts)
    staleness = Staleness(artifacts, scripts)
    if not stage.rows:
        return _pending_files(artifacts, stage, staleness)
    mine = sorted(
        (r for r in records.readable(artifacts) if r["stage"] == stage.script), key=lambda record: (record["order"], record["name"])
    )
    if not mine:
        return [NO_FLAGS]
    due = _distinct(record["flags"] for record in mine if staleness.reasons(record))
    return _distinct([*due, *_missing(stage, mine)])


def _missing(stage: Stage, mine: list[dict[str, Any]]) -> list[Mapping[str, Any]]:
    """Flags of the runs that make rows which an earlier run of the stage should have left."""
    names = {record["name"] for record in mine}
    if stage.script == manifest.COMBINATION:  # each chain ends with a package of its name
        chains = [record for record in mine if record.get("chain", "").split(",")[-1].strip() == PACK]
        return [record["flags"] for record in chains if record["flags"].get("name", "pocket") not in names]
    names |= {name for record in mine for name in record.get("left_out", ())}  # which this run cannot make
    missing = [row for row in stage.usual_rows if row.name not in names]
    # Where nothing but some bags of words or other techniques were asked for, the others are not missed.
    if all("only" in record["flags"] or "techniques" in record["flags"] for record in mine):
        return []
    if stage.script == manifest.CLASSICAL:
        return [{"only": row.name} for row in missing]
    return [mine[0]["flags"]] if missing else []


def _distinct(flags: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    kept: list[Mapping[str, Any]] = []
    for each in flags:
        if each not in kept:
            kept.append(each)
    return kept


def _pending_texts(artifacts: Path, scripts: Path) -> list[Mapping[str, Any]]:
    if not (artifacts / manifest.DESCRIPTION).is_file():
        if records.readable(artifacts):
            raise UserError(
                f"{artifacts} holds models, but no {manifest.DESCRIPTION}", "run stage 1 on their texts again, or name another folder"
            )
        return [NO_FLAGS]
    try:
        about = folder.about(artifacts)
    except UserError:
        return [NO_FLAGS]
    if not (artifacts / manifest.REVIEWS).is_file() or Staleness(artifacts, scripts).preprocessing_reasons():
        return [about["flags"]]
    return []


def _track(artifacts: Path) -> Track:
    """The track of a folder: by its texts, else by its models, else by who worked there last; the LSTM's for a new folder."""
    stages = [manifest.made_by(artifacts), *(record["stage"] for record in records.readable(artifacts))]
    stage = next(filter(None, stages), None)
    return manifest.track_of(stage) if stage else manifest.track_in(artifacts)


def _pending_files(artifacts: Path, stage: Stage, staleness: Staleness) -> list[Mapping[str, Any]]:
    """Flags of a run that is due of a stage that makes no model: its JSON, the first file that it writes, tells of its run."""
    try:
        about = files.read_json(artifacts / stage.writes[0], TOPICS_SCHEMA, "run the stage again")
    except UserError:
        return [NO_FLAGS]
    whole = all((artifacts / name).is_file() for name in stage.writes)
    return [] if whole and not staleness.reasons(about) else [about["flags"]]


def refresh(artifacts: Path, track: Track | None = None, scripts: Path = SCRIPTS) -> list[str]:
    """Run every stage that is due, in order; a stage is looked at when those before it have been run.

    Args:
        artifacts: the folder. One that does not exist is made if it is the default one; another name may be a slip.
        track: whose stages; by default those of the track that worked there last.
        scripts: where they lie.

    Returns:
        The command lines that were run.

    Raises:
        UserError: a stage ended with an error, which it has printed; the folder does not exist; or its texts came from a file
            of the user's and are stale: where that file lies is not known.
    """
    track = track or _track(artifacts)
    if not artifacts.is_dir() and str(artifacts) != manifest.DEFAULT_FOLDER:
        raise UserError(f"{artifacts} does not exist", manifest.run(track.scripts[0], artifacts))
    # A script in a folder of its own finds the package beside that folder only if it is told.
    places = filter(None, (str(SCRIPTS), os.environ.get("PYTHONPATH")))
    environment, done = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}, []
    for stage in track.stages:
        for flags in pending(artifacts, stage, scripts):
            line = manifest.command(stage.script, artifacts, flags)
            if manifest.REVIEWS in stage.writes:
                corpus.check_source(artifacts, given=None)
            unknown = [row.file for row in stage.rows if (artifacts / row.file).is_file()]
            if not flags and unknown and not any(record["stage"] == stage.script for record in records.readable(artifacts)):
                print(f"note: {unknown[0]} has no readable metrics, so the flags of its run are not known: the defaults are taken")
            print(f"$ {line}", flush=True)
            words = manifest.words(stage.script, artifacts.resolve(), flags)
            code = subprocess.run([sys.executable, str(scripts / words[0]), *words[1:]], env=environment).returncode
            if code:
                raise UserError(f"{stage.script} ended with exit code {code}", "do as its message says, then run this again")
            done.append(line)
    return done
