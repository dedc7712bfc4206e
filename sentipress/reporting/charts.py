"""The report's pictures, each in a wide and a narrow form: a phone gets its own, not a shrunken one."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib import ticker

from sentipress.reporting import table
from sentipress.evaluation.plots import MARKERS, PALETTE
from sentipress.reporting.evidence import pareto

SIZES = {"wide": (9.2, 5.0), "narrow": (4.4, 5.8)}  # inches
MARGIN, PLOT = 0.3, 3.2  # inches beyond a legend: around it when it stands beside the axes, for the axes when it stands below
LAYERS = ("embedding", "LSTM kernels", "output kernel")
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial", "sans-serif"],
    "font.size": 10,
    "axes.titlesize": 11,
}


def svg(draw: Callable[[Any, Sequence[dict[str, Any]], bool], bool], rows: Sequence[dict[str, Any]], form: str) -> str | None:
    """Draw on a new figure and give the SVG; None when there is nothing to draw.

    Args:
        draw: one of this module's functions of a figure, rows and whether the figure is narrow.
        rows: of `sentipress.reporting.evidence.collect`.
        form: "wide" or "narrow".
    """
    with plt.rc_context(_STYLE):
        figure = plt.figure(figsize=SIZES[form], layout="constrained")
        try:
            if not draw(figure, rows, form == "narrow"):
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


def scored(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with figures in them."""
    return [row for row in rows if row["state"] != "damaged"]


def accuracy_against_size(figure: Any, rows: Sequence[dict[str, Any]], narrow: bool) -> bool:
    """Test accuracy against everything a deployment needs; the study's published rows are hollow."""
    axes = figure.add_subplot()
    _cloud(axes, scored(rows), lambda row: row["bytes"] / 1024, narrow)
    for cells in table.PUBLISHED:
        axes.plot(
            float(cells["size KB"].replace(",", "")),
            float(cells["test accuracy"].rstrip("%")),
            "o",
            markerfacecolor="none",
            markeredgecolor="0.45",
            label="the study, as published" if cells is table.PUBLISHED[0] else None,
        )
    _finish(axes, "model and vocabulary, KB (logarithmic)", narrow)
    return bool(scored(rows))


def accuracy_against_latency(figure: Any, rows: Sequence[dict[str, Any]], narrow: bool) -> bool:
    """Test accuracy against the median time from text to probability in a fresh process."""
    timed = [row for row in scored(rows) if row["deployment"]]
    axes = figure.add_subplot()
    _cloud(axes, timed, lambda row: row["deployment"]["p50_ms"], narrow)
    _finish(axes, "one review, text to probability, ms (median, logarithmic)", narrow)
    return bool(timed)


def _cloud(axes: Any, rows: Sequence[dict[str, Any]], cost: Callable[[dict[str, Any]], float], narrow: bool) -> None:
    front = [(cost(row), 100 * row["accuracy"]["value"]) for row in pareto(rows, cost)]
    if front:
        axes.step(*zip(*front, strict=True), where="post", color="0.6", linewidth=1, zorder=1, label="Pareto front")
    for number, row in enumerate(rows):
        value, low, high = (100 * row["accuracy"][key] for key in ("value", "low", "high"))
        axes.errorbar(
            cost(row),
            value,
            [[value - low], [high - value]],
            fmt={"control": "x", "classical": "s"}.get(row["role"], MARKERS[number % len(MARKERS)]),
            color=PALETTE[number % len(PALETTE)],
            markersize=6 if narrow else 7,
            elinewidth=0.8,
            capsize=2,
            label=row["technique"],
        )


def _finish(axes: Any, label: str, narrow: bool) -> None:
    axes.set(xscale="log", xlabel=label, ylabel="test accuracy, % (95 % interval)")
    axes.margins(x=0.08)
    axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1,) if narrow else (1, 3)))
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda x, _: f"{x:,.0f}" if x >= 1 else f"{x:g}"))
    axes.xaxis.set_minor_formatter(ticker.NullFormatter())
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    place = {"loc": "outside lower center"} if narrow else {"loc": "outside right center"}
    axes.figure.legend(frameon=False, fontsize=7 if narrow else 8, ncols=1, **place)


def layer_of(array: dict[str, Any]) -> str | None:
    """Which of `LAYERS` a stored array belongs to, by the names that Keras and the converter give; None for biases."""
    name, shape = array["name"], array["shape"]
    if "embedding" in name or "Gather" in name:
        return LAYERS[0]
    if len(shape) != 2:
        return None
    return LAYERS[2] if 1 in shape else LAYERS[1]


def layers_heat_map(figure: Any, rows: Sequence[dict[str, Any]], narrow: bool) -> bool:
    """Share of zeros (colour) and bits of a weight (number) per layer and model."""
    networks = [row for row in scored(rows) if row["role"] != "classical" and any(map(layer_of, row["arrays"]))]
    if not networks:
        return False
    shares, notes = np.full((len(networks), len(LAYERS)), np.nan), [[""] * len(LAYERS) for _ in networks]
    for place, row in enumerate(networks):
        for column, layer in enumerate(LAYERS):
            arrays = [array for array in row["arrays"] if layer_of(array) == layer]
            total = sum(array["total"] for array in arrays)
            if total:
                shares[place, column] = sum(array["zeros"] for array in arrays) / total
                bits = {int("".join(filter(str.isdigit, array["dtype"]))) for array in arrays}
                notes[place][column] = f"{'/'.join(map(str, sorted(bits)))} bit\n{shares[place, column]:.0%} zeros"
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for place, line in enumerate(notes):
        for column, text in enumerate(line):
            dark = shares[place, column] > 0.55
            axes.text(column, place, text, ha="center", va="center", fontsize=6 if narrow else 8, color="white" if dark else "black")
    axes.set_xticks(range(len(LAYERS)), [layer.replace(" ", "\n") for layer in LAYERS] if narrow else LAYERS, fontsize=7 if narrow else 9)
    labels = [row["technique"] for row in networks]
    axes.set_yticks(range(len(labels)), [_wrapped(label, 16) for label in labels] if narrow else labels, fontsize=7 if narrow else 9)
    figure.colorbar(image, ax=axes, location="bottom" if narrow else "right", label="share of zeros", shrink=0.7)
    return True


def _wrapped(text: str, width: int) -> str:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)


def training_curves(figure: Any, rows: Sequence[dict[str, Any]], narrow: bool) -> bool:
    """Validation accuracy and loss by epoch of every training, side by side."""
    trained = [row for row in scored(rows) if row["history"]]
    if not trained:
        return False
    panels = figure.subplots(2, 1) if narrow else figure.subplots(1, 2)
    for axes, key, label in zip(panels, ("validation_accuracy", "validation_loss"), ("accuracy, %", "loss, nats"), strict=True):
        for number, row in enumerate(trained):
            values = [record[key] * (100 if key == "validation_accuracy" else 1) for record in row["history"]]
            axes.plot(
                range(1, len(values) + 1),
                values,
                marker=MARKERS[number % len(MARKERS)],
                linestyle=("-", "--", "-.", ":")[number % 4],
                color=PALETTE[number % len(PALETTE)],
                label=row["technique"] if key == "validation_accuracy" else None,
            )
        axes.set(xlabel="epoch", ylabel=f"validation {label}")
        axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, fontsize=7 if narrow else 8, loc="outside lower center", ncols=1 if narrow else 3)
    return True


def reliability(figure: Any, rows: Sequence[dict[str, Any]], narrow: bool) -> bool:
    """Share of positive reviews against the predicted probability; on the diagonal a model knows how sure it may be."""
    shown = [row for row in scored(rows) if row["calibration"] and row["role"] != "control"]
    if not shown:
        return False
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.5", linewidth=1, label="perfect")
    for number, row in enumerate(shown):
        bins = row["calibration"]["bins"]
        axes.plot(
            [b["predicted"] for b in bins],
            [b["observed"] for b in bins],
            marker=MARKERS[number % len(MARKERS)],
            markersize=4,
            linestyle=("-", "--", "-.", ":")[number % 4],
            linewidth=1,
            color=PALETTE[number % len(PALETTE)],
            label=f"{row['technique']} ({row['calibration']['error']:.3f})",
        )
    axes.set(xlabel="predicted probability of positive", ylabel="share of positive reviews", xlim=(0, 1), ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    place = "outside lower center" if narrow else "outside right center"
    figure.legend(frameon=False, fontsize=7 if narrow else 8, loc=place, title="calibration error", title_fontsize=8)
    return True


def lengths(figure: Any, rows: Sequence[dict[str, Any]], narrow: bool) -> bool:
    """Accuracy by review length, in domain, and on sentences of another domain at the right."""
    shown = [row for row in scored(rows) if row["lengths"] and row["role"] != "control"]
    if not shown:
        return False
    axes = figure.add_subplot()
    names = [group["name"] for group in shown[0]["lengths"]]
    for number, row in enumerate(shown):
        values = [100 * group["value"] if group["value"] is not None else np.nan for group in row["lengths"]]
        colour, marker = PALETTE[number % len(PALETTE)], MARKERS[number % len(MARKERS)]
        axes.plot(range(len(values)), values, marker=marker, color=colour, linewidth=1, label=row["technique"])
        axes.plot(len(values), 100 * row["outside"]["value"], marker=marker, color=colour, linestyle="none")
    axes.axvline(len(names) - 0.5, color="0.7", linewidth=1)
    ticks = [*names, "Rotten Tomatoes sentences"]
    axes.set_xticks(range(len(ticks)), [_wrapped(tick, 10 if narrow else 16) for tick in ticks], fontsize=7 if narrow else 9)
    axes.set(ylabel="accuracy, %")
    axes.grid(alpha=0.3, axis="y")
    axes.spines[["top", "right"]].set_visible(False)
    place = "outside lower center" if narrow else "outside right center"
    figure.legend(frameon=False, fontsize=7 if narrow else 8, loc=place)
    return True


FIGURES: tuple[tuple[str, str, Callable[[Any, Sequence[dict[str, Any]], bool], bool]], ...] = (
    ("size", "Accuracy against size", accuracy_against_size),
    ("latency", "Accuracy against time", accuracy_against_latency),
    ("layers", "Bits and zeros per layer", layers_heat_map),
    ("lengths", "Accuracy by review length and out of domain", lengths),
    ("reliability", "Are the probabilities honest?", reliability),
    ("curves", "Training", training_curves),
)
