"""The report: its statistics against the libraries, its numbers the same in every format, its marks where files are bad.

Most tests read the published run of results/default, or a copy of it, and take seconds.
"""

import base64
import csv
import hashlib
import io
import json
import re
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, load_stage
from scipy import stats
from sklearn.calibration import calibration_curve
from sklearn.feature_extraction.text import TfidfVectorizer
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from sentipress.core import errors
from sentipress.data import corpus_making
from sentipress.data.stored import Spool, Table
from sentipress.data.task import SENTIMENT, Task
from sentipress.evaluation import exploration, plots, records, statistics
from sentipress.evaluation.scores import accuracy_interval, scores
from sentipress.reporting import (
    cells,
    charts,
    conclusions,
    evidence,
    excerpts,
    findings,
    pages,
    table,
    tabular,
)

RANDOM = np.random.default_rng(7)
BASE = RANDOM.random(4000) < 0.90
MODEL = np.where(RANDOM.random(4000) < 0.05, ~BASE, BASE)
PUBLISHED = ROOT / "results" / "default"
REPEATS = [PUBLISHED.with_name("seed2"), PUBLISHED.with_name("seed3")]
HOSTILE = ("""<b>"x" & 'y'</b>""", "a|b\\", "новости $1$")  # labels that no format may take as its own signs
ALIKE = ("schema", "probabilities", "missing probabilities", "shape")  # a row with such damage is for pictures the one of "json"
NUMBERS = ("1,097", "0.10", "007", "1e5", "+0.00", "-0.50", "1_000", "< 0.001", "92.29%", "nan", "0x1F", "1.50")


def save_texts(folder: Path, rows: np.ndarray, labels: np.ndarray, task: Task, words: np.ndarray) -> None:
    """Write a reviews.csv whose test texts have these rows of the source, labels and numbers of words."""
    texts = [" ".join(["<i>word|"] * count) for count in words]
    frame = pd.DataFrame({"row": rows, "split": "test", "label": labels.astype(int), "review": texts})
    about = {"task": task.as_dict(), "recipe": "default", "source": {"name": "a<b>.csv"}, "settings": {}, "flags": {}}
    corpus_making.save(Table.stored(frame), None, None, about, folder)


@pytest.fixture(scope="module")
def content():
    return evidence.collect(PUBLISHED)


@pytest.fixture(scope="module")
def with_texts(tmp_path_factory):
    """The published run with texts of its test reviews, of 1 to 500 words. By their hash all rows are stale."""
    folder = tmp_path_factory.mktemp("with_texts") / "default"
    shutil.copytree(PUBLISHED, folder, ignore=shutil.ignore_patterns("figures", "report"))
    saved = records.load_probabilities(folder, "modelo_base")
    words = np.random.default_rng(1).integers(1, 500, len(saved["test_row"]))
    save_texts(folder, saved["test_row"], saved["test_label"], SENTIMENT, words)
    return folder


@pytest.fixture(scope="module")
def written(with_texts, tmp_path_factory):
    """What report.py writes for it."""
    folder = tmp_path_factory.mktemp("written")
    load_stage("report.py").main(["--artifacts", str(with_texts), "--output", str(folder)])
    return folder


@pytest.fixture(scope="module")
def topics(tmp_path_factory):
    """A run on short texts with three labels whose names are hostile: a base, a smaller model, a control, a bag of words."""
    folder = tmp_path_factory.mktemp("topics")
    random, task, size = np.random.default_rng(3), Task(labels=HOSTILE), 600
    truth = random.integers(0, 3, size)
    logits = random.normal(size=(size, 3)) + 2 * np.eye(3)[truth]
    rows = np.arange(size)[::-1] * 3
    for name, noise in (("modelo_base", 0.0), ("modelo_DRQ", 0.3), ("modelo_F32", 0.0), ("classical_nb", 1.0)):
        own = np.exp(logits + noise * random.normal(size=logits.shape))
        probabilities = (own / own.sum(axis=1, keepdims=True)).astype(np.float32)
        record = records.read(PUBLISHED / f"{name}.metrics.json", "")
        record |= {"labels": list(HOSTILE), "scores": scores(truth, probabilities, task), "out_of_domain": None}
        (folder / f"{name}.metrics.json").write_text(json.dumps(record), encoding="utf-8")
        np.savez(folder / f"{name}.probabilities.npz", test=probabilities, test_row=rows, test_label=truth.astype(np.float32))
    save_texts(folder, rows, truth, task, random.integers(1, 30, size))
    return folder


@pytest.fixture(scope="module")
def of_topics(topics):
    """What that run says, and its pictures."""
    found = evidence.collect(topics)
    return found, pictures(found)


def row_of(content, name):
    return next(row for row in content.rows if row.name == name)


def pictures(content):
    """Every picture that has something to show."""
    return [picture for _, picture in charts.drawn(content)]


# Statistics


def test_wilson_interval_is_the_librarys_and_the_formulas():
    low, high = accuracy_interval(9106, 10000)
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


def test_calibration_of_several_labels_is_of_the_chosen_one():
    labels = np.array([0, 2, 1])
    probabilities = np.array([[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.1, 0.9, 0.0]])
    # Confidences 0.8, 0.5 and 0.9 in three bins: right, wrong, right.
    assert statistics.calibration(labels, probabilities)["error"] == pytest.approx((0.2 + 0.5 + 0.1) / 3)


def test_models_of_several_labels_are_compared_by_the_label_they_choose():
    task, labels = Task(labels=("a", "b", "c")), np.array([0, 1, 2, 2], np.float32)
    model = np.array([[0.4, 0.3, 0.3], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.6, 0.2, 0.2]])  # three right, none over 0.5 needed
    control = np.array([[0.4, 0.3, 0.3], [0.8, 0.1, 0.1], [0.4, 0.3, 0.3], [0.6, 0.2, 0.2]])
    found = statistics.comparison(model, control, labels, task)
    assert found["value"] == 0.5 and found["p"] == pytest.approx(0.5)
    two = statistics.comparison(np.array([0.9, 0.1]), np.array([0.2, 0.1]), np.array([1.0, 0.0]))
    assert two["value"] == 0.5


# The content


def test_rows_are_compared_with_the_base_on_the_same_reviews(with_texts):
    content = evidence.collect(with_texts)
    base, pruned = records.load_probabilities(with_texts, "modelo_base"), records.load_probabilities(with_texts, "modelo_podado")
    truth = base["test_label"] > 0.5
    right, base_right = (pruned["test"] > 0.5) == truth, (base["test"] > 0.5) == truth
    row = row_of(content, "modelo_podado")
    assert row.comparison.difference["value"] == pytest.approx(right.mean() - base_right.mean())
    assert row.comparison.p == pytest.approx(statistics.mcnemar_p(right, base_right)) and row.comparison.p <= row.comparison.p_holm
    assert row.comparison.agreement == pytest.approx(np.mean((pruned["test"] > 0.5) == (base["test"] > 0.5)))
    assert sum(group["n"] for group in row.length_groups) == len(truth) and len(row.length_groups) == 4
    assert len(row.examples) == excerpts.EXAMPLES
    for example in row.examples:
        assert example.decided != example.base_decided and example.text
        assert example.probability > 0.5 and example.base_probability > 0.5 and example.label in SENTIMENT.labels
    apart = np.where((pruned["test"] > 0.5) != (base["test"] > 0.5), np.abs(pruned["test"].astype(float) - base["test"]), 0)
    assert row.examples[0].row == base["test_row"][apart.argmax()]
    metrics = json.loads((PUBLISHED / "modelo_podado.metrics.json").read_text(encoding="utf-8"))
    assert row.deployed_bytes == metrics["size"]["bytes"] + metrics["vocabulary"]["bytes"] > metrics["size"]["bytes"]
    assert row_of(content, "pocket").deployed_bytes == (PUBLISHED / "pocket.zip").stat().st_size


def test_pareto_front(content):
    points = ((0.8, 10), (0.7, 20), (0.9, 30), (0.9, 40))
    rows = [replace(content.base, record={"scores": {"accuracy": {"value": v}}}, deployed_bytes=b) for v, b in points]
    assert [row.deployed_bytes for row in findings.pareto(rows, lambda row: row.deployed_bytes)] == [10, 30]


def test_several_seeds_give_mean_and_spread(tmp_path):
    metrics = json.loads((PUBLISHED / "modelo_DRQ.metrics.json").read_text(encoding="utf-8"))
    metrics["scores"]["accuracy"]["value"] -= 0.02
    metrics["outputs"]["modelo_DRQ.tflite"] = "of another seed"
    (tmp_path / "modelo_DRQ.metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    again = evidence.collect(PUBLISHED, [tmp_path])
    seeds = row_of(again, "modelo_DRQ").seeds
    assert seeds["n"] == 2 and seeds["mean"] == pytest.approx(metrics["scores"]["accuracy"]["value"] + 0.01)
    assert seeds["sd"] == pytest.approx(0.02 / np.sqrt(2)) and row_of(again, "modelo_base").seeds is None
    (tmp_path / "modelo_DRQ.metrics.json").write_text("{", encoding="utf-8")
    assert cells.cells(row_of(evidence.collect(PUBLISHED, [tmp_path]), "modelo_DRQ"))["note"].startswith("DAMAGED")


@pytest.mark.parametrize(
    ("words", "bounds"),
    [
        ([1, 2, 2, 3, 3], [2, 4, 8]),
        ([5] * 8 + [22] * 2, [10, 20, 40]),
        (json.loads((PUBLISHED / "eda.json").read_text(encoding="utf-8"))["word_percentiles"].values(), [100, 200, 400]),
        (
            json.loads((PUBLISHED.with_name("thesis") / "eda.json").read_text(encoding="utf-8"))["word_percentiles"].values(),
            [100, 200, 400],
        ),
        ([20_000] * 5, [100, 200, 400]),
        ([], [100, 200, 400]),
    ],
)
def test_groups_by_length_fit_the_texts(words, bounds):
    assert excerpts.length_bounds(list(words)) == bounds
    names = excerpts.length_names(bounds)
    assert len(names) == 4 and names[0] == f"under {bounds[0]} words" and names[-1] == f"{bounds[2]} and more"


@pytest.mark.parametrize(
    ("name", "shape", "outputs", "layer"),
    [
        ("embedding/embeddings", [25000, 64], 1, "embedding"),
        ("GatherV2/params#19", [25000, 64], 3, "embedding"),
        ("bilstm/forward_lstm/lstm_cell/kernel", [64, 256], 1, "LSTM kernels"),
        ("lstm/lstm_cell/recurrent_kernel", [4, 16], 4, "LSTM kernels"),
        ("while/MatMul#87", [128, 32], 1, "LSTM kernels"),
        ("tfl.pseudo_qconst1#104", [256, 64], 3, "LSTM kernels"),
        ("tfl.pseudo_qconst1#104", [3, 320], 3, "output kernel"),
        ("MatMul#8", [1, 320], 1, "output kernel"),
        ("output/kernel", [320, 50], 50, "output kernel"),
        ("output/bias", [50], 50, None),
    ],
)
def test_arrays_belong_to_layers(name, shape, outputs, layer):
    assert charts.layer_of({"name": name, "shape": shape}, outputs) == layer


# Tables as text


@pytest.mark.parametrize(
    "numbers", [NUMBERS, ("0.10", "1.50", "12"), ("007", "12"), ("1,097", "0.10"), ("1e5", "2.50"), ("+0.00", "-0.50")]
)
def test_no_table_changes_a_number(numbers):
    rows = [{"model": f"row {number}", "value": number} for number in numbers]
    plain = tabular.terminal(["model", "value"], rows, ["model"]).splitlines()
    assert [line.split("  ")[-1].strip() for line in plain[2:]] == list(numbers)
    assert len({len(line) for line in plain}) == 1  # numbers end in one column
    text = tabular.markdown(["model", "value"], rows, ["model"]).splitlines()
    assert text[1] == "|:---|---:|" and [line.split(" | ")[1].removesuffix(" |") for line in text[2:]] == list(numbers)
    latex = tabular.latex(["model", "value"], rows, ["model"], "Caption").splitlines()
    lines = [line.split(" & ")[1].removesuffix(r" \\") for line in latex if " & " in line]
    signs = {"%": r"\%", "_": r"\_", "<": r"\ensuremath{<}"}
    assert lines == ["value", *("".join(signs.get(letter, letter) for letter in number) for number in numbers)]
    read = list(csv.DictReader(io.StringIO(tabular.comma_separated(["model", "value"], rows, ["model"]))))
    assert [row["value"] for row in read] == [number.replace(",", "") for number in numbers]


def test_a_cell_cannot_leave_its_table():
    rows = [{"model": "a|b\nc", "value": "5 % ± 1"}, {"model": "", "value": ""}]
    assert tabular.markdown(["model", "value"], rows, ["model"]).splitlines()[2:] == ["| a\\|b c | 5 % ± 1 |", "| | |"]
    latex = tabular.latex(["model", "value"], rows, ["model"], "10_000 & more: 95 %")
    assert r"\caption{10\_000 \& more: 95 \%}" in latex and r"a|b c & 5 \% $\pm$ 1 \\" in latex
    assert all(line.count(" & ") == 1 for line in latex.splitlines() if line.endswith(r"\\"))
    assert "\n".join(latex.splitlines()[:1]) == r"\begin{table}" and latex.count(r"\hline") == 3


def test_the_comparison_table_keeps_its_rows(tmp_path, capsys):
    shutil.copytree(PUBLISHED, tmp_path / "copy", ignore=shutil.ignore_patterns("figures", "report", "comparison.*"))
    rows = table.make(tmp_path / "copy")
    before = list(csv.DictReader(io.StringIO((PUBLISHED / "comparison.csv").read_text(encoding="utf-8"))))
    after = list(csv.DictReader(io.StringIO((tmp_path / "copy" / "comparison.csv").read_text(encoding="utf-8"))))
    assert len(after) == len(rows) + len(table.PUBLISHED) and list(after[0]) == list(table.COLUMNS)
    assert [{name: row[name] for name in old} for row, old in zip(after, before, strict=True)] == before
    base = records.read(PUBLISHED / "modelo_base.metrics.json", "")["scores"]
    assert after[0]["macro F1"] == f"{base['macro_f1']:.4f}" and after[0]["weighted F1"] == f"{base['weighted_f1']:.4f}"
    shown = capsys.readouterr().out
    assert "Study: Base LSTM" in shown and "The study's rows are as published" in shown and "9,916 test reviews" in shown


# The pages


def test_all_formats_show_the_same_numbers(with_texts, written):
    html, text = ((written / f"report.{kind}").read_text(encoding="utf-8") for kind in ("html", "md"))
    latex = (written / "report.tex").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO((written / "report.csv").read_text(encoding="utf-8"))))
    content = evidence.collect(with_texts)
    assert [row["model"] for row in rows[:2]] == ["Base LSTM", "TFLite float32 (control)"]
    for row in content.rows:
        shown = cells.cells(row)
        for column in ("accuracy", "95 % interval", "to base, points", "F1", "macro F1", "weighted F1", "KB", "ms p50", "seeds"):
            assert f"<td>{shown[column]}</td>" in html
            assert f"| {shown[column]} |" in text and shown[column].replace("%", r"\%") in latex
        assert next(r for r in rows if r["model"] == shown["model"])["accuracy"] == shown["accuracy"]
    for sentence in findings.findings(content):
        assert f"- {sentence}" in text
    for row in content.scored:
        for group in row.length_groups:
            assert f"| {group['value']:.2%} |" in text


def test_the_page_needs_nothing_from_outside(written):
    html = (written / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"""\b(?:src|href|srcset)\s*=\s*(?!["'](?:data:|#))""", html) and "@import" not in html
    assert not re.search(r"url\((?!#)|fetch\(|XMLHttpRequest", html)
    assert html.count("<picture>") + html.count('<figure class="live">') == len(charts.PICTURES) == len(list(written.glob("*.svg")))
    assert "default-src 'none'" in html and 'name="viewport"' in html and html.startswith("<!doctype html>")
    assert len(html.encode()) < 2_000_000


def test_one_script_may_run_and_sorts_the_tables(written):
    html = (written / "report.html").read_text(encoding="utf-8")
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    allowed = re.search(r"script-src 'sha256-([^']+)'", html).group(1)
    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() == allowed and html.count("<script") == 1
    assert "aria-sort" in script and not re.search(r"\son[a-z]+=", html)
    tables = re.findall(r'<table class="sortable">.*?</table>', html, re.DOTALL)
    assert len(tables) == 3
    for table_text in tables:
        head, body = table_text.split("</thead>")
        assert head.count('<button type="button">') == head.count('<th scope="col"') == body.split("</tr>")[0].count("<td")


def test_points_have_titles_and_ids_of_their_own(content):
    html = pages.page(content, pictures(content))
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids)) and set(re.findall(r'href="#([^"]+)"', html)) <= set(ids)
    points = re.findall(r'<g id="accuracyagainstsize-(wide|narrow)-point-(\d+)" class="point" tabindex="0" role="img"><title>([^<]*)', html)
    for form in ("wide", "narrow"):
        shown = {int(number): title for one, number, title in points if one == form}
        assert sorted(shown) == list(range(len(content.scored)))
        for number, row in enumerate(content.scored):
            cell = cells.cells(row)
            assert all(cell[column] in shown[number] for column in ("model", "accuracy", "KB", "ms p50"))
            assert cell["verdict"] == "-" or shown[number].endswith(f"to the base: {cell['verdict']}")
    alone = charts.svg(charts.accuracy_against_size, content, "wide")
    assert alone.count("<title>") == len(content.scored)


def test_a_run_of_the_stages_has_a_report(run, tmp_path, capsys):
    load_stage("report.py").main(["--artifacts", str(run), "--output", str(tmp_path)])
    content, said = evidence.collect(run), capsys.readouterr().out
    assert all(sentence in said for sentence in findings.findings(content))
    assert not content.missing and all(not row.stale for row in content.scored) and len(content.scored) == len(content.rows)
    assert len(list(tmp_path.glob("*.svg"))) == len(charts.PICTURES)
    vocabulary = (run / "tokenizer.json").stat().st_size
    assert content.base.deployed_bytes == (run / "modelo_base.keras").stat().st_size + vocabulary
    assert row_of(content, "classical_pairs").deployed_bytes == (run / "classical_pairs.npz").stat().st_size


def test_texts_stay_away_where_nobody_may_pass_them_on(with_texts, tmp_path):
    load_stage("report.py").main(["--artifacts", str(with_texts), "--output", str(tmp_path), "--no-texts"])
    written = "".join(path.read_text(encoding="utf-8") for path in tmp_path.iterdir())
    assert "word|" not in written and "word\\|" not in written and "no example reviews" in written


def test_texts_are_escaped(content):
    example = excerpts.Example(1, "negative", "positive", 1.0, "negative", 1.0, "<script>|")
    row = replace(row_of(content, "modelo_DRQ"), technique="<b>|&", examples=[example])
    hostile = replace(content, rows=[row])
    html, text = pages.page(hostile, []), pages.markdown(hostile)
    assert html.count("<script") == 1 and "&lt;script&gt;" in html and "&lt;b&gt;|&amp;" in html
    assert "<b>\\|&" in text


# Several labels


def test_labels_are_escaped(of_topics):
    content, drawn = of_topics
    html, text = pages.page(content, drawn), pages.markdown(content)
    first = "&lt;b&gt;&#34;x&#34; &amp; &#39;y&#39;&lt;/b&gt;"
    assert f"<td>{first}</td>" in html and f"<p>{first} text (row " in html and f"model {first} (" in html
    assert "<b>" not in html and "a&lt;b&gt;.csv" in html and "&lt;i&gt;word" in html
    assert "| a\\|b\\\\ |" in text and "| \\<b>" in text and "| новости $1$ |" in text


def test_three_labels_go_through_every_format(topics, of_topics):
    content, drawn = of_topics
    assert content.task.labels == HOSTILE and content.noun == "texts" and content.missing == []
    probabilities = records.load_probabilities(topics, "modelo_DRQ")
    base = records.load_probabilities(topics, "modelo_base")
    right, base_right = (saved["test"].argmax(axis=1) == saved["test_label"] for saved in (probabilities, base))
    row = row_of(content, "modelo_DRQ")
    assert row.comparison.difference["value"] == pytest.approx(right.mean() - base_right.mean())
    assert row.calibration == statistics.calibration(probabilities["test_label"], probabilities["test"].astype(float))
    assert [group["name"] for group in row.length_groups] == ["under 10 words", "10 to 19", "20 to 39", "40 and more"]
    assert sum(group["n"] for group in row.length_groups) == 600 and row.length_groups[3]["value"] is None
    for example in row.examples:
        assert example.decided != example.base_decided and {example.label, example.decided, example.base_decided} <= set(HOSTILE)
    shown = cells.columns(content)
    assert "F1" not in shown and "out of domain" not in shown and {"macro F1", "weighted F1"} <= set(shown)
    html, text, latex = pages.page(content, drawn), pages.markdown(content), pages.latex(content)
    for one in content.scored:
        cell = cells.cells(one)
        assert cell["macro F1"] == f"{one.scores['macro_f1']:.4f}" and cell["weighted F1"] == f"{one.scores['weighted_f1']:.4f}"
        for column in shown:
            assert f"<td>{cell[column]}</td>" in html or column in cells.TEXTS or column.startswith("p ")
            assert f" {cell[column]} |" in text or column in cells.TEXTS
            assert cell[column].replace("%", r"\%").replace("<", r"\ensuremath{<}") in latex or column in cells.TEXTS
    for one in content.base.scores["per_label"]:
        numbers = f"{one['precision']:.2%} | {one['recall']:.2%} | {one['f1']:.4f} | {one['n']} |"
        assert numbers in text and numbers.removesuffix(" |").replace(" | ", "</td><td>") in html
    rows = list(csv.DictReader(io.StringIO(pages.comma_separated(content))))
    assert len(rows) == 4 and list(rows[0]) == list(shown)
    assert pages.figures_by_model(content)["modelo_base"]["macro_f1"] == content.base.scores["macro_f1"]


def test_only_the_studys_task_is_compared_with_the_study(topics, of_topics, content, capsys):
    others, _ = of_topics
    assert conclusions.conclusions(others) == [] and conclusions.conclusions(content)
    for write in (lambda one: pages.page(one, []), pages.markdown, pages.latex, pages.comma_separated):
        assert "Study:" in write(content) or "study" in write(content)
        assert "study" not in write(others).lower() and "Rotten Tomatoes" not in write(others)
    (sentence,) = findings.findings(others)[-1:]
    assert sentence.startswith("All rows: the most accurate model by validation is") and len(findings.findings(others)) == 2
    copy = topics / "table"
    shutil.copytree(topics, copy)
    rows = table.make(copy)
    assert "study" not in (copy / "comparison.md").read_text(encoding="utf-8").lower()
    assert len(rows) == 4 and "600 test texts" in capsys.readouterr().out


def test_pictures_of_several_labels(of_topics):
    content, all_drawn = of_topics
    drawn = {picture.title: picture.wide for picture in all_drawn}
    assert len(drawn) == len(charts.PICTURES)
    confused = drawn["Which labels are confused"]
    assert ">новости $1$</text>" in confused and "&lt;b&gt;" in confused and "<b>" not in confused
    assert f"{content.base.scores['confusion'][0][0]}" in confused
    assert "probability of the chosen label" in drawn["Are the probabilities honest?"]
    assert "Rotten" not in drawn["Accuracy by length"]


def test_many_labels_have_room(content):
    labels, base = [f"label {number}" for number in range(50)], content.base
    record = {**base.record, "labels": labels, "scores": {**base.scores, "confusion": np.eye(50, dtype=int).tolist(), "per_label": []}}
    many = evidence.Evidence("many", Task(labels=tuple(labels)), [replace(base, record=record)], [], {})
    for form in ("wide", "narrow"):
        drawn = charts.svg(charts.confusion_matrices, many, form)
        width, height = map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', drawn).groups())
        assert min(width, height) / 50 > 8 and drawn.count("label 49") == 2


# Exploration


def test_exploration_names_the_labels(tmp_path):
    task = Task(labels=("новости", "a/b", "all"))
    texts = ["привет мир )))", "мир 😀 b", "政 治 b", "b ไทย"] * 15
    frame = pd.DataFrame({"review": texts, "label": [0, 1, 2, 2] * 15})
    (tmp_path / "wordcloud_positive.png").write_bytes(b"of an earlier run")
    table = corpus_making.keyed(Table.stored(frame))
    counts = exploration.count(table, task)
    figures = exploration.explore(table.texts, counts, task)
    assert figures["per_sentiment"] == {"a/b": 15, "label all": 30, "новости": 15}
    assert figures["words"]["all"]["count"] == 60 and figures["words"]["новости"]["mean"] == 3
    written = exploration.draw(counts, figures, tmp_path, 1, task)
    names = {path.name for path in written}
    assert {"histogram_words.png", "top_tfidf.png", "wordcloud_новости.png", "wordcloud_a_b.png"} <= names
    assert {path.name for path in tmp_path.iterdir()} == names
    plots.confusion([[1, 2, 3], [4, 5, 6], [0, 0, 0]], task.labels, tmp_path / "confusion.png", "test texts")
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in (*written, tmp_path / "confusion.png"))


@pytest.mark.parametrize(("english", "options"), [(True, {"stop_words": "english"}), (False, {"analyzer": str.split})])
def test_top_words_are_the_librarys(english, options):
    texts = ["the film isn't good", "a bad film ) )", "игра и мир", "мир b film", "good мир"] * 5
    library = TfidfVectorizer(max_features=1000, **options)
    means = np.asarray(library.fit_transform(texts).mean(axis=0)).ravel()
    expected = dict(zip(library.get_feature_names_out(), means, strict=True))
    words = Counter(word for text in texts for word in text.split())
    top = exploration.top_tfidf(Spool().add(texts), words.items(), english=english)
    assert [mean for _, mean in top] == pytest.approx(sorted(expected.values(), reverse=True)[:10])
    assert all(expected[word] == pytest.approx(mean) for word, mean in top)
    assert ("и" in expected) is not english and ("the" in dict(top)) is not english


# Marks


@pytest.mark.parametrize("damage", ["json", "schema", "probabilities", "missing probabilities", "shape", "other reviews", "other labels"])
def test_a_bad_row_is_marked_and_the_others_stay(tmp_path, damage):
    copy = tmp_path / "copy"
    shutil.copytree(PUBLISHED, copy, ignore=shutil.ignore_patterns("figures", "report", "classical_*", "pocket*"))
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
    elif damage == "shape":
        with np.load(probabilities) as saved:
            np.savez(probabilities, **{**saved, "test": np.stack([saved["test"]] * 3, axis=1)})
    elif damage == "other labels":
        record = {**records.read(metrics, ""), "labels": ["bad", "good"]}
        metrics.write_text(json.dumps(record), encoding="utf-8")
    else:
        with np.load(probabilities) as saved:
            np.savez(probabilities, **{**saved, "test_row": saved["test_row"] + 1})
    marked = evidence.collect(copy)
    row = row_of(marked, name)
    mark = "STALE" if damage.startswith("other") else "DAMAGED"
    assert cells.cells(row)["note"].startswith(mark)
    assert mark in pages.markdown(marked) and mark in pages.page(marked, [])
    assert row_of(marked, "modelo_DRQ").comparison is not None and len(marked.rows) == 9
    if damage in ALIKE:  # nothing is left of the row that could be drawn, whatever has damaged it
        assert isinstance(row, evidence.DamagedRow)
        return
    for picture in charts.PICTURES:
        assert charts.svg(picture.draw, marked, "narrow") or picture.name == "lengths"


def test_a_damaged_base_spoils_no_other_row(tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(PUBLISHED, copy, ignore=shutil.ignore_patterns("figures", "report"))
    (copy / "modelo_base.probabilities.npz").write_bytes(b"")
    content = evidence.collect(copy)
    assert cells.cells(row_of(content, "modelo_base"))["note"].startswith("DAMAGED") and content.base is None
    assert len(content.scored) == len(content.rows) - 1 and all(row.comparison is None for row in content.scored)
    assert "modelo_base" in content.missing[0]


def test_without_base_or_reviews_the_report_says_so(tmp_path, capsys):
    for pattern in ("modelo_DRQ.*", "classical_pairs.*"):
        for path in PUBLISHED.glob(pattern):
            shutil.copy(path, tmp_path)
    content = evidence.collect(tmp_path)
    assert len(content.missing) == 2 and all(one.verdict == "not measured" for one in conclusions.conclusions(content))
    assert "Missing" in pages.page(content, []) and "no base" in pages.markdown(content)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert errors.exit_code(lambda: load_stage("report.py").main(["--artifacts", str(empty)])) == 2
    assert "holds no" in capsys.readouterr().err
