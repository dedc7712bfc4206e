"""What is due in an artifacts folder after something changed, and running just that."""

import json
import re
import shutil

import pytest
from conftest import ROOT, STAGES, hashes, load_stage, record, stages_with

from sentipress.core import manifest
from sentipress.core.errors import UserError
from sentipress.core.manifest import BASELINE, CLASSICAL, COMBINATION, DISTILLATION, PREPROCESSING, PRUNING, QUANTIZATION
from sentipress.pipeline import refresh
from sentipress.pipeline.staleness import SCRIPTS

OF_BASE = {QUANTIZATION, PRUNING, DISTILLATION, COMBINATION}
ONE_ROW = {
    BASELINE: "modelo_base",
    CLASSICAL: "classical_pairs",
    QUANTIZATION: "modelo_DRQ",
    PRUNING: "modelo_podado",
    DISTILLATION: "modelo_destilado",
    COMBINATION: "pocket",
}


@pytest.fixture
def copy(run, tmp_path):
    return shutil.copytree(run, tmp_path / "artifacts", ignore=shutil.ignore_patterns("figures", "logs", "teacher_*"))


def due(artifacts, scripts=SCRIPTS):
    """Stages that are due, with the flags of each run."""
    found = {stage.script: refresh.pending(artifacts, stage, scripts) for stage in manifest.LSTM.stages}
    return {script: flags for script, flags in found.items() if flags}


def earlier(artifacts, scripts):
    """What is expected of stages that were run: one run each, with the flags that it had."""
    about = json.loads((artifacts / manifest.DESCRIPTION).read_text(encoding="utf-8"))
    flags = {script: record(artifacts, ONE_ROW[script])["flags"] if script in ONE_ROW else about["flags"] for script in scripts}
    assert all(flags[script] for script in scripts if script not in (QUANTIZATION, CLASSICAL))  # most of them had some
    return {script: [flags[script]] for script in scripts}


def test_nothing_is_due_after_a_run(copy, capsys):
    assert due(copy) == {}
    before = hashes(copy)
    load_stage("compare.py").main(["--artifacts", str(copy), "--refresh"])
    assert "every row is current" in capsys.readouterr().out
    assert {name: mark for name, mark in hashes(copy).items() if not name.startswith("comparison.")} == {
        name: mark for name, mark in before.items() if not name.startswith("comparison.")
    }


def test_everything_is_due_in_an_empty_folder(tmp_path):
    assert due(tmp_path) == {script: [{}] for script in STAGES}


@pytest.mark.parametrize(
    ("script", "constant", "value", "expected"),
    [
        (PREPROCESSING, "SEED", "2", set(STAGES)),  # the texts would be others: nothing made from them holds
        (BASELINE, "DROPOUT", "0.4", {BASELINE}),  # what depends on its files is looked at once they have changed
        (PRUNING, "FINAL_SPARSITY", "0.7", {PRUNING}),
        (DISTILLATION, "ALPHA", "0.25", {DISTILLATION}),
        (COMBINATION, "TOLERANCE", "0.1", {COMBINATION}),
        (PRUNING, "EPOCHS", "9", set()),  # a flag of the earlier run sets it
        (QUANTIZATION, "LATENCY_REVIEWS", "20", set()),  # no result depends on it
    ],
)
def test_a_changed_constant_makes_its_stage_due(copy, tmp_path, script, constant, value, expected):
    scripts = stages_with(tmp_path / "scripts", script, constant, value)
    assert due(copy, scripts) == earlier(copy, expected)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("modelo_DRQ.tflite", {QUANTIZATION}),
        ("modelo_podado.keras", {PRUNING}),
        ("modelo_podado.probabilities.npz", {PRUNING}),
        ("modelo_control.keras", {DISTILLATION}),
        ("pocket_2_distil.keras", {COMBINATION}),
        ("classical_pairs.npz", {CLASSICAL, DISTILLATION, COMBINATION}),  # it taught both
        ("unlabelled.csv", {DISTILLATION, COMBINATION}),
        ("embedding_start.npz", {DISTILLATION, COMBINATION}),
        ("tokenizer.json", {BASELINE, *OF_BASE} - {COMBINATION}),  # this chain has its own words, and is looked at after the base
        ("modelo_base.keras", {BASELINE, *OF_BASE}),
        ("reviews.csv", {BASELINE, CLASSICAL, *OF_BASE}),
    ],
)
@pytest.mark.parametrize("change", ["changed", "gone"])
def test_a_changed_file_makes_due_what_wrote_it_and_what_depends_on_it(copy, file, expected, change):
    if change == "changed":
        (copy / file).write_bytes((copy / file).read_bytes() + b"x")
    else:
        (copy / file).unlink()
    if file == "reviews.csv" and change == "gone":  # as in a published folder: the texts alone are due
        expected = {PREPROCESSING}
    assert due(copy) == earlier(copy, expected)


def test_damaged_metrics_count_as_not_run(copy):
    (copy / "modelo_base.metrics.json").write_text("{", encoding="utf-8")
    assert due(copy)[BASELINE] == [{}]
    (copy / manifest.DESCRIPTION).write_text("{", encoding="utf-8")
    assert due(copy)[PREPROCESSING] == [{}]


def test_two_runs_of_a_stage_with_other_flags_are_both_due(copy):
    facts = record(copy, "modelo_podado_DRQ")
    facts["flags"]["final_sparsity"] = facts["settings"]["final_sparsity"] = 0.6
    (copy / "modelo_podado_DRQ.metrics.json").write_text(json.dumps(facts), encoding="utf-8")
    assert due(copy) == {}
    (copy / "modelo_base.keras").write_bytes(b"other")
    assert due(copy)[PRUNING] == [record(copy, name)["flags"] for name in ("modelo_podado", "modelo_podado_DRQ")]


# Running it


@pytest.fixture
def stubs(tmp_path):
    """Scripts with the constants of the stages that write their command line to a file; with --seed 13 they fail."""
    place = tmp_path / "stubs"
    place.mkdir()
    code = f"import json, sys\nwith open({str(place / 'log')!r}, 'a') as log: log.write(json.dumps(sys.argv) + chr(10))\n"
    for script in STAGES:
        constants = (ROOT / script).read_text(encoding="utf-8").split("# %% Stage")[0]
        constants = constants.replace("from sentipress.core.errors import exit_code", "")
        (place / script).write_text(constants + code + "sys.exit(3 * ('13' in sys.argv))\n", encoding="utf-8")
    return place


def called(stubs):
    """Script and flags of each call, in order."""
    lines = (stubs / "log").read_text(encoding="utf-8").splitlines() if (stubs / "log").exists() else []
    return [(words[0].rsplit("/", 1)[-1], words[1:]) for words in map(json.loads, lines)]


def test_what_is_due_is_run_in_order_with_the_flags_that_it_had(copy, stubs, capfd):
    (copy / "classical_pairs.npz").write_bytes(b"other")
    lines = refresh.refresh(copy, scripts=stubs)
    scripts = [CLASSICAL, DISTILLATION, COMBINATION]
    assert lines == [manifest.command(script, copy, record(copy, ONE_ROW[script])["flags"]) for script in scripts]
    assert [script for script, _ in called(stubs)] == scripts
    for script, words in called(stubs):
        assert words == manifest.words(script, copy, record(copy, ONE_ROW[script])["flags"])[1:]
    assert [line for line in capfd.readouterr().out.splitlines() if line.startswith("$ ")] == [f"$ {line}" for line in lines]


def test_a_stage_that_fails_ends_the_refreshing(copy, stubs):
    facts = record(copy, "modelo_destilado")
    made = ("modelo_destilado", "modelo_control", "modelo_destilado_self", "modelo_destilado_pseudo")
    for name in (*made, "modelo_destilado_DRQ", "modelo_profesor"):
        facts = record(copy, name)
        facts["flags"]["seed"] = facts["settings"]["seed"] = 13
        (copy / f"{name}.metrics.json").write_text(json.dumps(facts), encoding="utf-8")
    (copy / "classical_pairs.npz").write_bytes(b"other")
    with pytest.raises(UserError, match=re.escape(f"{DISTILLATION} ended with exit code 3 -> do as its message says")):
        refresh.refresh(copy, scripts=stubs)
    assert [script for script, _ in called(stubs)] == [CLASSICAL, DISTILLATION]


def test_texts_of_a_file_are_not_made_again_from_others(copy, stubs):
    (copy / "reviews.csv").unlink()
    with pytest.raises(
        UserError, match=r"holds texts of IMDB Dataset\.csv -> run python 1_data.* --data 'IMDB Dataset\.csv' --unlabelled unlabelled\.csv"
    ):
        refresh.refresh(copy, scripts=stubs)
    assert called(stubs) == []


def test_a_refreshed_folder_is_current(copy, tmp_path, monkeypatch):
    scripts = stages_with(tmp_path / "quick", QUANTIZATION, "LATENCY_REVIEWS", "10")
    path = scripts / QUANTIZATION
    path.write_text(re.sub(r"(?m)^DEPLOYMENT = True", "DEPLOYMENT = False", path.read_text(encoding="utf-8")), encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    before = hashes(copy)
    (copy / "modelo_DRQ.tflite").unlink()
    assert refresh.refresh(copy, scripts=scripts) == [manifest.command(QUANTIZATION, copy)]
    assert due(copy, scripts) == {} == due(copy)
    after = hashes(copy)
    assert {name for name in before if before[name] != after[name]} == {f"modelo_{name}.metrics.json" for name in ("F32", "DRQ", "F16Q")}
