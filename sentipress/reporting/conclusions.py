"""The study's conclusions beside what the data at hand says, by the one rule of `statistics.verdict`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sentipress.evaluation import statistics
from sentipress.reporting import questions
from sentipress.reporting.comparing import Comparison
from sentipress.reporting.evidence import BASE, Evidence, ScoredRow
from sentipress.reporting.findings import about, read_more, size_ratio, teacher_or_texts
from sentipress.reporting.wording import against

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
    """A sentence of the study, names of the rows that it speaks of, and a function of the evidence and these rows."""

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
    return Conclusion(claim.text, *claim.judge(evidence, *(compared[name] for name in claim.names)))


def _best_bag_of_words(evidence: Evidence) -> str:
    """Name of the bag of words that is best on validation and can be compared with the base, or a pattern of such names."""
    rows = [row for row in evidence.scored if row.role == "classical" and row.comparison]
    best = max(rows, key=lambda row: row.validation, default=None)
    return best.name if best else "classical_*"


def _of_base(row: ScoredRow) -> Comparison:
    """A row's comparison with the base, over seeds where there are several; it has one, or it would not be judged."""
    assert row.decisive
    return row.decisive


def _sentence(row: ScoredRow) -> str:
    return against(_of_base(row), "the base")


def _keeps(row: ScoredRow) -> str:
    """Verdict on "it keeps the accuracy"."""
    return {statistics.NO_WORSE: HOLDS, statistics.WORSE: FAILS}.get(_of_base(row).verdict, UNDECIDED)


def _gains(row: ScoredRow) -> str:
    """Verdict on "it is more accurate": that fails where the interval holds no gain."""
    found = _of_base(row)
    return HOLDS if found.better else FAILS if found.difference["high"] <= 0 or found.verdict == statistics.WORSE else UNDECIDED


def _ratio(evidence: Evidence, row: ScoredRow, unit: str = "bytes") -> float:
    assert evidence.base
    return size_ratio(row, evidence.base, unit)


def _quantized_is_12_times_smaller(evidence: Evidence, quantized: ScoredRow) -> Judgement:
    ratio = _ratio(evidence, quantized)
    reason = f"{ratio:.1f} times: the published base held the optimizer's state; the model {_sentence(quantized)}"
    return _keeps(quantized) if ratio >= 10 else FAILS, reason


def _quantized_is_better(evidence: Evidence, quantized: ScoredRow) -> Judgement:
    return _gains(quantized), f"it {_sentence(quantized)}"


def _float16_halves(evidence: Evidence, float16: ScoredRow) -> Judgement:
    ratio = _ratio(evidence, float16)
    return _keeps(float16) if 1.8 < ratio < 2.2 else FAILS, f"{ratio:.1f} times smaller; the model {_sentence(float16)}"


def _pruned_is_as_good(evidence: Evidence, pruned: ScoredRow) -> Judgement:
    return _keeps(pruned), f"the model {_sentence(pruned)}"


def _pruned_is_smaller(evidence: Evidence, pruned: ScoredRow) -> Judgement:
    ratio, zipped = _ratio(evidence, pruned), _ratio(evidence, pruned, "gzip_bytes")
    return HOLDS if ratio > 1.1 else FAILS, f"{ratio:.2f} times smaller on disk, {zipped:.1f} times after gzip, where zeros show"


def _student_is_best(evidence: Evidence, student: ScoredRow) -> Judgement:
    share = 1 / _ratio(evidence, student)
    return _gains(student), f"{student.accuracy['value']:.2%} at {share:.0%} of the base's bytes; the student {_sentence(student)}"


def _teacher_helps(evidence: Evidence, student: ScoredRow, control: ScoredRow) -> Judgement:
    asked, same = about(evidence, questions.CONTROL), about(evidence, questions.SAME_TEXTS)
    if not asked:
        return UNDECIDED, "student and control were scored on different texts"
    found = asked[0].decisive
    reason = f"the student {against(found, 'the same network without a teacher')}. {teacher_or_texts(evidence)}"
    if not found.better:
        return FAILS if found.difference["high"] <= 0 else UNDECIDED, reason
    shown = all(one.decisive.better for one in same) if same else not read_more(evidence)
    return HOLDS if shown else UNDECIDED, reason.removesuffix(".")


def _lstm_comes_first(evidence: Evidence, bag_of_words: ScoredRow) -> Judgement:
    reason = f"the best bag of words by validation, {bag_of_words.technique}, {_sentence(bag_of_words)}"
    # What keeps up with the LSTM is the simpler model to start from.
    return {HOLDS: FAILS, FAILS: HOLDS}.get(_keeps(bag_of_words), UNDECIDED), reason


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
