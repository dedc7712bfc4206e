"""Students of an encoder: fewer layers, fewer columns, or words and an LSTM; what teaches them, and what becomes of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from sentipress.core import files, manifest
from sentipress.core.errors import UserError
from sentipress.core.history import History
from sentipress.core.manifest import Row
from sentipress.pipeline.encoder_publisher import EncoderPublisher
from sentipress.pipeline.encoder_space import EncoderBase, EncoderSpace
from sentipress.pipeline.encoder_teaching import answers, compared, targets_of, transfer_set
from sentipress.pipeline.published import Published
from sentipress.transformer import finetuning, reducing
from sentipress.transformer.attention import Encoder
from sentipress.transformer.distilling import Lesson, Pupil
from sentipress.transformer.shapes import EncoderSpec

ANSWERS = "teacher_modelo_base.npz"  # what the base says of the training texts and the transfer set
ORDER = 60  # of the first row of a student beyond those that the manifest names


@dataclass(frozen=True)
class Plan:
    """One student with a teacher, or the control without one.

    Attributes:
        row: its place in the table.
        layers: it has.
        width: columns of all that passes between its layers; 0: the teacher's.
        alpha: weight of the label; 1 where nothing is taught.
        hidden_weight: of the teacher's hidden states.
        logits: whether it learns the teacher's logits.
    """

    row: Row
    layers: int
    width: int
    alpha: float
    hidden_weight: float
    logits: bool = True

    @property
    def taught(self) -> bool:
        """Whether it has a teacher."""
        return self.alpha < 1 or self.hidden_weight > 0


def plans(settings: SimpleNamespace, spec: EncoderSpec) -> list[Plan]:
    """The students that a stage's settings ask for: the control first, then the usual one, then all others.

    Args:
        settings: of the stage.
        spec: shape of the teacher.

    Raises:
        UserError: layers or columns that the teacher does not have, or a number of layers that is none or stands twice.
    """
    stage = manifest.ENCODER.stage(manifest.ENCODER_DISTILLATION)
    usual = Plan(stage.row("modelo_destilado"), settings.layers, 0, settings.alpha, settings.hidden_weight)
    found = [Plan(stage.row("modelo_control"), settings.layers, 0, 1.0, 0.0), usual]

    def more(name: str, technique: str, **changes: Any) -> None:
        row = Row(f"modelo_destilado_{name}", ".safetensors", ORDER + len(found), technique, "high")
        found.append(Plan(**{**usual.__dict__, "row": row, **changes}))

    words = [part.strip() for part in (settings.more_layers or "").split(",") if part.strip()]
    if not all(word.isdecimal() and int(word) for word in words) or len(set(map(int, words))) < len(words):
        raise UserError(f"--more-layers {settings.more_layers!r} is not understood", "give numbers of layers, as in 3,2")
    for count in map(int, words):
        more(f"{count}_layers", f"Student of {count} copied layers", layers=count)
    if settings.narrow:
        more("narrow", f"Student of {settings.narrow} columns", width=settings.narrow)
    if settings.ablation:
        more("labels_logits", "Student without the teacher's hidden states", hidden_weight=0.0)
        more("logits_alone", "Student by the teacher's logits alone", alpha=0.0, hidden_weight=0.0)
        more("labels_hidden", "Student without the teacher's logits", alpha=1.0, logits=False)
    for plan in found:  # before any of them is trained
        if plan.layers > spec.layers:
            raise UserError(f"a student of {plan.layers} layers: its teacher has {spec.layers}", f"give 1 to {spec.layers} layers")
        if plan.width > spec.width:
            raise UserError(f"a student of {plan.width} columns: its teacher has {spec.width}", f"give --narrow 1 to {spec.width}")
    return found


class EncoderSchool:
    """What all students of one run share: the texts, and what the base says of them.

    Attributes:
        sentences: texts without a label, cleaned for the encoder.
        transfer: the first of them, which encoders learn on.
        ids: of the training texts, then of the transfer set: int32 (texts, length).
        logits: the base's, of the same texts: float32 (texts, outputs).
        all_logits: the base's, of the training texts and all sentences.
        seconds: that the base took to answer.
    """

    def __init__(self, space: EncoderSpace, base: EncoderBase) -> None:
        """Cut a transfer set and ask the base.

        Args:
            space: the folder.
            base: the teacher.
        """
        self.space, self._base = space, base
        self.inputs = space.inputs(base.runtime.path.name)
        settings = space.settings
        self.sentences = transfer_set(space, max(settings.transfer_texts, settings.word_transfer_texts))
        self.transfer = self.sentences[: settings.transfer_texts]
        started = time.perf_counter()
        # All sentences are asked about at once: the order of batches, and with it the last digits, depends on all texts.
        everything = space.training_ids_and(self.sentences)
        self.all_logits = self._answers(everything)
        read = len(space.ids["train"]) + len(self.transfer)
        self.ids, self.logits = everything[:read], self.all_logits[:read]
        self.seconds = time.perf_counter() - started

    def _answers(self, ids: np.ndarray) -> np.ndarray:
        """The base's logits, from the file of an earlier call if that was of the same model and texts."""
        path = self.space.folder / ANSWERS
        precision = finetuning.precision_of(self.space.settings.precision, self.space.device())
        key = files.fingerprint([files.sha256(self._base.runtime.path), precision, *files.array_hashes([ids])])
        try:
            with np.load(path, allow_pickle=False) as saved:
                if str(saved["key"]) == key:
                    return np.asarray(saved["logits"])
        except Exception:  # missing, or damaged in one of the many ways of zip files: computed again
            pass
        logits = answers(self.space, self._base.model, ids)
        with files.atomic(path) as temporary, open(temporary, "wb") as stream:
            np.savez(stream, key=np.array(key), logits=logits)
        return logits

    def _layers(self, plan: Plan) -> list[int]:
        return reducing.which_layers(self._base.spec.layers, plan.layers, self.space.settings.copied)

    def targets(self) -> np.ndarray:
        """What is taught of training and transfer texts: float32 (texts, 2 + outputs), see `Lesson`."""
        return targets_of(self.space.task, self.space.labels["train"], self.logits)

    def student(self, plan: Plan) -> tuple[Encoder, History]:
        """Copy layers of the base, train; gives the student and what happened."""
        space, settings = self.space, self.space.settings
        finetuning.deterministic(settings.seed)
        copied = reducing.with_layers(self._base.model, self._layers(plan))
        if plan.width:
            copied = reducing.narrower(copied, plan.width)
        of_training, texts = len(space.labels["train"]), len(self.ids) if plan.taught else len(space.labels["train"])
        pupil = Pupil(copied, self._base.spec.width)
        lesson = Lesson(self._base.model, self._layers(plan), plan.alpha, settings.temperature, plan.hidden_weight, plan.logits)
        targets = self.targets()
        # The control has as many steps over the labelled texts as a student has over all.
        epochs = settings.epochs if plan.taught else round(settings.epochs * len(self.ids) / of_training)
        work = finetuning.FineTuning.of(settings, epochs=epochs)
        history = space.finetune(pupil, plan.row.name, work, self.inputs, (self.ids[:texts], targets[:texts]), loss=lesson)
        self._base.model.to("cpu")
        return copied, history

    def publish(self, publisher: EncoderPublisher, plan: Plan, model: Encoder, history: History, control: Published | None) -> Published:
        """Save a student, score it from disk, and compare it with the published control on the same texts."""
        settings, measured = self.space.settings, self.space.measured(history)
        about: dict[str, Any] = {"copied": settings.copied, "layers": self._layers(plan), "alpha": plan.alpha}
        if plan.taught:
            about |= {"teachers": ["modelo_base"], "temperature": settings.temperature, "hidden_weight": plan.hidden_weight}
            about["logits"] = plan.logits
            measured |= {"transfer_texts": len(self.transfer), "distillation": about}
            measured["seconds"]["teacher"] = self.seconds
        published = publisher.encoder(model, plan.row, [*self.inputs, *([control.file] if control else [])], measured)
        if control:
            about["to_control"] = compared(published, control, self.space)
        return published
