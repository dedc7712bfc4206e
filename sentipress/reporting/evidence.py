"""Everything that the report says, as plain data: measured once here, so that table, pages and sentences agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from sentipress.core import folder as artifacts
from sentipress.core import manifest
from sentipress.core.errors import UserError
from sentipress.core.manifest import Track
from sentipress.data.task import SENTIMENT, Task
from sentipress.evaluation import ledger, plots, records, statistics
from sentipress.pipeline.staleness import Staleness
from sentipress.reporting import comparing, excerpts, saved, study, table
from sentipress.reporting.comparing import CONTROL, Comparison
from sentipress.reporting.excerpts import Example, Texts
from sentipress.reporting.questions import Asked, Question, ask
from sentipress.reporting.saved import Saved
from sentipress.reporting.seeds import Repeats
from sentipress.reporting.study import PublishedRow

BASE = manifest.BASE.name


@dataclass(frozen=True)
class DamagedRow:
    """A model whose metrics or probabilities cannot be read, and why."""

    name: str
    technique: str
    reason: str


@dataclass(frozen=True)
class ScoredRow:
    """A model and what its metrics and probabilities say.

    Attributes:
        name: of its files, without an ending.
        technique: what the table calls it.
        role: "model", "control" or "classical".
        record: its metrics, as `sentipress.evaluation.records.read` gives them.
        deployed_bytes: model and vocabulary on disk.
        deployed_gzip_bytes: the same after gzip.
        seconds: of training and what else made it, all together.
        calibration: see `sentipress.evaluation.statistics.calibration`.
        length_groups: accuracy by length of the text: `name`, `n`, `value`; empty without texts.
        comparison: with the base; None for the base itself, and where there is no base on the same texts.
        over_seeds: the same over several seeds; None where no other seed has both.
        examples: texts on which it differs most from the base.
        seeds: `n`, `mean`, `sd` of the accuracy over several seeds; None without repeats.
        stale: why it no longer tells of what lies in its folder; "" when it does.
        refresh: command that makes it anew; "" when it is not stale.
    """

    name: str
    technique: str
    role: str
    record: Mapping[str, Any]
    deployed_bytes: int
    deployed_gzip_bytes: int
    seconds: float
    calibration: Mapping[str, Any]
    length_groups: Sequence[Mapping[str, Any]]
    comparison: Comparison | None
    over_seeds: Comparison | None
    examples: Sequence[Example]
    seeds: Mapping[str, float] | None
    stale: str
    refresh: str

    @property
    def scores(self) -> Mapping[str, Any]:
        """Scores on the test texts, see `sentipress.evaluation.scores.Scores`."""
        return self.record["scores"]

    @property
    def accuracy(self) -> Mapping[str, Any]:
        """`value`, `low`, `high` as shares, and `n`."""
        return self.scores["accuracy"]

    @property
    def validation(self) -> float:
        """Accuracy by which rows are chosen: on validation; that of the test in a file without it."""
        return float(self.record.get("validation_accuracy") or self.accuracy["value"])

    @property
    def decisive(self) -> Comparison | None:
        """With the base, over seeds where there are several."""
        return self.over_seeds or self.comparison

    @property
    def out_of_domain(self) -> Mapping[str, Any] | None:
        """Scores on texts of another domain, if there are any."""
        return self.record["out_of_domain"]

    @property
    def arrays(self) -> Sequence[Mapping[str, Any]]:
        """Stored arrays: `name`, `shape`, `dtype`, `total`, `zeros`."""
        return self.record["parameters"].get("arrays", [])

    @property
    def deployment(self) -> Mapping[str, Any]:
        """Start-up, memory and speed in a fresh process; empty where they were not measured."""
        return self.record.get("deployment") or {}

    @property
    def history(self) -> Sequence[Mapping[str, Any]]:
        """Validation scores of each epoch; empty for a model that was not trained by epochs."""
        return self.record.get("history", [])


@dataclass(frozen=True)
class Evidence:
    """What a folder's metrics and probabilities say.

    Attributes:
        folder: its name.
        task: the labels.
        rows: one per metrics file, in the order of the table.
        missing: what a reader should know is not there.
        about: the description of the texts, reviews.json; empty where there is none.
        questions: comparisons beyond the base.
        close: names of rows that are no worse than the most accurate one by validation, itself among them.
        uses: model files that were ever scored on these test texts, by the ledger; 0 where it does not say.
    """

    folder: str
    task: Task
    rows: Sequence[ScoredRow | DamagedRow]
    missing: Sequence[str]
    about: Mapping[str, Any]
    questions: Sequence[Question] = ()
    close: Sequence[str] = ()
    uses: int = 0

    @cached_property
    def scored(self) -> list[ScoredRow]:
        """Rows that could be read."""
        return [row for row in self.rows if isinstance(row, ScoredRow)]

    @cached_property
    def by_name(self) -> dict[str, ScoredRow]:
        """The same by name."""
        return {row.name: row for row in self.scored}

    @property
    def base(self) -> ScoredRow | None:
        """The row that the others are compared with, if it is there."""
        return self.by_name.get(BASE)

    @cached_property
    def records(self) -> list[Mapping[str, Any]]:
        """Metrics of the rows that could be read."""
        return [row.record for row in self.scored]

    @property
    def track(self) -> Track:
        """The stages that made the rows."""
        return study.track_of(self.records)

    @property
    def of_encoders(self) -> bool:
        """Whether the rows are of the encoder's track."""
        return self.track is manifest.ENCODER

    @property
    def published(self) -> Sequence[PublishedRow]:
        """Rows of a study that may stand beside these."""
        return study.published(self.records) if self.scored or self.task.is_sentiment else ()

    @property
    def noun(self) -> str:
        """What the texts are called: "reviews" or "texts"."""
        return _noun(self.task, self.track)

    @property
    def elsewhere(self) -> str:
        """What the texts of another domain are called."""
        return study.elsewhere(self.about)


@dataclass(frozen=True)
class _Around:
    """What a row is read beside: its folder, the base with its record, the texts and the other seeds."""

    folder: Path
    base: tuple[Mapping[str, Any], Saved] | None
    texts: Texts | None
    repeats: Repeats


def collect(folder: Path, repeats: Sequence[Path] = (), texts: bool = True) -> Evidence:
    """Read an artifacts folder, or a published copy of one, and compare every row with the base.

    Args:
        folder: with `*.metrics.json` and `*.probabilities.npz`.
        repeats: folders of the same recipe with other seeds.
        texts: read the test texts, if they are there, for lengths and examples.

    Raises:
        UserError: the folder holds no metrics.
    """
    loaded = table.load(folder)
    if not loaded:
        raise UserError(f"{folder} holds no *{records.SUFFIX}", manifest.prepare(folder))
    about, staleness = artifacts.published_about(folder), Staleness(folder)
    probabilities = {record["name"]: _read(folder, record) for record in loaded}
    readable = [(record, own) for record in loaded if isinstance(own := probabilities[record["name"]], Saved)]
    base = next(((record, own) for record, own in readable if record["name"] == BASE), None)
    around = _Around(folder, base, excerpts.read_texts(folder) if texts else None, Repeats(repeats))
    rows = [_row(record, staleness.reasons(record), probabilities[record["name"]], around) for record in loaded]
    task = _task(loaded, about)
    missing = [] if base else [f"{BASE}: without it no row can be compared with the base"]
    if around.texts is None:
        noun = _noun(task, study.track_of([record for record, _ in readable]))
        missing.append(f"{manifest.REVIEWS}: no {noun.removesuffix('s')} lengths and no example {noun}")
    usable = {row.name for row in rows if isinstance(row, ScoredRow)}
    asked = [Asked(record, own) for record, own in readable if record["name"] in usable]
    return Evidence(
        folder=folder.name,
        task=task,
        rows=_corrected(rows),
        missing=missing,
        about=about,
        questions=ask(asked, around.repeats),
        close=_close(rows, probabilities),
        uses=ledger.uses(folder, ledger.test_set(base[1].rows, base[1].labels)) if base else 0,
    )


def _task(loaded: Iterable[Mapping[str, Any]], about: Mapping[str, Any]) -> Task:
    """The labels, by the base's metrics, else the first ones, else the description of the texts."""
    readable = [record for record in sorted(loaded, key=lambda record: record["name"] != BASE) if "damaged" not in record]
    for content in (*readable, about.get("task", {})):
        try:
            return Task(labels=tuple(content["labels"]))
        except (UserError, KeyError, TypeError):  # of a damaged file: others may tell
            continue
    return SENTIMENT


def _noun(task: Task, track: Track) -> str:
    """What the texts are called. Those of an encoder's track are sentences, posts or reviews."""
    return "texts" if track is manifest.ENCODER else plots.noun(task)


def _read(folder: Path, record: Mapping[str, Any]) -> Saved | str:
    """A row's probabilities, or why there are none."""
    if "damaged" in record:
        return str(record["damaged"])
    try:
        return saved.load(folder, record)
    except ValueError as error:
        return str(error)


def _row(record: Mapping[str, Any], reasons: Sequence[str], own: Saved | str, around: _Around) -> ScoredRow | DamagedRow:
    """What one model's metrics and probabilities say; the p values of its comparison are not corrected yet."""
    name, technique = record["name"], record["technique"]
    if isinstance(own, str):
        return DamagedRow(name, technique, own)
    try:
        seeds = around.repeats.accuracy(record)
    except UserError as error:
        return DamagedRow(name, technique, error.problem)
    stale = reasons[0] if reasons else ""
    refresh = manifest.command(record["stage"], around.folder.name, record.get("flags")) if reasons else ""
    compared, texts = around.base, around.texts
    if compared and not own.same_texts(compared[1]):
        other = "other labels than the base" if own.task.labels != compared[1].task.labels else ""
        stale, compared = stale or (f"has {other}" if other else "scored on other test texts than the base"), None
    compared = compared if name != BASE else None
    return ScoredRow(
        name=name,
        technique=technique,
        role=record["role"],
        record=record,
        deployed_bytes=record["size"]["bytes"] + record["vocabulary"]["bytes"],
        deployed_gzip_bytes=record["size"]["gzip_bytes"] + record["vocabulary"]["gzip_bytes"],
        seconds=float(sum(record["seconds"].values())),
        calibration=statistics.calibration(own.labels, own.test),
        length_groups=excerpts.length_groups(own, texts) if texts else [],
        comparison=comparing.compare(own, compared[1]) if compared else None,
        over_seeds=around.repeats.compare((record, own), compared) if compared else None,
        examples=excerpts.examples(own, compared[1], texts) if compared and texts else [],
        seeds=seeds,
        stale=stale,
        refresh=refresh,
    )


def _corrected(rows: Sequence[ScoredRow | DamagedRow]) -> list[ScoredRow | DamagedRow]:
    """The rows with p values that are corrected for those that ask the same question."""
    scored = [row for row in rows if isinstance(row, ScoredRow)]
    once = comparing.corrected((row.record, row.comparison) for row in scored if row.comparison)
    seeds = comparing.corrected((row.record, row.over_seeds) for row in scored if row.over_seeds)
    return [
        replace(row, comparison=once.get(row.name), over_seeds=seeds.get(row.name)) if isinstance(row, ScoredRow) else row for row in rows
    ]


def _close(rows: Sequence[ScoredRow | DamagedRow], probabilities: Mapping[str, Saved | str]) -> list[str]:
    """Rows that are no worse than the most accurate one by validation, controls aside; corrected for their number."""
    candidates = [row for row in rows if isinstance(row, ScoredRow) and row.role != CONTROL]
    best = max(candidates, key=lambda row: row.validation, default=None)
    if best is None:
        return []
    reference = probabilities[best.name]
    assert isinstance(reference, Saved)
    own = {row.name: one for row in candidates if isinstance(one := probabilities[row.name], Saved) and one.same_texts(reference)}
    names = [name for name in own if name != best.name]
    p_values = statistics.holm([statistics.equivalence_p(own[name].right, reference.right)["no_worse"] for name in names])
    return [best.name, *(name for name, p in zip(names, p_values, strict=True) if p < statistics.SIGNIFICANT)]
