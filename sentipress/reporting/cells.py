"""The report's tables as text: which columns there are, what they mean, and the cells of each row."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from sentipress.evaluation.latency import comparable
from sentipress.reporting import naming
from sentipress.reporting.comparing import Comparison
from sentipress.reporting.evidence import DamagedRow, Evidence, ScoredRow
from sentipress.reporting.questions import Question
from sentipress.reporting.wording import MARGIN, measured, p_cell, points_with_interval

COLUMNS = (
    "model",
    "encoder",
    "accuracy",
    "95 % interval",
    "to base, points",
    "verdict",
    "p (Holm)",
    "p no worse (Holm)",
    "over seeds, points",
    "verdict over seeds",
    "agreement",
    "F1",
    "macro F1",
    "weighted F1",
    "AUC",
    "log loss",
    "calibration error",
    "out of domain",
    "seeds",
    "KB",
    "KB gzip",
    "parameters",
    "non-zero",
    "training s",
    "start-up s",
    "peak MB",
    "ms p50",
    "ms p95",
    "per second",
    "ms in turns",
    "ms padded",
    "time to base",
    "note",
)
TURNS = ("ms in turns", "ms padded", "time to base")
FRESH = ("start-up s", "peak MB", "ms p50", "ms p95", "per second")  # measured in a fresh process
MAIN = ("model", "accuracy", "to base, points", "verdict", "KB", "KB gzip", "ms p50", "note")  # of the first table
PHONE = ("model", "accuracy", "verdict", "KB")  # those that a phone shows
TEXTS = ("model", "encoder", "verdict", "verdict over seeds", "note")  # columns that hold no numbers
FIRST_COST = "KB"  # the first column on what a model costs; those before say how good it is
LABEL_COLUMNS = ("label", "precision", "recall", "F1", "n")
ONCE, SEVERAL = ("points", "p", "verdict"), ("seeds", "over seeds, points", "p over seeds", "verdict over seeds")
QUESTION_COLUMNS = ("question", "model", "against", *ONCE, *SEVERAL)
QUESTION_TEXTS = ("question", "model", "against", "verdict", "verdict over seeds")
_TIMED = "; at its own length, but for an encoder's .tflite file by the shortest of its signatures that holds it; all on one thread"
NOTES = {"control": "control", "classical": "bag of words"}  # by role


def columns(content: Evidence) -> tuple[str, ...]:
    """Choose the table's columns, of `COLUMNS`: those that some row has something to say in.

    With more than two labels F1 would be the weighted F1 again.
    """
    scored = content.scored
    left_out = set() if content.task.binary else {"F1"}
    if not any(row.out_of_domain for row in scored):
        left_out.add("out of domain")
    if not any(row.over_seeds for row in scored):
        left_out |= {"over seeds, points", "verdict over seeds"}
    if not any(comparable(row.record["latency"]) for row in scored):
        left_out |= set(TURNS)
    if not content.of_encoders:
        left_out |= {"encoder", "log loss"}
    elif not any(row.deployment for row in scored):
        left_out |= set(FRESH)
    return tuple(name for name in COLUMNS if name not in left_out)


def main(content: Evidence) -> list[str]:
    """The columns of the first table: `MAIN`; where no model was run in a fresh process, its time in turns with the base."""
    shown = columns(content)
    return [name for one in MAIN if (name := one if one in shown else {"ms p50": "ms in turns"}.get(one, "")) in shown]


def explained(content: Evidence) -> dict[str, str]:
    """Say what the columns mean, those that need it."""
    noun, two = content.noun, content.task.binary
    one = noun.removesuffix("s")
    chains = "" if content.of_encoders else ", or of one chain of stage 6"
    families = f"for the rows of one stage{chains} (Holm); controls and rows that decide as the base are not counted"
    meanings = {
        "encoder": "the pretrained network that a model was made from",
        "accuracy": f"share of right predictions on the test {noun}, with the bytes on disk",
        "95 % interval": "Wilson's",
        "to base, points": f"accuracy minus the base's on the same {noun}, 95 % interval by paired bootstrap (2,000 resamples)",
        "verdict": f"“no worse”: a loss of {MARGIN} or more is ruled out. “worse”: there is a loss. “undecided”: these {noun} show neither",
        "p (Holm)": f"McNemar's exact test against the base, corrected {families}",
        "p no worse (Holm)": f"one-sided paired t test against a loss of {MARGIN} or more, corrected likewise",
        "over seeds, points": "the difference to the base over several trainings, seeds and texts both being samples",
        "agreement": f"share of test {noun} on which model and base say the same",
        "F1": f"of the label {content.task.labels[-1]}",
        "macro F1": "mean of the labels' F1, each counting the same",
        "weighted F1": f"mean of the labels' F1, each counting by its {noun}",
        "AUC": "area under the ROC curve" + ("" if two else ", mean over the labels, each against the rest"),
        "calibration error": "mean distance of "
        + ("predicted probability and observed share" if two else "the chosen label's probability and the share labelled rightly")
        + " over 15 bins",
        "log loss": f"mean cross-entropy in nats; who guesses among the {len(content.task.labels)} labels has {_guessing(content):.3f}",
        "out of domain": f"accuracy on the {content.elsewhere}, which no model was trained on",
        "seeds": "mean ± standard deviation over several seeds of training, same split",
        "KB": "everything a deployment needs, model and vocabulary; 1 KB is 1,024 bytes",
        "start-up s": "from the start of a fresh process to the first probability, interpreter and imports included",
        "peak MB": "most memory of that process until then",
        "ms p50": f"one {one}, text to probability, in that process on one thread: median, and its spread over several processes where "
        "they were run; p95 beside it",
        "per second": f"{noun} a second in batches of 64, same process",
        "ms in turns": f"one {one} in turns with the base: median and its spread" + (_TIMED if content.of_encoders else ""),
        "ms padded": f"the same with every {one} filled up to the longest length",
        "time to base": "time in turns divided by the base's, with its spread",
    }
    shown = columns(content)
    return {name: meaning for name, meaning in meanings.items() if name in shown}


def _guessing(content: Evidence) -> float:
    """Loss of one who gives every label the same probability."""
    return math.log(len(content.task.labels))


def all_cells(content: Evidence) -> list[dict[str, str]]:
    """Write every row as text by column; for a study's task its published rows follow."""
    return [*(cells(row) for row in content.rows), *published_cells(content)]


def cells(row: ScoredRow | DamagedRow) -> dict[str, str]:
    """Write a row as text by column. What is not known is a dash, what is wrong is in the note."""
    if isinstance(row, DamagedRow):
        return {**dict.fromkeys(COLUMNS, "-"), "model": row.technique, "note": f"DAMAGED: {row.reason}"}
    parameters = row.record["parameters"]
    stale = f"STALE ({row.stale})" + (f": {row.refresh}" if row.refresh else "")
    return {
        "model": row.technique,
        "encoder": naming.encoder(row.record),
        **_quality(row),
        "KB": f"{row.deployed_bytes / 1024:,.0f}",
        "KB gzip": f"{row.deployed_gzip_bytes / 1024:,.0f}",
        "parameters": f"{parameters['total']:,}",
        "non-zero": f"{parameters['nonzero']:,}",
        "training s": f"{row.seconds:,.0f}",
        **_times(row.deployment, row.record["latency"]),
        "note": stale if row.stale else NOTES.get(row.role, ""),
    }


def _quality(row: ScoredRow) -> dict[str, str]:
    """The cells that say how good a row is."""
    accuracy, scores, seeds = row.accuracy, row.scores, row.seeds
    return {
        "accuracy": f"{accuracy['value']:.2%}",
        "95 % interval": f"{accuracy['low']:.2%} to {accuracy['high']:.2%}",
        **_compared(row.comparison),
        "over seeds, points": points_with_interval(row.over_seeds) if row.over_seeds else "-",
        "verdict over seeds": row.over_seeds.verdict if row.over_seeds else "-",
        "F1": _number(scores["f1"], 4),
        "macro F1": _number(scores["macro_f1"], 4),
        "weighted F1": _number(scores["weighted_f1"], 4),
        "AUC": _number(scores.get("auc"), 4),
        "log loss": _number(scores.get("log_loss"), 4),
        "calibration error": _number(row.calibration["error"], 3),
        "out of domain": f"{row.out_of_domain['accuracy']['value']:.2%}" if row.out_of_domain else "-",
        "seeds": f"{seeds['mean']:.2%} ± {seeds['sd'] * 100:.2f} (n = {seeds['n']})" if seeds else "-",
    }


def _compared(compared: Comparison | None) -> dict[str, str]:
    """The cells of a row's comparison with the base."""
    if not compared:
        return dict.fromkeys(("to base, points", "verdict", "p (Holm)", "p no worse (Holm)", "agreement"), "-")
    return {
        "to base, points": points_with_interval(compared),
        "verdict": compared.verdict,
        "p (Holm)": p_cell(compared.p_holm),
        "p no worse (Holm)": p_cell(compared.p_no_worse_holm),
        "agreement": f"{compared.agreement:.2%}",
    }


def _times(deployed: Mapping[str, Any], turns: Mapping[str, Any]) -> dict[str, str]:
    """The cells on time and memory; files of earlier versions lack some fields."""
    memory = deployed.get("peak_memory_bytes")
    known = comparable(turns)
    return {
        "start-up s": measured(deployed.get("startup_seconds")),
        "peak MB": _number(memory / 1e6 if memory else None, 0),
        "ms p50": measured(deployed.get("p50_ms"), deployed.get("p50_low_ms"), deployed.get("p50_high_ms")),
        "ms p95": measured(deployed.get("p95_ms")),
        "per second": measured(deployed.get("reviews_per_second")),
        "ms in turns": measured(turns["p50_ms"], turns["p50_low_ms"], turns["p50_high_ms"]) if known else "-",
        "ms padded": measured(turns["padded_p50_ms"]) if known else "-",
        "time to base": measured(turns["ratio_to_base"], turns["ratio_low"], turns["ratio_high"]) if known else "-",
    }


def published_cells(content: Evidence) -> list[dict[str, str]]:
    """Rows of a study that may stand beside these, as it published them."""
    return [
        {
            **dict.fromkeys(COLUMNS, "-"),
            "model": row.title,
            "encoder": row.encoder or "-",
            "accuracy": "-" if row.accuracy is None else f"{row.accuracy:.2%}",
            "log loss": _number(row.log_loss, 4),
            "KB": row.size or "-",
            "parameters": row.parameters or "-",
            "non-zero": row.nonzero or "-",
            "note": row.note,
        }
        for row in content.published
    ]


def label_cells(row: ScoredRow) -> list[dict[str, str]]:
    """Write precision, recall and F1 of each label as text, by `LABEL_COLUMNS`."""
    return [
        {
            "label": one["label"],
            "precision": f"{one['precision']:.2%}",
            "recall": f"{one['recall']:.2%}",
            "F1": f"{one['f1']:.4f}",
            "n": f"{one['n']:,}",
        }
        for one in row.scores["per_label"]
    ]


def question_cells(question: Question) -> dict[str, str]:
    """Write a question and its answer as text, by `QUESTION_COLUMNS`."""
    once, seeds = question.comparison, question.over_seeds
    return {
        "question": question.text,
        "model": question.techniques[0],
        "against": question.techniques[1],
        "points": points_with_interval(once),
        "p": p_cell(once.p),
        "verdict": _answer(once),
        "seeds": str(seeds.seeds) if seeds else "1",
        "over seeds, points": points_with_interval(seeds) if seeds else "-",
        "p over seeds": p_cell(seeds.p) if seeds else "-",
        "verdict over seeds": _answer(seeds) if seeds else "-",
    }


def _answer(compared: Comparison) -> str:
    """The verdict, or "better" where there is a gain at all: that is what the questions ask for."""
    return "better" if compared.better else compared.verdict


def question_columns(content: Evidence) -> tuple[str, ...]:
    """Choose the columns of the questions: those over seeds only where there are several."""
    seeds = any(one.over_seeds for one in content.questions)
    return tuple(name for name in QUESTION_COLUMNS if seeds or name not in SEVERAL)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
