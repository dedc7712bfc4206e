"""Fine-tuning that can be killed at any step and gone on with, and ends with the weights that were best on validation."""

from __future__ import annotations

import math
import os
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from sentipress.core import files
from sentipress.core.errors import UserError
from sentipress.core.history import History
from sentipress.data.task import Task, mean_loss
from sentipress.text.batching import shuffled
from sentipress.transformer.attention import Encoder
from sentipress.transformer.inference import logits_of

CHECKPOINT_SECONDS = 120.0  # a checkpoint of 22 million weights has 270 MB and takes about a second
IDS_AT_ONCE = 2048  # padded ids that are computed at once; a larger batch is read in parts, whose gradients are summed
MIXED = "mixed"  # precision: every product in bfloat16
LARGEST_GRADIENT = 1.0  # its norm is clipped here, as in BERT
Loss = Callable[[nn.Module, torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


@dataclass(frozen=True)
class FineTuning:
    """How to fine-tune: AdamW (Loshchilov & Hutter 2019) with a warm-up, then a straight line down to 0, as in BERT.

    Attributes:
        epochs: passes over the texts.
        batch_size: texts per step.
        learning_rate: highest step size.
        warm_up: share of all steps in which it rises.
        weight_decay: of matrices; biases and norms have none.
        keep_best: end with the weights of the best validation accuracy, else with the last ones.
        seed: of the order of texts and of dropout.
        precision: that products of matrices in a step may have: "float32", "bfloat16", "mixed", or "auto" (see `precision_of`).
            Weights, sums and all else stay float32. "mixed" rounds what goes into each product to bfloat16 (Micikevicius et al.,
            "Mixed Precision Training", 2018, section 3), whatever PyTorch's library would do.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    warm_up: float
    weight_decay: float
    keep_best: bool
    seed: int
    precision: str = "auto"

    @classmethod
    def of(cls, settings: SimpleNamespace, **changes: Any) -> FineTuning:
        """The plan in a stage's settings; `changes` for what the stage has no setting for."""
        values = {field.name: getattr(settings, field.name) for field in fields(cls) if hasattr(settings, field.name)}
        return cls(**{**values, **changes})


def device_of(choice: str) -> torch.device:
    """The device of a setting: "cpu", "cuda", or for "auto" a GPU where there is one.

    Raises:
        UserError: a GPU is asked for and there is none.
    """
    if choice == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: there is no GPU that PyTorch can use", "give --device auto or cpu")
    return torch.device("cuda" if choice == "cuda" or (choice == "auto" and torch.cuda.is_available()) else "cpu")


def precision_of(choice: str, device: torch.device) -> str:
    """The precision that a step's products may have: "auto" is bfloat16 where the device has such instructions, else float32.

    It is what PyTorch is allowed, not what it must do: on an AMD EPYC with these instructions its library (oneDNN) still multiplies
    in float32, in half the time of the one that it takes by default (MKL).

    Raises:
        UserError: bfloat16 or mixed is asked for and the device has no such instructions.
    """
    if device.type == "cuda":
        there = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        found = torch.cpu.get_capabilities()
        there = bool(found.get("avx512_bf16") or found.get("amx_bf16"))
    if choice in ("bfloat16", MIXED) and not there:
        raise UserError(f"--precision {choice}: the device has no instructions for it", "give --precision auto or float32")
    if choice == MIXED:
        return MIXED
    return "bfloat16" if there and choice != "float32" else "float32"


@contextmanager
def products_in(precision: str) -> Iterator[None]:
    """Allow this precision in products of float32 matrices; sums of them stay float32."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest" if precision == "float32" else "medium")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


def rounded_products(device: torch.device, precision: str) -> torch.autocast:
    """Where what goes into each product is rounded to bfloat16, if the precision is "mixed"; see `FineTuning`.

    Weights change between steps: their rounded copies are not kept.
    """
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == MIXED, cache_enabled=False)


def deterministic(seed: int) -> None:
    """Seed PyTorch and ask for deterministic kernels: the same seed on the same machine gives the same files."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what deterministic products on a GPU need
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)


def label_loss(model: nn.Module, ids: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean cross-entropy with the labels in column 0 of the targets, and the logits float32 (texts, outputs)."""
    logits = model(ids).float()
    return cross_entropy(logits, targets).mean(), logits


def cross_entropy(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of hard labels for each text, float32 (texts,).

    Args:
        logits: (texts, 1) for two labels, (texts, labels) for more.
        targets: float32 (texts, columns), the label's number in column 0.
    """
    if logits.shape[1] == 1:
        return functional.binary_cross_entropy_with_logits(logits[:, 0], targets[:, 0], reduction="none")
    return functional.cross_entropy(logits, targets[:, 0].long(), reduction="none")


@dataclass
class _State:
    """Where a training stands: what a checkpoint holds besides tensors."""

    step: int  # steps done, over all epochs
    loss: float  # summed over the texts of this epoch
    right: int
    tokens: int
    seconds: float  # of this epoch
    epochs: list[dict[str, float]]
    best_epoch: int
    total_seconds: float


class Training:
    """A training of an encoder. Build it, then call `run`.

    A killed one goes on inside its epoch, from the last checkpoint, and ends with the same weights as one that nothing
    stopped: the order of texts depends on seed and epoch alone, dropout on seed and step alone.
    """

    def __init__(
        self,
        model: nn.Module,
        data: tuple[np.ndarray, np.ndarray],
        validation: tuple[np.ndarray, np.ndarray],
        plan: FineTuning,
        task: Task,
        checkpoint: Path,
        identity: Mapping[str, Any],
        loss: Loss = label_loss,
        masks: Mapping[str, torch.Tensor] | None = None,
        title: str = "train",
    ) -> None:
        """Look for a checkpoint of the same training.

        Args:
            model: an `Encoder`, or a module around one that the loss knows; where it lies, it is trained. `encoder` of it, or
                the model itself, is what validation scores.
            data: ids int32 (texts, length), padded on the right, and targets float32 (texts, columns), label first.
            validation: ids and numbers of labels (texts,).
            plan: how.
            task: the labels.
            checkpoint: file for the state; deleted by the caller once the model is saved.
            identity: what the result depends on besides plan, data and first weights.
            loss: of model, ids and targets: mean over the batch, and logits.
            masks: parameters by name to bool tensors: what is False stays 0.
            title: of the progress lines.
        """
        self.model, self._plan, self._task, self._loss, self._title = model, plan, task, loss, title
        self._data, self._validation, self._masks, self._path = data, validation, dict(masks or {}), checkpoint
        inner = getattr(model, "encoder", model)
        assert isinstance(inner, Encoder)
        self.encoder = inner
        self._device = next(model.parameters()).device
        self._lengths = np.maximum(1, (data[0] != self.encoder.spec.padding_id).sum(axis=1))
        matrices = [value for value in model.parameters() if value.requires_grad and value.ndim > 1]
        others = [value for value in model.parameters() if value.requires_grad and value.ndim < 2]
        groups = [{"params": matrices, "weight_decay": plan.weight_decay}, {"params": others, "weight_decay": 0.0}]
        self._optimizer = torch.optim.AdamW(groups, lr=plan.learning_rate, fused=True)  # one pass over the weights
        self._state = _State(0, 0.0, 0, 0, 0.0, [], 0, 0.0)
        start = files.fingerprint(files.array_hashes([value.detach().cpu().numpy() for value in model.state_dict().values()]))
        arrays = files.array_hashes((*data, *validation))
        held = {name: files.array_hashes([mask.cpu().numpy()]) for name, mask in self._masks.items()}
        about = {"plan": asdict(plan), "identity": dict(identity), "start": start, "data": arrays, "masks": held}
        self._precision = precision_of(plan.precision, self._device)
        about |= {"device": self._device.type, "precision": self._precision}
        self._key = files.fingerprint(about)
        self._best: dict[str, torch.Tensor] = {}
        self._steps = math.ceil(len(data[0]) / plan.batch_size)

    def run(self, fresh: bool = False) -> History:
        """Train; gives what happened. The model ends with the best weights, or the last ones, as the plan says.

        Args:
            fresh: start over even if a checkpoint is there.

        Raises:
            UserError: the loss is no longer a number.
        """
        plan, state = self._plan, self._state
        if fresh:
            self._path.unlink(missing_ok=True)
        resumed = self._restore()
        if resumed:
            state = self._state
            done = f"goes on in epoch {state.step // self._steps + 1}, batch {state.step % self._steps} of {self._steps}"
            if state.step == plan.epochs * self._steps:
                done = f"all {plan.epochs} epochs were done before"
            print(f"{self._title}: {done} (--fresh starts over)")
        finished = len(state.epochs)
        self._apply_masks()
        while state.step < plan.epochs * self._steps:
            self._epoch()
        if self._best:
            self.model.load_state_dict(self._best)
        self.model.eval()
        return History(state.epochs, state.best_epoch, state.total_seconds, finished)

    def _rate(self, step: int) -> float:
        total = self._plan.epochs * self._steps
        rising = max(1, round(self._plan.warm_up * total))
        return self._plan.learning_rate * min((step + 1) / rising, (total - step) / max(1, total - rising + 1))

    def _epoch(self) -> None:
        """Finish the epoch that the state stands in, validate, write a checkpoint."""
        plan, state = self._plan, self._state
        epoch, ids, targets = state.step // self._steps, *self._data
        batches = shuffled(len(ids), plan.batch_size, plan.seed, epoch, self._lengths)
        self.model.train()
        saved = started = time.perf_counter()
        before = state.seconds
        title = f"{self._title} {epoch + 1}/{plan.epochs}"
        whole = int(self._lengths.sum())
        shown = tqdm(total=whole, initial=state.tokens, desc=title, unit=" tokens", unit_scale=True, leave=False, disable=None)
        with shown as bar, products_in(self._precision):
            for rows in batches[state.step % self._steps :]:
                part = np.ascontiguousarray(ids[rows, : int(self._lengths[rows].max())])
                loss, right = self._step(torch.from_numpy(part).to(self._device), torch.from_numpy(targets[rows]).to(self._device))
                tokens = int(self._lengths[rows].sum())
                state.step, state.tokens = state.step + 1, state.tokens + tokens
                state.loss, state.right = state.loss + loss * len(rows), state.right + right
                bar.update(tokens)
                bar.set_postfix_str(f"loss {loss:.4f}", refresh=False)
                self._check(loss, epoch)
                now = time.perf_counter()
                state.seconds = before + now - started
                if now - saved >= CHECKPOINT_SECONDS and state.step % self._steps:
                    self._save()
                    saved = time.perf_counter()
        self.model.eval()
        logits = self._task.shaped(logits_of(self.encoder, self._validation[0]))
        seconds = before + time.perf_counter() - started
        record = {
            "epoch": epoch + 1,
            "loss": state.loss / len(ids),
            "accuracy": state.right / len(ids),
            "validation_loss": mean_loss(self._validation[1], logits),
            "validation_accuracy": float(np.mean(self._task.decide_logits(logits) == self._validation[1].astype(np.int64))),
            "seconds": seconds,
            "tokens_per_second": whole / max(state.seconds, 1e-9),
        }
        self._check(record["validation_loss"], epoch)  # the last step may have broken what its own loss did not show
        best = state.epochs[state.best_epoch - 1]["validation_accuracy"] if state.best_epoch else -1.0
        state.epochs.append(record)
        state.total_seconds += seconds
        if not plan.keep_best or record["validation_accuracy"] > best:
            state.best_epoch = epoch + 1
            self._best = {name: value.detach().clone() for name, value in self.model.state_dict().items()} if plan.keep_best else {}
        state.loss, state.right, state.tokens, state.seconds = 0.0, 0, 0, 0.0
        self._save()
        print(
            f"{title}: loss {record['loss']:.4f}, validation loss {record['validation_loss']:.4f}, validation accuracy "
            f"{record['validation_accuracy']:.2%}, {seconds:.0f} s, {record['tokens_per_second']:,.0f} tokens a second",
            flush=True,
        )

    def _check(self, loss: float, epoch: int) -> None:
        if not math.isfinite(loss):
            raise UserError(f"the loss of epoch {epoch + 1} is not a number", "give a smaller --learning-rate and --fresh")

    def _step(self, ids: torch.Tensor, targets: torch.Tensor) -> tuple[float, int]:
        """One step; gives the mean loss and how many texts were labelled rightly before it."""
        step, texts = self._state.step, len(ids)
        torch.manual_seed(int(np.random.SeedSequence([self._plan.seed, step]).generate_state(1)[0]))
        self._optimizer.zero_grad()
        loss, right = 0.0, 0
        at_once = max(1, IDS_AT_ONCE // ids.shape[1])
        for start in range(0, texts, at_once):  # activations of the whole batch may not fit
            part, wanted = ids[start : start + at_once], targets[start : start + at_once]
            with rounded_products(part.device, self._precision):
                mean, logits = self._loss(self.model, part, wanted)
            mean = mean * (len(part) / texts)
            mean.backward()  # type: ignore[no-untyped-call]
            decided = logits[:, 0] > 0 if self._task.binary else logits.argmax(dim=1)
            loss, right = loss + float(mean.detach()), right + int((decided.long() == wanted[:, 0].long()).sum())
        nn.utils.clip_grad_norm_(self.model.parameters(), LARGEST_GRADIENT)
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate(step)
        self._optimizer.step()
        self._apply_masks()
        return loss, right

    def _apply_masks(self) -> None:
        with torch.no_grad():
            for name, value in self.model.named_parameters():
                if name in self._masks:
                    value.masked_fill_(~self._masks[name].to(value.device), 0.0)  # a product would give -0, which compresses worse

    def _save(self) -> None:
        content = {
            "key": self._key,
            "state": asdict(self._state),
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "best": self._best,
        }
        with files.atomic(self._path) as temporary:
            torch.save(content, temporary)

    def _restore(self) -> bool:
        """Go on from the checkpoint; False when there is none that fits."""
        if not self._path.is_file():
            return False
        try:
            with zipfile.ZipFile(self._path) as archive:  # PyTorch itself does not look at the checksums that it writes
                broken = archive.testzip()
            if broken:
                raise ValueError(f"the checksum of {broken} is another one")
            content = torch.load(self._path, map_location=self._device, weights_only=True)  # nothing in the file is run
            if content["key"] != self._key:
                print(f"{self._path} is of another training; this one starts from the beginning")
                return False
            model, optimizer = content["model"], content["optimizer"]
            state, best = _State(**content["state"]), dict(content["best"])
            self.model.load_state_dict(model)
            self._optimizer.load_state_dict(optimizer)
            self._state, self._best = state, best
        except Exception as error:  # the library raises many kinds for damaged bytes
            print(f"{self._path} is damaged ({str(error).splitlines()[0][:100]}); training starts over")
            return False
        return True
