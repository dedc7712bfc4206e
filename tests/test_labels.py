"""Three labels in another alphabet through every stage: short Greek posts, a test file of its own, tiny models."""

import csv
import json
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, hashes, load_stage, record
from sklearn.metrics import f1_score, log_loss, roc_auc_score

from sentipress.core import cli, errors, files, folder, manifest
from sentipress.core.manifest import BASELINE, CLASSICAL, COMBINATION, DISTILLATION, PREPROCESSING, PRUNING, QUANTIZATION
from sentipress.data import corpus
from sentipress.data.answers import Answers
from sentipress.data.cleaning import clean
from sentipress.data.task import Split, Task
from sentipress.evaluation import deployment, records
from sentipress.linear.bag_of_words import LinearModel
from sentipress.pipeline import encoder_answers
from sentipress.pipeline.staleness import Staleness
from sentipress.pipeline.workspace import Workspace
from sentipress.reporting import table
from sentipress.runtimes import pocket, registry

TEXT, LABEL = "κείμενο", "γνώμη"
LABELS = ("αρνητικό", "θετικό", "ουδέτερο")
SAYINGS = {
    "θετικό": ["υπέροχο", "τέλειο", "αγαπώ", "χάρηκα", "εξαιρετικό", "μπράβο", "ωραίο", ":))))", "❤", "φανταστικό"],
    "αρνητικό": ["χάλια", "απαίσιο", "μισώ", "βαρέθηκα", "άθλιο", "ντροπή", "κακό", ":((", "θυμός", "τραγικό"],
    "ουδέτερο": ["αύριο", "ανακοίνωση", "πρόγραμμα", "ώρα", "δελτίο", "πληροφορίες", "άρθρο", "...", "σύνδεσμος", "καιρός"],
}
ANY = ["η", "ταινία", "το", "φαγητό", "αυτό", "σήμερα", "και", "στην", "πόλη", "με", "τους", "φίλους", "για", "όλα", "δεν", "ξέρω", "ΟΑΣΑ"]
QUICK = ["--latency-reviews", "10", "--no-deployment"]
TRAINED = ["--epochs", "3", "--batch-size", "16", "--learning-rate", "0.02", *QUICK]
CHAIN = "vocabulary=150,distil=4x4,factorize=3,units=3,int4,pack"
FLAGS = {
    BASELINE: [
        *("--vocabulary-size", "300", "--pairs", "20", "--sequence-length", "16", "--embedding-dim", "8", "--units", "6"),
        *("--dropout", "0.2", "--spatial-dropout", "0.1", *TRAINED),
    ],
    CLASSICAL: QUICK,
    QUANTIZATION: QUICK,
    PRUNING: TRAINED,
    DISTILLATION: ["--techniques", "response,self", "--width", "0.75", *TRAINED],
    COMBINATION: ["--chain", CHAIN, *TRAINED],
}


def posts(count, seed):
    """So many different posts with their labels; a third of the words speak for the label."""
    random = np.random.default_rng(seed)
    found: dict[str, str] = {}
    while len(found) < count:
        label = LABELS[len(found) % 3]
        words = [*random.choice(SAYINGS[label], random.integers(2, 4)), *random.choice(ANY, random.integers(3, 8))]
        found.setdefault(" ".join(random.permutation(words)).capitalize(), label)
    return list(found.items())


def written(path, rows):
    with open(path, "w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([(TEXT, "id", LABEL), *((text, number, label) for number, (text, label) in enumerate(rows))])
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The artifacts of all stages, and the rows of the test file."""
    place = tmp_path_factory.mktemp("labels")
    train, test = posts(360, 0), posts(90, 1)
    test += [test[0], test[1], ("<br />", "θετικό"), *train[:4]]  # repeated, nothing left after cleaning, copies of training texts
    columns = ["--text-column", TEXT, "--label-column", LABEL]
    sources = ["--data", str(written(place / "train.csv", train)), "--test-data", str(written(place / "test.csv", test))]
    artifacts = place / "artifacts"
    load_stage(PREPROCESSING).main(["--artifacts", str(artifacts), "--recipe", "posts", *columns, *sources])
    for script, flags in FLAGS.items():
        load_stage(script).main(["--artifacts", str(artifacts), *flags])
    load_stage("compare.py").main(["--artifacts", str(artifacts)])
    load_stage("report.py").main(["--artifacts", str(artifacts)])
    return artifacts, test


def models(artifacts):
    """Metrics of all models by name."""
    return {
        path.name.removesuffix(manifest.METRICS): json.loads(path.read_text("utf-8")) for path in artifacts.glob(f"*{manifest.METRICS}")
    }


def test_the_test_file_is_kept_whole_and_teaches_nothing(made):
    artifacts, test = made
    found = corpus.load(artifacts)
    assert found.task == Task(LABELS, TEXT, LABEL, Split("test file", None, 0.1, 1)) and found.recipe == "posts"
    assert list(found.texts("test")) == [clean(text, "posts") for text, _ in test] and "" in found.texts("test")
    assert found.labels("test").tolist() == [LABELS.index(label) for _, label in test]
    assert not set(found.texts("test")) & {*found.texts("train"), *found.texts("validation")}
    assert found.about["counts"]["copies_of_test_texts"] >= 4
    assert len(found.table) == len(test) + found.about["counts"]["kept"] - found.about["counts"]["copies_of_test_texts"]
    assert found.out_of_domain() is None and not (artifacts / manifest.OUT_OF_DOMAIN).exists()


def test_every_stage_made_every_usual_row(made):
    artifacts, _ = made
    made_names = set(models(artifacts))
    for stage in manifest.LSTM.stages:
        assert {row.name for row in stage.usual_rows} <= made_names
    links = [link.partition("=")[0] for link in CHAIN.split(",")[:-1]]
    assert {f"pocket_{number}_{link}" for number, link in enumerate(links, start=1)} <= made_names
    assert "modelo_destilado_self" in made_names


def test_probabilities_are_of_each_label_and_add_up_to_1(made):
    artifacts, test = made
    reviews = corpus.load(artifacts)
    for name, facts in models(artifacts).items():
        saved = records.load_probabilities(artifacts, name)
        assert set(saved) == {"test", "validation", "test_row", "test_label", "validation_row"}
        for split in ("test", "validation"):
            assert saved[split].shape == (len(reviews.labels(split)), 3) and saved[split].dtype == np.float32
            np.testing.assert_allclose(saved[split].sum(axis=1), 1, atol=1e-5, err_msg=name)
            assert saved[split].min() >= 0 and saved[split].std(axis=0).min() > 1e-3, name
        np.testing.assert_array_equal(saved["test_label"], reviews.labels("test"))
        assert facts["labels"] == list(LABELS) and facts["out_of_domain"] is None
        assert facts["scores"]["accuracy"]["n"] == len(test) == np.sum(facts["scores"]["confusion"])
        truth, decided = saved["test_label"].astype(int), saved["test"].argmax(axis=1)
        assert facts["scores"]["macro_f1"] == pytest.approx(f1_score(truth, decided, average="macro"))
        assert facts["scores"]["weighted_f1"] == pytest.approx(f1_score(truth, decided, average="weighted"))
        wide = saved["test"].astype(np.float64)
        wide /= wide.sum(axis=1, keepdims=True)
        assert facts["scores"]["log_loss"] == pytest.approx(log_loss(truth, np.clip(wide, 1e-7, 1)), rel=1e-3)
        assert facts["scores"]["auc"] == pytest.approx(roc_auc_score(truth, wide, multi_class="ovr"), abs=1e-6)
        assert [part["label"] for part in facts["scores"]["per_label"]] == list(LABELS)
        assert facts["validation_accuracy"] == np.mean(saved["validation"].argmax(axis=1) == reviews.labels("validation"))


def test_the_signal_is_learned_and_survives_compression(made):
    artifacts, _ = made
    accuracy = {name: facts["scores"]["accuracy"]["value"] for name, facts in models(artifacts).items()}
    assert accuracy["modelo_base"] > 0.8 and accuracy["classical_nb"] > 0.8 and accuracy["modelo_destilado"] > 0.6
    assert accuracy["modelo_F32"] == accuracy["modelo_base"] and abs(accuracy["modelo_DRQ"] - accuracy["modelo_base"]) < 0.05
    assert accuracy["pocket"] == accuracy["pocket_5_int4"] and accuracy["pocket"] > 0.45  # by chance: 0.33
    facts = models(artifacts)
    assert facts["modelo_podado"]["parameters"]["sparsity"] == pytest.approx(0.8, abs=0.05)
    assert facts["pocket_4_units"]["model"]["units"] == 3 and facts["pocket_3_factorize"]["model"]["embedding_dim"] == 3
    assert all(facts[name]["model"]["outputs"] == 3 for name in ("modelo_base", "modelo_F32", "modelo_destilado", "pocket_5_int4"))


def test_a_tflite_file_gives_what_keras_gives(made):
    artifacts, _ = made
    texts = corpus.load(artifacts).texts("test")
    base, control = (registry.open_model(artifacts / name) for name in ("modelo_base.keras", "modelo_F32.tflite"))
    assert base.task.labels == control.task.labels == LABELS
    np.testing.assert_allclose(control.predict(control.prepare(texts)), base.predict(base.prepare(texts)), atol=1e-4)
    np.testing.assert_allclose(control.predict_batch(control.prepare(texts)), base.predict_batch(base.prepare(texts)), atol=1e-4)
    saved = records.load_probabilities(artifacts, "modelo_base")["test"]
    for runtime in (base, control):
        one = runtime.predict_raw(["Υπέροχο!"])
        assert one.shape == (1, 3) and one.sum() == pytest.approx(1, abs=1e-5)
        np.testing.assert_allclose(runtime.predict(runtime.prepare(texts)), saved, atol=1e-4)


def test_small_files_name_the_labels_and_need_nothing_beside_them(made, tmp_path):
    artifacts, _ = made
    with zipfile.ZipFile(artifacts / "pocket.zip") as archive:
        about = json.loads(archive.read(pocket.METADATA))
    assert about["labels"] == list(LABELS) and about["cleaning"] == "posts"
    texts = corpus.load(artifacts).texts("test")
    packed = [row.name for row in manifest.LSTM.stage(CLASSICAL).usual_rows if row.suffix == ".zip"]
    for name in ("pocket.zip", "classical_nb.npz", "classical_unigrams.npz", *(f"{name}.zip" for name in packed)):
        alone = (tmp_path / name).write_bytes((artifacts / name).read_bytes()) and registry.open_model(tmp_path / name)
        assert alone.task.labels == LABELS and alone.cleaning == "posts"
        saved = records.load_probabilities(artifacts, name.split(".")[0])["test"]
        np.testing.assert_allclose(alone.predict(alone.prepare(texts)), saved, atol=1e-6)
    assert LinearModel.load(artifacts / "classical_nb.npz", "").link == "one-vs-rest"
    assert LinearModel.load(artifacts / "classical_unigrams.npz", "").link == "softmax"
    fresh = deployment.measure(artifacts / "pocket.zip", None, list(texts[:1]), LABELS)
    np.testing.assert_allclose(fresh["first"], records.load_probabilities(artifacts, "pocket")["test"][0], atol=1e-6)


def test_a_file_of_other_labels_is_refused(made, tmp_path, capsys):
    artifacts, _ = made
    weights = np.ones((1, 3), np.float16)
    LinearModel(("word",), weights, None, np.zeros(3, np.float32), 1, "posts", ("a", "b", "c")).save(artifacts / "strange.npz")
    try:
        facts = record(artifacts, "classical_nb")
        outputs = {
            "strange.npz": files.sha256(artifacts / "strange.npz"),
            "strange.probabilities.npz": files.sha256(artifacts / "reviews.csv"),
        }
        (artifacts / "strange.probabilities.npz").write_bytes((artifacts / "reviews.csv").read_bytes())
        facts |= {"name": "strange", "file": "strange.npz", "outputs": outputs}
        files.write_json(artifacts / "strange.metrics.json", facts)
        arguments = ["--artifacts", str(artifacts), "--teacher", "modelo_base+strange", *FLAGS[DISTILLATION]]
        assert errors.exit_code(lambda: load_stage(DISTILLATION).main(arguments)) == 2
        assert f"strange.npz has the labels a, b, c -> teach with a model of {', '.join(LABELS)}" in capsys.readouterr().err
    finally:
        for path in artifacts.glob("strange*"):
            path.unlink()


def test_tables_report_and_pictures_speak_of_the_labels(made):
    artifacts, _ = made
    assert not any(Staleness(artifacts).reasons(facts) for facts in table.load(artifacts))
    comparison = pd.read_csv(artifacts / "comparison.csv")
    assert len(comparison) == len(models(artifacts)) and not comparison["technique"].str.contains("Study").any()
    assert not comparison["note"].fillna("").str.contains("STALE|DAMAGED").any()
    for name in ("report.html", "report.md"):
        text = (artifacts / "report" / name).read_text(encoding="utf-8")
        assert all(label in text for label in LABELS), name
    report = (artifacts / "modelo_base.report.txt").read_text(encoding="utf-8")
    assert all(label in report for label in LABELS) and "macro avg" in report
    assert set(json.loads((artifacts / "eda.json").read_text(encoding="utf-8"))["per_sentiment"]) == set(LABELS)
    pictures = {path.name for path in (artifacts / "figures").iterdir()}
    assert {"modelo_base_confusion.png", "histogram_words.png", "top_tfidf.png"} <= pictures
    assert sum(name.startswith("wordcloud_") for name in pictures) == 3


@pytest.mark.parametrize("name", ["pocket.zip", "modelo_DRQ.tflite", "classical_nb.npz", "modelo_base.keras"])
def test_predict_prints_a_label(made, tmp_path, capsys, name):
    artifacts, test = made
    (tmp_path / "posts.txt").write_text("".join(f"{text}\n" for text, _ in test[:12]) + "\nhello world of words\n", encoding="utf-8")
    load_stage("predict.py").main(["--model", str(artifacts / name), "--file", str(tmp_path / "posts.txt")])
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 14 and [row[3] for row in rows[:12]] == [text for text, _ in test[:12]]
    saved = records.load_probabilities(artifacts, name.split(".")[0])["test"]
    for (label, probability, known, _), expected in zip(rows, saved[:12], strict=False):
        assert float(probability) == pytest.approx(expected.max(), abs=2e-3)  # of the label that is shown
        assert label == (LABELS[expected.argmax()] if int(known[:-1]) > 33 else "cannot judge")
    assert sum(label in LABELS for label, *_ in rows) >= 6
    assert rows[12][0] == rows[13][0] == "cannot judge" and rows[13][2] == "0%"


def test_a_terminal_gets_the_label_in_its_own_letters(made):
    artifacts, _ = made
    command = [sys.executable, "predict.py", "--model", str(artifacts / "classical_nb.npz"), "Υπέροχο, τέλειο, αγαπώ :))))"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, encoding="utf-8")
    assert shown.stdout.startswith("θετικό\t0.") and shown.stderr == ""


def test_the_same_posts_by_the_default_recipe_and_a_random_split(made, tmp_path, capsys):
    data = written(tmp_path / "posts.csv", posts(360, 0))
    arguments = ["--data", str(data), "--text-column", TEXT, "--label-column", LABEL, "--labels", "ουδέτερο,θετικό,αρνητικό"]
    load_stage(PREPROCESSING).main(["--artifacts", str(tmp_path / "default"), *arguments])
    assert "labels ουδέτερο, θετικό, αρνητικό" in capsys.readouterr().out
    found = corpus.load(tmp_path / "default")
    assert found.recipe == "default" and found.task.labels == ("ουδέτερο", "θετικό", "αρνητικό")
    assert not any(mark in text for text in found.table.texts for mark in ":)❤.") and any(
        "φανταστικό" in text for text in found.table.texts
    )
    assert len(found.texts("test")) == pytest.approx(0.2 * len(found.table), abs=1)
    for split in corpus.SPLITS:  # each has every label, in like shares
        assert np.bincount(found.labels(split).astype(int)).min() > len(found.labels(split)) / 4
    before = hashes(tmp_path / "default")
    load_stage(PREPROCESSING).main(["--artifacts", str(tmp_path / "default"), *arguments])
    assert hashes(tmp_path / "default") == before
    assert folder.about(tmp_path / "default")["task"]["text_column"] == TEXT


def test_an_encoders_answers_in_three_classes_are_heard(made, tmp_path):
    folder_ = tmp_path / "answered"
    shutil.copytree(made[0], folder_, ignore=shutil.ignore_patterns("logs", "figures", "report"))
    reviews = corpus.load(folder_)
    texts = [*reviews.texts("train"), *reviews.texts("validation")]
    logits = np.log(np.random.default_rng(0).dirichlet((1, 1, 1), len(texts)))
    about = {"name": "folder/encoder", "sha256": "0" * 64}
    Answers.of(texts, logits, LABELS, about, [files.sha256(reviews.path)]).save(folder_ / manifest.ANSWERS)
    settings = cli.settings(load_stage(COMBINATION).__file__, ["--artifacts", str(folder_)])
    teaching = encoder_answers.consult(Workspace.open(settings)[0])
    assert teaching.by_rule == 0 and teaching.answers["sentences"] == 0 and teaching.answers["reviews"] >= len(texts)
    assert teaching.logits["train"].shape == (len(reviews.texts("train")), 3)
