"""Mistakes that people make with their own texts and files: each is refused in one line, and nothing is replaced unasked."""

import json
import shutil
import zipfile

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, load_stage

from sentipress.core import errors, manifest
from sentipress.core.errors import UserError
from sentipress.data import corpus_making, sources
from sentipress.data.stored import Table
from sentipress.data.task import Split, Task
from sentipress.linear.bag_of_words import LinearModel
from sentipress.lstm import networks
from sentipress.pipeline import chain_links, refresh
from sentipress.runtimes import packed_words, registry
from sentipress.runtimes.keras_file import save_keras


def posts(path, labels, rows=80):
    texts = [f"{labels[number % len(labels)]} words of row {number}" for number in range(rows)]
    pd.DataFrame({"text": texts, "label": [labels[number % len(labels)] for number in range(rows)]}).to_csv(path, index=False)
    return path


def stage_1(*flags):
    return errors.exit_code(lambda: load_stage(manifest.PREPROCESSING).main([*flags, "--text-column", "text", "--label-column", "label"]))


def test_own_texts_are_not_replaced_by_the_bundled_ones(tmp_path, capsys):
    path, folder = posts(tmp_path / "mine.csv", ["yes", "no"]), tmp_path / "artifacts"
    assert stage_1("--artifacts", str(folder), "--data", str(path)) == 0
    before = (folder / "reviews.csv").read_bytes()
    assert errors.exit_code(lambda: load_stage(manifest.PREPROCESSING).main(["--artifacts", str(folder)])) == 2
    message = capsys.readouterr().err
    assert "holds texts of mine.csv" in message and "--data mine.csv" in message and "--text-column text" in message
    with pytest.raises(UserError, match=r"holds texts of mine\.csv"):
        (folder / "reviews.csv").write_bytes(before + b"\n")
        (folder / "reviews.csv").unlink()
        refresh.refresh(folder)
    assert stage_1("--artifacts", str(folder), "--data", str(path)) == 0  # named again, they may be replaced
    assert (folder / "reviews.csv").read_bytes() == before


def test_a_folder_that_is_a_typing_slip_is_not_made(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        refresh.refresh(tmp_path / "artefacts")
    assert not (tmp_path / "artefacts").exists()


def test_models_without_a_description_of_their_texts_are_left_alone(tmp_path):
    source = ROOT / "results" / "default"
    for name in ("modelo_base.metrics.json",):
        shutil.copy(source / name, tmp_path / name)
    with pytest.raises(UserError, match=r"no reviews\.json"):
        refresh.refresh(tmp_path)


def test_a_row_that_is_missing_is_made_again_with_its_flags(run, tmp_path):
    folder = shutil.copytree(run, tmp_path / "artifacts")
    stage = manifest.LSTM.stage
    assert refresh.pending(folder, stage(manifest.QUANTIZATION)) == []
    flags = json.loads((folder / "modelo_F32.metrics.json").read_text(encoding="utf-8"))["flags"]
    (folder / "modelo_DRQ.metrics.json").unlink()
    assert refresh.pending(folder, stage(manifest.QUANTIZATION)) == [flags]
    assert refresh.pending(folder, stage(manifest.CLASSICAL)) == []  # one bag of words was asked for
    facts = json.loads((folder / "classical_pairs.metrics.json").read_text(encoding="utf-8"))
    (folder / "classical_pairs.metrics.json").write_text(json.dumps({**facts, "flags": {}}), encoding="utf-8")
    due = refresh.pending(folder, stage(manifest.CLASSICAL))  # all were, and the others are lost
    assert {"only": "classical_nb"} in due and {"only": "classical_pairs"} not in due
    chain = json.loads((folder / "pocket.metrics.json").read_text(encoding="utf-8"))["flags"]
    (folder / "pocket.metrics.json").unlink()
    assert refresh.pending(folder, stage(manifest.COMBINATION)) == [chain]


def test_a_test_file_of_training_texts_and_labels_with_line_ends(tmp_path):
    frame = pd.DataFrame({"review": [f"text {number}" for number in range(60)], "label": [0, 1] * 30, "row": range(60)})
    table = corpus_making.keyed(Table.stored(frame))
    with pytest.raises(UserError, match="every training text is a test text"):
        corpus_making.with_test(table, table, Task(split=Split("test file", None)))
    path = posts(tmp_path / "odd.csv", ["a\tb", "c\nd"])
    assert sources.read_file(path, "text", "label").labels == ("a b", "c d")
    path = posts(tmp_path / "stars.csv", ["1.0", "2.0", "10.0"])
    assert sources.read_file(path, "text", "label").labels == ("1.0", "2.0", "10.0")
    with pytest.raises(UserError, match="--text-column"):
        sources.read_file(path)


def test_a_network_of_other_labels_is_refused(tmp_path):
    spec = networks.ModelSpec(10, 5, 2, 2, False, "last", 0.0, 0.0, 3)
    save_keras(networks.build(spec), tmp_path / "three.keras")
    (tmp_path / "tokenizer.json").write_text(
        json.dumps(
            {"schema": 2, "cleaning": "default", "sequence_length": 5, "padding": "post", "truncating": "pre", "words": ["a"]},
        )
    )
    with pytest.raises(UserError, match="gives 3 numbers, its 2 labels need 1"):
        registry.open_model(tmp_path / "three.keras")


def changed_metadata(source, target, **changes):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, json.dumps({**json.loads(content), **changes}) if name == "metadata.json" else content)
    return target


@pytest.mark.parametrize("change", [{"sequence_length": 7}, {"sequence_length": -3}, {"labels": ["a", "b", "c"]}, {"labels": ["a"]}])
def test_a_pocket_model_whose_metadata_do_not_fit_is_refused(tmp_path, change):
    path = changed_metadata(ROOT / "results" / "default" / "pocket.zip", tmp_path / "pocket.zip", **change)
    with pytest.raises(UserError, match=r"pocket\.zip|different labels"):
        registry.open_model(path)


@pytest.mark.parametrize("change", [{"labels": ["a", "b"]}, {"labels": list("abcd")}, {"bias": [0.0]}, {"link": "none"}, {"scale": [1.0]}])
def test_a_packed_bag_of_words_whose_metadata_do_not_fit_is_refused(tmp_path, change):
    model = LinearModel(("x", "y"), np.ones((2, 3)), None, np.zeros(3, np.float32), 1, "default", ("a", "b", "c"), "one-vs-rest")
    packed_words.save(tmp_path / "good.zip", model, 8)
    path = changed_metadata(tmp_path / "good.zip", tmp_path / "bad.zip", **change)
    with pytest.raises(UserError, match=r"bad\.zip"):
        registry.open_model(path)


def test_the_default_chain_fits_a_base_of_few_words():
    spec = networks.ModelSpec(2000, 5, 8, 8, True, "wide", 0.0, 0.0)
    links = chain_links.parse("vocabulary=8000,distil=4x4,quantize,pack")
    with pytest.raises(UserError, match="no number from 3 to 2000"):
        chain_links.check_sizes(links, spec, 8)
    fitted = chain_links.capped(links, spec)
    chain_links.check_sizes(fitted, spec, 8)
    assert [str(link) for link in fitted] == ["vocabulary=2000", "distil=4x4", "quantize", "pack"]
