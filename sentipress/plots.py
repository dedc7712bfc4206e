"""Pictures, drawn without a screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt

from sentipress import files

BLUE, ORANGE = "#0072B2", "#D55E00"  # Okabe & Ito


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
