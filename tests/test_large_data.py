"""Texts in pieces: the same rows come out whatever the size of a piece and the form of the file, and nothing stays of a killed stage."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from sentipress.core.errors import UserError
from sentipress.data import corpus_making, formats, sources, stored
from sentipress.data.cleaning import clean
from sentipress.data.stored import Spool, Table
from sentipress.data.task import Task
from sentipress.evaluation import exploration
from sentipress.evaluation.word_counts import WordCounts

TEXTS = [f'A "fine" film,\nnumber {number}; naïve 漢字' for number in range(90)]
REPEATED = {40: 2, 41: 38, 80: 2}  # row to the row whose text it has: in other pieces and in one


def rows():
    texts = [f"{TEXTS[REPEATED.get(number, number)].upper()}!" if number in REPEATED else TEXTS[number] for number in range(90)]
    texts[60] = "<br /> ..."
    return pd.DataFrame({"review": texts, "sentiment": ["positive", "negative"] * 45})


def in_pieces(monkeypatch, size):
    for module in (formats, stored, corpus_making):
        monkeypatch.setattr(module, "PIECE", size)
    monkeypatch.setattr(stored, "IN_MEMORY_BYTES", 100 if size < 100 else stored.IN_MEMORY_BYTES)
    monkeypatch.setattr(stored, "BUFFER", 64 if size < 100 else stored.BUFFER)


def made(path, folder):
    """What stage 1 makes of a file without looking at it: counts, and the bytes of reviews.csv."""
    raw = sources.store_file(path, "review", "sentiment", None, Spool(folder.parent))
    table, counts = corpus_making.prepare(raw.table, "default", keep_duplicates=False)
    task = Task(raw.labels)
    table = table.assign(split=corpus_making.split(table.frame, task))
    corpus_making.save(table, None, None, {"task": task.as_dict()}, folder)
    return raw.spellings, counts, (folder / "reviews.csv").read_bytes()


def test_pieces_make_what_the_whole_makes_and_copies_in_other_pieces_are_found(tmp_path, monkeypatch):
    rows().to_csv(tmp_path / "r.csv", index=False)
    whole = made(tmp_path / "r.csv", tmp_path / "whole")
    assert whole[1] == {"reviews": 90, "empty_after_cleaning": 1, "duplicates": 3, "texts_with_both_labels": 1, "kept": 86}
    kept = pd.read_csv(tmp_path / "whole" / "reviews.csv")
    assert kept["row"].tolist() == [number for number in range(90) if number not in (*REPEATED, 60)]  # of equal texts the first one
    assert kept["review"].tolist() == [clean(TEXTS[row], "default") for row in kept["row"]]
    for size in (1, 7, 30):
        in_pieces(monkeypatch, size)
        assert made(tmp_path / "r.csv", tmp_path / str(size)) == whole


def test_other_forms_of_the_same_rows_make_the_same_file(tmp_path, monkeypatch):
    pa = pytest.importorskip("pyarrow", reason="needs pip install -r requirements-scale.txt")
    import pyarrow.parquet as pq

    frame = rows()
    frame["review"] = frame["review"].str.replace("\n", " ")
    frame.to_csv(tmp_path / "r.csv", index=False)
    expected = made(tmp_path / "r.csv", tmp_path / "csv")
    numbers = frame["sentiment"].map({"negative": 1, "positive": 2})
    frame.to_json(tmp_path / "r.jsonl.gz", orient="records", lines=True)
    pq.write_table(pa.table(dict(frame)), tmp_path / "r.parquet", row_group_size=40)
    pq.write_table(
        pa.table({"sentiment": pa.array(frame["sentiment"]).dictionary_encode(), **frame[["review"]]}), tmp_path / "codes.parquet"
    )
    (tmp_path / "r.txt").write_text("".join(f"__label__{n} {text}\n" for n, text in zip(numbers, frame["review"], strict=True)))
    in_pieces(monkeypatch, 11)
    for name in ("r.jsonl.gz", "r.parquet", "codes.parquet", "r.txt"):
        assert made(tmp_path / name, tmp_path / f"of_{name}")[1:] == expected[1:], name


OBJECT = '{{"review": "text {n}", "sentiment": "{label}"}}\n'
BROKEN = {
    "label.csv": ("review,sentiment\n", "text {n},{label}\n", "text,odd\n", "row 32 has the unknown label 'odd'"),
    "blank.csv": ("review,sentiment\n", "text {n},{label}\n", " ,positive\n", r"row 32 has an empty review \(1 in all\)"),
    "ragged.csv": ("review,sentiment\n", "text {n},{label}\n", "a,b,c\n", "Expected 2 fields in line 32, saw 3"),
    "label.tsv": ("", "text {n}\t{label}\n", "\n\ntext\todd\n", "row 33 has the unknown label 'odd'"),
    "columns.tsv": ("", "text {n}\t{label}\n", "\n\ntext\todd\tb\n", "row 33 has 3 columns"),
    "none.txt": ("", "__label__{label} text {n}\n", "text\n", "row 31 has no label"),
    "json.jsonl": ("", OBJECT, "{\n", r"row 31 has no text \(not JSON"),
    "number.jsonl": (
        "",
        '{{"review": "text {n}", "sentiment": "{label}"}}\n',
        '{"review": 5}\n',
        r"row 31 has no text \(not a text: int\)",
    ),
    "null.jsonl": (
        "",
        '{{"review": "text {n}", "sentiment": "{label}"}}\n',
        '{"review": null, "sentiment": "positive"}\n',
        "row 31 has an empty",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_row_of_a_later_piece_is_named(tmp_path, monkeypatch, name):
    header, row, broken, said = BROKEN[name]
    if name.endswith("jsonl"):
        pytest.importorskip("pyarrow", reason="needs pip install -r requirements-scale.txt")
    some = [row.format(n=n, label=("negative", "positive")[n % 2]) for n in range(40)]
    (tmp_path / name).write_text("".join([header, *some[:30], broken, *some[30:]]), encoding="utf-8")
    in_pieces(monkeypatch, 4)
    with pytest.raises(UserError, match=said):
        sources.read_file(tmp_path / name)


def test_columns_of_a_parquet_file_and_a_damaged_one(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="needs pip install -r requirements-scale.txt")
    import pyarrow.parquet as pq

    path = tmp_path / "r.parquet"
    pq.write_table(pa.table({"review": [f"text {n}" for n in range(40)], "stars": [n % 2 for n in range(40)]}), path)
    assert sources.read_file(path, "review", "stars").labels == ("negative", "positive")  # 0 and 1
    for columns, said in ((("review", "label"), r"lacks the column 'label' .*stars"), (("stars", "review"), "int64, no text")):
        with pytest.raises(UserError, match=said) as raised:
            sources.read_file(path, *columns)
        assert raised.value.remedy == "name yours by --text-column and --label-column"
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(UserError, match=r"r\.parquet cannot be read on"):
        sources.read_file(path, "review", "stars")


def test_without_pyarrow_one_line_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "r.parquet").write_bytes(b"")
    monkeypatch.delitem(sys.modules, "sentipress.data.places", raising=False)
    monkeypatch.delattr("sentipress.data.places", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UserError, match="the package pyarrow is not installed") as raised:
        sources.read_file(tmp_path / "r.parquet")
    assert raised.value.remedy == "pip install -r requirements-scale.txt"


KILLED = """
import os, signal, sys
from sentipress.data import corpus_making, stored
stored.IN_MEMORY_BYTES, seen = 100, []
def clean(text, recipe):
    seen.append(text)
    if len(seen) == 50:
        print(sorted(os.listdir(sys.argv[2])), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    return text
corpus_making.clean = clean
from sentipress.core import cli
from sentipress.pipeline import preparing
preparing.prepare(cli.settings("1_data_preprocessing.py", ["--data", sys.argv[1], "--artifacts", sys.argv[2]]), "default", "")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a temporary file has a name for a moment or as long as it is open")
def test_nothing_stays_of_a_killed_stage(tmp_path):
    rows().to_csv(tmp_path / "r.csv", index=False)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", KILLED, str(tmp_path / "r.csv"), str(tmp_path / "artifacts")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL and done.stdout.splitlines()[-1] == "['.lock']"
    assert [path.name for path in (tmp_path / "artifacts").iterdir()] == [".lock"]


def test_a_spool_gives_back_what_it_took_in_any_order(monkeypatch):
    in_pieces(monkeypatch, 3)
    spool, texts = Spool(), [*TEXTS, "", "half \ud83d of a pair", "\r\n"]
    first = spool.add(texts)
    second = spool.add(text.upper() for text in first)  # it is read while it takes
    assert list(first) == texts and list(second) == [text.upper() for text in texts]
    assert list(second[np.array([5, 2, 2])]) == [TEXTS[5].upper(), TEXTS[2].upper(), TEXTS[2].upper()]
    assert list(first[first.empty]) == [""] and list(second.joined(first[:1]))[-1] == TEXTS[0]
    with pytest.raises(ValueError, match="two spools"):
        first.joined(Spool().add(["other"]))


def test_equal_texts_have_one_number():
    texts = random.Random(3).choices(["", "a", "b", "a b", "ab"], k=200)
    table = corpus_making.keyed(Table.stored(pd.DataFrame({"review": texts, "label": 0})))
    numbers = stored.numbered(table.frame)
    assert len(set(zip(texts, numbers.tolist(), strict=True))) == len(set(texts)) == len(set(numbers.tolist()))


def test_counts_of_words_that_were_let_go_are_too_low_by_what_is_said():
    numbers = np.random.default_rng(0).zipf(1.3, 60_000)
    words, counts = [f"w{number}" for number in numbers], WordCounts(2, most=300)
    for start in range(0, len(words), 100):
        counts.add(start // 100 % 2, words[start : start + 100])
        counts.cut()
    exact = [Counter(), Counter()]
    for start in range(0, len(words), 100):
        exact[start // 100 % 2].update(words[start : start + 100])
    assert sum(map(len, counts.of_label)) <= 300 and 0 < counts.short_by < 2000
    for found, true in zip(counts.of_label, exact, strict=True):
        assert all(true[word] - counts.short_by <= found[word] <= true[word] for word in true)
        assert [word for word, _ in found.most_common(10)] == [word for word, _ in true.most_common(10)]
    few = WordCounts(1)
    few.add(0, words)
    few.cut()
    assert few.short_by == 0 and few.of_label == [Counter(words)]


def test_figures_say_by_how_much_counts_of_words_may_be_too_low(monkeypatch):
    table = corpus_making.keyed(Table.stored(pd.DataFrame({"review": [f"good film {n}" for n in range(60)], "label": [0, 1] * 30})))
    counts = exploration.count(table, Task())
    assert counts.unique == 60 and "word_counts_short_by" not in exploration.explore(table.texts, counts, Task())
    monkeypatch.setattr(exploration, "CHUNK", 5)
    monkeypatch.setattr(exploration, "WordCounts", lambda labels: WordCounts(labels, most=10))
    counts = exploration.count(table, Task())
    figures = exploration.explore(table.texts, counts, Task())
    assert figures["word_counts_short_by"] == counts.words_of.short_by > 0
    assert [word for word, _ in figures["top_tfidf"][:2]] == ["film", "good"]
