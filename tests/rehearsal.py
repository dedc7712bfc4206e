"""All stages run twice, then killed at many points of the second run: is any earlier or later file lost?

The tests and `benchmarks/faults.py` share this, so that the figures which the command prints are of what the tests check.
"""

from __future__ import annotations

import re
import shutil
import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from processes import REVIEWS, SCRIPTS, Outcome, Stages
from wholeness import differing, lost, state

from sentipress.core import files, manifest
from sentipress.core.constants import script_constants
from sentipress.data import sources

KINDS = ("kill_after", "kill_at", "kill_in_write")  # at a second, just before a touch of a file, in the middle of a write
CHAIN = 5  # kills of one stage in a row before it may end: a run that goes on is killed as well


@dataclass
class KillReport:
    """What a rehearsal of kills showed.

    Attributes:
        seed: of the kill points.
        kills: how many kills struck, by stage.
        kinds: the same by kind, a word of `KINDS`.
        resumed: runs that went on from a checkpoint.
        completed: runs to the end after kills.
        earlier_bytes: bytes of earlier artifacts that were at stake, summed over the kills.
        lost: what was not whole after a kill, or not equal after the run to the end.
        lost_bytes: their bytes before the kill.
        seconds: of the whole rehearsal.
    """

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    resumed: int = 0
    completed: int = 0
    earlier_bytes: int = 0
    lost: list[str] = field(default_factory=list)
    lost_bytes: int = 0
    seconds: float = 0.0


def small_csv(path: Path, rows: int = REVIEWS) -> Path:
    """Some of the bundled reviews, with Kaggle's columns."""
    sample = sources.read_bundled().sample(rows, random_state=0)
    sample["sentiment"] = sample["label"].map({0: "negative", 1: "positive"})
    sample[["review", "sentiment"]].to_csv(path, index=False)
    return path


def short_csv(path: Path) -> bytes:
    """A CSV of the 60 shortest of 400 real reviews, also written to `path`: a fault in it often hits a header, a label or a quote."""
    header, *rows = re.findall(rb'(?:[^"\n]|"(?:[^"]|"")*")+\n', small_csv(path, 400).read_bytes())
    content = b"".join([header, *sorted(rows, key=len)[:60]])
    path.write_bytes(content)
    return content


class Rehearsal:
    """All stages, run twice with two seeds; what lay in the folder before and after each stage of the second run.

    Attributes:
        runner: the stages.
        before: stage to the state that its second run finds.
        after: stage to the state that it leaves.
        plain: stage to how its second run went, unharmed.
    """

    def __init__(self, place: Path, seed: int = 2, stages: Sequence[str] = manifest.LSTM.scripts) -> None:
        """Run the stages twice; `stages` may be the first few, to try less."""
        place.mkdir(parents=True, exist_ok=True)
        self.stages = tuple(stages)
        self.place = place
        self.runner = Stages(place / "artifacts")
        self._data = small_csv(place / "reviews.csv")
        self._seed = seed
        self.before: dict[str, dict[str, str]] = {}
        self.after: dict[str, dict[str, str]] = {}
        self.plain: dict[str, Outcome] = {}
        self._largest: dict[str, int] = {}  # bytes of the largest file that a stage writes
        for stage in self.stages:
            self._succeed(stage, self.arguments(stage, 1))
        for stage in self.stages:
            shutil.copytree(self.runner.folder, self._snapshot(stage))
            self.before[stage] = state(self.runner.folder)
            self.plain[stage] = self._succeed(stage, self.arguments(stage))
            self.after[stage] = state(self.runner.folder)
            written = [name for name, mark in self.after[stage].items() if self.before[stage].get(name) != mark]
            self._largest[stage] = max((self.runner.folder / name).stat().st_size for name in written)

    def arguments(self, stage: str, seed: int | None = None) -> list[str]:
        """Flags of a stage in the second run, or with another seed."""
        flags = ["--data", str(self._data)] if stage == manifest.PREPROCESSING else []
        has_seed = "SEED" in script_constants(SCRIPTS / stage)
        return [*flags, "--seed", str(seed or self._seed)] if has_seed else flags

    def restore(self, stage: str) -> None:
        """Lay the folder as the stage's second run finds it."""
        shutil.rmtree(self.runner.folder)
        shutil.copytree(self._snapshot(stage), self.runner.folder)

    def run(self, stage: str, **faults: Any) -> Outcome:
        """Run a stage with the flags of the second run, and with faults of `Stages.run`."""
        return self.runner.run(stage, self.arguments(stage), **faults)

    def lost(self, stage: str) -> list[str]:
        """What is not whole in the folder."""
        return lost(self.before[stage], self.after[stage], self.runner.folder)

    def kill(self, kills: int, seed: int) -> KillReport:
        """Kill the stages at `kills` random points; after each, look; after every `CHAIN`, let the stage end, and look.

        A third of the points are seconds; a third are touches of a file, which a random second would seldom hit; a third
        lie in the middle of a write, which neither would hit. The first points go round all stages, so that each is hit by
        each kind; those that follow are uniform over the run of all stages. A stage that was killed before is killed again
        as it goes on.
        """
        started = time.perf_counter()
        report = KillReport(seed)
        points = self._points(kills, np.random.default_rng(seed))
        for stage, drawn in points.items():
            for first in range(0, len(drawn), CHAIN):
                self.restore(stage)
                for point in drawn[first : first + CHAIN]:
                    self._strike(stage, dict(point), report)
                outcome = self.run(stage)
                report.completed += 1
                report.resumed += "goes on after epoch" in outcome.output
                wrong = self.lost(stage) or differing(state(self.runner.folder), self.after[stage])
                if outcome.code or wrong:
                    report.lost.append(f"{stage} run to the end after kills: exit code {outcome.code}, {wrong}, {outcome.output[-500:]}")
                left = list(self.runner.folder.rglob(f"{files.TEMPORARY}*")) + list(self.runner.folder.glob("*checkpoint*"))
                report.lost += [f"{stage} leaves {path.name}" for path in left]
        report.seconds = time.perf_counter() - started
        return report

    def _points(self, kills: int, random: np.random.Generator) -> dict[str, list[dict[str, Any]]]:
        points: dict[str, list[dict[str, Any]]] = {stage: [] for stage in self.stages}
        seconds = np.array([self.plain[stage].seconds for stage in self.stages])
        moments = np.array([self.plain[stage].moments for stage in self.stages])
        # Kinds and stages both take turns: after so many kills each stage has met each kind, if their numbers share no factor.
        rounds = len(KINDS) * len(self.stages)
        for number in range(kills):
            kind = KINDS[number % len(KINDS)]
            weights = seconds if kind == "kill_after" else moments
            drawn = random.choice(len(weights), p=weights / weights.sum())
            stage = self.stages[number % len(self.stages) if number < rounds else drawn]
            if kind == "kill_after":
                point: float = random.uniform(0, self.plain[stage].seconds)
            elif kind == "kill_at":
                point = int(random.integers(1, self.plain[stage].moments + 1))
            else:
                point = int(10 ** random.uniform(3, np.log10(self._largest[stage])))
            points[stage].append({kind: point})
        return points

    def _strike(self, stage: str, point: dict[str, Any], report: KillReport) -> None:
        outcome = self.run(stage, **point)
        while outcome.code not in (-signal.SIGKILL, -signal.SIGXFSZ):
            if outcome.code:
                report.lost.append(f"{stage} ends with exit code {outcome.code} after a kill: {outcome.output[-500:]}")
            # It ended before the point was reached, as it went on from a checkpoint or was quick: strike a whole run.
            self.restore(stage)
            if "kill_after" in point:
                point["kill_after"] *= 0.9
            elif "kill_in_write" in point:
                point["kill_in_write"] = max(1, point["kill_in_write"] // 3)
            outcome = self.run(stage, **point)
        report.kills[stage] += 1
        report.kinds.update(point.keys())
        report.resumed += "goes on after epoch" in outcome.output
        snapshot = self._snapshot(stage)
        report.earlier_bytes += sum((snapshot / name).stat().st_size for name in self.before[stage])
        for name in self.lost(stage):
            report.lost.append(f"{stage} killed ({point}): {name}")
            earlier = snapshot / name
            report.lost_bytes += earlier.stat().st_size if earlier.is_file() else 0

    def _snapshot(self, stage: str) -> Path:
        return self.place / f"before_{stage.split('_')[0]}"

    def _succeed(self, stage: str, arguments: Sequence[str]) -> Outcome:
        outcome = self.runner.run(stage, arguments)
        if outcome.code:
            raise RuntimeError(f"{stage} ends with exit code {outcome.code}: {outcome.output}")
        return outcome
