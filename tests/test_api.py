"""`sentipress.load`: the models in a program of one's own, with few packages, from several threads."""

import json
import pickle
import re
import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

import sentipress
from sentipress.data.cleaning import clean
from sentipress.data.task import KNOWN_SHARE
from sentipress.linear.bag_of_words import LinearModel
from sentipress.runtimes import packed_words, pocket, registry
from sentipress.text.tokenizer import Tokenizer

POCKET, BAG = (ROOT / "results" / "make" / name for name in ("pocket.zip", "packed_11900.zip"))
ODD = ["", " ", "<br>", "\0\ud800", "qwertz asdfgh", "It's 'good', isn't_it?", "Das ist ein schöner Film.", "x" * 100_000]


@pytest.fixture(scope="module")
def texts(sample):
    return [*sample["review"][:200], *ODD]


@pytest.fixture(scope="module")
def classifier():
    return sentipress.load(POCKET)


@pytest.mark.parametrize("path", [POCKET, BAG])
def test_answers_are_those_of_the_model_file(path, texts):
    model, runtime = sentipress.load(path), registry.open_model(path)
    answers, rows = model(texts), runtime.task.table(runtime.predict_raw(texts))
    assert model.labels == ("negative", "positive") == tuple(model.classes_)
    for text, answer, row in zip(texts, answers, rows, strict=True):
        known = runtime.known_share(clean(text, runtime.cleaning))
        assert answer.known == known and answer.score == row.max()
        assert answer.probabilities == {"negative": row[0], "positive": row[1]}
        assert answer.label == (None if known < KNOWN_SHARE else model.labels[row.argmax()])
    assert {answer.label for answer in answers} == {None, "negative", "positive"}
    np.testing.assert_array_equal(model.predict_proba(texts), rows)
    assert model.predict(texts).tolist() == [model.labels[number] for number in rows.argmax(axis=1)]


def test_one_text_has_the_answer_that_it_has_among_others(classifier, texts):
    together = classifier(texts)
    assert [classifier([text])[0] for text in texts] == together


def test_more_texts_than_are_judged_at_once(classifier, texts):
    many = (texts * 11)[:2100]
    np.testing.assert_array_equal(classifier.predict_proba(many), np.tile(classifier.predict_proba(texts), (11, 1))[:2100])


@pytest.mark.parametrize("kind", [list, tuple, iter, pd.Series, np.array])
def test_whatever_gives_texts_in_an_order_is_taken(classifier, kind):
    given = ["A fine film.", "A dull film."]
    assert classifier(kind(given)) == classifier(given)


def test_no_texts_give_no_answers(classifier):
    assert classifier([]) == [] and classifier.predict([]).shape == (0,)
    probabilities = classifier.predict_proba([])
    assert probabilities.shape == (0, 2) and probabilities.dtype == np.float32


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("A fine film.", "give a list of texts, also for a single one: model([text])"),
        (b"A fine film.", "give a list of texts, also for a single one: model([text])"),
        (["fine", None], "texts[1] is no text (str) but of the type NoneType"),
        ([float("nan")], "texts[0] is no text (str) but of the type float"),
    ],
)
def test_what_is_no_list_of_texts_is_refused(classifier, given, message):
    for method in (classifier, classifier.predict, classifier.predict_proba):
        with pytest.raises(TypeError, match=re.escape(message)):
            method(given)
    with pytest.raises(TypeError):
        classifier(7)


def test_threads_may_share_a_model(classifier, texts):
    expected = classifier.predict_proba(texts)
    starts = [7 * number % (len(texts) - 40) for number in range(60)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda start: classifier.predict_proba(texts[start : start + 1 + start % 40]), starts))
    for start, probabilities in zip(starts, found, strict=True):
        np.testing.assert_array_equal(probabilities, expected[start : start + 1 + start % 40])


def test_a_model_and_its_answers_can_be_pickled(classifier, monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT / "results")
    copied = pickle.dumps(sentipress.load("make/pocket.zip"))
    monkeypatch.chdir(tmp_path)  # it remembers the file, not the folder that it was named from
    (answer,) = pickle.loads(copied)(["A fine film."])
    assert [pickle.loads(pickle.dumps(answer))] == classifier(["A fine film."])
    assert json.loads(json.dumps(asdict(answer)))["label"] == "positive"


# Kinds of files


def test_every_kind_of_model_of_words_opens(tmp_path, sample):
    from sentipress.core.backend import deterministic
    from sentipress.lstm import export, networks

    labels = ("bad", "good", "neither")
    tokenizer = Tokenizer.fit(
        [clean(text, "default") for text in sample["review"][:200]],
        500,
        sequence_length=40,
        padding="post",
        truncating="pre",
        cleaning="default",
    )
    spec = networks.ModelSpec(500, 40, 4, 4, True, "wide", 0.0, 0.0, outputs=3)
    deterministic(1)
    network = networks.build(spec)
    content = export.to_tflite(network, spec, "dynamic_range")
    tokenizer.save(tmp_path / "tokenizer.json")
    network.save(tmp_path / "a.keras")
    (tmp_path / "a.tflite").write_bytes(content)
    (tmp_path / "a.metrics.json").write_text(json.dumps({"labels": labels}), encoding="utf-8")
    pocket.save(tmp_path / "p.zip", content, tokenizer, labels)
    weights = np.random.default_rng(1).normal(size=(498, 3))
    bag = LinearModel(tokenizer.words, weights.astype(np.float16), None, np.zeros(3, np.float32), 1, "default", labels)
    bag.save(tmp_path / "b.npz")
    packed_words.save(tmp_path / "w.zip", bag, 8)
    given, found = list(sample["review"][200:230]), {}
    for name in ("a.keras", "a.tflite", "p.zip", "b.npz", "w.zip"):
        model = sentipress.load(tmp_path / name)
        assert model.labels == labels
        found[name] = model.predict_proba(given)
        assert found[name].shape == (30, 3) and np.allclose(found[name].sum(axis=1), 1, atol=1e-5)
        assert [answer.score for answer in model(given)] == found[name].max(axis=1).tolist()
    np.testing.assert_array_equal(found["p.zip"], found["a.tflite"])
    np.testing.assert_allclose(found["a.keras"], found["a.tflite"], atol=0.02)
    np.testing.assert_allclose(found["b.npz"], found["w.zip"], atol=0.1)
    (tmp_path / "elsewhere").mkdir()
    tokenizer.save(tmp_path / "elsewhere" / "words.json")
    (tmp_path / "elsewhere" / "c.tflite").write_bytes(content)
    (tmp_path / "elsewhere" / "c.metrics.json").write_text(json.dumps({"labels": labels}), encoding="utf-8")
    other = sentipress.load(tmp_path / "elsewhere" / "c.tflite", tokenizer=str(tmp_path / "elsewhere" / "words.json"))
    np.testing.assert_array_equal(other.predict_proba(given), found["a.tflite"])


@pytest.mark.parametrize(("name", "part"), [("none.zip", "none.zip is missing"), ("a.txt", "is no model"), ("b.zip", "is no pocket model")])
def test_a_file_that_cannot_be_opened_is_one_line(tmp_path, name, part):
    for written in ("a.txt", "b.zip"):
        (tmp_path / written).write_text("no model")
    with pytest.raises(sentipress.UserError) as caught:
        sentipress.load(tmp_path / name)
    assert part in str(caught.value) and "\n" not in str(caught.value)


def python(code: str, *blocked: str, flags: tuple[str, ...] = ()) -> str:
    """What code prints in a fresh process where some packages cannot be imported."""
    before = f"import sys; sys.modules.update(dict.fromkeys({blocked!r}))\n"
    done = subprocess.run([sys.executable, *flags, "-c", before + code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_missing_package_is_named_when_the_file_is_opened(tmp_path):
    words = Tokenizer(("good",), 4, "post", "post", "thesis")
    content = pocket.unpack(POCKET, "").model
    pocket.save(tmp_path / "thesis.zip", content, Tokenizer(words.words, 400, "post", "pre", "thesis"), ("negative", "positive"))
    code = "import sentipress\ntry: sentipress.load({!r})\nexcept sentipress.UserError as error: print(error)"
    shown = python(code.format(str(POCKET)), "ai_edge_litert", "ai_edge_litert.interpreter")
    assert shown == "error: the package ai_edge_litert is not installed -> pip install -r requirements.txt\n"
    shown = python(code.format(str(tmp_path / "thesis.zip")), "nltk")
    assert shown.startswith("error: the package nltk is not installed")


# Few packages, early


def test_a_small_model_loads_few_packages():
    code = "import sentipress, sys\nsentipress.load({!r})(['A fine film.'])\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    network, bag = (set(python(code.format(str(path))).split()) - sys.stdlib_module_names for path in (POCKET, BAG))
    assert {"numpy", "sentipress"} <= bag and {"numpy", "sentipress", "ai_edge_litert"} <= network
    heavy = {"pandas", "sklearn", "nltk", "scipy", "tensorflow", "torch", "tqdm", "pyarrow", "tokenizers"}
    assert not heavy & network and "ai_edge_litert" not in bag


def test_the_package_alone_loads_nothing():
    assert "numpy" not in python("import sys, sentipress; print(*sys.modules)").split()
    assert python("import sentipress; print(sentipress.Answer.__name__, hasattr(sentipress, 'nothing'))") == "Answer False\n"
    assert set(sentipress.__all__) == {"LAYERS", "Answer", "Classifier", "UserError", "load"}
    for name in sentipress.__all__:
        assert getattr(sentipress, name)


def test_the_metadata_ask_for_the_packages_that_a_small_model_needs():
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    names = [re.split("[<>=]", line)[0] for line in content["project"]["dependencies"]]
    assert names == ["ai-edge-litert", "numpy"]
    extras = content["tool"]["setuptools"]["dynamic"]["optional-dependencies"]
    assert set(extras) == {"train", "encoder", "search", "scale"}
    for extra in extras.values():
        for file in extra["file"]:
            lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
            assert all(line.startswith("#") or "==" in line for line in lines), f"{file}: pip reads more than setuptools does"
    assert (Path(sentipress.__file__).parent / "py.typed").is_file()


def test_a_program_of_ones_own_is_typed(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import sentipress\n\nmodel = sentipress.load('pocket.zip')\n"
        "answers: list[sentipress.Answer] = model(['A fine film.'])\nreveal_type(answers[0].label)\n"
        "wrong: int = model.labels\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--ignore-missing-imports", str(program)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert 'Revealed type is "str | None"' in done.stdout, done.stdout
    of_program = [line for line in done.stdout.splitlines() if "program.py" in line and "error:" in line]
    assert len(of_program) == 1 and "program.py:6" in of_program[0], done.stdout  # the package itself is checked by its own settings
