"""Sources of reviews: what is accepted, what is refused, and with which words."""

import gzip
import hashlib
import http.server
import io
import lzma
import tarfile
import threading
import zipfile

import numpy as np
import pandas as pd
import pytest
from conftest import load_stage, run_stage

from sentipress.core import errors
from sentipress.data import corpus, corpus_making, sources
from sentipress.data.cleaning import clean
from sentipress.data.stored import Table
from sentipress.data.task import SENTIMENT, Split, Task

ROWS = [("A fine film, truly.", "positive"), ('He said "no". Twice,\nin two lines.', "negative")] * 30


def csv_text(rows=ROWS, header=("review", "sentiment")):
    frame = pd.DataFrame([(f"{text} {number}", label) for number, (text, label) in enumerate(rows)], columns=list(header))
    return frame.to_csv(index=False)


def test_the_bundle_holds_both_sources(bundled):
    assert len(bundled) == 25_000 and bundled["label"].mean() == 0.5
    assert len(sources.read_bundled("rotten_tomatoes")) == 8_530


@pytest.mark.parametrize("ending", ["", ".gz", ".xz", ".zip"])
def test_plain_and_compressed_files_read_alike(tmp_path, ending):
    content = csv_text().encode()
    path = tmp_path / ("IMDB Dataset.csv" + ending)
    if ending == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("IMDB Dataset.csv", content)
    else:
        path.write_bytes({"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}[ending](content))
    assert sources.find(None, tmp_path) == path
    frame, spellings, labels = sources.read_file(path)
    assert len(frame) == 60 and spellings == {"positive": 30, "negative": 30} and labels == ("negative", "positive")
    assert frame["review"][1] == 'He said "no". Twice,\nin two lines. 1'


def test_other_spellings_bom_and_windows_line_ends(tmp_path):
    rows = [(text, {"positive": " Positive ", "negative": "0"}[label]) for text, label in ROWS]
    path = tmp_path / "windows.csv"
    path.write_bytes(b"\xef\xbb\xbf" + csv_text(rows).replace("\n", "\r\n").encode())
    frame, spellings, labels = sources.read_file(path)
    assert labels == ("negative", "positive") and frame["label"].sum() == 30 and set(spellings) == {" Positive ", "0"}


def test_words_that_pandas_takes_for_missing_are_reviews(tmp_path):
    path = tmp_path / "na.csv"
    path.write_text("review,sentiment\nNA,positive\nnull,negative\n", encoding="utf-8")
    assert sources.read_file(path)[0]["review"].tolist() == ["NA", "null"]


BAD = {
    "empty": (b"", "is empty"),
    "header_only": (b"review,sentiment\n", "no rows"),
    "renamed": (csv_text(header=("text", "sentiment")).encode(), "lacks the column 'review'"),
    "repeated": (b"review,review,sentiment\na,b,positive\n", "repeats the column 'review'"),
    "label": (csv_text([*ROWS, ("meh", "neutral")]).encode(), "row 62 has the unknown label 'neutral'"),
    "no_label": (csv_text([*ROWS, ("meh", "")]).encode(), "unknown label ''"),
    "one_class": (csv_text([ROWS[0]] * 60).encode(), "only one class"),
    "blank": (b"review,sentiment\ngood,positive\n   ,negative\n", "row 3 has an empty review"),
    "latin1": ("review,sentiment\ncaf\xe9,positive\n".encode("latin-1"), "is not UTF-8"),
    "open_quote": (b'review,sentiment\n"good,positive\nbad,negative\n', "cannot be parsed"),
    "ragged": (b"review,sentiment\ngood,positive\nbad,negative,x,y\n", "cannot be parsed"),
    "few": (b"review,sentiment\ngood,positive\nbad,negative\n", "2 reviews are left"),
    "cleaned_away": (("review,sentiment\n" + "!!!,positive\n???,negative\n" * 60).encode(), "0 reviews are left"),
    "long": (("review,sentiment\n" + "x" * 10_000_000 + ",positive\ny,negative\n").encode(), "10000000 characters"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, capsys, case):
    content, expected = BAD[case]
    path, artifacts = tmp_path / f"{case}.csv", tmp_path / "artifacts"
    path.write_bytes(content)
    arguments = ["--data", str(path), "--artifacts", str(artifacts)]
    assert errors.exit_code(lambda: load_stage("1_data_preprocessing.py").main(arguments)) == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message.startswith("error: ") and expected in message and " -> " in message
    assert not (artifacts / "reviews.csv").exists() and not list(artifacts.glob(".writing*"))


@pytest.mark.parametrize("ending", [".gz", ".xz", ".zip"])
def test_a_truncated_compressed_file_is_refused(tmp_path, ending):
    path = tmp_path / f"cut.csv{ending}"
    whole = {".gz": gzip.compress, ".xz": lzma.compress, ".zip": lambda b: b"PK\x03\x04" + b}[ending](csv_text().encode())
    path.write_bytes(whole[:-40])
    with pytest.raises(errors.UserError, match=r"cut\.csv"):
        sources.read_file(path)


def test_a_missing_file_and_nul_bytes(tmp_path):
    with pytest.raises(errors.UserError, match="is missing"):
        sources.find(tmp_path / "none.csv", tmp_path)
    path = tmp_path / "nul.csv"
    path.write_bytes(b"review,sentiment\ngo\x00od,positive\nbad,negative\n")
    assert sources.read_file(path)[0]["review"][0] == "go od"


def test_splits_are_the_studys_and_disjoint(sample):
    from sklearn.model_selection import train_test_split

    raw = Table.stored(pd.concat([sample, sample.head(7)], ignore_index=True))
    table, counts = corpus_making.prepare(raw, "default", keep_duplicates=False)
    frame = table.loaded()
    assert counts["duplicates"] >= 7 and counts["kept"] == len(frame) == frame["review"].nunique()
    frame["split"] = corpus_making.split(frame, SENTIMENT)
    texts = {name: set(part["review"]) for name, part in frame.groupby("split")}
    assert sum(map(len, texts.values())) == len(set().union(*texts.values())) == len(frame)
    rest, test = train_test_split(range(len(frame)), test_size=0.2, random_state=1)
    assert frame.index[frame["split"] == "test"].tolist() == sorted(test)
    assert frame.index[frame["split"] == "validation"].tolist() == sorted(rest[int(len(rest) * 0.9) :])
    kept, _ = corpus_making.prepare(raw, "thesis", keep_duplicates=True)
    assert len(kept) == len(sample) + 7
    other = corpus_making.split(frame.drop(columns="split"), Task(split=Split(test_share=0.3, validation_share=0.2, seed=2)))
    assert other.value_counts(normalize=True)["test"] == pytest.approx(0.3, abs=0.01)
    assert other.value_counts(normalize=True)["validation"] == pytest.approx(0.7 * 0.2, abs=0.01)


# Labels of one's own


def topics_csv(path, counts, columns=("text", "topic")):
    """A CSV with so many different texts of each label."""
    rows = [(f"a text about {label} number {number}", label) for label, count in counts.items() for number in range(count)]
    pd.DataFrame(rows, columns=list(columns)).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("counts", "flags", "words"),
    [
        (dict.fromkeys((f"l{n}" for n in range(51)), 10), [], "51 different labels stand in the file -> name another --label-column"),
        ({"a": 30, "b": 30, "c": 9}, [], "row 62 has the unknown label 'c' -> positive and negative (pos/neg, 1/0) are read, or 2 to 50"),
        ({"a": 30, "b": 30, "": 30}, [], "row 62 has the unknown label '' -> "),
        ({"a": 30, "b": 30, "c": 30}, ["--labels", "a,b"], "row 62 has the unknown label 'c' -> use a, b"),
        ({"a": 60}, [], "has only one class ('a')"),
        ({"a": 30, "b": 30}, ["--labels", "a,b,c"], "split lacks the label 'c' -> give more texts of it, or leave it out"),
        ({"a": 60}, ["--labels", "a,b"], "split has fewer than two classes -> give more texts of both labels"),
        ({"a": 40, "b": 40, "c": 1}, ["--labels", "a,b,c"], "the texts cannot be split ("),
        ({"a": 30, "b": 30}, ["--labels", "a"], "--labels 'a' is not understood -> give 2 to 50 names, each once"),
        ({"a": 30, "b": 30}, ["--labels", "a,b,a"], "--labels 'a,b,a' is not understood"),
        ({"a": 30, "b": 30}, ["--label-column", "text"], "--text-column and --label-column are both 'text' -> name two columns"),
        ({"a": 30, "b": 30}, ["--label-column", "label"], "lacks the column 'label' (found: text, topic)"),
        ({"a": 30, "b": 30}, ["--text-column", "review"], "lacks the column 'review'"),
    ],
)
def test_bad_labels_and_columns_are_one_line_and_exit_code_2(tmp_path, capsys, counts, flags, words):
    path, artifacts = topics_csv(tmp_path / "topics.csv", counts), tmp_path / "artifacts"
    arguments = ["--data", str(path), "--artifacts", str(artifacts), "--text-column", "text", "--label-column", "topic", *flags]
    assert errors.exit_code(lambda: load_stage("1_data_preprocessing.py").main(arguments)) == 2
    message = capsys.readouterr().err.strip()
    assert message.startswith("error: ") and words in message and " -> " in message and "\n" not in message
    assert not (artifacts / "reviews.csv").exists()


@pytest.mark.parametrize(
    ("counts", "allowed", "labels"),
    [
        ({"b": 10, "a": 11, "c": 12}, None, ("a", "b", "c")),
        ({"b": 10, "a": 11, "c": 12}, ["c", "a", "b"], ("c", "a", "b")),
        ({"10": 10, "2": 10, "-1": 10}, None, ("-1", "2", "10")),  # by number
        ({"10": 10, "2": 10, "x": 10}, None, ("10", "2", "x")),
        ({" 1": 10, "0 ": 10}, None, ("negative", "positive")),
        ({"POS": 10, "Neg": 10}, None, ("negative", "positive")),
        ({"pos": 10, "neg": 10}, ["pos", "neg"], ("pos", "neg")),
        ({"positive": 10, "negative": 10, "neutral": 10}, None, ("negative", "neutral", "positive")),
        (dict.fromkeys((f"l{n}" for n in range(50)), 10), None, tuple(sorted(f"l{n}" for n in range(50)))),
    ],
)
def test_labels_have_an_order(tmp_path, counts, allowed, labels):
    path = topics_csv(tmp_path / "topics.csv", counts)
    read = sources.read_file(path, "text", "topic", allowed)
    assert read.labels == labels and read.spellings == dict(counts)
    for name, count in counts.items():
        numbers = set(read.frame["label"][read.frame["review"].str.contains(f"about {name} number", regex=False)])
        spelled = {"pos": "positive", "neg": "negative", "1": "positive", "0": "negative"}
        own = name.strip() if name.strip() in labels else spelled[name.strip().lower()]
        assert numbers == {labels.index(own)} and (read.frame["label"] == labels.index(own)).sum() == count


def test_a_rare_label_is_in_every_split(tmp_path):
    raw = sources.read_file(topics_csv(tmp_path / "t.csv", {"a": 400, "b": 300, "rare": 20}), "text", "topic")
    frame = corpus_making.prepare(Table.stored(raw.frame), "default", keep_duplicates=False)[0].frame
    for seed in range(5):
        names = corpus_making.split(frame, Task(raw.labels, split=Split(seed=seed)))
        shares = frame.groupby(names)["label"].value_counts(normalize=True).unstack()
        np.testing.assert_allclose(shares, np.tile([400 / 720, 300 / 720, 20 / 720], (3, 1)), atol=0.02)
        assert (shares > 0).all().all()


def test_a_test_file_is_scored_whole_and_its_texts_teach_nothing(tmp_path, capsys):
    data, test, artifacts = tmp_path / "train.csv", tmp_path / "test.csv", tmp_path / "artifacts"
    topics_csv(data, {"a": 40, "b": 40, "c": 40})
    rows = [("A text about a, number 3!", "a"), ("A text about a, number 3!", "b"), ("!!!", "c"), ("<br />", "a"), ("unlike all", "b")]
    pd.DataFrame(rows, columns=["text", "topic"]).to_csv(test, index=False)
    flags = ["--text-column", "text", "--label-column", "topic", "--artifacts", str(artifacts)]
    load_stage("1_data_preprocessing.py").main(["--data", str(data), "--test-data", str(test), *flags])
    assert "1 training texts dropped since they are test texts too" in capsys.readouterr().out
    found = corpus.load(artifacts)
    assert list(found.texts("test")) == ["a text about a number 3"] * 2 + ["", "", "unlike all"]  # repeated and empty ones too
    assert found.labels("test").tolist() == [0, 1, 2, 0, 1] and found.rows("test").tolist() == [120, 121, 122, 123, 124]
    assert len(found.texts("train")) + len(found.texts("validation")) == 119 and not set(found.texts("test")) & set(found.texts("train"))
    assert set(found.labels("validation")) == {0, 1, 2} and found.task.split.kind == "test file"
    assert found.about["test_source"]["name"] == "test.csv" and found.about["counts"]["copies_of_test_texts"] == 1
    pd.DataFrame([*rows, ("more", "d")], columns=["text", "topic"]).to_csv(test, index=False)
    before = (artifacts / "reviews.json").read_bytes()
    arguments = ["--data", str(data), "--test-data", str(test), *flags]
    assert errors.exit_code(lambda: load_stage("1_data_preprocessing.py").main(arguments)) == 2
    assert "test.csv row 7 has the unknown label 'd' -> use a, b, c" in capsys.readouterr().err
    assert (artifacts / "reviews.json").read_bytes() == before


def test_a_test_file_may_spell_its_labels_as_the_training_file_may(tmp_path):
    path = tmp_path / "test.csv"
    path.write_text("review,sentiment\nfine,1\nbad, neg\n", encoding="utf-8")
    assert sources.read_file(path, labels=("negative", "positive")).frame["label"].tolist() == [1, 0]
    path.write_text("review,sentiment\nfine,1\nbad,neutral\n", encoding="utf-8")
    with pytest.raises(errors.UserError, match="unknown label '1' -> use negative, positive"):
        sources.read_file(path, labels=("negative", "positive"))


# The Stanford archive, from a server on the loopback


def archive(members, links=()):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
        for name, target in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, target
            tar.addfile(info)
    return stream.getvalue()


GOOD = archive(
    {
        "aclImdb/README": "about",
        **{
            f"aclImdb/{part}/{kind}/{n}_{n % 10}.txt": f"{kind} {part} {n}, “quoted”\n"
            for part in ("train", "test")
            for kind in ("pos", "neg")
            for n in range(3)
        },
        "aclImdb/train/unsup/0_0.txt": "nobody knows",
    }
)


@pytest.fixture
def server():
    class Handler(http.server.BaseHTTPRequestHandler):
        content, cut, ranges, resumes = GOOD, None, [], True

        def do_GET(self):
            asked = self.headers.get("Range") if Handler.resumes else None
            start = int(asked.split("=")[1].rstrip("-")) if asked else 0
            Handler.ranges.append(start)
            self.send_response(206 if asked else 200)
            self.send_header("Content-Length", str(len(self.content) - start))
            self.end_headers()
            self.wfile.write(self.content[start : Handler.cut])

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as instance:
        threading.Thread(target=instance.serve_forever, args=(0.02,), daemon=True).start()
        Handler.url = f"http://127.0.0.1:{instance.server_port}/aclImdb_v1.tar.gz"
        yield Handler
        instance.shutdown()


def test_download_gives_kaggles_columns(server, tmp_path):
    path = sources.download(tmp_path, server.url, hashlib.sha256(GOOD).hexdigest())
    frame = sources.read_file(path).frame
    assert len(frame) == 12 and frame["label"].sum() == 6 and "“quoted”" in frame["review"][0]
    assert pd.read_csv(tmp_path / "imdb-unlabelled.csv")["review"].tolist() == ["nobody knows"]
    sources.download(tmp_path, server.url, hashlib.sha256(GOOD).hexdigest())
    assert server.ranges == [0]  # the archive is there: not fetched again


def test_a_download_that_breaks_off_is_resumed(server, tmp_path):
    server.cut = 200
    with pytest.raises(errors.UserError, match="could not be fetched"):
        sources.download(tmp_path, server.url, hashlib.sha256(GOOD).hexdigest())
    assert not (tmp_path / "aclImdb_v1.tar.gz").exists()
    server.cut = None
    sources.download(tmp_path, server.url, hashlib.sha256(GOOD).hexdigest())
    assert server.ranges == [0, 200]


def test_a_download_that_the_server_cannot_resume_starts_over(server, tmp_path):
    server.cut, server.resumes = 200, False
    with pytest.raises(errors.UserError, match="could not be fetched"):
        sources.download(tmp_path, server.url, hashlib.sha256(GOOD).hexdigest())
    server.cut = None
    sources.download(tmp_path, server.url, hashlib.sha256(GOOD).hexdigest())
    assert server.ranges == [0, 0]
    assert (tmp_path / "aclImdb_v1.tar.gz").read_bytes() == GOOD and not (tmp_path / "aclImdb_v1.part").exists()


def test_another_checksum_is_refused_and_nothing_is_unpacked(server, tmp_path):
    with pytest.raises(errors.UserError, match="checksum"):
        sources.download(tmp_path, server.url, "0" * 64)
    assert not any(tmp_path.iterdir())


def test_a_persons_own_csv_is_not_overwritten(server, tmp_path):
    (tmp_path / "IMDB Dataset.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(errors.UserError, match="exists and is not the archive's"):
        sources.download(tmp_path, server.url, hashlib.sha256(GOOD).hexdigest())
    assert (tmp_path / "IMDB Dataset.csv").read_text(encoding="utf-8") == "mine"


def test_no_server(tmp_path):
    with pytest.raises(errors.UserError, match="could not be fetched"):
        sources.download(tmp_path, "http://127.0.0.1:9/x.tar.gz", "0" * 64)


@pytest.mark.parametrize(
    "bytes_",
    [
        archive({"aclImdb/train/pos/0_9.txt": "good", "../escape.txt": "bad"}),
        archive({"aclImdb/train/pos/0_9.txt": "good", "/etc/escape.txt": "bad"}),
        archive({"aclImdb/train/pos/0_9.txt": "good"}, links=[("aclImdb/train/pos/1_9.txt", "/etc/passwd")]),
        archive({"other/file.txt": "no reviews"}),
        GOOD[:-30],
        b"not an archive",
    ],
    ids=["dotdot", "absolute", "link", "foreign", "cut", "garbage"],
)
def test_hostile_and_damaged_archives_are_refused(tmp_path, bytes_):
    path = tmp_path / "inner" / "a.tar.gz"
    path.parent.mkdir()
    path.write_bytes(bytes_)
    with pytest.raises(errors.UserError, match=r"a\.tar\.gz"):
        sources.read_archive(path)
    assert [p.name for p in tmp_path.rglob("*")] == ["inner", "a.tar.gz"]


# Reviews without labels


def test_unlabelled_reviews_are_read_checked_and_gone_when_left_out(tmp_path, capsys):
    data, more, artifacts = tmp_path / "reviews.csv", tmp_path / "more.csv", tmp_path / "artifacts"
    data.write_text(csv_text(), encoding="utf-8")
    more.write_text("review\nNobody knows.\nnobody KNOWS\n<br />\nA fine film truly 0\n", encoding="utf-8")
    stage = load_stage("1_data_preprocessing.py")
    stage.main(["--artifacts", str(artifacts), "--data", str(data), "--unlabelled", str(more)])
    assert "1 unlabelled kept; dropped: 1 copies of labelled, 1 duplicates, 1 empty after cleaning" in capsys.readouterr().out
    assert list(corpus.load(artifacts).unlabelled()) == ["nobody knows"]
    (artifacts / "unlabelled.csv").write_text("review\nchanged\n", encoding="utf-8")
    with pytest.raises(errors.UserError, match=r"unlabelled\.csv is not the file"):
        corpus.load(artifacts).unlabelled()
    stage.main(["--artifacts", str(artifacts), "--data", str(data)])
    assert not corpus.load(artifacts).unlabelled() and not (artifacts / "unlabelled.csv").exists()
    before = (artifacts / "reviews.json").read_bytes()
    capsys.readouterr()
    more.write_text("text\nno such column\n", encoding="utf-8")
    for path, text in ((more, "lacks the column 'review'"), (tmp_path / "none.csv", "none.csv is missing")):
        arguments = ["--artifacts", str(artifacts), "--data", str(data), "--unlabelled", str(path)]
        assert errors.exit_code(lambda arguments=arguments: stage.main(arguments)) == 2
        assert text in capsys.readouterr().err
    assert (artifacts / "reviews.json").read_bytes() == before


# The official split


@pytest.fixture
def official(bundled, monkeypatch):
    """100 reviews of the training half as the package would give them, and 200 of both halves in any order, 2 of them in both."""
    shuffled = bundled.drop_duplicates("review").sample(198, random_state=1)
    training, others = shuffled[:100], shuffled[100:]
    monkeypatch.setattr(sources, "OFFICIAL_REVIEWS", 100)
    monkeypatch.setattr(sources, "read_bundled", lambda source="imdb": training)
    whole = pd.concat([training, others, training.iloc[[5, 50]]]).sample(frac=1, random_state=0).reset_index(drop=True)
    return training, whole


def test_the_official_training_half_is_found_by_its_words(official):
    training, whole = official
    found = sources.official_training(whole["review"])
    assert found.sum() == 100 and sorted(whole["review"][found]) == sorted(training["review"])
    spaced = whole.assign(review=whole["review"].str.replace("<br />", " <br/> ").str.replace(" ", "  "))
    assert sources.official_training(spaced["review"].str.replace("<br/>", "<br />")).sum() == 100
    for part in (whole[found], whole[~found], whole[whole["review"].isin(set(training["review"][:90]))]):
        with pytest.raises(errors.UserError, match=r"--split official needs the full 50,000 IMDB reviews; .* -> give them by --data"):
            sources.official_training(part["review"])


def test_the_official_test_half_is_scored_whole_and_its_texts_teach_nothing(official, tmp_path, capsys):
    training, whole = official
    data, artifacts = tmp_path / "whole.csv", tmp_path / "artifacts"
    whole.assign(sentiment=whole["label"].map({0: "neg", 1: "pos"}))[["review", "sentiment"]].to_csv(data, index=False)
    flags = ["--artifacts", str(artifacts), "--split", "official", "--validation-share", "0.2", "--out-of-domain-texts", "0"]
    run_stage("1_data_preprocessing.py", artifacts, "--data", str(data), *flags)
    assert "2 training texts dropped since they are test texts too" in capsys.readouterr().out
    found = corpus.load(artifacts)
    assert found.task.split == Split("official", None, 0.2, 1) and found.in_words == "whole.csv, recipe default, official split"
    texts = {name: set(found.texts(name)) for name in corpus.SPLITS}
    assert len(found.texts("test")) == 100 and len(found.texts("train")) + len(found.texts("validation")) == 98
    assert not texts["test"] & (texts["train"] | texts["validation"])
    assert texts["train"] | texts["validation"] < {clean(text, "default") for text in training["review"]}
    for name in corpus.SPLITS:  # rows are those of the file
        labels = whole["label"].to_numpy()[found.rows(name)]
        assert found.labels(name).tolist() == labels.tolist()
        assert list(found.texts(name)) == [clean(text, "default") for text in whole["review"].to_numpy()[found.rows(name)]]


def test_two_ways_to_name_the_test_texts_are_one_too_many(tmp_path, capsys):
    arguments = ["--artifacts", str(tmp_path), "--split", "official", "--test-data", str(tmp_path / "test.csv")]
    assert errors.exit_code(lambda: load_stage("1_data_preprocessing.py").main(arguments)) == 2
    assert "--test-data and --split official both name the test texts -> give one of them" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
