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
    """The base with the pieces that the training texts use most, trained, in 8 bits; gives its record."""
    cut, other = _fewer_words(space, base.model, space.settings.vocabulary_size, row)
    publisher, inputs = EncoderPublisher(other), other.inputs(base.runtime.path.name)
    history = other.finetune(cut, row.name, finetuning.FineTuning.of(space.settings), inputs)
    published = in_8_bits(publisher, cut, row, inputs, other.measured(history))
    return publisher.finish([published], base.runtime)


def compact(school: EncoderSchool, student: Encoder, row: Row, base: EncoderBase, inputs: Sequence[Path]) -> list[dict[str, Any]]:
    """A student with fewer pieces, taught once more, and all weights in blocks of 4 bits; gives its record.

    The hidden states of the base are those of other pieces, so that its logits alone teach.
    """
    space, settings = school.space, school.space.settings
    cut, other = _fewer_words(space, student, settings.compact_vocabulary, row)
    ids = other.tokenizer.encode([*space.reviews.texts("train"), *school.transfer])
    lesson = Lesson(base.model, [0] * cut.spec.layers, settings.alpha, settings.temperature, 0.0)
    work = finetuning.FineTuning.of(settings, epochs=settings.compact_epochs)
    named = [other.folder / other.tokenizer_file, *(path for path in inputs if path.name != space.tokenizer_file)]
    history = other.finetune(Pupil(cut, base.spec.width), row.name, work, named, (ids, school.targets()), loss=lesson)
    measured = other.measured(history) | {"transfer_texts": len(school.transfer)}
    publisher = EncoderPublisher(other)
    return publisher.finish([in_8_bits(publisher, cut, row, named, measured, "dynamic_4bit")], base.runtime)


def _fewer_words(space: EncoderSpace, model: Encoder, size: int, row: Row) -> tuple[Encoder, EncoderSpace]:
    """A network and the folder read with so many pieces; the tokenizer's file is written."""
    kept = reducing.frequent_ids(space.tokenizer, space.reviews.texts("train"), min(size, space.tokenizer.vocabulary_size))
    tokenizer, name = cut_vocabulary(space.tokenizer, kept), row.name + TOKENIZER
    tokenizer.save(space.folder / name)
    return reducing.with_words(model, kept), space.with_tokenizer(tokenizer, name)
