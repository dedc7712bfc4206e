"""Links of a chain against the networks they came from, the pocket model, and predict.py."""

import dataclasses
import io
import os
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from conftest import LINKS, ROOT, load_stage, record, run_stage
from hypothesis import given
from hypothesis import strategies as st

from sentipress.core import errors
from sentipress.core.backend import deterministic, keras, tf
from sentipress.data import corpus, lines
from sentipress.data.task import SENTIMENT_LABELS
from sentipress.evaluation import deployment, records
from sentipress.linear.bag_of_words import LinearModel
from sentipress.lstm import export, networks, rounding, shrinking
from sentipress.pipeline import chain_links
from sentipress.reporting import cards
from sentipress.runtimes import pocket, registry
from sentipress.text.tokenizer import Tokenizer

SPEC = networks.ModelSpec(300, 30, 6, 5, True, "wide", 0.2, 0.2)
SHAPES = {
    "wide": SPEC,
    "max": dataclasses.replace(SPEC, pooling="max"),
    "wide_one_way": dataclasses.replace(SPEC, bidirectional=False),
    "last": dataclasses.replace(SPEC, pooling="last", bidirectional=False),
    "three_labels": dataclasses.replace(SPEC, outputs=3),
}


@pytest.fixture(scope="module", params=SHAPES, ids=str)
def network(request):
    spec = SHAPES[request.param]
    deterministic(3)
    return [weight * 2 + 0.05 for weight in networks.build(spec).get_weights()], spec


def ids_of(spec, reviews=40):
    random = np.random.default_rng(0)
    ids = np.zeros((reviews, spec.sequence_length), np.int32)
    for row, length in zip(ids, random.integers(1, spec.sequence_length + 1, reviews), strict=True):
        row[:length] = random.integers(1, spec.vocabulary_size, length)
    return ids


def logits(weights, spec, ids):
    """Of the training form, without a graph of its own: each network is asked once."""
    return networks.training_of(weights, spec)(ids).numpy()


# Links


def test_a_chain_is_read():
    links = chain_links.parse(" vocabulary=100, distil=4x4,prune=0.5 ,quantize,pack")
    assert [str(link) for link in links] == ["vocabulary=100", "distil=4x4", "prune=0.5", "quantize", "pack"]
    assert links[2].number() == 0.5 and links[3].number() is None and chain_links.shape_of("4x16") == (4, 16)
    chain_links.check_sizes(links, SPEC, 4)
    chain_links.check_name("other", ["pocket_2_distil", "modelo_base"])


def test_a_training_without_a_teacher_needs_a_shape():
    with pytest.raises(errors.UserError, match=r"train needs a shape -> give columns x units, as in train=16x16"):
        chain_links.parse("vocabulary=100,train,quantize")
    chain_links.check_sizes(chain_links.parse("train=4x4,units=4"), SPEC, 4)
    with pytest.raises(errors.UserError, match="have 3 columns"):
        chain_links.check_sizes(chain_links.parse("train=4x4"), SPEC, 3)


@pytest.mark.parametrize(
    "link", ["vocabulary=2", "vocabulary=1.5", "prune=80", "cluster=1", "round=0", "units=0", "factorize=no", "distil=4x0"]
)
def test_a_value_that_no_network_has_is_refused_at_once(link):
    with pytest.raises(errors.UserError, match=f"--chain {link}"):
        chain_links.parse(f"vocabulary=100,{link},quantize")


@pytest.mark.parametrize("chain", ["vocabulary=301", "distil,units=6", "distil=4x4,units=5", "vocabulary=9,vocabulary=10", "distil=7x4"])
def test_a_value_that_this_network_has_not_is_refused_at_once(chain):
    with pytest.raises(errors.UserError, match=r"is no number from|have 6 columns"):
        chain_links.check_sizes(chain_links.parse(chain), SPEC, 6)
    if chain == "distil=7x4":
        chain_links.check_sizes(chain_links.parse(chain), SPEC, None)


def test_all_ranks_are_the_same_network_and_few_are_the_best_ones(network):
    weights, spec = network
    ids, counts = ids_of(spec), np.ones(spec.vocabulary_size)
    whole = logits(weights, spec, ids)
    rotated, same = shrinking.factorize(weights, spec, spec.embedding_dim, counts)
    assert same == spec
    np.testing.assert_allclose(logits(rotated, same, ids), whole, atol=1e-4)
    # An embedding that has rank 2 already loses nothing.
    random = np.random.default_rng(0)
    flat = [(random.normal(size=(spec.vocabulary_size, 2)) @ random.normal(size=(2, spec.embedding_dim))).astype(np.float32), *weights[1:]]
    narrow, smaller = shrinking.factorize(flat, spec, 2, counts)
    assert smaller.embedding_dim == 2 and sum(map(np.size, narrow)) == networks.count_parameters(smaller)
    np.testing.assert_allclose(logits(narrow, smaller, ids), logits(flat, spec, ids), atol=1e-4)
    # Words that stand in the reviews count for more.
    uneven = np.where(np.arange(spec.vocabulary_size) < 30, 1000.0, 0.0)
    fitted, even = (shrinking.factorize(weights, spec, 2, each) for each in (uneven, counts))

    def error(found, rows):
        basis = np.linalg.lstsq(found[0][0], weights[0], rcond=None)[0]
        return float(((found[0][0] @ basis - weights[0])[rows] ** 2).sum())

    assert error(fitted, slice(0, 30)) < 0.9 * error(even, slice(0, 30))


def test_units_without_worth_can_go(network):
    weights, spec = network
    ids, directions = ids_of(spec), 2 if spec.bidirectional else 1
    # Unit 1 of each direction says nothing: no weight leads from it to the others or to the output.
    silent = [weight.copy() for weight in weights]
    for direction in range(directions):
        silent[2 + 3 * direction][1] = 0
        for block in range(2 if spec.pooling == "wide" else 1):
            silent[-2][block * directions * spec.units + direction * spec.units + 1] = 0
    model = networks.build_for_training(spec)
    model.set_weights(silent)
    inner = keras.Model(model.input, model.get_layer(networks.feature_layer(spec)).output)
    features = inner(ids).numpy()
    worth = shrinking.unit_worth(features, silent, spec)
    assert worth.shape == (directions, spec.units) and (worth.argmin(axis=1) == 1).all() and (worth[:, 1] == 0).all()
    fewer, smaller = shrinking.keep_units(silent, spec, worth, spec.units - 1)
    assert smaller.units == 4 and sum(map(np.size, fewer)) == networks.count_parameters(smaller)
    np.testing.assert_allclose(logits(fewer, smaller, ids), logits(silent, spec, ids), atol=1e-5)


def test_words_go_with_their_rows(network):
    weights, spec = network
    words = tuple(f"w{number:03d}" for number in range(298))[::-1]
    tokenizer = Tokenizer(words, sequence_length=30, padding="post", truncating="pre", cleaning="default")
    worth = np.zeros(300)
    worth[[5, 200, 7]] = [1, 3, 2]
    kept, rows = shrinking.keep_words(tokenizer, worth, 5)
    assert list(kept.words) == sorted(tokenizer.words[place - 2] for place in (5, 200, 7)) and sorted(rows[2:]) == [5, 7, 200]
    fewer, smaller = shrinking.keep_rows(weights, spec, rows)
    assert smaller.vocabulary_size == 5 == kept.vocabulary_size == len(fewer[0])
    text = [" ".join([tokenizer.words[3], tokenizer.words[198], "unknown", tokenizer.words[5]])]
    np.testing.assert_allclose(logits(fewer, smaller, kept.encode(text)), logits(weights, spec, tokenizer.encode(text)), atol=1e-6)


def test_a_vocabulary_without_pairs_reads_their_words():
    tokenizer = Tokenizer(("good", "not good", "not"), sequence_length=4, padding="post", truncating="pre", cleaning="default")
    kept, rows = shrinking.without_pairs(tokenizer)
    assert kept.words == ("good", "not") and rows.tolist() == [0, 1, 2, 4]
    assert tokenizer.encode(["not good"]).tolist() == [[3, 0, 0, 0]] and kept.encode(["not good"]).tolist() == [[3, 2, 0, 0]]


def test_worth_is_reviews_times_squared_ratio():
    ids = np.array([[2, 2, 3, 0], [2, 4, 0, 0]])
    np.testing.assert_allclose(shrinking.word_worth(ids, np.array([0, 0, 0.5, 2, -2]), 0.02), [2 * 0.02, 0, 2 * 0.27, 4.02, 4.02])
    ratios = np.array([[0, 0], [0, 0], [0.5, 0], [2, 1], [0, -2]])  # of two labels out of three, say: their squares are added up
    np.testing.assert_allclose(shrinking.word_worth(ids, ratios, 0.02), [2 * 0.02, 0, 2 * 0.27, 5.02, 4.02])


def test_clusters_are_few_near_and_gzip_well(network):
    weights, spec = network
    clustered = shrinking.cluster(weights, spec, 4)
    for before, after in zip(weights, clustered, strict=True):
        assert before.shape == after.shape
    assert len(np.unique(clustered[0])) <= 4 and len(np.unique(clustered[1])) <= 4
    assert np.abs(clustered[0] - weights[0]).mean() < 0.5 * np.abs(weights[0] - weights[0].mean()).mean()
    np.testing.assert_array_equal(clustered[-2], weights[-2])
    pruned = [np.where(np.abs(array) < np.median(np.abs(array)), np.float32(0), array) for array in weights]
    for before, after in zip(pruned, shrinking.cluster(pruned, spec, 4), strict=True):
        np.testing.assert_array_equal(after[before == 0], 0)
        assert np.all(np.abs(after - before)[before != 0] < np.abs(before).max())


def test_a_rounded_network_is_what_a_file_of_4_bits_stores(network):
    weights, spec = network
    ids = ids_of(spec)
    learning, scale = rounding.rounding_copy(weights, spec)
    few = rounding.rounded(weights, scale)
    assert np.abs(few[0] - weights[0]).max() > 0 and all(len(np.unique(column)) <= 15 for column in few[0].T)
    np.testing.assert_allclose(learning(ids).numpy(), logits(few, spec, ids), atol=1e-5)
    # The exact values are kept, and learn from what the rounded ones say.
    for before, after in zip(weights, learning.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(learning(ids))
    gradient = tf.convert_to_tensor(tape.gradient(total, learning.trainable_variables)[0]).numpy()
    assert gradient.shape == weights[0].shape and np.abs(gradient[np.unique(ids[ids > 0])]).max(axis=1).min() > 0
    # Rounding once more changes nothing: the ranges are found again.
    again = export.clipped_ranges(few[0])
    np.testing.assert_allclose(again, scale, rtol=1e-6)
    np.testing.assert_array_equal(export.to_int4(few[0], again), export.to_int4(weights[0], scale))


def test_cards_know_the_links():
    assert {chain_links.DISTIL} < cards.TAUGHT == chain_links.TAUGHT < set(chain_links.NETWORK) and not cards.UNTRAINED & cards.TAUGHT
    assert {*cards.UNTRAINED, *cards.TAUGHT} >= {*chain_links.FORMATS, chain_links.PACK, *chain_links.BOUNDS}


# The chain of the run


def test_each_link_is_a_row_and_the_sizes_fall(run):
    names = [*LINKS, "pocket"]
    rows = [record(run, name) for name in names]
    whole = [row["size"]["gzip_bytes"] + row["vocabulary"]["gzip_bytes"] for row in rows]
    assert whole[0] > whole[1] > whole[2] and whole[4] < whole[3] + 500 and [row["order"] for row in rows] == [71, 72, 73, 74, 75]
    sizes = [row["size"]["bytes"] for row in rows]  # before gzip: of so few words the operators are the larger part of the file
    assert sizes[0] > sizes[1] > 1.5 * sizes[3] and sizes[3] > sizes[4]
    assert rows[0]["technique"].startswith("Pocket 1: vocabulary=") and rows[0]["model"]["vocabulary_size"] <= 3000
    assert rows[1]["model"]["embedding_dim"] == rows[1]["model"]["units"] == 4 and rows[1]["chain"] == rows[4]["chain"]
    assert rows[4]["vocabulary"]["bytes"] == 0 and rows[4]["tokenizer"] is None and rows[4]["file"] == "pocket.zip"
    assert rows[3]["tokenizer"] in rows[3]["inputs"] and (run / rows[3]["tokenizer"]).is_file()
    assert rows[4]["scores"] == rows[3]["scores"] and rows[4]["scores"]["accuracy"]["value"] > 0.6
    assert {"modelo_base.keras", "classical_pairs.npz", "unlabelled.csv", "pocket_4_int4.tflite"} <= set(rows[4]["inputs"])
    base = record(run, "modelo_base")
    # The network has learned with the values that the file of 4 bits stores: only the LSTM's 8 bits are new to it.
    before, after = (records.load_probabilities(run, name)["test"] for name in ("pocket_3_round", "pocket_4_int4"))
    assert np.abs(before - after).max() < 0.05
    assert rows[4]["size"]["bytes"] < 0.3 * (base["size"]["gzip_bytes"] + base["vocabulary"]["gzip_bytes"])


def test_another_chain_stands_beside_and_a_shorter_one_replaces(run, tmp_path, capsys):
    copy = shutil.copytree(run, tmp_path / "copy")
    mine = {path.name for path in copy.glob("pocket*")}
    flags = ["--no-use-unlabelled", "--teacher", "modelo_base"]
    # A chain may have the name of a file that is not a chain's, such as unlabelled.csv.
    run_stage("6_combination.py", copy, *flags, "--name", "unlabelled", "--chain", "factorize,units=3,prune=0.5,cluster=8,quantize,pack")
    assert "(-" in capsys.readouterr().out
    assert {path.name for path in copy.glob("pocket*")} == mine
    pruned, quantized = (record(copy, f"unlabelled_{name}") for name in ("3_prune", "5_quantize"))
    assert pruned["parameters"]["sparsity"] == pytest.approx(0.5, abs=0.03) and pruned["model"]["units"] == 3
    assert quantized["technique"] == "Unlabelled 5: quantize" and pruned["technique"] == "Unlabelled 3: prune=0.5"
    before = {path.name for path in copy.glob("*") if not path.name.startswith("unlabelled")}
    run_stage("6_combination.py", copy, *flags, "--name", "unlabelled", "--chain", "float16", "--start", "pocket_2_distil")
    from_student, student = record(copy, "unlabelled_1_float16"), record(copy, "pocket_2_distil")
    assert from_student["scores"]["accuracy"]["value"] == pytest.approx(student["scores"]["accuracy"]["value"], abs=0.01)
    assert from_student["tokenizer"] == student["tokenizer"] and "pocket_2_distil.keras" in from_student["inputs"]
    written = {f"unlabelled_1_float16{end}" for end in (".tflite", ".metrics.json", ".probabilities.npz")}
    assert {path.name for path in copy.glob("unlabelled*")} == written | {"unlabelled.csv"}
    assert {path.name for path in copy.glob("*") if not path.name.startswith("unlabelled")} == before
    # The control of a student: its shape and start, as many words to read (of all texts, in two epochs), and no teacher.
    run_stage("6_combination.py", copy, "--name", "alone", "--chain", "vocabulary=500,train=3x3,float16", "--keep-pairs")
    alone = record(copy, "alone_2_train")
    assert alone["model"]["embedding_dim"] == alone["model"]["units"] == 3 and len(alone["history"]) == 3
    # By default pairs are read as two words.
    vocabularies = [
        Tokenizer.load(copy / record(copy, name)["tokenizer"], "").words for name in ("modelo_base", "alone_2_train", "pocket_2_distil")
    ]
    assert [any(" " in word for word in words) for words in vocabularies] == [True, True, False]
    # A chain may not replace what it is made from.
    for source in (["--start", "pocket_2_distil"], ["--teacher", "modelo_base+pocket"]):
        with pytest.raises(errors.UserError, match=r"is of the chain pocket.* -> give another --name"):
            run_stage("6_combination.py", copy, "--chain", "float16", *source)
    assert {path.name for path in copy.glob("pocket*")} == mine


# The pocket model


@given(st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), min_size=1, max_size=70), unique=True))
def test_front_coding_gives_back_what_it_was_given(words):
    assert pocket.front_decoded(pocket.front_coded(sorted(words))) == tuple(sorted(words))
    assert pocket.front_decoded(pocket.front_coded(words)) == tuple(words)


def test_a_pocket_model_is_the_network_with_its_vocabulary(run):
    packed = pocket.unpack(run / "pocket.zip", "")
    assert packed.tokenizer == Tokenizer.load(run / record(run, "pocket_4_int4")["tokenizer"], "")
    assert packed.labels == SENTIMENT_LABELS == registry.open_model(run / "pocket.zip").task.labels
    assert packed.model == (run / "pocket_4_int4.tflite").read_bytes()
    assert pocket.pack(packed.model, packed.tokenizer, packed.labels) == (run / "pocket.zip").read_bytes()
    text = corpus.load(run).texts("test")[0]
    fresh = deployment.measure(run / "pocket.zip", None, [text], SENTIMENT_LABELS)
    assert fresh["first"] == pytest.approx(float(records.load_probabilities(run, "pocket")["test"][0]), abs=1e-6)
    assert fresh["peak_memory_bytes"] < 120e6  # no TensorFlow in there


@pytest.mark.parametrize("fault", ["cut", "text", "member", "schema", "prefix", "bomb", "gone"])
def test_a_damaged_pocket_model_is_one_line(run, tmp_path, fault, monkeypatch):
    path = tmp_path / "pocket.zip"
    with zipfile.ZipFile(run / "pocket.zip") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    if fault == "member":
        del members[pocket.VOCABULARY]
    if fault == "schema":
        members[pocket.METADATA] = members[pocket.METADATA].replace(b'"schema": 1', b'"schema": 9')
    if fault == "prefix":
        members[pocket.VOCABULARY] = b"9good\n" + members[pocket.VOCABULARY]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    content = {"cut": stream.getvalue()[:-30], "text": b"no zip"}.get(fault, stream.getvalue())
    if fault == "bomb":
        monkeypatch.setattr(pocket, "LIMIT_BYTES", 1000)
    if fault != "gone":
        path.write_bytes(content)
    with pytest.raises(errors.UserError, match=r"pocket\.zip is (missing|no pocket model \(.*\)) -> make it again"):
        pocket.PocketModel(path, "make it again")


# predict.py


def test_every_kind_of_model_predicts_and_small_ones_load_no_tensorflow(run, tmp_path):
    texts = corpus.load(run).texts("test")[:3]
    (tmp_path / "texts.txt").write_text("\n".join([*texts[1:], ""]), encoding="utf-8")
    for name in ("pocket.zip", "pocket_4_int4.tflite", "classical_pairs.npz", "modelo_base.keras", "pocket_1_vocabulary.keras"):
        code = (
            "import runpy, sys; main = runpy.run_path('predict.py')['main']; main(sys.argv[1:]); "
            "print(any(name in sys.modules for name in ('tensorflow', 'pandas', 'sklearn', 'tqdm', 'scipy')))"
        )
        flags = ["--model", str(run / name), texts[0], "--file", str(tmp_path / "texts.txt"), "--batch", "2"]
        shown = subprocess.run([sys.executable, "-c", code, *flags], capture_output=True, text=True, encoding="utf-8", cwd=ROOT, check=True)
        *lines, heavy = shown.stdout.splitlines()
        assert heavy == str(name.endswith(".keras"))
        expected = records.load_probabilities(run, name.split(".")[0])["test"][:3]
        for line, text, probability in zip(lines, texts, expected, strict=True):
            label, score, known, said = line.split("\t")
            assert said == text and float(score) == pytest.approx(probability, abs=6e-4)
            judged = int(known.removesuffix("%")) >= 34  # the smallest vocabularies have few of a review's words
            assert label == (("positive" if probability > 0.5 else "negative") if judged else "cannot judge")


def test_a_model_that_knows_too_few_words_cannot_judge_and_a_blank_line_keeps_its_row(run, tmp_path, capsys):
    weights, bias = np.array([3, -3], np.float16), np.array([0.5], np.float32)
    LinearModel(("good", "bad"), weights, None, bias, 1, "default").save(tmp_path / "two.npz")
    lines_ = ["Good bad film", "", "bad <br> BAD", "a good film", "one good word of four", "   ", "gut"]
    (tmp_path / "texts.txt").write_text("\n".join(lines_) + "\n", encoding="utf-8")
    for size in ("1", "3", "64"):
        load_stage("predict.py").main(["--model", str(tmp_path / "two.npz"), "--file", str(tmp_path / "texts.txt"), "--batch", size])
        shown = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
        assert [row[3] for row in shown] == lines_
        assert [row[2] for row in shown] == ["67%", "0%", "100%", "33%", "20%", "0%", "0%"]
        verdicts = ["positive", "cannot judge", "negative", "positive", "cannot judge", "cannot judge", "cannot judge"]
        assert [row[0] for row in shown] == verdicts  # a third of the words is enough
        odds = [0.5, 0.5, -2.5, 3.5, 3.5, 0.5, 0.5]
        assert [float(row[1]) for row in shown] == pytest.approx([1 / (1 + np.exp(-odd)) for odd in odds], abs=6e-4)
    (tmp_path / "blank.txt").write_text("\n", encoding="utf-8")
    for model in ("modelo_DRQ.tflite", "pocket.zip", "modelo_base.keras"):  # a network reads the unknown word
        load_stage("predict.py").main(["--model", str(run / model), "--file", str(tmp_path / "blank.txt")])
        (row,) = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
        assert row[0] == "cannot judge" and row[2:] == ["0%", ""]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["a film", "--model", "none.tflite"], "none.tflite is missing"),
        (["a film", "--model", "README.md"], "README.md is no model -> give a file that ends in .zip"),
        (["--model", "{run}/pocket.zip"], "no text to judge"),
        (["  ", "--model", "{run}/pocket.zip"], "an empty text"),
        (["--file", "none.txt", "--model", "{run}/pocket.zip"], "none.txt cannot be read"),
        (["--file", "{tmp}/latin1.txt", "--model", "{run}/pocket.zip"], "is not UTF-8"),
        (["a film", "--model", "{tmp}/lonely.tflite"], "tokenizer.json is missing"),
        (["a film", "--model", "{tmp}/moved/modelo_DRQ.tflite"], "tokenizer.json is not the one that"),
    ],
)
def test_predict_refuses_in_one_line(run, tmp_path, capsys, flags, words):
    (tmp_path / "latin1.txt").write_bytes("trop cliché\n".encode("latin-1"))
    shutil.copy(run / "modelo_DRQ.tflite", tmp_path / "lonely.tflite")
    (tmp_path / "moved").mkdir()
    for name in ("modelo_DRQ.tflite", "modelo_DRQ.metrics.json"):
        shutil.copy(run / name, tmp_path / "moved")
    dataclasses.replace(Tokenizer.load(run / "tokenizer.json", ""), sequence_length=60).save(tmp_path / "moved" / "tokenizer.json")
    arguments = [flag.format(run=run, tmp=tmp_path) for flag in flags]
    assert errors.exit_code(lambda: load_stage("predict.py").main(arguments)) == 2
    shown = capsys.readouterr()
    assert words in shown.err and shown.err.count("\n") == 1 and " -> " in shown.err and shown.out == ""


def test_a_reader_that_has_seen_enough_and_letters_that_a_terminal_lacks(run, tmp_path):
    (tmp_path / "texts.txt").write_text("a film\n" * 20_000, encoding="utf-8")
    command = [sys.executable, "predict.py", "--model", str(run / "classical_pairs.npz")]
    process = subprocess.Popen([*command, "--file", str(tmp_path / "texts.txt")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b"" and process.wait(timeout=60) == 1
    shown = subprocess.run(
        [*command, "a \u2603 film"], capture_output=True, cwd=ROOT, check=True, env={**os.environ, "PYTHONIOENCODING": "ascii:strict"}
    )
    assert b"a \\u2603 film" in shown.stdout


def test_texts_come_in_groups(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("c\n\nd\ne\r\n", encoding="utf-8")
    assert list(lines.groups(["a", "b"], str(path), 2)) == [["a", "b"], ["c", ""], ["d", "e"]]  # a blank line keeps its row
    assert list(lines.groups(["a", "b", "c"], None, 2)) == [["a", "b"], ["c"]]
    assert list(lines.groups([], str(path), 100)) == [["c", "", "d", "e"]]


def test_int4_is_refused_nowhere_in_between():
    assert set(chain_links.FORMATS.values()) == set(export.FORMATS)
