"""Asking a teacher about sentences and other texts, a part at a time: what was asked before a kill is not asked again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from sentipress.core import files, manifest
from sentipress.core.errors import UserError
from sentipress.core.quiet import quiet
from sentipress.data import corpus
from sentipress.data.answers import Answers, keys_of
from sentipress.runtimes import registry

PART = 4096  # texts between two writings of the file: half a minute of an encoder's time


def ask(artifacts: Path, teacher: Path, texts: Sequence[str], output: Path) -> tuple[Answers, int]:
    """Ask a model about the sentences of a folder and further texts; write what it says.

    Args:
        artifacts: the folder.
        teacher: model file.
        texts: raw, besides the sentences.
        output: file of answers; those of the same teacher in it are kept.

    Returns:
        All answers, and how many texts were asked about now.

    Raises:
        UserError: the folder has neither sentences nor are there texts; a damaged file; a model of other labels.
    """
    reviews = corpus.load(artifacts)
    wanted = [*reviews.sentences()[0], *texts]
    if not wanted:
        remedy = manifest.command(manifest.PREPROCESSING, artifacts, {"sentences": 60000})
        raise UserError(f"{artifacts} holds no sentences", f"run {remedy}, or pass --texts FILE")
    model = registry.open_model(teacher, remedy="name an existing model file")
    if model.task.labels != reviews.task.labels:
        raise UserError(f"{teacher} has the labels {', '.join(model.task.labels)}", f"ask a model of {', '.join(reviews.task.labels)}")
    about = {"name": _name(teacher), "sha256": files.sha256(teacher)}
    answers = _earlier(output, about, reviews.task.labels)
    known = set(answers.keys.tolist()) if answers else set()
    new = {key: text for key, text in zip(keys_of(wanted).tolist(), wanted, strict=True) if key not in known}
    left = sorted(new.values(), key=len)  # texts of like length share a batch
    for start in tqdm(range(0, len(left), PART), desc="ask", unit=" parts", leave=False, disable=None):
        part = left[start : start + PART]
        with quiet():
            logits = model.task.logits(model.predict_raw(part))
        given = Answers.of(part, logits, reviews.task.labels, about)
        answers = answers.with_more(given) if answers else given
        answers.save(output)
    assert answers is not None
    return answers, len(left)


def _name(teacher: Path) -> str:
    """Folder and file of a teacher: many have the name modelo_base."""
    return f"{teacher.resolve().parent.name}/{teacher.name}"


def _earlier(path: Path, about: dict[str, str], labels: tuple[str, ...]) -> Answers | None:
    """The answers in a file, if they are of the same teacher.

    Raises:
        UserError: the file is damaged.
    """
    if not path.is_file():
        return None
    found = Answers.load(path, f"delete it, and run {manifest.ASKING} again")
    return found if found.teacher["sha256"] == about["sha256"] and found.labels == labels else None
