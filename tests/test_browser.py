"""The page's Python half: metadata, models, what is refused; and JavaScript's tokenizer where Node.js is there."""

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

import numpy as np
import pytest

from sentipress.browser import site
from sentipress.core import files
from sentipress.data import cleaning
from sentipress.evaluation import records
from sentipress.runtimes import pocket
from sentipress.core.errors import UserError, exit_code
from sentipress.text.tokenizer import Tokenizer, text_words

ROOT = Path(__file__).resolve().parent.parent
NODE = shutil.which("node")
# What Python and JavaScript are known to see differently: case, whitespace, words, code points.
ODD = "aAzΣσİıßǅéé'_-.,! \t\x1c\x85\xa0\ufeff\u2028\u200b<>/br٣²½ⅷ々ʰ\u0307:\x00😀𐐀ꟊ\ud800"  # noqa: RUF001


@pytest.fixture
def artifacts(tmp_path) -> Path:
    """An artifacts folder with a tokenizer and one made-up model whose metrics fit it."""
    folder = tmp_path / "artifacts"
    Tokenizer(("good", "bad"), 6, "post", "pre", "default").save(folder / "tokenizer.json")
    for name in ("reviews.csv", "modelo_DRQ.tflite", "modelo_DRQ.probabilities.npz"):
        (folder / name).write_bytes(name.encode())
    record = json.loads((ROOT / "results" / "default" / "modelo_DRQ.metrics.json").read_text(encoding="utf-8"))
    record["inputs"] = {name: files.sha256(folder / name) for name in ("reviews.csv", "tokenizer.json")}
    record["outputs"] = {name: files.sha256(folder / name) for name in ("modelo_DRQ.tflite", "modelo_DRQ.probabilities.npz")}
    files.write_json(records.metrics_path(folder, "modelo_DRQ"), record)
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


def test_character_classes_are_pythons():
    word = re.compile(f"[{re.sub(r'.u{([0-9a-f]+)}', lambda m: chr(int(m[1], 16)), site._unicode()['word'])}]")
    space = re.compile(f"[{re.sub(r'.u{([0-9a-f]+)}', lambda m: chr(int(m[1], 16)), site._unicode()['space'])}]")
    for point in range(0x30000):
        assert bool(word.match(chr(point))) == bool(re.match(r"\w", chr(point))), hex(point)
        assert bool(space.match(chr(point))) == chr(point).isspace(), hex(point)


def test_an_unknown_recipe_is_refused():
    with pytest.raises(UserError):
        site.steps("stemmed")


def test_the_page_is_built_from_what_was_measured(artifacts, demo):
    target = demo / "dist"
    site.build(artifacts, demo, target)
    content = json.loads((target / "metadata.json").read_text(encoding="utf-8"))
    (model,) = content["models"]
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
    pocket.save(artifacts / "pocket.zip", b"TFL3 its network", Tokenizer(("bad", "film", "good"), 4, "post", "pre", "default"))
    (artifacts / "pocket.probabilities.npz").write_bytes(b"probabilities")
    record = json.loads(records.metrics_path(artifacts, "modelo_DRQ").read_text(encoding="utf-8"))
    outputs = {name: files.sha256(artifacts / name) for name in ("pocket.zip", "pocket.probabilities.npz")}
    record |= {"name": "pocket", "file": "pocket.zip", "outputs": outputs, "size": files.sizes(artifacts / "pocket.zip")}
    files.write_json(records.metrics_path(artifacts, "pocket"), record)
    site.build(artifacts, demo, demo / "dist")
    content = json.loads((demo / "dist" / "metadata.json").read_text(encoding="utf-8"))
    first, last = content["models"]
    assert first["name"] == "modelo_DRQ" and "words" not in first
    assert last["words"] == ["bad", "film", "good"] and last["sequence_length"] == 4 and last["label"] == "Pocket"
    assert (demo / "dist" / last["file"]).read_bytes() == b"TFL3 its network"
    assert files.sha256(demo / "dist" / last["file"]) == last["sha256"] and last["bytes"] == record["size"]["bytes"]
    (artifacts / "pocket.zip").write_bytes(b"no zip")
    with pytest.raises(UserError, match=r"pocket\.zip is no pocket model .* -> run python 6_combination\.py"):
        site.models(artifacts)


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
    ours = Tokenizer(("good",), 4, "post", "pre", "default")
    assert site.vectors(ours, ["good <br> film", ""]) == {"texts": ["good <br> film", ""], "ids": [[2, 1, 0, 0], [1, 0, 0, 0]]}
    assert json.loads(site.compact({"text": "\ud800"})) == {"text": "\ud800"}


@pytest.mark.skipif(NODE is None, reason="Node.js is not installed")
@pytest.mark.parametrize("recipe", cleaning.RECIPES)
@pytest.mark.parametrize(("padding", "truncating"), [("post", "pre"), ("pre", "post")])
@pytest.mark.parametrize("pairs", [0, 5000])
def test_javascript_gives_the_ids_of_python(sample, recipe, padding, truncating, pairs):
    chance = random.Random(1)
    odd = ["".join(chance.choices(ODD, k=chance.randrange(80))) for _ in range(1500)]
    anywhere = ["".join(chr(chance.randrange(0xD800)) for _ in range(chance.randrange(40))) for _ in range(1500)]
    chains = ["good bad " * 1000, "good bad " * 1000 + "good", "film " + "good bad " * 1000]  # each pair overlaps the next
    texts = ["", "constructor __proto__", "bad <i>" * 2000, *chains, *odd, *anywhere, *sample["review"][:500]]
    cleaned = [cleaning.clean(text, recipe) for text in texts]
    # The most frequent pairs overlap in nearly every sentence, so that it matters where joining them begins.
    neighbours = Counter(pair for text in cleaned for pair in pairwise(text_words(text)))
    joined = [" ".join(pair) for pair, _ in neighbours.most_common(pairs)] + ["good bad", "bad good"] * bool(pairs)
    ours = Tokenizer.fit(cleaned, 60_000, joined, sequence_length=40, padding=padding, truncating=truncating, cleaning=recipe)
    payload = json.dumps({"metadata": site.metadata(ours), "texts": texts})
    done = subprocess.run([NODE, "demo/tests/encode.mjs"], cwd=ROOT, input=payload, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.array(json.loads(done.stdout)), ours.encode_raw(texts))


def test_the_scripts_are_loaded_without_running():
    for name in ("build", "golden"):
        spec = importlib.util.spec_from_file_location(name, ROOT / "demo" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        assert callable(module.main)
