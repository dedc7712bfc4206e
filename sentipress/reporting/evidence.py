"""Everything that the report says, as plain data: measured once here, so that table, pages and sentences agree."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from sentipress.core import manifest
from sentipress.data import corpus
from sentipress.evaluation import records, statistics
from sentipress.reporting import table
from sentipress.core.errors import UserError

BASE = "modelo_base"
LENGTHS = (0, 100, 200, 400)  # words; lower ends of the groups by review length
EXAMPLES = 3  # reviews shown per model
EXCERPT = 420  # characters of each


def collect(folder: Path, repeats: Sequence[Path] = ()) -> dict[str, Any]:
    """Read an artifacts folder, or a published copy of one, and compare every row with the base.

    Args:
        folder: with `*.metrics.json` and `*.probabilities.npz`.
        repeats: folders of the same recipe with other seeds, for mean and spread.

    Returns:
        rows (one per metrics file, the base first when there is one), `base` (its row or None), `missing` (what a
        reader should know is not there), and `texts` (whether reviews could be read).

    Raises:
        UserError: the folder holds no metrics.
    """
    found = table.load(folder)
    if not found:
        raise UserError(f"{folder} holds no *{records.SUFFIX}", manifest.run(manifest.PREPROCESSING, folder))
    texts = _texts(folder)
    checks = table.Staleness(folder)
    rows = [_row(folder, record, checks.reasons(record)) for record in found]
    base = next((row for row in rows if row["name"] == BASE and row["state"] != "damaged"), None)
    missing = [] if base else [f"{BASE}: without it no row can be compared with the base"]
    for row in rows:
        if row["state"] == "damaged":
            continue
        _add_probabilities(folder, row, base, texts)
    if base:
        _correct(rows)
    for row in rows:
        _add_repeats(row, repeats)
    if texts is None:
        missing.append("reviews.csv: no review lengths and no example reviews")
    return {"folder": folder.name, "rows": rows, "base": base, "missing": missing, "about": _about(folder)}


def _texts(folder: Path) -> tuple[dict[int, str], dict[int, int]] | None:
    """Cleaned text and number of words of each test review by its row in the source."""
    try:
        reviews = corpus.load(folder)
    except UserError:
        return None
    rows, texts = reviews.rows("test"), reviews.texts("test")
    return dict(zip(rows.tolist(), texts, strict=True)), {int(r): text.count(" ") + 1 for r, text in zip(rows, texts, strict=True)}


def _about(folder: Path) -> dict[str, Any]:
    try:
        return corpus.about(folder)
    except UserError:
        return {}


def _row(folder: Path, record: dict[str, Any], reasons: Sequence[str]) -> dict[str, Any]:
    """What one metrics file says by itself."""
    if "damaged" in record:
        return {
            "name": record["name"],
            "technique": record["technique"],
            "state": "damaged",
            "why": record["damaged"],
            "order": record["order"],
        }
    size, vocabulary = record["size"], record["vocabulary"]
    return {
        "name": record["name"],
        "order": record["order"],
        "technique": record["technique"],
        "role": record["role"],
        "state": "stale" if reasons else "current",
        "why": reasons[0] if reasons else "",
        "refresh": manifest.command(record["stage"], folder.name, record.get("flags")) if reasons else "",
        "accuracy": record["scores"]["accuracy"],
        "f1": record["scores"]["f1"],
        "auc": record["scores"]["auc"],
        "outside": record["outside"]["accuracy"],
        "model_bytes": size["bytes"],
        "bytes": size["bytes"] + vocabulary["bytes"],
        "gzip_bytes": size["gzip_bytes"] + vocabulary["gzip_bytes"],
        "model_gzip_bytes": size["gzip_bytes"],
        "parameters": record["parameters"]["total"],
        "nonzero": record["parameters"]["nonzero"],
        "arrays": record["parameters"].get("arrays", []),
        "seconds": float(sum(record["seconds"].values())),
        "latency": record["latency"],
        "deployment": record.get("deployment"),
        "history": record.get("history", []),
        "environment": record["environment"],
        "settings": record["settings"],
        "to_control": record.get("distillation", {}).get("to_control"),
        "calibration": None,
        "difference": None,
        "p": None,
        "agreement": None,
        "lengths": [],
        "examples": [],
        "seeds": None,
    }


def _add_probabilities(folder: Path, row: dict[str, Any], base: dict[str, Any] | None, texts: Any) -> None:
    """What the saved probabilities add: calibration, lengths and, against the base, difference, test and examples."""
    try:
        saved = records.load_probabilities(folder, row["name"])
        labels, probabilities, places = saved["test_label"], saved["test"].astype(np.float64), saved["test_row"]
        reference = records.load_probabilities(folder, BASE) if base else None
    except Exception as error:  # zipfile, zlib and numpy raise many kinds for damaged bytes
        row["state"], row["why"] = "damaged", f"{row['name']}.probabilities.npz cannot be read ({error})"
        return
    right = (probabilities > 0.5) == (labels > 0.5)
    row["calibration"] = statistics.calibration(labels, probabilities)
    if texts:
        words = np.array([texts[1].get(int(place), 0) for place in places])
        row["lengths"] = statistics.by_group(right, np.digitize(words, LENGTHS[1:]), length_names())
    if reference is None or row["name"] == BASE:
        return
    if not np.array_equal(reference["test_row"], places):
        row["state"], row["why"] = "stale", "scored on other test reviews than the base"
        return
    theirs = reference["test"].astype(np.float64)
    base_right = (theirs > 0.5) == (labels > 0.5)
    row["difference"] = statistics.difference(right, base_right)
    row["p"] = statistics.mcnemar_p(right, base_right)
    row["agreement"] = float(np.mean((probabilities > 0.5) == (theirs > 0.5)))
    if texts:
        apart = np.where((probabilities > 0.5) != (theirs > 0.5), np.abs(probabilities - theirs), 0)
        row["examples"] = [
            {
                "row": int(places[place]),
                "label": int(labels[place]),
                "model": float(probabilities[place]),
                "base": float(theirs[place]),
                "text": _excerpt(texts[0].get(int(places[place]), "")),
            }
            for place in np.argsort(-apart, kind="stable")[:EXAMPLES]
            if apart[place] > 0
        ]


def _excerpt(text: str) -> str:
    """The end of a review, where its verdict stands."""
    return text if len(text) <= EXCERPT else "… " + text[-EXCERPT:].split(" ", 1)[-1]


def _correct(rows: Sequence[dict[str, Any]]) -> None:
    tested = [row for row in rows if row.get("p") is not None]
    for row, p in zip(tested, statistics.holm([row["p"] for row in tested]), strict=True):
        row["p_holm"] = p


def _add_repeats(row: dict[str, Any], repeats: Sequence[Path]) -> None:
    if row["state"] == "damaged" or not repeats:
        return
    values, seeds = [row["accuracy"]["value"]], [row["settings"].get("seed")]
    for folder in repeats:
        path = records.metrics_path(folder, row["name"])
        if path.is_file():
            try:
                other = records.read(path, "run the stage again")
            except UserError as error:
                row["state"], row["why"] = "damaged", error.problem
                return
            values.append(other["scores"]["accuracy"]["value"])
            seeds.append(other["settings"].get("seed"))
    if len(values) > 1:
        row["seeds"] = {**statistics.spread(values), "values": values, "seeds": seeds}


def length_names() -> list[str]:
    """Names of the groups by review length."""
    ends = [f"under {LENGTHS[1]} words", *(f"{a} to {b - 1}" for a, b in pairwise(LENGTHS[1:]))]
    return [*ends, f"{LENGTHS[-1]} and more"]


def distinguishable(row: dict[str, Any]) -> bool:
    """Whether a row's accuracy differs from the base's by McNemar's test, corrected over the rows."""
    return bool(row["p_holm"] < statistics.SIGNIFICANT)


def findings(content: dict[str, Any]) -> list[str]:
    """What the table supports, a sentence per row."""
    base = content["base"]
    if not base:
        return ["There is no base to compare with."]
    sentences = []
    for row in content["rows"]:
        if row["state"] == "damaged" or row.get("p_holm") is None:
            continue
        # A bag of words is little but vocabulary, so there the base counts with its own.
        kind = "" if row["role"] == "classical" else "model_"
        ratio = base[f"{kind}bytes"] / row[f"{kind}bytes"]
        size = (
            "as large as the base"
            if 0.97 < ratio < 1.03
            else f"{ratio:.1f} times smaller"
            if ratio > 1
            else f"{1 / ratio:.1f} times larger"
        )
        zipped = base[f"{kind}gzip_bytes"] / row[f"{kind}gzip_bytes"]
        packed = f" ({zipped:.1f} times smaller after gzip)" if zipped > max(1.0, 1.2 * ratio) else ""
        sentences.append(f"{row['technique']} is {size}{packed}; {_accuracy_sentence(row)}.")
    return sentences


def _accuracy_sentence(row: dict[str, Any]) -> str:
    gained, p = row["difference"], f"p {p_text(row['p_holm'])}"
    if not distinguishable(row):
        return f"its accuracy is not distinguishable from the base's ({_points(gained['value'])} points, {p})"
    word = "higher" if gained["value"] > 0 else "lower"
    low, high = sorted((abs(gained["low"]), abs(gained["high"])))
    return f"its accuracy is {word} by {abs(gained['value']) * 100:.2f} points ({low * 100:.2f} to {high * 100:.2f}, {p})"


def p_text(value: float) -> str:
    """A p value as people write it."""
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"


def _points(value: float) -> str:
    return f"{value * 100:+.2f}"


def conclusions(content: dict[str, Any]) -> list[dict[str, str]]:
    """The study's conclusions beside what this data says: claim, verdict ("holds", "does not hold", "undecided", "not measured"), why."""
    rows = {row["name"]: row for row in content["rows"] if row["state"] != "damaged"}
    base = content["base"]
    judged = []

    def judge(claim: str, needs: Sequence[str], decide: Any) -> None:
        absent = [name for name in needs if name not in rows or (name != BASE and rows[name].get("p_holm") is None)]
        if absent or not base:
            verdict, why = "not measured", f"no usable metrics of {', '.join(absent)}"
        else:
            verdict, why = decide(*(rows[name] for name in needs))
        judged.append({"claim": claim, "verdict": verdict, "why": why})

    def ratio(row: dict[str, Any], key: str = "model_bytes") -> float:
        return float(base[key] / row[key]) if base else 0.0

    judge(
        "Dynamic-range quantization makes the model 12 times smaller (31,578 to 2,643 KB) without loss.",
        [BASE, "modelo_DRQ"],
        lambda b, r: (
            "does not hold" if ratio(r) < 10 or distinguishable(r) else "holds",
            f"{ratio(r):.1f} times: the published base held the optimizer's state; {_accuracy_sentence(r)}",
        ),
    )
    judge(
        "The quantized model is more accurate than its base (86.57 against 86.43 %).",
        [BASE, "modelo_DRQ"],
        lambda b, r: ("holds" if distinguishable(r) and r["difference"]["value"] > 0 else "does not hold", _accuracy_sentence(r)),
    )
    judge(
        "float16 halves the model without loss.",
        [BASE, "modelo_F16Q"],
        lambda b, r: (
            "holds" if 1.8 < ratio(r) < 2.2 and not distinguishable(r) else "does not hold",
            f"{ratio(r):.1f} times smaller; {_accuracy_sentence(r)}",
        ),
    )
    judge(
        "Pruning to 80 % zeros keeps the accuracy.",
        [BASE, "modelo_podado"],
        lambda b, r: ("does not hold" if distinguishable(r) and r["difference"]["value"] < 0 else "holds", _accuracy_sentence(r)),
    )
    judge(
        "Pruning makes the model smaller (31,578 to 10,535 KB).",
        [BASE, "modelo_podado"],
        lambda b, r: (
            "holds" if ratio(r) > 1.1 else "does not hold",
            f"{ratio(r):.2f} times smaller on disk, {ratio(r, 'model_gzip_bytes'):.1f} times after gzip, where zeros show",
        ),
    )
    judge(
        "Distillation gives the most accurate model, at half the size (88.40 %).",
        [BASE, "modelo_destilado"],
        lambda b, r: (
            "holds" if distinguishable(r) and r["difference"]["value"] > 0 else "does not hold",
            f"{r['accuracy']['value']:.2%} at {1 / ratio(r):.0%} of the base's bytes; {_accuracy_sentence(r)}",
        ),
    )
    judge(
        "It is the teacher that makes the student good.",
        ["modelo_destilado", "modelo_control"],
        lambda r, c: (
            "holds" if r["to_control"] and r["to_control"]["low"] > 0 else "does not hold",
            f"taught {r['accuracy']['value']:.2%}, the same student without a teacher {c['accuracy']['value']:.2%}{_helped(r)}",
        ),
    )
    classical = [row for row in rows.values() if row["role"] == "classical" and row.get("p_holm") is not None]
    best = max(classical, key=lambda row: row["accuracy"]["value"], default=None)
    judge(
        "An LSTM is the model to start from, rather than a bag of words.",
        [BASE, best["name"] if best else "classical_*"],
        lambda b, r: (
            "undecided" if not distinguishable(r) else "does not hold" if r["difference"]["value"] > 0 else "holds",
            f"best bag of words: {r['technique']}, {r['accuracy']['value']:.2%}; {_accuracy_sentence(r)}",
        ),
    )
    return judged


def _helped(row: dict[str, Any]) -> str:
    """By how much a student is better than its control, on the same reviews."""
    gain = row["to_control"]
    if not gain:
        return ""
    value, low, high = (f"{100 * gain[key]:+.2f}" for key in ("value", "low", "high"))
    p = "< 0.001" if gain["p"] < 0.001 else f"= {gain['p']:.3f}"
    return f": {value} points ({low} to {high}, p {p})"


def pareto(rows: Sequence[dict[str, Any]], cost: Any) -> list[dict[str, Any]]:
    """Rows that no other row beats in both accuracy and cost, by rising cost (a function of a row)."""
    best, front = -1.0, []
    for row in sorted(rows, key=lambda row: (cost(row), -row["accuracy"]["value"])):
        if row["accuracy"]["value"] > best:
            best = row["accuracy"]["value"]
            front.append(row)
    return front
