"""The picture of gradients through time."""

from __future__ import annotations

from collections.abc import Mapping
from reprlib import repr as in_short

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kerasrnn.diagnostics.flow import GradientFlow

COLORS = ("#e07a1f", "#1b7f5c", "#4c6fb1", "#b3263a", "#7b8794", "#8a6d00")
MARKERS = ("o", "s", "^", "D", "v", "P")
PANEL_WIDTH, HEIGHT, MARKS = 3.3, 3.8, 10
# Below it nothing is left to see.
LEAST = 1e-30


def plot_gradient_flow(flows: GradientFlow | Mapping[str, GradientFlow]) -> Figure:
    """Draw how gradients shrink or grow on their way back, on a logarithmic scale.

    Panels: norms of dL/dh_t, as shares of the largest; largest singular values of dh_t/dh_1;
    and, where there is an LSTM, of dC_t/dC_1. Below a panel stands where a curve has left it.

    Args:
        flows: What `gradient_flow` returned, or several under names.

    Raises:
        ValueError: there is no flow.
    """
    named = flows if isinstance(flows, Mapping) else {"": flows}
    if not named or not all(isinstance(flow, GradientFlow) for flow in named.values()):
        raise ValueError(f"expected a GradientFlow, or several under names. Got {in_short(flows)}.")
    lines = [
        (", ".join(filter(None, (name, cell if len(flow.names) > 1 or not name else ""))), flow, i)
        for name, flow in named.items()
        for i, cell in enumerate(flow.names)
    ]
    has_cell = any(np.isfinite(flow.cell[i]).any() for _, flow, i in lines)
    count = 3 if has_cell else 2
    figure = Figure(figsize=(PANEL_WIDTH * count, HEIGHT), layout="constrained")
    panels = figure.subplots(1, count)
    titles = ("Gradient of the loss", "Hidden state", "Cell state of the LSTM")
    labels = (
        r"norm of $\partial L/\partial h_t$ over the largest",
        r"largest singular value of $\partial h_t/\partial h_1$",
        r"largest singular value of $\partial C_t/\partial C_1$",
    )
    for axes, title, label in zip(panels, titles, labels, strict=False):
        dress(axes, title, label)
    for number, (name, flow, i) in enumerate(lines):
        norms = flow.gradients[i]
        gradients = norms / max(norms[np.isfinite(norms)].max(initial=0), LEAST)
        for axes, values in zip(panels, (gradients, flow.hidden[i], flow.cell[i]), strict=False):
            if not np.isnan(values).all():
                draw(axes, values, number, name)
                axes.set_xlabel("\n".join([axes.get_xlabel(), *left_out(values, name)]))
    longest = max(flow.hidden.shape[1] for flow in named.values())
    for axes in panels:
        axes.set_xlim(0.5, longest + 0.5)
        axes.axhline(1, color="#7b8794", linewidth=0.8, linestyle=":", zorder=0)
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower left", frameon=False, ncols=4)
    return figure


def left_out(values: np.ndarray, name: str) -> list[str]:
    """Say at which steps a curve is too low or too high to be drawn."""
    kinds = {f"below {LEAST:g}": values <= LEAST, "infinite": np.isposinf(values)}
    found = [(kind, np.flatnonzero(where) + 1) for kind, where in kinds.items()]
    return [f"{name}: {kind}, steps {at[0]} to {at[-1]}" for kind, at in found if len(at)]


def draw(axes: Axes, values: np.ndarray, number: int, name: str) -> None:
    """Draw one curve; what is zero or beyond all numbers is not shown."""
    steps = np.arange(1, len(values) + 1)
    shown = np.isfinite(values) & (values > LEAST)
    axes.plot(
        steps,
        np.where(shown, values, np.nan),
        color=COLORS[number % len(COLORS)],
        marker=MARKERS[number % len(MARKERS)],
        markevery=max(1, len(steps) // MARKS),
        markersize=4,
        linewidth=1.5,
        label=name,
    )


def dress(axes: Axes, title: str, label: str) -> None:
    """Give a panel its title, labels and scale."""
    axes.set_title(title, loc="left", weight="bold")
    axes.set_ylabel(label)
    axes.set_xlabel("step t")
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e6e9ef", linewidth=0.8)
    axes.set_axisbelow(True)
