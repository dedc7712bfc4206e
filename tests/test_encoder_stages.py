"""The encoder's stages as a person runs them: in order, one alone, too early, killed, on folders of another track."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, hashes, load_stage, record

from sentipress.core import cli, errors, files, manifest
from sentipress.core.errors import UserError
from sentipress.data import corpus, sources
from sentipress.evaluation import ledger, records
from sentipress.reporting import table

NEEDS = "needs pip install -r requirements-encoder.txt"
for package in ("torch", "transformers", "tokenizers", "litert_torch", "ai_edge_quantizer", "onnx", "onnxruntime", "peft"):
    pytest.importorskip(package, reason=NEEDS)
import tokenizers  # noqa: E402
from encoders import small_folder  # noqa: E402

from sentipress.pipeline import encoder_cuts, encoder_teaching, refresh  # noqa: E402
from sentipress.pipeline.encoder_space import EncoderSpace  # noqa: E402
from sentipress.runtimes import litert, registry  # noqa: E402
from sentipress.text.pieces import PieceTokenizer  # noqa: E402
from sentipress.transformer import conversion, distilling, finetuning  # noqa: E402

STAGE = manifest.ENCODER.stage
QUICK = ("--latency-reviews", "10", "--no-deployment")
TRAINED = ("--epochs", "1", "--batch-size", "32", "--learning-rate", "0.002", *QUICK)
PIECES = 350
SMALL = {
    manifest.ENCODER_DATA: ("--length", "32"),
    manifest.FINE_TUNING: ("--lora-rank", "2", "--self-training", "60", "--self-epochs", "1", "--teachers", "2", *TRAINED),
    manifest.ENCODER_QUANTIZATION: QUICK,
    manifest.ENCODER_PRUNING: ("--vocabulary-size", f"{PIECES}", "--layers", "1", *TRAINED),
    manifest.ENCODER_DISTILLATION: (
        *("--layers", "1", "--transfer-texts", "60", "--compact-vocabulary", f"{PIECES}", *TRAINED),
        *("--word-transfer-texts", "100", "--words", "300", "--pairs", "20", "--words-a-text", "24", "--word-epochs", "1"),
        *("--embedding-dim", "4", "--units", "4"),
    ),
    manifest.TOPICS: ("--topics", "3", "--texts", "100", "--seeds", "2"),
}
MORE = ("--more-layers", "2", "--narrow", "16", "--ablation")  # further students, which are not converted and cost little
FURTHER = [f"modelo_destilado_{name}" for name in ("2_layers", "narrow", "labels_logits", "logits_alone", "labels_hidden")]
ROWS = {row.name: row.suffix for stage in manifest.ENCODER.stages for row in stage.rows} | dict.fromkeys(FURTHER, ".safetensors")
TFLITE = [name for name, suffix in ROWS.items() if suffix == ".tflite"]
CUT = ("cut_vocabulary", "compact")  # rows with a tokenizer of their own


def run_stage(name, artifacts, *flags):
    """Run a stage in this process, as its main() would from a terminal, with one signature in a file but for stage 3."""
    with pytest.MonkeyPatch.context() as patch:
        if name != manifest.ENCODER_QUANTIZATION:
            patch.setattr(conversion, "signature_lengths", lambda longest: [longest])
        load_stage(name).main(["--artifacts", str(artifacts), *SMALL.get(name, ()), *flags])


def fails(name, artifacts, capsys, *flags):
    """The one line that a stage ends with, exit code 2."""
    capsys.readouterr()
    assert errors.exit_code(lambda: run_stage(name, artifacts, *flags)) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]  # above it may stand progress bars, which a terminal does not get
    assert last.startswith("error: ") and " -> " in last
    return last


def models(artifacts):
    """SHA-256 of all that does not depend on a clock: models, probabilities, tokenizers."""
    endings = (*dict.fromkeys(ROWS.values()), ".npz", ".tokenizer.json")
    return {name: value for name, value in hashes(artifacts).items() if name.endswith(endings) or name == "tokenizer.json"}


def notes(artifacts):
    """Technique to what the table notes of it."""
    return {cells["technique"]: cells["note"] for cells in table.make(artifacts)}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a random encoder and 400 sentences, also with three labels."""
    folder = tmp_path_factory.mktemp("encoder")
    small_folder(folder / "small", "bert")
    small_folder(folder / "other", "xlm-roberta")
    frame = sources.read_bundled(sources.SENTENCES).sample(400, random_state=0)
    frame = pd.DataFrame({"review": frame["review"], "sentiment": frame["label"].map({0: "negative", 1: "positive"})})
    frame.to_csv(folder / "sentences.csv", index=False)
    frame["sentiment"] = [("bad", "fair", "good")[len(text) % 3] for text in frame["review"]]
    frame.to_csv(folder / "three.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def encoded(place):
    """The artifacts of all stages, run in order. Tests must not change them: copy first."""
    artifacts = place / "artifacts"
    given = ("--data", str(place / "sentences.csv"), "--encoder", str(place / "small"))
    for name in manifest.ENCODER.scripts:
        run_stage(name, artifacts, *{manifest.ENCODER_DATA: given, manifest.ENCODER_DISTILLATION: MORE}.get(name, ()))
    before = hashes(artifacts)
    yield artifacts
    assert hashes(artifacts) == before, "a test has changed the run that all tests share"


@pytest.fixture
def copied(encoded, tmp_path):
    return shutil.copytree(encoded, tmp_path / "copy")


# What all stages leave


def test_every_row_has_its_file_its_metrics_and_its_probabilities(encoded):
    assert {path.name.removesuffix(records.SUFFIX) for path in encoded.glob(f"*{records.SUFFIX}")} == set(ROWS)
    reviews = corpus.load(encoded)
    for name, suffix in ROWS.items():
        facts = record(encoded, name)
        saved = records.load_probabilities(encoded, name)
        np.testing.assert_array_equal(saved["test_row"], reviews.rows("test"))
        right = int(((saved["test"] > 0.5) == (saved["test_label"] > 0.5)).sum())
        assert facts["scores"]["accuracy"]["correct"] == right and facts["scores"]["accuracy"]["n"] == 80 == len(saved["test"])
        assert facts["size"]["bytes"] == (encoded / f"{name}{suffix}").stat().st_size
        assert facts["stage"] in manifest.ENCODER.scripts and records.changes(encoded, facts) == []
        assert facts["latency"]["p50_ms"] <= facts["latency"]["p95_ms"] and facts["parameters"]["total"] > 0
        assert not {"artifacts", "data"} & {*facts["settings"], *facts["flags"]}  # no machine's folders in a result
    assert not [path.name for path in encoded.iterdir() if "checkpoint" in path.name or path.name.startswith(files.TEMPORARY)]


@pytest.mark.parametrize("name", ROWS)
def test_the_shipped_bytes_read_raw_texts_and_give_the_saved_probabilities(encoded, name):
    model = registry.open_model(encoded / (name + ROWS[name]))
    found = model.predict_raw(corpus.load(encoded).texts("test"))
    np.testing.assert_allclose(found, records.load_probabilities(encoded, name)["test"], atol=1e-6)
    assert np.std(found) > 1e-4  # a model that says the same of all texts would pass every comparison


def test_what_was_cut_is_smaller(encoded):
    facts = {name: record(encoded, name) for name in ROWS}
    size = {name: facts[name]["size"]["bytes"] for name in ROWS}
    parameters = {name: facts[name]["parameters"]["total"] for name in ROWS}
    for name in ("cut_vocabulary", "cut_layers", "cut_heads", "modelo_destilado_DRQ"):
        assert size[name] < size["modelo_podado_DRQ"] and parameters[name] < parameters["modelo_base"]
    assert size["compact"] < size["modelo_destilado_DRQ"] and parameters["compact"] < parameters["modelo_destilado"]
    assert size["modelo_destilado_narrow"] < size["modelo_destilado"] == size["modelo_control"] < size["modelo_base"]
    assert size["modelo_destilado_2_layers"] == size["modelo_base"] == size["modelo_podado_L1"]  # zeros save nothing
    assert size["modelo_4bit"] < size["modelo_DRQ"] < size["modelo_linear_8bit"] < size["modelo_F32"]
    for name in ("modelo_podado_L1", "modelo_podado"):
        linear = [array for array in facts[name]["parameters"]["arrays"] if array["name"].endswith(".weight")]
        assert len(linear) > 10 and facts[name]["parameters"]["nonzero"] < 0.9 * parameters[name]
    assert facts["modelo_lora"]["trained_parameters"] < 0.1 * parameters["modelo_base"] == 0.1 * parameters["modelo_lora"]


def test_rows_with_fewer_pieces_name_their_tokenizer(encoded):
    for name in ROWS:
        own = f"{name}.tokenizer.json" if name in CUT else None if ROWS[name] == ".zip" else "tokenizer.json"
        assert record(encoded, name)["tokenizer"] == own
    for name in CUT:
        tokenizer = PieceTokenizer.load(encoded / f"{name}.tokenizer.json", "")
        assert tokenizer.vocabulary_size == record(encoded, name)["model"]["vocabulary_size"] <= PIECES
        assert f"{name}.tokenizer.json" in record(encoded, name)["inputs"]


def test_every_tflite_file_has_built_in_operators_alone(encoded):
    for name in TFLITE:
        assert litert.custom_operators(encoded / f"{name}.tflite") == [] and record(encoded, name)["compiled_model"]["loads"]
    assert len(record(encoded, "modelo_DRQ")["signatures"]) == 4
    assert record(encoded, "modelo_F32")["agreement"]["largest_difference_of_logits"] < 1e-4


def test_the_last_table_names_every_row(encoded):
    shown = (encoded / "comparison.md").read_text(encoding="utf-8")
    frame = pd.read_csv(encoded / "comparison.csv")
    for name in ROWS:
        assert record(encoded, name)["technique"] in set(frame["technique"]) and record(encoded, name)["technique"] in shown
    assert "STALE" not in shown and "damaged" not in shown


def test_the_ledger_has_a_line_for_each_scoring(encoded):
    lines = ledger.read(encoded / ledger.NAME)
    assert sorted((line["row"], line["model_sha256"]) for line in lines) == sorted(
        (name, files.sha256(encoded / (name + suffix))) for name, suffix in ROWS.items()
    )
    assert {line["texts"] for line in lines} == {"80"} and len({line["test_set"] for line in lines}) == 1


def test_topics_are_of_the_base_and_of_its_students(encoded):
    about = json.loads((encoded / "topics.json").read_text(encoding="utf-8"))
    students = {name for name in ROWS if name.startswith("modelo_destilado") and ROWS[name] == ".safetensors"}
    assert set(about["inputs"]) == {"reviews.csv", "tokenizer.json", *(f"{name}.safetensors" for name in {"modelo_base", *students})}


def test_students_are_compared_with_the_control_and_say_what_taught_them(encoded):
    control = record(encoded, "modelo_control")
    assert "distillation" not in control and "transfer_texts" not in control
    for name in ("modelo_destilado", *FURTHER):
        facts = record(encoded, name)
        assert facts["transfer_texts"] == 60 and facts["distillation"]["teachers"] == ["modelo_base"]
        assert facts["distillation"]["to_control"]["low"] <= facts["distillation"]["to_control"]["high"]
        assert facts["distillation"]["logits"] == (name != "modelo_destilado_labels_hidden")
        assert "modelo_control.safetensors" in facts["inputs"]
    shares = [record(encoded, name)["distillation"]["hidden_weight"] for name in ("modelo_destilado", "modelo_destilado_logits_alone")]
    assert shares == [1.0, 0.0] and len({files.sha256(encoded / f"{name}.safetensors") for name in FURTHER}) == len(FURTHER)
    held_out = {text for name in ("validation", "test") for text in corpus.load(encoded).texts(name)}
    settings = cli.settings(str(ROOT / manifest.ENCODER_DISTILLATION), ["--artifacts", str(encoded)])
    assert not held_out & set(encoder_teaching.transfer_set(EncoderSpace.begin(settings), 60))


def test_rivals_fit_into_the_bytes_of_the_lstm_and_learned_from_the_same_texts(encoded):
    student = record(encoded, "student_lstm")
    for name, unit in (("rival_words", "words"), ("rival_characters", "characters")):
        facts = record(encoded, name)
        assert 0.95 * student["size"]["bytes"] < facts["size"]["bytes"] <= student["size"]["bytes"]
        assert facts["role"] == "classical" and facts["model"]["unit"] == unit
        best = max(facts["tried"], key=lambda one: one["validation_accuracy"])
        assert (facts["model"]["C"], facts.get("transfer_texts", 0)) == (best["C"], best["transfer_texts"])
        assert {one["transfer_texts"] for one in facts["tried"]} == {0, student["transfer_texts"]} and len(facts["tried"]) == 8
        assert registry.open_model(encoded / f"{name}.zip").model.unit == unit


def test_the_base_learned_from_the_encoder_of_labels_alone(encoded):
    facts, alone = record(encoded, "modelo_base"), record(encoded, "labels_alone")
    assert facts["transfer_texts"] == 60 and facts["distillation"]["teachers"] == ["labels_alone", "seed 2"]
    assert "labels_alone.safetensors" in facts["inputs"] and "distillation" not in alone and "transfer_texts" not in alone
    difference = facts["scores"]["accuracy"]["value"] - alone["scores"]["accuracy"]["value"]
    assert facts["distillation"]["to_control"]["value"] == pytest.approx(difference)
    # Both began at the same weights and went different ways.
    assert files.sha256(encoded / "modelo_base.safetensors") != files.sha256(encoded / "labels_alone.safetensors")


# One stage alone


@pytest.mark.parametrize("name", [manifest.FINE_TUNING, manifest.ENCODER_QUANTIZATION])
def test_a_stage_run_again_gives_the_same_bytes(copied, name):
    before = models(copied)
    run_stage(name, copied)
    assert models(copied) == before
    assert ledger.read(copied / ledger.NAME) and not any("STALE" in note for note in notes(copied).values())


@pytest.mark.parametrize(
    ("name", "flags", "made"),
    [
        (manifest.ENCODER_PRUNING, (), ["modelo_podado_L1", "modelo_podado"]),
        (manifest.ENCODER_DISTILLATION, MORE, ["modelo_control", "modelo_destilado", *FURTHER]),
    ],
)
def test_cuts_and_students_made_again_have_the_same_bytes(copied, monkeypatch, name, flags, made):
    """All that is trained before the first conversion, which takes longer."""
    before, pending = models(copied), {}

    def ends(publisher, *_):
        paths = publisher.space.folder.glob(f"{files.TEMPORARY}modelo*")
        pending.update({path.name.removeprefix(files.TEMPORARY): files.sha256(path) for path in paths})
        raise UserError("enough", "is seen")

    monkeypatch.setattr(encoder_cuts, "in_8_bits", ends)
    with pytest.raises(UserError, match="enough"):
        run_stage(name, copied, *flags)
    assert pending == {f"{row}.safetensors": before[f"{row}.safetensors"] for row in made}
    assert models(copied) == before


def test_a_tweak_of_one_stage_works_and_marks_the_rows_that_depend_on_it(copied):
    run_stage(manifest.FINE_TUNING, copied, "--epochs", "2")
    assert len(record(copied, "labels_alone")["history"]) == 2 and record(copied, "modelo_base")["flags"]["epochs"] == 2
    shown = notes(copied)
    assert {name for name in ROWS if "STALE" in shown[record(copied, name)["technique"]]} == set(ROWS) - {
        row.name for row in STAGE(manifest.FINE_TUNING).rows
    }


def test_an_unsafe_or_typed_text_is_judged_by_every_kind_of_file(encoded, capsys):
    sentence = "A film without a heart, and <b>too long</b> by an hour."
    for name in ("modelo_base", "modelo_DRQ", "modelo_ONNX", "compact", "student_lstm"):
        path = encoded / (name + ROWS[name])
        capsys.readouterr()
        load_stage("predict.py").main(["--model", str(path), sentence, "Wonderful!"])
        first, second = capsys.readouterr().out.strip().splitlines()
        verdict, probability, known, text = first.split("\t")
        assert text == sentence and known.endswith("%") and second.endswith("Wonderful!")
        expected = registry.open_model(path).predict_raw([sentence])[0]
        assert float(probability) == pytest.approx(expected, abs=6e-4)
        assert verdict in ("negative", "positive", "cannot judge")


# Killed


@pytest.mark.parametrize("step", [4, 22, 31])
def test_a_killed_fine_tuning_goes_on_and_gives_the_same_file(encoded, copied, monkeypatch, capsys, step):
    before = hashes(copied)
    calls, real = iter(range(1, 1000)), finetuning.cross_entropy

    def dies(logits, targets):
        if next(calls) == step:
            raise KeyboardInterrupt
        return real(logits, targets)

    monkeypatch.setattr(finetuning, "CHECKPOINT_SECONDS", 0)
    with monkeypatch.context() as patch:
        # 9 steps of the first encoder, 9 of the second, 11 of the base, then those of LoRA.
        for module in (finetuning, distilling):
            patch.setattr(module, "cross_entropy", dies)
        assert errors.exit_code(lambda: run_stage(manifest.FINE_TUNING, copied)) == 130
    assert "run the same command to go on" in capsys.readouterr().err
    after = hashes(copied)
    assert {name for name in before if before[name] != after[name]} <= {ledger.NAME}
    begun = {4: "labels_alone", 22: "modelo_base", 31: "modelo_lora"}[step]
    assert (copied / f".{begun}.checkpoint.pt").is_file()
    run_stage(manifest.FINE_TUNING, copied)
    out = capsys.readouterr().out
    assert "goes on in epoch 1" in out or "all 1 epochs were done before" in out
    assert models(copied) == models(encoded) and not list(copied.glob(".*checkpoint*"))


def test_a_cut_that_is_killed_leaves_the_earlier_one_with_its_tokenizer(copied, monkeypatch):
    flags = ["--artifacts", str(copied), *SMALL[manifest.ENCODER_PRUNING], "--vocabulary-size", "420"]
    settings = cli.settings(str(ROOT / manifest.ENCODER_PRUNING), flags)
    space, base = EncoderSpace.open(settings)
    before = models(copied)

    def dies(logits, targets):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(finetuning, "cross_entropy", dies)
        encoder_cuts.with_fewer_words(space, base, STAGE(manifest.ENCODER_PRUNING).row("cut_vocabulary"))
    assert models(copied) == before
    registry.open_model(copied / "cut_vocabulary.tflite").predict_raw(["Still read."])


# Mistakes


@pytest.mark.parametrize("name", manifest.ENCODER.scripts[1:])
def test_a_stage_without_a_folder_names_the_first_one(tmp_path, capsys, name):
    assert f"run python encoder/1_data.py --artifacts {tmp_path / 'none'}" in fails(name, tmp_path / "none", capsys)


def test_a_stage_run_too_early_names_the_one_to_run(encoded, tmp_path, capsys):
    for name in STAGE(manifest.ENCODER_DATA).writes:
        shutil.copy(encoded / name, tmp_path)
    for name in manifest.ENCODER.scripts[2:]:
        line = fails(name, tmp_path, capsys)
        assert "modelo_base.metrics.json is missing" in line and f"python encoder/2_finetune.py --artifacts {tmp_path}" in line


def test_another_encoder_than_that_of_stage_1_is_refused(place, copied, capsys):
    before = hashes(copied)
    line = fails(manifest.FINE_TUNING, copied, capsys, "--encoder", str(place / "other"))
    assert "tokenizer.json is that of small, not of other" in line
    assert f"python encoder/1_data.py --artifacts {copied} --encoder {place / 'other'}" in line
    assert hashes(copied) == before


def test_an_encoder_whose_weights_have_changed_since_stage_1_is_refused(place, copied, tmp_path, capsys):
    moved = shutil.copytree(place / "other", tmp_path / "small")
    about = json.loads((copied / "reviews.json").read_text(encoding="utf-8"))
    about["encoder"]["source"] = str(moved)
    (copied / "reviews.json").write_text(json.dumps(about), encoding="utf-8")
    line = fails(manifest.FINE_TUNING, copied, capsys)
    assert "that of small, which has other weights now" in line and line.endswith(f"--encoder {moved}")  # not "--encoder auto"
    shutil.rmtree(moved)
    assert str(moved) in fails(manifest.FINE_TUNING, copied, capsys)


@pytest.fixture(scope="module")
def words(place):
    """A folder of the LSTM's track, after its first stage."""
    load_stage(manifest.PREPROCESSING).main(["--artifacts", str(place / "words"), "--data", str(place / "sentences.csv")])
    return place / "words"


def test_encoder_stages_on_a_folder_of_the_lstms_track_change_nothing(words, tmp_path, capsys):
    artifacts = shutil.copytree(words, tmp_path / "words")
    for name in manifest.ENCODER.scripts[1:]:
        assert f"holds texts of 1_data_preprocessing.py, which are not for {name}" in fails(name, artifacts, capsys)
        assert hashes(artifacts) == hashes(words)


def test_a_refused_stage_leaves_a_folder_its_track(words, tmp_path, capsys):
    artifacts = shutil.copytree(words, tmp_path / "words")
    fails(manifest.ENCODER_QUANTIZATION, artifacts, capsys)
    assert manifest.track_in(artifacts) == manifest.LSTM


@pytest.mark.parametrize("name", manifest.LSTM.scripts)
def test_lstm_stages_on_a_folder_of_the_encoders_track_change_nothing(copied, capsys, name):
    before = hashes(copied)
    fails(name, copied, capsys)
    assert hashes(copied) == before


@pytest.mark.parametrize("name", [manifest.FINE_TUNING, manifest.ENCODER_PRUNING, manifest.ENCODER_DISTILLATION, manifest.TOPICS])
def test_a_gpu_that_is_not_there_is_said_before_anything_is_scored(copied, capsys, monkeypatch, name):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    before = hashes(copied)
    assert "there is no GPU that PyTorch can use" in fails(name, copied, capsys, "--device", "cuda")
    assert hashes(copied) == before


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--layers", "3"), "a student of 3 layers: its teacher has 2"),
        (("--more-layers", "1,5"), "a student of 5 layers"),
        (("--more-layers", "2,2"), "--more-layers '2,2' is not understood"),
        (("--more-layers", "two"), "--more-layers 'two' is not understood"),
        (("--narrow", "33"), "a student of 33 columns: its teacher has 32"),
        (("--transfer", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_students_that_cannot_be_made_are_said_before_any_is_trained(copied, capsys, flags, words):
    before = hashes(copied)
    assert words in fails(manifest.ENCODER_DISTILLATION, copied, capsys, *flags) and hashes(copied) == before


def test_a_vocabulary_that_cannot_be_cut_leaves_out_its_rows(capsys):
    library = tokenizers.Tokenizer(tokenizers.models.BPE({"a": 0, "b": 1}, []))
    space = EncoderSpace.__new__(EncoderSpace)
    space.settings, space.tokenizer = None, PieceTokenizer(json.loads(library.to_str()), 8, 0)
    for name, make in (("cut_vocabulary", encoder_cuts.with_fewer_words), ("compact", None)):
        row = next(row for stage in manifest.ENCODER.stages for row in stage.rows if row.name == name)
        made = make(space, None, row) if make else encoder_cuts.compact(SimpleNamespace(space=space), None, row, None, [])
        assert made == []
        assert f"{name}.tflite is left out: a vocabulary of the kind BPE cannot be cut" in capsys.readouterr().out


def test_a_row_that_cannot_be_made_is_not_due(copied):
    stage, missing = STAGE(manifest.ENCODER_PRUNING), "cut_vocabulary"
    for path in copied.glob(f"{missing}*"):
        path.unlink()
    assert refresh.pending(copied, stage) == [record(copied, "cut_layers")["flags"]]
    for row in stage.rows:
        if row.name != missing:
            files.write_json(copied / f"{row.name}{records.SUFFIX}", {**record(copied, row.name), "left_out": [missing]})
    assert refresh.pending(copied, stage) == []


def test_three_labels_and_pieces_of_another_kind_go_through(place, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(conversion, "signature_lengths", lambda longest: [longest])  # for seconds
    artifacts = tmp_path / "three"
    given = ("--data", str(place / "three.csv"), "--encoder", str(place / "other"), "--labels", "bad,fair,good")
    run_stage(manifest.ENCODER_DATA, artifacts, *given)
    run_stage(manifest.FINE_TUNING, artifacts, "--pooling", "first")
    run_stage(manifest.ENCODER_QUANTIZATION, artifacts)
    run_stage(manifest.ENCODER_DISTILLATION, artifacts)
    texts, shown = corpus.load(artifacts).texts("test"), notes(artifacts)
    found = sorted(artifacts.glob(f"*{records.SUFFIX}"))
    assert len(found) == 4 + 5 + 8
    for path in found:
        facts = json.loads(path.read_text(encoding="utf-8"))
        saved = records.load_probabilities(artifacts, facts["name"])["test"]
        assert facts["labels"] == ["bad", "fair", "good"] and saved.shape == (80, 3) and facts["technique"] in shown
        np.testing.assert_allclose(saved.sum(axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(registry.open_model(artifacts / facts["file"]).predict_raw(texts), saved, atol=1e-6)
    assert "0 transfer texts" in capsys.readouterr().out  # those bundled are of films and have two labels
