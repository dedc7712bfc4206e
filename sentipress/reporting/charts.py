"""The report's pictures, each in a wide and a narrow form: a phone gets its own, not a shrunken one."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib import ticker

from sentipress.evaluation.plots import MARKERS, MOST_ANNOTATED, PALETTE, plain_text, shortened
from sentipress.reporting import naming
from sentipress.reporting.clouds import accuracy_against_latency, accuracy_against_size, titles
from sentipress.reporting.evidence import BASE, Evidence, ScoredRow
from sentipress.reporting.findings import looked_into
from sentipress.reporting.live import Drawn, titled
from sentipress.reporting.questions import STUDENT

Draw = Callable[[Any, Evidence, bool], bool]  # a picture on a figure, wide or narrow: False when there is nothing to draw
SIZES = {"wide": (9.2, 5.0), "narrow": (4.4, 6.2)}  # inches
MOST_COLOURED = 6  # lines of a picture; the others are grey
GREY = "0.8"
EMBEDDING, KERNELS, OUTPUT = LAYERS = ("embedding", "LSTM kernels", "output kernel")
INNER = "inner layers"  # what the kernels are called where most rows are encoders
LINES = ("-", "--", "-.", ":")
LINE_INCHES = 0.3  # of a row of the heat map of layers
CELL_INCHES = {True: 0.4, False: 0.14}  # of a confusion matrix, with and without a note in each cell
_STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "sans-serif"],
    "font.size": 10,
    "axes.titlesize": 11,
}


def svg(draw: Draw, evidence: Evidence, form: str) -> str | None:
    """Draw on a new figure and give the SVG; None when there is nothing to draw.

    Args:
        draw: one of this module's functions of a figure, the evidence and whether the figure is narrow.
        evidence: of `sentipress.reporting.evidence.collect`.
        form: "wide" or "narrow".
    """
    with plain_text(), plt.rc_context({**_STYLE, "svg.hashsalt": f"{draw.__name__} {form}"}):
        figure = plt.figure(figsize=SIZES[form], layout="constrained")
        try:
            if not draw(figure, evidence, form == "narrow"):
                return None
            stream = io.StringIO()
            figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
            return titled(stream.getvalue(), titles(evidence))
        finally:
            plt.close(figure)


def _plain_axes(axes: Any, grid: str = "both") -> None:
    axes.grid(alpha=0.3, axis=grid)
    axes.spines[["top", "right"]].set_visible(False)


def _legend(figure: Any, narrow: bool, **options: Any) -> None:
    """A legend of a line per coloured row: below the axes of a narrow figure, beside those of a wide one."""
    where = "outside lower center" if narrow else "outside right center"
    figure.legend(**{"frameon": False, "fontsize": 8, "loc": where, "ncols": 1, **options})


def coloured(rows: Sequence[ScoredRow]) -> list[ScoredRow]:
    """Choose the rows that a picture of lines shows in colour, in the order of the table, not more than six.

    First the base and the student, then the best of each family by validation, then the smallest of each, then the others.
    """
    first = [row for row in rows if row.name in (BASE, STUDENT)]
    members = [[row for row in rows if naming.family(row.record) == name] for name in naming.FAMILIES]
    best = [max(one, key=lambda row: row.validation) for one in members if one]
    smallest = [min(one, key=lambda row: row.deployed_bytes) for one in members if one]
    chosen = {row.name: row for row in (*first, *best, *smallest, *rows)}
    kept = set(list(chosen)[:MOST_COLOURED])
    return [row for row in rows if row.name in kept]


def _looks(rows: Sequence[ScoredRow]) -> list[tuple[ScoredRow, dict[str, Any]]]:
    """Each row with the look of its line, grey ones first so that they lie below; one of them stands in the legend."""
    strong = coloured(rows)
    grey = [row for row in rows if row not in strong]
    looks: list[tuple[ScoredRow, dict[str, Any]]] = []
    for number, row in enumerate(grey):
        others = f"{len(grey)} other row" + "s" * (len(grey) > 1)
        looks.append((row, {"color": GREY, "linewidth": 0.8, "zorder": 1, "label": others if number == 0 else None}))
    for number, row in enumerate(strong):
        look = {"color": PALETTE[number], "marker": MARKERS[number], "linestyle": LINES[number % len(LINES)]}
        looks.append((row, {**look, "markersize": 4, "linewidth": 1.2, "zorder": 2, "label": naming.short_name(row.record)}))
    return looks


def layer_of(array: Mapping[str, Any], outputs: int = 1) -> str | None:
    """Say which of `LAYERS` a stored array belongs to; None for biases and the like.

    Keras names its arrays by layer. The converter to LiteRT names some by what made them and some not at all: there the
    shape tells, features x outputs or the reverse.

    Args:
        array: `name` and `shape`.
        outputs: of the last layer: 1 for two labels, else one for each.
    """
    name, shape = array["name"], array["shape"]
    if "embedding" in name or "Gather" in name:
        return EMBEDDING
    if len(shape) != 2:
        return None
    if name.startswith(("output", "MatMul")):
        return OUTPUT
    return KERNELS if "lstm" in name or name.startswith("while/") or outputs not in shape else OUTPUT


def layer_of_encoder(array: Mapping[str, Any], vocabulary: int) -> str | None:
    """The same for an encoder's array, whose name tells, but for the embedding in a `.tflite` file: there the rows do.

    Args:
        array: `name` and `shape`.
        vocabulary: pieces that the encoder knows.
    """
    name, shape = array["name"], array["shape"]
    if len(shape) != 2:
        return None
    if "head" in name:
        return OUTPUT
    return EMBEDDING if name.startswith(("words", "positions")) or shape[0] == vocabulary else KERNELS


def layers_heat_map(figure: Any, evidence: Evidence, narrow: bool) -> bool:
    """Share of zeros (colour) and bits of a weight (number) per layer and model."""
    layers_by_row = [(row, _arrays_by_layer(row, evidence.task.outputs)) for row in evidence.scored if row.role != "classical"]
    networks = [(row, arrays) for row, arrays in layers_by_row if any(arrays.values())]
    if not networks:
        return False
    shares, notes = np.full((len(networks), len(LAYERS)), np.nan), [[""] * len(LAYERS) for _ in networks]
    for line, (_, by_layer) in enumerate(networks):
        for column, layer in enumerate(LAYERS):
            total = sum(array["total"] for array in by_layer[layer])
            if total:
                shares[line, column] = sum(array["zeros"] for array in by_layer[layer]) / total
                bits = {_bits(array) for array in by_layer[layer]}
                notes[line][column] = f"{'/'.join(map(str, sorted(bits)))} bit, {shares[line, column]:.0%}"
    figure.set_size_inches(SIZES["narrow" if narrow else "wide"][0], (2.2 if narrow else 1.2) + LINE_INCHES * len(networks))
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    _annotate(axes, shares, notes, 6.5 if narrow else 8)
    layers = [INNER if layer == KERNELS and evidence.of_encoders else layer for layer in LAYERS]
    axes.set_xticks(range(len(LAYERS)), [layer.replace(" ", "\n") for layer in layers] if narrow else layers, fontsize=7 if narrow else 9)
    names = [naming.short_name(row.record) for row, _ in networks]
    axes.set_yticks(range(len(names)), [_wrapped(name, 18) for name in names] if narrow else names, fontsize=6.5 if narrow else 8.5)
    figure.colorbar(image, ax=axes, location="bottom" if narrow else "right", label="share of zeros", shrink=0.7)
    return True


def _arrays_by_layer(row: ScoredRow, outputs: int) -> dict[str, list[Mapping[str, Any]]]:
    pieces = row.record["model"].get("vocabulary_size") if naming.encoder(row.record) != "-" else None
    found = [(array, layer_of_encoder(array, pieces) if pieces else layer_of(array, outputs)) for array in row.arrays]
    return {layer: [array for array, one in found if one == layer] for layer in LAYERS}


def _bits(array: Mapping[str, Any]) -> int:
    """Bits of a number in the file: two of 4 bits share a byte there and are two of int8 here."""
    return 4 if "(4 bits)" in array["name"] else int("".join(filter(str.isdigit, array["dtype"])))


def _annotate(axes: Any, shares: np.ndarray, notes: Sequence[Sequence[str]], size: float) -> None:
    """Write a note into each cell of a heat map, white on dark."""
    for line, texts in enumerate(notes):
        for column, text in enumerate(texts):
            color = "white" if shares[line, column] > 0.55 else "black"
            axes.text(column, line, text, ha="center", va="center", fontsize=size, color=color)


def _wrapped(text: str, width: int) -> str:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)


def training_curves(figure: Any, evidence: Evidence, narrow: bool) -> bool:
    """Validation accuracy and loss by epoch of every training, side by side."""
    trained = [row for row in evidence.scored if row.history]
    if not trained:
        return False
    panels = figure.subplots(2, 1) if narrow else figure.subplots(1, 2)
    for axes, key, label in zip(panels, ("validation_accuracy", "validation_loss"), ("accuracy, %", "loss, nats"), strict=True):
        for row, look in _looks(trained):
            values = [epoch[key] * (100 if key == "validation_accuracy" else 1) for epoch in row.history]
            shown = look if key == "validation_accuracy" else {**look, "label": None}
            axes.plot(range(1, len(values) + 1), values, **shown)
        axes.set(xlabel="epoch", ylabel=f"validation {label}")
        axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
        _plain_axes(axes)
    _legend(figure, narrow, loc="outside lower center", ncols=2 if narrow else 4)
    return True


def reliability(figure: Any, evidence: Evidence, narrow: bool) -> bool:
    """Observed share against predicted probability; on the diagonal a model knows how sure it may be.

    With two labels both are of the last label; with more they are of the chosen one.
    """
    shown = [row for row in evidence.scored if row.role != "control"]
    if not shown:
        return False
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.5", linewidth=1, label="perfect")
    for row, look in _looks(shown):
        bins, name = row.calibration["bins"], look["label"]
        label = f"{name} ({row.calibration['error']:.3f})" if "marker" in look else name
        axes.plot([one["predicted"] for one in bins], [one["observed"] for one in bins], **{**look, "label": label})
    last = shortened(evidence.task.labels[-1])
    if evidence.task.binary:
        axes.set(xlabel=f"predicted probability of {last}", ylabel=f"share of {last} {evidence.noun}")
    else:
        axes.set(xlabel="predicted probability of the chosen label", ylabel=f"share of {evidence.noun} labelled rightly")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    _plain_axes(axes)
    _legend(figure, narrow, title="calibration error", title_fontsize=8)
    return True


def lengths(figure: Any, evidence: Evidence, narrow: bool) -> bool:
    """Accuracy by length of the text, and at the right on texts of another domain, if there are any."""
    shown = [row for row in evidence.scored if row.length_groups and row.role != "control"]
    if not shown:
        return False
    axes = figure.add_subplot()
    names = [group["name"] for group in shown[0].length_groups]
    ticks = [*names, evidence.elsewhere] if any(row.out_of_domain for row in shown) else names
    for row, look in _looks(shown):
        values = [100 * group["value"] if group["value"] is not None else np.nan for group in row.length_groups]
        axes.plot(range(len(values)), values, **look)
        if row.out_of_domain:
            alone = {"marker": "o", "markersize": 4, **look, "linestyle": "none", "label": None}
            axes.plot(len(values), 100 * row.out_of_domain["accuracy"]["value"], **alone)
    if len(ticks) > len(names):
        axes.axvline(len(names) - 0.5, color="0.7", linewidth=1)
    axes.set_xticks(range(len(ticks)), [_wrapped(tick, 10 if narrow else 16) for tick in ticks], fontsize=7 if narrow else 9)
    axes.set(ylabel="accuracy, %")
    _plain_axes(axes, "y")
    _legend(figure, narrow)
    return True


def confusion_matrices(figure: Any, evidence: Evidence, narrow: bool) -> bool:
    """Which labels the base and the best small model confuse: the share of each true label, with counts where they fit."""
    shown, labels = looked_into(evidence), [shortened(label) for label in evidence.task.labels]
    if not shown:
        return False
    few = len(labels) <= MOST_ANNOTATED
    side_by_side = few and not narrow
    cells = (CELL_INCHES[few] * len(labels)) + (0 if narrow else 0.5)  # inches
    if side_by_side:
        figure.set_size_inches(SIZES["wide"][0], max(SIZES["wide"][1], cells + 2.5))
    else:
        figure.set_size_inches(max(SIZES["narrow"][0], cells + 2), len(shown) * (max(1.8, cells) + 2))
    panels = figure.subplots(1 if side_by_side else len(shown), len(shown) if side_by_side else 1, squeeze=False).ravel()
    size = min(7.0 if narrow else 9.0, 66 / len(labels)) if few else 6.0
    for axes, row in zip(panels, shown, strict=True):
        counts = np.array(row.scores["confusion"])
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        if few:
            notes = [[f"{count:,}\n{share:.0%}" for count, share in zip(*line, strict=True)] for line in zip(counts, shares, strict=True)]
            _annotate(axes, shares, notes, size)
        axes.set_xticks(range(len(labels)), labels, fontsize=size, rotation=0 if len(labels) == 2 else 90)
        axes.set_yticks(range(len(labels)), labels, fontsize=size)
        axes.set_xlabel("predicted")
        axes.set_ylabel("true")
        axes.set_title(_wrapped(row.technique, 40), fontsize=9)
    figure.colorbar(image, ax=panels, location="bottom", label="share of the true label", shrink=0.6)
    return True


@dataclass(frozen=True)
class Picture:
    """A picture of the report: name of its file, title, the function that draws it, and whether it has titled points."""

    name: str
    title: str
    draw: Draw
    live: bool = False


PICTURES = (
    Picture("size", "Accuracy against size", accuracy_against_size, live=True),
    Picture("latency", "Accuracy against time", accuracy_against_latency, live=True),
    Picture("layers", "Bits and zeros per layer", layers_heat_map),
    Picture("lengths", "Accuracy by length", lengths),
    Picture("reliability", "Are the probabilities honest?", reliability),
    Picture("confusion", "Which labels are confused", confusion_matrices),
    Picture("curves", "Training", training_curves),
)


def drawn(evidence: Evidence) -> list[tuple[str, Drawn]]:
    """Draw every picture that has something to show; with the name of its file."""
    pictures = []
    for picture in PICTURES:
        wide, narrow = (svg(picture.draw, evidence, form) for form in ("wide", "narrow"))
        if wide and narrow:
            pictures.append((picture.name, Drawn(picture.title, wide, narrow, picture.live)))
    return pictures
