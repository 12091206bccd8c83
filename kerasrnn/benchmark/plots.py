"""The pictures: ratios of all cases, and growth."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from kerasrnn.benchmark.growth import Growth
from kerasrnn.benchmark.timing import OURS

COLORS = {
    OURS: "#1b7f5c",
    "torch.nn": "#e07a1f",
    "keras.layers": "#b3263a",
    "flax.nnx": "#4c6fb1",
}
MARKERS = {OURS: "s", "torch.nn": "o", "keras.layers": "D", "flax.nnx": "^"}
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)
AXES = {"time": "time steps", "units": "units", "batch": "rows in a batch"}


def plot_ratios(results: Sequence[dict[str, Any]], title: str) -> Figure:
    """Draw each peer's time over ours, inference beside training.

    Args:
        results: Cases as `bench.json` holds them.
        title: What stands over the picture.
    """
    figure = Figure(figsize=(12, 1.8 + 0.34 * len(results)), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", weight="bold")
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, action in zip(panels, ("inference", "training"), strict=True):
        draw_ratios(axes, [one[action]["ratios"] for one in results])
        axes.set_title(action, loc="left")
    panels[0].set_yticks(range(len(results)), [one["name"] for one in results])
    panels[0].set_ylim(len(results) - 0.4, -0.6)
    figure.supxlabel(f"time over that of {OURS}, log scale; right of 1, {OURS} is faster")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", frameon=False, ncols=len(labels))
    return figure


def draw_ratios(axes: Axes, rows: Sequence[dict[str, Any]]) -> None:
    """Draw a line of markers for each case, with the quartiles as bars."""
    axes.set_xscale("log")
    for peer in dict.fromkeys(peer for row in rows for peer in row):
        at = [(y, row[peer]) for y, row in enumerate(rows) if peer in row]
        middle = [ratio["median"] for _, ratio in at]
        below = [ratio["median"] - ratio["lower_quartile"] for _, ratio in at]
        above = [ratio["upper_quartile"] - ratio["median"] for _, ratio in at]
        axes.errorbar(
            middle,
            [y for y, _ in at],
            xerr=[below, above],
            fmt=MARKERS[peer],
            color=COLORS[peer],
            markersize=5.5,
            elinewidth=1,
            label=peer,
        )
    axes.axvline(1, color="#33415c", linewidth=1)
    plain_ticks(axes, TICKS)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e6e9ef", linewidth=0.8)
    axes.set_axisbelow(True)


def plain_ticks(axes: Axes, ticks: Sequence[float]) -> None:
    """Label a logarithmic x axis with plain numbers."""
    low, high = axes.get_xlim()
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xticks([tick for tick in ticks if low <= tick <= high])


def plot_growth(growth: Sequence[Growth], title: str) -> Figure:
    """Draw seconds of a training step over each axis, a row for each kind of layer.

    Args:
        growth: One for each kind and axis.
        title: What stands over the picture.
    """
    kinds = list(dict.fromkeys(one.kind for one in growth))
    axes_names = list(dict.fromkeys(one.axis for one in growth))
    figure = Figure(figsize=(13, 0.8 + 3.6 * len(kinds)), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", weight="bold")
    panels = figure.subplots(len(kinds), len(axes_names), squeeze=False)
    for one in growth:
        draw_growth(panels[kinds.index(one.kind)][axes_names.index(one.axis)], one)
    handles: dict[str, Any] = {}
    for axes in panels.flat:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    figure.legend(
        handles.values(), handles, loc="outside upper right", frameon=False, ncols=len(handles)
    )
    return figure


def draw_growth(axes: Axes, growth: Growth) -> None:
    """Draw the lines of one sweep; a line ends where its contestant was left out."""
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    for name, times in growth.seconds.items():
        shown = [(x, y * 1e3) for x, y in zip(growth.sizes, times, strict=True) if y is not None]
        axes.plot(
            [x for x, _ in shown],
            [y for _, y in shown],
            color=COLORS[name],
            marker=MARKERS[name],
            markersize=4.5,
            label=name,
        )
    plain_ticks(axes, growth.sizes)
    axes.set_xlabel(AXES[growth.axis])
    axes.set_ylabel("ms a training step")
    fixed = ", ".join(f"{name} {size}" for name, size in growth.fixed.items())
    axes.set_title(f"{growth.kind}: {fixed}", loc="left", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e6e9ef", linewidth=0.8)
