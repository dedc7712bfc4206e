"""Bags of words and of characters that learn from what an LSTM student learns from, packed to its bytes: its fair rivals."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from sentipress.core.manifest import Row
from sentipress.linear.bag_of_words import CHARACTERS, WORDS, LinearModel
from sentipress.linear.fitting import ClassicalSpec, Counted
from sentipress.pipeline.encoder_publisher import EncoderPublisher
from sentipress.pipeline.published import Published
from sentipress.pipeline.word_students import WordSchool
from sentipress.runtimes import packed_words

STRENGTHS = (0.03, 0.1, 0.3, 1.0)  # scikit-learn's C
FULL, CLOSE = 0.98, 0.995  # shares of the bytes: from the first on a package is full, the second is aimed at
TRIES = 5  # trainings at most on the way there, unless none fits yet


@dataclass(frozen=True)
class Rival:
    """What a rival counts.

    Attributes:
        spec: its terms; C is chosen later.
        cleaning: of its texts; empty for that of the LSTM.
    """

    spec: ClassicalSpec
    cleaning: str


RIVALS: Mapping[str, Rival] = {
    "rival_words": Rival(ClassicalSpec("nb", 400_000, 2, 0.1, WORDS), ""),
    # What is cut from words needs their ends and their smileys: the cleaning that changes least.
    "rival_characters": Rival(ClassicalSpec("nb", 120_000, 5, 0.1, CHARACTERS), "plain"),
}


@dataclass(frozen=True)
class _Tried:
    """A rival of one C and one diet, cut to the bytes that it may have."""

    model: LinearModel
    C: float
    sentences: int
    accuracy: float  # on validation


def publish(publisher: EncoderPublisher, words: WordSchool, row: Row, budget: int) -> Published:
    """Train a rival with its strongest terms that fit, by several C, with and without sentences; publish the best on validation.

    A sentence without a label has the base's answer as its label, as logistic regression knows no other.

    Args:
        publisher: of the folder.
        words: the LSTM's texts and answers.
        row: the rival's place in the table, of a name in `RIVALS`.
        budget: bytes that the package may have: those of the LSTM student.
    """
    rival, task, started = RIVALS[row.name], publisher.space.task, time.perf_counter()
    cleaning = rival.cleaning or words.tokenizer.cleaning
    texts, labels = words.cleaned(cleaning), words.answers()
    held_out, truth = words.cleaned(cleaning, "validation"), publisher.space.labels["validation"]
    tried = []
    for sentences in dict.fromkeys((0, words.sentences)):
        read = len(texts) - words.sentences + sentences
        counted = Counted(rival.spec, texts[:read], labels[:read], cleaning, task)
        for C in STRENGTHS:
            model = _within(counted, C, budget)
            tried.append(_Tried(model, C, sentences, float(np.mean(task.right(model.predict(held_out), truth)))))
    best = max(tried, key=lambda one: one.accuracy)
    measured = {
        "seconds": {"training": time.perf_counter() - started},
        "model": replace(rival.spec, terms=len(best.model.terms), C=best.C).as_dict(),
        "tried": [{"C": one.C, "transfer_texts": one.sentences, "validation_accuracy": one.accuracy} for one in tried],
        **({"transfer_texts": best.sentences} if best.sentences else {}),
    }
    return publisher.packed_words(best.model, row, words.inputs, measured)


def _within(counted: Counted, C: float, budget: int) -> LinearModel:
    """A model trained with the strongest terms, whose package has at most `budget` bytes and little less."""
    whole = counted.fit(C=C)
    terms, size = len(whole.terms), len(packed_words.pack(whole, packed_words.BITS))
    if size <= budget:
        return whole
    best, tries = None, 0
    while best is None or tries < TRIES:
        # Bytes are not proportional to terms: the first steps come near, later ones close in.
        terms = max(1, int(terms * CLOSE * budget / size))
        model = counted.fit(counted.strongest(whole, terms), C)
        size, tries = len(packed_words.pack(model, packed_words.BITS)), tries + 1
        if size <= budget:
            best = model if best is None or len(model.terms) > len(best.terms) else best
        if FULL * budget <= size <= budget or terms == 1:
            break
    return best or model
