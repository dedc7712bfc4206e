"""The page's Python half: metadata, labels, models, what is refused; and JavaScript's tokenizer where Node.js is there."""

import importlib.util
import json
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from sentipress.browser import site
from sentipress.core import files
from sentipress.core.errors import UserError, exit_code
from sentipress.data import cleaning
from sentipress.data.task import KNOWN_SHARE, SENTIMENT_LABELS, verdict
from sentipress.evaluation import records
from sentipress.linear.bag_of_words import LINKS, LinearModel, terms_of
from sentipress.runtimes import packed_words, pocket
from sentipress.text.tokenizer import Tokenizer, text_words

ROOT = Path(__file__).resolve().parent.parent
NODE = shutil.which("node")
# What Python and JavaScript are known to see differently: case, whitespace, words, code points.
ODD = "aAzΣσİıßǅéé'_-.,! \t\x1c\x85\xa0\ufeff\u2028\u200b<>/br٣²½ⅷ々ʰ\u0307:\x00😀𐐀ꟊ\ud800"
EVERYTHING = "".join(map(chr, range(0x110000)))
NEWS = ("world", "sports", "business")


def script(name: str) -> ModuleType:
    """A script of the demo; importing it runs nothing."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "demo" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_record(folder: Path, name: str, file: str, **changes: object) -> None:
    """Metrics of a made-up model file that fit it and its vocabulary."""
    record = records.read(ROOT / "results" / "default" / "modelo_DRQ.metrics.json", "")
    files.write_bytes(folder / f"{name}.probabilities.npz", b"probabilities")
    record["inputs"] = {name: files.sha256(folder / name) for name in ("reviews.csv", "tokenizer.json")}
    record["outputs"] = {name: files.sha256(folder / name) for name in (file, f"{name}.probabilities.npz")}
    record |= {"name": name, "file": file, "size": files.sizes(folder / file)}
    files.write_json(records.metrics_path(folder, name), record | changes)


@pytest.fixture
def artifacts(tmp_path) -> Path:
    """An artifacts folder with a tokenizer and one made-up model whose metrics fit it."""
    folder = tmp_path / "artifacts"
    Tokenizer(("good", "bad"), 6, "post", "pre", "default").save(folder / "tokenizer.json")
    for name in ("reviews.csv", "modelo_DRQ.tflite"):
        (folder / name).write_bytes(name.encode())
    write_record(folder, "modelo_DRQ", "modelo_DRQ.tflite")
    return folder


@pytest.fixture
def demo(tmp_path) -> Path:
    """The page's sources with npm's files as stand-ins."""
    folder = tmp_path / "demo"
    shutil.copytree(ROOT / "demo" / "source", folder / "source")
    for name in ("core/dist/index.js", "wasm-utils/dist/index.js"):
        files.write_text(
            folder / "node_modules/@litertjs" / name, 'import { a } from "@litertjs/wasm-utils";\n//# sourceMappingURL=x.map\n'
        )
    for name in site.WASM:
        for suffix in (".js", ".wasm"):
            files.write_bytes(folder / "node_modules/@litertjs/core/wasm" / f"{name}{suffix}", b"wasm")
    return folder


def members(inside: str) -> set[str]:
    """Characters of a class of JavaScript's."""
    escaped = re.sub(r"\\u{([0-9a-f]+)}", lambda match: f"\\U{int(match[1], 16):08x}", inside)
    return set(re.findall(f"[{escaped}]", EVERYTHING))


def test_character_classes_are_pythons():
    classes = {name: members(inside) for name, inside in site.character_classes().items()}
    assert classes["word"] == set(re.findall(r"\w", EVERYTHING))
    assert classes["space"] == set(re.findall(r"\s", EVERYTHING)) == {character for character in EVERYTHING if character.isspace()}
    assert classes["marks"] == set(map(chr, cleaning.accents()))
    assert classes["unspaced"] == {chr(point) for first, last in cleaning.UNSPACED for point in range(first, last + 1)}
    cased, ignorable = (members(site.lower_case()[name]) for name in ("cased", "ignorable"))
    some = "aZßσǅʰ'.:\u0301\u200d1 中"
    assert [character for character in some if character in cased] == list("aZßσǅ")
    assert [character for character in some if character in ignorable] == list("ʰ'.:\u0301\u200d")
    assert not cased & ignorable


@pytest.mark.parametrize("recipe", cleaning.WORD_RECIPES)
def test_only_the_classes_that_a_recipe_needs_are_shipped(recipe):
    ours = Tokenizer(("good",), 4, "post", "pre", recipe)
    content = site.metadata(ours, SENTIMENT_LABELS)["cleaning"]
    needed = {"word", "space"} if recipe == "thesis" else {"word", "space", "marks", "unspaced"}
    assert set(content["classes"]) == needed
    # A step names its classes; the patterns that cleaning.py shows are shipped as they are.
    assert not any("\\w" in step.get("pattern", "") or "\\s" in step.get("pattern", "") for step in content["steps"])


def test_an_unknown_recipe_is_refused():
    with pytest.raises(UserError):
        site.steps("stemmed")


def test_the_page_is_built_from_what_was_measured(artifacts, demo):
    target = demo / "dist"
    site.build(artifacts, demo, target)
    content = json.loads((target / "metadata.json").read_text(encoding="utf-8"))
    (model,) = content["models"]
    assert content["schema"] == 3 and content["labels"] == ["negative", "positive"] and content["known_share"] == KNOWN_SHARE
    assert content["tokenizer"]["words"] == ["good", "bad"] and content["tokenizer"]["sequence_length"] == 6
    assert (target / model["file"]).read_bytes() == (artifacts / "modelo_DRQ.tflite").read_bytes()
    assert files.sha256(target / model["file"]) == model["sha256"]
    assert 0 < model["accuracy"]["low"] < model["accuracy"]["value"] < model["accuracy"]["high"] < 1
    assert '"./wasm-utils.js"' in (target / "litert/core.js").read_text() and "sourceMapping" not in (target / "litert/core.js").read_text()
    # The service worker knows each file but itself, by its hash; a changed file is another worker.
    listed = json.loads(re.search(r"FILES = (\{.*?\});", (target / "sw.js").read_text(), re.DOTALL)[1])
    assert listed == {str(p.relative_to(target)): files.sha256(p) for p in target.rglob("*") if p.is_file() and p.name != "sw.js"}
    before = (target / "sw.js").read_text()
    with open(demo / "source" / "style.css", "a") as stream:
        stream.write("p{}")
    site.build(artifacts, demo, target)
    assert (target / "sw.js").read_text() != before


def test_the_pocket_model_brings_its_own_words(artifacts, demo, tmp_path):
    words = Tokenizer(("bad", "film", "good"), 4, "post", "pre", "default")
    pocket.save(artifacts / "pocket.zip", b"TFL3 its network", words, SENTIMENT_LABELS)
    write_record(artifacts, "pocket", "pocket.zip")
    site.build(artifacts, demo, demo / "dist")
    content = json.loads((demo / "dist" / "metadata.json").read_text(encoding="utf-8"))
    first, last = content["models"]
    assert first["name"] == "modelo_DRQ" and "words" not in first
    assert last["words"] == ["bad", "film", "good"] and last["sequence_length"] == 4 and last["title"] == "Pocket"
    assert (demo / "dist" / last["file"]).read_bytes() == b"TFL3 its network"
    assert files.sha256(demo / "dist" / last["file"]) == last["sha256"] and last["bytes"] == (artifacts / "pocket.zip").stat().st_size
    (artifacts / "pocket.zip").write_bytes(b"no zip")
    with pytest.raises(UserError, match=r"pocket\.zip is no pocket model .* -> run python 6_combination\.py"):
        site.models(artifacts)


def bag_of_words(labels: tuple[str, ...] = SENTIMENT_LABELS, recipe: str = "default") -> LinearModel:
    """A bag of three terms."""
    outputs = 1 if len(labels) == 2 else len(labels)
    weights = np.linspace(-1, 1, 3 * outputs).reshape(3, outputs).astype(np.float16)
    return LinearModel(("bad", "good", "not good"), weights, None, np.zeros(outputs, np.float32), 2, recipe, labels, "one-vs-rest")


def test_a_packed_bag_of_words_is_shipped_as_it_is(artifacts, demo):
    for terms in (16_000, 11_900):
        packed_words.save(artifacts / f"packed_{terms}.zip", bag_of_words(), 8)
        write_record(artifacts, f"packed_{terms}", f"packed_{terms}.zip")
    site.build(artifacts, demo, demo / "dist")
    content = json.loads((demo / "dist" / "metadata.json").read_text(encoding="utf-8"))
    network, *bags = content["models"]
    assert "kind" not in network and [about["name"] for about in bags] == ["packed_11900", "packed_16000"]
    for about in bags:
        assert about["kind"] == "bag of words" and about["title"] == "Bag of words, 3 terms" and "words" not in about
        assert (demo / "dist" / about["file"]).read_bytes() == (artifacts / f"{about['name']}.zip").read_bytes()
        assert files.sha256(demo / "dist" / about["file"]) == about["sha256"]
        assert about["bytes"] == (artifacts / f"{about['name']}.zip").stat().st_size


def test_bags_of_words_that_do_not_fit_the_page_are_refused(artifacts, demo):
    def refusal(content: bytes | None = None, model: LinearModel | None = None) -> str:
        path = artifacts / "packed_11900.zip"
        path.write_bytes(content or packed_words.pack(model, 8))
        write_record(artifacts, "packed_11900", path.name)
        with pytest.raises(UserError) as caught:
            site.build(artifacts, demo, demo / "dist")
        return str(caught.value)

    assert re.search(r"packed_11900\.zip is no packed bag of words .* -> run python classical\.py", refusal(b"no zip"))
    assert "packed_11900.zip has the labels world, sports, business" in refusal(model=bag_of_words(NEWS))
    assert "packed_11900 was made with the recipe 'posts', the vocabulary with 'default'" in refusal(model=bag_of_words(recipe="posts"))
    packed_words.save(artifacts / "packed_11900.zip", bag_of_words(), 4)
    with pytest.raises(UserError, match=r"packed_11900\.zip has changed since -> run python classical\.py"):
        site.build(artifacts, demo, demo / "dist")


def test_a_folder_of_bags_of_words_alone_makes_a_page(artifacts):
    (artifacts / "modelo_DRQ.tflite").unlink()
    packed_words.save(artifacts / "packed_11900.zip", bag_of_words(), 8)
    write_record(artifacts, "packed_11900", "packed_11900.zip")
    labels, (about,) = site.models(artifacts)
    assert labels == SENTIMENT_LABELS and about["name"] == "packed_11900"


def test_other_labels_come_from_the_metrics_and_from_the_pocket_model(artifacts, demo):
    write_record(artifacts, "modelo_DRQ", "modelo_DRQ.tflite", labels=list(NEWS))
    pocket.save(artifacts / "pocket.zip", b"TFL3 its network", Tokenizer(("goal",), 4, "post", "pre", "default"), NEWS)
    write_record(artifacts, "pocket", "pocket.zip", labels=list(NEWS))
    labels, described = site.models(artifacts)
    assert labels == NEWS and [about["name"] for about in described] == ["modelo_DRQ", "pocket"]
    site.build(artifacts, demo, demo / "dist")
    assert json.loads((demo / "dist" / "metadata.json").read_text(encoding="utf-8"))["labels"] == list(NEWS)


def test_models_of_different_labels_do_not_share_a_page(artifacts):
    (artifacts / "modelo_F16Q.tflite").write_bytes(b"of another task")
    write_record(artifacts, "modelo_F16Q", "modelo_F16Q.tflite", labels=list(NEWS))
    with pytest.raises(
        UserError, match=r"modelo_F16Q\.tflite has the labels world, sports, business; modelo_DRQ\.tflite has negative, positive"
    ):
        site.models(artifacts)
    (artifacts / "modelo_F16Q.tflite").unlink()
    # The same names in another order are other labels: a probability would speak of the wrong one.
    words = Tokenizer(("goal",), 4, "post", "pre", "default")
    pocket.save(artifacts / "pocket.zip", b"TFL3 its network", words, ("positive", "negative"))
    write_record(artifacts, "pocket", "pocket.zip")
    with pytest.raises(UserError, match=r"pocket\.zip has the labels positive, negative; modelo_DRQ\.tflite has negative, positive"):
        site.models(artifacts)


@pytest.mark.parametrize(
    ("labels", "noun", "other"), [(SENTIMENT_LABELS, "review", "text"), (NEWS, "text", "review"), (("Ham", "Spam"), "text", "review")]
)
def test_the_page_speaks_of_what_its_labels_are_about(artifacts, demo, labels, noun, other):
    write_record(artifacts, "modelo_DRQ", "modelo_DRQ.tflite", labels=list(labels))
    site.build(artifacts, demo, demo / "dist")
    page = (demo / "dist" / "index.html").read_text(encoding="utf-8")
    manifest = json.loads((demo / "dist" / "manifest.webmanifest").read_text(encoding="utf-8"))
    wording = json.loads((demo / "dist" / "metadata.json").read_text(encoding="utf-8"))["wording"]
    assert f">Your {noun}</label>" in page and f"Example {noun}s" in page and f"Skip to the {noun}<" in page and "{{" not in page
    for text in (re.search("<title>(.*)</title>", page)[1], manifest["name"], manifest["description"], wording["claim"]):
        assert noun in text and other not in text
    assert wording["noun"] == noun and bool(wording["examples"]) == (labels == SENTIMENT_LABELS)
    assert not (demo / "dist" / "wording.json").exists()


def test_a_place_without_words_is_refused(artifacts, demo):
    (demo / "source" / "index.html").write_text("<title>{{title}} {{motto}}</title>")
    with pytest.raises(UserError, match=r"wording\.json lacks motto -> restore it"):
        site.build(artifacts, demo, demo / "dist")


def test_sources_reach_for_nothing_outside():
    for path in (ROOT / "demo" / "source").glob("*.*"):
        if path.suffix != ".png":
            assert not re.findall(
                r"(?:https?:)?//[a-z][\w-]+\.", path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
            )
    lock = (ROOT / "demo" / "package-lock.json").read_text()
    assert set(re.findall(r'"resolved": "([^"]*/)@?', lock)) <= {"https://registry.npmjs.org/"}


def test_what_is_missing_or_foreign_is_one_clear_line(artifacts, demo, tmp_path, capsys):
    def line(*arguments: Path) -> str:
        assert exit_code(lambda: site.build(*arguments)) == 2
        return capsys.readouterr().err

    assert "tokenizer.json is missing -> run python 2_lstm_baseline.py" in line(tmp_path / "none", demo, demo / "dist")
    foreign = tmp_path / "foreign"
    files.write_text(foreign / "thesis.txt", "mine")
    assert "holds something else" in line(artifacts, demo, foreign)
    assert (foreign / "thesis.txt").is_file()
    (artifacts / "modelo_DRQ.tflite").write_bytes(b"another run's")
    assert "modelo_DRQ.tflite has changed since -> run python 3_quantization.py" in line(artifacts, demo, demo / "dist")
    (artifacts / "modelo_DRQ.tflite").unlink()
    assert "holds none of the demo's models -> run python 3_quantization.py" in line(artifacts, demo, demo / "dist")


def test_missing_packages_name_the_command(artifacts, demo, capsys):
    shutil.rmtree(demo / "node_modules")
    assert exit_code(lambda: site.build(artifacts, demo, demo / "dist")) == 2
    assert "npm ci --prefix demo" in capsys.readouterr().err


def test_the_command_reports_in_one_line(tmp_path):
    command = [sys.executable, "demo/build.py", "--artifacts", str(tmp_path), "--target", str(tmp_path / "dist")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "tokenizer.json is missing" in done.stderr


def test_vectors_are_whole_rows():
    ours = Tokenizer(("good", "not good"), 4, "post", "pre", "default")
    texts = ["good <br> film", "", "not good films", "film"]
    assert site.vectors(ours, texts) == {
        "texts": texts,
        "ids": [[2, 1, 0, 0], [1, 0, 0, 0], [3, 1, 0, 0], [1, 0, 0, 0]],
        "known_share": [0.5, 0.0, 1 - 1 / 3, 0.0],
    }
    assert json.loads(site.compact({"text": "\ud800"})) == {"text": "\ud800"}


@pytest.mark.skipif(NODE is None, reason="Node.js is not installed")
@pytest.mark.parametrize("recipe", cleaning.WORD_RECIPES)
@pytest.mark.parametrize(("padding", "truncating"), [("post", "pre"), ("pre", "post")])
@pytest.mark.parametrize("pairs", [0, 5000])
def test_javascript_reads_a_text_as_python_does(sample, recipe, padding, truncating, pairs):
    golden = script("golden")
    chance = random.Random(1)
    odd = ["".join(chance.choices(ODD, k=chance.randrange(80))) for _ in range(1500)]
    anywhere = ["".join(chr(chance.randrange(0xD800)) for _ in range(chance.randrange(40))) for _ in range(1500)]
    chains = ["good bad " * 1000, "good bad " * 1000 + "good", "film " + "good bad " * 1000]  # each pair overlaps the next
    alphabets = [*golden.ALPHABETS, *golden.mixtures(1500, seed=2)]
    texts = ["", "constructor __proto__", "bad <i>" * 2000, *chains, *alphabets, *odd, *anywhere, *sample["review"][:500]]
    cleaned = [cleaning.clean(text, recipe) for text in texts]
    # The most frequent pairs overlap in nearly every sentence, so that it matters where joining them begins.
    neighbours = Counter(pair for text in cleaned for pair in pairwise(text_words(text)))
    joined = [" ".join(pair) for pair, _ in neighbours.most_common(pairs)] + ["good bad", "bad good"] * bool(pairs)
    settings = {"sequence_length": 40, "padding": padding, "truncating": truncating, "cleaning": recipe}
    ours = Tokenizer.fit(cleaned, 90_000, joined, **settings)
    # Every third entry is forgotten, so that the shares of known words differ and some lie around a third.
    forgetful = Tokenizer(ours.words[::3], **settings)
    for tokenizer, least_ids in ((ours, 15_000), (forgetful, 5_000)):
        rows = np.random.default_rng(1).dirichlet(np.ones(3), len(texts)).astype(np.float32)
        payload = json.dumps({"metadata": site.metadata(tokenizer, NEWS), "texts": texts, "probabilities": rows.tolist()})
        done = subprocess.run([NODE, "demo/tests/encode.mjs"], cwd=ROOT, input=payload, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found["words"] == [text_words(text) for text in cleaned]
        np.testing.assert_array_equal(np.array(found["ids"]), tokenizer.encode_raw(texts))
        assert len(np.unique(found["ids"])) > least_ids
        shares = [tokenizer.known_share(text) for text in cleaned]
        assert found["known_share"] == shares
        verdicts = [verdict(NEWS, row, share) for row, share in zip(rows, shares, strict=True)]
        assert found["verdicts"] == verdicts
    assert set(verdicts) == {*NEWS, "cannot judge"}


@pytest.mark.skipif(NODE is None, reason="Node.js is not installed")
@pytest.mark.parametrize("recipe", cleaning.WORD_RECIPES)
@pytest.mark.parametrize("bits", [8, 4])
def test_javascript_scores_a_bag_of_words_as_python_does(sample, tmp_path, recipe, bits):
    golden = script("golden")
    texts = [*golden.LINES, *golden.ALPHABETS, *golden.mixtures(500, seed=3), *sample["review"][:200]]
    cleaned = [cleaning.clean(text, recipe) for text in texts]
    shared = Tokenizer(("good",), 4, "post", "pre", recipe)
    bags = []
    for labels, link, longest in ((SENTIMENT_LABELS, "softmax", 2), (NEWS, "one-vs-rest", 1), (NEWS, "softmax", 3)):
        terms = {term for text in cleaned for term in terms_of(text, longest) if not re.search("[\ud800-\udfff]", term)}
        # Names that every object of JavaScript has; terms that share a character of two units.
        known = (*sorted(terms)[::8], "constructor film", "hasOwnProperty", "\U00010428\U00010429", "\U00010428\U0001042a")
        chance = np.random.default_rng(bits)
        outputs = 1 if len(labels) == 2 else len(labels)
        weights = chance.normal(0, 0.1, (len(known), outputs)).astype(np.float16)
        model = LinearModel(known, weights, None, chance.normal(0, 1, outputs).astype(np.float32), longest, recipe, labels, link)
        packed_words.save(tmp_path / f"{len(bags)}.zip", model, bits)
        bags.append(packed_words.PackedWords(tmp_path / f"{len(bags)}.zip", ""))
    asked = [
        {"file": str(tmp_path / f"{number}.zip"), "metadata": site.metadata(shared, bag.task.labels)} for number, bag in enumerate(bags)
    ]
    payload = json.dumps({"texts": texts, "bags": asked})
    done = subprocess.run([NODE, "demo/tests/score.mjs"], cwd=ROOT, input=payload, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for bag, found in zip(bags, json.loads(done.stdout), strict=True):
        np.testing.assert_allclose(found["probabilities"], bag.task.table(bag.predict(cleaned)), rtol=0, atol=1e-6)
        assert found["known_share"] == [bag.known_share(text) for text in cleaned]
        assert len(set(found["known_share"])) > 30


def test_the_golden_bags_are_of_every_kind():
    golden = script("golden")
    recipes, labels, bits, links, longest = zip(*golden.BAGS, strict=True)
    assert set(recipes) == set(cleaning.WORD_RECIPES) and set(bits) == set(packed_words.LEVELS) and set(longest) == {1, 2, 3}
    assert {(len(names) > 2, link) for names, link in zip(labels, links, strict=True)} == {
        *((False, link) for link in LINKS),
        *((True, link) for link in LINKS),
    }


def test_the_golden_texts_need_every_rule():
    golden = script("golden")
    texts = [*golden.ALPHABETS, *golden.mixtures(500)]
    assert golden.mixtures(500) == golden.mixtures(500)
    seen = {recipe: {word for text in texts for word in text_words(cleaning.clean(text, recipe))} for recipe in cleaning.WORD_RECIPES}
    assert {"οδυσσευς", "i̇stanbul'da", "прекрасный", "फ़िल्म", "电", "影", "น้", "ำ"} <= seen["default"]
    assert {"οδυσσε", "прекра", ")))", "👍", "🏽", "❤", "???", "电", "ツ"} <= seen["posts"]
    assert {"οδυσσευς", "फ", "这部电影非常好看"} <= seen["thesis"]
    beyond = [word for word in seen["posts"] if len(word) == cleaning.PREFIX and all(character > "\uffff" for character in word)]
    assert beyond, "no word of characters that are two units in JavaScript is cut"


def test_the_scripts_are_loaded_without_running():
    for name in ("build", "golden"):
        assert callable(script(name).main)
