"""The report: its statistics against the libraries, its numbers the same in every format, its marks where files are bad."""

import csv
import io
import json
import re
import shutil

import numpy as np
import pytest
from conftest import load_stage
from scipy import stats
from sklearn.calibration import calibration_curve
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from sentipress.core import errors
from sentipress.evaluation import records, statistics
from sentipress.reporting import charts, evidence, pages

RANDOM = np.random.default_rng(7)
BASE = RANDOM.random(4000) < 0.90
MODEL = np.where(RANDOM.random(4000) < 0.05, ~BASE, BASE)


@pytest.fixture(scope="module")
def content(run):
    return evidence.collect(run)


def row_of(content, name):
    return next(row for row in content["rows"] if row["name"] == name)


# Statistics


def test_wilson_interval_is_the_librarys_and_the_formulas():
    low, high = records.accuracy_interval(9106, 10000)
    assert (low, high) == pytest.approx(proportion_confint(9106, 10000, alpha=0.05, method="wilson"))
    z, n, p = stats.norm.ppf(0.975), 10000, 0.9106
    middle, half = (p + z * z / 2 / n) / (1 + z * z / n), z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    assert (low, high) == pytest.approx((middle - half, middle + half))


def test_mcnemar_counts_only_what_one_of_the_two_gets_right():
    only_model, only_base = int((MODEL & ~BASE).sum()), int((~MODEL & BASE).sum())
    expected = mcnemar([[int((MODEL & BASE).sum()), only_model], [only_base, int((~MODEL & ~BASE).sum())]], exact=True).pvalue
    assert statistics.mcnemar_p(MODEL, BASE) == pytest.approx(expected)
    assert statistics.mcnemar_p(MODEL, BASE) == pytest.approx(stats.binomtest(only_model, only_model + only_base).pvalue)
    assert statistics.mcnemar_p(BASE, BASE) == 1.0


def test_bootstrap_is_paired_and_repeatable():
    found = statistics.difference(MODEL, BASE)
    gained = MODEL.astype(float) - BASE.astype(float)
    assert found["value"] == pytest.approx(gained.mean())
    half = 1.96 * gained.std() / np.sqrt(len(gained))  # the normal approximation of the same interval
    assert (found["low"], found["high"]) == pytest.approx((gained.mean() - half, gained.mean() + half), abs=half / 5)
    assert found == statistics.difference(MODEL, BASE)
    unpaired = np.sqrt(MODEL.var() / 4000 + BASE.var() / 4000) * 1.96
    assert found["high"] - found["low"] < 1.5 * unpaired  # knowing the pairs makes it narrower
    assert statistics.difference(BASE, BASE) == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_holm_is_the_librarys_and_never_lowers_a_p():
    values = [0.01, 0.04, 0.03, 0.5]
    assert statistics.holm(values) == pytest.approx(list(multipletests(values, method="holm")[1]))
    assert statistics.holm(values) == pytest.approx([0.04, 0.09, 0.09, 0.5]) and statistics.holm([]) == []


def test_calibration_error_by_hand_and_by_scikit_learn():
    labels, probabilities = np.array([1.0, 0, 1, 1]), np.array([0.9, 0.92, 0.1, 1.0])
    # Bins of 1/15: 0.9 and 0.92 together (one of two positive), 0.1 alone, 1.0 in the last.
    assert statistics.calibration(labels, probabilities)["error"] == pytest.approx((2 * abs(0.91 - 0.5) + abs(0.1 - 1) + 0) / 4)
    probabilities = RANDOM.random(3000)
    labels = (RANDOM.random(3000) < probabilities).astype(float)
    bins = statistics.calibration(labels, probabilities)["bins"]
    observed, predicted = calibration_curve(labels, probabilities, n_bins=statistics.BINS)
    np.testing.assert_allclose([b["observed"] for b in bins], observed)
    np.testing.assert_allclose([b["predicted"] for b in bins], predicted)


# The content


def test_rows_are_compared_with_the_base_on_the_same_reviews(run, content):
    base, drq = records.load_probabilities(run, "modelo_base"), records.load_probabilities(run, "modelo_podado")
    truth = base["test_label"] > 0.5
    right, base_right = (drq["test"] > 0.5) == truth, (base["test"] > 0.5) == truth
    row = row_of(content, "modelo_podado")
    assert row["difference"]["value"] == pytest.approx(right.mean() - base_right.mean())
    assert row["p"] == pytest.approx(statistics.mcnemar_p(right, base_right)) and row["p"] <= row["p_holm"]
    assert row["agreement"] == pytest.approx(np.mean((drq["test"] > 0.5) == (base["test"] > 0.5)))
    assert sum(group["n"] for group in row["lengths"]) == len(truth)
    for example in row["examples"]:
        assert (example["model"] > 0.5) != (example["base"] > 0.5) and example["text"]
    files = json.loads((run / "modelo_podado.metrics.json").read_text(encoding="utf-8"))
    vocabulary = (run / "tokenizer.json").stat().st_size
    assert row["bytes"] == files["size"]["bytes"] + vocabulary
    assert row_of(content, "classical_pairs")["bytes"] == (run / "classical_pairs.npz").stat().st_size


def test_sentences_and_verdicts_follow_the_figures(content):
    sentences = evidence.findings(content)
    assert len(sentences) == len([row for row in content["rows"] if row.get("p_holm") is not None])
    drq = row_of(content, "modelo_DRQ")
    assert any(f"{drq['technique']} is {content['base']['model_bytes'] / drq['model_bytes']:.1f} times smaller" in s for s in sentences)
    verdicts = {item["claim"]: item["verdict"] for item in evidence.conclusions(content)}
    assert verdicts["Dynamic-range quantization makes the model 12 times smaller (31,578 to 2,643 KB) without loss."] == "does not hold"
    assert verdicts["Pruning makes the model smaller (31,578 to 10,535 KB)."] == "does not hold"
    worse = {**drq, "p_holm": 0.001, "difference": {"value": -0.02, "low": -0.03, "high": -0.01}}
    changed = {**content, "rows": [worse if row is drq else row for row in content["rows"]]}
    assert any("lower by 2.00 points (1.00 to 3.00, p = 0.001)" in s for s in evidence.findings(changed))
    few = {**content, "rows": [row for row in content["rows"] if row["name"] != "modelo_control"]}
    assert [item["verdict"] for item in evidence.conclusions(few)].count("not measured") == 1


def test_pareto_front():
    rows = [{"accuracy": {"value": v}, "bytes": b} for v, b in ((0.8, 10), (0.7, 20), (0.9, 30), (0.9, 40))]
    assert [row["bytes"] for row in evidence.pareto(rows, lambda row: row["bytes"])] == [10, 30]


def test_several_seeds_give_mean_and_spread(run, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    facts = json.loads((run / "modelo_DRQ.metrics.json").read_text(encoding="utf-8"))
    facts["scores"]["accuracy"]["value"] -= 0.02
    facts["settings"]["seed"] = 2
    (other / "modelo_DRQ.metrics.json").write_text(json.dumps(facts), encoding="utf-8")
    again = evidence.collect(run, [other])
    seeds = row_of(again, "modelo_DRQ")["seeds"]
    assert seeds["n"] == 2 and seeds["mean"] == pytest.approx(facts["scores"]["accuracy"]["value"] + 0.01)
    assert seeds["sd"] == pytest.approx(0.02 / np.sqrt(2)) and row_of(again, "modelo_base")["seeds"] is None


# The pages


def test_all_formats_show_the_same_numbers(run, tmp_path):
    load_stage("report.py").main(["--artifacts", str(run), "--output", str(tmp_path)])
    html, text = ((tmp_path / f"report.{kind}").read_text(encoding="utf-8") for kind in ("html", "md"))
    latex = (tmp_path / "report.tex").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "report.csv").read_text(encoding="utf-8"))))
    assert [row["model"] for row in rows[:2]] == ["Base LSTM", "TFLite float32 (control)"]
    for row in evidence.collect(run)["rows"]:
        cells = pages.cells(row)
        for column in ("accuracy", "95 % interval", "to base, points", "KB", "ms p50", "seeds"):
            assert f"<dd>{cells[column]}</dd>" in html or f"<td>{cells[column]}</td>" in html
            assert f"| {cells[column]} |" in text and cells[column].replace("%", r"\%") in latex
        assert next(r for r in rows if r["model"] == cells["model"])["accuracy"] == cells["accuracy"]
    for sentence in evidence.findings(evidence.collect(run)):
        assert f"- {sentence}" in text


def test_the_page_needs_nothing_from_outside(run, tmp_path):
    load_stage("report.py").main(["--artifacts", str(run), "--output", str(tmp_path)])
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"""\b(?:src|href|srcset)\s*=\s*(?!["']data:)""", html) and "<script" not in html and "@import" not in html
    assert html.count("<picture>") == len(charts.FIGURES) == len(list(tmp_path.glob("*.svg")))
    assert "default-src 'none'" in html and 'name="viewport"' in html


def test_texts_are_escaped(content):
    row = {
        **row_of(content, "modelo_DRQ"),
        "technique": "<b>|&",
        "examples": [{"row": 1, "label": 0, "model": 1, "base": 0, "text": "<script>|"}],
    }
    hostile = {**content, "rows": [row]}
    html, text = pages.page(hostile, []), pages.markdown(hostile)
    assert "<script" not in html and "&lt;script&gt;" in html and "&lt;b&gt;|&amp;" in html
    assert "<b>\\|&" in text


# Marks


@pytest.mark.parametrize("damage", ["json", "schema", "probabilities", "missing probabilities", "other reviews"])
def test_a_bad_row_is_marked_and_the_others_stay(run, tmp_path, damage):
    copy = tmp_path / "copy"
    shutil.copytree(run, copy, ignore=shutil.ignore_patterns("logs", "figures", "report"))
    name = "modelo_F16Q"
    metrics, probabilities = copy / f"{name}.metrics.json", copy / f"{name}.probabilities.npz"
    if damage == "json":
        metrics.write_text("{", encoding="utf-8")
    elif damage == "schema":
        metrics.write_text('{"schema": 1}', encoding="utf-8")
    elif damage == "probabilities":
        probabilities.write_bytes(probabilities.read_bytes()[:-50])
    elif damage == "missing probabilities":
        probabilities.unlink()
    else:
        with np.load(probabilities) as saved:
            np.savez(probabilities, **{**saved, "test_row": saved["test_row"] + 1})
    content = evidence.collect(copy)
    row = row_of(content, name)
    mark = "STALE" if damage == "other reviews" else "DAMAGED"
    assert pages.cells(row)["note"].startswith(mark)
    assert mark in pages.markdown(content) and mark in pages.page(content, [])
    assert row_of(content, "modelo_DRQ")["p_holm"] is not None and len(content["rows"]) == len(evidence.collect(run)["rows"])
    for _, _, draw in charts.FIGURES:
        assert charts.svg(draw, content["rows"], "narrow")


@pytest.mark.parametrize("form", ["wide", "narrow"])
def test_a_legend_of_many_rows_is_whole(run, form):
    rows = evidence.collect(run)["rows"]
    many = [{**row, "technique": f"{row['technique']} {number}"} for number in range(4) for row in rows]
    heights, lines = [], []
    for shown in (rows, many):
        drawn = charts.svg(charts.accuracy_against_size, shown, form)
        heights.append(float(re.search(r'viewBox="0 0 [\d.]+ ([\d.]+)"', drawn).group(1)))
        lines.append([float(y) for y in re.findall(r'<text[^>]* y="([\d.-]+)"', drawn)])
    assert heights[1] > heights[0] and len(lines[1]) > len(lines[0])
    assert min(lines[1]) > 0 and max(lines[1]) < heights[1]


def test_without_base_or_reviews_the_report_says_so(run, tmp_path, capsys):
    for pattern in ("modelo_DRQ.*", "classical_pairs.*"):
        for path in run.glob(pattern):
            shutil.copy(path, tmp_path)
    content = evidence.collect(tmp_path)
    assert len(content["missing"]) == 2 and all(item["verdict"] == "not measured" for item in evidence.conclusions(content))
    assert "Missing" in pages.page(content, []) and "no base" in pages.markdown(content)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert errors.exit_code(lambda: load_stage("report.py").main(["--artifacts", str(empty)])) == 2
    assert "holds no" in capsys.readouterr().err
