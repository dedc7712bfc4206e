"""The report's pictures, each in a wide and a narrow form: a phone gets its own, not a shrunken one."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib import ticker

from sentipress.evaluation.plots import MARKERS, MOST_ANNOTATED, PALETTE, plain_text, shortened
from sentipress.reporting.evidence import Evidence, ScoredRow
from sentipress.reporting.findings import looked_into, pareto
from sentipress.reporting.study import PUBLISHED

Draw = Callable[[Any, Evidence, bool], bool]  # a picture on a figure, wide or narrow: False when there is nothing to draw
SIZES = {"wide": (9.2, 5.0), "narrow": (4.4, 5.8)}  # inches
MARGIN, PLOT = 0.3, 3.2  # inches beyond a legend: around it when it stands beside the axes, for the axes when it stands below
EMBEDDING, KERNELS, OUTPUT = LAYERS = ("embedding", "LSTM kernels", "output kernel")
LINES = ("-", "--", "-.", ":")
CELL_INCHES = {True: 0.4, False: 0.14}  # of a confusion matrix, with and without a note in each cell
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
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
    with plain_text(), plt.rc_context(_STYLE):
        figure = plt.figure(figsize=SIZES[form], layout="constrained")
        try:
            if not draw(figure, evidence, form == "narrow"):
                return None
            _make_room(figure)
            stream = io.StringIO()
            figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
            return stream.getvalue()
        finally:
            plt.close(figure)


def _make_room(figure: Any) -> None:
    """Make a figure higher where its legend, of a line per row, would not fit or leave too little for what it explains."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a legend as high as the figure leaves no room for axes yet
        figure.draw_without_rendering()
    width, height = figure.get_size_inches()
    for legend in figure.legends:
        box = legend.get_window_extent()
        beside = box.x0 > figure.dpi * width / 2
        height = max(height, box.height / figure.dpi + (MARGIN if beside else PLOT))
    figure.set_size_inches(width, height)


def accuracy_against_size(figure: Any, evidence: Evidence, narrow: bool) -> bool:
    """Test accuracy against everything a deployment needs; the study's published rows are hollow."""
    axes = figure.add_subplot()
    _cloud(axes, evidence.scored, lambda row: row.deployed_bytes / 1024, narrow)
    for number, published in enumerate(PUBLISHED if evidence.task.is_sentiment else ()):
        label = "the study, as published" if number == 0 else None
        axes.plot(published.kilobytes, 100 * published.accuracy, "o", markerfacecolor="none", markeredgecolor="0.45", label=label)
    _finish(axes, "model and vocabulary, KB (logarithmic)", narrow)
    return bool(evidence.scored)


def accuracy_against_latency(figure: Any, evidence: Evidence, narrow: bool) -> bool:
    """Test accuracy against the median time from text to probability in a fresh process."""
    timed = [row for row in evidence.scored if row.deployment]
    axes = figure.add_subplot()
    _cloud(axes, timed, lambda row: row.deployment["p50_ms"], narrow)
    _finish(axes, f"one {evidence.noun.removesuffix('s')}, text to probability, ms (median, logarithmic)", narrow)
    return bool(timed)


def _cloud(axes: Any, rows: Sequence[ScoredRow], cost: Callable[[ScoredRow], float], narrow: bool) -> None:
    front = [(cost(row), 100 * row.accuracy["value"]) for row in pareto(rows, cost)]
    if front:
        axes.step(*zip(*front, strict=True), where="post", color="0.6", linewidth=1, zorder=1, label="Pareto front")
    for number, row in enumerate(rows):
        value, low, high = (100 * row.accuracy[key] for key in ("value", "low", "high"))
        axes.errorbar(
            cost(row),
            value,
            [[value - low], [high - value]],
            fmt={"control": "x", "classical": "s"}.get(row.role, MARKERS[number % len(MARKERS)]),
            color=PALETTE[number % len(PALETTE)],
            markersize=6 if narrow else 7,
            elinewidth=0.8,
            capsize=2,
            label=row.technique,
        )


def _finish(axes: Any, label: str, narrow: bool) -> None:
    axes.set(xscale="log", xlabel=label, ylabel="test accuracy, % (95 % interval)")
    axes.margins(x=0.08)
    axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1,) if narrow else (1, 3)))
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda x, _: f"{x:,.0f}" if x >= 1 else f"{x:g}"))
    axes.xaxis.set_minor_formatter(ticker.NullFormatter())
    _plain_axes(axes)
    _legend(axes.figure, narrow)


def _plain_axes(axes: Any, grid: str = "both") -> None:
    axes.grid(alpha=0.3, axis=grid)
    axes.spines[["top", "right"]].set_visible(False)


def _legend(figure: Any, narrow: bool, **options: Any) -> None:
    """A legend of a line per row: below the axes of a narrow figure, beside those of a wide one."""
    where = "outside lower center" if narrow else "outside right center"
    figure.legend(**{"frameon": False, "fontsize": 7 if narrow else 8, "loc": where, "ncols": 1, **options})


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
                bits = {int("".join(filter(str.isdigit, array["dtype"]))) for array in by_layer[layer]}
                notes[line][column] = f"{'/'.join(map(str, sorted(bits)))} bit\n{shares[line, column]:.0%} zeros"
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    _annotate(axes, shares, notes, 6 if narrow else 8)
    axes.set_xticks(range(len(LAYERS)), [layer.replace(" ", "\n") for layer in LAYERS] if narrow else LAYERS, fontsize=7 if narrow else 9)
    names = [row.technique for row, _ in networks]
    axes.set_yticks(range(len(names)), [_wrapped(name, 16) for name in names] if narrow else names, fontsize=7 if narrow else 9)
    figure.colorbar(image, ax=axes, location="bottom" if narrow else "right", label="share of zeros", shrink=0.7)
    return True


def _arrays_by_layer(row: ScoredRow, outputs: int) -> dict[str, list[Mapping[str, Any]]]:
    return {layer: [array for array in row.arrays if layer_of(array, outputs) == layer] for layer in LAYERS}


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
        for number, row in enumerate(trained):
            values = [epoch[key] * (100 if key == "validation_accuracy" else 1) for epoch in row.history]
            axes.plot(
                range(1, len(values) + 1),
                values,
                marker=MARKERS[number % len(MARKERS)],
                linestyle=LINES[number % len(LINES)],
                color=PALETTE[number % len(PALETTE)],
                label=row.technique if key == "validation_accuracy" else None,
            )
        axes.set(xlabel="epoch", ylabel=f"validation {label}")
        axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
        _plain_axes(axes)
    _legend(figure, narrow, loc="outside lower center", ncols=1 if narrow else 3)
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
    for number, row in enumerate(shown):
        bins = row.calibration["bins"]
        axes.plot(
            [one["predicted"] for one in bins],
            [one["observed"] for one in bins],
            marker=MARKERS[number % len(MARKERS)],
            markersize=4,
            linestyle=LINES[number % len(LINES)],
            linewidth=1,
            color=PALETTE[number % len(PALETTE)],
            label=f"{row.technique} ({row.calibration['error']:.3f})",
        )
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
    ticks = [*names, "Rotten Tomatoes sentences"] if any(row.out_of_domain for row in shown) else names
    for number, row in enumerate(shown):
        values = [100 * group["value"] if group["value"] is not None else np.nan for group in row.length_groups]
        color, marker = PALETTE[number % len(PALETTE)], MARKERS[number % len(MARKERS)]
        axes.plot(range(len(values)), values, marker=marker, color=color, linewidth=1, label=row.technique)
        if row.out_of_domain:
            axes.plot(len(values), 100 * row.out_of_domain["accuracy"]["value"], marker=marker, color=color, linestyle="none")
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
    """A picture of the report: name of its file, title, and the function that draws it."""

    name: str
    title: str
    draw: Draw


PICTURES = (
    Picture("size", "Accuracy against size", accuracy_against_size),
    Picture("latency", "Accuracy against time", accuracy_against_latency),
    Picture("layers", "Bits and zeros per layer", layers_heat_map),
    Picture("lengths", "Accuracy by length", lengths),
    Picture("reliability", "Are the probabilities honest?", reliability),
    Picture("confusion", "Which labels are confused", confusion_matrices),
    Picture("curves", "Training", training_curves),
)
