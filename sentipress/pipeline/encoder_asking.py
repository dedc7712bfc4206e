"""Asking a teacher about sentences and other texts, a part at a time: what was asked before a kill is not asked again.

One process asks, or several, here or on a cluster, by the engine that answers archives (`sentipress.scale.workers`).
"""

from __future__ import annotations

import functools
import time
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from tqdm import tqdm

from sentipress.core import files, manifest
from sentipress.core.errors import UserError
from sentipress.core.quiet import quiet
from sentipress.data import corpus
from sentipress.data.answers import Answers, keys_of
from sentipress.data.held_out import HeldOut
from sentipress.runtimes import registry
from sentipress.runtimes.interface import Runtime

PARTIAL = ".part.npz"  # ending of what an unfinished run has asked
PART = 2048  # texts that are asked about in one go: a quarter of a minute of an encoder's time
WRITE_SECONDS = 30.0  # between two writings of the file at least
WRITE_SHARE = 0.05  # of the time at most that goes into them: of millions of texts the file is written more seldom


@dataclass(frozen=True)
class _Questions:
    """Texts of one part.

    Attributes:
        first: number of the first text, from 1.
        texts: raw.
    """

    first: int
    texts: list[str]

    def __str__(self) -> str:
        return f"texts {self.first} to {self.first + len(self.texts) - 1} by length"


def _said(questions: _Questions, model: Runtime, teacher: Path, precision: str) -> tuple[list[str], np.ndarray]:
    """What a model says of a part: the texts, and logits as `Answers` has them."""
    with quiet(), _products(teacher, model, precision):
        return questions.texts, model.task.logits(model.predict_raw(questions.texts))


def ask(settings: SimpleNamespace, texts: Sequence[str], output: Path) -> tuple[Answers, int]:
    """Ask a model about the sentences of a folder and further texts; write what it says.

    Args:
        settings: of ask.py. `artifacts` is the folder, `teacher` the model file; `fresh`: whether the answers of another teacher
            may be replaced; `precision` of an encoder's products (see `sentipress.transformer.finetuning.FineTuning`); `varied` texts
            are made from the training texts for each of these and asked about as well; `workers` processes do it, or the Ray
            cluster at `address`.
        texts: raw, besides the sentences.
        output: file of answers; those of the same teacher in it are kept.

    Returns:
        All answers, and how many texts were asked about now.

    Raises:
        UserError: the folder has no sentences and there are no texts; a damaged file, or one of another teacher; a model of other
            labels, or one that learned from texts that the folder holds out; mixed precision that the model or the machine does not
            know; see also `sentipress.scale.workers.many`.
    """
    artifacts, teacher = Path(settings.artifacts), Path(settings.teacher)
    reviews = corpus.load(artifacts)
    wanted = [*reviews.sentences()[0], *reviews.varied(settings.varied), *texts]
    if not wanted:
        remedy = manifest.command(manifest.PREPROCESSING, artifacts, {"recipe": reviews.recipe, "sentences": 60000})
        raise UserError(f"{artifacts} holds no sentences", f"run {remedy}, or pass --texts FILE")
    model = registry.open_model(teacher, remedy="name an existing model file")
    if model.task.labels != reviews.task.labels:
        raise UserError(f"{teacher} has the labels {', '.join(model.task.labels)}", f"ask a model of {', '.join(reviews.task.labels)}")
    _check_learned(teacher, artifacts)
    about = {"name": f"{teacher.resolve().parent.name}/{teacher.name}", "sha256": files.sha256(teacher)}  # many are called modelo_base
    partial = output.with_suffix(PARTIAL)  # a student must not learn from a part
    nothing = Answers.of([], np.zeros((0,) if reviews.task.binary else (0, reviews.task.outputs)), reviews.task.labels, about)
    earlier = _earlier(output, nothing)
    if earlier is None and not settings.fresh:
        raise UserError(f"{output} holds the answers of another teacher", "pass --fresh to replace them, or another --output")
    answers = (earlier or nothing).with_more(_earlier(partial, nothing) or nothing)
    known = set(answers.keys.tolist())
    new = {key: text for key, text in zip(keys_of(wanted).tolist(), wanted, strict=True) if key not in known}
    left = sorted(new.values(), key=len)  # texts of like length share a batch
    with _products(teacher, model, settings.precision):  # says before any start what cannot be
        pass
    parts = [_Questions(start + 1, left[start : start + PART]) for start in range(0, len(left), PART)]
    pending: list[Answers] = []
    written, taken = time.monotonic(), 0.0
    with closing(_answered(parts, model, teacher, settings)) as found:
        for asked, logits in tqdm(found, total=len(parts), desc="ask", unit=" parts", leave=False, disable=None):
            pending.append(Answers.of(asked, logits, reviews.task.labels, about))
            now = time.monotonic()
            if now - written >= max(WRITE_SECONDS, taken / WRITE_SHARE):
                answers, pending = answers.with_more(*pending), []
                answers.save(partial)
                written = time.monotonic()
                taken = written - now
    answers = answers.with_more(*pending)
    answers = replace(answers, fits=tuple(sorted({*answers.fits, files.sha256(reviews.path)})))
    answers.save(output)
    partial.unlink(missing_ok=True)
    return answers, len(left)


def _answered(
    parts: Sequence[_Questions], model: Runtime, teacher: Path, settings: SimpleNamespace
) -> Generator[tuple[list[str], np.ndarray], None, None]:
    """What the model says of each part, in whatever order."""
    said = functools.partial(_said, teacher=teacher, precision=settings.precision)
    if settings.workers == 1 and not settings.address:
        yield from (said(part, model) for part in parts)
        return
    from sentipress.scale import workers  # here, not above: pyarrow is no requirement of the stages
    from sentipress.scale.answering import ModelFiles

    yield from workers.answers(iter(parts), ModelFiles.of(teacher, "name an existing model file"), said, settings)


def _products(teacher: Path, model: Any, precision: str) -> AbstractContextManager[Any]:
    """Where a model computes in a precision.

    Raises:
        UserError: mixed precision is asked of no encoder, or of a machine that does not know it.
    """
    if precision == "float32":
        return nullcontext()
    if teacher.suffix != ".safetensors":
        raise UserError(f"--precision {precision}: {teacher} is no encoder in PyTorch", "give --precision float32")
    from sentipress.transformer.finetuning import precision_of, rounded_products

    device = next(model.model.parameters()).device
    return rounded_products(device, precision_of(precision, device))


def _earlier(path: Path, nothing: Answers) -> Answers | None:
    """The answers in a file: `nothing` without one; None if they are of another teacher than `nothing` is.

    Raises:
        UserError: the file is damaged.
    """
    if not path.is_file():
        return nothing
    found = Answers.load(path, f"delete it, and run {manifest.ASKING} again")
    return found if found.teacher["sha256"] == nothing.teacher["sha256"] and found.labels == nothing.labels else None


def _check_learned(teacher: Path, artifacts: Path) -> None:
    """Refuse a teacher whose own folder has training texts that another folder holds out. Of a package nothing is known.

    Raises:
        UserError: it has.
    """
    place = teacher.resolve().parent
    if place == artifacts.resolve():  # one split for both
        return
    if not (place / manifest.REVIEWS).is_file():
        print(f"what {teacher} learned from is not known: if texts that {artifacts} holds out are among it, its students know their test")
        return
    held_out = HeldOut([artifacts])
    found = sum(map(held_out.holds, corpus.load(place).texts("train")))
    if found:
        again = manifest.run(manifest.ENCODER_DATA, teacher.parent)
        raise UserError(
            f"{teacher} learned from {found:,} texts that {artifacts} holds out", f"{again} --held-out {artifacts} and the flags of before"
        )
