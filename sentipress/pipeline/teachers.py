"""What teachers say of the training reviews and of reviews without labels: computed once, saved, and reused.

A teacher is any model of an artifacts folder with metrics, or a file of probabilities from anywhere else. Several
make an ensemble by the mean of their log-odds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sentipress.core import files
from sentipress.data import corpus
from sentipress.evaluation import records
from sentipress.lstm import networks, training
from sentipress.core.backend import keras
from sentipress.runtimes.registry import tokenizer_of
from sentipress.core.errors import UserError
from sentipress.linear.bag_of_words import LinearModel
from sentipress.runtimes.litert import LiteRTModel
from sentipress.lstm.networks import ModelSpec
from sentipress.runtimes.pocket import PocketModel
from sentipress.core.quiet import quiet
from sentipress.text.tokenizer import Tokenizer
from sentipress.pipeline.workspace import BASE, Workspace

SPLITS = ("train", "validation", "unlabelled")
LONGEST_ODDS = 15.0  # a probability of 0 or 1 counts as this log-odds: 3 in ten million from it


@dataclass(frozen=True)
class Teaching:
    """What an ensemble says.

    Attributes:
        names: of the teachers.
        logits: split name ("train", "validation", "unlabelled") to log-odds, float32 (reviews,).
        seconds: it took to compute what was not saved before.
        files: artifacts of the folder that it depends on.
    """

    names: tuple[str, ...]
    logits: dict[str, np.ndarray]
    seconds: float
    files: tuple[str, ...]


def log_odds(probabilities: np.ndarray) -> np.ndarray:
    """Log-odds of probabilities (reviews,), within `LONGEST_ODDS`; float32."""
    clipped = np.clip(probabilities.astype(np.float64), 1 / (1 + np.exp(LONGEST_ODDS)), 1 / (1 + np.exp(-LONGEST_ODDS)))
    return (np.log(clipped) - np.log1p(-clipped)).astype(np.float32)


def choose(text: str, folder: Path) -> list[str]:
    """Names of teachers, separated by `+`; `auto` is the base, and the strongest bag of words if `classical.py` made it."""
    if text != "auto":
        return [name.strip() for name in text.split("+")]
    best = "classical_nb"
    return [BASE, best] if records.metrics_path(folder, best).is_file() else [BASE]


def consult(space: Workspace) -> tuple[Teaching, list[str]]:
    """What the teachers in a stage's settings say, and the unlabelled reviews that they were asked about as well.

    Raises:
        UserError: see `ask`.
    """
    unlabelled = space.reviews.unlabelled() if space.settings.use_unlabelled else []
    return ask(space, choose(space.settings.teacher, space.folder), unlabelled), unlabelled


def ask(space: Workspace, names: list[str], unlabelled: list[str]) -> Teaching:
    """Log-odds of all teachers, averaged.

    Args:
        space: the folder whose reviews they judge.
        names: of models in the folder ("modelo_base"), of models in another folder of the same reviews
            ("other/folder/modelo_base"), or paths of `.npz` files with probabilities "train", "validation" and, when there are
            unlabelled reviews, "unlabelled", in the order of reviews.csv and unlabelled.csv.
        unlabelled: cleaned reviews without labels.

    Raises:
        UserError: a teacher is missing, damaged, or of other reviews.
    """
    started = time.perf_counter()
    answers, own = [], []
    for name in names:
        if name.endswith(".npz"):
            answers.append(_foreign(space, Path(name), unlabelled))
            continue
        folder = Path(name).parent if "/" in name else space.folder
        file = folder / str(records.load(folder, Path(name).name, "run the stage that makes it")["file"])
        answers.append(_ours(space, file, unlabelled))
        own += [file.name] if folder == space.folder else []
    logits = {split: np.mean([answer[split] for answer in answers], axis=0).astype(np.float32) for split in SPLITS}
    own += [corpus.UNLABELLED] if unlabelled else []
    return Teaching(tuple(names), logits, time.perf_counter() - started, tuple(own))


def features(model: Any, spec: ModelSpec, ids: np.ndarray, standardized: bool = True) -> np.ndarray:
    """A stock model's pooled features of ids int32 (reviews, length).

    Returns:
        float32 (reviews, features); when `standardized` of mean 0 and deviation 1 per column, a constant column being 0.
    """
    copy = networks.to_training(model, spec)
    inner = keras.Model(copy.input, copy.get_layer(networks.feature_layer(spec)).output)
    with quiet():
        found = training.predictor(inner, spec.masked, whole=True)(ids)
    return np.asarray((found - found.mean(axis=0)) / np.maximum(found.std(axis=0), 1e-6)) if standardized else found


def _ours(space: Workspace, file: Path, unlabelled: list[str]) -> dict[str, np.ndarray]:
    """A model's log-odds, from the file of an earlier call if that is of the same model and reviews."""
    folder = file.parent
    if files.sha256(folder / "reviews.csv") != files.sha256(space.reviews.path):
        raise UserError(f"{folder / 'reviews.csv'} is not {space.reviews.path}", "teach with a model of the same reviews and split")
    others = space.reviews.about.get("unlabelled", {}).get("sha256") if unlabelled else None
    model = files.sha256(file)
    key = files.fingerprint([model, files.sha256(space.reviews.path), others])
    saved = space.folder / f"teacher_{file.stem}{'' if folder == space.folder else '_' + model[:8]}.npz"
    try:
        with np.load(saved, allow_pickle=False) as content:
            if str(content["key"]) == key:
                return {split: content[split] for split in SPLITS}
    except Exception:  # missing, or damaged in one of the many ways of zip files: computed again
        pass
    texts = {split: space.reviews.texts(split) for split in ("train", "validation")} | {"unlabelled": unlabelled}
    judge = _judge(file, folder)
    with quiet():
        answers = {split: judge(texts[split]) if texts[split] else np.zeros(0, np.float32) for split in SPLITS}
    with files.atomic(saved) as temporary, open(temporary, "wb") as stream:
        arrays: dict[str, Any] = {"key": np.array(key), **answers}
        np.savez(stream, **arrays)
    return answers


def _judge(file: Path, folder: Path) -> Callable[[list[str]], np.ndarray]:
    """A function of cleaned texts that gives a model file's log-odds float32 (texts,)."""
    remedy = "run the stage that makes it"
    if file.suffix == ".npz":
        linear = LinearModel.load(file, remedy)
        return lambda texts: log_odds(linear.predict(texts))
    if file.suffix == ".zip":
        pocket = PocketModel(file, remedy)
        return lambda texts: log_odds(pocket.predict(texts))
    tokenizer = Tokenizer.load(tokenizer_of(file, remedy), remedy)
    if file.suffix == ".tflite":
        lite = LiteRTModel(file, remedy)
        return lambda texts: log_odds(lite.predict(tokenizer.encode(texts)))
    spec = ModelSpec(**records.load(folder, file.stem, remedy)["model"])
    # The training form is faster, and its output is the logit itself.
    predict = training.predictor(networks.to_training(networks.load_keras(file, remedy), spec), spec.masked)
    return lambda texts: predict(tokenizer.encode(texts))


def _foreign(space: Workspace, path: Path, unlabelled: list[str]) -> dict[str, np.ndarray]:
    """Log-odds from a file of probabilities."""
    expected = {"train": len(space.labels["train"]), "validation": len(space.labels["validation"]), "unlabelled": len(unlabelled)}
    remedy = "give an .npz of the probabilities " + ", ".join(f"{split} ({count},)" for split, count in expected.items() if count)
    try:
        with np.load(path, allow_pickle=False) as content:
            found = {split: content[split] for split, count in expected.items() if count}
    except FileNotFoundError:
        raise UserError(f"{path} is missing", remedy) from None
    except Exception as error:  # zipfile and zlib raise their own kinds for damaged bytes
        raise UserError(f"{path} cannot be read as probabilities ({str(error)[:100]})", remedy) from None
    for split, values in found.items():
        if values.shape != (expected[split],) or not (np.issubdtype(values.dtype, np.floating) and ((values >= 0) & (values <= 1)).all()):
            raise UserError(f"{path}: {split} are not {expected[split]} probabilities", remedy)
    return {split: log_odds(found[split]) if split in found else np.zeros(0, np.float32) for split in SPLITS}
