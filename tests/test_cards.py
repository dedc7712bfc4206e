"""The cards of the packed models: every figure that of the JSON, every wrong answer the model's own, nothing taken as markup."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import yaml
from conftest import ROOT, load_stage

from sentipress.core import errors, files, manifest
from sentipress.data.task import SENTIMENT_LABELS, Task
from sentipress.evaluation import records
from sentipress.evaluation.scores import scores
from sentipress.linear.bag_of_words import LinearModel
from sentipress.reporting import cards, table
from sentipress.runtimes import packed_words, registry

RESULTS = ROOT / "results"
PACKAGES = sorted(RESULTS.glob("*/*.zip"))
POCKET = RESULTS / "default" / "pocket.zip"
HOSTILE = ("""<b>"x" & 'y'</b>""", "a|b\\", "*new* [s](http://x) `$1$`")  # labels that a card may not take as its own signs


def read(card):
    """A card's YAML, and its Markdown."""
    start, front, body = card.split("---\n", 2)
    assert start == ""
    return yaml.safe_load(front), body


def wrong_answers(card):
    """Rows of the table of wrong answers, as lists of cells."""
    rows = card.partition("| sentence | true label")[2].splitlines()[2:]
    return [line.strip("| ").split(" | ") for line in rows if line.startswith("|")]


def copied(target, *names, source=POCKET.parent):
    """A folder with some files of a published one."""
    target.mkdir()
    for name in names:
        shutil.copy(source / name, target / name)
    return target


def small(folder, labels, terms, about=None, name="packed_11900"):
    """A folder with a packed bag of words that was never trained, and metrics of a published one that say they are its own."""
    task, random, path = Task(labels), np.random.default_rng(1), folder / f"{name}.zip"
    folder.mkdir(exist_ok=True)
    weights = random.normal(size=(len(terms), task.outputs)).astype(np.float16)
    model = LinearModel(terms, weights[:, 0] if task.binary else weights, None, np.zeros(task.outputs, np.float32), 1, "default", labels)
    packed_words.save(path, model, packed_words.BITS)
    truth = random.integers(0, len(labels), 300)
    guesses = np.abs(random.normal(size=(300, len(labels)))) + np.eye(len(labels))[truth]
    table_ = (guesses / guesses.sum(axis=1, keepdims=True)).astype(np.float32)
    record = records.read(RESULTS / "packed" / f"{name}.metrics.json", "")
    record |= {"labels": list(labels), "out_of_domain": None, "scores": scores(truth, table_[:, 1] if task.binary else table_, task)}
    record["outputs"][path.name] = files.sha256(path)
    record["inputs"][manifest.REVIEWS] = "0" * 64
    files.write_json(folder / f"{name}.metrics.json", record)
    if about is not None:
        files.write_json(folder / manifest.DESCRIPTION, {"schema": 3, "sha256": "0" * 64, **about})
    return path


# Published cards


@pytest.mark.parametrize("package", PACKAGES, ids=[path.stem for path in PACKAGES])
def test_a_published_card_is_that_of_its_model(package, monkeypatch):
    monkeypatch.chdir(ROOT)
    published = package.with_name(package.stem + cards.SUFFIX).read_text(encoding="utf-8")

    def fixed(card):  # the last digits of a probability are the processor's
        return [line for line in card.partition("Its wrong answers")[0].splitlines() if not line.startswith("It answers")]

    again = cards.card(package, package.parent)
    assert fixed(again) == fixed(published)
    assert again.partition("## Licence")[2] == published.partition("## Licence")[2]
    assert abs(len(wrong_answers(again)) - len(wrong_answers(published))) <= 2
    assert str(ROOT) not in published


@pytest.mark.parametrize("package", PACKAGES, ids=[path.stem for path in PACKAGES])
def test_every_figure_is_the_metrics_files(package):
    record = records.read(package.with_suffix(manifest.METRICS), "")
    front, body = read(package.with_name(package.stem + cards.SUFFIX).read_text(encoding="utf-8"))
    assert front["license"] == "mit" and front["language"] == "en" and front["library_name"] == "sentipress"
    assert front["pipeline_tag"] == "text-classification" and set(front["metrics"]) == {"accuracy", "f1"}
    index = front["model-index"][0]
    test, elsewhere = index["results"]
    accuracy, macro = record["scores"]["accuracy"], record["scores"]["macro_f1"]
    assert index["name"] == record["name"] and all({"task", "dataset", "metrics"} <= set(one) for one in index["results"])
    assert [one["value"] for one in test["metrics"]] == [round(accuracy["value"], 4), round(macro, 4)]
    far = record["out_of_domain"]["accuracy"]
    assert elsewhere["metrics"][0]["value"] == round(far["value"], 4)
    for name, one in (("test", accuracy), ("Rotten Tomatoes sentences", far)):
        value, low, high = (f"{100 * one[key]:.2f} %" for key in ("value", "low", "high"))
        assert f"| {name} | accuracy | {value} | {low} to {high} | {one['n']:,} |" in body
    assert f"| test | macro F1 | {macro:.4f} | – | {accuracy['n']:,} |" in body
    for one in record["scores"]["per_label"]:
        line = f"| {one['label']} | {100 * one['precision']:.2f} % | {100 * one['recall']:.2f} % | {one['f1']:.4f} | {one['n']:,} |"
        assert line in body
    assert f"{package.stat().st_size:,} bytes ({package.stat().st_size / 1024:,.0f} KB" in body
    assert files.sha256(package) in body and manifest.command(record["stage"], "artifacts", record["flags"]) in body
    made = f"It learned {record.get('by_rule', 0):,} sentences that were made by rule"
    assert (made in body) if record.get("by_rule") else "made by rule" not in body
    costs = record["deployment"]
    if costs:
        assert f"{costs['startup_seconds']:.2f} s" in body and f"{costs['p50_ms']:.2f} ms (median)" in body
        assert f"{costs['p95_ms']:.2f} ms (95th" in body and record["environment"]["processor"] in body
    else:
        assert "Time and memory were not measured." in body and "Start-up" not in body


@pytest.mark.parametrize("package", [POCKET, RESULTS / "packed" / "packed_41600.zip"], ids=["network", "bag of words"])
def test_the_wrong_answers_are_those_of_predict(package, capsys):
    card = cards.card(package, package.parent)
    wrong, given = wrong_answers(card), cards.sentences()["sentences"]
    load_stage("predict.py").main(["--model", str(package), *(one["text"] for one in given)])
    printed = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert len(printed) == len(given) and len(wrong) > 0
    expected = []
    for one, (answer, positive, _, text) in zip(given, printed, strict=True):
        if answer != one["label"]:
            probability = float(positive) if answer == "positive" else 1 - float(positive)
            expected.append([text, one["label"], answer, f"{probability:.3f}"])
    assert [row[:3] for row in wrong] == [row[:3] for row in expected]
    assert [float(row[3]) for row in wrong] == pytest.approx([float(row[3]) for row in expected], abs=0.0011)
    right = len(given) - len(expected)
    assert f"It answers {right} of {len(given)} rightly: " in card
    assert [sum(map(int, found)) for found in zip(*re.findall(r"(\d+) of (\d+)(?=[,.])", card), strict=True)] == [right, len(given)]


def test_the_sentences_are_of_both_labels_and_of_several_kinds():
    given = cards.sentences()["sentences"]
    assert len({one["text"] for one in given}) == len(given) >= 20 and {one["kind"] for one in given} > {"negation", "contrast"}
    assert [sum(one["label"] == label for one in given) for label in SENTIMENT_LABELS] == [len(given) / 2] * 2


# What a record or a folder lacks


def test_training_texts_and_teachers_are_named():
    body = read((POCKET.with_name("pocket.card.md")).read_text(encoding="utf-8"))[1]
    about = json.loads((POCKET.parent / "reviews.json").read_text(encoding="utf-8"))
    for count in (*about["splits"].values(), about["counts"]["kept"], about["unlabelled"]["counts"]["kept"]):
        assert f"{count:,}" in body
    assert "with seed 1" in body and "`modelo_base` (Base LSTM)" in body and "`imdb.csv`" in body and "from `unl.csv`" in body
    untrained = (RESULTS / "chains" / "clustered.card.md").read_text(encoding="utf-8")
    assert "started from `pocket_2_distil`" in untrained and "No link of this chain trains." in untrained
    assert "teachers" not in untrained and "teachers" not in (RESULTS / "packed" / "packed_41600.card.md").read_text(encoding="utf-8")


def test_without_a_description_of_the_texts_the_card_says_so(tmp_path):
    folder = copied(tmp_path / "bare", "pocket.zip", "pocket.metrics.json")
    card = cards.card(folder / "pocket.zip", folder)
    assert "No description of the texts lies beside this model." in card and "Split:" not in card and "imdb.csv" not in card
    assert "The teachers also answered texts that have no label." in card and "Recipe of the cleaning: `default`" in card
    files.write_json(folder / "reviews.json", {"schema": 3, "sha256": "of other texts", "source": {"name": "other.csv"}})
    assert cards.card(folder / "pocket.zip", folder) == card


def test_a_record_without_what_is_optional_gives_a_shorter_card(tmp_path):
    folder = copied(tmp_path / "bare", "pocket.zip", "pocket.metrics.json")
    record = records.read(folder / "pocket.metrics.json", "")
    for name in ("chain", "teachers", "deployment", "validation_accuracy", "created", "number_format", "flags"):
        record.pop(name)
    record |= {"model": {}, "settings": {}, "out_of_domain": None}
    files.write_json(folder / "pocket.metrics.json", record)
    front, body = read(cards.card(folder / "pocket.zip", folder))
    assert len(front["model-index"][0]["results"]) == 1 and "Rotten" not in body and "chain" not in body and "92.28 %" in body
    assert "None" not in body and "Undefined" not in body


# Several labels, other languages, hostile names


def test_labels_and_names_are_never_markup(tmp_path):
    about = {"source": {"name": 'my: "<i>" `#1`|.csv'}, "task": {"split": {"kind": "test file"}}, "splits": {"train": 9, "test": 300}}
    package = small(tmp_path / "topics", HOSTILE, ("good", "<b>"), {**about, "test_source": {"name": "test.csv"}})
    card = cards.card(package, package.parent)
    front, body = read(card)
    assert front["model-index"][0]["results"][0]["dataset"]["name"] == about["source"]["name"] and "language" not in front
    assert "sentiment-analysis" not in front["tags"] and "There are no example sentences for these labels." in body
    assert wrong_answers(card) == [] and "It gives a text one of 3 labels" in body and "that of the label shown" in body
    assert "All test texts are of a file of their own." in body and '`` my: "<i>" `#1`|.csv ``' in body
    rows = [line for line in body.splitlines() if line.startswith("|") and " % |" in line]
    assert len(rows) == 1 + len(HOSTILE)
    for label, row in zip(HOSTILE, rows[1:], strict=True):
        cells = re.split(r"(?<!\\)(?:\\\\)*\|", row)[1:-1]
        assert len(cells) == 5 and re.sub(r"\\([^\w\s])", r"\1", cells[0]).strip() == label
        assert not re.search(r"(?<!\\)[<*`\[$]", re.sub(r"\\\\", "", cells[0]))


def test_sentences_are_never_markup(tmp_path, monkeypatch):
    words = ("this", "is", "bad", "good", "b", "script")
    package = small(tmp_path / "films", SENTIMENT_LABELS, words)
    texts = ("This is <b>bad</b>.", "<script>good</script> is | this", "*This* is [good](http://b) `bad`")
    given = [{"kind": "signs", "label": label, "text": text} for text in texts for label in SENTIMENT_LABELS]
    monkeypatch.setattr(cards, "sentences", lambda: {"language": "en", "sentences": given})
    rows = wrong_answers(cards.card(package, package.parent))
    assert len(rows) >= len(texts)  # each stands there with both labels
    for sentence, *_ in rows:
        assert re.sub(r"\\([^\w\s])", r"\1", sentence) in texts and not re.search(r"(?<!\\)[<>*`|\[\]]", sentence)


def test_a_model_of_another_language_is_not_said_to_be_english(tmp_path):
    package = small(tmp_path / "cine", SENTIMENT_LABELS, ("bueno", "malo", "no", "film"))
    front, body = read(cards.card(package, package.parent))
    assert "language" not in front and "example sentences are English. The model knows 1 %" in body and "It answers" not in body


# Writing them


def test_publishing_writes_cards_and_only_figures_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = copied(tmp_path / "run", "pocket.zip", "pocket.metrics.json", "pocket.probabilities.npz", "reviews.json")
    table.publish(folder, tmp_path / "out")
    card = (tmp_path / "out" / "pocket.card.md").read_text(encoding="utf-8")
    assert "--model out/pocket.zip" in card and not (folder / "pocket.card.md").exists() and "12 of 20" in card
    table.publish(folder, tmp_path / "figures", only_figures=True)
    assert not list((tmp_path / "figures").glob(f"*{cards.SUFFIX}"))
    load_stage("compare.py").main(["--cards", str(tmp_path / "out")])
    assert (tmp_path / "out" / "pocket.card.md").read_text(encoding="utf-8") == card
    monkeypatch.chdir(ROOT)  # a folder elsewhere is nobody's business
    assert "--model pocket.zip" in cards.card(folder / "pocket.zip", tmp_path / "out")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "pocket.zip").write_bytes(POCKET.read_bytes()[:9000]), "pocket.zip is no pocket model"),
        (lambda folder: shutil.copy(RESULTS / "chains" / "tiny.zip", folder / "pocket.zip"), "is not the one that its metrics speak of"),
        (lambda folder: (folder / "pocket.zip").unlink(), "holds no packed model"),
        (lambda folder: (folder / "pocket.metrics.json").write_text("{"), "pocket.metrics.json is damaged"),
    ],
)
def test_what_is_missing_or_damaged_is_one_line(tmp_path, spoil, words):
    folder = copied(tmp_path / "run", "pocket.zip", "pocket.metrics.json")
    spoil(folder)
    with pytest.raises(errors.UserError, match=words) as raised:
        cards.write(folder)
    assert "\n" not in str(raised.value) and not list(folder.glob(f"*{cards.SUFFIX}"))


def test_cards_need_no_tensorflow():
    code = "import sys; import sentipress.reporting.cards; print('tensorflow' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=100)
    assert shown.stdout.strip() == "False"


def test_a_missing_package_is_named():
    with pytest.raises(errors.UserError, match=r"pocket\.zip is missing -> run python 6_combination\.py"):
        cards.card(RESULTS / "seed2" / "pocket.zip", RESULTS / "seed2")
    assert registry.FORMATS[cards.PACKAGE].own_vocabulary
