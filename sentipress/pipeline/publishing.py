"""What every stage does with a model that it made: score the bytes on disk, time them, put them in place, write their metrics."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np

from sentipress.core import files, manifest
from sentipress.core.errors import UserError
from sentipress.core.manifest import Row
from sentipress.core.quiet import quiet
from sentipress.data.additions import ReadingSet
from sentipress.data.corpus import Corpus
from sentipress.data.stored import Texts
from sentipress.data.task import Task
from sentipress.evaluation import comprehension, deployment, latency, ledger, parameters, records
from sentipress.linear.bag_of_words import LinearModel
from sentipress.pipeline.published import Published
from sentipress.runtimes import packed_words, registry
from sentipress.runtimes.interface import Runtime
from sentipress.runtimes.linear_file import LinearRuntime
from sentipress.runtimes.litert import custom_operators

BASE = manifest.BASE.name  # the same in every track


class Scored(Protocol):
    """An artifacts folder, opened for a stage: what scoring a model needs of it."""

    folder: Path
    settings: SimpleNamespace
    reviews: Corpus
    task: Task
    tokenizer_file: str
    labels: dict[str, np.ndarray]

    @property
    def texts(self) -> dict[str, Texts]:
        """Cleaned texts of what is scored, by split name."""

    @property
    def scored(self) -> list[str]:
        """Names of the splits that every model is scored on."""

    def read_by(self, runtime: Runtime, split: str) -> Any:
        """Inputs of a model for the texts of a split."""


class Publishing:
    """Writes the models of one stage. A file lies under another name until `finish`: a kill leaves the earlier model in place."""

    def __init__(self, space: Scored) -> None:
        self.space = space

    @functools.cached_property
    def _asked(self) -> tuple[list[ReadingSet], bool]:
        """What every model is asked: the reading sets, and whether the behaviour cases are in the language of the texts."""
        return self.space.reviews.reading(), comprehension.are_english(self.space.reviews)

    @property
    def _remedy(self) -> str:
        return manifest.run(self.space.settings.stage, self.space.folder)

    def _pending(self, row: Row) -> Path:
        """Where a model lies until `finish`."""
        return self.space.folder / f"{files.TEMPORARY}{row.file}"

    def final(self, row: Row) -> Path:
        """Where a published model lies after `finish`."""
        return self.space.folder / row.file

    def _check_operators(self, path: Path) -> None:
        """Refuse a `.tflite` file that a runtime without further libraries cannot run.

        Raises:
            UserError: it needs operators that are not built in.
        """
        foreign = custom_operators(path)
        if foreign:
            raise UserError(f"{path} needs operators that LiteRT does not bring: {', '.join(foreign)}", "report this")

    def packed_words(self, model: LinearModel, row: Row, inputs: Sequence[Path], measured: Mapping[str, Any]) -> Published:
        """Pack a bag of words with weights of 8 bits, load it back, and score what was loaded."""
        packed_words.save(self._pending(row), model, packed_words.BITS)
        return self._bag_of_words(packed_words.PackedWords(self._pending(row), self._remedy), row, inputs, measured)

    def _bag_of_words(self, runtime: LinearRuntime, row: Row, inputs: Sequence[Path], measured: Mapping[str, Any]) -> Published:
        arrays = runtime.stored_arrays()
        counted = parameters.count(arrays, sum(array.size for array in arrays.values()))
        return self._published(row, inputs, runtime, {**measured, "parameters": counted})

    def _published(self, row: Row, inputs: Sequence[Path], runtime: Runtime, measured: Mapping[str, Any]) -> Published:
        """Score a model that was loaded back from its pending file."""
        space = self.space
        probabilities = {split: runtime.predict(space.read_by(runtime, split)) for split in space.scored}
        # Before anybody sees a figure: a run that is broken off afterwards has used the test texts all the same.
        right = space.task.right(probabilities["test"], space.labels["test"])
        test_set = ledger.test_set(space.reviews.rows("test"), space.labels["test"])
        line = ledger.line(row.name, right, self._pending(row), space.reviews.in_words, test_set)
        ledger.append(space.folder / ledger.NAME, [line])
        read = comprehension.judge(runtime, *self._asked)
        measured = {**measured, **({"reading": read} if read else {})}
        return Published(row, self._pending(row), self.final(row), inputs, runtime, probabilities, measured)

    def finish(
        self, published: Sequence[Published], base: Runtime | None = None, foundation: Callable[[], None] | None = None
    ) -> list[dict[str, Any]]:
        """Time the models in turns with the base, put them in place, write their metrics, print the figures.

        Args:
            published: the models.
            base: the base's file, loaded; None where it is among the models.
            foundation: writes what the models were made with and need beside them, a new tokenizer for example.

        Returns:
            The metrics records.
        """
        runtimes = {**({BASE: base} if base else {}), **{model.row.name: model.runtime for model in published}}
        sample = self._latency_sample()
        with quiet():
            clocked = {
                name: latency.Clocked(runtime.predict_one, runtime.predict_padded, [self._one(runtime, index) for index in sample])
                for name, runtime in runtimes.items()
            }
            times = latency.measure(clocked, BASE)
        if foundation:
            foundation()
        for model in published:
            model.pending.replace(model.file)
        costs = self._deployments(published, sample)
        written = [self._record(model, times[model.row.name], cost) for model, cost in zip(published, costs, strict=True)]
        for record in written:
            score, size, time_ = record["scores"]["accuracy"], record["size"], record["latency"]
            print(
                f"{record['file']}: test accuracy {score['value']:.2%} ({score['low']:.2%} to {score['high']:.2%}), "
                f"{size['bytes']:,} bytes ({size['gzip_bytes']:,} gzip), one text {time_['p50_ms']:.2f} ms, "
                f"{_speed(time_)}x the speed of {BASE}"
            )
        return written

    def _latency_sample(self) -> np.ndarray:
        """Test texts to time: a seeded random sample, long and short ones."""
        texts = len(self.space.labels["test"])
        return np.random.default_rng(0).choice(texts, min(self.space.settings.latency_reviews, texts), replace=False)

    def _one(self, runtime: Runtime, index: int) -> Any:
        """Inputs of a model for one test text."""
        inputs = self.space.read_by(runtime, "test")
        return inputs[index][np.newaxis] if runtime.reads == "ids" else [inputs[index]]

    def _tokenizer(self, file: Path) -> Path | None:
        """The vocabulary that a model file needs beside it, if it needs one."""
        return None if registry.format_of(file).own_vocabulary else self.space.folder / self.space.tokenizer_file

    def _record(self, model: Published, times: Mapping[str, Any], cost: dict[str, Any] | None) -> dict[str, Any]:
        space, tokenizer = self.space, self._tokenizer(model.file)
        right = space.task.right(model.probabilities["validation"], space.labels["validation"])
        measured = {
            **model.measured,
            "latency": times,
            "deployment": cost,
            "validation_accuracy": float(np.mean(right)),
        }
        truth = records.Truth(
            space.reviews.rows("test"), space.labels["test"], space.reviews.rows("validation"), space.labels.get("out_of_domain")
        )
        inputs = [*model.inputs, *([space.folder / manifest.READING] if space.reviews.about.get("reading") else [])]
        return records.save(model.file, tokenizer, model.row, space.settings, inputs, model.probabilities, truth, space.task, measured)

    def _deployments(self, published: Sequence[Published], sample: np.ndarray) -> list[dict[str, Any] | None]:
        """What each model file costs in fresh processes; None for each when the stage was told not to measure it."""
        if not self.space.settings.deployment:
            return [None] * len(published)
        texts = [self.space.texts["test"][index] for index in sample]
        try:
            files_ = [(model.file, self._tokenizer(model.file)) for model in published]
            return [*deployment.measure_in_turns(files_, texts, self.space.task.labels)]
        except RuntimeError as error:
            raise UserError(str(error), self._remedy) from None


def _speed(times: Mapping[str, Any]) -> str:
    """How many times as fast as the base a model is, with the digits that are certain."""
    value, low, high = (1 / times[key] for key in ("ratio_to_base", "ratio_high", "ratio_low"))
    return latency.shown(value, low, high, most=1)
