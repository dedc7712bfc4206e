"""What a later stage opens: reviews, tokenizer and the base of one run, checked against each other."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from sklearn.metrics import classification_report

from sentipress.core import cli, files, manifest
from sentipress.data import corpus
from sentipress.evaluation import deployment, latency, records
from sentipress.lstm import eventlog, networks, training
from sentipress.runtimes import pocket
from sentipress.text import embeddings
from sentipress.runtimes.registry import DEFAULT_TOKENIZER
from sentipress.core.errors import UserError
from sentipress.lstm.export import filling, to_tflite
from sentipress.linear.bag_of_words import LinearModel
from sentipress.runtimes.litert import LiteRTModel, custom_operators, loads_as_compiled_model, stored_arrays
from sentipress.lstm.networks import ModelSpec
from sentipress.runtimes.pocket import PocketModel
from sentipress.core.quiet import quiet
from sentipress.text.tokenizer import Tokenizer

BASE = "modelo_base"
START = "embedding_start.npz"
SCORED = ("validation", "test", "outside")


@dataclass(frozen=True)
class Base:
    """The base of a run.

    Attributes:
        model: in its stock form.
        spec: its shape.
        record: its metrics.
    """

    model: Any
    spec: ModelSpec
    record: dict[str, Any]


class Workspace:
    """One artifacts folder, opened for a stage.

    Attributes:
        folder: the artifacts folder.
        settings: of the stage.
        reviews: the cleaned corpus.
        tokenizer: words to ids.
        tokenizer_file: its file's name in the folder.
        ids: split name to ids, int32 (reviews, length); "outside" are sentences of another domain.
        labels: split name to labels, float32 (reviews,).
    """

    def __init__(
        self, settings: SimpleNamespace, reviews: corpus.Corpus, tokenizer: Tokenizer, tokenizer_file: str = DEFAULT_TOKENIZER
    ) -> None:
        self.folder, self.tokenizer_file = Path(settings.artifacts), tokenizer_file
        self.settings, self.reviews, self.tokenizer = settings, reviews, tokenizer
        self.ids = {name: tokenizer.encode(reviews.texts(name)) for name in corpus.SPLITS}
        self.labels = {name: reviews.labels(name) for name in corpus.SPLITS}
        sentences, self.labels["outside"] = reviews.outside()
        self.ids["outside"] = tokenizer.encode(sentences)
        self._checkpoints: list[Path] = []

    @classmethod
    def open(cls, settings: SimpleNamespace) -> tuple[Workspace, Base]:
        """Open the run of stages 1 and 2, and its base.

        Raises:
            UserError: a stage has not been run, reviews, tokenizer and base are of different runs, or of another
                recipe than asked for.
        """
        folder = Path(settings.artifacts)
        remedy = manifest.run(manifest.BASELINE, folder)
        reviews = corpus.load(folder)
        cli.check_recipe(settings, reviews.recipe)
        record = records.load(folder, BASE, remedy)
        try:
            spec = ModelSpec(**record["model"])
        except TypeError as error:
            raise UserError(f"{records.metrics_path(folder, BASE)} lacks or garbles model ({error})", remedy) from None
        base = Base(networks.load_keras(folder / record["file"], remedy), spec, record)
        return cls(settings, reviews, Tokenizer.load(folder / "tokenizer.json", remedy)), base

    def inputs(self, *names: str) -> list[Path]:
        """Artifacts that every model depends on, and further ones by file name."""
        return [self.folder / name for name in ("reviews.csv", self.tokenizer_file, *names)]

    def with_tokenizer(self, tokenizer: Tokenizer, name: str) -> Workspace:
        """The same folder read with another vocabulary, which lies in a file of this name."""
        other = Workspace(self.settings, self.reviews, tokenizer, name)
        other._checkpoints = self._checkpoints
        return other

    def save_words(self, start: embeddings.Start | None) -> None:
        """Write the tokenizer and what the embedding started from, or that it started from nothing."""
        if start:
            start.save(self.folder / START)
        else:
            (self.folder / START).unlink(missing_ok=True)
        self.tokenizer.save(self.folder / "tokenizer.json")

    def words(self) -> tuple[str, ...]:
        """Artifacts beyond the tokenizer from which an embedding starts by the stage's settings."""
        return () if self.settings.embedding_start == "random" else (START,)

    def start(self, known: Tokenizer | None = None) -> embeddings.Start | None:
        """What the base's embedding started from, if by the stage's settings one starts from it.

        Args:
            known: the base's vocabulary; by default that of this workspace.

        Raises:
            UserError: the base started from random numbers, or the file is damaged or of another run.
        """
        if self.settings.embedding_start == "random":
            return None
        return embeddings.Start.load(self.folder / START, known or self.tokenizer, manifest.run(manifest.BASELINE, self.folder))

    def train(
        self,
        model: Any,
        name: str,
        plan: training.TrainingPlan,
        inputs: list[Path],
        data: tuple[np.ndarray, np.ndarray] | None = None,
        **options: Any,
    ) -> training.History:
        """Train on the training reviews, or on other data, choose on the validation reviews, with a checkpoint.

        Args:
            model: training form.
            name: of the model, for checkpoint and progress.
            plan: how.
            inputs: artifacts that the result depends on.
            data: ids int32 (reviews, length) and targets float32 (reviews, columns), label first; the training reviews
                with their labels by default.
            options: `loss` and `callbacks` of `sentipress.lstm.training.train`.
        """
        checkpoint = self.folder / f".{name}.checkpoint.npz"
        self._checkpoints.append(checkpoint)
        values = cli.recorded(self.settings)["settings"]
        identity = {"name": name, "settings": values, "inputs": {path.name: files.sha256(path) for path in inputs}}
        return training.train(
            model,
            data or (self.ids["train"], self.labels["train"][:, np.newaxis]),
            (self.ids["validation"], self.labels["validation"]),
            plan,
            checkpoint,
            identity,
            fresh=self.settings.fresh,
            title=name,
            watch=lambda epochs: eventlog.write(self.folder / "logs" / name, epochs),
            **options,
        )

    @functools.cached_property
    def _test_texts(self) -> list[str]:
        return self.reviews.texts("test")

    def _latency_places(self) -> np.ndarray:
        """Test reviews to time: a seeded random sample, long and short ones."""
        reviews = len(self.ids["test"])
        return np.random.default_rng(0).choice(reviews, min(self.settings.latency_reviews, reviews), replace=False)

    def publish_keras(
        self, model: Any, spec: ModelSpec, name: str, row: Mapping[str, Any], inputs: list[Path], measured: Mapping[str, Any]
    ) -> tuple[dict[str, Any], Any]:
        """Save a stock model, load it back, and score what was loaded.

        Returns:
            The measured facts for `finish`, and the model as loaded from disk.
        """
        path = self._pending(name, ".keras")
        networks.save_keras(model, path)
        loaded = networks.load_keras(path, self._remedy)
        with quiet():
            predict = training.predictor(loaded, bucketed=spec.masked)
            probabilities = {split: predict(self.ids[split]) for split in SCORED}
        facts = {
            "path": path,
            "row": row,
            "inputs": inputs,
            "probabilities": probabilities,
            "measured": {
                **measured,
                "parameters": networks.count(networks.weights_of(loaded), networks.count_parameters(spec)),
                "model": spec.as_dict(),
            },
        }
        return facts, loaded

    def publish_tflite(
        self,
        model: Any,
        spec: ModelSpec,
        name: str,
        number_format: str,
        row: Mapping[str, Any],
        inputs: list[Path],
        measured: Mapping[str, Any],
    ) -> tuple[dict[str, Any], LiteRTModel]:
        """Convert a stock model, then score the file from disk, twice, and try it in CompiledModel.

        Raises:
            UserError: the file needs foreign operators, keeps a state between calls, or CompiledModel refuses it or
                disagrees with the interpreter.
        """
        path = self._pending(name, ".tflite")
        started = time.perf_counter()
        files.write_bytes(path, to_tflite(model, spec, number_format))
        seconds = time.perf_counter() - started
        foreign = custom_operators(path)
        if foreign:
            raise UserError(f"{path} needs operators that LiteRT does not bring: {', '.join(foreign)}", "report this")
        loaded = LiteRTModel(path, self._remedy)
        probabilities = {split: loaded.predict(self.ids[split]) for split in SCORED}
        repeated = loaded.predict(self.ids["test"])
        differing = int(((repeated > 0.5) != (probabilities["test"] > 0.5)).sum())
        if differing:
            raise UserError(f"{path} gives {differing} other predictions in a second pass: it keeps a state", "report this")
        try:
            compiled = loads_as_compiled_model(path, self.ids["test"][:1])
        except RuntimeError as error:
            raise UserError(f"{path} does not load in CompiledModel ({error})", "report this") from None
        first, change = float(probabilities["test"][0]), float(np.abs(repeated - probabilities["test"]).max())
        if abs(compiled - first) > 0.05:
            raise UserError(f"{path} gives {compiled} in CompiledModel and {first} in the interpreter", "report this")
        facts = {
            "path": path,
            "row": row,
            "inputs": inputs,
            "probabilities": probabilities,
            "measured": {
                **measured,
                "seconds": {"conversion": seconds},
                "parameters": networks.count(stored_arrays(path), networks.count_parameters(spec), filling(spec)),
                "model": spec.as_dict(),
                "number_format": number_format,
                "second_pass": {
                    "different_predictions": differing,
                    "largest_change": change,
                },
                "compiled_model": {"loads": True, "difference": abs(compiled - first)},
            },
        }
        return facts, loaded

    def publish_linear(
        self, model: LinearModel, name: str, row: Mapping[str, Any], measured: Mapping[str, Any]
    ) -> tuple[dict[str, Any], LinearModel]:
        """Save a bag-of-words classifier, load it back, and score what was loaded."""
        path = self._pending(name, ".npz")
        model.save(path)
        loaded = LinearModel.load(path, self._remedy)
        counted = networks.count(loaded.arrays(), sum(array.size for array in loaded.arrays().values()))
        facts = {
            "path": path,
            "row": row,
            "inputs": [self.reviews.path],
            "probabilities": {split: loaded.predict(texts) for split, texts in self._texts().items()},
            "measured": {**measured, "parameters": counted},
            "reads": "text",
        }
        return facts, loaded

    def publish_pocket(
        self, source: Path, name: str, row: Mapping[str, Any], inputs: list[Path], measured: Mapping[str, Any]
    ) -> tuple[dict[str, Any], PocketModel]:
        """Pack a published `.tflite` file and the vocabulary into one file, load it back, and score what was loaded.

        Args:
            source: the file.
            name: of the package.
            row: place in the table.
            inputs: what it was made from.
            measured: facts of the source that hold for the package as well.
        """
        path = self._pending(name, ".zip")
        pocket.save(path, source.read_bytes(), self.tokenizer)
        loaded = PocketModel(path, self._remedy)
        facts = {
            "path": path,
            "row": row,
            "inputs": inputs,
            "probabilities": {split: loaded.predict(texts) for split, texts in self._texts().items()},
            "measured": dict(measured),
            "reads": "text",
        }
        return facts, loaded

    def _texts(self) -> dict[str, list[str]]:
        """Cleaned texts of what is scored."""
        return {"validation": self.reviews.texts("validation"), "test": self._test_texts, "outside": self.reviews.outside()[0]}

    def finish(
        self,
        published: Mapping[str, dict[str, Any]],
        calls: Mapping[str, Callable[[np.ndarray], Any]],
        foundation: Callable[[], None] | None = None,
    ) -> list[dict[str, Any]]:
        """Time the published models in turns with the base, put them in place, write their metrics, print the figures.

        Args:
            published: name to what `publish_keras` or `publish_tflite` gave.
            calls: name to a function of one review's ids (or texts, see `publish_linear`); holds `BASE` as well, which the ratios refer to.
            foundation: writes what the models were made with and need beside them, a new tokenizer for example.
        """
        places = self._latency_places()
        ids = [self.ids["test"][place][np.newaxis] for place in places]
        texts = [[self._test_texts[place]] for place in places]
        reading = {name: texts if published.get(name, {}).get("reads") == "text" else ids for name in calls}
        with quiet():
            times = latency.measure(calls, reading, BASE)
        if foundation:
            foundation()
        for name, facts in published.items():
            facts["path"].replace(self.final(name, facts))
        written = []
        for name, facts in published.items():
            record = records.save(
                self.folder,
                self.final(name, facts),
                self._tokenizer(self.final(name, facts)),
                facts["row"],
                self.settings,
                facts["inputs"],
                facts["probabilities"],
                records.Truth(self.reviews.rows("test"), self.labels["test"], self.reviews.rows("validation"), self.labels["outside"]),
                {
                    **facts["measured"],
                    "latency": times[name],
                    "deployment": self._deployment(self.final(name, facts)),
                    "validation_accuracy": float(
                        np.mean((facts["probabilities"]["validation"] > 0.5) == (self.labels["validation"] > 0.5))
                    ),
                },
            )
            written.append(record)
            score, size = record["scores"]["accuracy"], record["size"]
            print(
                f"{record['file']}: test accuracy {score['value']:.2%} ({score['low']:.2%} to {score['high']:.2%}), "
                f"{size['bytes']:,} bytes ({size['gzip_bytes']:,} gzip), one review {times[name]['p50_ms']:.2f} ms, "
                f"{1 / times[name]['ratio_to_base']:.1f}x the speed of {BASE}"
            )
        return written

    def _deployment(self, file: Path) -> dict[str, Any] | None:
        """What a model file costs in a fresh process; None when the stage was told not to measure it."""
        if not self.settings.deployment:
            return None
        texts = [self._test_texts[place] for place in self._latency_places()]
        try:
            return deployment.measure(file, self._tokenizer(file), texts)
        except RuntimeError as error:
            raise UserError(str(error), self._remedy) from None

    def _tokenizer(self, file: Path) -> Path | None:
        """What a model file needs beside it to read words; bags of words and pocket models bring their own."""
        return None if file.suffix in (".npz", ".zip") else self.folder / self.tokenizer_file

    def remove_checkpoints(self) -> None:
        """Delete the checkpoints of this stage's trainings; the last thing that a stage does."""
        for checkpoint in self._checkpoints:
            checkpoint.unlink(missing_ok=True)

    def final(self, name: str, facts: Mapping[str, Any]) -> Path:
        """Where a published model lies after `finish`."""
        return self.folder / f"{name}{facts['path'].suffix}"

    def _pending(self, name: str, suffix: str) -> Path:
        """Where a model lies until `finish`: a run that is killed while it scores leaves the earlier model in place."""
        return self.folder / f"{files.TEMPORARY}{name}{suffix}"

    @property
    def _remedy(self) -> str:
        return manifest.run(self.settings.stage, self.folder)

    def check_unchanged(self, base: Base) -> None:
        """Score the base again: optimizing a copy must not have moved it.

        Raises:
            UserError: its test probabilities are not those that were saved with it.
        """
        saved = records.load_probabilities(self.folder, BASE)["test"]
        with quiet():
            now = training.predictor(base.model, bucketed=base.spec.masked)(self.ids["test"])
        if not np.allclose(saved, now, atol=1e-4):
            raise UserError(f"{base.record['file']} no longer scores as its metrics say", manifest.run(manifest.BASELINE, self.folder))

    def report(self, probabilities: np.ndarray) -> str:
        """scikit-learn's classification report of test probabilities (reviews,)."""
        truth = self.labels["test"] > 0.5
        return str(classification_report(truth, probabilities > 0.5, target_names=["negative", "positive"], digits=4, zero_division=0))


def keras_call(model: Any) -> Callable[[np.ndarray], Any]:
    """Keras asked for one review, by its fastest public way (a compiled graph)."""
    return lambda ids: model.predict_on_batch(ids)
