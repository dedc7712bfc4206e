"""Scores against scikit-learn, and the metrics file that keeps them."""

import json

import numpy as np
import pytest
from conftest import hashes, record
from scipy.stats import binomtest
from sklearn.metrics import (
    accuracy_score,
    classification_report,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_recall_fscore_support,
    roc_auc_score,
)

from sentipress.core.errors import UserError
from sentipress.data.task import SENTIMENT, Task, verdict
from sentipress.evaluation import records, summary
from sentipress.evaluation.scores import from_confusion, scores

TASKS = {2: SENTIMENT, 3: Task(("a", "b", "c")), 5: Task(("v", "w", "x", "y", "z"))}


def drawn(task, texts=200, seed=0):
    """Labels and probabilities that are right more often than not, in the task's shape."""
    random = np.random.default_rng(seed)
    labels = random.choice(len(task.labels), texts, p=np.arange(1, len(task.labels) + 1) / sum(range(len(task.labels) + 1)))
    logits = random.normal(size=(texts, len(task.labels)))
    logits[np.arange(texts), labels] += 1
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return labels.astype(np.float32), (probabilities[:, 1] if task.binary else probabilities).astype(np.float32)


@pytest.mark.parametrize("labels", TASKS)
def test_scores_are_scikit_learns(labels):
    task = TASKS[labels]
    truth, probabilities = drawn(task)
    found = scores(truth, probabilities, task)
    table = task.table(probabilities).astype(np.float64)
    decided, numbers = table.argmax(axis=1), truth.astype(int)
    assert found["accuracy"]["value"] == accuracy_score(numbers, decided) and found["accuracy"]["correct"] == (numbers == decided).sum()
    interval = binomtest(found["accuracy"]["correct"], len(truth)).proportion_ci(0.95, method="wilson")
    assert (found["accuracy"]["low"], found["accuracy"]["high"]) == pytest.approx((interval.low, interval.high), abs=1e-9)
    assert found["confusion"] == confusion_matrix(numbers, decided).tolist()
    assert found["macro_f1"] == pytest.approx(f1_score(numbers, decided, average="macro"))
    assert found["weighted_f1"] == pytest.approx(f1_score(numbers, decided, average="weighted"))
    assert found["f1"] == pytest.approx(f1_score(numbers, decided) if task.binary else f1_score(numbers, decided, average="weighted"))
    assert found["log_loss"] == pytest.approx(log_loss(numbers, table / table.sum(axis=1, keepdims=True)), rel=1e-5)
    auc = roc_auc_score(numbers, table[:, 1]) if task.binary else roc_auc_score(numbers, table, multi_class="ovr", average="macro")
    assert found["auc"] == pytest.approx(auc, abs=1e-6)
    expected = precision_recall_fscore_support(numbers, decided)
    for number, part in enumerate(found["per_label"]):
        assert part["label"] == task.labels[number]
        values = (part["precision"], part["recall"], part["f1"], part["n"])
        assert values == pytest.approx([column[number] for column in expected])
    assert summary.report(task, truth, probabilities) == classification_report(numbers, decided, target_names=list(task.labels), digits=4)


def test_a_label_without_texts_or_never_chosen_counts_0():
    task = TASKS[3]
    truth = np.array([0, 0, 1, 1, 0], np.float32)
    probabilities = np.array([[0.8, 0.1, 0.1], [0.6, 0.3, 0.1], [0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.1, 0.0, 0.9]], np.float32)
    found = scores(truth, probabilities, task)
    assert found["auc"] is None and np.isfinite(found["log_loss"])
    decided = probabilities.argmax(axis=1)
    expected = precision_recall_fscore_support(truth.astype(int), decided, labels=[0, 1, 2], zero_division=0)
    assert [part["f1"] for part in found["per_label"]] == pytest.approx(expected[2]) and found["per_label"][2]["n"] == 0
    assert found["macro_f1"] == pytest.approx(f1_score(truth.astype(int), decided, labels=[0, 1, 2], average="macro", zero_division=0))
    assert scores(truth[:2], np.array([0.9, 0.2], np.float32), SENTIMENT)["auc"] is None
    certain = scores(np.array([0.0, 1.0]), np.array([1.0, 0.0], np.float32), SENTIMENT)  # as wrong as can be
    assert certain["log_loss"] == pytest.approx(-np.log(1e-7)) and certain["macro_f1"] == 0
    assert from_confusion([[0, 0], [0, 0]], ("a", "b"))["weighted_f1"] == 0


# What a task decides


def test_a_task_decides_like_argmax_and_a_tie_is_the_first_label():
    three = TASKS[3]
    probabilities = np.array([[0.2, 0.5, 0.3], [0.4, 0.4, 0.2], [0.1, 0.2, 0.7]])
    assert three.decide(probabilities).tolist() == [1, 0, 2] == three.decide_logits(np.log(probabilities)).tolist()
    assert three.right(probabilities, np.array([1.0, 1, 2])).tolist() == [True, False, True]
    assert SENTIMENT.decide(np.array([0.2, 0.5, 0.8])).tolist() == [0, 0, 1] == SENTIMENT.decide_logits(np.array([-1, 0, 1])).tolist()
    np.testing.assert_array_equal(SENTIMENT.table(np.array([0.25])), [[0.75, 0.25]])
    np.testing.assert_array_equal(SENTIMENT.shaped(np.array([[0.1, 9], [0.2, 9]])), [0.1, 0.2])
    np.testing.assert_array_equal(three.shaped(np.arange(8).reshape(2, 4)), [[0, 1, 2], [4, 5, 6]])  # extras of a distiller are cut
    assert (SENTIMENT.outputs, three.outputs, SENTIMENT.binary, three.is_sentiment) == (1, 3, True, False)
    assert Task.of(three.as_dict()) == three and Task.of({"labels": ["b", "a"]}).labels == ("b", "a")
    for labels in (("a",), ("a", "a"), tuple(map(str, range(51)))):
        with pytest.raises(UserError, match="different labels -> give 2 to 50"):
            Task(labels)


def test_a_verdict_needs_a_third_of_the_words():
    row = np.array([0.1, 0.7, 0.2])
    assert verdict("abc", row, 1 / 3) == "b" == verdict("abc", row, 1.0)
    assert verdict("abc", row, 0.33) == "cannot judge" == verdict("abc", row, 0.0)


# The metrics file


def older(facts):
    """A record as schema 2 had it."""
    facts = json.loads(json.dumps(facts))
    for part in (facts["scores"], facts["out_of_domain"]):
        for key in ("per_label", "macro_f1", "weighted_f1"):
            del part[key]
    del facts["labels"]
    return {**facts, "schema": 2, "outside": facts.pop("out_of_domain")}


def test_a_record_of_schema_2_is_read_as_one_of_schema_3(run, tmp_path):
    facts = record(run, "modelo_base")
    path = tmp_path / "modelo_base.metrics.json"
    path.write_text(json.dumps(older(facts)), encoding="utf-8")
    read = records.read(path, "run it again")
    assert "outside" not in read and read.keys() == facts.keys()
    for part in ("scores", "out_of_domain"):
        for key in ("macro_f1", "weighted_f1"):
            assert read[part][key] == pytest.approx(facts[part][key], rel=1e-12)
    assert {key: value for key, value in read.items() if key not in ("scores", "out_of_domain")} == {
        key: value for key, value in facts.items() if key not in ("scores", "out_of_domain")
    }
    assert json.loads(path.read_text(encoding="utf-8"))["schema"] == 2  # the file stays


def test_probabilities_of_schema_2_have_the_names_of_schema_3(run, tmp_path):
    arrays = records.load_probabilities(run, "modelo_DRQ")
    assert {"out_of_domain", "out_of_domain_label"} < set(arrays)
    np.savez(tmp_path / "m.probabilities.npz", **{name.replace("out_of_domain", "outside"): array for name, array in arrays.items()})
    again = records.load_probabilities(tmp_path, "m")
    assert again.keys() == arrays.keys() and all((again[name] == array).all() for name, array in arrays.items())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda facts: facts.pop("labels"), "lacks or garbles labels"),
        (lambda facts: facts["scores"].pop("per_label"), "lacks or garbles scores.per_label"),
        (lambda facts: facts["scores"].update(macro_f1=True), "lacks or garbles scores.macro_f1"),
        (lambda facts: facts["scores"].update(macro_f1=float("nan")), "lacks or garbles scores.macro_f1"),
        (lambda facts: facts["out_of_domain"].pop("accuracy"), "lacks or garbles out_of_domain.accuracy.value"),
        (lambda facts: facts.update(out_of_domain=[]), "lacks or garbles out_of_domain.accuracy.value"),
        (lambda facts: facts.update(outputs={}), "lacks or garbles outputs or inputs"),
        (lambda facts: facts.update(schema=1), "has schema 1, this version reads 3"),
        (lambda facts: facts.update(schema=2), "has schema 2, this version reads 3"),  # and is not what schema 2 was
    ],
)
def test_a_garbled_record_is_refused_by_what_is_wrong(run, tmp_path, change, words):
    facts = record(run, "modelo_base")
    change(facts)
    path = tmp_path / "modelo_base.metrics.json"
    path.write_text(json.dumps(facts), encoding="utf-8")
    with pytest.raises(UserError, match=words):
        records.read(path, "run it again")


def test_a_record_without_another_domain_is_whole(run, tmp_path):
    facts = {**record(run, "modelo_base"), "out_of_domain": None}
    path = tmp_path / "modelo_base.metrics.json"
    path.write_text(json.dumps(facts), encoding="utf-8")
    assert records.read(path, "")["out_of_domain"] is None
    assert hashes(tmp_path).keys() == {"modelo_base.metrics.json"}
