"""Smaller encoders on their way into the folder: in 8 bits, with fewer parts, with fewer pieces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sentipress.core.manifest import Row
from sentipress.pipeline.encoder_publisher import EncoderPublisher
from sentipress.pipeline.encoder_space import EncoderBase, EncoderSpace
from sentipress.pipeline.encoder_students import EncoderSchool
from sentipress.pipeline.published import Published
from sentipress.text.pieces import cut_vocabulary
from sentipress.transformer import conversion, finetuning, reducing
from sentipress.transformer.attention import Encoder
from sentipress.transformer.distilling import Lesson, Pupil
from sentipress.transformer.inference import batches

TOKENIZER = ".tokenizer.json"  # ends the name of a smaller tokenizer's file


def in_8_bits(
    publisher: EncoderPublisher, model: Encoder, row: Row, inputs: Sequence[Path], measured: Mapping[str, Any], form: str = "dynamic_8bit"
) -> Published:
    """Convert a network, quantize it, and score the file; `form` is a key of `conversion.FORMATS`."""
    content = conversion.to_tflite(model, conversion.signature_lengths(publisher.space.tokenizer.sequence_length))
    return publisher.tflite(model, content, form, row, inputs, measured)


def fewer_parts(space: EncoderSpace, base: EncoderBase) -> Encoder:
    """The base with the most important heads and feed-forward columns, by the stage's settings; not trained after."""
    settings, device = space.settings, space.device()
    some = np.random.default_rng(settings.seed).permutation(len(space.ids["train"]))[: settings.measured_texts]
    ids, labels = space.ids["train"][some], space.labels["train"][some]

    def texts() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for rows, part in batches(ids, base.spec.padding_id):
            yield torch.from_numpy(part).to(device), torch.from_numpy(labels[rows, np.newaxis]).to(device)

    model = base.model.to(device)
    scores = reducing.importance(model, texts(), lambda logits, targets: finetuning.cross_entropy(logits, targets).mean())
    base.model.to("cpu")
    return reducing.with_parts(base.model, *reducing.most_important(scores, settings.parts))


def with_fewer_words(space: EncoderSpace, base: EncoderBase, row: Row) -> list[dict[str, Any]]:
    """The base with the pieces that the training texts use most, trained, in 8 bits; gives its record, if it can be made."""
    if not _can_be_cut(space, row):
        return []
    cut, other = _fewer_words(space, base.model, space.settings.vocabulary_size, row)
    publisher, file = EncoderPublisher(other), base.runtime.path.name
    # The new tokenizer is no file yet: a checkpoint is told from others by the ids that it gave.
    history = other.finetune(cut, row.name, finetuning.FineTuning.of(space.settings), space.inputs(file))
    published = in_8_bits(publisher, cut, row, other.inputs(file), other.measured(history))
    return publisher.finish([published], base.runtime, other.save_tokenizer)


def compact(school: EncoderSchool, student: Encoder, row: Row, base: EncoderBase, inputs: Sequence[Path]) -> list[dict[str, Any]]:
    """A student with fewer pieces, taught once more, and all weights in blocks of 4 bits; gives its record, if it can be made.

    The hidden states of the base are those of other pieces, so that its logits alone teach.
    """
    space, settings = school.space, school.space.settings
    if not _can_be_cut(space, row):
        return []
    cut, other = _fewer_words(space, student, settings.compact_vocabulary, row)
    ids = other.tokenizer.encode([*space.reviews.texts("train"), *school.transfer])
    lesson = Lesson(base.model, [0] * cut.spec.layers, settings.alpha, settings.temperature, 0.0)
    work = finetuning.FineTuning.of(settings, epochs=settings.compact_epochs)
    history = other.finetune(Pupil(cut, base.spec.width), row.name, work, [*inputs], (ids, school.targets()), loss=lesson)
    named = [other.folder / other.tokenizer_file, *(path for path in inputs if path.name != space.tokenizer_file)]
    measured = other.measured(history) | {"transfer_texts": len(school.transfer)}
    publisher = EncoderPublisher(other)
    published = in_8_bits(publisher, cut, row, named, measured, "dynamic_4bit")
    return publisher.finish([published], base.runtime, other.save_tokenizer)


def _can_be_cut(space: EncoderSpace, row: Row) -> bool:
    if row.name in space.left_out:
        print(f"{row.file} is left out: a vocabulary of the kind {space.tokenizer.kind} cannot be cut")
    return row.name not in space.left_out


def _fewer_words(space: EncoderSpace, model: Encoder, size: int, row: Row) -> tuple[Encoder, EncoderSpace]:
    """A network and the folder read with so many pieces. The tokenizer's file is not written: an earlier model may need the old one."""
    kept = reducing.frequent_ids(space.tokenizer, space.reviews.texts("train"), min(size, space.tokenizer.vocabulary_size))
    return reducing.with_words(model, kept), space.with_tokenizer(cut_vocabulary(space.tokenizer, kept), row.name + TOKENIZER)
