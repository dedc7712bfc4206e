"""Putting models into an artifacts folder: saved, loaded back, scored, timed, and described by a metrics file."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sentipress.core import files, manifest
from sentipress.core.errors import UserError
from sentipress.core.manifest import Row
from sentipress.core.quiet import quiet
from sentipress.evaluation import deployment, latency, ledger, parameters, records
from sentipress.linear.bag_of_words import LinearModel
from sentipress.lstm import networks
from sentipress.lstm.export import filling, to_tflite
from sentipress.lstm.networks import ModelSpec
from sentipress.pipeline.published import Published
from sentipress.pipeline.workspace import BASE, Workspace
from sentipress.runtimes import ensemble, packed_words, pocket, registry
from sentipress.runtimes.interface import Runtime
from sentipress.runtimes.keras_file import KerasModel, save_keras
from sentipress.runtimes.linear_file import LinearRuntime
from sentipress.runtimes.litert import LiteRTModel, custom_operators, loads_as_compiled_model
from sentipress.runtimes.packed_words import PackedWords
from sentipress.runtimes.pocket import PocketModel

LARGEST_DIFFERENCE = 0.05  # of probability between two runtimes of one file; beyond it one of them is wrong


class Publisher:
    """Writes the models of one stage. A file lies under another name until `finish`: a kill leaves the earlier model in place."""

    def __init__(self, space: Workspace) -> None:
        self.space = space

    @property
    def _remedy(self) -> str:
        return manifest.run(self.space.settings.stage, self.space.folder)

    def _pending(self, row: Row) -> Path:
        """Where a model lies until `finish`."""
        return self.space.folder / f"{files.TEMPORARY}{row.file}"

    def final(self, row: Row) -> Path:
        """Where a published model lies after `finish`."""
        return self.space.folder / row.file

    def _published(self, row: Row, inputs: Sequence[Path], runtime: Runtime, measured: Mapping[str, Any]) -> Published:
        """Score a model that was loaded back from its pending file."""
        space = self.space
        probabilities = {split: runtime.predict(space.read_by(runtime, split)) for split in space.scored}
        # Before anybody sees a figure: a run that is broken off afterwards has used the test texts all the same.
        right = space.task.right(probabilities["test"], space.labels["test"])
        test_set = ledger.test_set(space.reviews.rows("test"), space.labels["test"])
        line = ledger.line(row.name, right, self._pending(row), space.reviews.in_words, test_set)
        ledger.append(space.folder / ledger.NAME, [line])
        return Published(row, self._pending(row), self.final(row), inputs, runtime, probabilities, dict(measured))

    def keras(self, model: Any, spec: ModelSpec, row: Row, inputs: Sequence[Path], measured: Mapping[str, Any]) -> Published:
        """Save a stock model, load it back, and score what was loaded."""
        path = self._pending(row)
        save_keras(model, path)
        runtime = KerasModel(path, self._remedy, self.space.tokenizer, self.space.task)
        counted = parameters.count(runtime.stored_arrays(), networks.count_parameters(spec))
        return self._published(row, inputs, runtime, {**measured, "parameters": counted, "model": spec.as_dict()})

    def tflite(self, model: Any, spec: ModelSpec, number_format: str, row: Row, inputs: Sequence[Path]) -> Published:
        """Convert a stock model, then score the file from disk, twice, and try it in CompiledModel.

        Raises:
            UserError: the file needs foreign operators, keeps a state between calls, or CompiledModel refuses it or
                disagrees with the interpreter.
        """
        path, space = self._pending(row), self.space
        started = time.perf_counter()
        files.write_bytes(path, to_tflite(model, spec, number_format))
        seconds = time.perf_counter() - started
        foreign = custom_operators(path)
        if foreign:
            raise UserError(f"{path} needs operators that LiteRT does not bring: {', '.join(foreign)}", "report this")
        runtime = LiteRTModel(path, self._remedy, space.tokenizer, space.task)
        measured = {
            "seconds": {"conversion": seconds},
            "parameters": parameters.count(runtime.stored_arrays(), networks.count_parameters(spec), filling(spec)),
            "model": spec.as_dict(),
            "number_format": number_format,
        }
        published = self._published(row, inputs, runtime, measured)
        self._check_stateless(published)
        return published

    def _check_stateless(self, published: Published) -> None:
        """Score a `.tflite` file a second time and once in CompiledModel; adds what was found to its measurements."""
        space, path, test = self.space, published.pending, published.probabilities["test"]
        repeated = published.runtime.predict(space.ids["test"])
        differing = int((space.task.decide(repeated) != space.task.decide(test)).sum())
        if differing:
            raise UserError(f"{path} gives {differing} other predictions in a second pass: it keeps a state", "report this")
        try:
            compiled = loads_as_compiled_model(path, space.ids["test"][:1], space.task.outputs)
        except RuntimeError as error:
            raise UserError(f"{path} does not load in CompiledModel ({error})", "report this") from None
        difference = float(np.abs(compiled.astype(np.float64) - test[0].astype(np.float64)).max())
        if difference > LARGEST_DIFFERENCE:
            raise UserError(f"{path} gives {compiled} in CompiledModel and {test[0]} in the interpreter", "report this")
        published.measured["second_pass"] = {
            "different_predictions": differing,
            "largest_change": float(np.abs(repeated - test).max()),
        }
        published.measured["compiled_model"] = {"loads": True, "difference": difference}

    def linear(self, model: LinearModel, row: Row, measured: Mapping[str, Any]) -> Published:
        """Save a bag-of-words classifier, load it back, and score what was loaded."""
        model.save(self._pending(row))
        return self._bag_of_words(LinearRuntime(self._pending(row), self._remedy), row, measured)

    def packed_words(self, model: LinearModel, row: Row, measured: Mapping[str, Any]) -> Published:
        """Pack a bag of words with weights of 8 bits, load it back, and score what was loaded."""
        packed_words.save(self._pending(row), model, packed_words.BITS)
        return self._bag_of_words(PackedWords(self._pending(row), self._remedy), row, measured)

    def ensemble(self, members: Sequence[Path], row: Row, inputs: Sequence[Path]) -> Published:
        """Join models of the folder into one, and score that. Its size is that of all that it needs."""
        path, needed = self._pending(row), {*members, *(self.space.folder / name for name in self._vocabularies(members))}
        ensemble.save(path, members)
        runtime = registry.open_ensemble(path, self._remedy)
        sizes = [files.sizes(file) for file in (path, *sorted(needed))]
        arrays = runtime.stored_arrays()
        measured = {
            "seconds": {},
            "model": {"members": [member.name for member in members]},
            "parameters": parameters.count(arrays, sum(array.size for array in arrays.values())),
            "size": {key: sum(size[key] for size in sizes) for key in ("bytes", "gzip_bytes")},
        }
        return self._published(row, inputs, runtime, measured)

    def _vocabularies(self, members: Sequence[Path]) -> set[str]:
        """Names of the files that members need for their words."""
        return {registry.tokenizer_of(member, self._remedy).name for member in members if not registry.format_of(member).own_vocabulary}

    def _bag_of_words(self, runtime: LinearRuntime, row: Row, measured: Mapping[str, Any]) -> Published:
        arrays = runtime.stored_arrays()
        counted = parameters.count(arrays, sum(array.size for array in arrays.values()))
        return self._published(row, [self.space.reviews.path], runtime, {**measured, "parameters": counted})

    def pocket(self, source: Path, row: Row, inputs: Sequence[Path], measured: Mapping[str, Any]) -> Published:
        """Pack a published `.tflite` file and the vocabulary into one file, load it back, and score what was loaded.

        Args:
            source: the file.
            row: of the package.
            inputs: what it was made from.
            measured: measurements of the source that hold for the package as well.
        """
        path = self._pending(row)
        pocket.save(path, source.read_bytes(), self.space.tokenizer, self.space.task.labels)
        return self._published(row, inputs, PocketModel(path, self._remedy), measured)

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
        texts = len(self.space.ids["test"])
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
        return records.save(
            model.file, tokenizer, model.row, space.settings, model.inputs, model.probabilities, truth, space.task, measured
        )

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
