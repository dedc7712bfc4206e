"""What teachers say of the training texts and of texts without labels: computed once, saved, and reused.

A teacher is any model of an artifacts folder with metrics, or a file of probabilities from anywhere else. Several
make an ensemble by the mean of their log-odds, or of their log-probabilities for more than two labels.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import log_softmax

from sentipress.core import files, manifest
from sentipress.core.backend import keras
from sentipress.core.errors import UserError
from sentipress.core.quiet import quiet
from sentipress.data.stored import Texts
from sentipress.data.task import Task
from sentipress.evaluation import records
from sentipress.lstm import networks
from sentipress.lstm.networks import ModelSpec
from sentipress.pipeline.workspace import BASE, Workspace
from sentipress.runtimes import registry
from sentipress.runtimes.keras_file import KerasModel, predictor
from sentipress.runtimes.network import NetworkRuntime

SPLITS = ("train", "validation", "unlabelled")


@dataclass(frozen=True)
class Teaching:
    """What an ensemble says.

    Attributes:
        names: of the teachers.
        logits: split name ("train", "validation", "unlabelled") to log-odds float32 (texts,), or log-probabilities
            (texts, labels) for more than two labels.
        seconds: it took to compute what was not saved before.
        files: artifacts of the folder that it depends on.
        unlabelled: the texts without labels that were asked about: reviews, then varied texts, then sentences.
        varied: how many of them were made from the training texts.
        answers: what is to be known of an encoder's part in it, see `sentipress.pipeline.encoder_answers`; None if it has none.
        by_rule: how many of the sentences the rules speak of that made them.
    """

    names: tuple[str, ...]
    logits: dict[str, np.ndarray]
    seconds: float
    files: tuple[str, ...]
    unlabelled: Texts
    varied: int = 0
    answers: dict[str, Any] | None = None
    by_rule: int = 0

    @property
    def sentences(self) -> Texts:
        """The sentences among the texts without labels: those that the encoder answered or a rule made."""
        count = (self.answers["sentences"] if self.answers else 0) + self.by_rule
        return self.unlabelled[len(self.unlabelled) - count :]

    def about(self, heard: bool = True) -> dict[str, Any]:
        """What the metrics of a student say of the texts without labels, and of the encoder if the student heard it."""
        about: dict[str, Any] = {"unlabelled_reviews": len(self.unlabelled) - self.varied - len(self.sentences)}
        if self.varied:
            about["varied_texts"] = self.varied
        return {**about, **self.about_sentences()} if heard else about

    def about_sentences(self) -> dict[str, Any]:
        """The part of this that tells what was said of sentences; empty if nothing was."""
        return {**({"answers": self.answers} if self.answers else {}), **({"by_rule": self.by_rule} if self.by_rule else {})}


def choose(text: str, folder: Path) -> list[str]:
    """Names of teachers, separated by `+`; `auto` is the base, and the strongest bag of words if `classical.py` made it."""
    if text != "auto":
        return [name.strip() for name in text.split("+")]
    best = "classical_nb"
    return [BASE, best] if records.metrics_path(folder, best).is_file() else [BASE]


def consult(space: Workspace) -> Teaching:
    """What the teachers in a stage's settings say, also of unlabelled texts, or of varied ones in their place, if the settings want them.

    Varied texts help where there are no others; beside unlabelled ones they would only outweigh what an encoder says of sentences.

    Raises:
        UserError: see `ask`; or varied texts are wanted and a teacher is a file, which knows nothing of them.
    """
    settings = space.settings
    names = choose(settings.teacher, space.folder)
    unlabelled = space.reviews.unlabelled() if settings.use_unlabelled else space.reviews.stored([])
    if unlabelled or not settings.varied:
        return ask(space, names, unlabelled)
    if any(name.endswith(".npz") for name in names):
        raise UserError(f"--teacher {settings.teacher}: a file says nothing of varied texts", "pass --varied 0")
    return ask(space, names, unlabelled, space.reviews.varied(settings.varied))


def ask(space: Workspace, names: list[str], unlabelled: Texts, made: Texts | None = None) -> Teaching:
    """Logits of all teachers, averaged.

    Args:
        space: the folder whose texts they judge.
        names: of models in the folder ("modelo_base"), of models in another folder of the same texts
            ("other/folder/modelo_base"), or paths of `.npz` files with probabilities "train", "validation" and, when there are
            unlabelled texts, "unlabelled", in the order of reviews.csv and unlabelled.csv.
        unlabelled: cleaned texts without labels, in the spool of the folder's own.
        made: further ones behind them, made from the training texts. A file says nothing of them.

    Raises:
        UserError: a teacher is missing, damaged, or of other texts.
    """
    started = time.perf_counter()
    answers, own, others = [], [], unlabelled.joined(made) if made else unlabelled
    for name in names:
        if name.endswith(".npz"):
            answers.append(_from_file(space, Path(name), others))
            continue
        folder = Path(name).parent if "/" in name else space.folder
        file = folder / str(records.load(folder, Path(name).name, "run the stage that makes it")["file"])
        answers.append(_from_model(space, file, others, bool(made)))
        own += [file.name] if folder == space.folder else []
    logits = {split: np.mean([answer[split] for answer in answers], axis=0).astype(np.float32) for split in SPLITS}
    own += [manifest.UNLABELLED] if unlabelled else []
    return Teaching(tuple(names), logits, time.perf_counter() - started, tuple(own), others, len(made or ()))


def features(model: Any, spec: ModelSpec, ids: np.ndarray, standardized: bool = True) -> np.ndarray:
    """A stock model's pooled features of ids int32 (texts, length).

    Returns:
        float32 (texts, features); when `standardized` of mean 0 and deviation 1 per column, a constant column being 0.
    """
    copy = networks.to_training(model, spec)
    inner = keras.Model(copy.input, copy.get_layer(networks.feature_layer(spec)).output)
    with quiet():
        values = predictor(inner, spec.masked)(ids)
    return np.asarray((values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-6)) if standardized else values


def network_logits(task: Task, model: Any, spec: ModelSpec) -> Callable[[np.ndarray], np.ndarray]:
    """A function of ids int32 (texts, length) that gives a stock model's log-odds, or log-probabilities, in the task's shape.

    The training form is faster than the stock one, and its output is the logit itself.
    """
    predict = predictor(networks.to_training(model, spec), spec.masked)

    def logits(ids: np.ndarray) -> np.ndarray:
        outputs = task.shaped(predict(ids))
        return outputs if task.binary else np.asarray(log_softmax(outputs, axis=1), np.float32)

    return logits


def _none(task: Task) -> np.ndarray:
    """Logits of no texts."""
    return np.zeros((0,) if task.binary else (0, task.outputs), np.float32)


def _from_model(space: Workspace, file: Path, unlabelled: Texts, made: bool) -> dict[str, np.ndarray]:
    """A model's logits, from the file of an earlier call if that is of the same model and texts.

    Answers to varied texts have a file of their own: stages 5 and 6 would else replace each other's.
    """
    folder = file.parent
    if files.sha256(folder / manifest.REVIEWS) != files.sha256(space.reviews.path):
        raise UserError(f"{folder / manifest.REVIEWS} is not {space.reviews.path}", "teach with a model of the same texts and split")
    model = files.sha256(file)
    key = files.fingerprint([model, files.sha256(space.reviews.path), files.fingerprint_of_texts(unlabelled)])
    elsewhere = "" if folder == space.folder else f"_{model[:8]}"
    saved = space.folder / f"teacher_{file.stem}{elsewhere}{'_varied' if made else ''}.npz"
    try:
        with np.load(saved, allow_pickle=False) as content:
            if str(content["key"]) == key:
                return {split: content[split] for split in SPLITS}
    except Exception:  # missing, or damaged in one of the many ways of zip files: computed again
        pass
    texts = {split: space.reviews.texts(split) for split in ("train", "validation")} | {"unlabelled": unlabelled}
    judge = _judge(space, file)
    with quiet():
        answers = {split: judge(texts[split]) if texts[split] else _none(space.task) for split in SPLITS}
    with files.atomic(saved) as temporary, open(temporary, "wb") as stream:
        arrays: dict[str, Any] = {"key": np.array(key), **answers}
        np.savez(stream, **arrays)
    return answers


def _judge(space: Workspace, file: Path) -> Callable[[Texts], np.ndarray]:
    """A function of cleaned texts that gives a model file's logits."""
    task, remedy = space.task, "run the stage that makes it"
    runtime = registry.open_model(file, remedy=remedy, task=task)
    if runtime.task.labels != task.labels:
        raise UserError(f"{file} has the labels {', '.join(runtime.task.labels)}", f"teach with a model of {', '.join(task.labels)}")
    if isinstance(runtime, KerasModel):
        logits = network_logits(task, runtime.model, ModelSpec(**records.load(file.parent, file.stem, remedy)["model"]))
        return lambda texts: logits(space.store.encoded(runtime.encoder, texts))
    if isinstance(runtime, NetworkRuntime):
        return lambda texts: task.logits(runtime.predict(space.store.encoded(runtime.encoder, texts)))
    return lambda texts: task.logits(runtime.predict(runtime.prepare(texts)))


def _from_file(space: Workspace, path: Path, unlabelled: Texts) -> dict[str, np.ndarray]:
    """Logits from a file of probabilities."""
    task = space.task
    expected = {"train": len(space.labels["train"]), "validation": len(space.labels["validation"]), "unlabelled": len(unlabelled)}
    shapes = {split: (count,) if task.binary else (count, task.outputs) for split, count in expected.items() if count}
    remedy = "give an .npz of the probabilities " + ", ".join(f"{split} {shape}" for split, shape in shapes.items())
    try:
        with np.load(path, allow_pickle=False) as content:
            probabilities = {split: content[split] for split in shapes}
    except FileNotFoundError:
        raise UserError(f"{path} is missing", remedy) from None
    except Exception as error:  # zipfile and zlib raise their own kinds for damaged bytes
        raise UserError(f"{path} cannot be read as probabilities ({str(error)[:100]})", remedy) from None
    for split, values in probabilities.items():
        if values.shape != shapes[split] or not (np.issubdtype(values.dtype, np.floating) and ((values >= 0) & (values <= 1)).all()):
            raise UserError(f"{path}: {split} are not {expected[split]} probabilities", remedy)
    return {split: task.logits(probabilities[split]) if split in probabilities else _none(task) for split in SPLITS}
