"""Table, report, cards, publishing and refreshing of an encoder's folder, from metrics that were written by hand: no model is run.

The metrics are those of published rows with another stage, shape and probabilities; the packed LSTM is the published pocket.
"""

import csv
import functools
import io
import json
import re
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, load_stage

from sentipress.core import cli, errors, files, manifest
from sentipress.data import corpus_making
from sentipress.data.stored import Table
from sentipress.data.task import SENTIMENT_LABELS, Task
from sentipress.evaluation import environment, records
from sentipress.evaluation.latency import WHAT
from sentipress.evaluation.scores import scores
from sentipress.pipeline import refresh
from sentipress.reporting import cards, cells, charts, conclusions, evidence, excerpts, findings, naming, pages, study, table, wording

PUBLISHED = ROOT / "results" / "default"
PACKED_WORDS = ROOT / "results" / "packed" / "packed_41600"
PACKAGES = {"model": PUBLISHED / "pocket", "control": PUBLISHED / "pocket", "classical": PACKED_WORDS}  # by role
OTHERS = PUBLISHED / "modelo_DRQ"
NAME, PLACE = "some-encoder", "/models/of/a/person/some-encoder"
FIVE = ("negative", "neutral", "positive", "skip", "speech")
TEXTS = 300
# Rows of the fake folder, and which noise each adds to the base's logits.
NOISE = {
    "modelo_base": 0.0,
    "untrained_head": 9.0,
    "modelo_DRQ": 0.1,
    "modelo_linear_8bit": 0.2,
    "modelo_podado_L1": 0.5,
    "modelo_podado": 0.4,
    "cut_vocabulary": 0.6,
    "modelo_destilado": 0.5,
    "modelo_control": 2.5,
    "student_lstm": 1.0,
    "control_lstm": 4.0,
    "rival_words": 1.2,
}
ROWS = {row.name: (stage, row) for stage in manifest.ENCODER.stages for row in stage.rows}
SHAPE = {"encoder": NAME, "vocabulary_size": 100, "width": 8, "heads": [2, 2], "columns": [16, 16], "outputs": 1}


def recorded(stage, recipe):
    """Settings as the stage would record them today with this recipe and no flags."""
    values = cli.merged(ROOT / stage, recipe, {})
    return cli.recorded(SimpleNamespace(values=values, flags={}))


def build(folder, recipe="default", labels=SENTIMENT_LABELS, names=tuple(NOISE), words=30):
    """A folder of the encoder's track with texts and the metrics of some rows."""
    folder.mkdir(parents=True)
    task, random, size = Task(labels), np.random.default_rng(5), TEXTS
    truth = random.integers(0, len(labels), size)
    logits = random.normal(size=(size, len(labels))) + 1.5 * np.eye(len(labels))[truth]
    rows = np.arange(size)
    texts = [f"text {number} " + "word " * words + "end" for number in rows]
    frame = pd.DataFrame({"row": rows, "split": "test", "label": truth, "review": texts})
    (folder / manifest.TOKENIZER).write_text("{}", encoding="utf-8")
    flags = {"encoder": PLACE}
    about = {
        "task": task.as_dict(),
        "recipe": recipe,
        "source": {"name": "posts.csv"},
        "stage": manifest.ENCODER_DATA,
        "encoder": {"name": NAME, "source": PLACE, "sha256": "0" * 64, "length": 64, "tokenizer_sha256": "0" * 64},
        "settings": {**recorded(manifest.ENCODER_DATA, recipe)["settings"], **flags, "recipe": recipe},
        "flags": flags,
        "splits": {"train": 9, "test": size},
        "counts": {"reviews": size + 9, "kept": size + 9},
    }
    corpus_making.save(Table.stored(frame), None, None, about, folder)
    for name in names:
        stage, row = ROWS[name]
        own = np.exp(logits + NOISE[name] * random.normal(size=logits.shape))
        own = (own / own.sum(axis=1, keepdims=True)).astype(np.float32)
        own = own[:, 1] if task.binary else own
        published = PACKAGES[row.role] if row.suffix == ".zip" else None
        if published:
            shutil.copy(published.with_suffix(".zip"), folder / row.file)
        else:
            (folder / row.file).write_bytes(name.encode() * 50)
        saved = records.probabilities_path(folder, name)
        np.savez(saved, test=own, test_row=rows, test_label=truth.astype(np.float32))
        record = records.read(records.metrics_path((published or OTHERS).parent, (published or OTHERS).name), "")
        for gone in ("chain", "teachers", "history", "best_epoch", "number_format"):
            record.pop(gone, None)
        packages = {**record["environment"]["packages"], "torch": "9.9", "ai-edge-litert": "2.3"}
        record |= {
            "name": name,
            "file": row.file,
            "order": row.order,
            "technique": row.technique,
            "complexity": row.complexity,
            "role": row.role,
            "stage": stage.script,
            "labels": list(labels),
            "out_of_domain": None,
            "deployment": None,
            "scores": scores(truth, own, task),
            "tokenizer": None if published else manifest.TOKENIZER,
            "model": record["model"] if published else {**SHAPE, "outputs": task.outputs},
            "latency": {**record["latency"], "what": WHAT, "ratio_to_base": 0.5, "ratio_low": 0.4, "ratio_high": 0.6, "padded_p50_ms": 1.0}
            | {"p50_low_ms": 1.0, "p50_high_ms": 2.0},
            **recorded(stage.script, recipe),
            "inputs": {file: files.sha256(folder / file) for file in (manifest.REVIEWS, manifest.TOKENIZER)},
            "outputs": {path.name: files.sha256(path) for path in (folder / row.file, saved)},
            "environment": {**record["environment"], "packages": packages},
        }
        if stage.script != manifest.ENCODER_QUANTIZATION and row.role != "classical":
            record["encoder"] = {"name": NAME, "sha256": "0" * 64, "length": 64}
        if name in ("modelo_destilado", "student_lstm"):
            record |= {"transfer_texts": 3000, "distillation": {"teachers": ["modelo_base"], "alpha": 0.5}}
        files.write_json(records.metrics_path(folder, name), record)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build(tmp_path_factory.mktemp("encoders") / "run")


@pytest.fixture(scope="module")
def collected(of_recipe):
    """The same that gives what its report says."""
    return functools.cache(lambda recipe, labels: evidence.collect(of_recipe(recipe, labels)))


@pytest.fixture(scope="module")
def content(folder):
    return evidence.collect(folder)


@pytest.fixture(scope="module")
def of_recipe(tmp_path_factory):
    """A function of recipe and labels that gives a folder with a few rows, made once."""
    made = {}

    def of(recipe, labels):
        if (recipe, labels) not in made:
            names = ("modelo_base", "modelo_DRQ", "modelo_linear_8bit", "modelo_podado_L1", "modelo_destilado")
            made[recipe, labels] = build(tmp_path_factory.mktemp(recipe) / "run", recipe, labels, names)
        return made[recipe, labels]

    return of


def lines_of(folder):
    """The written table, by technique."""
    with open(folder / "comparison.csv", encoding="utf-8", newline="") as stream:
        return {line["technique"]: line for line in csv.DictReader(stream)}


# The table


def test_the_table_names_encoder_and_loss_of_each_row(folder, capsys):
    rows = table.make(folder)
    assert [row["note"] for row in rows if row["note"] not in ("", "control")] == []
    lines, said = lines_of(folder), capsys.readouterr().out
    names = list(next(iter(lines.values())))
    assert names[:2] == ["technique", "encoder"] and names[names.index("weighted F1") + 1] == "log loss"
    assert [name for name in names if name not in ("encoder", "log loss")] == list(table.COLUMNS)
    for name in NOISE:
        record = records.read(records.metrics_path(folder, name), "")
        line = lines[record["technique"]]
        assert (
            line["encoder"] == ("-" if name.endswith("_lstm") or name.startswith("rival_") else NAME)
            and line["log loss"] == f"{record['scores']['log_loss']:.4f}"
        )
    assert len(lines) == len(NOISE) and "Study:" not in said  # the LSTM's study had no encoder, though its labels are these


def test_the_caption_of_an_encoders_table_is_true(folder):
    caption = table.describe(table.load(folder))
    assert f"Scored on {TEXTS} test texts" in caption and "PyTorch 9.9, LiteRT 2.3." in caption and "one thread" in caption
    assert "at the text's own length" in caption and "shortest of its signatures" in caption
    assert not re.search("Keras|TensorFlow|review|all cores|LSTM|study", caption)
    loaded = table.load(folder)
    loaded[0]["device"] = "NVIDIA Some"
    assert "The base was trained on NVIDIA Some." in table.describe(loaded)
    loaded[0]["environment"]["packages"].pop("torch")
    assert "PyTorch" not in wording.machine(loaded[0]) and "LiteRT 2.3" in wording.machine(loaded[0])


def test_rows_of_the_study_that_gave_losses_have_no_accuracy(of_recipe, collected):
    place = of_recipe("bert", SENTIMENT_LABELS)
    table.make(place)
    shown = {name: line for name, line in lines_of(place).items() if name.startswith("Study:")}
    assert [line["log loss"] for line in shown.values()] == ["0.7059", "0.7487", "0.7114"]
    for line in shown.values():
        assert line["test accuracy"] == line["size KB"] == line["parameters"] == "" and line["encoder"] == "bert-base-uncased"
        assert "the head was never trained" in line["note"]
    content = collected("bert", SENTIMENT_LABELS)
    html, text = pages.page(content, []), pages.markdown(content)
    assert "Study: BERT: loss 0.7059; published" in html and "| Study: BERT | bert-base-uncased | - |" in text and "None" not in html


def test_rows_of_the_study_of_posts_have_its_sizes(of_recipe, collected):
    place = of_recipe("rubert", FIVE)
    table.make(place)
    shown = [line for name, line in lines_of(place).items() if name.startswith("Study:")]
    assert [line["test accuracy"] for line in shown] == ["53.45%", "53.45%", "51.00%", "51.25%"]
    assert [line["size KB"] for line in shown] == ["111.4 MB", "104.6 MB", "90.2 MB", "85.5 MB"]
    assert [line["parameters"] for line in shown] == ["29.2 M", "26.8 M", "23.6 M", "22.0 M"]
    assert "2.4 times slower and 1.07 times smaller" in shown[1]["note"] and {line["log loss"] for line in shown} == {""}
    assert "Study: student: 51.00%, 90.2 MB; published" in pages.page(collected("rubert", FIVE), [])


@pytest.mark.parametrize(
    ("recipe", "labels"), [("default", SENTIMENT_LABELS), ("roberta", SENTIMENT_LABELS), ("bert", FIVE), ("rubert", SENTIMENT_LABELS)]
)
def test_no_row_of_a_study_stands_beside_another_task(of_recipe, recipe, labels):
    loaded = table.load(of_recipe(recipe, labels))
    assert not study.published(loaded) and not table.published_cells(loaded) and not study.remark(loaded)
    assert "Study" not in table.describe(loaded) and not study.of_the_lstm(loaded)


@pytest.mark.parametrize("run", ["default", "thesis", "packed"])
def test_published_tables_of_the_lstm_stay_as_they_are(tmp_path, run, capsys):
    source = ROOT / "results" / run
    for path in source.glob(f"*{manifest.METRICS}"):
        shutil.copy(path, tmp_path)
    table.make(tmp_path)
    for kind in ("md", "csv", "tex"):
        assert (tmp_path / f"comparison.{kind}").read_bytes() == (source / f"comparison.{kind}").read_bytes()
    loaded = table.load(source)
    assert study.of_the_lstm(loaded) and study.published(loaded) == study.PUBLISHED and table.columns(loaded) == table.COLUMNS
    shown = cells.columns(evidence.Evidence("lstm", Task(), [], [], {}))
    assert "encoder" not in shown and "log loss" not in shown


# The report


def test_a_report_of_encoders_speaks_of_them_alone(folder, tmp_path, capsys):
    load_stage("report.py").main(["--artifacts", str(folder), "--output", str(tmp_path)])
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    html = re.sub(r"<style>.*?</style>|<script>.*?</script>|<svg.*?</svg>", "", (tmp_path / "report.html").read_text(), flags=re.DOTALL)
    for written in (text, html, capsys.readouterr().out, (tmp_path / "report.tex").read_text(encoding="utf-8")):
        said = written.replace("posts.csv", "")
        assert not re.search(r"Keras|TensorFlow|review|stage 6|31,578|Rotten|half the size|None", said), re.search(
            r".{30}(Keras|TensorFlow|review|stage 6|31,578|Rotten|half the size|None).{30}", said
        )
    assert f"{TEXTS} test texts of posts.csv, recipe default, {NAME} at 64 ids a text" in text and "PyTorch 9.9" in text
    assert {path.stem for path in tmp_path.glob("*.svg")} == {"size", "layers", "lengths", "reliability", "confusion"}
    rows = list(csv.DictReader(io.StringIO((tmp_path / "report.csv").read_text(encoding="utf-8"))))
    assert {"encoder", "log loss", "ms in turns"} <= set(rows[0]) and "ms p50" not in rows[0]  # no fresh process was measured
    assert [row["encoder"] for row in rows if "LSTM" in row["model"]] == ["-", "-", "-"]
    assert "who guesses among the 2 labels has 0.693" in text


def test_the_questions_of_encoders_are_answered_by_their_rows(content):
    asked = {(one.row, one.other): one for one in content.questions}
    pairs = [
        ("modelo_destilado", "modelo_control"),
        ("student_lstm", "control_lstm"),
        ("student_lstm", "rival_words"),
        ("modelo_podado", "modelo_podado_L1"),
    ]
    assert {*pairs, ("modelo_DRQ", "modelo_linear_8bit")} == set(asked)
    for one, other in pairs[:2]:
        right, base = (saved_right(content, name) for name in (one, other))
        assert asked[one, other].comparison.value == pytest.approx(right.mean() - base.mean()) and asked[one, other].comparison.better
    assert all(row.comparison for row in content.scored if row is not content.base)


def saved_right(content, name):
    """Whether each text is labelled rightly, by confusion: only its mean counts here."""
    confusion = np.array(content.by_name[name].scores["confusion"])
    return np.repeat([1.0, 0.0], [np.trace(confusion), confusion.sum() - np.trace(confusion)])


def test_a_student_that_read_more_does_not_prove_its_teacher(content):
    found = findings.findings(content)
    (taught,) = (sentence for sentence in found if sentence.startswith("Distillation:"))
    assert "is better than the same network without a teacher" in taught and "did not read the student's unlabelled texts" in taught
    (words,) = (sentence for sentence in found if sentence.startswith("An LSTM taught by the base"))
    assert "is better than the same LSTM without a teacher" in words and "did not read the student's unlabelled texts" in words
    (cut,) = (sentence for sentence in found if sentence.startswith("Cuts"))
    assert "fewer pieces (" in cut and "the whole base in 8 bits has" in cut and found[-1].startswith("All rows:")


def test_families_and_short_names_of_encoders(content):
    names = {row.name: naming.short_name(row.record) for row in content.scored}
    assert len(set(names.values())) == len(names) and not set(names) & set(names.values())
    families = {row.name: naming.family(row.record) for row in content.scored}
    assert families["modelo_DRQ"] == families["cut_vocabulary"] == naming.ENCODER and families["student_lstm"] == naming.WORD_STUDENTS
    assert families["modelo_control"] == naming.STUDENTS
    record = content.by_name["modelo_destilado"].record
    assert naming.short_name({**record, "name": "modelo_destilado_2_layers"}) == "student of 2 layers"
    drawn = charts.svg(charts.accuracy_against_size, content, "wide")
    assert naming.ENCODER in drawn and naming.WORD_STUDENTS in drawn and naming.LSTM not in drawn


@pytest.mark.parametrize(
    ("name", "shape", "layer"),
    [
        ("words.weight", [100, 8], charts.EMBEDDING),
        ("positions.weight", [64, 8], charts.EMBEDDING),
        ("layers.0.query.weight", [8, 8], charts.KERNELS),
        ("head.weight", [1, 8], charts.OUTPUT),
        ("head.bias", [1], None),
        ("arith.constant37#115", [100, 8], charts.EMBEDDING),
        ("Encoder;1#118", [1, 8, 8], None),
        ("Encoder/Layer_5/Linear_wide;#4", [16, 8], charts.KERNELS),
        ("Encoder/torch.nn.modules.linear.Linear_head;1#62", [5, 8], charts.OUTPUT),
        ("onnx::MatMul_720_quantized", [16, 8], charts.KERNELS),
        ("head.weight_Transposed_quantized", [8, 1], charts.OUTPUT),
    ],
)
def test_arrays_of_an_encoder_belong_to_layers(name, shape, layer):
    assert charts.layer_of_encoder({"name": name, "shape": shape}, 100) == layer


@pytest.mark.parametrize(
    ("recipe", "labels", "claims"),
    [("bert", SENTIMENT_LABELS, 3), ("rubert", FIVE, 4), ("roberta", SENTIMENT_LABELS, 3), ("default", SENTIMENT_LABELS, 0)],
)
def test_each_studys_conclusions_are_judged_by_its_recipe(collected, recipe, labels, claims):
    found = conclusions.conclusions(collected(recipe, labels))
    assert len(found) == claims and not any("12 times" in one.claim or "LSTM" in one.claim for one in found)
    verdicts = {one.claim: one.verdict for one in found}
    if recipe == "rubert":  # half the base's time in every row, and files of about the same size
        assert verdicts["8 bits make it slower (2.4 times)."] == conclusions.FAILS
    if recipe == "roberta":
        assert verdicts["It takes less than a third of the time."] == conclusions.FAILS
        assert verdicts["It is 45 % lighter."] in (conclusions.HOLDS, conclusions.FAILS)


def test_an_excerpt_shows_what_an_encoder_read(tmp_path):
    place = build(tmp_path / "long", names=("modelo_base", "modelo_control"), words=200)
    example = evidence.collect(place).by_name["modelo_control"].examples[0]
    assert example.text.startswith(f"text {example.row} word") and example.text.endswith("word …")
    assert len(example.text) <= excerpts.EXCERPT + 2


# What is published


def test_models_of_encoders_and_their_place_are_not_published(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (folder / "topics.json").write_text("{}", encoding="utf-8")
    (folder / "topics.md").write_text("topics", encoding="utf-8")
    target = tmp_path / "out"
    table.publish(folder, target)
    names = {path.name for path in target.rglob("*") if path.is_file()}
    assert {"student_lstm.zip", "student_lstm.card.md", "control_lstm.card.md", "topics.md", "comparison.md", "comparison.png"} <= names
    assert not [name for name in names if name.endswith((".tflite", ".safetensors", ".onnx", "tokenizer.json", "reviews.csv"))]
    assert max(path.stat().st_size for path in target.rglob("*")) < 1_000_000
    assert not [path.name for path in target.rglob("*") if path.is_file() and PLACE.encode() in path.read_bytes()]
    about = json.loads((target / manifest.DESCRIPTION).read_text(encoding="utf-8"))
    assert about["encoder"]["source"] == about["flags"]["encoder"] == NAME and about["sha256"] == files.sha256(folder / manifest.REVIEWS)
    again = evidence.collect(target)
    assert again.of_encoders and again.noun == "texts" and [row.stale for row in again.scored] == [""] * len(NOISE)
    few = tmp_path / "few"
    table.publish(folder, few, only_figures=True)
    kinds = {path.name.split(".", 1)[1] for path in few.rglob("*") if path.is_file()}
    assert kinds == {"metrics.json", "md", "csv", "tex", "png"} and not list(few.rglob("topics*"))
    assert not [path for path in few.rglob("*") if path.is_file() and b"word word" in path.read_bytes()]


def test_a_card_says_who_taught_an_lstm(folder):
    card = cards.card(folder / "student_lstm.zip", folder)
    assert f"answers of its teacher: `modelo_base` (Fine-tuned encoder, {NAME})." in card
    assert "3,000 texts that have no label, from sentences of IMDB reviews" in card and "come from all these texts" in card
    assert f"`python encoder/1_data.py --encoder {NAME}`" in card and "python encoder/5_distillation.py" in card
    assert "While the project grew" not in card and "chain" not in card and "Rotten" not in card and PLACE not in card
    control = cards.card(folder / "control_lstm.zip", folder)
    assert "trained on the labels alone" in control and "answers of its teacher" not in control and "are the student's" in control


def test_a_card_names_texts_of_another_domain_by_their_file(tmp_path):
    place = build(tmp_path / "run", names=("modelo_base", "student_lstm"))
    path = records.metrics_path(place, "student_lstm")
    record = records.read(path, "")
    files.write_json(path, {**record, "out_of_domain": record["scores"]})
    about = json.loads((place / manifest.DESCRIPTION).read_text(encoding="utf-8"))
    files.write_json(place / manifest.DESCRIPTION, {**about, "out_of_domain": {"source": {"name": "tweets: 1.csv"}}})
    card = cards.card(place / "student_lstm.zip", place)
    assert "| texts of tweets: 1.csv | accuracy |" in card and 'name: "texts of tweets: 1.csv"' in card and "Rotten" not in card
    assert "texts of tweets: 1.csv" in cells.explained(evidence.collect(place))["out of domain"]


# Which code and which versions


def test_versions_of_the_encoders_libraries_are_recorded_where_they_are(monkeypatch):
    known = {**dict.fromkeys(environment.PACKAGES, "1.0"), "torch": "2.0", "peft": "3.0"}

    def version(name):
        if name not in known:
            raise environment.metadata.PackageNotFoundError(name)
        return known[name]

    monkeypatch.setattr(environment.metadata, "version", version)
    assert environment.environment()["packages"] == known
    del known["torch"], known["peft"]
    assert list(environment.environment()["packages"]) == list(environment.PACKAGES)


def test_the_code_of_a_stage_in_a_folder_has_a_hash():
    hashes = [environment.code_hash(script) for script in (*manifest.ENCODER.scripts, *manifest.LSTM.scripts)]
    assert len(set(hashes)) == len(hashes) and all(re.fullmatch("[0-9a-f]{64}", one) for one in hashes)


# Refreshing


@pytest.fixture
def stubs(tmp_path):
    """Stages with their constants that write their command line to a file."""
    place = tmp_path / "stubs"
    code = f"import json, sys\nimport sentipress\nopen({str(place / 'log')!r}, 'a').write(json.dumps(sys.argv) + chr(10))\n"
    for script in (*manifest.ENCODER.scripts, *manifest.LSTM.scripts):
        path = place / script
        path.parent.mkdir(parents=True, exist_ok=True)
        constants = (ROOT / script).read_text(encoding="utf-8").split("# %% Settings" if "/" in script else '"""\n', 1)[1]
        constants = constants.split("# %% Stage")[0].split("def main")[0].replace("from sentipress.core.errors import exit_code", "")
        path.write_text("# " + constants.lstrip() + code if "/" in script else constants + code, encoding="utf-8")
    return place


def called(stubs):
    """Script, and words after it, of each call in order."""
    lines = (stubs / "log").read_text(encoding="utf-8").splitlines() if (stubs / "log").exists() else []
    return [(str(words[0]).removeprefix(f"{stubs}/"), words[1:]) for words in map(json.loads, lines)]


def test_a_stale_row_of_an_encoder_runs_its_stage_again(folder, tmp_path, stubs, monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)  # the stages find the package all the same
    copy = shutil.copytree(folder, tmp_path / "copy")
    path = records.metrics_path(copy, "modelo_DRQ")
    record = json.loads(path.read_text(encoding="utf-8"))
    record["inputs"][manifest.REVIEWS] = "f" * 64
    path.write_text(json.dumps(record), encoding="utf-8")
    command = manifest.command(manifest.ENCODER_QUANTIZATION, copy)
    assert (
        table.cells(copy, record, evidence.Staleness(copy).reasons(record))["note"] == f"STALE (reviews.csv has changed since): {command}"
    )
    assert not (copy / manifest.LOCK).exists()  # the texts say whose folder it is
    lines = refresh.refresh(copy, scripts=stubs)
    assert lines[0].startswith("python encoder/3_quantization.py") and called(stubs)[0][0] == manifest.ENCODER_QUANTIZATION
    assert {script for script, _ in called(stubs)} <= set(manifest.ENCODER.scripts) - {manifest.ENCODER_DATA}
    assert all(words == ["--artifacts", str(copy)] for _, words in called(stubs))


def test_texts_of_an_encoder_are_not_made_again_from_others(folder, tmp_path, stubs):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / manifest.REVIEWS).unlink()
    (copy / manifest.LOCK).write_text(f"{manifest.ENCODER_DISTILLATION} (process 1)", encoding="utf-8")
    with pytest.raises(errors.UserError, match=r"holds texts of posts\.csv -> run python encoder/1_data\.py .*--data posts\.csv"):
        refresh.refresh(copy, scripts=stubs)
    assert called(stubs) == []


def test_a_new_folder_starts_the_lstms_stages(tmp_path, stubs):
    new = tmp_path / "new"
    new.mkdir()
    refresh.refresh(new, scripts=stubs)
    assert [script for script, _ in called(stubs)] == list(manifest.LSTM.scripts)
