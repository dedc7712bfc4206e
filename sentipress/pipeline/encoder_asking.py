"""Asking a teacher about sentences and other texts, a part at a time: what was asked before a kill is not asked again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
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

PARTIAL = ".part.npz"  # ending of what an unfinished run has asked
PART = 4096  # texts between two writings of the file: half a minute of an encoder's time


def ask(
    artifacts: Path,
    teacher: Path,
    texts: Sequence[str],
    output: Path,
    fresh: bool = False,
    precision: str = "float32",
    varied: float = 0.0,
) -> tuple[Answers, int]:
    """Ask a model about the sentences of a folder and further texts; write what it says.

    Args:
        artifacts: the folder.
        teacher: model file.
        texts: raw, besides the sentences.
        output: file of answers; those of the same teacher in it are kept.
        fresh: whether those of another teacher may be replaced.
        precision: of an encoder's products, "float32" or "mixed" (see `sentipress.transformer.finetuning.FineTuning`).
        varied: texts made from the training texts, for each of these, that it is asked about as well.

    Returns:
        All answers, and how many texts were asked about now.

    Raises:
        UserError: the folder has no sentences and there are no texts; a damaged file, or one of another teacher; a model of other
            labels, or one that learned from texts that the folder holds out; mixed precision that the model or the machine does not know.
    """
    reviews = corpus.load(artifacts)
    wanted = [*reviews.sentences()[0], *reviews.varied(varied), *texts]
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
    if earlier is None and not fresh:
        raise UserError(f"{output} holds the answers of another teacher", "pass --fresh to replace them, or another --output")
    answers = (earlier or nothing).with_more(_earlier(partial, nothing) or nothing)
    known = set(answers.keys.tolist())
    new = {key: text for key, text in zip(keys_of(wanted).tolist(), wanted, strict=True) if key not in known}
    left = sorted(new.values(), key=len)  # texts of like length share a batch
    for start in tqdm(range(0, len(left), PART), desc="ask", unit=" parts", leave=False, disable=None):
        part = left[start : start + PART]
        with quiet(), _products(teacher, model, precision):
            logits = model.task.logits(model.predict_raw(part))
        answers = answers.with_more(Answers.of(part, logits, reviews.task.labels, about))
        answers.save(partial)
    answers = replace(answers, fits=tuple(sorted({*answers.fits, files.sha256(reviews.path)})))
    answers.save(output)
    partial.unlink(missing_ok=True)
    return answers, len(left)


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
