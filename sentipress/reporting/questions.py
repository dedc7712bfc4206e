"""Questions beyond the base: which two rows answer each of them, and what they say on the same test texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sentipress.core import manifest
from sentipress.reporting.comparing import Comparison, compare
from sentipress.reporting.saved import Saved
from sentipress.reporting.seeds import BAG_OF_WORDS, Repeats

STUDENT, STUDENT_8_BITS = "modelo_destilado", "modelo_destilado_DRQ"
WORD_STUDENT = "student_lstm"
# What a question is about.
CONTROL, SAME_TEXTS, TEACHER, BAG, CHAIN_CONTROL, BEST_BAG = "control", "same texts", "teacher", "bag of words", "chain control", "best bag"
OF_STUDENT = {
    "modelo_control": (CONTROL, "Is the student better than the same network without a teacher?"),
    "modelo_destilado_self": (SAME_TEXTS, "Is it the teacher? Against a student of the control on the same texts"),
    "modelo_destilado_pseudo": (SAME_TEXTS, "Is it the teacher? Against a student on the control's labels, same texts"),
    "modelo_profesor": (TEACHER, "Does the student lose anything against its teacher?"),
}
WORD_CONTROL = "word control"
# Of the encoder's track: what is asked, of which row, beside which other one. No row of the LSTM's has these names.
OF_ENCODERS = (
    (WORD_CONTROL, "Is the LSTM student better than the same LSTM without a teacher?", WORD_STUDENT, "control_lstm"),
    ("words", "Is the LSTM student better than a bag of words that learned from the same, in as many bytes?", WORD_STUDENT, "rival_words"),
    ("characters", "Is the LSTM student better than a bag of characters, in as many bytes?", WORD_STUDENT, "rival_characters"),
    ("self-training", "Is the base better than its first teacher, which had labels alone, and fewer steps?", "modelo_base", "labels_alone"),
    ("hidden states", "Do the teacher's hidden states help? Against a student without them", STUDENT, "modelo_destilado_labels_logits"),
    ("logits", "Do the teacher's logits help? Against a student without them", STUDENT, "modelo_destilado_labels_hidden"),
    ("labels", "Do labels and hidden states help? Against a student by logits alone", STUDENT, "modelo_destilado_logits_alone"),
    ("compact", "Do few pieces and 4 bits lose anything? Against the same student in 8 bits", "compact", STUDENT_8_BITS),
    ("embedding", "Does an embedding in 8 bits lose anything? Against one in float32", "modelo_DRQ", "modelo_linear_8bit"),
    ("runtime", "Does LiteRT in 8 bits lose anything? Against ONNX Runtime in 8 bits", "modelo_DRQ", "modelo_ONNX"),
    ("retraining", "Is it better to train after setting weights to zero? Against the zeros alone", "modelo_podado", "modelo_podado_L1"),
)
OF_CHAIN = {
    "alone": "Does the teacher help the packed network? Against the same one without a teacher",
    "selftaught": "Does the teacher help the packed network? Against the same one taught by itself",
    "unread": "Do answers to sentences, an encoder's and the rules', help the packed network? Against the same one without them",
    "ruled": "Do an encoder's answers help beside the rules' ones? Against the same packed network with the rules alone",
}
TAUGHT_BAG = "taught bag"
OF_BAGS = (
    (BAG, manifest.PACKED, "Is the packed network better than a packed bag of words of its size?"),
    (
        TAUGHT_BAG,
        manifest.TAUGHT,
        "Is the packed network better than a bag of words of its size that learned from the encoder's answers too?",
    ),
)
NEAR = 0.15  # share of the bytes by which two packages may differ and still count as equally large
SHAPE = ("vocabulary_size", "sequence_length", "embedding_dim", "units", "bidirectional", "pooling")


@dataclass(frozen=True)
class Asked:
    """A row that may be asked about: its metrics and its probabilities."""

    record: Mapping[str, Any]
    own: Saved

    @property
    def name(self) -> str:
        """Name of its files."""
        return str(self.record["name"])

    @property
    def bytes(self) -> int:
        """Model and vocabulary on disk."""
        return int(self.record["size"]["bytes"] + self.record["vocabulary"]["bytes"])

    @property
    def package(self) -> bool:
        """Whether it is a network that a chain packed with its vocabulary."""
        return bool(self.record["stage"] == manifest.COMBINATION and self.record["file"].endswith(".zip"))


@dataclass(frozen=True)
class Question:
    """A question, the two rows that answer it, and their difference.

    Attributes:
        about: one of this module's names, such as "control".
        text: the question.
        row: name of the row that is asked about.
        other: name of the row that it is compared with.
        techniques: what the table calls both.
        comparison: the row against the other, one training of each.
        over_seeds: the same over several seeds; None where no other seed has both.
    """

    about: str
    text: str
    row: str
    other: str
    techniques: tuple[str, str]
    comparison: Comparison
    over_seeds: Comparison | None

    @property
    def decisive(self) -> Comparison:
        """The comparison over seeds where there is one."""
        return self.over_seeds or self.comparison


def ask(rows: Sequence[Asked], repeats: Repeats) -> list[Question]:
    """Answer every question whose two rows are there and were scored on the same texts."""
    questions = []
    for about, text, row, other in _pairs({row.name: row for row in rows}):
        if row.own.same_texts(other.own):
            techniques = (str(row.record["technique"]), str(other.record["technique"]))
            over_seeds = repeats.compare((row.record, row.own), (other.record, other.own))
            questions.append(Question(about, text, row.name, other.name, techniques, compare(row.own, other.own), over_seeds))
    return questions


def _pairs(rows: Mapping[str, Asked]) -> Iterator[tuple[str, str, Asked, Asked]]:
    """What is asked of which two rows, in the order of the report."""
    if STUDENT in rows:
        yield from ((about, text, rows[STUDENT], rows[name]) for name, (about, text) in OF_STUDENT.items() if name in rows)
    yield from ((about, text, rows[one], rows[other]) for about, text, one, other in OF_ENCODERS if one in rows and other in rows)
    best = max(
        (row for row in rows.values() if row.record["role"] == BAG_OF_WORDS and "answers" not in row.record), key=_validation, default=None
    )
    if best and STUDENT_8_BITS in rows:
        yield BEST_BAG, "Is the student in 8 bits better than the best bag of words by validation?", rows[STUDENT_8_BITS], best
    packages = [row for row in rows.values() if row.package]
    for row in packages:
        for about, begins, text in OF_BAGS:
            bag = nearest_bag(row, rows.values(), begins)
            if bag:
                yield about, text, row, bag
        for name, text in OF_CHAIN.items():
            if name in rows and row.name not in OF_CHAIN and same_network(row, rows[name]):
                yield CHAIN_CONTROL, text, row, rows[name]


def nearest_bag(row: Asked, rows: Iterable[Asked], begins: str = manifest.PACKED) -> Asked | None:
    """The packed bag of words nearest in bytes, of those whose names begin so; None where none lies within 15 %."""
    bags = [one for one in rows if one.name.startswith(begins)]
    best = min(bags, key=lambda one: abs(one.bytes - row.bytes), default=None)
    return best if best and abs(best.bytes - row.bytes) <= NEAR * row.bytes else None


def same_network(row: Asked, other: Asked) -> bool:
    """Whether two packages hold networks of one shape and number format."""
    one, two = ([record["model"].get(key) for key in SHAPE] + [record.get("number_format")] for record in (row.record, other.record))
    return one == two


def _validation(row: Asked) -> float:
    return float(row.record.get("validation_accuracy") or row.record["scores"]["accuracy"]["value"])
