"""The stages as a person runs them: in order, one alone, too early, on files of another run, killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import MODELS, ROOT, SMALL, STAGES, hashes, load_stage, record, run_stage

from sentipress.core import errors, files, folder, manifest
from sentipress.data import corpus
from sentipress.data.task import SENTIMENT_LABELS
from sentipress.evaluation import deployment, records
from sentipress.evaluation.scores import accuracy_interval
from sentipress.linear import bag_of_words
from sentipress.reporting import table
from sentipress.runtimes import keras_file, litert, pocket, registry
from sentipress.runtimes.keras_file import load_keras, predictor
from sentipress.text.tokenizer import Tokenizer


def fails(name, artifacts, capsys, *flags):
    """The one line that a stage ends with, exit code 2."""
    assert errors.exit_code(lambda: run_stage(name, artifacts, *flags)) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("error: ") and " -> " in last
    return last


def test_every_model_has_its_metrics_and_its_probabilities(run):
    assert {p.name.removesuffix(records.SUFFIX) for p in run.glob(f"*{records.SUFFIX}")} == set(MODELS)
    reviews = corpus.load(run)
    for name, suffix in MODELS.items():
        facts = record(run, name)
        saved = records.load_probabilities(run, name)
        np.testing.assert_array_equal(saved["test_row"], reviews.rows("test"))
        np.testing.assert_array_equal(saved["test_label"], reviews.labels("test"))
        right = int(((saved["test"] > 0.5) == (saved["test_label"] > 0.5)).sum())
        accuracy = facts["scores"]["accuracy"]
        assert accuracy["correct"] == right and accuracy["n"] == 300 == len(saved["test"])
        assert accuracy["low"] < accuracy["value"] == right / 300 < accuracy["high"]
        needed = [f"{name}{suffix}", *facts["model"].get("members", ()), *(["tokenizer.json"] if suffix == ".ensemble" else [])]
        assert facts["size"]["bytes"] == sum((run / file).stat().st_size for file in needed)
        assert facts["latency"]["p50_ms"] <= facts["latency"]["p95_ms"]
        assert records.changes(run, facts) == []
        assert facts["environment"]["packages"]["tensorflow"]
        assert not {"artifacts", "data"} & {*facts["settings"], *facts["flags"]}  # no machine's folders in a result


def test_the_small_models_have_learned_and_compression_keeps_it(run):
    accuracy = {name: record(run, name)["scores"]["accuracy"]["value"] for name in MODELS}
    assert accuracy["modelo_base"] > 0.7
    assert accuracy["modelo_F32"] == accuracy["modelo_base"]
    assert abs(accuracy["modelo_DRQ"] - accuracy["modelo_base"]) < 0.03
    sizes = {name: record(run, name)["size"]["bytes"] for name in MODELS}
    assert sizes["modelo_DRQ"] < sizes["modelo_F16Q"] < sizes["modelo_F32"] < sizes["modelo_base"]
    pruned = record(run, "modelo_podado")
    assert pruned["parameters"]["sparsity"] == pytest.approx(0.8, abs=0.02)
    assert pruned["size"]["gzip_bytes"] < 0.5 * record(run, "modelo_base")["size"]["gzip_bytes"]
    student, base = record(run, "modelo_destilado"), record(run, "modelo_base")
    assert student["model"]["units"] * 2 == base["model"]["units"] and student["parameters"]["total"] < 0.6 * base["parameters"]["total"]
    control = record(run, "modelo_control")
    assert control["model"] == student["model"] and control["scores"] != student["scores"]


@pytest.mark.parametrize("name", MODELS)
def test_the_shipped_bytes_give_the_scores_of_the_table(run, name):
    reviews = corpus.load(run)
    path = run / (name + MODELS[name])
    if path.suffix in (".npz", ".keras", ".tflite"):
        ids = Tokenizer.load(registry.tokenizer_of(path, ""), "").encode(reviews.texts("test"))
    if path.suffix == ".npz":
        again = bag_of_words.LinearModel.load(path, "").predict(reviews.texts("test"))
    elif path.suffix == ".ensemble":
        again = registry.open_model(path).predict(reviews.texts("test"))
    elif path.suffix == ".zip":
        again = pocket.PocketModel(path, "").predict(reviews.texts("test"))
    elif path.suffix == ".tflite":
        again = litert.LiteRTModel(path, "").predict(ids)
        assert record(run, name)["second_pass"]["different_predictions"] == 0
    else:
        again = predictor(load_keras(path, ""), bucketed=True)(ids)[:, 0]
        model, some = keras_file.KerasModel(path, ""), ids[:3]
        one = [(model.predict_one(text[np.newaxis]), model.predict_padded(text[np.newaxis])) for text in some]
        np.testing.assert_allclose(np.array(one).T, [again[:3]] * 2, atol=1e-6)  # what is timed says what is scored
    np.testing.assert_allclose(again, records.load_probabilities(run, name)["test"], atol=1e-6)


def test_unlabelled_reviews_are_no_copies_and_only_teach_students(run):
    about = folder.about(run)["unlabelled"]
    assert about["counts"] == {"reviews": 300, "empty_after_cleaning": 0, "copies_of_labelled": 20, "duplicates": 10, "kept": 270}
    reviews = corpus.load(run)
    assert len(reviews.unlabelled()) == 270 and not set(reviews.unlabelled()) & set(reviews.table.texts)
    assert record(run, "modelo_base")["unlabelled_reviews"] == 0 and "unlabelled.csv" not in record(run, "modelo_base")["inputs"]
    assert record(run, "modelo_destilado")["unlabelled_reviews"] == 270 and "unlabelled.csv" in record(run, "pocket_2_distil")["inputs"]


def test_sentences_of_another_domain_are_scored(run):
    texts, labels = corpus.load(run).out_of_domain()
    asked = int(SMALL[manifest.PREPROCESSING][1])
    assert len(texts) == asked == len(labels) and set(labels) == {0.0, 1.0} and not set(texts) & set(corpus.load(run).table.texts)
    for name in MODELS:
        saved = records.load_probabilities(run, name)
        np.testing.assert_array_equal(saved["out_of_domain_label"], labels)
        right = int(((saved["out_of_domain"] > 0.5) == (saved["out_of_domain_label"] > 0.5)).sum())
        accuracy = record(run, name)["out_of_domain"]["accuracy"]
        assert accuracy["correct"] == right and accuracy["n"] == asked


def test_a_fresh_process_gives_the_same_answer_and_its_costs(run):
    reviews = corpus.load(run)
    text = reviews.texts("test")[0]
    for name in ("modelo_DRQ", "classical_pairs"):
        costs = record(run, name)["deployment"]
        assert 0 < costs["p50_ms"] <= costs["p95_ms"] < 1000 * costs["startup_seconds"]
        assert costs["reviews_per_second"] > 10 and costs["peak_memory_bytes"] > 1e7
        tokenizer = None if name == "classical_pairs" else run / "tokenizer.json"
        fresh = deployment.measure(run / (name + MODELS[name]), tokenizer, [text], SENTIMENT_LABELS)
        assert fresh["first"] == pytest.approx(float(records.load_probabilities(run, name)["test"][0]), abs=1e-6)
    assert record(run, "modelo_DRQ")["deployment"]["peak_memory_bytes"] < 120e6  # no TensorFlow in there
    assert record(run, "modelo_base")["deployment"] is None
    with pytest.raises(RuntimeError, match="modelo_base"):
        deployment.measure(run / "modelo_base.keras", run / "reviews.json", [text], SENTIMENT_LABELS)


def test_tensorboard_reads_the_training_history(run):
    from sentipress.core.backend import tf

    history = record(run, "modelo_podado")["history"]
    (path,) = (run / "logs" / "modelo_podado").iterdir()
    events = [tf.compat.v1.Event.FromString(raw.numpy()) for raw in tf.data.TFRecordDataset(str(path))]
    found = {(event.step, value.tag): value.simple_value for event in events for value in event.summary.value}
    assert {step for step, _ in found} == {1, 2}
    for epoch in history:
        for tag in ("loss", "validation_accuracy"):
            assert found[epoch["epoch"], tag] == pytest.approx(epoch[tag], rel=1e-6)


def test_eda_and_pictures(run):
    figures = json.loads((run / "eda.json").read_text(encoding="utf-8"))
    frame = corpus.load(run).table.loaded()
    assert figures["reviews"] == len(frame) == sum(figures["per_sentiment"].values()) and figures["nulls"] == 0
    words = frame["review"].str.split().str.len()
    assert figures["words"]["all"]["mean"] == pytest.approx(words.mean()) and figures["word_percentiles"]["50"] == words.median()
    assert len(figures["top_tfidf"]) == 10 and figures["top_tfidf"][0][0] == "movie"
    pictures = {p.name for p in (run / "figures").iterdir()}
    assert {
        "histogram_words.png",
        "top_tfidf.png",
        "wordcloud_positive.png",
        "modelo_base_curves.png",
        "modelo_base_confusion.png",
    } <= pictures
    assert all((run / "figures" / p).read_bytes().startswith(b"\x89PNG") for p in pictures)


# One stage alone


def test_one_stage_again_gives_the_same_bytes(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "copy")
    before = hashes(copy)
    run_stage("2_lstm_baseline.py", copy)
    run_stage("3_quantization.py", copy)
    after = hashes(copy)
    timed = {f"{name}.metrics.json" for name in ("modelo_base", "modelo_F32", "modelo_DRQ", "modelo_F16Q")}
    assert {name for name in before if before[name] != after.get(name)} == timed
    assert not [p for p in copy.iterdir() if "checkpoint" in p.name]


def test_a_tweak_marks_what_depends_on_it(run, tmp_path, capsys):
    copy = shutil.copytree(run, tmp_path / "copy")
    assert not any("STALE" in cells["note"] for cells in table.make(copy))
    run_stage("2_lstm_baseline.py", copy, "--seed", "2", "--epochs", "1")
    notes = {cells["technique"]: cells["note"] for cells in table.make(copy)}
    assert notes.pop("Base LSTM") == ""
    assert notes.pop("TF-IDF, 20,000 words and pairs") == ""  # made from the reviews alone
    assert all("STALE" in note and "modelo_base.keras has changed" in note for note in notes.values()), notes
    assert f"python 3_quantization.py --artifacts {copy}" in notes["TFLite dynamic-range quantization"]
    capsys.readouterr()


# Errors


def test_a_stage_run_too_early_names_the_one_to_run(tmp_path, run, capsys):
    assert STAGES[0] == manifest.PREPROCESSING and STAGES[1] == manifest.BASELINE and len(STAGES) == 7
    for name in STAGES[1:]:
        assert "1_data_preprocessing.py" in fails(name, tmp_path / "nothing", capsys)
    reviews_only = tmp_path / "reviews_only"
    reviews_only.mkdir()
    for name in ("reviews.csv", "reviews.json", "out_of_domain.csv", "unlabelled.csv"):
        shutil.copy(run / name, reviews_only)
    for name in STAGES[2:]:
        assert f"2_lstm_baseline.py --artifacts {reviews_only}" in fails(name, reviews_only, capsys)
    assert not (tmp_path / "nothing").exists()
    assert "1_data_preprocessing.py" in fails("compare.py", tmp_path / "nothing", capsys)


@pytest.mark.parametrize("file", ["reviews.csv", "reviews.json", "tokenizer.json", "modelo_base.keras", "modelo_base.metrics.json"])
@pytest.mark.parametrize("damage", ["cut", "flip", "gone"])
def test_damaged_artifacts_are_refused_by_name(run, tmp_path, capsys, file, damage):
    copy = shutil.copytree(run, tmp_path / "copy")
    content = bytearray((copy / file).read_bytes())
    if damage == "gone":
        (copy / file).unlink()
    else:
        content[len(content) // 2] ^= 0xFF
        (copy / file).write_bytes(content[: len(content) // 2] if damage == "cut" else content)
    before = hashes(copy)
    message = fails("3_quantization.py", copy, capsys)
    assert file.split(".")[0] in message and "python " in message
    assert hashes(copy) == before


def test_a_tokenizer_of_another_run_is_refused(run, tmp_path, capsys):
    copy = shutil.copytree(run, tmp_path / "copy")
    content = json.loads((copy / "tokenizer.json").read_text(encoding="utf-8"))
    content["words"] = content["words"][::-1]
    (copy / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    message = fails("4_pruning.py", copy, capsys)
    assert "tokenizer.json has changed" in message and "2_lstm_baseline.py" in message


def test_the_table_marks_damage_and_goes_on(run, tmp_path, capsys):
    copy = shutil.copytree(run, tmp_path / "copy")

    def spoil(name, change):
        facts = record(copy, name)
        change(facts)
        (copy / f"{name}.metrics.json").write_text(json.dumps(facts), encoding="utf-8")

    (copy / "modelo_DRQ.metrics.json").write_text("{", encoding="utf-8")
    spoil("modelo_F16Q", lambda facts: facts.pop("latency"))
    spoil("modelo_podado", lambda facts: facts.update(schema=0))
    spoil("modelo_podado_DRQ", lambda facts: facts.update(seconds=[1]))
    spoil("modelo_control", lambda facts: facts["scores"]["accuracy"].update(value=float("nan")))
    spoil("modelo_destilado", lambda facts: facts.update(order="first"))
    rows = table.make(copy)
    assert len(rows) == len(MODELS)
    assert sum("DAMAGED" in cells["note"] for cells in rows) == 6
    assert "STALE" not in "".join(cells["note"] for cells in rows if cells["technique"] == "Base LSTM")
    with pytest.raises(errors.UserError, match="stale or damaged"):
        table.publish(copy, tmp_path / "published")
    spoil("modelo_base", lambda facts: facts.update(outputs={}))
    assert "2_lstm_baseline.py" in fails("3_quantization.py", copy, capsys)


def test_settings_of_an_earlier_stage_mark_every_row(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "copy")
    about = json.loads((copy / "reviews.json").read_text(encoding="utf-8"))
    about["settings"]["test_share"] = 0.3  # as if the constant had been 0.3 when stage 1 ran
    (copy / "reviews.json").write_text(json.dumps(about), encoding="utf-8")
    assert all("--test-share is 0.2 now, was 0.3" in cells["note"] for cells in table.make(copy))


def test_a_published_copy_shows_the_same_table(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "copy")
    rows = table.make(copy)
    table.publish(copy, tmp_path / "published")
    assert not list((tmp_path / "published").glob("*.keras")) and not list((tmp_path / "published").glob("*.tflite"))
    assert table.make(tmp_path / "published") == rows


@pytest.mark.parametrize(
    ("stage", "flags", "words"),
    [
        ("2_lstm_baseline.py", ["--epochs", "-3"], "--epochs -3 is out of bounds"),
        ("2_lstm_baseline.py", ["--units", "many"], "invalid int value"),
        ("2_lstm_baseline.py", ["--recipe", "thesis"], "cleaned by the recipe default"),
        ("2_lstm_baseline.py", ["--padding", "pre"], "needs --padding post"),
        ("4_pruning.py", ["--final-sparsity", "1.5"], "out of bounds"),
        ("4_pruning.py", ["--initial-sparsity", "0.9"], "above --final-sparsity"),
        ("4_pruning.py", ["--recipe", "thesis"], "cleaned by the recipe default"),
        ("1_data_preprocessing.py", ["--recipe", "auto"], "invalid choice: 'auto' (choose from 'default', 'thesis', 'posts')"),
        ("5_distillation.py", ["--temperature", "0"], "out of bounds"),
        ("5_distillation.py", ["--temprature", "2"], "unrecognized arguments"),
        ("5_distillation.py", ["--techniques", "response,magic"], "is not understood -> give auto, or some of response,feature,"),
        ("5_distillation.py", ["--teacher", "modelo_base+nobody"], "nobody.metrics.json is missing"),
        ("5_distillation.py", ["--student-embedding", "9"], "cannot start from word vectors of 8"),
        ("5_distillation.py", ["--defaults", "none.json"], "none.json is missing -> python 5_distillation.py --search study"),
        ("6_combination.py", ["--chain", "distil=4x4,magic"], "'magic' is unknown -> links are vocabulary, "),
        ("6_combination.py", ["--chain", "int4,distil"], "the order does not work"),
        ("6_combination.py", ["--chain", "distil,pack"], "the order does not work"),
        ("6_combination.py", ["--chain", "vocabulary=100,distil=4"], "give columns x units"),
        ("6_combination.py", ["--chain", "vocabulary=100,distil=9x4"], "have 8 columns"),
        ("6_combination.py", ["--chain", "vocabulary=100,units=99,int4"], "is no number from 1 to 8"),
        ("6_combination.py", ["--name", "modelo_base"], "cannot name a chain"),
        ("6_combination.py", ["--start", "modelo_DRQ"], "is no Keras model"),
        ("6_combination.py", ["--start", "nobody"], "nobody.metrics.json is missing"),
    ],
)
def test_absurd_flags_are_refused_before_work_starts(run, tmp_path, capsys, stage, flags, words):
    copy = shutil.copytree(run, tmp_path / "copy")
    before = hashes(copy)
    assert words in fails(stage, copy, capsys, *flags)
    assert hashes(copy) == before


def test_two_runs_at_once_and_a_full_disk(run, tmp_path, capsys, monkeypatch):
    copy = shutil.copytree(run, tmp_path / "copy")
    before = hashes(copy)
    with folder.lock(copy, "another"):
        assert "in use by another" in fails("3_quantization.py", copy, capsys)
    import errno

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "x")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert "No space left" in fails("3_quantization.py", copy, capsys)
    assert hashes(copy) == before and not list(copy.glob(f"{files.TEMPORARY}*"))


# From a terminal


def test_an_artifacts_path_that_is_a_file(tmp_path, capsys, sample_csv):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        message = fails("1_data_preprocessing.py", place, capsys, "--data", str(sample_csv))
        assert "file" in message


def test_a_killed_write_leaves_nothing_behind(tmp_path):
    left = tmp_path / "figures" / f"{files.TEMPORARY}x.png"
    left.parent.mkdir()
    left.write_bytes(b"half")
    with folder.lock(tmp_path, "test"):
        assert not left.exists()


def test_what_another_experiment_in_a_sub_folder_is_writing_stays(tmp_path):
    own = [tmp_path / place / f"{files.TEMPORARY}x" for place in (".", "figures", "logs/modelo_base")]
    others = [tmp_path / place / f"{files.TEMPORARY}x" for place in ("thesis", "thesis/figures", "thesis/logs/modelo_base")]
    for path in (*own, *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")
    with folder.lock(tmp_path / "thesis", "2_lstm_baseline.py"):
        assert not any(path.exists() for path in others) and all(path.exists() for path in own)
        for path in others:
            path.write_bytes(b"half")
        with folder.lock(tmp_path, "3_quantization.py"):  # both may work at once
            assert not any(path.exists() for path in own) and all(path.exists() for path in others)
        assert all(path.exists() for path in others)
    assert not any(path.exists() for path in others)


def terminal(*words, **options):
    return subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300, **options)


def test_an_error_is_one_line_without_a_traceback(tmp_path):
    shown = terminal("3_quantization.py", "--artifacts", str(tmp_path))
    assert shown.returncode == 2 and shown.stdout == "" and len(shown.stderr.strip().splitlines()) == 1
    assert "1_data_preprocessing.py" in shown.stderr


def test_a_killed_training_goes_on_and_loses_nothing(run, tmp_path):
    copy = shutil.copytree(run, tmp_path / "copy")
    before = hashes(copy)
    command = [
        sys.executable,
        "2_lstm_baseline.py",
        "--artifacts",
        str(copy),
        *SMALL["2_lstm_baseline.py"],
        "--epochs",
        "40",
        "--patience",
        "40",
    ]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    checkpoint = copy / ".modelo_base.checkpoint.npz"
    deadline = time.monotonic() + 120
    while not checkpoint.exists():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert hashes(copy) == before  # the earlier model is whole, with its tokenizer and metrics
    np.load(checkpoint, allow_pickle=False)["key"]


# The table


def test_interval_and_table_formats(run, tmp_path):
    from scipy.stats import binomtest

    low, high = accuracy_interval(8643, 10_000)
    expected = binomtest(8643, 10_000).proportion_ci(0.95, method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    run = shutil.copytree(run, tmp_path / "copy")
    rows = table.make(run)
    assert [cells["technique"] for cells in rows][:2] == ["Base LSTM", "TFLite float32 (control)"]
    read = pd.read_csv(run / "comparison.csv")
    assert len(read) == len(MODELS) + len(table.PUBLISHED) and [name for name in read.columns if name != "behaviour"] == list(table.COLUMNS)
    ours = read.head(len(MODELS)).astype({"parameters": int, "non-zero": int})
    assert (ours["parameters"] >= ours["non-zero"]).all()
    text = (run / "comparison.md").read_text(encoding="utf-8")
    assert text.count("\n| ") == len(MODELS) + len(table.PUBLISHED) and "86.43%" in text
    latex = (run / "comparison.tex").read_text(encoding="utf-8")
    body = [line for line in latex.splitlines() if line.endswith(r"\\")]
    assert all(line.count(" & ") == len(read.columns) - 1 for line in body) and r"\%" in latex


def test_the_thesis_recipe_runs_through(sample_csv, tmp_path):
    artifacts = tmp_path / "thesis"
    run_stage(manifest.PREPROCESSING, artifacts, "--data", str(sample_csv), "--recipe", "thesis")
    load_stage(manifest.BASELINE).main(["--artifacts", str(artifacts), "--epochs", "1", "--sequence-length", "20", "--units", "4",
                                "--embedding-dim", "4", "--latency-reviews", "10"])  # fmt: skip
    base = record(artifacts, "modelo_base")
    assert base["settings"]["recipe"] == "thesis" and base["settings"]["bidirectional"] is False and base["model"]["pooling"] == "last"
    assert base["model"]["vocabulary_size"] == 20_000 and base["settings"]["batch_size"] == 64
    assert base["deployment"]["p95_ms"] >= base["deployment"]["p50_ms"] > 0  # with Keras
    run_stage(manifest.QUANTIZATION, artifacts, "--no-deployment")
    assert record(artifacts, "modelo_DRQ")["second_pass"]["different_predictions"] == 0
    assert Path(artifacts / "modelo_DRQ.tflite").stat().st_size < Path(artifacts / "modelo_F16Q.tflite").stat().st_size
