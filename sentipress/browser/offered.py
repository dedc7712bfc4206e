"""The models that the page offers: those of artifacts folders, or published ones, each with its labels, recipe and files."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentipress.browser import encoder_files, piece_rules, rules
from sentipress.core import files, manifest
from sentipress.core.errors import UserError
from sentipress.data.task import Task
from sentipress.evaluation import comprehension, records
from sentipress.runtimes import package, packed_words, pocket, registry
from sentipress.text.pieces import INSTALL, of_pieces
from sentipress.text.tokenizer import Tokenizer

# How the page runs a model (demo/source/models.js): a .tflite file and a vocabulary beside it, both in one zip, a packed bag of words,
# a .tflite encoder and its tokenizer beside it.
NETWORK, POCKET, BAG, ENCODER = "network", "pocket", "bag", "encoder"
ROOT = Path(__file__).resolve().parents[2]
# Name and title of the networks of a folder, and the stage that makes them; the first one that exists is shown first. Titles are
# keys of demo/source/strings.
NETWORKS = (
    ("modelo_DRQ", "title8bit", manifest.QUANTIZATION),
    ("modelo_F16Q", "title16bit", manifest.QUANTIZATION),
    ("modelo_podado_DRQ", "titlePruned", manifest.PRUNING),
    ("modelo_destilado_DRQ", "titleStudent", manifest.DISTILLATION),
)
ENCODERS = (
    ("modelo_DRQ", "titleEncoder", manifest.ENCODER_QUANTIZATION),
    ("modelo_destilado_DRQ", "titleEncoderStudent", manifest.ENCODER_DISTILLATION),
    ("compact", "titleEncoderSmall", manifest.ENCODER_DISTILLATION),
)
POCKET_FILE = "pocket.zip"
STUDENT_FILE, RIVAL_FILE = "student_lstm.zip", "rival_words.zip"  # of an encoder's folder
BAGS = tuple(row for row in manifest.LSTM.stage(manifest.CLASSICAL).rows if row.name.startswith((manifest.PACKED, manifest.TAUGHT)))
# Published models that a page without a training offers, the one to begin with first: file in results/, title, texts it learned from.
# The tokenizer of an encoder lies beside it.
PUBLISHED = (
    ("reference/pocket.zip", "titleReads", "textsFilms"),
    ("encoder/bert/student_lstm.zip", "titleSentences", "textsSentences"),
    ("reference/taught_41600.zip", "titleTaught", "textsFilms"),
    ("reference/packed_41600.zip", "titleBag", "textsFilms"),
    ("encoder/default/compact.tflite", "titleEncoderSmall", "textsSentences"),
    ("default/pocket.zip", "titleCounts", "textsFilms"),
)


@dataclass(frozen=True)
class Offered:
    """A model that the page can run.

    Attributes:
        about: its entry in metadata.json.
        path: the model file as it was measured.
        files: name on the page to content: the model, and the vocabulary or tokenizer of one that brings none.
    """

    about: dict[str, Any]
    path: Path
    files: dict[str, bytes]

    @property
    def labels(self) -> tuple[str, ...]:
        """Names, in the order of the model's outputs."""
        return tuple(self.about["labels"])


def named(folders: str | None) -> list[Path] | None:
    """Folders that a person named with commas between; None for none."""
    return None if folders is None else [Path(name.strip()) for name in folders.split(",") if name.strip()]


def models(folders: Sequence[Path] | None) -> list[Offered]:
    """Models of folders, in their order; without folders those of `artifacts/`, and if it has none the published ones.

    Raises:
        UserError: a folder has none, one is not the file that its metrics speak of, or two of one folder have other labels or recipes.
    """
    if folders is None:
        own = Path(manifest.DEFAULT_FOLDER)
        return of_folder(own, "") if _has_models(own) else published()
    if not folders:
        raise UserError("no folder is named", "name folders with models, with commas between")
    slugs: list[str] = []
    for folder in folders:
        slug = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-") or "models"
        slugs.append(slug if slug not in slugs else f"{slug}-{len(slugs) + 1}")
    return [model for folder, slug in zip(folders, slugs, strict=True) for model in of_folder(folder, slug if len(folders) > 1 else "")]


def _has_models(folder: Path) -> bool:
    names = [f"{name}.tflite" for name, _, _ in (*NETWORKS, *ENCODERS)]
    names += [POCKET_FILE, STUDENT_FILE, RIVAL_FILE, *(row.file for row in BAGS)]
    return any((folder / name).is_file() for name in names)


def published(results: Path = ROOT / "results") -> list[Offered]:
    """The models of `PUBLISHED`, which need no training.

    An encoder without what `encoder_files` writes beside it is left out where the package tokenizers is not installed.

    Raises:
        UserError: one is missing or is not the file that its metrics speak of.
    """
    offered = []
    for name, title, texts in PUBLISHED:
        file = results / name
        remedy = f"restore it: git checkout results/{name} results/{Path(name).with_suffix(records.SUFFIX)}"
        record = records.read(records.metrics_path(file.parent, file.stem), remedy)
        if not file.is_file():
            raise UserError(f"{file} is missing", remedy)
        if files.sha256(file) != record["outputs"][file.name]:
            raise UserError(f"{file} is not the file that its metrics speak of", remedy)
        kind = ENCODER if file.suffix == ".tflite" else BAG if package.kind_of(file) == packed_words.KIND else POCKET
        is_seen = file.with_suffix(encoder_files.WRITTEN).is_file()
        if kind == ENCODER and not is_seen and importlib.util.find_spec("tokenizers") is None:
            print(f"left out {file}: the package tokenizers is not installed ({INSTALL})")
            continue
        slug = re.sub(r"[^a-z0-9]+", "-", str(Path(name).parent))
        offered.append(_offered(kind, file, record, title, slug, remedy, {"key": texts}))
    return offered


def of_folder(folder: Path, slug: str) -> list[Offered]:
    """Models of an artifacts folder, as the table measured them.

    Args:
        folder: of the stages.
        slug: begins the names of its models and their files where the page has several folders; else empty.

    Raises:
        UserError: see `models`.
    """
    is_of_encoder = manifest.track_in(folder) is manifest.ENCODER or of_pieces(folder / manifest.TOKENIZER)
    offered = _of_encoder(folder, slug) if is_of_encoder else _of_lstm(folder, slug)
    if not offered:
        stage = manifest.ENCODER_QUANTIZATION if is_of_encoder else manifest.QUANTIZATION
        raise UserError(f"{folder} holds none of the demo's models", manifest.run(stage, folder))
    _check_common(offered, folder)
    return offered


def _of_lstm(folder: Path, slug: str) -> list[Offered]:
    """Models of a folder of the LSTM's stages."""
    offered = []
    for name, title, stage in NETWORKS:
        if not (folder / f"{name}.tflite").is_file():
            continue
        remedy = manifest.run(stage, folder)
        record = records.load(folder, name, remedy)
        if manifest.TOKENIZER not in record["inputs"]:
            print(f"left out {record['file']}: it was made with another vocabulary than {manifest.TOKENIZER}")
            continue
        offered.append(_offered(NETWORK, folder / record["file"], record, title, slug, remedy))
    offered += _packed(POCKET, folder / POCKET_FILE, "titlePocket", slug, manifest.COMBINATION)
    for row in BAGS:
        title = "titleTaught" if row.name.startswith(manifest.TAUGHT) else "titleBag"
        offered += _packed(BAG, folder / row.file, title, slug, manifest.CLASSICAL)
    return offered


def _of_encoder(folder: Path, slug: str) -> list[Offered]:
    """Models of a folder of the encoder's stages: the small ones that it taught, then the encoders."""
    offered = _packed(POCKET, folder / STUDENT_FILE, "titlePocket", slug, manifest.ENCODER_DISTILLATION)
    offered += _packed(BAG, folder / RIVAL_FILE, "titleBag", slug, manifest.ENCODER_DISTILLATION)
    for name, title, stage in ENCODERS:
        if not (folder / f"{name}.tflite").is_file():
            continue
        remedy = manifest.run(stage, folder)
        record = records.load(folder, name, remedy)
        try:
            offered.append(_offered(ENCODER, folder / record["file"], record, title, slug, remedy))
        except piece_rules.TokenizerError as error:
            print(f"left out {record['file']}: {error.problem}")
    return offered


def _packed(kind: str, file: Path, title: str, slug: str, stage: str) -> list[Offered]:
    """A pocket model or a packed bag of words of a folder; none where the file is missing."""
    if not file.is_file():
        return []
    remedy = manifest.run(stage, file.parent)
    opened: Callable[[Path, str], object] = packed_words.PackedWords if kind == BAG else pocket.unpack
    opened(file, remedy)  # says first what is wrong with a damaged file
    record = records.load(file.parent, file.stem, remedy)
    if kind == BAG and record.get("transfer_texts"):  # an encoder's rival; whether it reads these texts is chosen on validation
        title = "titleTaught"
    return [_offered(kind, file, record, title, slug, remedy)]


def _offered(
    kind: str, file: Path, record: Mapping[str, Any], title: str, slug: str, remedy: str, texts: Mapping[str, str] | None = None
) -> Offered:
    """Describe a model for the page by what is in its file and in its metrics."""
    place = f"models/{slug}/" if slug else "models/"
    served = f"{place}{file.name}"
    content = {served: file.read_bytes()}
    accuracy = record["scores"]["accuracy"]
    about = {
        "id": f"{slug}-{record['name']}" if slug else record["name"],
        "kind": kind,
        "title": {"key": title},
        "folder": file.resolve().parent.name if slug and texts is None else None,  # part of the title where the page has several
        "technique": record["technique"],
        "origin": f"{file.resolve().parent.name}/{file.name}",
        "trained": _trained(file.parent, record, texts),
        "file": served,
        **record["size"],
        "sha256": record["outputs"][file.name],
        "accuracy": {key: accuracy[key] for key in ("value", "low", "high", "n")},
        "reading": _reading(record),
    }
    if kind == NETWORK:
        tokenizer = Tokenizer.load(file.parent / manifest.TOKENIZER, remedy)
        words = rules.compact(rules.vocabulary(tokenizer)).encode()
        content[f"{place}vocabulary.json"] = words
        about |= {"labels": record["labels"], "cleaning": tokenizer.cleaning, "words": len(tokenizer.words)}
        about |= {"vocabulary": {"file": f"{place}vocabulary.json", "sha256": files.bytes_sha256(words), "bytes": len(words)}}
    elif kind == ENCODER:
        beside = registry.tokenizer_of(file, remedy)
        seen = encoder_files.written(file, beside, remedy)
        seen = seen or encoder_files.known(file, beside, Task(tuple(record["labels"])), remedy)
        own, read = encoder_files.served(seen, place + beside.name)
        about |= own
        content |= read
    elif kind == BAG:
        bag = packed_words.PackedWords(file, remedy).model
        about |= {"labels": list(bag.labels), "cleaning": bag.cleaning, "words": len(bag.terms)}
    else:
        packed = pocket.unpack(file, remedy)
        about |= {"labels": list(packed.labels), "cleaning": packed.tokenizer.cleaning, "words": len(packed.tokenizer.words)}
    return Offered(about, file, content)


def _reading(record: Mapping[str, Any]) -> dict[str, int] | None:
    """How many behaviour cases for scoring a model answers rightly, and of how many; None where it was not asked."""
    said = (record.get("reading") or {}).get("behaviour") or {}
    counts = said.get(comprehension.SCORING, {}).values()
    return {key: sum(count[key] for count in counts) for key in ("right", "of")} if counts else None


def _trained(folder: Path, record: Mapping[str, Any], texts: Mapping[str, str] | None) -> dict[str, Any] | None:
    """What a model learned from, in numbers; None where stage 1 left no description beside it."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        described = json.loads((folder / manifest.DESCRIPTION).read_text(encoding="utf-8"))
        heard = record.get("answers") or {}
        return {
            "texts": int(described["splits"]["train"]),
            "source": texts or {"name": str(described["source"]["name"])},
            "unlabelled": int(described["unlabelled"]["counts"]["kept"]) if manifest.UNLABELLED in record["inputs"] else 0,
            "answers": int(record.get("transfer_texts") or heard.get("sentences", 0) + heard.get("reviews", 0)),
        }
    return None


def _check_common(offered: Sequence[Offered], folder: Path) -> None:
    """Refuse a folder whose models have different labels or recipes: they are of two tasks. An encoder's recipe is its own.

    Raises:
        UserError: two differ.
    """
    first, *others = offered
    for other in others:
        if other.labels != first.labels:
            names = other.path.name, first.path.name
            named = f"{names[0]} has the labels {', '.join(other.labels)[:200]}; {names[1]} has {', '.join(first.labels)[:200]}"
            raise UserError(f"{folder}: {named}", "put the models of one task into a folder")
    of_words = [one for one in offered if one.about["kind"] != ENCODER]
    for other in of_words[1:]:
        recipes = other.about["cleaning"], of_words[0].about["cleaning"]
        if recipes[0] != recipes[1]:
            named = f"{other.path.name} was made with the recipe {recipes[0]!r}, {of_words[0].path.name} with {recipes[1]!r}"
            raise UserError(f"{folder}: {named}", "run the stages anew: python compare.py --refresh")
