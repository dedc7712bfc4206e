"""An encoder's answers, as the students of stages 5 and 6 hear them: which file, of which texts, and how much they weigh.

Sentences are taught by the encoder alone: the other teachers count words. Of whole reviews each knows something that the other does
not: where the encoder was asked about them, its share is chosen on the validation texts, one for the shorter half and one for the
longer half of them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sentipress.core import manifest
from sentipress.core.errors import UserError
from sentipress.data.answers import Answers
from sentipress.data.cleaning import words_of
from sentipress.data.task import Task, mean_loss
from sentipress.pipeline import teachers
from sentipress.pipeline.staleness import SCRIPTS
from sentipress.pipeline.teachers import Teaching
from sentipress.pipeline.workspace import Workspace

AUTO, NONE = "auto", "none"
PUBLISHED = "results/teacher"  # of the project: answers that fit the bundled reviews
LEAST_KNOWN = 0.5  # share of a folder's sentences that published answers must know to be of use
REVIEWS_KNOWN = 0.99  # share of the labelled texts from which they count as asked about
SHARES = tuple(number / 10 for number in range(11))  # of the encoder, tried on validation


def consult(space: Workspace) -> Teaching:
    """What the teachers in a stage's settings say, with an encoder's answers behind and among it, by the setting `answers`.

    The sentences stand behind the texts without a label. Their answers are the encoder's alone.

    Raises:
        UserError: see `teachers.consult`; a file of answers that is missing, damaged, of other labels, or that knows none of the
            folder's sentences.
    """
    teaching, choice = teachers.consult(space), space.settings.answers
    raw, sentences = space.reviews.sentences()
    if choice == NONE or not sentences:
        return teaching
    own = space.folder / manifest.ANSWERS
    source = Path(choice) if choice != AUTO else own if own.is_file() else None
    answers = load(source, space.task) if source else _published(space, raw)
    if not answers:
        return teaching
    known, logits = answers.find(raw)
    if not known.any():
        raise UserError(
            f"{source} knows none of the sentences of {space.folder}",
            f"run {manifest.command(manifest.ASKING, space.folder)} --teacher FILE, or pass --answers none",
        )
    if source != own:  # what a model learned from lies beside it
        answers.save(own)
    shares, joined = _join(space, teaching, answers)
    joined["unlabelled"] = np.concatenate([teaching.logits["unlabelled"], logits[known]])
    texts = [sentence for sentence, one in zip(sentences, known, strict=True) if one]
    return replace(
        teaching,
        logits=joined,
        files=(*teaching.files, manifest.SENTENCES, manifest.ANSWERS),
        unlabelled=(*teaching.unlabelled, *texts),
        answers={"teacher": answers.teacher, "sentences": len(texts), "sentences_not_known": int((~known).sum()), **shares},
    )


def load(path: Path, task: Task) -> Answers:
    """Read a file of answers.

    Raises:
        UserError: missing, damaged, or of other labels.
    """
    answers = Answers.load(path, f"run {manifest.command(manifest.ASKING, path.parent)} --teacher FILE, or pass --answers none")
    if answers.labels != task.labels:
        raise UserError(f"{path} has the labels {', '.join(answers.labels)}", f"give answers of {', '.join(task.labels)}")
    return answers


def _published(space: Workspace, raw: list[str]) -> Answers | None:
    """What the project publishes of a folder's texts, if that fits."""
    for path in sorted((SCRIPTS / PUBLISHED).glob("*.npz")):
        answers = Answers.load(path, "restore it from the repository")
        if answers.labels == space.task.labels and answers.find(raw)[0].mean() >= LEAST_KNOWN:
            return answers.only([*raw, *(text for split in ("train", "validation") for text in space.reviews.texts(split))])
    return None


def _join(space: Workspace, teaching: Teaching, answers: Answers) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Logits of labelled texts with the encoder's share in them, and what that share is; unchanged where it was not asked."""
    texts = {split: space.reviews.texts(split) for split in ("train", "validation")}
    found = {split: answers.find(texts[split]) for split in texts}
    joined = dict(teaching.logits)
    if min(float(known.mean()) for known, _ in found.values()) < REVIEWS_KNOWN:
        return {}, joined
    lengths = {split: np.array([len(words_of(text).split()) for text in texts[split]]) for split in texts}
    limit = float(np.median(lengths["validation"]))
    labels, shares = space.labels["validation"], []
    for longer in (False, True):
        rows = {split: (lengths[split] > limit) == longer for split in texts}
        of_validation = rows["validation"] & found["validation"][0]

        def mixed(share: float, split: str, which: np.ndarray) -> np.ndarray:
            return (1 - share) * teaching.logits[split][which] + share * found[split][1][which]

        losses = [mean_loss(labels[of_validation], mixed(share, "validation", of_validation)) for share in SHARES]
        best = SHARES[int(np.argmin(losses))]
        shares.append(best)
        for split in texts:
            which = rows[split] & found[split][0]
            joined[split] = joined[split].copy()
            joined[split][which] = mixed(best, split, which)
    return {"longer_than_words": limit, "share_of_shorter": shares[0], "share_of_longer": shares[1]}, joined
