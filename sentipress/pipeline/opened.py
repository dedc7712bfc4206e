"""What both tracks' opened folders share: texts, labels and ids of one run, and where trainings keep their state."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from sentipress.core import manifest
from sentipress.data import corpus
from sentipress.data.stored import Texts
from sentipress.text.encoder import TextEncoder
from sentipress.text.id_store import MEGABYTES, IdStore


class OpenedFolder:
    """One artifacts folder, opened for a stage.

    Attributes:
        folder: the artifacts folder.
        settings: of the stage.
        reviews: the cleaned corpus.
        task: its labels and split.
        tokenizer_file: name of the tokenizer's file in the folder.
        store: where ids of texts are kept.
        ids: split name to ids, int32 (texts, length); "out_of_domain" are texts of another domain, if there are any.
        labels: split name to numbers of labels, float32 (texts,).
    """

    def __init__(self, settings: SimpleNamespace, reviews: corpus.Corpus, tokenizer: TextEncoder, tokenizer_file: str) -> None:
        self.folder, self.tokenizer_file = Path(settings.artifacts), tokenizer_file
        self.settings, self.reviews, self.task, self._encoder = settings, reviews, reviews.task, tokenizer
        self.store = IdStore(self.folder, settings.values.get("ids_memory", MEGABYTES))
        self.ids = {name: self.store.encoded(tokenizer, reviews.texts(name)) for name in corpus.SPLITS}
        self.labels = {name: reviews.labels(name) for name in corpus.SPLITS}
        elsewhere = reviews.out_of_domain()
        if elsewhere:
            texts, self.labels["out_of_domain"] = elsewhere
            self.ids["out_of_domain"] = self.store.encoded(tokenizer, texts)
        self._checkpoints: list[Path] = []

    def training_ids_and(self, texts: Sequence[str]) -> np.ndarray:
        """Ids of the training texts, and of further cleaned texts behind them: int32 (texts, length)."""
        return self.store.joined([self.ids["train"], self.store.encoded(self._encoder, texts)])

    def inputs(self, *names: str) -> list[Path]:
        """Artifacts that every model depends on, and further ones by file name."""
        return [self.folder / name for name in (manifest.REVIEWS, self.tokenizer_file, *names)]

    @functools.cached_property
    def texts(self) -> dict[str, Texts]:
        """Cleaned texts of what is scored, by split name."""
        texts = {name: self.reviews.texts(name) for name in ("validation", "test")}
        elsewhere = self.reviews.out_of_domain()
        return {**texts, **({"out_of_domain": elsewhere[0]} if elsewhere else {})}

    @property
    def scored(self) -> list[str]:
        """Names of the splits that every model is scored on."""
        return list(self.texts)

    def checkpoint(self, name: str, suffix: str) -> Path:
        """Where the training of a model keeps its state until `remove_checkpoints`."""
        self._checkpoints.append(self.folder / f".{name}.checkpoint{suffix}")
        return self._checkpoints[-1]

    def remove_checkpoints(self) -> None:
        """Delete the checkpoints of this stage's trainings; the last thing that a stage does."""
        for checkpoint in self._checkpoints:
            checkpoint.unlink(missing_ok=True)
