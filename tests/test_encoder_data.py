"""The encoder's first stage: texts cleaned for a tokenizer of pieces, what it makes of them, and what is refused."""

import functools
import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT, STAGES, hashes, load_stage

for package in ("torch", "transformers", "tokenizers"):
    pytest.importorskip(package, reason="pip install -r requirements-encoder.txt")

from sentipress.core import errors, manifest  # noqa: E402
from sentipress.data import corpus, sources  # noqa: E402
from sentipress.data.checking import Stored  # noqa: E402
from sentipress.data.cleaning import clean_plain  # noqa: E402
from sentipress.data.stored import Table  # noqa: E402
from sentipress.evaluation import pieces_exploration  # noqa: E402
from sentipress.pipeline import preparing  # noqa: E402
from sentipress.text.pieces import PieceTokenizer  # noqa: E402
from sentipress.transformer import pretrained  # noqa: E402

STAGE = manifest.ENCODER_DATA
ODD = "They <b>LOVED</b> it 🍸🍸 \x07 caf\u00e9 ..."  # what plain cleaning must keep, and a character without a piece


@pytest.fixture(scope="module", autouse=True)
def one_encoder():
    """The bundled encoder is read once for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretrained, "load", functools.cache(pretrained.load))
        yield


@pytest.fixture(scope="module")
def sentences():
    """300 bundled sentences, one of them odd, columns review and label."""
    frame = sources.read_bundled(sources.SENTENCES).sample(300, random_state=0).reset_index(drop=True)
    frame.loc[7, "review"] = ODD
    return frame


def as_tsv(frame, path):
    rows = (f"{' '.join(text.split())}\t{label}\n" for text, label in zip(frame["review"], frame["label"], strict=True))
    path.write_text("".join(rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def tsv(sentences, tmp_path_factory):
    return as_tsv(sentences, tmp_path_factory.mktemp("data") / "sst2-train.tsv")


def run(folder, *flags):
    load_stage(STAGE).main(["--artifacts", str(folder), *map(str, flags)])
    return corpus.load(folder)


def refused(folder, capsys, *flags):
    """The one line with which the stage refuses."""
    capsys.readouterr()
    assert errors.exit_code(lambda: run(folder, *flags)) == 2
    shown = capsys.readouterr()
    line = shown.err.strip()
    assert line.startswith("error: ") and " -> " in line and "\n" not in line and "Traceback" not in line
    assert not (folder / manifest.REVIEWS).exists()
    return line


@pytest.fixture(scope="module")
def made(tsv, tmp_path_factory):
    """A run on the 300 sentences that cuts at 24 pieces. Tests must not change it."""
    folder = tmp_path_factory.mktemp("encoder") / "artifacts"
    run(folder, "--data", tsv, "--length", 24)
    return folder


def test_texts_and_their_encoder_are_described(made, sentences, tsv):
    found = corpus.load(made)
    assert list(found.table.texts) == [clean_plain(text) for text in sentences["review"]]
    assert "They LOVED it 🍸🍸 café ..." in found.table.texts
    assert found.about["recipe"] == "default" and found.about["cleaning"] == "plain" and found.about["stage"] == STAGE
    encoder = pretrained.load(pretrained.BUNDLED)
    about = found.about["encoder"]
    assert about["name"] == "all-MiniLM-L6-v2" and about["sha256"] == encoder.sha256 and about["length"] == 24
    assert manifest.track_in(made) == manifest.ENCODER and not found.about.get("out_of_domain")
    assert {*manifest.ENCODER.stage(STAGE).writes, "eda.json"} == {path.name for path in made.iterdir() if path.is_file()} - {manifest.LOCK}
    assert found.about["splits"] == {"train": 216, "validation": 24, "test": 60}


def test_the_tokenizer_is_the_encoders_and_cuts_at_the_length(made):
    import tokenizers

    tokenizer = PieceTokenizer.load(made / manifest.TOKENIZER, "")
    library = tokenizers.Tokenizer.from_str(json.dumps(pretrained.load(pretrained.BUNDLED).library))
    library.enable_truncation(24)
    texts = list(corpus.load(made).table.texts)
    ids = tokenizer.encode(texts)
    assert ids.shape == (300, 24) and [row[row != 0].tolist() for row in ids] == [library.encode(text).ids for text in texts]
    np.testing.assert_array_equal(tokenizer.encode_raw([ODD]), tokenizer.encode([clean_plain(ODD)]))


def test_figures_of_pieces_are_those_of_the_library(made):
    import tokenizers

    eda = json.loads((made / "eda.json").read_text(encoding="utf-8"))
    library = tokenizers.Tokenizer.from_str(json.dumps(pretrained.load(pretrained.BUNDLED).library))
    texts = list(corpus.load(made).table.texts)
    encodings = [library.encode(text).tokens for text in texts]
    lengths = np.array([len(tokens) for tokens in encodings])
    found = eda["pieces"]
    assert eda["cleaning"] == "plain" and found["length"] == 24 and set(found["percentiles"]) == set(eda["word_percentiles"])
    assert found["lengths"]["mean"] == pytest.approx(lengths.mean()) and found["lengths"]["max"] == lengths.max()
    assert found["percentiles"]["95"] == np.percentile(lengths, 95)
    assert found["cut_share"] == (lengths > 24).mean() and 0.3 < found["cut_share"] < 0.8
    assert found["per_word"] == pytest.approx((lengths - 2).sum() / sum(len(text.split()) for text in texts))
    seen = [token for tokens in encodings for token in tokens[1:-1][:22]]
    assert found["unknown_share"] == pytest.approx(seen.count("[UNK]") / len(seen)) and seen.count("[UNK]") == 1
    assert found["unknown_characters"] == [["🍸", 2]] and found["distinct_unknown_characters"] == 1


def test_a_tokenizer_over_bytes_knows_every_character():
    import tokenizers

    model = tokenizers.models.BPE({letter: n for n, letter in enumerate(tokenizers.pre_tokenizers.ByteLevel.alphabet())}, [])
    library = tokenizers.Tokenizer(model)
    library.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = PieceTokenizer(json.loads(library.to_str()), 16, 0)
    figures = pieces_exploration.explore(["Ab 🍸", "nothing"], tokenizer)
    assert figures["unknown_characters"] == [] and figures["unknown_share"] == 0 and figures["lengths"]["max"] == 7


def test_pictures_and_files_are_the_same_bytes_again(made, tsv, tmp_path, capsys):
    run(tmp_path / "artifacts", "--data", tsv, "--length", 24)
    shown = capsys.readouterr().out
    assert f"next: python {manifest.FINE_TUNING} --artifacts" in shown and "% of the texts are cut at 24" in shown
    assert "300 texts from sst2-train.tsv, labels negative, positive" in shown
    assert hashes(tmp_path / "artifacts") == hashes(made)
    figures = hashes(made / "figures")
    assert set(figures) == {"classes.png", "histogram_pieces.png", "unknown_characters.png"}
    assert hashes(tmp_path / "artifacts" / "figures") == figures


def test_without_a_file_the_bundled_sentences_are_read(monkeypatch, tmp_path, capsys, sentences):
    read = []

    def some(source, spool):
        read.append(source)
        return Stored(Table.stored(sentences, spool), {}, ("negative", "positive"))

    monkeypatch.setattr(sources, "_store_bundled", some)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "IMDB Dataset.csv").write_text("review,sentiment\n", encoding="utf-8")  # the other track's
    monkeypatch.chdir(tmp_path)
    found = run(tmp_path / "artifacts")
    assert sources.SENTENCES in read and sources.REVIEWS not in read and found.about["source"]["name"].endswith("source rotten_tomatoes)")
    assert found.about["encoder"]["length"] == 64 and "source rotten_tomatoes" in capsys.readouterr().out


def test_fasttext_test_texts_and_texts_of_another_domain(tsv, sentences, tmp_path, capsys):
    others = sources.read_bundled(sources.SENTENCES).sample(80, random_state=1)
    others = others[~others["review"].isin(set(sentences["review"]))].iloc[:60]
    test = tmp_path / "test.txt"
    rows = zip(others["review"][:30], others["label"][:30] + 1, strict=True)
    test.write_text("".join(f"__label__{label} {text}\n" for text, label in rows), encoding="utf-8")
    # A copy of a training text as it stands, one with other case and marks, one of a test text, one text twice.
    elsewhere = pd.concat([others[30:], others[30:31], others[:1], sentences[:2]], ignore_index=True)
    elsewhere.loc[len(elsewhere) - 1, "review"] = sentences["review"][1].upper() + "!!"
    found = run(tmp_path / "a", "--data", tsv, "--test-data", test, "--out-of-domain-data", as_tsv(elsewhere, tmp_path / "other.tsv"))
    assert list(found.texts("test")) == [clean_plain(text) for text in others["review"][:30]] and found.task.split.kind == "test file"
    texts, labels = found.out_of_domain()
    assert list(texts) == [clean_plain(text) for text in others["review"][30:]] and labels.tolist() == others["label"][30:].tolist()
    about = found.about["out_of_domain"]
    assert about["source"]["name"] == "other.tsv" and about["reviews"] == about["counts"]["kept"] == 30
    assert about["counts"]["copies_of_labelled"] == 3 and about["counts"]["duplicates"] == 1 and about["counts"]["reviews"] == 34
    expected = "30 texts of another domain kept from other.tsv; dropped: 3 copies of labelled, 1 duplicates, 0 empty after cleaning"
    assert expected in capsys.readouterr().out
    run(tmp_path / "a", "--data", tsv)
    assert not (tmp_path / "a" / manifest.OUT_OF_DOMAIN).exists()


def test_labels_of_another_task_are_refused(tsv, tmp_path, capsys):
    other = tmp_path / "news.tsv"
    other.write_text("".join(f"news {n}\t{('sports', 'world')[n % 2]}\n" for n in range(60)), encoding="utf-8")
    for flag in ("--test-data", "--out-of-domain-data"):
        line = refused(tmp_path / "a", capsys, "--data", tsv, flag, other)
        assert "news.tsv row 1 has the unknown label 'sports'" in line and "use negative, positive" in line
    line = refused(tmp_path / "a", capsys, "--data", tsv, "--out-of-domain-data", tsv)
    assert "every text of --out-of-domain-data stands in --data" in line


@pytest.mark.parametrize("script", ["--data", "--test-data", "--out-of-domain-data"])
def test_a_file_that_is_not_there_is_refused(tsv, tmp_path, capsys, script):
    flags = {"--data": tsv, script: tmp_path / "none.tsv"}
    assert "none.tsv" in refused(tmp_path / "a", capsys, *[word for pair in flags.items() for word in pair])


def test_an_encoder_or_a_length_that_cannot_be_had_is_refused(tsv, tmp_path, capsys, monkeypatch):
    assert f"{tmp_path}/none does not exist" in refused(tmp_path / "a", capsys, "--data", tsv, "--encoder", tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "has no config.json" in refused(tmp_path / "a", capsys, "--data", tsv, "--encoder", tmp_path / "empty")
    for length in (7, 513):
        assert f"--length {length} is out of bounds -> give 8 to 512" in refused(tmp_path / "a", capsys, "--length", length)
    short = pretrained.load(pretrained.BUNDLED)
    config = type(short.config)(**{**short.config.to_dict(), "max_position_embeddings": 100})
    less = pretrained.Pretrained("short", config, short.weights, short.library, short.sha256)
    monkeypatch.setattr(pretrained, "load", lambda encoder: less)
    line = refused(tmp_path / "a", capsys, "--data", tsv, "--length", 101)
    assert "--length 101: short reads at most 100 ids of a text -> give at most 100" in line
    assert run(tmp_path / "a", "--data", tsv, "--length", 100).about["encoder"]["length"] == 100


def test_a_recipe_names_an_encoder_that_a_flag_may_replace(monkeypatch, tmp_path):
    named, prepared = [], []
    bundled = pretrained.load(pretrained.BUNDLED)
    monkeypatch.setattr(pretrained, "load", lambda encoder: named.append(encoder) or bundled)
    monkeypatch.setattr(preparing, "prepare", lambda *arguments: prepared.append(arguments))
    for flags in (["bert"], ["rubert"], ["roberta"], ["rubert", "--encoder", "bundled", "--length", "32"]):
        load_stage(STAGE).main(["--artifacts", str(tmp_path / "a"), "--recipe", *flags])
    assert named == ["bert-base-uncased", "cointegrated/rubert-tiny2", "roberta-base", "bundled"]
    assert [reader.tokenizer.sequence_length for *_, reader in prepared] == [64, 128, 128, 32]
    assert {(cleaning, stage) for _, cleaning, stage, _ in prepared} == {("plain", manifest.FINE_TUNING)}
    assert [settings.text_column for settings, *_ in prepared] == ["review", "text", "review", "text"]


def test_a_text_of_100_000_words_is_read_and_one_of_a_million_characters_is_not(sentences, tmp_path, capsys):
    long = pd.concat([sentences[:80], pd.DataFrame({"review": ["a good film " * 33_334], "label": [1]})], ignore_index=True)
    found = run(tmp_path / "long", "--data", as_tsv(long, tmp_path / "long.tsv"))
    pieces = json.loads((tmp_path / "long" / "eda.json").read_text(encoding="utf-8"))["pieces"]
    assert pieces["lengths"]["max"] == 100_004 and max(len(text.split()) for text in found.table.texts) == 100_002
    endless = pd.concat([sentences[:80], pd.DataFrame({"review": ["x" * 1_000_001], "label": [1]})], ignore_index=True)
    path = as_tsv(endless, tmp_path / "endless.tsv")
    for flags in (["--data", path], ["--data", tmp_path / "long.tsv", "--out-of-domain-data", path]):
        assert "the review in row 81 has 1000001 characters" in refused(tmp_path / "a", capsys, *flags)


def test_the_lstms_first_stage_does_not_offer_the_encoders_cleaning(tmp_path, capsys):
    flags = ["--recipe", "plain", "--artifacts", str(tmp_path / "a")]
    assert errors.exit_code(lambda: load_stage(manifest.PREPROCESSING).main(flags)) == 2
    assert "invalid choice: 'plain'" in capsys.readouterr().err


def test_missing_packages_are_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "sentipress.transformer.pretrained")
    monkeypatch.delattr(sys.modules["sentipress.transformer"], "pretrained")
    monkeypatch.setitem(sys.modules, "torch", None)
    line = refused(tmp_path / "a", capsys)
    assert line == "error: the package torch is not installed -> pip install -r requirements-encoder.txt"


def started(*interpreter, path=None):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | ({"PYTHONPATH": path} if path else {})
    command = [sys.executable, *interpreter, STAGE, "--help"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)


def test_the_script_runs_from_the_root_with_the_package_and_says_how_to_install_it_without():
    done = started(path=str(ROOT))
    assert done.returncode == 0 and "--out-of-domain-data" in done.stdout
    done = started("-S")  # no installed packages
    assert done.returncode == 1
    assert done.stderr == "error: the package sentipress is not installed -> pip install -e . in the repository's folder\n"


@pytest.mark.parametrize("recipe", ["default", "thesis", "posts"])
def test_a_teacher_does_not_learn_what_a_students_folder_holds_out(recipe, tsv, tmp_path):
    odd = [f"{number} texts <br />of the <i>_really_</i> odd kind." for number in range(300)]
    pd.DataFrame({"review": odd, "sentiment": ["negative", "positive"] * 150}).to_csv(tmp_path / "odd.csv", index=False)
    read = tmp_path / "read.tsv"
    read.write_text("".join(f"{text.replace('odd', 'strange')}\t1\n" for text in odd[:40]), encoding="utf-8")
    flags = ["--artifacts", str(tmp_path / "student"), "--data", str(tmp_path / "odd.csv"), "--recipe", recipe]
    load_stage(STAGES[0]).main([*flags, "--reading-sets", str(read), "--out-of-domain-texts", "50"])
    student = corpus.load(tmp_path / "student")
    rows = set(student.table.frame.query("split != 'train'")["row"])
    teacher = run(tmp_path / "teacher", "--data", tmp_path / "odd.csv", "--held-out", tmp_path / "student")
    assert not set(teacher.table.frame["row"]) & rows
    assert teacher.about["counts"]["held_out_elsewhere"] == len(rows) == 300 - len(teacher.table)
    assert teacher.about["held_out"] == [{"name": "student", "sha256": student.about["sha256"]}]
    # Reading sets and texts of another domain are held out too, and of further files for training the same.
    elsewhere = tmp_path / "elsewhere.tsv"
    sentences = sources.read_bundled(sources.SENTENCES).sample(50, random_state=0)["review"]
    elsewhere.write_text("".join(f"{' '.join(text.split())}\t{number % 2}\n" for number, text in enumerate(sentences)), encoding="utf-8")
    more = ",".join(map(str, [read, tmp_path / "odd.csv", elsewhere]))
    few = run(tmp_path / "more", "--data", tsv, "--held-out", tmp_path / "student", "--texts", "100", "--more-training", more)
    counted = {one["name"]: one for one in few.about["more_training"]}
    assert counted["read"]["held_out"] == 40 and counted["odd"]["held_out"] == len(rows) and counted["odd"]["kept"] == 300 - len(rows)
    assert counted["elsewhere"]["kept"] == 0 and len(few.table) == 100 + 300 - len(rows)


def test_what_was_held_out_is_asked_for_again(tsv, tmp_path):
    student = run(tmp_path / "student", "--data", tsv)
    run(tmp_path / "teacher", "--held-out", tmp_path / "student", "--texts", "200")
    with pytest.raises(errors.UserError, match=r"holds texts of further files \(--held-out\) -> run .*--held-out student"):
        run(tmp_path / "teacher")
    with pytest.raises(errors.UserError, match=r"nowhere.reviews\.csv is missing"):
        run(tmp_path / "none", "--data", tsv, "--held-out", tmp_path / "nowhere")
    rows = (f"{text}\t{label}\n" for text, label in zip(student.texts("test"), student.labels("test").astype(int), strict=True))
    (tmp_path / "few.tsv").write_text("".join(rows), encoding="utf-8")
    with pytest.raises(errors.UserError, match=r"every text of --data is held out"):
        run(tmp_path / "all", "--data", tmp_path / "few.tsv", "--held-out", tmp_path / "student")
