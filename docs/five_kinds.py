"""Draw the five kinds of sequence problem, a file for each.

    python docs/five_kinds.py [FOLDER]

Without FOLDER it is docs/images/five_kinds.
"""

import sys
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

FOLDER = Path(__file__).parent / "images" / "five_kinds"
INPUT, STATE, OUTPUT = 0, 1, 2  # rows, from the bottom
RIM = 11  # from the middle of a box, in points
COLOURS = ("#c9d3e3", "#1b7f5c", "#f2b27a")

# Which steps have an input, and which an output.
KINDS = {
    "one_to_one": ([0], [0]),
    "one_to_many": ([0], [0, 1, 2, 3]),
    "many_to_one": ([0, 1, 2, 3], [3]),
    "many_to_many_equal": ([0, 1, 2, 3], [0, 1, 2, 3]),
    "many_to_many_unequal": ([0, 1, 2], [3, 4, 5]),
}


def arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], style: str) -> None:
    """Draw an arrow between the rims of two boxes."""
    shape = {"arrowstyle": "->", "linestyle": style, "color": "#33415c"}
    axes.annotate("", end, start, arrowprops=shape | {"shrinkA": RIM, "shrinkB": RIM})


def draw(inputs: list[int], outputs: list[int], fed_back: bool) -> Figure:
    """Draw the steps from left to right, inputs below and outputs above."""
    steps = range(max(*inputs, *outputs) + 1)
    figure = Figure(figsize=(1 + 0.7 * len(steps), 2.1), layout="constrained")
    axes = figure.subplots()
    for row, columns in ((INPUT, inputs), (STATE, steps), (OUTPUT, outputs)):
        axes.scatter(columns, [row] * len(columns), 420, COLOURS[row], marker="s")
    for step in steps:
        if step:
            arrow(axes, (step - 1, STATE), (step, STATE), "-")
        if step in inputs:
            arrow(axes, (step, INPUT), (step, STATE), "-")
        if step in outputs:
            arrow(axes, (step, STATE), (step, OUTPUT), "-")
        if fed_back and step - 1 in outputs:
            arrow(axes, (step - 1, OUTPUT), (step, STATE), "--")
    axes.set(xlim=(-0.6, len(steps) - 0.4), ylim=(-0.5, 2.5), xticks=[])
    axes.set_yticks(range(3), ["input", "state", "output"])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def main(folder: Path) -> None:
    """Draw all five."""
    folder.mkdir(parents=True, exist_ok=True)
    mpl.rcParams.update({"svg.hashsalt": "kerasrnn", "svg.fonttype": "none"})
    for name, (inputs, outputs) in KINDS.items():
        figure = draw(inputs, outputs, fed_back=name == "many_to_many_unequal")
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else FOLDER)
