"""The study's conclusions beside what the data at hand says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sentipress.reporting.evidence import BASE, Evidence, ScoredRow
from sentipress.reporting.findings import accuracy_sentence, better, distinguishable, p_text, points, size_ratio, worse

HOLDS, FAILS, UNDECIDED, NOT_MEASURED = "holds", "does not hold", "undecided", "not measured"
Judgement = tuple[str, str]  # a verdict, and the reason for it


@dataclass(frozen=True)
class Conclusion:
    """A claim of the study and what became of it.

    Attributes:
        claim: the study's sentence.
        verdict: "holds", "does not hold", "undecided" or "not measured".
        reason: the figures behind the verdict.
    """

    claim: str
    verdict: str
    reason: str


@dataclass(frozen=True)
class _Claim:
    """A sentence of the study, names of the rows that it speaks of, and a function of the base and these rows."""

    text: str
    names: Sequence[str]
    judge: Callable[..., Judgement]


def conclusions(evidence: Evidence) -> list[Conclusion]:
    """Judge each of the study's conclusions. There are none for a task that the study did not have."""
    if not evidence.task.is_sentiment:
        return []
    first = _Claim("An LSTM is the model to start from, rather than a bag of words.", [_best_bag_of_words(evidence)], _lstm_comes_first)
    return [_judged(claim, evidence) for claim in (*_CLAIMS, first)]


def _judged(claim: _Claim, evidence: Evidence) -> Conclusion:
    compared = {row.name: row for row in evidence.scored if row.comparison}
    absent = [name for name in claim.names if name not in compared]
    if not evidence.base or absent:
        absent = absent if evidence.base else [BASE, *absent]
        return Conclusion(claim.text, NOT_MEASURED, f"no usable metrics of {', '.join(absent)}")
    return Conclusion(claim.text, *claim.judge(evidence.base, *(compared[name] for name in claim.names)))


def _best_bag_of_words(evidence: Evidence) -> str:
    """Name of the most accurate bag of words that can be compared with the base, or a pattern of such names."""
    rows = [row for row in evidence.scored if row.role == "classical" and row.comparison]
    best = max(rows, key=lambda row: row.accuracy["value"], default=None)
    return best.name if best else "classical_*"


def _quantized_is_12_times_smaller(base: ScoredRow, quantized: ScoredRow) -> Judgement:
    ratio = size_ratio(quantized, base)
    reason = f"{ratio:.1f} times: the published base held the optimizer's state; {accuracy_sentence(quantized)}"
    return FAILS if ratio < 10 or distinguishable(quantized) else HOLDS, reason


def _quantized_is_better(base: ScoredRow, quantized: ScoredRow) -> Judgement:
    return HOLDS if better(quantized) else FAILS, accuracy_sentence(quantized)


def _float16_halves(base: ScoredRow, float16: ScoredRow) -> Judgement:
    ratio = size_ratio(float16, base)
    verdict = HOLDS if 1.8 < ratio < 2.2 and not distinguishable(float16) else FAILS
    return verdict, f"{ratio:.1f} times smaller; {accuracy_sentence(float16)}"


def _pruned_is_as_good(base: ScoredRow, pruned: ScoredRow) -> Judgement:
    return FAILS if worse(pruned) else HOLDS, accuracy_sentence(pruned)


def _pruned_is_smaller(base: ScoredRow, pruned: ScoredRow) -> Judgement:
    ratio, zipped = size_ratio(pruned, base), size_ratio(pruned, base, "gzip_bytes")
    return HOLDS if ratio > 1.1 else FAILS, f"{ratio:.2f} times smaller on disk, {zipped:.1f} times after gzip, where zeros show"


def _student_is_best(base: ScoredRow, student: ScoredRow) -> Judgement:
    share = 1 / size_ratio(student, base)
    reason = f"{student.accuracy['value']:.2%} at {share:.0%} of the base's bytes; {accuracy_sentence(student)}"
    return HOLDS if better(student) else FAILS, reason


def _teacher_helps(base: ScoredRow, student: ScoredRow, control: ScoredRow) -> Judgement:
    gained = student.record.get("distillation", {}).get("to_control")
    reason = f"taught {student.accuracy['value']:.2%}, the same student without a teacher {control.accuracy['value']:.2%}"
    if gained:  # on the same reviews
        value, low, high = (points(gained[key]) for key in ("value", "low", "high"))
        reason += f": {value} points ({low} to {high}, p {p_text(gained['p'])})"
    return HOLDS if gained and gained["low"] > 0 else FAILS, reason


def _lstm_comes_first(base: ScoredRow, bag_of_words: ScoredRow) -> Judgement:
    reason = f"best bag of words: {bag_of_words.technique}, {bag_of_words.accuracy['value']:.2%}; {accuracy_sentence(bag_of_words)}"
    return UNDECIDED if not distinguishable(bag_of_words) else FAILS if better(bag_of_words) else HOLDS, reason


_CLAIMS = (
    _Claim(
        "Dynamic-range quantization makes the model 12 times smaller (31,578 to 2,643 KB) without loss.",
        ["modelo_DRQ"],
        _quantized_is_12_times_smaller,
    ),
    _Claim("The quantized model is more accurate than its base (86.57 against 86.43 %).", ["modelo_DRQ"], _quantized_is_better),
    _Claim("float16 halves the model without loss.", ["modelo_F16Q"], _float16_halves),
    _Claim("Pruning to 80 % zeros keeps the accuracy.", ["modelo_podado"], _pruned_is_as_good),
    _Claim("Pruning makes the model smaller (31,578 to 10,535 KB).", ["modelo_podado"], _pruned_is_smaller),
    _Claim("Distillation gives the most accurate model, at half the size (88.40 %).", ["modelo_destilado"], _student_is_best),
    _Claim("It is the teacher that makes the student good.", ["modelo_destilado", "modelo_control"], _teacher_helps),
)
