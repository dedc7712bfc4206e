"""What a stage of the encoder's track opens: texts, tokenizer and the base of one run, checked against each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

from sentipress.core import cli, files, manifest
from sentipress.core.errors import UserError
from sentipress.core.history import History
from sentipress.data import corpus
from sentipress.data.cleaning import clean
from sentipress.evaluation import records
from sentipress.pipeline.opened import OpenedFolder
from sentipress.runtimes.encoder_file import EncoderModel
from sentipress.runtimes.interface import Runtime
from sentipress.text.pieces import PieceTokenizer
from sentipress.transformer import finetuning, pretrained
from sentipress.transformer.attention import Encoder
from sentipress.transformer.pretrained import Pretrained
from sentipress.transformer.shapes import EncoderSpec

BASE = manifest.ENCODER.base.name


@dataclass(frozen=True)
class EncoderBase:
    """The fine-tuned encoder of a run.

    Attributes:
        runtime: its file, loaded.
        record: its metrics.
    """

    runtime: EncoderModel
    record: dict[str, Any]

    @property
    def model(self) -> Encoder:
        """The network."""
        return self.runtime.model

    @property
    def spec(self) -> EncoderSpec:
        """Its shape."""
        return self.runtime.model.spec


class EncoderSpace(OpenedFolder):
    """One artifacts folder of the encoder's track, opened for a stage.

    Attributes:
        tokenizer: texts to ids, which are padded on the right.
    """

    def __init__(
        self, settings: SimpleNamespace, reviews: corpus.Corpus, tokenizer: PieceTokenizer, tokenizer_file: str = manifest.TOKENIZER
    ) -> None:
        super().__init__(settings, reviews, tokenizer, tokenizer_file)
        self.tokenizer = tokenizer
        self._prepared: dict[tuple[int, str], tuple[Runtime, Any]] = {}

    @classmethod
    def begin(cls, settings: SimpleNamespace) -> EncoderSpace:
        """Open the run of stage 1.

        Raises:
            UserError: stage 1 has not been run, or for another recipe than asked for; tokenizer and reviews are of different runs;
                a GPU is asked for and there is none.
        """
        folder = Path(settings.artifacts)
        if hasattr(settings, "device"):  # what cannot be had is said before anything is scored
            device = finetuning.device_of(settings.device)
            finetuning.precision_of(getattr(settings, "precision", "auto"), device)
        reviews, remedy = corpus.load(folder), manifest.run(manifest.ENCODER_DATA, folder)
        cli.check_recipe(settings, reviews.recipe)
        about, path = reviews.about.get("encoder"), folder / manifest.TOKENIZER
        if not isinstance(about, dict):
            raise UserError(f"{folder} holds no texts for an encoder", f"{remedy}, or name another --artifacts")
        tokenizer = PieceTokenizer.load(path, remedy)
        if about.get("tokenizer_sha256") != files.sha256(path):
            raise UserError(f"{path} is not the one that {manifest.DESCRIPTION} speaks of", remedy)
        return cls(settings, reviews, tokenizer)

    @classmethod
    def open(cls, settings: SimpleNamespace) -> tuple[EncoderSpace, EncoderBase]:
        """Open the run of stages 1 and 2, and its base.

        Raises:
            UserError: see `begin`; stage 2 has not been run, or its base is damaged or of another run.
        """
        space = cls.begin(settings)
        remedy = manifest.run(manifest.FINE_TUNING, space.folder)
        record = records.load(space.folder, BASE, remedy)
        runtime = EncoderModel(space.folder / record["file"], remedy, space.tokenizer, space.task)
        return space, EncoderBase(runtime, record)

    def with_tokenizer(self, tokenizer: PieceTokenizer, name: str) -> EncoderSpace:
        """The same folder read with another vocabulary, which lies in a file of this name."""
        other = EncoderSpace(self.settings, self.reviews, tokenizer, name)
        other._checkpoints = self._checkpoints
        return other

    def save_tokenizer(self) -> None:
        """Write the tokenizer's file."""
        self.tokenizer.save(self.folder / self.tokenizer_file)

    def read_by(self, runtime: Runtime, split: str) -> Any:
        """Inputs of a model for the texts of a split: by its own tokenizer, which for an LSTM is one of words."""
        if getattr(runtime, "_encoder", None) is self.tokenizer:
            return self.ids[split]
        key = (id(runtime), split)
        if key not in self._prepared:  # the runtime is kept with its inputs, so that no other one gets its number
            self._prepared[key] = (runtime, runtime.prepare([clean(text, runtime.cleaning) for text in self.texts[split]]))
        return self._prepared[key][1]

    def device(self) -> torch.device:
        """Where networks are trained, by the stage's settings."""
        return finetuning.device_of(self.settings.device)

    def finetune(
        self,
        model: Any,
        name: str,
        plan: finetuning.FineTuning,
        inputs: list[Path],
        data: tuple[np.ndarray, np.ndarray] | None = None,
        **options: Any,
    ) -> History:
        """Train on the training texts, or on other data; choose on the validation texts; go on from a checkpoint.

        Args:
            model: see `sentipress.transformer.finetuning.Training`. It ends on the CPU.
            name: of the model, for checkpoint and progress.
            plan: how.
            inputs: artifacts that the result depends on.
            data: ids int32 (texts, length) and targets float32 (texts, columns), label first; the training texts with their
                labels by default.
            options: `loss` and `masks` of `Training`.
        """
        checkpoint = self.checkpoint(name, ".pt")
        values = cli.recorded(self.settings)["settings"]
        identity = {"name": name, "settings": values, "inputs": {path.name: files.sha256(path) for path in inputs}}
        finetuning.deterministic(plan.seed)
        model.to(self.device())
        work = finetuning.Training(
            model,
            data or (self.ids["train"], self.labels["train"][:, np.newaxis]),
            (self.ids["validation"], self.labels["validation"]),
            plan,
            self.task,
            checkpoint,
            identity,
            title=name,
            **options,
        )
        history = work.run(self.settings.fresh)
        model.to("cpu")
        return history

    def pretrained(self) -> Pretrained:
        """The encoder that stage 1 took its tokenizer from, or the one that the stage's setting names.

        Raises:
            UserError: it cannot be had, or is another one than stage 1's.
        """
        about, choice = self.reviews.about["encoder"], self.settings.encoder
        found = pretrained.load(about["source"] if choice == "auto" else choice)
        if found.sha256 != about["sha256"]:
            other = "which has other weights now" if found.name == about["name"] else f"not of {found.name}"
            again = manifest.command(manifest.ENCODER_DATA, self.folder, {"encoder": about["source"] if choice == "auto" else choice})
            raise UserError(f"{self.folder / manifest.TOKENIZER} is that of {about['name']}, {other}", f"run {again}")
        return found

    @property
    def left_out(self) -> list[str]:
        """Rows that this encoder cannot have: those with fewer pieces, where its vocabulary cannot be cut."""
        return [] if self.tokenizer.can_be_cut else list(manifest.FEWER_PIECES)

    def measured(self, history: History | None) -> dict[str, Any]:
        """What the metrics of a trained network say of its training; without a history, of the encoder alone."""
        encoder = {key: self.reviews.about["encoder"][key] for key in ("name", "sha256", "length")}
        about: dict[str, Any] = {"encoder": encoder, **({"left_out": self.left_out} if self.left_out else {})}
        if history is None:
            return {"seconds": {}, **about}
        device = self.device()
        place = torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu, {torch.get_num_threads()} threads"
        allowed = finetuning.precision_of(self.settings.precision, device)
        return {**history.measured(), "device": f"{place}, {allowed} allowed in products", **about}

    def check_unchanged(self, base: EncoderBase) -> None:
        """Score the base again: optimizing a copy must not have moved it.

        Raises:
            UserError: its validation probabilities are not those that were saved with it.
        """
        saved = records.load_probabilities(self.folder, BASE)["validation"]
        if not np.allclose(saved, base.runtime.predict(self.ids["validation"]), atol=1e-4):
            raise UserError(f"{base.record['file']} no longer scores as its metrics say", manifest.run(manifest.FINE_TUNING, self.folder))
