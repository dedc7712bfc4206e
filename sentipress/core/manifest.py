"""The stages of a track: what each one reads and writes, and which rows of the table it makes.

Everything that needs to know the stages asks here: the table, the stale marks, `dvc.yaml`, the tests, the messages that
tell a person which command to run.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PREPROCESSING, BASELINE, CLASSICAL, QUANTIZATION, PRUNING, DISTILLATION, COMBINATION = (
    "1_data_preprocessing.py",
    "2_lstm_baseline.py",
    "classical.py",
    "3_quantization.py",
    "4_pruning.py",
    "5_distillation.py",
    "6_combination.py",
)
ENCODER_DATA, FINE_TUNING, ENCODER_QUANTIZATION, ENCODER_PRUNING, ENCODER_DISTILLATION, TOPICS = (
    "encoder/1_data.py",
    "encoder/2_finetune.py",
    "encoder/3_quantization.py",
    "encoder/4_pruning.py",
    "encoder/5_distillation.py",
    "encoder/6_topics.py",
)
ASKING = "ask.py"  # not a stage: what it writes, students and rivals hear if it is there
DEFAULT_FOLDER = "artifacts"
# Terms of the packed bags of words: on the 50,000 reviews about 44, 58, 82, 142 and 256 KB, sizes of pocket models.
PACKED = "packed_"  # begins their names, which end with the number of terms
TAUGHT = "taught_"  # the same of those that an encoder taught
PACKED_TERMS = (11_900, 16_000, 23_200, 41_600, 78_600)
NOT_REPEATED = ("artifacts", "fresh", "download")  # flags of an earlier run that a command to repeat it leaves out
REVIEWS, DESCRIPTION = "reviews.csv", "reviews.json"
UNLABELLED, OUT_OF_DOMAIN, READING, SENTENCES = "unlabelled.csv", "out_of_domain.csv", "reading.csv", "sentences.csv"
ANSWERS = "answers.npz"  # what an encoder says of sentences and texts
TOKENIZER, START = "tokenizer.json", "embedding_start.npz"
TOPIC_FILES = ("topics.json", "topics.md")
FEWER_PIECES = ("cut_vocabulary", "compact")  # rows of encoders whose vocabulary is cut
LOCK = ".lock"  # of a folder: says which stage held it last
METRICS, PROBABILITIES = ".metrics.json", ".probabilities.npz"  # endings beside every model


@dataclass(frozen=True)
class Row:
    """A model file and its place in the comparison table.

    Attributes:
        name: of the model's files, without an ending.
        suffix: ending of the model file.
        order: rows stand in the table by this number.
        technique: what the table calls it.
        complexity: of the technique, in the study's words: base, simple, medium or high.
        role: "model", "control" or "classical".
    """

    name: str
    suffix: str
    order: int
    technique: str
    complexity: str
    role: str = "model"

    @property
    def file(self) -> str:
        """Name of the model file."""
        return self.name + self.suffix


@dataclass(frozen=True)
class Stage:
    """A script of the track.

    Attributes:
        script: file name.
        reads: artifacts that must be there.
        writes: artifacts that it always writes, model files and what stands beside them aside.
        rows: models that it can make.
        usual: names of those that it makes by default; all of them if empty.
    """

    script: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    usual: tuple[str, ...] = ()

    def row(self, name: str) -> Row:
        """The row of this name."""
        return next(row for row in self.rows if row.name == name)

    @property
    def usual_rows(self) -> tuple[Row, ...]:
        """Rows that the stage makes by default."""
        return tuple(row for row in self.rows if not self.usual or row.name in self.usual)


@dataclass(frozen=True)
class Track:
    """Stages in the order in which they are run.

    Attributes:
        name: of the track.
        stages: its scripts.
        base: row that the others are compared with.
    """

    name: str
    stages: tuple[Stage, ...]
    base: Row

    def stage(self, script: str) -> Stage:
        """The stage of this script."""
        return next(stage for stage in self.stages if stage.script == script)

    @property
    def scripts(self) -> tuple[str, ...]:
        """Names of the scripts, in order."""
        return tuple(stage.script for stage in self.stages)


BASE = Row("modelo_base", ".keras", 20, "Base LSTM", "base")
_OF_BASE = (REVIEWS, DESCRIPTION, TOKENIZER, BASE.file)

LSTM = Track(
    "lstm",
    (
        Stage(PREPROCESSING, writes=(REVIEWS, DESCRIPTION)),
        Stage(BASELINE, reads=(REVIEWS, DESCRIPTION), writes=(TOKENIZER,), rows=(BASE,)),
        Stage(
            CLASSICAL,
            reads=_OF_BASE,
            rows=(
                Row("classical_unigrams", ".npz", 60, "TF-IDF, 20,000 words", "simple", "classical"),
                Row("classical_pairs", ".npz", 61, "TF-IDF, 20,000 words and pairs", "simple", "classical"),
                Row("classical_many_pairs", ".npz", 62, "TF-IDF, 300,000 words and pairs", "simple", "classical"),
                Row("classical_nb", ".npz", 63, "NB-weighted, 400,000 words and pairs", "simple", "classical"),
                *(
                    Row(f"{PACKED}{terms}", ".zip", 64 + number, f"NB-weighted, {terms:,} words and pairs, packed", "simple", "classical")
                    for number, terms in enumerate(PACKED_TERMS)
                ),
                *(
                    Row(
                        f"{TAUGHT}{terms}",
                        ".zip",
                        69,
                        f"NB-weighted, {terms:,} words and pairs, taught by an encoder, packed",
                        "simple",
                        "classical",
                    )
                    for terms in PACKED_TERMS
                ),
            ),
            usual=(
                *("classical_unigrams", "classical_pairs", "classical_many_pairs", "classical_nb"),
                *(f"{PACKED}{terms}" for terms in PACKED_TERMS),
            ),
        ),
        Stage(
            QUANTIZATION,
            reads=_OF_BASE,
            rows=(
                Row("modelo_F32", ".tflite", 30, "TFLite float32 (control)", "simple", "control"),
                Row("modelo_DRQ", ".tflite", 31, "TFLite dynamic-range quantization", "medium"),
                Row("modelo_F16Q", ".tflite", 32, "TFLite float16 quantization", "medium"),
            ),
        ),
        Stage(
            PRUNING,
            reads=_OF_BASE,
            rows=(
                Row("modelo_podado", ".keras", 40, "Magnitude pruning", "simple"),
                Row("modelo_podado_DRQ", ".tflite", 41, "Magnitude pruning + dynamic range", "medium"),
            ),
        ),
        Stage(
            DISTILLATION,
            reads=_OF_BASE,
            rows=(
                Row("modelo_destilado", ".keras", 50, "Distilled student", "high"),
                Row("modelo_destilado_DRQ", ".tflite", 51, "Distilled student + dynamic range", "high"),
                Row("modelo_destilado_feature", ".keras", 52, "Distilled student, feature-based", "high"),
                Row("modelo_destilado_relation", ".keras", 53, "Distilled student, relation-based", "high"),
                Row("modelo_destilado_online", ".keras", 54, "Distilled student, mutual learning", "high"),
                Row("modelo_destilado_self", ".keras", 55, "Student taught by the control (same texts)", "high", "control"),
                Row("modelo_destilado_pseudo", ".keras", 56, "Student on the control's labels (same texts)", "high", "control"),
                Row("modelo_control", ".keras", 57, "Student without teacher (control)", "base", "control"),
                Row("modelo_profesor", ".ensemble", 59, "Teacher: base and bag of words together", "base", "control"),
            ),
            usual=("modelo_destilado", "modelo_destilado_DRQ", "modelo_control"),
        ),
        # A chain makes a row of each of its links as well: see `sentipress.pipeline.chain`.
        Stage(COMBINATION, reads=_OF_BASE, rows=(Row("pocket", ".zip", 79, "Pocket model, packed with its vocabulary", "high"),)),
    ),
    BASE,
)


_ENCODER_READS = (REVIEWS, DESCRIPTION, TOKENIZER)
_OF_ENCODER = (*_ENCODER_READS, "modelo_base.safetensors")

ENCODER = Track(
    "encoder",
    (
        Stage(ENCODER_DATA, writes=_ENCODER_READS),
        Stage(
            FINE_TUNING,
            reads=_ENCODER_READS,
            rows=(
                Row("modelo_base", ".safetensors", 20, "Fine-tuned encoder", "base"),
                Row("untrained_head", ".safetensors", 21, "The encoder with a head that was never trained", "base", "control"),
                Row("modelo_lora", ".safetensors", 22, "Fine-tuned by LoRA, merged", "base"),
                Row("labels_alone", ".safetensors", 23, "Fine-tuned on labels alone, the base's teacher (control)", "base", "control"),
            ),
            usual=("modelo_base", "untrained_head"),
        ),
        Stage(
            ENCODER_QUANTIZATION,
            reads=_OF_ENCODER,
            rows=(
                Row("modelo_F32", ".tflite", 30, "TFLite float32 (control)", "simple", "control"),
                Row("modelo_DRQ", ".tflite", 31, "TFLite dynamic-range quantization", "medium"),
                Row("modelo_4bit", ".tflite", 32, "TFLite, 4 bits in blocks of 32", "medium"),
                Row("modelo_linear_8bit", ".tflite", 33, "TFLite, 8 bits but for the embedding (control)", "medium", "control"),
                Row("modelo_ONNX", ".onnx", 34, "ONNX Runtime dynamic 8 bits (control)", "medium", "control"),
            ),
        ),
        Stage(
            ENCODER_PRUNING,
            reads=_OF_ENCODER,
            rows=(
                Row("modelo_podado_L1", ".safetensors", 40, "30 % of every linear layer to zero, no training after", "simple"),
                Row("modelo_podado", ".safetensors", 41, "30 % of every linear layer to zero, then trained", "simple"),
                Row("modelo_podado_DRQ", ".tflite", 42, "30 % of every linear layer to zero + dynamic range", "medium"),
                Row("cut_vocabulary", ".tflite", 43, "Vocabulary cut, 8 bits", "medium"),
                Row("cut_layers", ".tflite", 44, "Layers dropped, then trained, 8 bits", "medium"),
                Row("cut_heads", ".tflite", 45, "Heads and columns removed, then trained, 8 bits", "medium"),
            ),
        ),
        Stage(
            ENCODER_DISTILLATION,
            reads=_OF_ENCODER,
            rows=(
                Row("modelo_destilado", ".safetensors", 50, "Student with copied layers", "high"),
                Row("modelo_destilado_DRQ", ".tflite", 51, "Student with copied layers, 8 bits", "high"),
                Row("compact", ".tflite", 52, "Student with copied layers and few pieces, 4 bits in blocks of 32", "high"),
                Row("modelo_control", ".safetensors", 57, "Student without teacher (control)", "base", "control"),
                Row("student_lstm", ".zip", 79, "LSTM student, packed with its vocabulary", "high"),
                Row("control_lstm", ".zip", 80, "LSTM without teacher (control), packed", "base", "control"),
                Row("rival_words", ".zip", 81, "NB-weighted words and pairs, packed to the LSTM's bytes", "simple", "classical"),
                Row("rival_characters", ".zip", 82, "NB-weighted characters, packed to the LSTM's bytes", "simple", "classical"),
            ),
        ),
        Stage(TOPICS, reads=_OF_ENCODER, writes=TOPIC_FILES),
    ),
    Row("modelo_base", ".safetensors", 20, "Fine-tuned encoder", "base"),
)
TRACKS = (LSTM, ENCODER)


def script_name(path: Path) -> str:
    """Name of a script as the stages call it: with its folder if that is the encoder's."""
    return f"{ENCODER.name}/{path.name}" if path.parent.name == ENCODER.name else path.name


def track_of(script: str) -> Track:
    """The track that a script belongs to; the LSTM's for one of none."""
    return next((track for track in TRACKS if script in track.scripts), LSTM)


def made_by(folder: Path | str) -> str:
    """The script that made the texts of a folder, as reviews.json says; "" where nothing says so."""
    try:
        content = json.loads(Path(folder, DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    stage = content.get("stage") if isinstance(content, dict) else None
    return stage if isinstance(stage, str) else ""


def track_in(folder: Path | str) -> Track:
    """The track whose texts a folder holds; without texts the one that worked there last, for a new folder the LSTM's."""
    stage = made_by(folder)
    if not stage:
        try:
            stage = Path(folder, LOCK).read_text(encoding="utf-8").partition(" ")[0]
        except (OSError, UnicodeDecodeError):
            stage = ""
    return track_of(stage)


def prepare(folder: Path | str) -> str:
    """The remedy "run <command of the first stage>", of the track that works in a folder."""
    return run(track_in(folder).scripts[0], folder)


def packed_terms(row: Row) -> int:
    """Terms of a packed bag of words."""
    return int(row.name.removeprefix(PACKED).removeprefix(TAUGHT))


def command(stage: str, folder: Path | str, flags: Mapping[str, Any] | None = None) -> str:
    """Command line of a stage on an artifacts folder, with the flags (lower-case name to value) of an earlier run."""
    return shlex.join(["python", *words(stage, folder, flags)])


def words(stage: str, folder: Path | str, flags: Mapping[str, Any] | None = None) -> list[str]:
    """Words of that command line after the interpreter's name."""
    line = [stage]
    if str(folder) != DEFAULT_FOLDER:
        line += ["--artifacts", str(folder)]
    for name, value in (flags or {}).items():
        flag = name.replace("_", "-")
        if name not in NOT_REPEATED:
            line += [f"--{flag}" if value else f"--no-{flag}"] if isinstance(value, bool) else [f"--{flag}", str(value)]
    return line


def run(stage: str, folder: Path | str) -> str:
    """The remedy "run <command>"."""
    return f"run {command(stage, folder)}"
