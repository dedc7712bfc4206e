"""The main pictures: accuracy against what a model costs, the best trade-offs named in place, the rest pale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from matplotlib import ticker
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox

from sentipress.evaluation.plots import BLUE, ORANGE
from sentipress.reporting import naming
from sentipress.reporting.cells import cells
from sentipress.reporting.comparing import CONTROL
from sentipress.reporting.evidence import Evidence, ScoredRow
from sentipress.reporting.findings import pareto
from sentipress.reporting.live import POINT
from sentipress.reporting.wording import kilobytes, measured

Cost = Callable[[ScoredRow], float]
# A colour and a mark for each family; a bag of words is square, and hollow where its file is not compressed.
LOOKS = {
    naming.LSTM: (BLUE, "o"),
    naming.STUDENTS: ("#009E73", "^"),
    naming.POCKET: (ORANGE, "D"),
    naming.PACKED_BAGS: ("#A0418A", "s"),
    naming.BAGS: ("#A0418A", "s"),
    naming.TEACHER: ("#000000", "P"),
    naming.ENCODER: (BLUE, "o"),
    naming.WORD_STUDENTS: (ORANGE, "D"),
}
HOLLOW = (naming.BAGS,)
PALE, STRONG = 0.35, 1.0
MARK, PALE_MARK, REACH = 7.0, 5.0, 16.0  # points: of a mark, of a pale one, and how far around it the mouse finds it
NEAR = (0.0, 9.0, 18.0, 28.0, 40.0, 54.0, 70.0, 88.0, 108.0)  # points: how far from its mark a label may stand
SIDES = ((1, 1), (-1, 1), (1, -1), (-1, -1), (0, 1), (0, -1), (1, 0), (-1, 0))
BEHIND = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.4}  # of a label, so that intervals do not cross it
WIDER = 1.07  # a browser's font may be wider than the one that was measured
LINE_FROM = 14.0  # points: further away a thin line leads to the mark


def accuracy_against_size(figure: Any, evidence: Evidence, narrow: bool) -> bool:
    """Test accuracy against everything a deployment needs."""
    axes = figure.add_subplot()
    _finish(axes, "model and vocabulary, KB (logarithmic)", narrow)
    _cloud(axes, evidence, evidence.scored, lambda row: row.deployed_bytes / 1024, lambda row: kilobytes(row.deployed_bytes), narrow)
    return bool(evidence.scored)


def accuracy_against_latency(figure: Any, evidence: Evidence, narrow: bool) -> bool:
    """Test accuracy against the median time from text to probability in a fresh process."""
    timed = [row for row in evidence.scored if row.deployment]
    axes, one = figure.add_subplot(), evidence.noun.removesuffix("s")
    _finish(axes, f"ms a {one} (median, logarithmic)" if narrow else f"one {one}, text to probability, ms (median, logarithmic)", narrow)
    _cloud(axes, evidence, timed, lambda row: row.deployment["p50_ms"], _time, narrow)
    return bool(timed)


def _time(row: ScoredRow) -> str:
    """A row's time, for a packed bag of words with its size: it has no other name."""
    time = f"{measured(row.deployment['p50_ms'])} ms"
    return f"{kilobytes(row.deployed_bytes)}, {time}" if naming.family(row.record) == naming.PACKED_BAGS else time


def titles(evidence: Evidence) -> list[str]:
    """What each row's point says, in the order of `evidence.scored`."""
    return [_title(cells(row)) for row in evidence.scored]


def _title(cell: dict[str, str]) -> str:
    parts = [f"{cell['model']}: {cell['accuracy']} ({cell['95 % interval']})", f"{cell['KB']} KB, {cell['KB gzip']} after gzip"]
    if cell["ms p50"] != "-":
        parts.append(f"{cell['ms p50']} ms a text")
    if cell["verdict"] != "-":
        parts.append(f"{cell['to base, points']} points to the base: {cell['verdict']}")
    return "; ".join(parts)


def _cloud(axes: Any, evidence: Evidence, rows: Sequence[ScoredRow], cost: Cost, written: Callable[[ScoredRow], str], narrow: bool) -> None:
    """Draw all rows, and name those on the front and the base."""
    if not rows:
        return
    # Two digits of a cost: a smaller difference, of a time above all, puts no row before another.
    front = pareto([row for row in rows if row.role != CONTROL], lambda row: float(f"{cost(row):.2g}"))
    named = [*front, *(row for row in rows if row is evidence.base and row not in front)]
    axes.step([cost(row) for row in front], [_percent(row) for row in front], where="post", color="0.75", linewidth=1, zorder=1)
    numbers = {row.name: number for number, row in enumerate(evidence.scored)}
    for row in sorted(rows, key=lambda row: row in named):
        _point(axes, row, (cost(row), _percent(row)), row in named, numbers[row.name])
    _limits(axes, rows, named, narrow)
    _legend(axes.figure, rows, narrow)
    texts = [(f"{naming.short_name(row.record)}, {written(row)}", (cost(row), _percent(row))) for row in named]
    _labels(axes, texts, [(cost(row), _percent(row)) for row in rows], 7.5 if narrow else 8.5)


def _percent(row: ScoredRow) -> float:
    return 100 * float(row.accuracy["value"])


def _point(axes: Any, row: ScoredRow, place: tuple[float, float], strong: bool, number: int) -> None:
    family = naming.family(row.record)
    color, marker = LOOKS[family]
    hollow, alpha = family in HOLLOW, STRONG if strong else PALE
    if strong:
        low, high = place[1] - 100 * row.accuracy["low"], 100 * row.accuracy["high"] - place[1]
        axes.errorbar(*place, [[low], [high]], fmt="none", ecolor=color, elinewidth=0.8, capsize=0, alpha=0.5, zorder=2)
    look = {"markerfacecolor": "white" if hollow else color, "markeredgecolor": color, "alpha": alpha, "linestyle": "none"}
    axes.plot(*place, marker=marker, markersize=MARK if strong else PALE_MARK, zorder=4 if strong else 3, **look)
    axes.plot(*place, marker="o", markersize=REACH, color=color, alpha=0, linestyle="none", zorder=5, gid=f"{POINT}{number}")


def _limits(axes: Any, rows: Sequence[ScoredRow], named: Sequence[ScoredRow], narrow: bool) -> None:
    """Leave room for labels; keep the whole intervals of the named rows in view."""
    low = min([*(_percent(row) for row in rows), *(100 * row.accuracy["low"] for row in named)])
    high = max([*(_percent(row) for row in rows), *(100 * row.accuracy["high"] for row in named)])
    room = max(high - low, 0.5)
    axes.set_ylim(low - 0.06 * room, high + 0.12 * room)
    axes.margins(x=0.16 if narrow else 0.1)
    axes.autoscale(axis="x")


def _finish(axes: Any, label: str, narrow: bool) -> None:
    axes.set(xscale="log", xlabel=label, ylabel="test accuracy, %")
    axes.xaxis.set_major_locator(ticker.LogLocator(subs=(1,) if narrow else (1, 3)))
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda x, _: f"{x:,.0f}" if x >= 1 else f"{x:g}"))
    axes.xaxis.set_minor_formatter(ticker.NullFormatter())
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _legend(figure: Any, rows: Sequence[ScoredRow], narrow: bool) -> None:
    """One entry for each family that is there, above the axes."""
    there = {naming.family(row.record) for row in rows}
    handles = []
    for family in (name for name in naming.FAMILIES if name in there):
        color, marker = LOOKS[family]
        face = "white" if family in HOLLOW else color
        handles.append(Line2D([], [], linestyle="none", marker=marker, markerfacecolor=face, markeredgecolor=color, label=family))
    size, ncols = (7.5, 2) if narrow else (8.5, len(handles) if len(handles) <= 4 else 3)
    figure.legend(handles=handles, loc="outside upper center", ncols=ncols, frameon=False, fontsize=size, columnspacing=1.2)


# Labels


def _labels(axes: Any, texts: Sequence[tuple[str, tuple[float, float]]], marks: Sequence[tuple[float, float]], size: float) -> None:
    """Write each text near its point, where it covers no mark and no other text; a thin line leads back from further away."""
    figure = axes.figure
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # the places are found for the axes as they are now
    pixels = figure.dpi / 72
    taken = [_around(axes.transData.transform(mark), 5 * pixels) for mark in marks]
    inside = axes.get_window_extent()
    for text, point in texts:
        look: dict[str, Any] = {"fontsize": size, "ha": "center", "va": "center", "zorder": 6, "bbox": BEHIND}
        drawn = axes.annotate(text, point, xytext=(0, 0), textcoords="offset points", **look)
        box = drawn.get_window_extent()
        width, height = WIDER * box.width / pixels, box.height / pixels
        offset = _free_place(axes.transData.transform(point), (width, height), taken, inside, pixels)
        drawn.set_position(offset)
        placed = _box(axes.transData.transform(point), offset, (width, height), pixels)
        taken.append(placed)
        _lead(axes, point, offset, (width, height))


def _around(center: Any, half: float) -> Bbox:
    return Bbox.from_extents(center[0] - half, center[1] - half, center[0] + half, center[1] + half)


def _box(point: Any, offset: tuple[float, float], size: tuple[float, float], pixels: float) -> Bbox:
    """Where a text lies whose middle is so many points away from a point, in pixels."""
    x, y = point[0] + offset[0] * pixels, point[1] + offset[1] * pixels
    half_width, half_height = size[0] * pixels / 2, size[1] * pixels / 2
    return Bbox.from_extents(x - half_width, y - half_height, x + half_width, y + half_height)


def _free_place(point: Any, size: tuple[float, float], taken: Sequence[Bbox], inside: Bbox, pixels: float) -> tuple[float, float]:
    """The first place, by distance, that is free and inside the axes; else the one that covers least."""
    best, least = (0.0, 12.0), float("inf")
    for distance in NEAR:
        for right, up in SIDES:
            offset = (right * (size[0] / 2 + 5 + distance * 0.6), up * (size[1] / 2 + 5 + distance))
            if right == 0:
                offset = (0.0, offset[1])
            box = _box(point, offset, size, pixels)
            outside = box.x0 < inside.x0 or box.x1 > inside.x1 or box.y0 < inside.y0 or box.y1 > inside.y1
            covered = sum(_overlap(box, other) for other in taken) + (1e6 if outside else 0)
            if covered == 0:
                return offset
            if covered < least:
                best, least = offset, covered
    return best


def _overlap(one: Bbox, other: Bbox) -> float:
    """Area, in square pixels, that two boxes share."""
    shared = Bbox.intersection(one, other)
    return 0.0 if shared is None else float(shared.width * shared.height)


def _lead(axes: Any, point: tuple[float, float], offset: tuple[float, float], size: tuple[float, float]) -> None:
    """Draw a thin line from a point to the nearest edge of its text, if that is far."""
    x = 0.0 if abs(offset[0]) <= size[0] / 2 else offset[0] - size[0] / 2 * (1 if offset[0] > 0 else -1)
    y = 0.0 if abs(offset[1]) <= size[1] / 2 else offset[1] - size[1] / 2 * (1 if offset[1] > 0 else -1)
    if (x * x + y * y) ** 0.5 > LINE_FROM:
        axes.annotate(
            "", point, xytext=(x, y), textcoords="offset points", arrowprops={"arrowstyle": "-", "color": "0.6", "linewidth": 0.6}
        )
