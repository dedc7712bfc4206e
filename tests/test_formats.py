"""Files of labelled texts beside CSV: TSV and the form of fastText, plain and packed, and what is refused of them."""

import bz2
import gzip
import lzma
import zipfile

import pytest
from conftest import load_stage

from sentipress.core import errors, manifest
from sentipress.core.errors import UserError
from sentipress.data import corpus, corpus_making, sources
from sentipress.data.stored import Table

PACKERS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}
TEXTS = ['he said " no', "it 's \u2028 fine ,", '"quoted"', "naïve 漢字 🤧"] * 6


def packed(path, content):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(path.stem, content)
    else:
        path.write_bytes(PACKERS.get(path.suffix, bytes)(content))
    return path


def tsv(texts=TEXTS, labels=("0", "1"), header=""):
    return (header + "".join(f"{text}\t{labels[n % len(labels)]}\n" for n, text in enumerate(texts))).encode()


def fasttext(texts=TEXTS, labels=("1", "2")):
    return "".join(f"__label__{labels[n % len(labels)]} {text}\n" for n, text in enumerate(texts)).encode()


@pytest.mark.parametrize("ending", [*PACKERS, ".zip"])
def test_quotes_and_separators_stay_in_a_tsv_plain_or_packed(tmp_path, ending):
    read = sources.read_file(packed(tmp_path / f"sst2.tsv{ending}", tsv()))
    assert read.frame["review"].tolist() == TEXTS and read.frame["label"].tolist() == [0, 1] * 12
    assert read.labels == ("negative", "positive") and read.spellings == {"0": 12, "1": 12}


@pytest.mark.parametrize("ending", [*PACKERS, ".zip"])
@pytest.mark.parametrize("name", ["reviews.txt", "train.ft", "train.csv"])
def test_fasttexts_form_is_known_by_its_first_line(tmp_path, ending, name):
    read = sources.read_file(packed(tmp_path / f"{name}{ending}", fasttext()))
    assert read.frame["review"].tolist() == TEXTS and read.frame["label"].tolist() == [0, 1] * 12
    assert read.labels == ("negative", "positive") and read.spellings == {"1": 12, "2": 12}


def test_bz2_is_read_like_the_other_packed_csvs(tmp_path):
    path = packed(tmp_path / "IMDB Dataset.csv.bz2", b'review,sentiment\n"good, really",positive\nbad,negative\n')
    assert sources.find(None, tmp_path) == path and sources.read_file(path).frame["review"][0] == "good, really"


def test_a_header_of_a_tsv_names_its_columns(tmp_path):
    rows = "".join(f'{("Negative", "Positive")[n % 2]}\t"text" {n}\t{n}\r\n' for n in range(24))
    path = packed(tmp_path / "counterfactual.tsv", ("\ufeffSentiment\tText\tbatch_id\r\n" + rows).encode())
    read = sources.read_file(path, "Text", "Sentiment")
    assert read.frame["review"].tolist() == [f'"text" {n}' for n in range(24)] and read.frame["label"].tolist() == [0, 1] * 12
    with pytest.raises(UserError, match=r"lacks the column 'label' \(found: Sentiment, Text, batch_id\)"):
        sources.read_file(path, "Text", "label")
    with pytest.raises(UserError, match="row 1 has 3 columns, not 2"):
        sources.read_file(path)


def test_own_labels_of_fasttext_keep_their_names(tmp_path):
    path = packed(tmp_path / "ag.txt", fasttext(labels=("Sport", "World-1")))
    assert sources.read_file(path).labels == ("Sport", "World-1")
    path = packed(tmp_path / "three.txt", fasttext([*TEXTS, *TEXTS], labels=("1", "2", "3")))
    assert sources.read_file(path).labels == ("1", "2", "3")
    path = packed(tmp_path / "two.txt", fasttext())
    assert sources.read_file(path, labels=("1", "2")).labels == ("1", "2")
    assert sources.read_file(path, labels=("negative", "positive")).frame["label"].tolist() == [0, 1] * 12


BLANK = b"\n\n"  # skipped, and counted
BAD = {
    "not_utf8.tsv": (tsv() + b"caf\xe9\t1\n", "is not UTF-8 (row 25: "),
    "not_utf8.txt": (fasttext() + BLANK + b"__label__1 caf\xe9\n", "is not UTF-8 (row 27: "),
    "utf16.tsv": ("a text\t1\n".encode("utf-16"), "is not UTF-8 (row 1: "),
    "no_label.tsv": (tsv() + BLANK + b"a text alone\n", "row 27 has the unknown label ''"),
    "no_label.txt": (fasttext() + BLANK + b"a text alone\n", "row 27 has no label -> begin each row with __label__name"),
    "two_labels.txt": (fasttext() + b"__label__1 __label__2 both\n", "row 25 has two labels"),
    "empty_text.tsv": (tsv() + BLANK + b" \t1\n", "row 27 has an empty review (1 in all)"),
    "empty_text.txt": (fasttext() + b"__label__2\n", "row 25 has an empty review (1 in all)"),
    "tab_in_text.tsv": (tsv() + b"a\tb\t1\n", "row 25 has 3 columns, not 2 -> a TSV has text TAB label"),
    "odd_label.tsv": (tsv() + b"words\t7\n", "row 25 has the unknown label '7'"),
    "unnamed_header.tsv": (tsv(header="sentence\tlabel\n"), "row 1 has the unknown label 'label' -> name the columns by --text-column"),
    "empty.tsv": (b"", "is empty"),
    "empty.txt": (b"\n \n", "is empty"),
    "only_header.tsv": (b"review\tsentiment\n", "has a header and no rows"),
    "one_class.tsv": (tsv(labels=("1",)), "has only one class ('1')"),
    "one_alone.txt": (fasttext(labels=("1",)), "has the label 1 alone"),
    "long.tsv": (tsv() + BLANK + b"x" * 1_000_001 + b"\t1\n", "the review in row 27 has 1000001 characters"),
    "cut.tsv.gz": (gzip.compress(tsv())[:-20], "cannot be read"),
    "cut.txt.xz": (lzma.compress(fasttext())[:-20], "cannot be read"),
    "cut.txt.bz2": (bz2.compress(fasttext())[:-20], "cannot be read"),
    "no_archive.tsv.zip": (b"PK\x03\x04", "cannot be read"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_one_line_and_exit_code_2(tmp_path, capsys, name):
    content, words = BAD[name]
    (tmp_path / name).write_bytes(content)
    flags = ["--data", str(tmp_path / name), "--artifacts", str(tmp_path / "artifacts")]
    assert errors.exit_code(lambda: load_stage(manifest.PREPROCESSING).main(flags)) == 2
    message = capsys.readouterr().err.strip()
    assert message.startswith("error: ") and words in message and " -> " in message and "\n" not in message
    assert not (tmp_path / "artifacts" / "reviews.csv").exists()


def test_an_archive_of_two_files_and_a_missing_file_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "two.tsv.zip", "w") as archive:
        archive.writestr("a.tsv", tsv())
        archive.writestr("b.tsv", tsv())
    with pytest.raises(UserError, match="2 files in the archive"):
        sources.read_file(tmp_path / "two.tsv.zip")
    for name in ("none.tsv", "none.txt", "none.csv"):
        with pytest.raises(UserError, match="cannot be read"):
            sources.read_file(tmp_path / name)


def test_the_lstms_first_stage_reads_a_tsv_as_it_reads_a_csv(sample, tmp_path, capsys):
    some = sample.iloc[:120]
    texts = [" ".join(text.split()).replace('"', "") for text in some["review"]]
    packed(tmp_path / "r.tsv.bz2", "".join(f"{text}\t{label}\n" for text, label in zip(texts, some["label"], strict=True)).encode())
    some.assign(review=texts, sentiment=some["label"])[["review", "sentiment"]].to_csv(tmp_path / "r.csv", index=False)
    flags = ["--data", str(tmp_path / "r.tsv.bz2"), "--artifacts", str(tmp_path / "artifacts"), "--out-of-domain-texts", "0"]
    load_stage(manifest.PREPROCESSING).main(flags)
    assert "120 texts from r.tsv.bz2" in capsys.readouterr().out
    table, counts = corpus_making.prepare(Table.stored(sources.read_file(tmp_path / "r.csv").frame), "default", keep_duplicates=False)
    expected = table.loaded()
    found = corpus.load(tmp_path / "artifacts")
    rows = found.table.loaded()
    assert rows["review"].tolist() == expected["review"].tolist() and rows["label"].tolist() == expected["label"].tolist()
    assert found.about["counts"] == counts and found.about["source"]["name"] == "r.tsv.bz2"
