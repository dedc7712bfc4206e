"""What every pupil of an encoder shares: sentences without a label, targets, the comparison with its control; and self-training."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sentipress.core.history import History
from sentipress.core.manifest import Row
from sentipress.data import sentences, sources, varying
from sentipress.data.cleaning import clean, words_of
from sentipress.data.task import Task
from sentipress.evaluation import statistics
from sentipress.pipeline.encoder_publisher import EncoderPublisher
from sentipress.pipeline.encoder_space import EncoderSpace
from sentipress.pipeline.published import Published
from sentipress.transformer import finetuning
from sentipress.transformer.attention import Encoder
from sentipress.transformer.distilling import Lesson, Pupil
from sentipress.transformer.finetuning import FineTuning
from sentipress.transformer.inference import logits_of
from sentipress.transformer.pretrained import Pretrained

BUNDLED, VARIED, NONE = "bundled", "varied", "none"


def transfer_set(space: EncoderSpace, count: int) -> list[str]:
    """Texts without a label to learn on, cleaned for the encoder: by the setting `transfer`, and none where that says so.

    Args:
        space: the folder; none of the texts that it scores is among them, nor a sentence of one.
        count: of sentences at most.

    Raises:
        UserError: a file that cannot be read.
    """
    choice = space.settings.transfer
    if choice == "auto":
        choice = BUNDLED if space.task.is_sentiment and space.reviews.recipe in ("default", "bert") else NONE
    if choice == NONE or not count:
        return []
    cleaning = space.tokenizer.cleaning
    held_out = [text for name in space.scored for text in space.texts[name]]
    held_out += [clean(text, cleaning) for one in space.reviews.reading() for text in one.texts]
    if choice == VARIED:
        return list(varying.varied(space.reviews.texts("train"), count, space.settings.seed, held_out))
    if choice == BUNDLED:
        texts = sources.read_bundled("imdb")["review"].tolist()
    else:
        texts = sources.read_unlabelled(Path(choice), space.task.text_column).tolist()
    # A whole text that is scored teaches nothing, nor do its sentences.
    scored = set(map(words_of, held_out))
    texts = [text for text in texts if words_of(clean(text, cleaning)) not in scored]
    return [clean(text, cleaning) for text in sentences.sample(texts, count, space.settings.seed, held_out)]


def answers(space: EncoderSpace, teacher: Encoder, ids: np.ndarray) -> np.ndarray:
    """Logits of a teacher, float32 (texts, outputs), computed in the precision of the stage's trainings: half the time of float32."""
    device = space.device()
    with finetuning.products_in(finetuning.precision_of(space.settings.precision, device)):
        logits = logits_of(teacher.to(device), ids, "teacher")
    teacher.to("cpu")
    return logits


def labels_of(task: Task, labels: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Numbers of labels, float32 (texts,): those that the first texts have, and behind them those that the teacher gives.

    Args:
        task: the labels.
        labels: numbers of the first texts' labels.
        logits: the teacher's, of all texts: float32 (texts, outputs).
    """
    return np.concatenate([labels, task.decide_logits(task.shaped(logits[len(labels) :]))]).astype(np.float32)


def targets_of(task: Task, labels: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """What is taught, see `Lesson`: float32 (texts, 2 + outputs).

    Args:
        task: the labels.
        labels: numbers of the first texts' labels; the texts behind them have the teacher's label, marked as no label.
        logits: the teacher's, of all texts: float32 (texts, outputs).
    """
    labelled = np.arange(len(logits)) < len(labels)
    return np.concatenate([np.stack([labels_of(task, labels, logits), labelled], axis=1), logits], axis=1).astype(np.float32)


def compared(one: Published, control: Published, space: EncoderSpace) -> dict[str, Any]:
    """Difference of a model's test accuracy from that of the control, with its interval."""
    return statistics.comparison(one.probabilities["test"], control.probabilities["test"], space.labels["test"], space.task)


def more_teachers(space: EncoderSpace, pretrained: Pretrained, plan: FineTuning, inputs: Sequence[Path]) -> list[Encoder]:
    """Encoders fine-tuned like the first one with the seeds that follow its own: as many as the setting `teachers` asks for, less one."""
    found = []
    for number in range(1, space.settings.teachers):
        own = replace(plan, seed=plan.seed + number)
        finetuning.deterministic(own.seed)
        model = pretrained.network(space.task.outputs, space.settings.pooling)
        space.finetune(model, f"teacher_{number + 1}", own, [*inputs])
        found.append(model)
    return found


def taught_anew(
    publisher: EncoderPublisher, first: Published, teachers: Sequence[Encoder], student: Encoder, row: Row, inputs: Sequence[Path]
) -> tuple[Published, History]:
    """Self-training: an encoder that begins anew learns the labels and what first ones of its size say, also of other sentences.

    Furlanello et al., "Born-Again Neural Networks" (2018), section 3, for one teacher and the same texts; the mean of several
    teachers' logits and the sentences without a label are those of Hinton et al. (2015), section 1.

    Args:
        publisher: of the folder.
        first: the first teacher, published: the student's control.
        teachers: their networks.
        student: the network as it was before any training; it is trained.
        row: the student's place in the table.
        inputs: what the teachers were made from.
    """
    space, settings = publisher.space, publisher.space.settings
    transfer = transfer_set(space, settings.self_training)
    ids = space.training_ids_and(transfer)
    started = time.perf_counter()
    logits = np.stack([answers(space, teacher, ids) for teacher in teachers]).mean(axis=0, dtype=np.float32)
    seconds = time.perf_counter() - started
    targets = targets_of(space.task, space.labels["train"], logits)
    # Hidden states have no part in it: the student has the teachers' shape, and its own start.
    lesson = Lesson(teachers[0], range(student.spec.layers), settings.alpha, settings.temperature, 0.0)
    plan = FineTuning.of(settings, epochs=settings.self_epochs)
    print(f"{row.name} begins anew, on {len(transfer):,} sentences besides the training texts")
    history = space.finetune(Pupil(student, student.spec.width), row.name, plan, [*inputs], (ids, targets), loss=lesson)
    names = [first.row.name, *(f"seed {settings.seed + number}" for number in range(1, len(teachers)))]
    about: dict[str, Any] = {"teachers": names, "alpha": settings.alpha, "temperature": settings.temperature}
    measured = space.measured(history) | {"transfer_texts": len(transfer), "distillation": about}
    measured["seconds"]["teacher"] = seconds
    published = publisher.encoder(student, row, [*inputs, first.file], measured)
    about["to_control"] = compared(published, first, space)
    return published, history
