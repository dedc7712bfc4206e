"""What a browser needs to read a review as Python does: metadata, golden vectors, and the demo's files.

No TensorFlow here, and no LiteRT: models are copied as they are, never opened.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sentipress.core import files, manifest
from sentipress.core.errors import UserError
from sentipress.data import cleaning
from sentipress.evaluation import records
from sentipress.runtimes import pocket
from sentipress.text.tokenizer import OOV_ID, PADDING_ID, Tokenizer

SCHEMA = 1
# Name, label on the page, stage that makes it; the first one that exists is shown first.
MODELS = (
    ("modelo_DRQ", "8-bit", manifest.QUANTIZATION),
    ("modelo_F16Q", "16-bit", manifest.QUANTIZATION),
    ("modelo_podado_DRQ", "Pruned, 8-bit", manifest.PRUNING),
    ("modelo_destilado_DRQ", "Student, 8-bit", manifest.DISTILLATION),
)
POCKET = "pocket.zip"  # brings a vocabulary of its own
# LiteRT's wasm with relaxed SIMD, and the one for browsers without; a visitor downloads one of them.
WASM = ("litert_wasm_internal", "litert_wasm_compat_internal")
NPM_REMEDY = "run npm ci --prefix demo"


def character_class(members: Iterable[int]) -> str:
    r"""Code points as the inside of a character class of a JavaScript regular expression (flag u): `0-9A-Z_\u{aa}`."""

    def shown(point: int) -> str:
        character = chr(point)
        return character if character.isascii() and (character.isalnum() or character in "_'") else f"\\u{{{point:x}}}"

    ranges = []
    for _, group in itertools.groupby(enumerate(sorted(members)), lambda pair: pair[1] - pair[0]):
        points = [point for _, point in group]
        ranges.append(shown(points[0]) + (f"-{shown(points[-1])}" if len(points) > 1 else ""))
    return "".join(ranges)


@functools.cache
def _unicode() -> dict[str, Any]:
    r"""Python's `\w`, `str.split` and `str.lower` as data; asked of Python itself, so of its version of Unicode."""
    points = range(0x110000)
    word = re.compile(r"\w")
    lower = [(chr(p), chr(p).lower()) for p in points if chr(p).lower() != chr(p)]
    return {
        "word": character_class(p for p in points if word.match(chr(p))),
        "space": character_class(p for p in points if chr(p).isspace()),
        "lower": {
            "pairs": " ".join(itertools.chain.from_iterable(lower)),
            # The one letter whose lower case depends on its neighbours.
            "sigma": "\N{GREEK CAPITAL LETTER SIGMA}",
            "final_sigma": "\N{GREEK SMALL LETTER FINAL SIGMA}",
        },
    }


def steps(recipe: str) -> list[dict[str, Any]]:
    """A recipe of `sentipress.data.cleaning` as steps that `tokenizer.js` carries out in order; its patterns are shared.

    Raises:
        UserError: the recipe is unknown.
    """
    if recipe == "thesis":
        return [
            {"do": "lower"},
            {"do": "drop_words", "words": sorted(cleaning.stopwords())},
            {"do": "delete_between", "open": "<", "close": ">"},  # `<.*?>`: no line end is left by now that could stop the dot
            {"do": "replace", "pattern": cleaning._NOT_WORD.pattern, "by": " "},
        ]
    if recipe == "default":
        return [
            {"do": "lower"},
            {"do": "replace", "pattern": cleaning._TAG.pattern, "by": " "},
            {"do": "replace", "pattern": cleaning._NOT_WORDS.pattern, "by": " "},
            {"do": "strip_words", "characters": "'_"},
        ]
    raise UserError(f"unknown cleaning recipe {recipe!r}", f"use one of {', '.join(cleaning.RECIPES)}")


def metadata(tokenizer: Tokenizer, models: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """All that the page knows: how to clean, the vocabulary, and the models."""
    return {
        "schema": SCHEMA,
        "cleaning": {"recipe": tokenizer.cleaning, "steps": steps(tokenizer.cleaning), **_unicode()},
        "tokenizer": {
            "sequence_length": tokenizer.sequence_length,
            "padding": tokenizer.padding,
            "truncating": tokenizer.truncating,
            "padding_id": PADDING_ID,
            "oov_id": OOV_ID,
            "first_word_id": OOV_ID + 1,
            "separators": "_",  # besides whitespace; see `sentipress.text.tokenizer.text_words`
            "words": list(tokenizer.words),
        },
        "models": list(models),
    }


def compact(content: Any) -> str:
    r"""JSON without spaces; a lone surrogate, which UTF-8 cannot hold, leaves all of it in `\u` escapes."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text if _encodes(text) else json.dumps(content, allow_nan=False, separators=(",", ":"))


def _encodes(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def models(folder: Path) -> list[dict[str, Any]]:
    """The models of an artifacts folder that the page can run, as the table measured them.

    One with a vocabulary of its own has it as `words`.

    Raises:
        UserError: none is there, or one is not the file that its metrics speak of.
    """
    known = [(name, label, stage) for name, label, stage in MODELS if (folder / f"{name}.tflite").is_file()]
    found = []
    for name, label, stage in known:
        record = records.load(folder, name, manifest.run(stage, folder))
        if "tokenizer.json" not in record["inputs"]:
            print(f"left out {record['file']}: it was made with another vocabulary than tokenizer.json")
            continue
        found.append(_described(record, label, f"models/{record['file']}", record["outputs"][record["file"]]))
    if (folder / POCKET).is_file():
        remedy = manifest.run(manifest.COMBINATION, folder)
        packed = pocket.unpack(folder / POCKET, remedy)
        record = records.load(folder, Path(POCKET).stem, remedy)
        about = _described(record, "Pocket", "models/pocket.tflite", hashlib.sha256(packed.model).hexdigest())
        found.append(about | {"words": list(packed.tokenizer.words), "sequence_length": packed.tokenizer.sequence_length})
    if not found:
        raise UserError(f"{folder} holds none of the demo's models", manifest.run(manifest.QUANTIZATION, folder))
    return found


def _described(record: dict[str, Any], label: str, file: str, sha256: str) -> dict[str, Any]:
    accuracy = record["scores"]["accuracy"]
    return {
        "name": record["name"],
        "label": label,
        "technique": record["technique"],
        "file": file,
        **record["size"],
        "sha256": sha256,
        "accuracy": {key: accuracy[key] for key in ("value", "low", "high", "n")},
    }


def model_bytes(folder: Path, model: dict[str, Any]) -> bytes:
    """The `.tflite` file that a description of `models` speaks of."""
    if model["name"] == Path(POCKET).stem:
        return pocket.unpack(folder / POCKET, manifest.run(manifest.COMBINATION, folder)).model
    return (folder / Path(model["file"]).name).read_bytes()


def vectors(tokenizer: Tokenizer, texts: Sequence[str]) -> dict[str, Any]:
    """Golden vectors: texts, and the ids that Python gives them (whole rows, padding included)."""
    return {"texts": list(texts), "ids": tokenizer.encode_raw(texts).tolist()}


def build(artifacts: Path, demo: Path, target: Path) -> dict[str, dict[str, int]]:
    """Put the page together: sources, LiteRT.js, models, metadata, and the service worker with the hash of each file.

    Args:
        artifacts: folder of the stages.
        demo: folder of the page's sources and of node_modules.
        target: folder that is replaced.

    Returns:
        Bytes and gzip bytes of each file, by path.

    Raises:
        UserError: artifacts or npm packages are missing or do not fit each other.
    """
    tokenizer = Tokenizer.load(artifacts / "tokenizer.json", manifest.run(manifest.BASELINE, artifacts))
    described = models(artifacts)
    packages = demo / "node_modules" / "@litertjs"
    vendored = {
        "litert/core.js": packages / "core" / "dist" / "index.js",
        "litert/wasm-utils.js": packages / "wasm-utils" / "dist" / "index.js",
        **{f"litert/{name}{suffix}": packages / "core" / "wasm" / f"{name}{suffix}" for name in WASM for suffix in (".js", ".wasm")},
    }
    for path in vendored.values():
        if not path.is_file():
            raise UserError(f"{path} is missing", NPM_REMEDY)

    content = {path.name: path.read_bytes() for path in sorted((demo / "source").iterdir())}
    content |= {name: _browser_module(path.read_bytes()) if path.suffix == ".js" else path.read_bytes() for name, path in vendored.items()}
    content |= {model["file"]: model_bytes(artifacts, model) for model in described}
    content["metadata.json"] = compact(metadata(tokenizer, described)).encode()
    worker = content.pop("sw.js").decode()
    hashes = {name: hashlib.sha256(held).hexdigest() for name, held in sorted(content.items())}
    content["sw.js"] = _filled(worker, "/* FILES */ {}", json.dumps(hashes, indent=1)).encode()

    if target.is_dir() and any(target.iterdir()):
        if not (target / "sw.js").is_file() or target == demo:
            raise UserError(f"{target} holds something else than a built page", "name another --target, or empty it")
        shutil.rmtree(target)
    for name, held in content.items():
        files.write_bytes(target / name, held)
    return {name: files.sizes(target / name) for name in sorted(content)}


def _browser_module(source: bytes) -> bytes:
    """A package's module for a browser without import maps: a path for the bare name, no maps that are not shipped."""
    text = source.decode()
    text = text.replace('from "@litertjs/wasm-utils"', 'from "./wasm-utils.js"')
    return re.sub(r"^//# sourceMappingURL=.*$", "", text, flags=re.MULTILINE).encode()


def _filled(template: str, place: str, value: str) -> str:
    if template.count(place) != 1:
        raise UserError(f"sw.js does not hold {place!r} once", "restore it: git checkout demo/source/sw.js")
    return template.replace(place, value)
