"""What a browser needs to read a text as Python does: metadata, golden vectors, and the demo's files.

No TensorFlow here, and no LiteRT: networks are copied as they are, never opened.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sentipress.core import files, manifest
from sentipress.core.errors import UserError
from sentipress.data import cleaning
from sentipress.data.task import KNOWN_SHARE, SENTIMENT_LABELS
from sentipress.evaluation import records
from sentipress.runtimes import packed_words, pocket
from sentipress.text.tokenizer import OOV_ID, PADDING_ID, Tokenizer

SCHEMA = 3  # 3: bags of words among the models; 2: labels, the least share of known words, character classes by name
# Name, title on the page, stage that makes it; the first one that exists is shown first.
MODELS = (
    ("modelo_DRQ", "8-bit", manifest.QUANTIZATION),
    ("modelo_F16Q", "16-bit", manifest.QUANTIZATION),
    ("modelo_podado_DRQ", "Pruned, 8-bit", manifest.PRUNING),
    ("modelo_destilado_DRQ", "Student, 8-bit", manifest.DISTILLATION),
)
POCKET = "pocket.zip"  # brings a vocabulary of its own
BAGS = tuple(row for row in manifest.LSTM.stage(manifest.CLASSICAL).rows if row.name.startswith(manifest.PACKED))  # shipped as they are
# LiteRT's wasm with relaxed SIMD, and the one for browsers without; a visitor downloads one of them.
WASM = ("litert_wasm_internal", "litert_wasm_compat_internal")
NPM_REMEDY = "run npm ci --prefix demo"
WORDING = "wording.json"  # of the page's sources: what it says where the labels are negative and positive, and elsewhere
_WORDED = ("index.html", "manifest.webmanifest")  # files with {{places}} for that
_PLACE = re.compile(r"\{\{(\w+)\}\}")
_CLASS = re.compile(r"\{([a-z]+)\}")  # a character class by its name, inside a pattern


def character_class(ranges: Iterable[tuple[int, int]]) -> str:
    r"""Ranges of code points as the inside of a character class of a JavaScript regular expression (flag u): `0-9A-Z_\u{aa}`."""

    def shown(point: int) -> str:
        character = chr(point)
        return character if character.isascii() and (character.isalnum() or character in "_'") else f"\\u{{{point:x}}}"

    return "".join(shown(first) + (f"-{shown(last)}" if last > first else "") for first, last in ranges)


def _class_of(holds: Callable[[str], object]) -> str:
    """Class of the characters of which a function says yes."""
    return character_class(cleaning.character_ranges(tuple(point for point in range(0x110000) if holds(chr(point)))))


@functools.cache
def character_classes() -> dict[str, str]:
    r"""Python's `\w` and `\s`, accents, scripts without spaces; asked of Python itself, so of its version of Unicode."""
    return {
        "word": _class_of(re.compile(r"\w").match),
        "space": _class_of(str.isspace),
        "marks": character_class(cleaning.character_ranges(cleaning.accents())),
        "unspaced": character_class(cleaning.UNSPACED),
    }


@functools.cache
def lower_case() -> dict[str, str]:
    """`str.lower` as data: a character and what becomes of it, in turn, and what decides between the two small sigmas.

    A sigma is a final one where a cased character stands before it and none after it. Python looks past ignorable
    characters on both sides.
    """

    def is_final(after: str) -> bool:
        return f"a\N{GREEK CAPITAL LETTER SIGMA}{after}".lower()[1] == "\N{GREEK SMALL LETTER FINAL SIGMA}"

    changed = [(chr(point), chr(point).lower()) for point in range(0x110000) if chr(point).lower() != chr(point)]
    return {
        "pairs": " ".join(itertools.chain.from_iterable(changed)),
        "sigma": "\N{GREEK CAPITAL LETTER SIGMA}",
        "final_sigma": "\N{GREEK SMALL LETTER FINAL SIGMA}",
        "cased": _class_of(lambda character: not is_final(character + "1")),
        "ignorable": _class_of(lambda character: is_final(character + "1") and not is_final(character + "a")),
    }


def steps(recipe: str) -> list[dict[str, Any]]:
    """A recipe of words of `sentipress.data.cleaning` as steps that `tokenizer.js` carries out in order.

    A name in braces inside a pattern stands for the members of a class of `character_classes`.

    Raises:
        UserError: the recipe is unknown, or one of pieces.
    """
    lower = {"do": "lower"}
    unspaced = {"do": "surround", "pattern": "[{unspaced}][{marks}]*", "by": " "}
    if recipe == "thesis":
        return [
            lower,
            {"do": "drop_words", "words": sorted(cleaning.stopwords())},
            {"do": "delete_between", "open": "<", "close": ">"},  # `<.*?>`: no line end is left by now that could stop the dot
            _replace(cleaning.NOT_WORD, " "),
        ]
    if recipe == "default":
        return [
            lower,
            _replace(cleaning.TAG, " "),
            {"do": "replace", "pattern": "[^{word}{marks}']+", "by": " "},
            unspaced,
            {"do": "strip_words", "characters": "'_"},
        ]
    if recipe == "posts":
        return [
            lower,
            _replace(cleaning.MARKUP, " "),
            _replace(cleaning.SELECTORS, ""),
            {"do": "surround", "pattern": r"([^{word}{marks}{space}'])\1*", "by": " ", "longest": cleaning.LONGEST_RUN},
            unspaced,
            {"do": "strip_words", "characters": "'_", "longest": cleaning.PREFIX},
        ]
    raise UserError(f"unknown cleaning recipe {recipe!r}", f"use one of {', '.join(cleaning.WORD_RECIPES)}")


def _replace(pattern: re.Pattern[str], by: str) -> dict[str, Any]:
    return {"do": "replace", "pattern": pattern.pattern.replace(r"\w", "{word}"), "by": by}


def metadata(
    tokenizer: Tokenizer, labels: Sequence[str], models: Sequence[dict[str, Any]] = (), wording: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """All that the page knows: the labels, how to clean, the vocabulary, the models, and what it says.

    Raises:
        UserError: the recipe is unknown, or a bag of words was made with another one.
    """
    for model in models:
        if model.get("cleaning", tokenizer.cleaning) != tokenizer.cleaning:
            named = f"{model['name']} was made with the recipe {model['cleaning']!r}, the vocabulary with {tokenizer.cleaning!r}"
            raise UserError(named, "run the stages anew: python compare.py --refresh")
    recipe = steps(tokenizer.cleaning)
    used = {"space", *itertools.chain.from_iterable(_CLASS.findall(step.get("pattern", "")) for step in recipe)}
    classes = {name: members for name, members in character_classes().items() if name in used}
    return {
        "schema": SCHEMA,
        "labels": list(labels),
        "known_share": KNOWN_SHARE,  # of a text's words: below it the page gives no label
        "wording": dict(wording or {}),
        "cleaning": {"recipe": tokenizer.cleaning, "steps": recipe, "classes": classes, "lower": lower_case()},
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


def models(folder: Path) -> tuple[tuple[str, ...], list[dict[str, Any]]]:
    """Labels, and the models of an artifacts folder that the page can run, as the table measured them.

    A network with a vocabulary of its own has it as `words`. A bag of words has a `kind`; the page reads its file.

    Raises:
        UserError: none is there, one is not the file that its metrics speak of, or two have different labels.
    """
    described, labels = [], {}
    for name, title, stage in MODELS:
        if not (folder / f"{name}.tflite").is_file():
            continue
        record = records.load(folder, name, manifest.run(stage, folder))
        if manifest.TOKENIZER not in record["inputs"]:
            print(f"left out {record['file']}: it was made with another vocabulary than {manifest.TOKENIZER}")
            continue
        described.append(_described(record, title, f"models/{record['file']}", record["outputs"][record["file"]]))
        labels[record["file"]] = tuple(record["labels"])
    if (folder / POCKET).is_file():
        remedy = manifest.run(manifest.COMBINATION, folder)
        packed = pocket.unpack(folder / POCKET, remedy)
        record = records.load(folder, Path(POCKET).stem, remedy)
        about = _described(record, "Pocket", "models/pocket.tflite", hashlib.sha256(packed.model).hexdigest())
        described.append(about | {"words": list(packed.tokenizer.words), "sequence_length": packed.tokenizer.sequence_length})
        labels[POCKET] = packed.labels
    for row in BAGS:
        if (folder / row.file).is_file():
            remedy = manifest.run(manifest.CLASSICAL, folder)
            bag = packed_words.PackedWords(folder / row.file, remedy).model
            record = records.load(folder, row.name, remedy)
            about = _described(record, f"Bag of words, {len(bag.terms):,} terms", f"models/{row.file}", record["outputs"][row.file])
            described.append(about | {"kind": packed_words.KIND, "cleaning": bag.cleaning})
            labels[row.file] = bag.labels
    if not described:
        raise UserError(f"{folder} holds none of the demo's models", manifest.run(manifest.QUANTIZATION, folder))
    return _common(labels, folder), described


def _common(labels: Mapping[str, tuple[str, ...]], folder: Path) -> tuple[str, ...]:
    """The labels that all models have.

    Raises:
        UserError: two models differ.
    """
    (first, expected), *others = labels.items()
    for file, found in others:
        if found != expected:
            named = f"{file} has the labels {', '.join(found)[:200]}; {first} has {', '.join(expected)[:200]}"
            raise UserError(f"{folder}: {named}", "put the models of one task into a folder")
    return expected


def _described(record: dict[str, Any], title: str, file: str, sha256: str) -> dict[str, Any]:
    accuracy = record["scores"]["accuracy"]
    return {
        "name": record["name"],
        "title": title,
        "technique": record["technique"],
        "file": file,
        **record["size"],
        "sha256": sha256,
        "accuracy": {key: accuracy[key] for key in ("value", "low", "high", "n")},
    }


def model_bytes(folder: Path, model: dict[str, Any]) -> bytes:
    """The file of the page that a description of `models` speaks of."""
    if model["name"] == Path(POCKET).stem:
        return pocket.unpack(folder / POCKET, manifest.run(manifest.COMBINATION, folder)).model
    return (folder / Path(model["file"]).name).read_bytes()


def vectors(tokenizer: Tokenizer, texts: Sequence[str]) -> dict[str, Any]:
    """Golden vectors: texts, the ids that Python gives them (whole rows, padding included), and the shares of known words."""
    cleaned = [cleaning.clean(text, tokenizer.cleaning) for text in texts]
    shares = [tokenizer.known_share(text) for text in cleaned]
    return {"texts": list(texts), "ids": tokenizer.encode(cleaned).tolist(), "known_share": shares}


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
    tokenizer = Tokenizer.load(artifacts / manifest.TOKENIZER, manifest.run(manifest.BASELINE, artifacts))
    labels, described = models(artifacts)
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
    wording = json.loads(content.pop(WORDING))["sentiment" if labels == SENTIMENT_LABELS else "labels"]
    content |= {name: _worded(content[name].decode(), wording).encode() for name in _WORDED}
    content |= {name: _browser_module(path.read_bytes()) if path.suffix == ".js" else path.read_bytes() for name, path in vendored.items()}
    content |= {model["file"]: model_bytes(artifacts, model) for model in described}
    content["metadata.json"] = compact(metadata(tokenizer, labels, described, wording)).encode()
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


def _worded(template: str, wording: Mapping[str, Any]) -> str:
    """A file of the page with the words that fit the labels in its {{places}}."""
    missing = set(_PLACE.findall(template)) - set(wording)
    if missing:
        raise UserError(f"{WORDING} lacks {', '.join(sorted(missing))}", f"restore it: git checkout demo/source/{WORDING}")
    return _PLACE.sub(lambda place: str(wording[place[1]]), template)


def _browser_module(source: bytes) -> bytes:
    """A package's module for a browser without import maps: a path for the bare name, no maps that are not shipped."""
    text = source.decode()
    text = text.replace('from "@litertjs/wasm-utils"', 'from "./wasm-utils.js"')
    return re.sub(r"^//# sourceMappingURL=.*$", "", text, flags=re.MULTILINE).encode()


def _filled(template: str, place: str, value: str) -> str:
    if template.count(place) != 1:
        raise UserError(f"sw.js does not hold {place!r} once", "restore it: git checkout demo/source/sw.js")
    return template.replace(place, value)
