"""Short names of rows, and the family of models that each belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sentipress.core import manifest

LSTM, STUDENTS, POCKET, PACKED_BAGS, BAGS, TEACHER, ENCODER, WORD_STUDENTS = FAMILIES = (
    "LSTM and its compressed files",
    "students",
    "pocket chains",
    "packed bags of words",
    "uncompressed bags of words",
    "teacher",
    "encoder and its compressed files",
    "packed LSTMs",
)
_SHORT = {
    manifest.BASE.name: "base",
    "modelo_F32": "base, LiteRT",
    "modelo_DRQ": "base, 8 bits",
    "modelo_F16Q": "base, 16 bits",
    "modelo_podado": "pruned base",
    "modelo_podado_DRQ": "pruned base, 8 bits",
    "modelo_destilado": "student",
    "modelo_destilado_DRQ": "student, 8 bits",
    "modelo_destilado_feature": "student, feature-based",
    "modelo_destilado_relation": "student, relation-based",
    "modelo_destilado_online": "student, mutual learning",
    "modelo_destilado_self": "student of the control",
    "modelo_destilado_pseudo": "student on the control's labels",
    "modelo_control": "control",
    "modelo_profesor": "teacher",
    "classical_unigrams": "words",
    "classical_pairs": "words and pairs",
    "classical_many_pairs": "many pairs",
    "classical_nb": "weighted pairs",
    "untrained_head": "untrained head",
    "modelo_lora": "base by LoRA",
    "labels_alone": "labels alone",
    "modelo_4bit": "base, 4 bits",
    "modelo_linear_8bit": "base, 8 bits but for the embedding",
    "modelo_ONNX": "base, ONNX Runtime",
    "modelo_podado_L1": "base with zeros, not trained after",
    "cut_vocabulary": "fewer pieces, 8 bits",
    "cut_layers": "fewer layers, 8 bits",
    "cut_heads": "fewer heads, 8 bits",
    "compact": "compact student, 4 bits",
    "modelo_destilado_narrow": "narrow student",
    "modelo_destilado_labels_logits": "student, no hidden states",
    "modelo_destilado_logits_alone": "student, logits alone",
    "modelo_destilado_labels_hidden": "student, no logits",
    "student_lstm": "LSTM student",
    "control_lstm": "LSTM control",
    "rival_words": "packed words",
    "rival_characters": "packed characters",
}


def short_name(record: Mapping[str, Any]) -> str:
    """Name a row in a few words: by its place in the manifest, a chain by its name, a link as "pocket 2: distil".

    Packed bags of words share one name: their size tells them apart.
    """
    name = str(record["name"])
    if name.startswith(manifest.PACKED):
        return "packed bag"
    if name.startswith(manifest.TAUGHT):
        return "taught bag"
    link = re.fullmatch(r"([^_]+)_(\d+)_(.+)", name)
    if record["stage"] == manifest.COMBINATION and link:
        return f"{link[1]} {link[2]}: {link[3]}"
    layers = re.fullmatch(r"modelo_destilado_(\d+)_layers", name)
    if layers:
        return f"student of {layers[1]} layer" + "s" * (layers[1] != "1")
    return _SHORT.get(name, name)


def family(record: Mapping[str, Any]) -> str:
    """Say which of `FAMILIES` a row belongs to."""
    stage = str(record["stage"])
    if str(record["file"]).endswith(".ensemble"):
        return TEACHER
    if record["role"] == "classical":
        return PACKED_BAGS if str(record["file"]).endswith(".zip") else BAGS
    if manifest.track_of(stage) is manifest.ENCODER:
        return WORD_STUDENTS if reads_words(record) else STUDENTS if stage == manifest.ENCODER_DISTILLATION else ENCODER
    return {manifest.DISTILLATION: STUDENTS, manifest.COMBINATION: POCKET}.get(stage, LSTM)


def reads_words(record: Mapping[str, Any]) -> bool:
    """Whether a row of the encoder's track is an LSTM: it has no pretrained encoder, but was perhaps taught by one."""
    return "units" in record["model"]


def encoder(record: Mapping[str, Any]) -> str:
    """Name of the pretrained encoder that a row was made from; a dash for an LSTM, and where nothing says it."""
    if reads_words(record):
        return "-"
    found = (record.get("encoder") or {}).get("name") or record["model"].get("encoder")
    return str(found or "-")
