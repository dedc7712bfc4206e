"""The few sentences that a reader should take along, made from the figures, and the rows that deserve a closer look."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sentipress.core import manifest
from sentipress.evaluation import statistics
from sentipress.reporting import questions
from sentipress.reporting.comparing import CONTROL
from sentipress.reporting.evidence import Evidence, ScoredRow
from sentipress.reporting.naming import short_name
from sentipress.reporting.questions import Question
from sentipress.reporting.wording import against, kilobytes, several

QUANTIZED, PRUNED, PRUNED_8_BITS, POCKET = "modelo_DRQ", "modelo_podado", "modelo_podado_DRQ", "pocket"
CUTS = ("cut_vocabulary", "cut_layers", "cut_heads")  # of the encoder's track
_ONLY_STUDENT_READ = "This does not show that the teacher does it: the control did not read the student's unlabelled {}."
NETWORK, BAG, NOBODY = "The network", "The bag of words", "Neither"  # who wins
ENOUGH = 4  # findings: with fewer, one that needs no particular rows stands last


def findings(evidence: Evidence) -> list[str]:
    """Say what the figures support, in a few sentences; what was not measured is left out."""
    found = [sentence for make in (_eight_bits, _pruning, _cuts, _student, _word_student, _small_models) if (sentence := make(evidence))]
    if len(found) < ENOUGH or evidence.of_encoders:
        found += _best_and_smallest(evidence)
    return found if evidence.base else ["There is no base to compare with.", *found]


def _compared(evidence: Evidence, name: str) -> ScoredRow | None:
    row = evidence.by_name.get(name)
    return row if row and row.comparison else None


def _eight_bits(evidence: Evidence) -> str:
    base, row = evidence.base, _compared(evidence, QUANTIZED)
    if not base or not row or not row.decisive:
        return ""
    whole, small = kilobytes(base.deployed_bytes), kilobytes(row.deployed_bytes)
    return (
        f"8 bits: the model file is {size_ratio(row, base):.1f} times smaller; with the vocabulary {whole} become {small}. "
        f"The model {against(row.decisive, 'the base')}."
    )


def _pruning(evidence: Evidence) -> str:
    base, row, small = evidence.base, _compared(evidence, PRUNED), _compared(evidence, PRUNED_8_BITS)
    shown = row or small
    if not base or not shown or not shown.decisive:
        return ""
    parameters = shown.record["parameters"]
    zeros = f"Pruning to {1 - parameters['nonzero'] / parameters['total']:.0%} zeros".replace("%", " %")
    text = f"{zeros}: the model {against(shown.decisive, 'the base')}. {_saved(shown, base)}"
    quantized = evidence.by_name.get(QUANTIZED)
    if row and small and small.decisive and quantized:
        text += f" In 8 bits it {against(small.decisive, 'the base')}. {_saved(small, quantized)}"
    return text


def _cuts(evidence: Evidence) -> str:
    """Fewer pieces, layers or heads, the smallest first; their files are in 8 bits, as that which they stand beside."""
    rows = sorted((row for name in CUTS if (row := _compared(evidence, name))), key=lambda row: row.deployed_bytes)
    if not rows or not evidence.base:
        return ""
    known = [
        f"{short_name(row.record).removesuffix(', 8 bits')} ({kilobytes(row.deployed_bytes)}), {against(row.decisive, 'the base')}"
        for row in rows
        if row.decisive
    ]
    quantized = evidence.by_name.get(QUANTIZED)
    whole = f"; the whole base in 8 bits has {kilobytes(quantized.deployed_bytes)}" if quantized else ""
    return f"Cuts, in 8 bits: {'; '.join(known)}{whole}."


def _saved(row: ScoredRow, other: ScoredRow) -> str:
    """Say what pruning saves: a row's files beside those of the same one without it."""
    ratio = other.deployed_bytes / row.deployed_bytes
    size = "as large as" if 0.97 < ratio < 1.03 else f"{ratio:.1f} times smaller than"
    zipped = f"after gzip {kilobytes(other.deployed_gzip_bytes)} become {kilobytes(row.deployed_gzip_bytes)}"
    return f"Its files are {size} without pruning; {zipped}."


def about(evidence: Evidence, *subjects: str) -> list[Question]:
    """Questions on these subjects, names of `sentipress.reporting.questions`."""
    return [one for one in evidence.questions if one.about in subjects]


def _student(evidence: Evidence) -> str:
    controls, same = about(evidence, questions.CONTROL), about(evidence, questions.SAME_TEXTS)
    if not controls and not same:
        return ""
    sentences = [f"Distillation: the student {against(one.decisive, 'the same network without a teacher')}." for one in controls]
    for one in same:
        sentences.append(f"It {against(one.decisive, f'the row “{one.techniques[1]}”')}.")
    sentences.append(teacher_or_texts(evidence))
    sentences += [f"It {against(one.decisive, 'its teacher')}." for one in about(evidence, questions.TEACHER)]
    return " ".join(filter(None, sentences))


def _word_student(evidence: Evidence) -> str:
    row = _compared(evidence, questions.WORD_STUDENT)
    if not row or not row.decisive:
        return ""
    text = f"An LSTM taught by the base, {kilobytes(row.deployed_bytes)} with its words: it {against(row.decisive, 'the base')}."
    for one in about(evidence, questions.WORD_CONTROL):
        text += f" It {against(one.decisive, 'the same LSTM without a teacher')}."
        if read_more(evidence, questions.WORD_STUDENT):
            text += " " + _ONLY_STUDENT_READ.format(evidence.noun)
    return text


def teacher_or_texts(evidence: Evidence) -> str:
    """Say whether it is the teacher that makes the student good, as far as the rows can tell."""
    controls, same = about(evidence, questions.CONTROL), about(evidence, questions.SAME_TEXTS)
    if not all(one.decisive.better for one in controls):
        return "So a gain by the teacher is not shown."
    if same:
        if all(one.decisive.better for one in same):
            return "So the teacher helps, not only the texts."
        return "So it is not shown that the teacher does it: the texts may."
    if read_more(evidence):
        return _ONLY_STUDENT_READ.format(evidence.noun)
    return "Both read the same texts, so the teacher helps."


def read_more(evidence: Evidence, name: str = questions.STUDENT) -> bool:
    """Whether a student read texts without labels, which its control did not."""
    student = evidence.by_name.get(name)
    return bool(student and (manifest.UNLABELLED in student.record["inputs"] or student.record.get("transfer_texts")))


def _small_models(evidence: Evidence) -> str:
    asked = [one for one in about(evidence, questions.BAG) if one.row not in questions.OF_CHAIN]
    if not asked:
        return ""
    shown = next((one for one in asked if one.row == POCKET), asked[0])
    row, bag = evidence.by_name[shown.row], evidence.by_name[shown.other]
    text = (
        f"Small models: a packed network of {kilobytes(row.deployed_bytes)} has {row.accuracy['value']:.2%}, a packed bag of words of "
        f"{kilobytes(bag.deployed_bytes)} {bag.accuracy['value']:.2%}. The network {against(shown.decisive, 'the bag of words')}. "
        f"{_winner(shown)} wins."
    )
    if len(asked) > 1:
        won, lost = (_names(evidence, asked, winner) for winner in (NETWORK, BAG))
        text += f" Of all {len(asked)} packages with a bag of words of their size the network wins with {won} and loses with {lost}."
    for one in about(evidence, questions.TAUGHT_BAG):
        if one.row == shown.row:
            taught = evidence.by_name[one.other]
            text += (
                f" Against one of {kilobytes(taught.deployed_bytes)} that an encoder taught too, it {against(one.decisive, 'that bag')}."
            )
    for one in about(evidence, questions.BEST_BAG):
        large = evidence.by_name[one.row]
        text += (
            f" The student in 8 bits, {kilobytes(large.deployed_bytes)}, {against(one.decisive, 'the best bag of words by validation')}."
        )
    return text


def _names(evidence: Evidence, asked: Sequence[Question], winner: str) -> str:
    """Short names of the packages whose comparison this side wins."""
    return several([short_name(evidence.by_name[one.row].record) for one in asked if _winner(one) == winner]) or "none"


def _winner(question: Question) -> str:
    """Which of a network and a bag of words wins; nobody does without a difference that the texts show."""
    found = question.decisive
    if found.better:
        return NETWORK
    return BAG if found.value < 0 and found.p_holm < statistics.SIGNIFICANT else NOBODY


def _best_and_smallest(evidence: Evidence) -> list[str]:
    best, small, near = most_accurate(evidence), smallest_no_worse(evidence), smallest_close(evidence)
    if not best:
        return []
    size = kilobytes(best.deployed_bytes)
    text = f"All rows: the most accurate model by validation is {best.technique}: {best.accuracy['value']:.2%}, {size}."
    if near and near.name != best.name:
        text += f" The smallest that is no worse than it: {near.technique}, {near.accuracy['value']:.2%}, {kilobytes(near.deployed_bytes)}."
    else:
        text += " No smaller model is shown to be no worse than it."
    if small and small.decisive and small is not evidence.base:
        text += f" The smallest that is no worse than the base: {small.technique}, {kilobytes(small.deployed_bytes)}. "
        text += f"It {against(small.decisive, 'the base')}."
    return [text]


def size_ratio(row: ScoredRow, base: ScoredRow, unit: str = "bytes") -> float:
    """Divide the base's model file by a row's, by `bytes` or `gzip_bytes`: 2 for one of half the size."""
    return base.record["size"][unit] / row.record["size"][unit]


def pareto(rows: Sequence[ScoredRow], cost: Callable[[ScoredRow], float]) -> list[ScoredRow]:
    """Choose the rows that no other row beats in both accuracy and cost, by rising cost."""
    best, front = -1.0, []
    for row in sorted(rows, key=lambda row: (cost(row), -row.accuracy["value"])):
        if row.accuracy["value"] > best:
            best = row.accuracy["value"]
            front.append(row)
    return front


def candidates(evidence: Evidence) -> list[ScoredRow]:
    """Rows that one might use: controls aside."""
    return [row for row in evidence.scored if row.role != CONTROL]


def most_accurate(evidence: Evidence) -> ScoredRow | None:
    """The row with the highest accuracy on validation, controls aside."""
    return max(candidates(evidence), key=lambda row: row.validation, default=None)


def smallest_close(evidence: Evidence) -> ScoredRow | None:
    """The smallest row that is no worse than the most accurate one."""
    near = [row for row in evidence.scored if row.name in evidence.close]
    return min(near, key=lambda row: row.deployed_bytes, default=None)


def smallest_no_worse(evidence: Evidence) -> ScoredRow | None:
    """The smallest row that is no worse than the base, controls aside; the base itself where there is none."""
    near = [row for row in candidates(evidence) if row.decisive and row.decisive.verdict == statistics.NO_WORSE]
    return min(near, key=lambda row: row.deployed_bytes, default=evidence.base)


def looked_into(evidence: Evidence) -> list[ScoredRow]:
    """Rows whose labels are looked at one by one: the base and the smallest that is no worse, each once."""
    rows = [row for row in (evidence.base, smallest_no_worse(evidence) or smallest_close(evidence)) if row]
    return rows[:1] if len(rows) == 2 and rows[0].name == rows[1].name else rows


def headline(evidence: Evidence) -> str:
    """Say in one line how small a model may be that is no worse than the base."""
    base, small = evidence.base, smallest_no_worse(evidence)
    if base and small and small is not base:
        size, stands = kilobytes(small.deployed_bytes), "better" if small.decisive and small.decisive.better else "no worse"
        reference = f"{base.accuracy['value']:.1%} in {kilobytes(base.deployed_bytes)}"
        return f"{small.accuracy['value']:.1%} in {size}: {stands} than the base ({reference})"
    best = most_accurate(evidence)
    return f"{best.accuracy['value']:.1%} in {kilobytes(best.deployed_bytes)}" if best else "Models compared"


def same_graphs(evidence: Evidence) -> list[list[ScoredRow]]:
    """Networks that run the same graph: of one shape, kind of file and number format. Their times differ by chance."""
    groups: dict[str, list[ScoredRow]] = {}
    for row in evidence.scored:
        if row.role != "classical" and row.record["model"]:
            suffix = row.record["file"].rpartition(".")[2]
            groups.setdefault(repr((sorted(row.record["model"].items()), suffix, row.record.get("number_format"))), []).append(row)
    return [rows for rows in groups.values() if len(rows) > 1]


def notes(evidence: Evidence) -> list[str]:
    """Say what a reader should know of the figures: how often the texts were used, and which times are of one graph."""
    test = f"test {evidence.noun}"
    if evidence.uses:
        found = [f"The {test} were used {evidence.uses:,} times: so many model files were scored on them, by the ledger."]
    else:
        found = [f"How often the {test} were used before is not recorded in this folder."]
    for rows in same_graphs(evidence):
        names = several([short_name(row.record) for row in rows])
        found.append(f"{names[0].upper()}{names[1:]} run the same graph: a difference of their times is noise.")
    return found
