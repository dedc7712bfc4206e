"""Short names of rows, and the family of models that each belongs to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sentipress.core import manifest

LSTM, STUDENTS, POCKET, PACKED_BAGS, BAGS, TEACHER = FAMILIES = (
    "LSTM and its compressed files",
    "students",
    "pocket chains",
    "packed bags of words",
    "uncompressed bags of words",
    "teacher",
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
}


def short_name(record: Mapping[str, Any]) -> str:
    """Name a row in a few words: by its place in the manifest, a chain by its name, a link as "pocket 2: distil".

    Packed bags of words share one name: their size tells them apart.
    """
    name = str(record["name"])
    if name.startswith(manifest.PACKED):
        return "packed bag"
    link = re.fullmatch(r"([^_]+)_(\d+)_(.+)", name)
    if record["stage"] == manifest.COMBINATION and link:
        return f"{link[1]} {link[2]}: {link[3]}"
    return _SHORT.get(name, name)


def family(record: Mapping[str, Any]) -> str:
    """Say which of `FAMILIES` a row belongs to."""
    name, stage = str(record["name"]), str(record["stage"])
    if str(record["file"]).endswith(".ensemble"):
        return TEACHER
    if record["role"] == "classical":
        return PACKED_BAGS if name.startswith(manifest.PACKED) else BAGS
    return {manifest.DISTILLATION: STUDENTS, manifest.COMBINATION: POCKET}.get(stage, LSTM)
