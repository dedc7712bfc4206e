"""What students of stages 5 and 6 hear of sentences: an encoder's answers, and the rules that made some of them.

A made sentence is taught by its rule, which knows better than any model what was meant. All others are taught by the encoder alone: the
other teachers count words. Of whole reviews each knows something that the other does
not: where the encoder was asked about them, its share is chosen on the validation texts, one for the shorter half and one for the
longer half of them. Texts without a label that it was asked about are answered alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from sentipress.core import files, manifest
from sentipress.core.errors import UserError
from sentipress.data.answers import Answers
from sentipress.data.cleaning import words_of
from sentipress.data.corpus import NO_RULE
from sentipress.data.stored import Texts, hashes, numbered
from sentipress.data.task import mean_loss
from sentipress.pipeline import teachers
from sentipress.pipeline.staleness import SCRIPTS
from sentipress.pipeline.teachers import Teaching
from sentipress.pipeline.workspace import Workspace

AUTO, NONE, RULES = "auto", "none", "rules"
PUBLISHED = "results/teacher"  # of the project: answers that fit the bundled reviews
RULE_LOGIT = 5.5  # log-odds that a made sentence is what its rule says: about what an encoder says of them that learned the like
REVIEWS_KNOWN = 0.99  # share of the labelled texts from which they count as asked about
SHARES = tuple(number / 10 for number in range(11))  # of the encoder, tried on validation


@dataclass(frozen=True)
class Heard:
    """What is said of a folder's sentences.

    Attributes:
        source: file of an encoder's answers; None without one.
        answers: all that it holds.
        texts: cleaned sentences of which something is said.
        logits: of these, float32 (texts,), or (texts, labels) for more than two labels.
        asked: sentences of the folder, known or not.
        by_rule: how many of the texts have what their rule says.
        files: artifacts of the folder that this depends on.
    """

    source: Path | None
    answers: Answers | None
    texts: Texts
    logits: np.ndarray
    asked: int
    by_rule: int
    files: tuple[str, ...]

    @property
    def answered(self) -> int:
        """How many of the texts have what the encoder says."""
        return len(self.texts) - self.by_rule

    def about(self) -> dict[str, Any]:
        """What the metrics of a model that learned from it say of the encoder; empty without one."""
        if not self.answers:
            return {}
        return {"teacher": self.answers.teacher, "sentences": self.answered, "sentences_not_known": self.asked - len(self.texts)}

    def describe(self) -> str:
        """One line for the terminal, without its end."""
        said = [f"answers of {self.answers.teacher['name']} to {self.answered:,}"] if self.answers else []
        said += [f"rules for {self.by_rule:,}"] if self.by_rule else []
        return f"{' and '.join(said)} of {self.asked:,} sentences"


def consult(space: Workspace) -> Teaching:
    """What the teachers in a stage's settings say, with what is said of sentences behind it and an encoder's answers among it; see `hear`.

    The sentences stand behind the texts without a label. Their answers are the encoder's and the rules' alone.

    Raises:
        UserError: see `teachers.consult`; a file of answers that is missing, damaged, of other labels, made for another split, or that
            knows none of the folder's texts.
    """
    teaching, heard = teachers.consult(space), hear(space)
    if not heard:
        return teaching
    shares, joined = _join(space, teaching, heard.answers) if heard.answers else ({}, dict(teaching.logits))
    if heard.answers and not shares and not heard.answered:
        raise UserError(
            f"{heard.source} knows none of the sentences of {space.folder}, and not its reviews",
            f"run {manifest.command(manifest.ASKING, space.folder)} --teacher FILE, or pass --answers none",
        )
    joined["unlabelled"] = np.concatenate([joined["unlabelled"], heard.logits])
    in_reviews = ", not asked about the reviews" if heard.answers else ""
    if shares:
        in_reviews = f", share in shorter reviews {shares['share_of_shorter']:.0%}, in longer ones {shares['share_of_longer']:.0%}"
    print(f"{heard.describe()}{in_reviews}")
    return replace(
        teaching,
        logits=joined,
        files=(*teaching.files, *heard.files),
        unlabelled=teaching.unlabelled.joined(heard.texts),
        answers={**heard.about(), **shares} if heard.answers else None,
        by_rule=heard.by_rule,
    )


def hear(space: Workspace) -> Heard | None:
    """What an encoder says of a folder's sentences (setting `answers`), and what rules say (setting `rules`); None if nothing is said.

    Rules are heard beside an encoder alone, but for `--answers rules`: by themselves they teach their own kind of sentence.

    Raises:
        UserError: see `load`.
    """
    own, only_rules = space.folder / manifest.ANSWERS, space.settings.answers == RULES
    source, answers = _answers(space, own)
    if not answers and not only_rules:
        return None
    raw, sentences, rules = space.reviews.ruled_sentences()
    known, logits = answers.find(raw) if answers else (np.zeros(len(raw), bool), np.zeros(len(raw), np.float32))
    by_rule = (rules != NO_RULE) & (space.settings.rules or only_rules)
    if by_rule.any():  # of two labels
        known |= by_rule
        logits[by_rule] = np.where(rules[by_rule] == 1, RULE_LOGIT, -RULE_LOGIT)
    elif not answers:
        return None
    # A file elsewhere is no artifact of the folder: the metrics name its teacher.
    artifacts = (*([manifest.SENTENCES] if raw else []), *([manifest.ANSWERS] if source == own else []))
    return Heard(source, answers, sentences[known], logits[known], len(raw), int(by_rule.sum()), artifacts)


def _answers(space: Workspace, own: Path) -> tuple[Path, Answers] | tuple[None, None]:
    """The file of answers that the setting `answers` means, and what it holds, if there is one; `own` is that of the folder."""
    choice = space.settings.answers
    if choice in (NONE, RULES):
        return None, None
    if choice == AUTO and not own.is_file():
        return _published(space) or (None, None)
    source = own if choice == AUTO else Path(choice)
    return source, load(source, space)


def load(path: Path, space: Workspace) -> Answers:
    """Read a file of answers that the students of a folder may hear.

    Raises:
        UserError: missing, damaged, of other labels, or asked for other texts or another split.
    """
    again = f"run {manifest.command(manifest.ASKING, space.folder)} --teacher FILE, or pass --answers none"
    answers, labels = Answers.load(path, again), space.task.labels
    if answers.labels != labels:
        raise UserError(f"{path} has the labels {', '.join(answers.labels)}", f"give answers of {', '.join(labels)}")
    if files.sha256(space.reviews.path) not in answers.fits:
        problem = f"{path} was not made for the texts and the split of {space.folder}: its teacher may know their test texts"
        raise UserError(problem, again)
    return answers


def _published(space: Workspace) -> tuple[Path, Answers] | None:
    """The answers that the project publishes for a folder's texts and split, and their file, if there are any."""
    for path in sorted((SCRIPTS / PUBLISHED).glob("*.npz")):
        answers = Answers.load(path, "restore it from the repository")
        if answers.labels == space.task.labels and files.sha256(space.reviews.path) in answers.fits:
            return path, answers
    return None


def _join(space: Workspace, teaching: Teaching, answers: Answers) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Logits of reviews with the encoder's share in them, and what that share is; unchanged where it was not asked."""
    joined, texts = dict(teaching.logits), {split: space.reviews.texts(split) for split in ("train", "validation")}
    different = int(numbered(hashes(chain.from_iterable(texts.values()))).max()) + 1
    if len(answers.keys) < REVIEWS_KNOWN * different:  # too few to know them: no text need be looked up
        return {}, joined
    found = {split: answers.find(texts[split]) for split in texts}
    if min(float(known.mean()) for known, _ in found.values()) < REVIEWS_KNOWN:
        return {}, joined
    texts["unlabelled"] = teaching.unlabelled
    found["unlabelled"] = answers.find(texts["unlabelled"])
    lengths = {split: _word_counts(some) for split, some in texts.items()}
    limit = float(np.median(lengths["validation"]))
    labels, shares = space.labels["validation"], []
    for longer in (False, True):
        rows = {split: ((lengths[split] > limit) == longer) & found[split][0] for split in texts}

        def mixed(share: float, split: str, which: np.ndarray) -> np.ndarray:
            return (1 - share) * teaching.logits[split][which] + share * found[split][1][which]

        validation = rows["validation"]
        losses = [mean_loss(labels[validation], mixed(share, "validation", validation)) for share in SHARES]
        best = SHARES[int(np.argmin(losses))]
        shares.append(best)
        for split, which in rows.items():
            joined[split] = joined[split].copy()
            joined[split][which] = mixed(best, split, which)
    about = {"longer_than_words": limit, "share_of_shorter": shares[0], "share_of_longer": shares[1]}
    return {**about, "reviews": sum(int(known.sum()) for known, _ in found.values())}, joined


def _word_counts(texts: Sequence[str]) -> np.ndarray:
    """Words of each text, int64 (texts,)."""
    return np.fromiter((len(words_of(text).split()) for text in texts), np.int64, len(texts))
