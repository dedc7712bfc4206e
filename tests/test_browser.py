"""The page's Python half: metadata, labels, models, what is refused; and JavaScript's tokenizer where Node.js is there."""

import importlib.util
import json
import random
import re
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import sentipress
from sentipress.browser import encoder_files, javascript, offered, rules, site
from sentipress.core import files
from sentipress.core.errors import UserError, exit_code
from sentipress.data import cleaning, sources
from sentipress.data.task import KNOWN_SHARE, SENTIMENT_LABELS, verdict
from sentipress.evaluation import comprehension, records
from sentipress.linear.bag_of_words import LINKS, LinearModel, terms_of
from sentipress.runtimes import packed_words, pocket, registry
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
    for name in ("source", "library"):
        shutil.copytree(ROOT / "demo" / name, folder / name)
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
    classes = {name: members(inside) for name, inside in rules.character_classes().items()}
    assert classes["word"] == set(re.findall(r"\w", EVERYTHING))
    assert classes["space"] == set(re.findall(r"\s", EVERYTHING)) == {character for character in EVERYTHING if character.isspace()}
    assert classes["marks"] == set(map(chr, cleaning.accents()))
    assert classes["unspaced"] == {chr(point) for first, last in cleaning.UNSPACED for point in range(first, last + 1)}
    cased, ignorable = (members(rules.lower_case()[name]) for name in ("cased", "ignorable"))
    some = "aZßσǅʰ'.:\u0301\u200d1 中"
    assert [character for character in some if character in cased] == list("aZßσǅ")
    assert [character for character in some if character in ignorable] == list("ʰ'.:\u0301\u200d")
    assert not cased & ignorable


@pytest.mark.parametrize("recipe", cleaning.WORD_RECIPES)
def test_only_the_classes_that_a_recipe_needs_are_shipped(recipe):
    ours = Tokenizer(("good",), 4, "post", "pre", recipe)
    content = rules.reading(ours, SENTIMENT_LABELS)["cleaning"]
    needed = {"word", "space"} if recipe == "thesis" else {"word", "space", "marks", "unspaced"}
    assert set(content["classes"]) == needed
    # A step names its classes; the patterns that cleaning.py shows are shipped as they are.
    assert not any("\\w" in step.get("pattern", "") or "\\s" in step.get("pattern", "") for step in content["steps"])


def test_an_unknown_recipe_is_refused():
    with pytest.raises(UserError):
        rules.steps("stemmed")


def built(folders: list[Path], demo: Path) -> dict:
    """Build the page of folders; its metadata."""
    site.build(offered.models(folders), demo, demo / "dist")
    return json.loads((demo / "dist" / "metadata.json").read_text(encoding="utf-8"))


def test_the_page_is_built_from_what_was_measured(artifacts, demo):
    content = built([artifacts], demo)
    target = demo / "dist"
    (model,) = content["models"]
    assert (
        model["folder"] is None
        and content["schema"] == 4
        and content["known_share"] == KNOWN_SHARE
        and content["languages"] == ["en", "ru"]
    )
    assert model["kind"] == "network" and model["labels"] == ["negative", "positive"] and model["cleaning"] == "default"
    words = json.loads((target / model["vocabulary"]["file"]).read_text(encoding="utf-8"))
    assert words == {"sequence_length": 6, "padding": "post", "truncating": "pre", "words": ["good", "bad"]} and model["words"] == 2
    assert files.sha256(target / model["vocabulary"]["file"]) == model["vocabulary"]["sha256"]
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
    built([artifacts], demo)
    assert (target / "sw.js").read_text() != before


def test_the_pocket_model_is_shipped_as_it_is(artifacts, demo):
    words = Tokenizer(("bad", "film", "good"), 4, "post", "pre", "default")
    pocket.save(artifacts / "pocket.zip", b"TFL3 its network", words, SENTIMENT_LABELS)
    write_record(artifacts, "pocket", "pocket.zip")
    first, last = built([artifacts], demo)["models"]
    assert first["id"] == "modelo_DRQ" and last["id"] == "pocket" and last["kind"] == "pocket" and "vocabulary" not in last
    assert last["words"] == 3 and last["title"] == {"key": "titlePocket"} and last["cleaning"] == "default"
    assert (demo / "dist" / last["file"]).read_bytes() == (artifacts / "pocket.zip").read_bytes()
    assert files.sha256(demo / "dist" / last["file"]) == last["sha256"] and last["bytes"] == (artifacts / "pocket.zip").stat().st_size
    (artifacts / "pocket.zip").write_bytes(b"no zip")
    with pytest.raises(UserError, match=r"pocket\.zip is no pocket model .* -> run python 6_combination\.py"):
        offered.models([artifacts])


def bag_of_words(labels: tuple[str, ...] = SENTIMENT_LABELS, recipe: str = "default") -> LinearModel:
    """A bag of three terms."""
    outputs = 1 if len(labels) == 2 else len(labels)
    weights = np.linspace(-1, 1, 3 * outputs).reshape(3, outputs).astype(np.float16)
    return LinearModel(("bad", "good", "not good"), weights, None, np.zeros(outputs, np.float32), 2, recipe, labels, "one-vs-rest")


def save_bag(folder: Path, name: str = "packed_11900", **changes: object) -> None:
    """A packed bag of words with metrics that fit it."""
    packed_words.save(folder / f"{name}.zip", bag_of_words(**changes), 8)
    write_record(folder, name, f"{name}.zip")


def test_a_packed_bag_of_words_is_shipped_as_it_is(artifacts, demo):
    for name in ("packed_16000", "taught_11900", "packed_11900"):
        save_bag(artifacts, name)
    network, *bags = built([artifacts], demo)["models"]
    assert network["kind"] == "network" and [about["id"] for about in bags] == ["packed_11900", "packed_16000", "taught_11900"]
    assert [about["title"]["key"] for about in bags] == ["titleBag", "titleBag", "titleTaught"]
    for about in bags:
        assert about["kind"] == "bag" and about["words"] == 3 and "vocabulary" not in about
        assert (demo / "dist" / about["file"]).read_bytes() == (artifacts / f"{about['id']}.zip").read_bytes()
        assert files.sha256(demo / "dist" / about["file"]) == about["sha256"]
        assert about["bytes"] == (artifacts / f"{about['id']}.zip").stat().st_size


def test_bags_of_words_that_do_not_fit_their_folder_are_refused(artifacts):
    def refusal(content: bytes | None = None, model: LinearModel | None = None) -> str:
        path = artifacts / "packed_11900.zip"
        path.write_bytes(content or packed_words.pack(model, 8))
        write_record(artifacts, "packed_11900", path.name)
        with pytest.raises(UserError) as caught:
            offered.models([artifacts])
        return str(caught.value)

    assert re.search(r"packed_11900\.zip is no packed bag of words .* -> run python classical\.py", refusal(b"no zip"))
    assert "packed_11900.zip has the labels world, sports, business" in refusal(model=bag_of_words(NEWS))
    named = "packed_11900.zip was made with the recipe 'posts', modelo_DRQ.tflite with 'default' -> run the stages anew"
    assert named in refusal(model=bag_of_words(recipe="posts"))
    packed_words.save(artifacts / "packed_11900.zip", bag_of_words(), 4)
    with pytest.raises(UserError, match=r"packed_11900\.zip has changed since -> run python classical\.py"):
        offered.models([artifacts])


def test_a_folder_of_bags_of_words_alone_makes_a_page(artifacts):
    for name in ("modelo_DRQ.tflite", "tokenizer.json"):
        (artifacts / name).unlink()
    Tokenizer(("good",), 6, "post", "pre", "default").save(artifacts / "tokenizer.json")
    save_bag(artifacts)
    (artifacts / "tokenizer.json").touch()
    (model,) = offered.models([artifacts])
    assert model.labels == SENTIMENT_LABELS and model.about["id"] == "packed_11900"


def test_folders_of_several_tasks_stand_side_by_side(artifacts, demo, tmp_path):
    """Each model keeps its own labels, recipe and vocabulary; names and files do not collide."""
    news = tmp_path / "Новости, news"
    Tokenizer(("goal", "bank"), 4, "pre", "post", "posts").save(news / "tokenizer.json")
    files.write_bytes(news / "reviews.csv", b"reviews")
    files.write_bytes(news / "modelo_DRQ.tflite", b"its network")
    write_record(news, "modelo_DRQ", "modelo_DRQ.tflite", labels=list(NEWS))
    save_bag(news, labels=NEWS, recipe="posts")
    save_bag(artifacts)
    content = built([artifacts, news], demo)
    seen = [(about["id"], about["labels"], about["cleaning"]) for about in content["models"]]
    ours, theirs = (["negative", "positive"], "default"), (list(NEWS), "posts")
    assert seen == [
        ("artifacts-modelo_DRQ", *ours),
        ("artifacts-packed_11900", *ours),
        ("news-modelo_DRQ", *theirs),
        ("news-packed_11900", *theirs),
    ]
    assert set(content["cleaning"]["recipes"]) == {"default", "posts"}
    assert [about["folder"] for about in content["models"]] == ["artifacts", "artifacts", news.name, news.name]
    for about in content["models"]:
        assert files.sha256(demo / "dist" / about["file"]) == about["sha256"]
    vocabularies = {about["vocabulary"]["file"] for about in content["models"] if "vocabulary" in about}
    assert vocabularies == {"models/artifacts/vocabulary.json", "models/news/vocabulary.json"}
    words = json.loads((demo / "dist" / "models/news/vocabulary.json").read_text(encoding="utf-8"))
    assert words == {"sequence_length": 4, "padding": "pre", "truncating": "post", "words": ["goal", "bank"]}
    twice = built([artifacts, artifacts], demo)
    assert len({about["id"] for about in twice["models"]}) == len({about["file"] for about in twice["models"]}) == 4


def test_models_of_different_labels_do_not_share_a_folder(artifacts):
    (artifacts / "modelo_F16Q.tflite").write_bytes(b"of another task")
    write_record(artifacts, "modelo_F16Q", "modelo_F16Q.tflite", labels=list(NEWS))
    with pytest.raises(
        UserError, match=r"modelo_F16Q\.tflite has the labels world, sports, business; modelo_DRQ\.tflite has negative, positive"
    ):
        offered.models([artifacts])
    (artifacts / "modelo_F16Q.tflite").unlink()
    # The same names in another order are other labels: a probability would speak of the wrong one.
    words = Tokenizer(("goal",), 4, "post", "pre", "default")
    pocket.save(artifacts / "pocket.zip", b"TFL3 its network", words, ("positive", "negative"))
    write_record(artifacts, "pocket", "pocket.zip")
    with pytest.raises(UserError, match=r"pocket\.zip has the labels positive, negative; modelo_DRQ\.tflite has negative, positive"):
        offered.models([artifacts])


def test_a_model_says_what_it_learned_from(artifacts):
    described = {"splits": {"train": 7}, "source": {"name": "mine.csv"}, "unlabelled": {"counts": {"kept": 5}}}
    files.write_json(artifacts / "reviews.json", described)
    (model,) = offered.models([artifacts])
    assert model.about["trained"] == {"texts": 7, "source": {"name": "mine.csv"}, "unlabelled": 0, "answers": 0}
    files.write_bytes(artifacts / "unlabelled.csv", b"texts")
    inputs = {name: files.sha256(artifacts / name) for name in ("reviews.csv", "tokenizer.json", "unlabelled.csv")}
    cases = {
        "choosing": {"negation": {"right": 9, "of": 9}},
        "scoring": {"negation": {"right": 2, "of": 3}, "short": {"right": 4, "of": 5}},
    }
    said = {"inputs": inputs, "answers": {"sentences": 20, "reviews": 3}, "reading": {"behaviour": cases}}
    write_record(artifacts, "modelo_DRQ", "modelo_DRQ.tflite", **said)
    (model,) = offered.models([artifacts])
    assert model.about["trained"] == {"texts": 7, "source": {"name": "mine.csv"}, "unlabelled": 5, "answers": 23}
    assert model.about["reading"] == {"right": 6, "of": 8}
    (artifacts / "reviews.json").write_text("{}")
    assert offered.models([artifacts])[0].about["trained"] is None


# The published models


def test_without_a_training_the_page_offers_the_published_models(demo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no artifacts/ here
    site.build(offered.models(None), demo, demo / "dist")
    content = json.loads((demo / "dist" / "metadata.json").read_text(encoding="utf-8"))
    first, *others = content["models"]
    assert first["origin"] == "reference/pocket.zip" and first["trained"]["answers"] > 0 and first["title"] == {"key": "titleReads"}
    assert others[-1]["origin"] == "default/pocket.zip" and {about["kind"] for about in content["models"]} == {"pocket", "bag", "encoder"}
    for about in content["models"]:
        assert about["trained"]["texts"] > 5000 and about["sha256"] == files.sha256(demo / "dist" / about["file"])


def test_models_in_artifacts_come_before_the_published_ones(artifacts, monkeypatch):
    monkeypatch.chdir(artifacts.parent)
    assert [model.about["id"] for model in offered.models(None)] == ["modelo_DRQ"]


def test_a_published_file_that_changed_is_refused(tmp_path):
    for name, _, _ in offered.PUBLISHED:
        for path in (ROOT / "results" / name).parent.glob(f"{Path(name).stem}.*"):
            files.write_bytes(tmp_path / Path(name).with_name(path.name), path.read_bytes())
    assert len(offered.published(tmp_path)) == len(offered.PUBLISHED)
    changed = tmp_path / offered.PUBLISHED[-1][0]
    changed.write_bytes(changed.read_bytes() + b"\0")
    with pytest.raises(
        UserError, match=r"pocket\.zip is not the file that its metrics speak of -> restore it: git checkout results/default/"
    ):
        offered.published(tmp_path)
    changed.unlink()
    with pytest.raises(UserError, match=r"pocket\.zip is missing -> restore it: git checkout results/default/pocket\.zip"):
        offered.published(tmp_path)


def test_the_published_page_is_built_without_tensorflow(tmp_path, demo):
    code = (
        "import sys; from pathlib import Path; from sentipress.browser import offered, site; "
        f"site.build(offered.published(), Path({str(demo)!r}), Path({str(tmp_path / 'dist')!r})); "
        "print(sorted(name for name in sys.modules if name.split('.')[0] in ('tensorflow', 'tf_keras', 'torch', 'ai_edge_litert')))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


# Encoders: their networks are stand-ins here, which are copied and not run (tests/test_encoders.py describes a real one)


@pytest.fixture
def encoders(tmp_path, monkeypatch) -> Path:
    """A folder as an encoder's stages leave it: two encoders with a tokenizer each, and two small models."""
    pytest.importorskip("tokenizers", reason="needs the encoder's packages: pip install -r requirements-encoder.txt")
    from encoders import word_pieces

    from sentipress.browser import piece_rules
    from sentipress.runtimes import litert_encoder
    from sentipress.text.pieces import PieceTokenizer

    class Opened:
        def __init__(self, path: Path, remedy: str, encoder: PieceTokenizer, task: object) -> None:
            self.lengths = [8, encoder.sequence_length]

    monkeypatch.setattr(litert_encoder, "LiteRTEncoder", Opened)
    # What the library says of all characters takes seconds; tests/test_browser_pieces.py asks it.
    for name, said in (("word_characters", {"space": " ", "punctuation": "."}), ("character_table", {}), ("cleaning_steps", {})):
        monkeypatch.setattr(piece_rules, name, lambda *_, said=said: said)
    folder = tmp_path / "encoder"
    tokenizer = PieceTokenizer(json.loads(word_pieces().to_str()), 16, 0)
    files.write_json(folder / "reviews.json", {"stage": "encoder/1_data.py"})
    files.write_bytes(folder / "reviews.csv", b"reviews")
    for name, vocabulary in (("modelo_DRQ", "tokenizer.json"), ("compact", "compact.tokenizer.json")):
        tokenizer.save(folder / vocabulary)
        files.write_bytes(folder / f"{name}.tflite", name.encode())
        write_encoder_record(folder, name, vocabulary)
    pocket.save(folder / "student_lstm.zip", b"TFL3 its network", Tokenizer(("good",), 4, "post", "pre", "default"), SENTIMENT_LABELS)
    write_record(folder, "student_lstm", "student_lstm.zip")
    save_bag(folder, "rival_words")
    return folder


def write_encoder_record(folder: Path, name: str, vocabulary: str, **changes: object) -> None:
    inputs = {file: files.sha256(folder / file) for file in ("reviews.csv", vocabulary)}
    write_record(folder, name, f"{name}.tflite", **({"inputs": inputs, "tokenizer": vocabulary} | changes))


def test_the_models_of_an_encoders_folder_are_offered(encoders, demo):
    content = built([encoders], demo)
    seen = [(about["id"], about["kind"], about["title"]["key"]) for about in content["models"]]
    assert seen == [
        ("student_lstm", "pocket", "titlePocket"),
        ("rival_words", "bag", "titleBag"),
        ("modelo_DRQ", "encoder", "titleEncoder"),
        ("compact", "encoder", "titleEncoderSmall"),
    ]
    write_record(encoders, "rival_words", "rival_words.zip", transfer_texts=20)
    assert built([encoders], demo)["models"][1]["title"]["key"] == "titleTaught"
    assert list(content["cleaning"]["recipes"]) == ["default"]  # the recipe of pieces stands beside the pieces
    listed = re.search(r"FILES = (\{.*?\});", (demo / "dist" / "sw.js").read_text(), re.DOTALL)[1]
    for about in content["models"][2:]:
        read = json.loads((demo / "dist" / about["tokenizer"]["file"]).read_text(encoding="utf-8"))
        assert read["library"]["model"]["type"] == "WordPiece" and read["reading"]["sequence_length"] == 16
        assert about["lengths"] == [8, 16] and about["labels"] == ["negative", "positive"] and about["words"] == 500
        for held in (about, about["tokenizer"]):
            assert files.sha256(demo / "dist" / held["file"]) == held["sha256"] and held["file"] not in listed
            assert (demo / "dist" / held["file"]).stat().st_size == held["bytes"]
    assert content["models"][0]["file"] in listed


def test_folders_of_both_tracks_stand_side_by_side(encoders, artifacts, demo):
    content = built([artifacts, encoders], demo)
    assert [about["kind"] for about in content["models"]] == ["network", "pocket", "bag", "encoder", "encoder"]
    parts = [(about, about.get("vocabulary"), about.get("tokenizer")) for about in content["models"]]
    names = [held["file"] for part in parts for held in part if held]
    assert len(set(names)) == len(names) and all((demo / "dist" / name).is_file() for name in names)


def test_what_is_wrong_with_an_encoder_names_the_command(encoders, capsys):
    def refusal() -> str:
        with pytest.raises(UserError) as caught:
            offered.models([encoders])
        return str(caught.value)

    write_encoder_record(encoders, "compact", "compact.tokenizer.json", labels=list(NEWS))
    assert "compact.tflite has the labels world, sports, business; student_lstm.zip has negative, positive" in refusal()
    write_encoder_record(encoders, "compact", "compact.tokenizer.json")
    vocabulary = encoders / "compact.tokenizer.json"
    content = json.loads(vocabulary.read_text(encoding="utf-8"))
    files.write_text(vocabulary, json.dumps(content | {"prefix": "query: "}))
    assert re.search(r"compact\.tokenizer\.json has changed since -> run python encoder/5_distillation\.py --artifacts", refusal())
    # Another kind of tokenizer: the encoder is left out, the rest stays.
    content["library"]["normalizer"] = {"type": "Lowercase"}
    files.write_text(vocabulary, json.dumps(content))
    write_encoder_record(encoders, "compact", vocabulary.name)
    assert [model.about["id"] for model in offered.models([encoders])] == ["student_lstm", "rival_words", "modelo_DRQ"]
    assert "left out compact.tflite: the page does not know the normalizer Lowercase" in capsys.readouterr().out
    for name in ("student_lstm.zip", "rival_words.zip", "modelo_DRQ.tflite"):
        (encoders / name).unlink()
    assert "holds none of the demo's models -> run python encoder/3_quantization.py" in refusal()


def test_an_encoder_can_be_published(encoders, demo, monkeypatch, capsys):
    monkeypatch.setattr(offered, "PUBLISHED", (("encoder/compact.tflite", "titleEncoderSmall", "textsSentences"),))
    (model,) = offered.published(encoders.parent)
    assert model.about["kind"] == "encoder" and model.about["tokenizer"]["file"] == "models/encoder/compact.tokenizer.json"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert offered.published(encoders.parent) == []
    assert "compact.tflite: the package tokenizers is not installed (pip install" in capsys.readouterr().out
    # What is written beside it stands for the package, as long as it is of the same files.
    path = str(encoders / "compact.tflite")
    encoder_files.main([path])
    (again,) = offered.published(encoders.parent)
    assert again == model
    beside = encoders / "compact.page.json"
    whole = beside.read_text(encoding="utf-8")
    for content, message in (("{", "compact.page.json is damaged"), (whole.replace('"sha256":{"', '"sha256":{"x'), "of another compact")):
        beside.write_text(content, encoding="utf-8")
        with pytest.raises(UserError, match=message):
            offered.published(encoders.parent)
    with pytest.raises(UserError, match=r"name one \.tflite file -> python -m"):
        encoder_files.main([])


def test_what_stands_beside_the_published_encoder_is_what_its_files_say():
    pytest.importorskip("tokenizers", reason="needs pip install -r requirements-encoder.txt")
    (name,) = (name for name, _, _ in offered.PUBLISHED if name.endswith(".tflite"))
    model = ROOT / "results" / name
    tokenizer, task = registry.tokenizer_of(model, ""), registry.task_of(model)
    assert encoder_files.written(model, tokenizer, "") == json.loads(rules.compact(encoder_files.known(model, tokenizer, task, "")))


# What the page says


STRINGS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "demo" / "source" / "strings").glob("*.json")}
FORMS = {"en": {"one", "other"}, "ru": {"one", "few", "many", "other"}}


def places(string: str | dict[str, str]) -> set[str]:
    forms = [string] if isinstance(string, str) else list(string.values())
    return set(re.findall(r"\{(\w+)\}", " ".join(forms)))


def test_every_language_has_every_string():
    assert set(STRINGS) == set(FORMS)
    for name, strings in STRINGS.items():
        assert strings.keys() == STRINGS["en"].keys(), name
        for key, string in strings.items():
            assert places(string) == places(STRINGS["en"][key]), f"{name}: {key}"
            assert isinstance(string, dict) == isinstance(STRINGS["en"][key], dict), f"{name}: {key}"
            if isinstance(string, dict):
                assert set(string) == FORMS[name], f"{name}: {key}"
            assert all(string.values() if isinstance(string, dict) else string), f"{name}: {key}"


def test_the_page_asks_for_the_strings_that_there_are():
    """A key stands in quotes in a script, in an attribute of a page, or in the metadata; none is there for nothing."""
    source = ROOT / "demo" / "source"
    pages = [(source / name).read_text(encoding="utf-8") for name in ("index.html", "bench.html")]
    scripts = [path.read_text(encoding="utf-8") for path in source.glob("*.js")]
    attributes = set(re.findall(r'data-(?:text|label|placeholder|title)="(\w+)"', " ".join(pages)))
    spoken = set(re.findall(r'"(\w+)"', " ".join(scripts))) & STRINGS["en"].keys()
    titles = {key for _, key, _ in (*offered.NETWORKS, *offered.ENCODERS)} | {key for name in offered.PUBLISHED for key in name[1:]}
    examples = {
        text["title"] for one in json.loads((source / "sentences.json").read_text(encoding="utf-8")).values() for text in one["texts"]
    }
    templates = set(re.findall(r"\{\{(\w+)\}\}", " ".join([*pages, (source / "manifest.webmanifest").read_text(encoding="utf-8")])))
    labels = {key for key in STRINGS["en"] if key.startswith("label_")}
    used = attributes | spoken | titles | examples | templates | labels | {"titlePocket", "titleTaught", "titleBag"}
    assert used == STRINGS["en"].keys()
    asked = set(re.findall(r'(?:\bt|Problem|\bsay)\("(\w+)"', " ".join(scripts)))
    assert asked and asked <= STRINGS["en"].keys()


def test_a_page_has_no_text_that_is_not_a_string():
    """But for the project's name, which is the same in every language."""
    for name in ("index.html", "bench.html"):
        page = (ROOT / "demo" / "source" / name).read_text(encoding="utf-8")
        body = re.sub(r"<[^>]*>|\{\{\w+\}\}", " ", page[page.index("<body") :])
        assert set(re.findall(r"\w+", body)) <= {"sentipress"}
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script>", page), "the content policy forbids it"
        for text, shown in re.findall(
            r'data-(?:text|label|placeholder)="(\w+)"[^>]*?(?:>|(?:aria-label|placeholder)=")\{\{(\w+)\}\}', page
        ):
            assert text == shown


def test_the_sentences_to_try_are_none_that_are_kept_for_scoring():
    found = json.loads((ROOT / "demo" / "source" / "sentences.json").read_text(encoding="utf-8"))
    assert set(found) == set(STRINGS)
    scoring = [case.text for case in comprehension.cases() if case.use == comprehension.SCORING]
    for language, one in found.items():
        for text in [*one["sentences"], *(text["text"] for text in one["texts"])]:
            words = cleaning.words_of(text).split()
            assert all(not one_step_away(words, cleaning.words_of(case).split()) for case in scoring), text
            assert bool(re.search("[а-я]", text)) == (language == "ru")


def one_step_away(one: list[str], other: list[str]) -> bool:
    """Whether texts are equal but for at most one word more, less or exchanged."""
    short, long = sorted((one, other), key=len)
    if len(long) - len(short) > 1:
        return False
    if len(long) == len(short):
        return sum(a != b for a, b in zip(short, long, strict=True)) <= 1
    return any(long[:at] + long[at + 1 :] == short for at in range(len(long)))


def test_a_string_that_is_missing_is_named(artifacts, demo):
    (demo / "source" / "index.html").write_text("<title>{{title}} {{motto}}</title>")
    with pytest.raises(UserError, match=r"strings/en\.json lacks motto -> restore it"):
        site.build(offered.models([artifacts]), demo, demo / "dist")


def test_the_page_that_measures_has_reviews(artifacts, demo):
    built([artifacts], demo)
    texts = json.loads((demo / "dist" / "bench-texts.json").read_text(encoding="utf-8"))
    assert len(set(texts)) == site.BENCH_TEXTS and texts == site.bench_texts()
    assert set(texts) <= set(sources.read_bundled()["review"])


def test_sources_reach_for_nothing_outside():
    for path in (*(ROOT / "demo" / "source").rglob("*.*"), *(ROOT / "demo" / "library").rglob("*.*")):
        if path.suffix != ".png":
            assert not re.findall(
                r"(?:https?:)?//[a-z][\w-]+\.", path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
            )
    lock = (ROOT / "demo" / "package-lock.json").read_text()
    assert set(re.findall(r'"resolved": "([^"]*/)@?', lock)) <= {"https://registry.npmjs.org/"}


def test_what_is_missing_or_foreign_is_one_clear_line(artifacts, demo, tmp_path, capsys):
    def line(*arguments: Path) -> str:
        assert exit_code(lambda: site.build(offered.models([arguments[0]]), *arguments[1:])) == 2
        return capsys.readouterr().err

    assert "holds none of the demo's models -> run python 3_quantization.py" in line(tmp_path / "none", demo, demo / "dist")
    (artifacts / "tokenizer.json").rename(artifacts / "other.json")
    assert "tokenizer.json is missing -> run python 3_quantization.py" in line(artifacts, demo, demo / "dist")
    (artifacts / "other.json").rename(artifacts / "tokenizer.json")
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
    assert exit_code(lambda: built([artifacts], demo)) == 2
    assert "npm ci --prefix demo" in capsys.readouterr().err


def test_the_command_reports_in_one_line(tmp_path):
    command = [sys.executable, "demo/build.py", "--artifacts", str(tmp_path), "--target", str(tmp_path / "dist")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "holds none of the demo's models" in done.stderr


# The module for pages of others

ASK_MODULE = """
import { readFileSync } from "node:fs";
const { load } = await import(process.argv[2]);
let input = "";
for await (const chunk of process.stdin.setEncoding("utf8")) input += chunk;
const { texts, file } = JSON.parse(input);
const model = await load(new Uint8Array(readFileSync(file)));
process.stdout.write(JSON.stringify({ labels: model.labels, answers: await model(texts) }));
"""


@pytest.mark.skipif(NODE is None, reason="needs Node.js")
@pytest.mark.parametrize("recipe", cleaning.WORD_RECIPES)
@pytest.mark.parametrize("labels", [SENTIMENT_LABELS, NEWS])
def test_the_module_gives_pythons_answers(demo, tmp_path, sample, recipe, labels):
    javascript.build(demo, demo / "module")
    texts = [*sample["review"][:60], "", "<br>", ODD, "qwertz asdfgh", "'a' ''b'' ÜBER_groß ΑΣ"]
    terms = tuple(sorted({term for text in texts[:60] for term in terms_of(cleaning.clean(text, recipe), 2)})[::2])
    chance = np.random.default_rng(1)
    outputs = 1 if len(labels) == 2 else len(labels)
    bias, weights = np.zeros(outputs, np.float32), chance.normal(0, 0.2, (len(terms), outputs)).astype(np.float16)
    packed_words.save(tmp_path / "w.zip", LinearModel(terms, weights, None, bias, 2, recipe, labels), 8)
    (tmp_path / "ask.mjs").write_text(ASK_MODULE, encoding="utf-8")
    command = [str(NODE), str(tmp_path / "ask.mjs"), (demo / "module" / "sentipress.js").as_uri()]
    payload = json.dumps({"texts": texts, "file": str(tmp_path / "w.zip")})
    done = subprocess.run(command, input=payload, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["labels"] == list(labels)
    for answer, expected in zip(found["answers"], sentipress.load(tmp_path / "w.zip")(texts), strict=True):
        assert (answer["label"], answer["known"]) == (expected.label, expected.known)
        assert answer["score"] == pytest.approx(expected.score, abs=1e-6)
        assert answer["probabilities"] == pytest.approx(expected.probabilities, abs=1e-6)
    assert {None, *labels} == {answer["label"] for answer in found["answers"]}


@pytest.mark.skipif(NODE is None, reason="needs Node.js")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"schema": 2}, "schema 2, kind bag of words"),
        ({"cleaning": "constructor"}, "it reads texts of the recipe constructor"),
        ({"bits": 3}, "weights of 3 bits"),
        ({"bias": [0, 0]}, "2 columns for 2 labels"),
    ],
)
def test_the_module_says_in_words_why_it_opens_no_file(demo, tmp_path, changes, said):
    javascript.build(demo, demo / "module")
    packed_words.save(tmp_path / "w.zip", bag_of_words(), 8)
    with zipfile.ZipFile(tmp_path / "w.zip") as old, zipfile.ZipFile(tmp_path / "changed.zip", "w") as new:
        for name in old.namelist():
            held = old.read(name)
            new.writestr(name, json.dumps(json.loads(held) | changes) if name == "metadata.json" else held)
    (tmp_path / "ask.mjs").write_text(ASK_MODULE, encoding="utf-8")
    command = [str(NODE), str(tmp_path / "ask.mjs"), (demo / "module" / "sentipress.js").as_uri()]
    payload = json.dumps({"texts": [], "file": str(tmp_path / "changed.zip")})
    done = subprocess.run(command, input=payload, capture_output=True, text=True)
    assert done.returncode == 1 and f"Error: the file cannot be opened: {said}" in done.stderr


def test_the_module_has_the_files_and_the_words_that_it_needs_and_no_other(demo):
    sizes = javascript.build(demo, demo / "module")
    needed, waiting, said = {"sentipress.js"}, ["sentipress.js"], set()
    while waiting:
        name = Path(waiting.pop())
        text = (demo / "module" / name).read_text(encoding="utf-8")
        said |= set(re.findall(r'Problem\("(\w+)"', text))
        imported = re.findall(r"""^(?!\s*(?:/\*)?\*).*(?:from |import\()"\./([^"]+)\"""", text, re.MULTILINE)
        found = {(name.parent / other).as_posix() for other in imported} - needed
        needed |= found
        waiting += found
    assert {"rules.js", "litert/core.js", "network.js", "words.js"} <= needed
    assert {name for name in sizes if "litert_wasm" not in name} == needed
    assert len(said) > 10 and said <= set(javascript.known(demo)["strings"])


def test_the_module_replaces_its_own_folder_only(demo, tmp_path, capsys):
    before = javascript.build(demo, demo / "module")
    assert javascript.build(demo, demo / "module") == before
    files.write_text(tmp_path / "mine" / "thesis.txt", "mine")
    assert exit_code(lambda: javascript.build(demo, tmp_path / "mine")) == 2
    assert "holds something else than a built module" in capsys.readouterr().err
    shutil.rmtree(demo / "node_modules")
    assert exit_code(lambda: javascript.build(demo, demo / "module")) == 2
    assert "npm ci --prefix demo" in capsys.readouterr().err


def test_vectors_are_whole_rows():
    ours = Tokenizer(("good", "not good"), 4, "post", "pre", "default")
    texts = ["good <br> film", "", "not good films", "film"]
    assert rules.vectors(ours, texts) == {
        "texts": texts,
        "ids": [[2, 1, 0, 0], [1, 0, 0, 0], [3, 1, 0, 0], [1, 0, 0, 0]],
        "known_share": [0.5, 0.0, 1 - 1 / 3, 0.0],
    }
    assert json.loads(rules.compact({"text": "\ud800"})) == {"text": "\ud800"}


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
        payload = json.dumps({"metadata": rules.reading(tokenizer, NEWS), "texts": texts, "probabilities": rows.tolist()})
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
        {"file": str(tmp_path / f"{number}.zip"), "metadata": rules.reading(shared, bag.task.labels)} for number, bag in enumerate(bags)
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
    for name in ("build", "golden", "library"):
        assert callable(script(name).main)
