"""Making an encoder smaller without training: weights to zero, or fewer words, layers, heads, columns, or a narrower stream.

Masks leave the shape as it is. Everything else gives a new network whose arrays are really smaller and share no memory with
those of the old one; dropout, mode, device and number format are the old one's. No random number is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from sentipress.core.errors import UserError
from sentipress.text.pieces import PieceTokenizer
from sentipress.transformer.attention import Encoder
from sentipress.transformer.shapes import EncoderSpec

HOW = ("first", "last", "alternate")
COLUMN_BLOCK = 32  # columns stay a multiple of it: kernels work in blocks, and a scale of 4-bit weights is for 32 of them
TEXTS_AT_ONCE = 1024  # whose ids are held in memory while pieces are counted

Importance = tuple[np.ndarray, np.ndarray]  # of a layer's heads, float32 (heads,), and of its columns, float32 (columns,)


# Weights


def smallest_weights(model: Encoder, share: float) -> dict[str, torch.Tensor]:
    """Masks that put the weights next to zero to zero: Han et al., "Learning both Weights and Connections" (2015), section 3.

    Layer by layer, for each `nn.Linear`, the head's too, as `torch.nn.utils.prune.l1_unstructured` does. Biases, embeddings
    and normalizations stay whole.

    Args:
        model: the encoder; it is not changed.
        share: of the weights of each matrix that go, 0 to 1.

    Returns:
        Name of the parameter to its mask, bool of its shape, True where the weight stays; exactly round(share * size) are False.

    Raises:
        UserError: the share is not between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise UserError(f"a share of {share} of the weights cannot be put to zero", "give a share from 0 to 1")
    masks = {}
    for name, part in model.named_modules():
        if isinstance(part, nn.Linear):
            sizes = part.weight.detach().abs().flatten()
            mask = torch.ones_like(sizes, dtype=torch.bool)
            mask[torch.topk(sizes, round(share * len(sizes)), largest=False).indices] = False
            masks[f"{name}.weight"] = mask.view_as(part.weight)
    return masks


def apply_masks(model: Encoder, masks: Mapping[str, torch.Tensor]) -> None:
    """Multiply weights by their masks, in place. After each step of a training, zeros stay zeros."""
    with torch.no_grad():
        for name, mask in masks.items():
            parameter = model.get_parameter(name)
            # A product makes -0 of a negative weight, whose bytes are others: a compressed file would grow.
            parameter.masked_fill_(~mask.to(parameter.device), 0.0)


# Words


def frequent_ids(tokenizer: PieceTokenizer, texts: Sequence[str], size: int) -> list[int]:
    """Ids of the pieces that the texts use most, for `sentipress.text.pieces.cut_vocabulary` and `with_words`.

    First come the special and the unknown piece, then the single letters that spell each used piece, or the piece itself where
    the vocabulary lacks one of them: what loses its piece is spelled, and is not unknown. The most frequent other pieces fill the
    vocabulary; of equally frequent ones the lower id comes first. A piece that the texts do not use is not taken, so there may be
    fewer than `size`.

    With the cut vocabulary a text of kept pieces becomes the same ids, unless its last word is cut off at the length: then the
    pieces past the end have their say as well.

    Args:
        tokenizer: with the whole vocabulary. A text counts up to its length, as far as the encoder reads.
        texts: cleaned texts of the training split.
        size: ids of the new vocabulary.

    Returns:
        Old ids, ascending: the new id is the place in the list.

    Raises:
        UserError: the special pieces and the letters alone are more than `size`.
    """
    counts = np.zeros(tokenizer.vocabulary_size, np.int64)
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        counts += np.bincount(tokenizer.encode(texts[start : start + TEXTS_AT_ONCE]).ravel(), minlength=len(counts))
    # Added pieces that are not special are matched before the others, and stand in the file by id.
    kept = tokenizer.special_ids | {int(token["id"]) for token in tokenizer.library["added_tokens"]}
    if tokenizer.unknown_id is not None:
        kept.add(tokenizer.unknown_id)
    vocabulary = tokenizer.vocabulary
    mark = tokenizer.library["model"].get("continuing_subword_prefix") or ""
    for piece, number in vocabulary.items():
        if counts[number] and number not in kept:
            spelled = {vocabulary.get(letter, number) for letter in _letters(piece, mark)}
            kept |= {number} if number in spelled else spelled
    if len(kept) > size:
        raise UserError(f"{size:,} pieces are too few: special pieces and single letters are {len(kept):,}", "give a larger vocabulary")
    others = [int(number) for number in np.argsort(-counts, kind="stable") if counts[number] and int(number) not in kept]
    return sorted([*kept, *others[: size - len(kept)]])


def _letters(piece: str, mark: str) -> list[str]:
    """Pieces of a letter that spell a piece; all but the first of a word begin with WordPiece's mark (empty elsewhere)."""
    inside = bool(mark) and piece.startswith(mark) and piece != mark
    letters = piece[len(mark) :] if inside else piece
    return [letter if place == 0 and not inside else mark + letter for place, letter in enumerate(letters)]


def with_words(model: Encoder, kept_ids: Sequence[int]) -> Encoder:
    """The encoder with these rows of its word embedding; texts of kept pieces give exactly the same.

    Args:
        model: the encoder.
        kept_ids: old ids in the order of the new ones, padding among them.

    Raises:
        UserError: padding is not kept, or an id does not exist or stands twice.
    """
    kept = _checked(kept_ids, model.spec.vocabulary_size, "piece")
    if model.spec.padding_id not in kept:
        raise UserError(f"a vocabulary without padding (id {model.spec.padding_id}) cannot be used", "keep its id")
    state = {**_state(model), "words.weight": _take(model.words.weight, 0, kept)}
    return _built(model, replace(model.spec, vocabulary_size=len(kept), padding_id=kept.index(model.spec.padding_id)), state)


# Layers


def which_layers(total: int, kept: int, how: str) -> list[int]:
    """Numbers of the layers to keep, ascending.

    Args:
        total: layers that there are.
        kept: layers that stay.
        how: "first", "last", or "alternate": from the first to the last one at even distances, halves rounded up. Of 12 layers
            these are 0, 2, 4, 7, 9, 11 for 6 of them, the ones that DistilBERT starts from (Sanh et al. 2019, section 3, "one
            layer out of two"; the numbers stand in its published code). A single layer is the last one, which is next to the head.

    Raises:
        UserError: not between 1 and all layers stay, or another `how`.
    """
    if how not in HOW:
        raise UserError(f"layers cannot be chosen by {how!r}", f"give one of {', '.join(HOW)}")
    if not 1 <= kept <= total:
        raise UserError(f"{kept} of {total} layers cannot be kept", f"give a number from 1 to {total}")
    if how == "first":
        return list(range(kept))
    if how == "last" or kept == 1:
        return list(range(total - kept, total))
    return [(2 * number * (total - 1) + kept - 1) // (2 * (kept - 1)) for number in range(kept)]


def with_layers(model: Encoder, numbers: Sequence[int]) -> Encoder:
    """The encoder with the layers of these numbers, in this order.

    Raises:
        UserError: no number, or one that does not exist or stands twice.
    """
    numbers = _checked(numbers, model.spec.layers, "layer")
    state = {name: value for name, value in _state(model).items() if not name.startswith("layers.")}
    for new, old in enumerate(numbers):
        state |= {f"layers.{new}.{name}": value for name, value in model.layers[old].state_dict().items()}
    heads, columns = (tuple(sizes[number] for number in numbers) for sizes in (model.spec.heads, model.spec.columns))
    return _built(model, replace(model.spec, heads=heads, columns=columns), state)


# Heads and columns


def importance(
    model: Encoder,
    batches: Iterable[tuple[torch.Tensor, torch.Tensor]],
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
) -> list[Importance]:
    """How much the loss changes if a head or a column is removed, to first order.

    Each head's output and each feed-forward column is thought to be multiplied by a gate of 1, one for each text. The score is
    the mean over texts of the absolute derivative of the loss by the gate, which is |sum of activation times gradient| over the
    ids of the text: for heads Michel et al., "Are Sixteen Heads Really Better than One?" (2019), section 3.1, for columns
    Molchanov et al., "Pruning Convolutional Neural Networks for Resource Efficient Inference" (2017), section 2.2. As in both,
    the scores of a layer are divided by their L2 norm. Padding has no part in it.

    Args:
        model: the encoder. It computes without dropout here, and is left as it was.
        batches: ids int32 (texts, ids), and whatever the loss takes as targets, a tensor.
        loss: of logits float32 (texts, outputs) and targets: the mean over the texts of a batch, a scalar.

    Returns:
        Scores of heads (heads,) and of columns (columns,) of each layer, float32.

    Raises:
        UserError: no batch, or a derivative that is no number.
    """
    parts = [part for layer in _layers(model) for part in ((layer.mix, layer.heads), (layer.narrow, layer.narrow.in_features))]
    sums, gates, texts = [np.zeros(count) for _, count in parts], [torch.empty(0)] * len(parts), 0

    def gate(number: int, count: int) -> Callable[[nn.Module, tuple[torch.Tensor]], tuple[torch.Tensor]]:
        def multiply(_part: nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
            (values,) = inputs
            gates[number] = values.new_ones(len(values), count).requires_grad_()
            return (values * gates[number].repeat_interleave(values.shape[2] // count, dim=1)[:, None],)

        return multiply

    modes = {part: part.training for part in model.modules()}
    hooks = [part.register_forward_pre_hook(gate(number, count)) for number, (part, count) in enumerate(parts)]
    try:
        model.eval()
        device = model.words.weight.device
        for ids, targets in batches:
            with torch.enable_grad():
                gradients = torch.autograd.grad(loss(model(ids.to(device)), targets.to(device)), gates)
            for number, gradient in enumerate(gradients):
                # The loss is a mean, so a text's own derivative is as many times larger as there are texts.
                sums[number] += gradient.abs().sum(dim=0).cpu().numpy() * len(ids)
            texts += len(ids)
    finally:
        for hook in hooks:
            hook.remove()
        for part, training in modes.items():
            part.training = training
    if not texts or not all(np.isfinite(scores).all() for scores in sums):
        raise UserError("the importance of heads and columns cannot be computed", "give texts, and a model whose loss is a number")
    scores = [(each / max(float(np.linalg.norm(each)), np.finfo(np.float64).tiny)).astype(np.float32) for each in sums]
    return list(zip(scores[::2], scores[1::2], strict=True))


def most_important(importances: Sequence[Importance], share: float) -> tuple[list[list[int]], list[list[int]]]:
    """Numbers of the heads and of the columns of each layer that stay, ascending, for `with_parts`.

    Each layer keeps the same share. Scores are divided by the norm of their layer, so they rank within a layer and say little
    between two; a common threshold could empty a layer, and layers of one shape cost the same time.

    Args:
        importances: of `importance`.
        share: that stays, above 0 and up to 1: of heads, rounded, but one at least; of columns, rounded up to a multiple of 32.

    Raises:
        UserError: the share is out of range.
    """
    if not 0 < share <= 1:
        raise UserError(f"a share of {share} of the heads and columns cannot be kept", "give a share above 0 and up to 1")
    heads = [_largest(scores, max(1, round(share * len(scores)))) for scores, _ in importances]
    blocks = [-(-max(1, round(share * len(scores))) // COLUMN_BLOCK) for _, scores in importances]
    columns = [_largest(scores, min(len(scores), count * COLUMN_BLOCK)) for (_, scores), count in zip(importances, blocks, strict=True)]
    return heads, columns


def with_parts(model: Encoder, heads: Sequence[Sequence[int]], columns: Sequence[Sequence[int]]) -> Encoder:
    """The encoder with these heads and feed-forward columns of each layer, in this order, the others gone from every array.

    Args:
        model: the encoder.
        heads: numbers of each layer's heads.
        columns: numbers of each layer's feed-forward columns.

    Raises:
        UserError: lists for another number of layers, an empty one, or a number that does not exist or stands twice.
    """
    spec = model.spec
    if not len(heads) == len(columns) == spec.layers:
        raise UserError(f"heads of {len(heads)} and columns of {len(columns)} layers are no choice", f"name those of {spec.layers} layers")
    state = _state(model)
    for layer in range(spec.layers):
        chosen = _checked(heads[layer], spec.heads[layer], "head")
        inner = [head * spec.head_width + column for head in chosen for column in range(spec.head_width)]
        kept = _checked(columns[layer], spec.columns[layer], "column")
        for rows, writers, reader in ((inner, ("query", "key", "value"), "mix"), (kept, ("wide",), "narrow")):
            for name in (f"layers.{layer}.{writer}.{kind}" for writer in writers for kind in ("weight", "bias")):
                state[name] = _take(state[name], 0, rows)
            name = f"layers.{layer}.{reader}.weight"
            state[name] = _take(state[name], 1, rows)
    counts = [tuple(len(each) for each in chosen) for chosen in (heads, columns)]
    return _built(model, replace(spec, heads=counts[0], columns=counts[1]), state)


# The stream between layers


def stream_worth(model: Encoder) -> np.ndarray:
    """How much is read of each column of what passes between layers: float64 (width,), in sum 1.

    A column's share in what a normalization's readers take in: the squared weights that read it, times its squared scale plus
    its squared shift, which is the mean square of a column that was normalized to mean 0 and deviation 1. Each normalization
    counts the same, however large the matrices behind it are.
    """
    attention = [[layer.query, layer.key, layer.value] for layer in _layers(model)]
    read: list[tuple[Any, list[Any]]] = [(model.norm, attention[0])]
    for layer, following in zip(_layers(model), [*attention[1:], [model.head]], strict=True):
        read += [(layer.mix_norm, [layer.wide]), (layer.norm, following)]
    worth = np.zeros(model.spec.width)
    with torch.no_grad():
        for norm, readers in read:
            weights = sum(reader.weight.double().square().sum(dim=0) for reader in readers)
            found = ((norm.weight.double().square() + norm.bias.double().square()) * weights).cpu().numpy()
            worth += found / max(float(found.sum()), np.finfo(np.float64).tiny)
    return worth / len(read)


def narrower(model: Encoder, width: int) -> Encoder:
    """An encoder with `width` columns between layers, those of the most `stream_worth`; heads and columns inside layers stay.

    This is a start for a student that is trained, and not the same function: what the columns left behind added to each product
    is missing, and a normalization takes its mean and deviation from fewer columns. So the scale of values is not kept either.

    Raises:
        UserError: a width below 1 or above the encoder's own.
    """
    if not 1 <= width <= model.spec.width:
        raise UserError(f"{width} of {model.spec.width} columns between layers cannot be kept", f"give 1 to {model.spec.width}")
    kept = _largest(stream_worth(model), width)
    state = {}
    for name, value in _state(model).items():
        part, kind = name.split(".")[-2:]
        if part in ("mix", "narrow") or "norm" in part:  # they write the stream; of the others the columns of a matrix read it
            state[name] = _take(value, 0, kept)
        else:
            state[name] = value if kind == "bias" else _take(value, 1, kept)
    return _built(model, replace(model.spec, width=width), state)


# Common to all


def _largest(scores: np.ndarray, count: int) -> list[int]:
    """Numbers of the largest scores, ascending; of equal ones the first."""
    return sorted(map(int, np.argsort(-scores, kind="stable")[:count]))


def _checked(numbers: Sequence[int], total: int, what: str) -> list[int]:
    found = [int(number) for number in numbers]
    if not found or len(set(found)) < len(found) or not 0 <= min(found) <= max(found) < total:
        shown = ", ".join(map(str, found[:8])) + (", ..." if len(found) > 8 else "")
        raise UserError(f"of {total:,} ({what} 0 to {total - 1:,}) these cannot be kept: {shown or 'none'}", "name each that stays once")
    return found


def _take(values: torch.Tensor, dimension: int, numbers: Sequence[int]) -> torch.Tensor:
    return values.detach().index_select(dimension, torch.tensor(numbers, device=values.device))


def _layers(model: Encoder) -> list[Any]:
    return list(model.layers)  # of `Layer`; PyTorch's own types know them as modules of any kind


def _state(model: Encoder) -> dict[str, torch.Tensor]:
    return dict(model.state_dict())


def _built(model: Encoder, spec: EncoderSpec, state: Mapping[str, torch.Tensor]) -> Encoder:
    """A network of this shape with copies of these weights, in the mode of the old one."""
    with torch.device("meta"):  # no weights of its own, whose draws would move PyTorch's seed
        small = Encoder(spec, model.dropout.p)
    small.load_state_dict({name: value.detach().clone() for name, value in state.items()}, assign=True)
    return small.train(model.training)
