"""predict.py over files: every form and packing, broken rows, kills, refusals, and the same bytes by whatever number of workers."""

import bz2
import csv
import gzip
import json
import lzma
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, load_stage

pa = pytest.importorskip("pyarrow", reason="needs pip install -r requirements-scale.txt")
import pyarrow.parquet as pq  # noqa: E402

from sentipress.core import errors, files  # noqa: E402
from sentipress.data import places, row_reading  # noqa: E402
from sentipress.runtimes import registry  # noqa: E402
from sentipress.scale import scoring, shards  # noqa: E402

MODEL = ROOT / "results" / "packed" / "packed_11900.zip"
NETWORK = ROOT / "results" / "default" / "pocket.zip"


@pytest.fixture(scope="module")
def texts(bundled):
    return bundled["review"].tolist()[:300]


@pytest.fixture(scope="module")
def parquet(texts, tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "reviews.parquet"
    pq.write_table(pa.table({"review": texts, "id": np.arange(len(texts)) * 7}), path, row_group_size=120)
    return path


def predict(*words, model=MODEL):
    return errors.exit_code(lambda: load_stage("predict.py").main([*map(str, words), "--model", str(model)]))


def heed_interrupts():
    """A job in the background of a shell that is no terminal ignores Ctrl-C, and so do its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def process(*words, model=MODEL, **options):
    command = [sys.executable, "predict.py", *map(str, words), "--model", str(model)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=ROOT, text=True, preexec_fn=heed_interrupts, **pipes, **options)


def answers(folder):
    table = pa.concat_tables([pq.read_table(path) for path in sorted(folder.glob("part-*.parquet"))])
    return table.to_pylist()


def parts(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("part-*"))}


def summary(folder):
    return json.loads((folder / scoring.SUMMARY).read_text(encoding="utf-8"))


def test_answers_are_the_models_own_in_the_order_of_the_rows(parquet, texts, tmp_path, capsys):
    flags = ["--input", parquet, "--output", tmp_path / "out", "--key-column", "id", "--shard-rows", "70"]
    assert predict(*flags) == 0
    shown = json.loads(capsys.readouterr().out)
    rows, model = answers(tmp_path / "out"), registry.open_model(MODEL)
    assert [row["row"] for row in rows] == list(range(1, 301)) and [row["key"] for row in rows] == [7 * n for n in range(300)]
    expected = model.predict_raw(texts)
    np.testing.assert_allclose([row["probability_positive"] for row in rows], expected, atol=1e-6)
    assert [row["label"] for row in rows] == ["positive" if p > 0.5 else "negative" for p in expected]
    assert all(row["known"] > 1 / 3 and row["reason"] is None and row["file"] == str(parquet) for row in rows)
    assert len(parts(tmp_path / "out")) == 5 and pq.read_table(tmp_path / "out").num_rows == 300  # other tools see parts alone
    kept = summary(tmp_path / "out")
    assert {name: kept[name] for name in shown} == shown and kept["inputs"][0]["rows"] == 300 == kept["answered"]
    assert kept["model"]["sha256"] == {MODEL.name: files.sha256(MODEL)}
    before = parts(tmp_path / "out")
    assert predict(*flags) == 0
    shown = capsys.readouterr()
    assert "nothing to do" in shown.err and json.loads(shown.out)["rows"] == 300 and parts(tmp_path / "out") == before


PACKERS = {
    "": lambda content: content,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda content: pa.compress(content, "zstd", asbytes=True),
    ".lz4": lambda content: pa.compress(content, "lz4", asbytes=True),
}


@pytest.mark.parametrize("packing", PACKERS)
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_every_form_and_packing_gives_the_same_answers(form, packing, texts, tmp_path):
    few = [text.replace(". ", ".\n", 1) for text in texts[:30]]  # of several lines each
    path = tmp_path / "in" / f"reviews.{form}{packing}"
    path.parent.mkdir()
    if form == "csv":
        with open(path.with_name("plain"), "w", newline="", encoding="utf-8-sig") as stream:
            csv.writer(stream).writerows([("n", "review"), *enumerate(few)])
    else:
        lines = [json.dumps({"n": number, "review": text}) for number, text in enumerate(few)]
        path.with_name("plain").write_text("\n".join(lines), encoding="utf-8")
    content = path.with_name("plain").read_bytes()
    path.with_name("plain").unlink()
    packed = PACKERS[packing](content) if packing != ".lz4" else lz4_frame(content)
    path.write_bytes(packed)
    assert predict("--input", path.parent, "--output", tmp_path / "out", "--key-column", "n", "--shard-rows", "7") == 0
    rows = answers(tmp_path / "out")
    assert [row["key"] for row in rows] == [str(number) for number in range(30)] and {row["file"] for row in rows} == {str(path)}
    expected = registry.open_model(MODEL).predict_raw(few)
    np.testing.assert_allclose([row["probability_positive"] for row in rows], expected, atol=1e-6)
    # A part that is lost is made again, from the middle of the file, with the same bytes.
    before = parts(tmp_path / "out")
    (tmp_path / "out" / sorted(before)[2]).unlink()
    assert predict("--input", path.parent, "--output", tmp_path / "out", "--key-column", "n", "--shard-rows", "7") == 0
    assert parts(tmp_path / "out") == before and summary(tmp_path / "out")["rows_this_run"] == 7


def lz4_frame(content):
    stream = pa.BufferOutputStream()
    with pa.CompressedOutputStream(stream, "lz4") as packed:
        packed.write(content)
    return stream.getvalue().to_pybytes()


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_answers_as_csv_and_json_lines(form, parquet, tmp_path):
    for kind in (form, "parquet"):
        assert predict("--input", parquet, "--output", tmp_path / kind, "--format", kind, "--key-column", "id") == 0
    expected = answers(tmp_path / "parquet")
    (path,) = (tmp_path / form).glob("part-*")
    if form == "csv":
        rows = pa.csv.read_csv(path).to_pylist()
    else:
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [list(row) for row in rows] == [list(row) for row in expected]
    for row, other in zip(rows, expected, strict=True):
        assert (row["row"], row["key"], row["label"]) == (other["row"], other["key"], other["label"]) and not row["reason"]
        assert np.float32(row["probability_positive"]) == np.float32(other["probability_positive"])


# Broken rows


def reasons(folder):
    return [(row["row"], row["label"] is not None, (row["reason"] or "").partition(":")[0]) for row in answers(folder)]


GOOD = b"a wonderful film , I loved it"


def test_broken_rows_of_a_csv_keep_their_place(tmp_path, monkeypatch):
    monkeypatch.setattr(row_reading, "LONGEST_TEXT", 1000)
    monkeypatch.setattr(row_reading, "LONGEST_LINE", 5000)
    cases = [
        (b'1,"' + GOOD + b'"', ""),
        (b"2", row_reading.FIELDS),
        (b"3,a,b", row_reading.FIELDS),
        (b"", row_reading.BLANK),
        (b"5,   ", row_reading.BLANK),
        (b"6,clich\xe9 film", row_reading.NOT_UTF8),
        (b'7,"open ' + GOOD, row_reading.QUOTES),
        (b'8,"' + GOOD + b'"', ""),
        (b'9,"closed" twice"', row_reading.QUOTES),
        (b"10," + b"good " * 300, row_reading.TOO_LONG),
        (b"11," + b"good " * 3000, row_reading.TOO_LONG),
        (b"12,xyzzy plugh qwxz", "too few known words"),
        (b"13\xff,a wonderful film I loved it", ""),
        (b'14,"two lines\nof a wonderful film, I loved it"', ""),
        (b'15,"open to the end', row_reading.QUOTES),
        (b"16,a wonderful film", ""),
    ]
    (tmp_path / "in.csv").write_bytes(b"id,review\n" + b"\r\n".join(line for line, _ in cases))
    for size in ("1", "4", "100"):
        folder = tmp_path / size
        assert predict("--input", tmp_path / "in.csv", "--output", folder, "--key-column", "id", "--shard-rows", size) == 0
        assert reasons(folder) == [(number, not reason, reason) for number, (_, reason) in enumerate(cases, start=1)]
    kept = summary(tmp_path / "4")
    assert (kept["rows"], kept["answered"], kept["empty"], kept["cannot_judge"], kept["broken"]) == (16, 5, 2, 1, 8)
    rows = answers(tmp_path / "4")
    assert rows[12]["key"] == "13\ufffd" and rows[1]["probability_positive"] is None and rows[11]["probability_positive"] is not None


def test_broken_rows_of_json_lines_keep_their_place(tmp_path, monkeypatch):
    monkeypatch.setattr(row_reading, "LONGEST_TEXT", 1000)
    monkeypatch.setattr(row_reading, "LONGEST_LINE", 5000)
    good = b'{"review": "a wonderful film", "id": 1}'
    cases = [
        (good, ""),
        (b'{"review": "a film"', row_reading.NOT_JSON),
        (b"", row_reading.BLANK),
        (b'["a film"]', row_reading.NOT_OBJECT),
        (b'{"review": null}', row_reading.NO_TEXT),
        (b'{"id": 3}', row_reading.NO_TEXT),
        (b'{"review": 5}', row_reading.NOT_TEXT),
        (b'{"review": ["a film"]}', row_reading.NOT_TEXT),
        (b'{"review": "clich\xe9"}', row_reading.NOT_UTF8),
        (b'{"review": "\\ud83d"}', row_reading.NOT_UTF8),
        (b'{"review": " "}', row_reading.BLANK),
        (b'{"review": "' + b"good " * 300 + b'"}', row_reading.TOO_LONG),
        (b'{"review": "' + b"good " * 3000 + b'"}', row_reading.TOO_LONG),
        (b"[" * 4000, row_reading.NOT_JSON),
        (good, ""),
    ]
    (tmp_path / "in.jsonl").write_bytes(b"\n".join(line for line, _ in cases) + b"\n")
    for size in ("1", "4", "100"):
        assert predict("--input", tmp_path / "in.jsonl", "--output", tmp_path / size, "--shard-rows", size) == 0
        assert reasons(tmp_path / size) == [(number, not reason, reason) for number, (_, reason) in enumerate(cases, start=1)]


def test_broken_rows_of_parquet_keep_their_place(tmp_path):
    binary = pa.array([GOOD, b"clich\xe9", None, b"", GOOD], pa.binary())
    broken = pa.Array.from_buffers(pa.string(), 5, binary.buffers(), null_count=1)  # as other writers make it, unchecked
    repeated = pa.array([GOOD.decode(), "", None, "", GOOD.decode()]).dictionary_encode()
    for name, column, second in (
        ("bytes", binary, row_reading.NOT_UTF8),
        ("text", broken, row_reading.NOT_UTF8),
        ("codes", repeated, row_reading.BLANK),
    ):
        pq.write_table(pa.table({"review": column}), tmp_path / f"{name}.parquet")
        assert predict("--input", tmp_path / f"{name}.parquet", "--output", tmp_path / name, "--shard-rows", "2") == 0
        expected = ["", second, row_reading.NO_TEXT, row_reading.BLANK, ""]
        assert reasons(tmp_path / name) == [(number, not reason, reason) for number, reason in enumerate(expected, start=1)]


def test_shards_are_cut_by_characters_too(parquet, monkeypatch):
    monkeypatch.setattr(shards, "MOST_CHARACTERS", 5000)
    found = list(shards.shards(places.inputs([str(parquet)])[0], shards.Cut("review", "id", 50), {}, []))
    assert all(sum(map(len, shard.texts[:-1])) < 5000 for shard in found) and len(found) > 30
    assert [shard.first_row for shard in found[1:]] == [shard.first_row + len(shard.texts) for shard in found[:-1]]
    assert [shard.last for shard in found] == [*[False] * (len(found) - 1), True] and found[-1].end == 300


# Refusals


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--input", "{data}"], "--input and --output go together"),
        (["--output", "{tmp}/out"], "--input and --output go together"),
        (["--input", "{data}", "--output", "{tmp}/out", "--file", "a.txt"], "--file does not go with --input"),
        (["--input", "none.csv", "--output", "{tmp}/out"], "none.csv is missing"),
        (["--input", "README.md", "--output", "{tmp}/out"], "README.md is of no kind that is read"),
        (["--input", "{tmp}/empty", "--output", "{tmp}/out"], "no file to read"),
        (["--input", "s3x://a/b", "--output", "{tmp}/out"], "s3x://a/b cannot be opened"),
        (["--input", "{data}", "{data}", "--output", "{tmp}/out"], "is given twice"),
        (["--input", "{data}", "--output", "{data}"], "lies in the folder that is read"),
        (["--input", "{tmp}", "--output", "{tmp}/out"], "lies in the folder that is read"),
        (["--input", "{data}", "--output", "{tmp}/full"], "has files that this command did not write"),
        (["--input", "{data}", "--output", "{tmp}/full/notes.txt"], "notes.txt is a file"),
        (["--input", "{data}", "--output", "{tmp}/out", "--text-column", "text"], "lacks the column 'text' (found: review, id)"),
        (["--input", "{data}", "--output", "{tmp}/out", "--text-column", "id"], "is int64, no text"),
        (["--input", "{data}", "--output", "{tmp}/out", "--key-column", "key"], "lacks the column 'key'"),
        (["--input", "{tmp}/twice.csv", "--output", "{tmp}/out"], "repeats the column 'review'"),
        (["--input", "{tmp}/other.jsonl", "--output", "{tmp}/out"], "lacks the column 'review' (found: text)"),
        (["--input", "{data}", "--output", "{tmp}/out", "--workers", "0"], "--workers 0 is out of bounds"),
        (["--input", "{data}", "--output", "{tmp}/out", "--address", "127.0.0.1:1"], "no Ray cluster answers at 127.0.0.1:1"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(flags, words, parquet, tmp_path, capsys):
    for name in ("empty", "full"):
        (tmp_path / name).mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "twice.csv").write_text("review,review\na,b\n", encoding="utf-8")
    (tmp_path / "other.jsonl").write_text('{"text": "a film"}\n', encoding="utf-8")
    assert predict(*[flag.format(data=parquet, tmp=tmp_path) for flag in flags]) == 2
    shown = capsys.readouterr()
    assert words in shown.err and shown.err.count("\n") == 1 and " -> " in shown.err and shown.out == ""
    assert not list(tmp_path.glob("out/part-*")) and (tmp_path / "full" / "notes.txt").read_text(encoding="utf-8") == "mine"


def test_without_ray_more_workers_are_refused_in_one_line(parquet, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert predict("--input", parquet, "--output", tmp_path / "out", "--workers", "2") == 2
    assert "the package ray is not installed -> pip install -r requirements-scale.txt" in capsys.readouterr().err


def test_another_model_other_files_and_other_settings_are_refused_or_replaced(parquet, texts, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    path, flags = tmp_path / "in" / "a.csv", ["--input", tmp_path / "in", "--output", tmp_path / "out"]

    def write(name, few):
        with open(tmp_path / "in" / name, "w", newline="", encoding="utf-8") as stream:
            csv.writer(stream).writerows([("review",), *((text,) for text in few)])

    write("a.csv", texts[:5])
    assert predict(*flags) == 0
    before = parts(tmp_path / "out")
    other = ROOT / "results" / "packed" / "packed_16000.zip"
    for model, more, words in ((other, [], "of another model"), (MODEL, ["--format", "csv"], "by another --format (parquet, not csv)")):
        assert predict(*flags, *more, model=model) == 2
        assert words in capsys.readouterr().err and parts(tmp_path / "out") == before
    write("b.csv", texts[:2])
    assert predict(*flags) == 2 and "b.csv is new" in capsys.readouterr().err
    (tmp_path / "in" / "b.csv").unlink()
    write("a.csv", texts[1:6])
    assert predict(*flags) == 2 and "a.csv as it was before it changed" in capsys.readouterr().err
    assert parts(tmp_path / "out") == before
    (tmp_path / "out" / "notes.txt").write_text("mine", encoding="utf-8")
    assert predict(*flags, "--fresh") == 0
    assert parts(tmp_path / "out") != before and (tmp_path / "out" / "notes.txt").is_file() and path.is_file()


def test_a_damaged_file_does_not_stop_the_others_and_is_read_again_when_mended(texts, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    whole = "\n".join(json.dumps({"review": text}) for text in texts[:40]).encode()
    packed = pa.compress(whole, "zstd", asbytes=True)
    for name, content in (("a", packed), ("b", packed[: len(packed) // 2]), ("c", packed)):
        (tmp_path / "in" / f"{name}.jsonl.zst").write_bytes(content)
    (tmp_path / "in" / "d.parquet").write_bytes(b"no such thing")
    flags = ["--input", tmp_path / "in", "--output", tmp_path / "out", "--shard-rows", "15"]
    assert predict(*flags) == 2
    shown = capsys.readouterr()
    assert "2 of 4 files could not be read whole" in shown.err and "b.jsonl.zst cannot be read on" in shown.err
    counts = [one["rows"] for one in summary(tmp_path / "out")["inputs"]]
    assert counts[0] == counts[2] == 40 and counts[3] == 0
    (tmp_path / "in" / "b.jsonl.zst").write_bytes(packed)
    pq.write_table(pa.table({"review": texts[:3]}), tmp_path / "in" / "d.parquet")
    assert predict(*flags) == 0
    kept = summary(tmp_path / "out")
    assert [one["rows"] for one in kept["inputs"]] == [40, 40, 40, 3] and kept["damaged"] == {} and kept["rows_this_run"] == 43


def test_another_file_system_is_read_and_written(parquet, tmp_path):
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.makedirs("/archive", exist_ok=True)
    memory.pipe("/archive/in/reviews.parquet", parquet.read_bytes())
    flags = ["--input", "fsspec+memory:///archive/in", "--output", "fsspec+memory:///archive/out", "--shard-rows", "100"]
    assert predict(*flags) == 0 and predict("--input", parquet, "--output", tmp_path / "out", "--shard-rows", "100") == 0
    names = sorted(path.rsplit("/", 1)[1] for path in memory.ls("/archive/out", detail=False))
    assert names == ["_parts.jsonl", "_plan.json", "_summary.json", *sorted(parts(tmp_path / "out"))]
    first = pq.read_table(pa.BufferReader(memory.cat("/archive/out/part-000000-0000001.parquet")))
    assert first.column("row").to_pylist() == list(range(101, 201))


# Kills


def wait_for_parts(folder, count, limit=60):
    started = time.monotonic()
    while len(list(folder.glob("_progress/part*.json"))) < count:
        assert time.monotonic() - started < limit, "no parts came"
        time.sleep(0.01)


PART_ROWS = 10


@pytest.fixture(scope="module")
def unharmed(parquet, tmp_path_factory):
    """Parts of a run that nobody has stopped."""
    folder = tmp_path_factory.mktemp("unharmed")
    assert predict("--input", parquet, "--output", folder, "--shard-rows", PART_ROWS, model=NETWORK) == 0
    return parts(folder)


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_stopped_run_goes_on_and_ends_with_the_same_bytes(texts, tmp_path, sent, code, capsys):
    path, count = tmp_path / "reviews.parquet", 10 * len(texts)  # 300 parts: it is not over before the signal comes
    pq.write_table(pa.table({"review": texts * 10}), path)
    assert predict("--input", path, "--output", tmp_path / "whole", "--shard-rows", PART_ROWS, model=NETWORK) == 0
    flags = ["--input", path, "--shard-rows", PART_ROWS, "--output", tmp_path / "out"]
    stopped = process(*flags, model=NETWORK)
    wait_for_parts(tmp_path / "out", 3)
    stopped.send_signal(sent)
    _, err = stopped.communicate(timeout=60)
    assert stopped.returncode == code and "Traceback" not in err and not (tmp_path / "out" / scoring.SUMMARY).exists()
    there = len(list((tmp_path / "out" / "_progress").glob("part*.json")))
    assert 3 <= there < count // PART_ROWS
    assert predict(*flags, model=NETWORK) == 0
    assert parts(tmp_path / "out") == parts(tmp_path / "whole") and "goes on: " in capsys.readouterr().err
    assert summary(tmp_path / "out")["rows_this_run"] == count - PART_ROWS * there  # nothing that was answered is answered again
    assert [row["row"] for row in answers(tmp_path / "out")] == list(range(1, count + 1))


def ray_workers(pid):
    """Processes of a Ray of the session of a process that work on a shard now."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            try:
                at_work = (path / "cmdline").read_bytes().startswith(b"ray::_answer") and os.getsid(int(path.name)) == os.getsid(pid)
            except OSError:  # it has ended
                continue
            found += [int(path.name)] if at_work else []
    return found


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc")
def test_two_workers_one_of_which_is_killed_give_the_same_bytes(parquet, unharmed, tmp_path):
    pytest.importorskip("ray", reason="needs pip install -r requirements-scale.txt")
    flags = ["--input", parquet, "--output", tmp_path / "out", "--shard-rows", PART_ROWS]
    running = process(*flags, "--workers", "2", model=NETWORK, start_new_session=True)
    killed = 0
    while not killed and running.poll() is None:
        for pid in ray_workers(running.pid)[:1]:
            os.kill(pid, signal.SIGKILL)
            killed += 1
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    assert killed == 1 and json.loads(out)["workers"] == 2  # what Ray says of it is not in the summary
    assert parts(tmp_path / "out") == unharmed


def test_a_second_run_in_the_same_folder_is_refused(parquet, tmp_path, capsys):
    with places.OutputFolder(str(tmp_path / "out")).held():
        assert predict("--input", parquet, "--output", tmp_path / "out") == 2
    assert "is in use by predict.py" in capsys.readouterr().err
