"""The ledger of scorings: one line for each model and test set, added to and never rewritten."""

import csv
import hashlib

import numpy as np
import pytest
from conftest import record

from sentipress.core.errors import UserError
from sentipress.evaluation import ledger, records
from sentipress.reporting import table


def line(model, test_set="set", **changes):
    facts = {"row": "m", "task": "t", "date": "2026-01-01", "commit": "c", "texts": "3", "accuracy": "0.5"}
    return {**dict.fromkeys(ledger.COLUMNS), **facts, "test_set": test_set, "model_sha256": model, **changes}


def test_a_run_has_a_line_for_each_of_its_models(run):
    lines = {one["row"]: one for one in ledger.read(run / ledger.NAME)}
    names = {path.name.removesuffix(records.SUFFIX) for path in run.glob(f"*{records.SUFFIX}")}
    assert lines.keys() == names
    for name, one in lines.items():
        facts, saved = record(run, name), records.load_probabilities(run, name)
        assert one["model_sha256"] == hashlib.sha256((run / facts["file"]).read_bytes()).hexdigest()
        assert float(one["accuracy"]) == pytest.approx(facts["scores"]["accuracy"]["value"], abs=1e-6)
        assert one["test_set"] == ledger.test_set(saved["test_row"], saved["test_label"])
        assert one["task"] == "IMDB Dataset.csv, recipe default, random split, seed 1" and int(one["texts"]) == len(saved["test_row"])
    assert len({one["test_set"] for one in lines.values()}) == 1


def test_the_same_bytes_make_no_second_line_and_no_line_is_lost(tmp_path):
    path = tmp_path / ledger.NAME
    ledger.append(path, [line("a"), line("b"), line("a", date="2026-02-02")])
    ledger.append(path, [line("b", row="again"), line("a", "other set"), line("c", task='quotes ", and\nlines')])
    found = ledger.read(path)
    assert [(one["test_set"], one["model_sha256"]) for one in found] == [("set", "a"), ("set", "b"), ("other set", "a"), ("set", "c")]
    assert found[0]["date"] == "2026-01-01" and found[-1]["task"] == 'quotes ", and\nlines'
    twice = path.read_text(encoding="utf-8").splitlines(keepends=True)  # as a merge of two branches may leave it
    path.write_text("".join([*twice[:2], *twice[1:]]), encoding="utf-8")
    ledger.append(path, [line("new")])
    assert ledger.read(path) == [*found, line("new")]
    before = path.stat().st_mtime_ns
    ledger.append(path, [line("a")])
    assert path.stat().st_mtime_ns == before


def test_uses_are_counted_over_the_folders_and_the_projects_ledger(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "PROJECT", tmp_path / "project")
    folder = tmp_path / "runs" / "one"
    ledger.append(folder / ledger.NAME, [line("a"), line("b")])
    ledger.append(folder.parent / ledger.NAME, [line("b"), line("c"), line("d", "other set")])
    ledger.append(tmp_path / "project" / "results" / ledger.NAME, [line("c"), line("e")])
    assert ledger.uses(folder, "set") == 4 and ledger.uses(folder, "other set") == 1 and ledger.uses(folder, "none") == 0


def test_publishing_adds_to_the_ledger_beside_the_folder_if_there_is_one(run, tmp_path, capsys):
    table.publish(run, tmp_path / "alone")
    assert ledger.read(tmp_path / "alone" / ledger.NAME) == ledger.read(run / ledger.NAME)
    ledger.append(tmp_path / "results" / ledger.NAME, [line("a")])
    table.publish(run, tmp_path / "results" / "mine")
    assert ledger.read(tmp_path / "results" / ledger.NAME) == [line("a"), *ledger.read(run / ledger.NAME)]
    assert not (tmp_path / "results" / "mine" / ledger.NAME).exists()
    table.publish(run, tmp_path / "results" / "encoder" / "mine")
    assert len(ledger.read(tmp_path / "results" / ledger.NAME)) == 1 + len(ledger.read(run / ledger.NAME))
    assert not list((tmp_path / "results" / "encoder").rglob(ledger.NAME))


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"\xff\xfe", b",".join(name.encode() for name in ledger.COLUMNS) + b"\n1,2\n"])
def test_a_damaged_ledger_is_refused_and_kept(tmp_path, content):
    path = tmp_path / ledger.NAME
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"ledger\.csv is damaged .* -> restore it from git, or move it away"):
        ledger.append(path, [line("a")])
    assert path.read_bytes() == content


def test_a_test_set_is_its_rows_and_labels_in_order():
    rows, labels = np.array([4, 7, 9]), np.array([0, 1, 1], np.float32)
    assert ledger.test_set(rows, labels) == ledger.test_set(rows.astype(np.int32), labels.astype(np.float64))
    others = [(rows[::-1], labels), (rows, labels[::-1]), (rows[:2], labels[:2])]
    assert len({ledger.test_set(*each) for each in [(rows, labels), *others]}) == 4


def test_the_projects_ledger_can_be_read():
    lines = ledger.read(ledger.PROJECT / "results" / ledger.NAME)
    assert lines and all(0 < float(one["accuracy"]) < 1 and int(one["texts"]) > 0 for one in lines)
    with open(ledger.PROJECT / "results" / ledger.NAME, encoding="utf-8", newline="") as stream:
        assert next(csv.reader(stream)) == list(ledger.COLUMNS)
