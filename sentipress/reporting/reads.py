"""What the metrics say of a model's reading, as columns of the table and as the report's grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sentipress.evaluation import comprehension

BEHAVIOUR = "behaviour"
EXAMPLES = 6  # cases at most that the report shows


@dataclass(frozen=True)
class Shown:
    """A behaviour case, and which models answer it rightly."""

    kind: str
    label: str
    text: str
    right: list[str]
    wrong: list[str]


def columns(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Columns that some record has something to say in, in the order of the sets."""
    return list(dict.fromkeys(name for record in records for name in cells(record)))


def cells(record: Mapping[str, Any]) -> dict[str, str]:
    """What a record says, as text by column; nothing where its model was not asked."""
    said = record.get("reading") or {}
    found = {}
    if _behaviour(record):
        found[BEHAVIOUR] = f"{comprehension.share(_behaviour(record)[comprehension.SCORING]):.1%}"
    for one in said.get("sets", []):
        for key, column in (("right", f"on {one['name']}"), ("edited", f"{one['name']}, edited"), ("both", f"{one['name']}, both")):
            if key in one:
                found[column] = f"{one[key] / one['of']:.1%}"
    return found


def grid(records: Sequence[Mapping[str, Any]], name: str = "model") -> tuple[list[str], list[dict[str, str]]]:
    """Columns and rows of the report's grid: a row for each model, a column for each kind of case and each set.

    Args:
        records: of models; those that were not asked are left out.
        name: of the column of models.
    """
    asked = [record for record in records if cells(record)]
    kinds = list(dict.fromkeys(kind for record in asked for kind in _scoring(record)))
    rows = []
    for record in asked:
        by_kind = {kind: f"{count['right']} of {count['of']}" for kind, count in _scoring(record).items()}
        rows.append({name: str(record["technique"]), **dict.fromkeys(kinds, "-"), **by_kind, **cells(record)})
    names = [name, *kinds, *columns(asked)]
    return names, [{column: row.get(column, "-") for column in names} for row in rows]


def examples(records: Sequence[Mapping[str, Any]]) -> list[Shown]:
    """Cases of the half for choosing on which the models differ most, one of a kind at first."""
    asked = [record for record in records if _behaviour(record)]
    if not asked:
        return []
    found = []
    for case in {case.group: case for case in reversed(comprehension.cases()) if case.use == comprehension.CHOOSING}.values():
        wrong = [str(record["technique"]) for record in asked if case.group in record["reading"]["wrong"]]
        right = [str(record["technique"]) for record in asked if case.group not in record["reading"]["wrong"]]
        found.append(Shown(case.kind, case.label, case.text, right, wrong))
    found.sort(key=lambda one: (abs(len(one.right) - len(one.wrong)), one.text))
    of_kind: dict[str, Shown] = {}
    for one in found:
        of_kind.setdefault(one.kind, one)
    first = list(of_kind.values())
    return (first + [one for one in found if one not in first])[:EXAMPLES]


def _behaviour(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answers to today's behaviour cases; nothing where a model was asked others, or none."""
    said = record.get("reading") or {}
    return dict(said.get("behaviour") or {}) if said.get("cases") == comprehension.version() else {}


def _scoring(record: Mapping[str, Any]) -> Mapping[str, Any]:
    return dict(_behaviour(record).get(comprehension.SCORING, {}))
