"""Everything that the report says, as plain data: measured once here, so that table, pages and sentences agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from sentipress.core import folder as artifacts
from sentipress.core import manifest
from sentipress.core.errors import UserError
from sentipress.data import corpus
from sentipress.data.task import SENTIMENT, Task
from sentipress.evaluation import plots, records, statistics
from sentipress.pipeline.staleness import Staleness
from sentipress.reporting import table

BASE = manifest.BASE.name
FIRST_BOUNDS = (2, 5, 10, 25, 50, 100)  # words: where the first group by length may end; long texts take the last
EXAMPLES = 3  # texts shown per model
EXCERPT = 420  # characters of each


@dataclass(frozen=True)
class Comparison:
    """A model against the base on the same test texts.

    Attributes:
        difference: accuracy minus the base's: `value`, `low`, `high`, as shares.
        p: of McNemar's exact test.
        p_holm: the same, corrected for the number of rows after Holm.
        agreement: share of texts on which both decide the same.
    """

    difference: Mapping[str, float]
    p: float
    p_holm: float
    agreement: float


@dataclass(frozen=True)
class Example:
    """A test text on which a model and the base decide differently.

    Attributes:
        row: of the source.
        label: name of the true label.
        decided: name of the label that the model chose.
        probability: that the model gives it, 0 to 1.
        base_decided: name of the label that the base chose.
        base_probability: that the base gives it, 0 to 1.
        text: an excerpt.
    """

    row: int
    label: str
    decided: str
    probability: float
    base_decided: str
    base_probability: float
    text: str


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
    """

    folder: str
    task: Task
    rows: Sequence[ScoredRow | DamagedRow]
    missing: Sequence[str]
    about: Mapping[str, Any]

    @cached_property
    def scored(self) -> list[ScoredRow]:
        """Rows that could be read."""
        return [row for row in self.rows if isinstance(row, ScoredRow)]

    @property
    def base(self) -> ScoredRow | None:
        """The row that the others are compared with, if it is there."""
        return next((row for row in self.scored if row.name == BASE), None)

    @property
    def noun(self) -> str:
        """What the texts are called: "reviews" or "texts"."""
        return plots.noun(self.task)


@dataclass(frozen=True)
class _Texts:
    """Cleaned test texts by their row in the source, and bounds in words of the groups by length."""

    by_row: Mapping[int, str]
    bounds: Sequence[int]


def collect(folder: Path, repeats: Sequence[Path] = ()) -> Evidence:
    """Read an artifacts folder, or a published copy of one, and compare every row with the base.

    Args:
        folder: with `*.metrics.json` and `*.probabilities.npz`.
        repeats: folders of the same recipe with other seeds, for mean and spread.

    Raises:
        UserError: the folder holds no metrics.
    """
    loaded = table.load(folder)
    if not loaded:
        raise UserError(f"{folder} holds no *{records.SUFFIX}", manifest.run(manifest.PREPROCESSING, folder))
    about, texts, staleness = artifacts.published_about(folder), _test_texts(folder), Staleness(folder)
    base = _base_probabilities(folder, loaded)
    rows = [_row(folder, record, staleness.reasons(record), base, texts, repeats) for record in loaded]
    task = _task(loaded, about)
    missing = [] if base else [f"{BASE}: without it no row can be compared with the base"]
    if texts is None:
        noun = plots.noun(task)
        missing.append(f"{manifest.REVIEWS}: no {noun.removesuffix('s')} lengths and no example {noun}")
    return Evidence(folder.name, task, _corrected(rows), missing, about)


def _task(loaded: Iterable[Mapping[str, Any]], about: Mapping[str, Any]) -> Task:
    """The labels, by the base's metrics, else the first ones, else the description of the texts."""
    readable = [record for record in sorted(loaded, key=lambda record: record["name"] != BASE) if "damaged" not in record]
    for content in (*readable, about.get("task", {})):
        try:
            return Task(labels=tuple(content["labels"]))
        except (UserError, KeyError, TypeError):  # of a damaged file: others may tell
            continue
    return SENTIMENT


def _test_texts(folder: Path) -> _Texts | None:
    try:
        texts = corpus.load(folder)
    except UserError:
        return None
    by_row = dict(zip(texts.rows("test").tolist(), texts.texts("test"), strict=True))
    return _Texts(by_row, length_bounds([_words(text) for text in by_row.values()]))


def _words(text: str) -> int:
    return len(text.split())


def length_bounds(words: Sequence[int]) -> list[int]:
    """Choose where the groups by length end: three bounds in words, each twice the one before.

    At least a tenth of the texts reach the second bound, unless nearly all have under 4 words. Film reviews give 100, 200
    and 400.

    Args:
        words: number of words of each text.
    """
    longest = np.percentile(words, 90) / 2 if len(words) else FIRST_BOUNDS[-1]
    first = max((bound for bound in FIRST_BOUNDS if bound <= longest), default=FIRST_BOUNDS[0])
    return [first, 2 * first, 4 * first]


def length_names(bounds: Sequence[int]) -> list[str]:
    """Name the groups by length, one more than there are bounds."""
    return [f"under {bounds[0]} words", *(f"{low} to {high - 1}" for low, high in pairwise(bounds)), f"{bounds[-1]} and more"]


@dataclass(frozen=True)
class _Probabilities:
    """Saved test probabilities of a model, in the shape of the task, with rows and labels of the texts."""

    task: Task
    rows: np.ndarray
    labels: np.ndarray
    test: np.ndarray

    @property
    def right(self) -> np.ndarray:
        return self.task.right(self.test, self.labels)


def _load_probabilities(folder: Path, record: Mapping[str, Any]) -> _Probabilities:
    """Read a model's probabilities; raises ValueError with a sentence on what is wrong."""
    try:
        task = Task(labels=tuple(record["labels"]))
        saved = records.load_probabilities(folder, record["name"])
        labels, test = saved["test_label"].astype(np.float64), saved["test"].astype(np.float64)
        expected = (len(labels),) if task.binary else (len(labels), len(task.labels))
        if test.shape != expected:
            raise ValueError(f"shape {test.shape} instead of {expected}")
        return _Probabilities(task, saved["test_row"], labels, test)
    except Exception as error:  # zipfile, zlib and numpy raise many kinds for damaged bytes
        raise ValueError(f"{record['name']}{manifest.PROBABILITIES} cannot be read ({error})") from error


def _base_probabilities(folder: Path, loaded: Iterable[Mapping[str, Any]]) -> _Probabilities | None:
    for record in loaded:
        if record["name"] == BASE and "damaged" not in record:
            try:
                return _load_probabilities(folder, record)
            except ValueError:
                return None
    return None


def _row(
    folder: Path,
    record: Mapping[str, Any],
    reasons: Sequence[str],
    base: _Probabilities | None,
    texts: _Texts | None,
    repeats: Sequence[Path],
) -> ScoredRow | DamagedRow:
    """What one model's metrics and probabilities say; `p_holm` of its comparison is not corrected yet."""
    name, technique = record["name"], record["technique"]
    if "damaged" in record:
        return DamagedRow(name, technique, record["damaged"])
    try:
        own, seeds = _load_probabilities(folder, record), _seeds(record, repeats)
    except ValueError as error:
        return DamagedRow(name, technique, str(error))
    except UserError as error:
        return DamagedRow(name, technique, error.problem)
    stale = reasons[0] if reasons else ""
    refresh = manifest.command(record["stage"], folder.name, record.get("flags")) if reasons else ""
    if base and own.task.labels != base.task.labels:
        stale, base = stale or "has other labels than the base", None
    elif base and not np.array_equal(base.rows, own.rows):
        stale, base = stale or "scored on other test texts than the base", None
    compared = base if name != BASE else None
    return ScoredRow(
        name=name,
        technique=technique,
        role=record["role"],
        record=record,
        deployed_bytes=record["size"]["bytes"] + record["vocabulary"]["bytes"],
        deployed_gzip_bytes=record["size"]["gzip_bytes"] + record["vocabulary"]["gzip_bytes"],
        seconds=float(sum(record["seconds"].values())),
        calibration=statistics.calibration(own.labels, own.test),
        length_groups=_length_groups(own, texts) if texts else [],
        comparison=_compare(own, compared) if compared else None,
        examples=_examples(own, compared, texts) if compared and texts else [],
        seeds=seeds,
        stale=stale,
        refresh=refresh,
    )


def _length_groups(own: _Probabilities, texts: _Texts) -> list[dict[str, Any]]:
    words = np.array([_words(texts.by_row.get(int(row), "")) for row in own.rows])
    return statistics.by_group(own.right, np.digitize(words, texts.bounds), length_names(texts.bounds))


def _compare(own: _Probabilities, base: _Probabilities) -> Comparison:
    p = statistics.mcnemar_p(own.right, base.right)
    agreement = float(np.mean(own.task.decide(own.test) == base.task.decide(base.test)))
    return Comparison(statistics.difference(own.right, base.right), p, p, agreement)


def _examples(own: _Probabilities, base: _Probabilities, texts: _Texts) -> list[Example]:
    """Texts on which both decide differently, first those whose probabilities lie furthest apart."""
    labels = own.task.labels
    decided, base_decided = own.task.decide(own.test), base.task.decide(base.test)
    probabilities, base_probabilities = own.task.table(own.test), base.task.table(base.test)
    # Half of what the labels' probabilities differ by, all together: with two labels the difference of one of them.
    apart = np.where(decided != base_decided, np.abs(probabilities - base_probabilities).sum(axis=1) / 2, 0)
    return [
        Example(
            row=int(own.rows[index]),
            label=labels[int(own.labels[index])],
            decided=labels[decided[index]],
            probability=float(probabilities[index, decided[index]]),
            base_decided=labels[base_decided[index]],
            base_probability=float(base_probabilities[index, base_decided[index]]),
            text=_excerpt(texts.by_row.get(int(own.rows[index]), "")),
        )
        for index in np.argsort(-apart, kind="stable")[:EXAMPLES]
        if apart[index] > 0
    ]


def _excerpt(text: str) -> str:
    """The end of a text, where a review's verdict stands."""
    return text if len(text) <= EXCERPT else "… " + text[-EXCERPT:].split(" ", 1)[-1]


def _seeds(record: Mapping[str, Any], repeats: Sequence[Path]) -> dict[str, float] | None:
    """Mean and spread of a model's accuracy over several seeds; raises UserError for metrics that cannot be read."""
    paths = [records.metrics_path(folder, record["name"]) for folder in repeats]
    others = [records.read(path, "run the stage again") for path in paths if path.is_file()]
    return statistics.spread([one["scores"]["accuracy"]["value"] for one in (record, *others)]) if others else None


def _corrected(rows: Sequence[ScoredRow | DamagedRow]) -> list[ScoredRow | DamagedRow]:
    """The rows with p values that are corrected for their number."""
    compared = [row for row in rows if isinstance(row, ScoredRow) and row.comparison]
    p_values = [row.comparison.p for row in compared if row.comparison]
    by_name = {row.name: p for row, p in zip(compared, statistics.holm(p_values), strict=True)}
    return [
        replace(row, comparison=replace(row.comparison, p_holm=by_name[row.name])) if isinstance(row, ScoredRow) and row.comparison else row
        for row in rows
    ]
