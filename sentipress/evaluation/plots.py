"""Pictures, drawn without a screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib import ticker

from sentipress.core import files

BLUE, ORANGE = "#0072B2", "#D55E00"  # Okabe & Ito
PALETTE = (BLUE, ORANGE, "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#7F7F7F", "#8C564B")  # and neutral ones
MARKERS = ("o", "^", "D", "v", "P", "X")


def new_figure(width: float = 8.0, height: float = 4.5, grid: bool = True) -> tuple[Any, Any]:
    """A figure with one set of axes."""
    figure, axes = plt.subplots(figsize=(width, height), layout="constrained")
    if grid:
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save_figure(figure: Any, path: Path) -> Path:
    """Write a PNG atomically, without a date inside, and close the figure."""
    with files.atomic(path) as temporary:
        figure.savefig(temporary, dpi=120, metadata={"Software": None})
    plt.close(figure)
    return path


def training_curves(epochs: list[dict[str, float]], best_epoch: int, path: Path, title: str) -> Path:
    """Accuracy and loss per epoch on training and validation reviews, the kept epoch marked."""
    figure, panels = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    numbers = [int(record["epoch"]) for record in epochs]
    for axes, quantity in zip(panels, ("accuracy", "loss"), strict=True):
        axes.plot(numbers, [record[quantity] for record in epochs], "o-", color=BLUE, label="training")
        axes.plot(numbers, [record[f"validation_{quantity}"] for record in epochs], "s--", color=ORANGE, label="validation")
        axes.axvline(best_epoch, color="0.4", linewidth=1, linestyle=":", label="kept epoch")
        axes.set(xlabel="epoch", ylabel=quantity, xticks=numbers if len(numbers) <= 15 else None)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    figure.suptitle(title)
    return save_figure(figure, path)


def confusion(matrix: list[list[int]], path: Path, title: str) -> Path:
    """A 2 x 2 confusion matrix with counts and shares of each true class."""
    import seaborn

    figure, axes = new_figure(5.2, 4.4, grid=False)
    notes = [[f"{count:,}\n{count / max(1, sum(row)):.1%}" for count in row] for row in matrix]
    names = ["negative", "positive"]
    seaborn.heatmap(matrix, annot=notes, fmt="", cmap="Blues", cbar=False, xticklabels=names, yticklabels=names, ax=axes)
    axes.set(xlabel="predicted", ylabel="true", title=title)
    return save_figure(figure, path)


def heat_map(points: Sequence[Mapping[str, Any]], names: Sequence[str], metric: str, epochs: int, path: Path) -> Path:
    """The metric of a grid search: its first setting downwards, all combinations of the others to the right.

    Args:
        points: of the search; those of fewer `epochs` were stopped early and are marked.
        names: settings of the grid.
        metric: what is shown, a share.
        epochs: of a trial that was not stopped.
        path: of the PNG.
    """
    import seaborn

    rows = sorted({point[names[0]] for point in points})
    columns = sorted({tuple(point[name] for name in names[1:]) for point in points})
    found = {(point[names[0]], tuple(point[name] for name in names[1:])): point for point in points}
    values = [[100 * found[row, column][metric] for column in columns] for row in rows]
    notes = [[f"{100 * found[r, c][metric]:.1f}{'' if found[r, c]['epochs'] == epochs else '*'}" for c in columns] for r in rows]
    figure, axes = new_figure(max(6.0, 1.5 + 0.75 * len(columns)), 1.5 + 0.55 * len(rows), grid=False)
    seaborn.heatmap(
        values,
        annot=notes,
        fmt="",
        cmap="viridis",
        xticklabels=["\n".join(map(str, column)) for column in columns],
        yticklabels=rows,
        cbar_kws={"label": "validation accuracy, %"},
        ax=axes,
    )
    axes.set(xlabel=" / ".join(names[1:]), ylabel=names[0], title=f"Best of up to {epochs} epochs; * stopped early")
    axes.tick_params(rotation=0)
    return save_figure(figure, path)


def front(found: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """Test accuracy against bytes on disk (logarithmic), with intervals; the Pareto front is the line.

    Args:
        found: metrics records.
        path: of the PNG.
    """
    figure, axes = new_figure(10, 5)
    points = [(r["size"]["bytes"] / 1024, r["scores"]["accuracy"], r["technique"], r["role"]) for r in found]
    points.sort(key=lambda point: (point[0], point[2]))
    best, line = 0.0, []
    for size, accuracy, *_ in points:
        if accuracy["value"] > best:
            best = accuracy["value"]
            line.append((size, 100 * best))
    axes.plot(*zip(*line, strict=True), color="0.6", linewidth=1, zorder=1, label="Pareto front")
    shown_at = 0.0
    for number, (size, accuracy, technique, role) in enumerate(points):
        # Models of one size would hide each other, so those side by side are moved apart by 4 %.
        shown_at = max(size, shown_at * 1.04)
        value, low, high = (100 * accuracy[key] for key in ("value", "low", "high"))
        axes.errorbar(
            shown_at,
            value,
            [[value - low], [high - value]],
            fmt="s" if role == "control" else MARKERS[number % len(MARKERS)],
            color=PALETTE[number % len(PALETTE)],
            markersize=7,
            capsize=3,
            label=f"{technique}, {size:,.0f} KB",
        )
    axes.set(xscale="log", xlabel="model file, KB (logarithmic)", ylabel="test accuracy, % (95 % interval)")
    axes.margins(x=0.08)
    axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
    axes.xaxis.set_minor_formatter(ticker.NullFormatter())
    axes.set_title("Accuracy against size; squares are controls")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
    return save_figure(figure, path)
