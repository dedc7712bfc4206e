"""What a later stage opens: texts, tokenizer and the base of one run, checked against each other."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from sentipress.core import cli, files, manifest
from sentipress.core.errors import UserError
from sentipress.core.history import History
from sentipress.data import corpus
from sentipress.evaluation import records
from sentipress.lstm import eventlog, parallel, training
from sentipress.lstm.networks import ModelSpec
from sentipress.pipeline.opened import OpenedFolder
from sentipress.runtimes.interface import Runtime
from sentipress.runtimes.keras_file import KerasModel
from sentipress.text import embeddings
from sentipress.text.batching import with_repeats
from sentipress.text.tokenizer import Tokenizer

BASE = manifest.BASE.name


@dataclass(frozen=True)
class Base:
    """The base of a run.

    Attributes:
        runtime: its file, loaded.
        spec: its shape.
        record: its metrics.
    """

    runtime: KerasModel
    spec: ModelSpec
    record: dict[str, Any]

    @property
    def model(self) -> Any:
        """The Keras model, in its stock form."""
        return self.runtime.model


class Workspace(OpenedFolder):
    """One artifacts folder, opened for a stage.

    Attributes:
        tokenizer: words to ids.
    """

    def __init__(
        self, settings: SimpleNamespace, reviews: corpus.Corpus, tokenizer: Tokenizer, tokenizer_file: str = manifest.TOKENIZER
    ) -> None:
        super().__init__(settings, reviews, tokenizer, tokenizer_file)
        self.tokenizer = tokenizer

    @classmethod
    def open(cls, settings: SimpleNamespace) -> tuple[Workspace, Base]:
        """Open the run of stages 1 and 2, and its base.

        Raises:
            UserError: a stage has not been run; reviews, tokenizer and base are of different runs, or of another recipe
                than asked for.
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
        tokenizer = Tokenizer.load(folder / manifest.TOKENIZER, remedy)
        base = Base(KerasModel(folder / record["file"], remedy, tokenizer, reviews.task), spec, record)
        return cls(settings, reviews, tokenizer), base

    def with_tokenizer(self, tokenizer: Tokenizer, name: str) -> Workspace:
        """The same folder read with another vocabulary, which lies in a file of this name."""
        other = Workspace(self.settings, self.reviews, tokenizer, name)
        other._checkpoints = self._checkpoints
        return other

    def read_by(self, runtime: Runtime, split: str) -> Any:
        """Inputs of a model for the texts of a split: ids that are made once, or cleaned texts."""
        return self.ids[split] if runtime.reads == "ids" else self.texts[split]

    def accuracy(self, logits: np.ndarray, split: str = "validation") -> float:
        """Share of texts of a split that are labelled rightly by logits."""
        return float(np.mean(self.task.decide_logits(logits) == self.labels[split].astype(np.int64)))

    # Where embeddings start

    def save_words(self, start: embeddings.Start | None) -> None:
        """Write the tokenizer and what the embedding started from, or that it started from nothing."""
        if start:
            start.save(self.folder / manifest.START)
        else:
            (self.folder / manifest.START).unlink(missing_ok=True)
        self.tokenizer.save(self.folder / manifest.TOKENIZER)

    def words(self) -> tuple[str, ...]:
        """Artifacts beyond the tokenizer from which an embedding starts by the stage's settings."""
        return () if self.settings.embedding_start == "random" else (manifest.START,)

    def start(self, vocabulary: Tokenizer | None = None) -> embeddings.Start | None:
        """What the base's embedding started from, if by the stage's settings one starts from it.

        Args:
            vocabulary: the base's; by default that of this workspace.

        Raises:
            UserError: the base started from random numbers, or the file is damaged or of another run.
        """
        if self.settings.embedding_start == "random":
            return None
        remedy = manifest.run(manifest.BASELINE, self.folder)
        return embeddings.Start.load(self.folder / manifest.START, vocabulary or self.tokenizer, remedy)

    # Training

    def labelled(self, pair_times: int) -> tuple[np.ndarray, np.ndarray]:
        """Ids int32 (texts, length) of the training texts and labels float32 (texts, 1), each text of an edited pair so many times."""
        rows = with_repeats(len(self.labels["train"]), self.reviews.paired(), pair_times)
        return self.store.taken(self.ids["train"], rows), self.labels["train"][rows, np.newaxis]

    def train(
        self,
        model: Any,
        name: str,
        plan: training.TrainingPlan,
        inputs: list[Path],
        data: tuple[np.ndarray, np.ndarray] | None = None,
        spec: ModelSpec | None = None,
        **options: Any,
    ) -> History:
        """Train on the training texts, or on other data, choose on the validation texts, with a checkpoint.

        Args:
            model: training form.
            name: of the model, for checkpoint and progress.
            plan: how.
            inputs: artifacts that the result depends on.
            data: ids int32 (texts, length) and targets float32 (texts, columns), label first; the training texts with their
                labels by default.
            spec: shape of a model that learns from labels alone: then several processes train it, if the settings ask for `workers`.
            options: `loss` and `callbacks` of `sentipress.lstm.training.train`.
        """
        checkpoint = self.checkpoint(name, ".npz")
        values = cli.recorded(self.settings)["settings"]
        identity = {"name": name, "settings": values, "inputs": {path.name: files.sha256(path) for path in inputs}}
        train: Callable[..., History] = training.train
        if spec is not None and self.settings.workers > 1:
            train = functools.partial(parallel.train, spec=spec, workers=self.settings.workers)
        return train(
            model,
            data or (self.ids["train"], self.labels["train"][:, np.newaxis]),
            (self.ids["validation"], self.labels["validation"]),
            plan,
            self.task,
            checkpoint,
            identity,
            fresh=self.settings.fresh,
            title=name,
            watch=lambda epochs: eventlog.write(self.folder / "logs" / name, epochs),
            **options,
        )

    def check_unchanged(self, base: Base) -> None:
        """Score the base again: optimizing a copy must not have moved it.

        Raises:
            UserError: its test probabilities are not those that were saved with it.
        """
        saved = records.load_probabilities(self.folder, BASE)["test"]
        if not np.allclose(saved, base.runtime.predict(self.ids["test"]), atol=1e-4):
            raise UserError(f"{base.record['file']} no longer scores as its metrics say", manifest.run(manifest.BASELINE, self.folder))
