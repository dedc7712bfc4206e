"""LSTM students of an encoder, packed with their words."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from sentipress.core import cli, files
from sentipress.core.backend import deterministic
from sentipress.core.history import History
from sentipress.core.manifest import Row
from sentipress.data.cleaning import clean
from sentipress.lstm import distillation, networks, training
from sentipress.lstm.export import filling, to_tflite
from sentipress.lstm.networks import ModelSpec
from sentipress.pipeline.encoder_publisher import EncoderPublisher
from sentipress.pipeline.encoder_students import EncoderSchool
from sentipress.pipeline.encoder_teaching import compared, labels_of
from sentipress.pipeline.published import Published
from sentipress.text import embeddings, phrases


class WordSchool:
    """LSTM students of an encoder: their words, their shape, their training, and the package.

    Attributes:
        tokenizer: words to ids.
        spec: shape of the networks.
    """

    def __init__(self, school: EncoderSchool) -> None:
        """Count words and word vectors in the training texts and the transfer set."""
        self._school, self._space = school, school.space
        settings, task = self._space.settings, self._space.task
        recipe = settings.word_cleaning
        self._sentences = school.sentences[: settings.word_transfer_texts]
        self._logits = school.all_logits[: len(self._space.labels["train"]) + len(self._sentences)]
        labels = self._space.labels["train"]
        everything, of_training = self.cleaned(recipe), len(labels)
        train, transfer = everything[:of_training], everything[of_training:]
        words = SimpleNamespace(
            vocabulary_size=settings.words, pairs=settings.pairs, sequence_length=settings.words_a_text, padding="post", truncating="pre"
        )
        # The base has no part in words and word vectors: the control starts from them as well.
        self.tokenizer = phrases.fit(train, labels, words, recipe, task, transfer)
        shape = embeddings.Shape(settings.embedding_dim, settings.seed, task)
        self._start = embeddings.Start.fit(train, labels, transfer, self.tokenizer, shape)
        self.spec = ModelSpec(
            self.tokenizer.vocabulary_size,
            settings.words_a_text,
            settings.embedding_dim,
            settings.units,
            True,
            "wide",
            settings.dropout,
            settings.spatial_dropout,
            task.outputs,
        )
        self._ids = self.tokenizer.encode(everything)

    @property
    def inputs(self) -> list[Path]:
        """Artifacts that texts and answers depend on."""
        return [*self._school.inputs]

    @property
    def sentences(self) -> int:
        """How many texts without a label there are."""
        return len(self._sentences)

    def cleaned(self, recipe: str, split: str = "train") -> list[str]:
        """Texts of a split, cleaned by a recipe; behind the training texts the sentences without a label."""
        more = self._sentences if split == "train" else []
        return [clean(text, recipe) for text in (*self._space.reviews.texts(split), *more)]

    def answers(self) -> np.ndarray:
        """Number of each text's label, of a sentence that which the base gives it: float32 (training texts and sentences,)."""
        return labels_of(self._space.task, self._space.labels["train"], self._logits)

    def student(self, row: Row, taught: bool) -> tuple[Any, History]:
        """Train an LSTM, by labels and the base's logits or by labels alone, in as many steps; gives it in its training form."""
        space, settings, school = self._space, self._space.settings, self._school
        deterministic(settings.seed)
        labels, of_training = space.labels["train"], len(space.labels["train"])
        logits = space.task.shaped(self._logits)
        targets = distillation.targets_of(space.task, labels, logits[:of_training], logits[of_training:])
        ids, epochs = self._ids, settings.word_epochs
        if not taught:
            targets, ids, epochs = targets[:of_training], ids[:of_training], round(epochs * len(ids) / of_training)
        vectors = self._start.table("svd+nb", self.spec.embedding_dim, settings.embedding_scale)
        teacher = distillation.Distiller(
            "response", self.spec, vectors, alpha=settings.alpha if taught else 1.0, temperature=settings.temperature
        )
        plan = training.TrainingPlan(epochs, settings.word_batch_size, settings.word_rate, "cosine", epochs, True, True, settings.seed)
        validation = self.tokenizer.encode(self.cleaned(self.tokenizer.cleaning, "validation")), space.labels["validation"]
        identity = {"name": row.name, "settings": cli.recorded(settings)["settings"], "base": files.sha256(school.inputs[-1])}
        history = training.train(
            teacher.model,
            (ids, targets),
            validation,
            plan,
            space.task,
            space.checkpoint(row.name, ".npz"),
            identity,
            loss=teacher.loss,
            fresh=settings.fresh,
            title=row.name,
        )
        return teacher.student, history

    def publish(self, publisher: EncoderPublisher, row: Row, model: Any, history: History, control: Published | None) -> Published:
        """Write an LSTM in 4 and 8 bits, pack it with its vocabulary, score the package, compare it with the control."""
        content = to_tflite(networks.to_stock(model, self.spec), self.spec, "int4")
        measured = self._space.measured(history) | {"number_format": "int4", "device": "cpu"}
        about: dict[str, Any] = {"teachers": ["modelo_base"], "alpha": self._space.settings.alpha}
        if control:
            measured |= {"transfer_texts": len(self._sentences), "distillation": about}
        inputs = [*self._school.inputs, *([control.file] if control else [])]
        total = networks.count_parameters(self.spec)
        published = publisher.pocket(content, self.tokenizer, self.spec.as_dict(), (total, filling(self.spec)), row, inputs, measured)
        if control:
            about["to_control"] = compared(published, control, self._space)
        return published
