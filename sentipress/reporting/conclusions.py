"""The study's conclusions beside what the data at hand says, by the one rule of `statistics.verdict`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sentipress.evaluation import statistics
from sentipress.evaluation.latency import comparable
from sentipress.reporting import questions, study
from sentipress.reporting.comparing import Comparison
from sentipress.reporting.evidence import BASE, Evidence, ScoredRow
from sentipress.reporting.findings import about, read_more, same_graphs, size_ratio, teacher_or_texts
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
    """Judge each of the study's conclusions. There are none for a task that no study had, by track, recipe and labels."""
    if evidence.of_encoders:
        claims = _of_encoders(evidence).get(study.recipe_of(evidence.records), ())
        return [_judged(claim, evidence) for claim in claims]
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
    rows = [row for row in evidence.scored if row.role == "classical" and row.comparison and "answers" not in row.record]
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


# Of the encoders' studies


def _time(row: ScoredRow) -> tuple[float, float, float] | None:
    """A row's time in turns with the base, divided by the base's: the median and its extremes; None if it was not timed so."""
    times = row.record["latency"]
    return (times["ratio_to_base"], times["ratio_low"], times["ratio_high"]) if comparable(times) else None


def _at_most(row: ScoredRow, most: float) -> Judgement:
    """Judge that a row takes at most this share of the base's time."""
    found = _time(row)
    if not found:
        return UNDECIDED, "not timed in turns with the base"
    value, low, high = found
    reason = f"one text takes {value:.2f} times the base's time ({low:.2f} to {high:.2f})"
    return HOLDS if high < most else FAILS if low > most else UNDECIDED, reason


def _is_faster(evidence: Evidence, row: ScoredRow) -> Judgement:
    if any(row in rows and evidence.base in rows for rows in same_graphs(evidence)):
        return FAILS, "it computes what the base computes: a difference of their times is noise"
    return _at_most(row, 1.0)


def _is_slower(evidence: Evidence, row: ScoredRow) -> Judgement:
    verdict, reason = _at_most(row, 1.0)
    return {HOLDS: FAILS, FAILS: HOLDS}.get(verdict, verdict), reason


def _hardly_smaller(evidence: Evidence, linear: ScoredRow, whole: ScoredRow) -> Judgement:
    one, two = _ratio(evidence, linear), _ratio(evidence, whole)
    return FAILS if two > 1.5 else HOLDS, f"{one:.2f} times smaller with the embedding in float32, {two:.2f} times with all in 8 bits"


def _student_loses(evidence: Evidence, student: ScoredRow) -> Judgement:
    return {HOLDS: FAILS, FAILS: HOLDS}.get(_keeps(student), UNDECIDED), f"the student {_sentence(student)}"


def _smallest_student(evidence: Evidence) -> str:
    """Name of the smallest student with copied layers in float32, the format of the study's, or a pattern of such names."""
    rows = [row for row in evidence.scored if row.name.startswith(questions.STUDENT) and row.record["file"].endswith(".safetensors")]
    smallest = min((row for row in rows if row.comparison), key=lambda row: row.deployed_bytes, default=None)
    return smallest.name if smallest else f"{questions.STUDENT}*"


def _keeps_98_percent(evidence: Evidence, student: ScoredRow) -> Judgement:
    assert evidence.base
    base, found = evidence.base.accuracy["value"], _of_base(student).difference
    value, low, high = (1 + found[key] / base for key in ("value", "low", "high"))
    reason = f"{student.technique} keeps {value:.1%} of the base's accuracy ({low:.1%} to {high:.1%})"
    return HOLDS if low >= 0.98 else FAILS if high < 0.98 else UNDECIDED, reason


def _is_45_percent_lighter(evidence: Evidence, student: ScoredRow) -> Judgement:
    lighter = 1 - 1 / _ratio(evidence, student)
    return HOLDS if lighter >= 0.45 else FAILS, f"{student.technique} is {lighter:.0%} lighter than the base"


def _takes_a_third(evidence: Evidence, student: ScoredRow) -> Judgement:
    return _at_most(student, 1 / 3)


def _of_encoders(evidence: Evidence) -> dict[str, Sequence[_Claim]]:
    """What the encoders' studies found, by recipe."""
    zeros, linear, smallest = ["modelo_podado_L1"], ["modelo_linear_8bit"], [_smallest_student(evidence)]
    return {
        "bert": (
            _Claim("30 % of the weights of every linear layer can be zero (loss 0.7059 to 0.7487).", zeros, _pruned_is_as_good),
            _Claim("These zeros make the model faster (1,637 to 1,573 s).", zeros, _is_faster),
            _Claim("In 8 bits it is faster still (1,365 s).", ["modelo_podado_DRQ"], _is_faster),
        ),
        "rubert": (
            _Claim("8 bits in the linear layers keep the accuracy (53.45 % before and after).", linear, _pruned_is_as_good),
            _Claim("8 bits hardly make the model smaller (111.4 to 104.6 MB).", [*linear, "modelo_DRQ"], _hardly_smaller),
            _Claim("8 bits make it slower (2.4 times).", linear, _is_slower),
            _Claim("A student pays for its size with accuracy (53.45 to 51.00 %).", [questions.STUDENT], _student_loses),
        ),
        "roberta": (
            _Claim("The smallest student keeps 98 % of its teacher's performance.", smallest, _keeps_98_percent),
            _Claim("It is 45 % lighter.", smallest, _is_45_percent_lighter),
            _Claim("It takes less than a third of the time.", smallest, _takes_a_third),
        ),
    }
