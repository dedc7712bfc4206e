"""`dvc.yaml` from the manifest of the stages: `python -m sentipress.pipeline.dvc > dvc.yaml`; a test compares.

JSON is YAML as well, so each list is written by the json module.
"""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from typing import Any

from sentipress.core import manifest
from sentipress.core.manifest import Stage, Track

REPORT = "report"
HEAD = "# The same stages for people who use DVC: `dvc repro`, `dvc metrics show`, `dvc plots show`. DVC itself is not needed.\n"
PLOTS = """plots:
  - accuracy against size:
      template: scatter
      x: {artifacts/report/points.json: kilobytes}
      y: {artifacts/report/points.json: accuracy}
"""


def _artifact(name: str) -> str:
    return str(PurePosixPath(manifest.DEFAULT_FOLDER) / name)


def _stage(stage: Stage) -> dict[str, list[Any]]:
    """What a stage depends on, and what it makes: small JSON files go into git, the rest into DVC's cache."""
    models = [_artifact(row.file) for row in stage.usual_rows]
    metrics = [_artifact(row.name + manifest.METRICS) for row in stage.usual_rows]
    return {
        "deps": [stage.script, "sentipress", *map(_artifact, stage.reads)],
        "outs": [
            *({_artifact(name): {"persist": True}} for name in stage.writes),
            *({name: {"persist": True}} for name in models),
            *({name: {"cache": False, "persist": True}} for name in metrics),
        ],
    }


def _lines(name: str, command: str, content: dict[str, list[Any]]) -> list[str]:
    lines = [f"  {name}:", f"    cmd: {command}"]
    for key, values in content.items():
        lines += [f"    {key}:", *(f"      - {value if isinstance(value, str) else json.dumps(value)}" for value in values)]
    return lines


def text(track: Track = manifest.LSTM) -> str:
    """The whole file."""
    lines = ["stages:"]
    for stage in track.stages:
        name = PurePosixPath(stage.script).stem.split("_", 1)[-1]
        lines += _lines(name, f"python {stage.script}", _stage(stage))
    metrics = [_artifact(row.name + manifest.METRICS) for stage in track.stages for row in stage.usual_rows]
    report: dict[str, list[Any]] = {
        "deps": [f"{REPORT}.py", "sentipress", *metrics],
        "outs": [{"artifacts/report/points.json": {"cache": False, "persist": True}}],
        "metrics": [{"artifacts/report/metrics.json": {"cache": False, "persist": True}}],
    }
    return HEAD + "\n".join([*lines, *_lines(REPORT, f"python {REPORT}.py", report)]) + "\n" + PLOTS


if __name__ == "__main__":
    print(text(), end="")
