"""Pictures, drawn without a screen."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib import ticker

from sentipress.core import files
from sentipress.data.task import Task

BLUE, ORANGE = "#0072B2", "#D55E00"  # Okabe & Ito
PALETTE = (BLUE, ORANGE, "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#7F7F7F", "#8C564B")  # and neutral ones
MARKERS = ("o", "^", "D", "v", "P", "X")
MOST_ANNOTATED = 12  # labels of a confusion matrix whose cells have room for a count
LABEL_CHARACTERS = 24

WIDE_RANGE = 400  # largest by smallest size of a picture from which labels at 1, 2 and 5 would touch


def new_figure(width: float = 8.0, height: float = 4.5, grid: bool = True) -> tuple[Any, Any]:
    """Make a figure of this size in inches with one set of axes."""
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
    """Draw accuracy and loss per epoch on training and validation texts; a line marks the kept epoch.

    Args:
        epochs: one record each, with `epoch`, `accuracy`, `loss`, `validation_accuracy` and `validation_loss`.
        best_epoch: number of the kept epoch.
        path: of the PNG.
        title: above the picture.
    """
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


def confusion(matrix: Sequence[Sequence[int]], labels: Sequence[str], path: Path, title: str) -> Path:
    """Draw a confusion matrix with the share of each true label; up to 12 labels also with counts.

    Args:
        matrix: number of texts by true label (downwards) and predicted label, labels x labels.
        labels: their names, in order.
        path: of the PNG.
        title: above the picture.
    """
    import seaborn

    few = len(labels) <= MOST_ANNOTATED
    side = max(0.0, len(labels) - 2) * (0.75 if few else 0.22)  # inches beyond those of two labels
    shares = [[count / max(1, sum(row)) for count in row] for row in matrix]
    notes = [[f"{count:,}\n{share:.1%}" for count, share in zip(*lines, strict=True)] for lines in zip(matrix, shares, strict=True)]
    names = [shortened(label) for label in labels]
    with plain_text():
        figure, axes = new_figure(5.2 + side, 4.4 + side, grid=False)
        seaborn.heatmap(
            matrix if len(labels) == 2 else shares,
            annot=notes if few else None,
            fmt="",
            cmap="Blues",
            cbar=not few,
            cbar_kws=None if few else {"label": "share of the true label"},
            xticklabels=names,
            yticklabels=names,
            ax=axes,
            **({} if len(labels) == 2 else {"vmin": 0, "vmax": 1}),
        )
        if len(labels) > 2:
            axes.tick_params(axis="x", rotation=90)
            axes.tick_params(axis="y", rotation=0)
        axes.set(xlabel="predicted", ylabel="true", title=title)
        return save_figure(figure, path)


def shortened(label: str) -> str:
    """Cut a label's name to 24 characters, the room beside a picture."""
    return label if len(label) <= LABEL_CHARACTERS else label[: LABEL_CHARACTERS - 1] + "…"


def noun(task: Task) -> str:
    """Say what the texts of a task are called: reviews for sentiment, else texts."""
    return "reviews" if task.is_sentiment else "texts"


@contextlib.contextmanager
def plain_text() -> Iterator[None]:
    """Draw names as they are: a "$" starts no formula, and a letter that the font lacks is a box without a warning."""
    with plt.rc_context({"text.parse_math": False}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)
        yield


def heat_map(points: Sequence[Mapping[str, Any]], names: Sequence[str], metric: str, epochs: int, path: Path) -> Path:
    """Draw the metric of a grid search: its first setting downwards, all combinations of the others to the right.

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
    trials = {(point[names[0]], tuple(point[name] for name in names[1:])): point for point in points}
    values = [[100 * trials[row, column][metric] for column in columns] for row in rows]
    notes = [[f"{100 * trials[r, c][metric]:.1f}{'' if trials[r, c]['epochs'] == epochs else '*'}" for c in columns] for r in rows]
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


def front(records: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """Draw test accuracy against bytes on disk (logarithmic), with intervals; the Pareto front is the line.

    Args:
        records: of metrics.
        path: of the PNG.
    """
    figure, axes = new_figure(10, 5)
    points = [(r["size"]["bytes"] / 1024, r["scores"]["accuracy"], r["technique"], r["role"]) for r in records]
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
    wide = points[-1][0] > WIDE_RANGE * points[0][0]
    axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1,) if wide else (1, 2, 5)))
    axes.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
    axes.xaxis.set_minor_formatter(ticker.NullFormatter())
    axes.set_title("Accuracy against size; squares are controls")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8)
    return save_figure(figure, path)
