"""The texts of a folder lie in a file where they are large; what is counted in them and learned from them stays the same."""

import tracemalloc
from itertools import chain

import numpy as np
import pandas as pd
import pytest
from conftest import run_stage

from sentipress.core import files, manifest
from sentipress.data import corpus, corpus_making, stored
from sentipress.data.stored import Spool, Table, Texts
from sentipress.data.task import SENTIMENT, Task
from sentipress.text import batching, embeddings, phrases
from sentipress.text.tokenizer import Tokenizer


@pytest.fixture
def small_pieces(monkeypatch):
    """Pieces of a few rows, and nearly nothing in memory."""
    for module in (stored, corpus, corpus_making):
        monkeypatch.setattr(module, "PIECE", 7)
    monkeypatch.setattr(stored, "IN_MEMORY_BYTES", 100)
    monkeypatch.setattr(stored, "BUFFER", 300)


@pytest.fixture(scope="module")
def folder(sample_csv, unlabelled_csv, tmp_path_factory):
    """The folder that stage 1 makes of the sample."""
    place = tmp_path_factory.mktemp("large") / "artifacts"
    run_stage(manifest.PREPROCESSING, place, "--data", str(sample_csv), "--unlabelled", str(unlabelled_csv), "--sentences", "300")
    return place


def column(path, name):
    return pd.read_csv(path, dtype=str, keep_default_na=False)[name].tolist()


@pytest.mark.parametrize("where", ["memory", "file"])
def test_the_texts_of_a_folder_are_those_of_its_files_in_their_order(folder, where, request):
    if where == "file":
        request.getfixturevalue("small_pieces")
    reviews = corpus.load(folder)
    whole = pd.read_csv(folder / "reviews.csv", dtype={"review": str}, keep_default_na=False)
    assert list(reviews.table.texts) == whole["review"].tolist() and len(reviews.table) == len(whole) > 1400
    for split in corpus.SPLITS:
        rows = whole[whole["split"] == split]
        assert list(reviews.texts(split)) == rows["review"].tolist() and len(rows) > 100
        assert reviews.rows(split).tolist() == rows["row"].tolist() and reviews.labels(split).tolist() == rows["label"].tolist()
    assert list(reviews.unlabelled()) == column(folder / "unlabelled.csv", "review")
    raw, cleaned = reviews.sentences()
    assert list(raw) == column(folder / "sentences.csv", "text") and list(cleaned) == column(folder / "sentences.csv", "review")
    texts, labels = reviews.out_of_domain()
    assert list(texts) == column(folder / "out_of_domain.csv", "review") and len(texts) == len(labels) == 200
    # The spool took all of them: those that it had before are still there.
    both = reviews.unlabelled().joined(cleaned)
    assert list(both) == [*column(folder / "unlabelled.csv", "review"), *column(folder / "sentences.csv", "review")]
    assert list(reviews.texts("test")) == whole.loc[whole["split"] == "test", "review"].tolist()


def test_large_texts_do_not_lie_in_memory(bundled, tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "PIECE", 500)
    monkeypatch.setattr(stored, "IN_MEMORY_BYTES", 1 << 20)  # a tenth of the texts
    table = Table.stored(bundled.iloc[:8000].reset_index(drop=True)).assign(split="train")
    about = {"task": Task().as_dict(), "recipe": "default", "settings": {}, "flags": {}}
    corpus_making.save(table, None, None, about, tmp_path / "artifacts")
    size = (tmp_path / "artifacts" / "reviews.csv").stat().st_size
    before = {path.name for path in (tmp_path / "artifacts").iterdir()}
    tracemalloc.start()
    try:
        reviews = corpus.load(tmp_path / "artifacts")
        held, most = tracemalloc.get_traced_memory()
        characters = sum(map(len, reviews.texts("train")))
        held_after, most_after = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 10e6 and characters == sum(map(len, bundled["review"][:8000]))
    assert max(held, held_after) < 0.2 * size and max(most, most_after) < 0.5 * size
    assert {path.name for path in (tmp_path / "artifacts").iterdir()} == before  # the file has no name


def test_texts_are_a_sequence():
    spool = Spool()
    texts = spool.add(["a", "naïve", "", "漢字"])
    assert [texts[0], texts[-1], texts[np.int64(1)]] == ["a", "漢字", "naïve"] and "naïve" in texts and "b" not in texts
    assert texts.index("") == 2 and list(reversed(texts)) == ["漢字", "", "naïve", "a"] and isinstance(texts[1:], Texts)
    assert not texts[:0] and list(texts[1:3]) == ["naïve", ""] and list(texts[::2]) == ["a", ""]
    for row in (4, -5):
        with pytest.raises(IndexError):
            texts[row]


def test_a_fingerprint_of_texts_is_that_of_their_list():
    for texts in ([], ["a"], ["a", 'b"\n', "漢字", "half \ud83d of a pair", ""]):
        assert files.fingerprint_of_texts(iter(texts)) == files.fingerprint(texts)


@pytest.fixture(scope="module")
def texts_and_labels(sample):
    return [text.lower() for text in sample["review"][:600]], sample["label"].to_numpy()[:600]


@pytest.mark.parametrize(
    "labels_of", [lambda labels: (labels, SENTIMENT), lambda labels: (np.arange(len(labels)) % 3, Task(("a", "b", "c")))]
)
def test_pairs_are_those_of_an_exact_count(texts_and_labels, labels_of, monkeypatch):
    texts, labels = texts_and_labels
    labels, task = labels_of(labels)
    found = phrases.select(texts, labels, 400, task)
    assert len(found) == 400
    monkeypatch.setattr(phrases, "AT_ONCE", 1000)
    for slots in (1 << 6, 1 << 14):  # with so few, rare terms are taken for others as well
        monkeypatch.setattr(phrases, "SLOTS", slots)
        assert phrases.select(texts, labels, 400, task) == found
    monkeypatch.setattr(phrases._Often, "among", lambda self, terms: terms)
    assert phrases.select(texts, labels, 400, task) == found


def test_rare_pairs_are_not_held(texts_and_labels):
    texts, _ = texts_and_labels
    often = phrases._Often()
    often.count_all(texts)
    counts = {}
    for text in texts:
        for word in {*text.split()}:
            counts[word] = counts.get(word, 0) + 1
    words = [word for word in counts if "_" not in word]
    kept = often.among(words)
    enough = [word for word in words if counts[word] >= phrases.MINIMUM_TEXTS]
    assert set(enough) <= set(kept) and len(kept) < len(enough) + 20 < len(words) / 5
    often.count_all(["film"] * 1000)  # a byte holds no more than 255
    assert often.among(["film"]) == ["film"]


def test_ids_of_all_texts_are_read_in_pieces_that_overlap(monkeypatch):
    monkeypatch.setattr(embeddings, "CHUNK", 20)
    for length in (0, 1, 19, 20, 21, 24, 25, 26, 40, 41, 113):
        stream = np.arange(length, dtype=np.int32)
        expected = [stream[start : start + 20 + embeddings.WINDOW].tolist() for start in range(0, length, 20)]
        found = list(embeddings._overlapping(iter(stream.tolist())))
        assert [part.tolist() for part in found] == expected and all(part.dtype == np.int32 for part in found)


def test_stage_2_learns_from_a_file_what_it_learns_from_memory(texts_and_labels, small_pieces):
    texts, labels = texts_and_labels
    lying = Spool().add(texts)
    how = {"sequence_length": 60, "padding": "post", "truncating": "pre", "cleaning": "default"}
    tokenizers = [Tokenizer.fit(some, 900, phrases.select(some, labels, 50, SENTIMENT), **how) for some in (texts, lying)]
    assert tokenizers[0] == tokenizers[1] and any(" " in word for word in tokenizers[0].words)
    shape = embeddings.Shape(8, 1, SENTIMENT)
    one, other = (embeddings.Start.fit(some[:500], labels[:500], some[500:], tokenizers[0], shape) for some in (texts, lying))
    np.testing.assert_array_equal(one.vectors, other.vectors)
    np.testing.assert_array_equal(one.ratios, other.ratios)
    np.testing.assert_array_equal(tokenizers[0].encode(lying), tokenizers[0].encode(texts))


def test_ids_are_counted_in_pieces(monkeypatch):
    ids = np.random.default_rng(0).integers(0, 30, (100, 7)).astype(np.int32)
    expected = np.bincount(ids.ravel(), minlength=40)
    for size in (1, 33, 1000):
        monkeypatch.setattr(batching, "AT_ONCE", size)
        np.testing.assert_array_equal(batching.counts_of(ids, 40), expected)
    assert not batching.counts_of(ids[:0], 5).any()


def test_hashes_tell_texts_apart_and_their_number_counts_the_different_ones():
    texts = ["a", "b", "a", "", "ab"]
    numbers = stored.numbered(stored.hashes(chain(texts, ["b"])))
    assert int(numbers.max()) + 1 == 4 and numbers[0] == numbers[2] and numbers[1] == numbers[5]
