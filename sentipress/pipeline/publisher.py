"""Putting models into an artifacts folder: saved, loaded back, scored, timed, and described by a metrics file."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sentipress.core import files
from sentipress.core.errors import UserError
from sentipress.core.manifest import Row
from sentipress.evaluation import parameters
from sentipress.linear.bag_of_words import LinearModel
from sentipress.lstm import networks
from sentipress.lstm.export import filling, to_tflite
from sentipress.lstm.networks import ModelSpec
from sentipress.pipeline.published import Published
from sentipress.pipeline.publishing import Publishing
from sentipress.pipeline.workspace import Workspace
from sentipress.runtimes import ensemble, pocket, registry
from sentipress.runtimes.keras_file import KerasModel, save_keras
from sentipress.runtimes.linear_file import LinearRuntime
from sentipress.runtimes.litert import LiteRTModel, loads_as_compiled_model
from sentipress.runtimes.pocket import PocketModel

LARGEST_DIFFERENCE = 0.05  # of probability between two runtimes of one file; beyond it one of them is wrong


class Publisher(Publishing):
    """Writes the models of one stage of the LSTM's track."""

    space: Workspace

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
        self._check_operators(path)
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
        return self._bag_of_words(LinearRuntime(self._pending(row), self._remedy), row, [self.space.reviews.path], measured)

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
