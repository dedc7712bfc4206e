"""Training that can be killed and gone on with, and ends with the weights that were best on validation.

One process does it, or several that share each batch (`sentipress.lstm.parallel`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from tqdm import tqdm

from sentipress.core import files
from sentipress.core.backend import as_graph, keras, tf
from sentipress.core.errors import UserError
from sentipress.core.history import History
from sentipress.data.task import Task, mean_loss
from sentipress.lstm.team import ALONE, Team
from sentipress.runtimes.keras_file import cut, predictor
from sentipress.text.batching import lengths_of, shuffled


@dataclass(frozen=True)
class TrainingPlan:
    """How to train.

    Attributes:
        epochs: passes over the reviews, at most.
        batch_size: reviews per step.
        learning_rate: Adam's step size at the start.
        schedule: "constant", or "cosine" down to 5 % over all epochs.
        patience: epochs without a better validation accuracy before training stops.
        keep_best: end with the weights of the best validation accuracy, else with the last ones (the study).
        bucketed: put reviews of like length into a batch and cut the batch to its longest review.
        seed: of the order of reviews and of dropout.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    schedule: str
    patience: int
    keep_best: bool
    bucketed: bool
    seed: int


def labelled_epochs(epochs: int, labelled: np.ndarray, texts: np.ndarray, rows: np.ndarray | None = None) -> int:
    """Passes over labelled texts in which a control reads as many words as a student does in `epochs` passes over all of its texts.

    Words and not steps: sentences are texts too, and ten of them are read in the time of a review.

    Args:
        epochs: of the student.
        labelled: ids of the labelled texts, int32 (texts, length), 0 where there is no word.
        texts: ids of all texts that the student learns from.
        rows: numbers of the texts that it reads in an epoch, each as often as it is read; None for each text once.
    """
    words = lengths_of(texts)
    return max(1, round(epochs * int(words.sum() if rows is None else words[rows].sum()) / int(lengths_of(labelled).sum())))


def plan_of(settings: SimpleNamespace, bucketed: bool, **changes: Any) -> TrainingPlan:
    """The plan in a stage's settings; `changes` for what the stage has no setting for."""
    values = {field.name: getattr(settings, field.name) for field in fields(TrainingPlan) if hasattr(settings, field.name)}
    return TrainingPlan(**{**values, "bucketed": bucketed, **changes})


def batches(ids: np.ndarray, plan: TrainingPlan, epoch: int) -> list[np.ndarray]:
    """Row numbers of each batch of one epoch; they depend on the ids, the plan's seed and the epoch alone."""
    lengths = lengths_of(ids) if plan.bucketed else None
    return shuffled(len(ids), plan.batch_size, plan.seed, epoch, lengths)


def label_loss(targets: Any, logits: Any) -> Any:
    """Cross-entropy of hard labels per text (texts,).

    Args:
        targets: float32 (texts, columns), the label's number in column 0.
        logits: (texts, 1) for two labels, (texts, labels) for more.
    """
    if logits.shape[-1] == 1:
        return tf.squeeze(tf.nn.sigmoid_cross_entropy_with_logits(targets[:, :1], logits), axis=1)
    return tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(targets[:, 0], tf.int32), logits)


def steps_per_epoch(reviews: int, plan: TrainingPlan) -> int:
    """Batches of one pass over `reviews`, the last one perhaps smaller."""
    return math.ceil(reviews / plan.batch_size)


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training between two epochs, in a file.

    Attributes:
        path: of the file.
        key: what the result depends on; a checkpoint of another key is not used.
    """

    path: Path
    key: str

    def save(self, model: Any, optimizer: Any, history: History, best: list[np.ndarray]) -> None:
        """Write the state, atomically; `best` are the weights of the best epoch."""
        arrays = {f"weight_{n}": w for n, w in enumerate(model.get_weights())}
        arrays |= {f"optimizer_{n}": v.numpy() for n, v in enumerate(optimizer.variables)}
        arrays |= {f"best_{n}": w for n, w in enumerate(best)}
        columns = sorted(history.epochs[0])
        table = np.array([[record[c] for c in columns] for record in history.epochs])
        state = np.array([history.best_epoch, history.seconds])
        with files.atomic(self.path) as temporary, open(temporary, "wb") as stream:
            np.savez(stream, key=np.array(self.key), columns=np.array(columns), history=table, state=state, **arrays)

    def restore(self, model: Any, optimizer: Any) -> tuple[History, list[np.ndarray]] | None:
        """Load the state into model and optimizer; gives history and best weights, or None when there is none that fits."""
        try:
            with np.load(self.path, allow_pickle=False) as saved:
                if str(saved["key"]) != self.key:
                    return None
                content = {name: saved[name] for name in saved.files}
        except (OSError, ValueError, KeyError, EOFError):
            return None
        except Exception as error:  # zipfile and zlib raise their own kinds for damaged bytes
            print(f"{self.path} is damaged ({error}); training starts over")
            return None
        model.set_weights([content[f"weight_{n}"] for n in range(len(model.get_weights()))])
        for number, variable in enumerate(optimizer.variables):
            variable.assign(content[f"optimizer_{number}"])
        columns = [str(c) for c in content["columns"]]
        epochs = [{c: int(v) if c == "epoch" else float(v) for c, v in zip(columns, row, strict=True)} for row in content["history"]]
        history = History(epochs, int(content["state"][0]), float(content["state"][1]), len(epochs))
        return history, [content[f"best_{n}"] for n in range(len(model.get_weights()))]

    def remove(self) -> None:
        """Delete the file."""
        self.path.unlink(missing_ok=True)


def train(
    model: Any,
    data: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    plan: TrainingPlan,
    task: Task,
    checkpoint: Path,
    identity: dict[str, Any],
    loss: Any = label_loss,
    callbacks: Sequence[Any] = (),
    fresh: bool = False,
    title: str = "train",
    watch: Callable[[list[dict[str, float]]], object] | None = None,
    team: Team = ALONE,
) -> History:
    """Train a model that gives logits; after each epoch save a checkpoint (the caller deletes it once the model is saved).

    A killed training goes on after its last whole epoch and ends with the same weights as an uninterrupted one.

    Args:
        model: training form (`sentipress.lstm.networks`), or any model whose first outputs are logits (batch, outputs).
        data: ids int32 (texts, length) and targets float32 (texts, columns), the label's number in column 0.
        validation: ids and labels (texts,).
        plan: see `TrainingPlan`.
        task: the labels.
        checkpoint: file for the state between epochs.
        identity: what the result depends on beside plan, data and first weights: settings, hashes of inputs.
        loss: function of targets and logits, per text.
        callbacks: further Keras callbacks.
        fresh: start over even if a checkpoint is there.
        title: of the progress lines.
        watch: called after each epoch, and before going on, with the records of all epochs so far.
        team: the processes that share each batch. All of them call this with the same arguments; the first one writes and prints.

    Raises:
        UserError: the loss is no longer a number.
    """
    ids, targets = data
    with team.scope():
        optimizer = compiled(model, plan, len(ids))
    step, validate = _training_step(model, optimizer, loss, task, team), predictor(model, plan.bucketed)
    state = Checkpoint(checkpoint, key_of(model, data, validation, plan, identity))
    history, best = History([]), model.get_weights()
    if fresh:
        state.remove()
    restored = state.restore(model, optimizer)
    if restored is not None:
        history, best = restored
        if team.first:
            print(f"{title}: goes on after epoch {history.resumed_after}/{plan.epochs} (--fresh starts over)")
        if watch:  # a kill may have struck between the checkpoint and what watches
            watch(history.epochs)
    for epoch in range(history.resumed_after, plan.epochs):
        if history.epochs and len(history.epochs) - history.best_epoch >= plan.patience:
            break
        started = time.perf_counter()
        _reseed(model, plan.seed, epoch, team)
        progress = f"{title} {epoch + 1}/{plan.epochs}"
        training_loss, training_accuracy = _epoch(step, ids, targets, plan, epoch, model, callbacks, progress, team)
        logits = task.shaped(validate(validation[0]))
        record = {
            "epoch": epoch + 1,
            "loss": training_loss,
            "accuracy": training_accuracy,
            "validation_loss": mean_loss(validation[1], logits),
            "validation_accuracy": float(np.mean(task.decide_logits(logits) == validation[1].astype(np.int64))),
            "seconds": time.perf_counter() - started,
        }
        if not math.isfinite(record["loss"]) or not np.isfinite(logits).all():
            raise UserError(f"the loss of epoch {epoch + 1} is not a number", "give a smaller --learning-rate and --fresh")
        best_before = history.epochs[history.best_epoch - 1]["validation_accuracy"] if history.epochs else -1.0
        history.epochs.append(record)
        history.seconds += record["seconds"]
        if not plan.keep_best or record["validation_accuracy"] > best_before:
            history.best_epoch, best = epoch + 1, model.get_weights()
        if not team.first:
            continue
        state.save(model, optimizer, history, best)
        if watch:
            watch(history.epochs)
        print(
            f"{progress}: loss {record['loss']:.4f}, validation loss {record['validation_loss']:.4f}, "
            f"validation accuracy {record['validation_accuracy']:.2%}, {record['seconds']:.0f} s",
            flush=True,
        )
    model.set_weights(best)
    return history


def key_of(
    model: Any, data: tuple[np.ndarray, np.ndarray], validation: tuple[np.ndarray, np.ndarray], plan: TrainingPlan, identity: dict[str, Any]
) -> str:
    """What the result of a training depends on, as the key of its checkpoint; the model has the first weights."""
    start = files.fingerprint(files.array_hashes(model.get_weights()))
    about = {"plan": asdict(plan), "identity": identity, "start": start, "data": files.array_hashes((*data, *validation))}
    return files.fingerprint(about)


def compiled(model: Any, plan: TrainingPlan, texts: int) -> Any:
    """The plan's optimizer, built for the model; `texts` are those of one epoch."""
    rate: Any = plan.learning_rate
    if plan.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, steps_per_epoch(texts, plan) * plan.epochs, alpha=0.05)
    optimizer = keras.optimizers.Adam(rate)
    model.compile(optimizer=optimizer)  # tfmot's callback asks the model for its optimizer
    optimizer.build(model.trainable_variables)
    return optimizer


def _training_step(model: Any, optimizer: Any, loss: Any, task: Task, team: Team) -> Any:
    """One step: ids, targets and the share of the batch that they are, to summed losses and number of right ones over the batch."""

    def own(ids: Any, targets: Any, share: Any) -> Any:
        with tf.GradientTape() as tape:
            logits = model(ids, training=True)
            losses = loss(targets, logits)
            objective = tf.reduce_mean(losses)
            if team.size > 1:  # the optimizer adds up the gradients of all processes
                objective *= share
        optimizer.apply_gradients(zip(tape.gradient(objective, model.trainable_variables), model.trainable_variables, strict=True))
        if task.binary:
            right = tf.equal(logits[:, 0] > 0, targets[:, 0] > 0.5)
        else:
            right = tf.equal(tf.argmax(logits[:, : task.outputs], axis=1), tf.cast(targets[:, 0], tf.int64))
        loss_sum, right_sum = tf.reduce_sum(losses), tf.reduce_sum(tf.cast(right, tf.float32))
        if team.size > 1:  # a process without a row of the batch reads one that counts for nothing
            counts = tf.cast(share > 0, tf.float32)
            loss_sum, right_sum = loss_sum * counts, right_sum * counts
        return loss_sum, right_sum

    signature = [tf.TensorSpec([None, None], tf.int32), tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([], tf.float32)]
    return as_graph(team.together(own), input_signature=signature)


def _epoch(
    step: Any,
    ids: np.ndarray,
    targets: np.ndarray,
    plan: TrainingPlan,
    epoch: int,
    model: Any,
    callbacks: Sequence[Any],
    title: str,
    team: Team,
) -> tuple[float, float]:
    """One pass; gives mean loss and accuracy, with dropout, as the weights went along."""
    watchers = keras.callbacks.CallbackList(list(callbacks), model=model)
    watchers.on_train_begin()
    watchers.on_epoch_begin(epoch)
    loss = right = 0.0
    hidden = None if team.first else True  # None: where nobody looks
    with tqdm(batches(ids, plan, epoch), desc=title, unit=" batches", leave=False, disable=hidden) as bar:
        for number, rows in enumerate(bar):
            watchers.on_train_batch_begin(number)
            own, share = team.part(rows)
            part = ids[own]
            batch_loss, batch_right = step(cut(part) if plan.bucketed else part, targets[own], np.float32(share))
            loss, right = loss + float(batch_loss), right + float(batch_right)
            watchers.on_train_batch_end(number)
            bar.set_postfix_str(f"loss {float(batch_loss) / len(rows):.4f}", refresh=False)
    watchers.on_epoch_end(epoch)
    return loss / len(ids), right / len(ids)


def _reseed(model: Any, seed: int, epoch: int, team: Team) -> None:
    """Set the dropout generators to a state that depends on seed, epoch, layer and process alone."""
    processes = [team.number] if team.size > 1 else []
    for number, layer in enumerate(model._flatten_layers(include_self=False)):
        generator = getattr(getattr(layer, "_random_generator", None), "_generator", None)
        if generator is not None:
            generator.reset_from_seed(int(np.random.SeedSequence([seed, epoch, number, *processes]).generate_state(1)[0]))
