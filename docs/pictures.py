"""Make all pictures of the docs anew, in the folder that holds their pages.

    KERAS_BACKEND=jax python docs/pictures.py [FOLDER]

Without FOLDER it is docs/ itself. A picture of forecasting.md and recipes.md is
`images/NAME/FILE`: what a command of the page with `--output NAME` wrote as FILE. The charts of
speed.md, and that of trained memories in forgetting.md, are drawn from the numbers in
benchmarks/results, the diagrams of five_kinds.md by five_kinds.py.
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from kerasrnn.benchmark.growth import Growth
from kerasrnn.benchmark.plots import draw_growth, draw_ratios

DOCS = Path(__file__).parent
RESULTS = DOCS.parent / "benchmarks" / "results"
PAGES = ("forecasting.md", "recipes.md", "forgetting.md")
# Narrow enough to be read on a phone.
WIDTH = 4.8


def run_blocks(page: str, folder: Path) -> None:
    """Run the Python and shell blocks of a page, in their order."""
    for language, block in re.findall(r"^```(python|sh)\n(.*?)^```", page, re.M | re.S):
        if language == "python":
            subprocess.run([sys.executable, "-c", block], cwd=folder, check=True)
            continue
        for line in block.splitlines():
            if line.startswith("kerasrnn "):
                command = [sys.executable, "-m", *shlex.split(line, comments=True)]
                subprocess.run(command, cwd=folder, check=True)


def take_pictures(name: str, docs: Path) -> None:
    """Run a page, and take the pictures that it shows."""
    page = (docs / name).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        run_blocks(page, Path(folder))
        for picture in re.findall(r"\]\(images/([^/)]+/[^)]+)\)", page):
            (docs / "images" / picture).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path(folder) / picture, docs / "images" / picture)


def ratios(cases: list[dict[str, Any]], action: str) -> Figure:
    """Draw every case's ratios of inference, or of training."""
    figure = Figure(figsize=(WIDTH, 0.9 + 0.27 * len(cases)), layout="constrained")
    axes = figure.subplots()
    draw_ratios(axes, [case[action]["ratios"] for case in cases])
    axes.set_yticks(range(len(cases)), [case["name"] for case in cases], fontsize=9)
    axes.set_ylim(len(cases) - 0.4, -0.6)
    axes.set_xlabel("time over that of kerasrnn; right of 1 kerasrnn is faster", fontsize=8)
    figure.legend(loc="outside upper right", frameon=False, ncols=3, fontsize=9)
    return figure


def growth(results: list[dict[str, Any]], kind: str) -> Figure:
    """Draw how a training step of one kind of layer grows."""
    sweeps = [Growth(**one) for one in results if one["kind"] == kind]
    figure = Figure(figsize=(WIDTH, 2.6 * len(sweeps)), layout="constrained")
    panels = figure.subplots(len(sweeps))
    for axes, sweep in zip(panels, sweeps, strict=True):
        draw_growth(axes, sweep)
    handles = {
        label: handle
        for axes in panels
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    figure.legend(
        handles.values(), handles, loc="outside upper right", frameon=False, ncols=4, fontsize=9
    )
    return figure


def draw_benchmarks(docs: Path) -> None:
    """Draw the charts of speed.md, and that of trained memories."""
    folder = docs / "images" / "speed"
    folder.mkdir(parents=True, exist_ok=True)
    for backend in ("torch", "jax"):
        results = json.loads((RESULTS / backend / "bench.json").read_text(encoding="utf-8"))
        figures = {action: ratios(results["cases"], action) for action in ("inference", "training")}
        figures["growth"] = growth(results["growth"], "LSTM")
        for name, figure in figures.items():
            figure.savefig(folder / f"{backend}-{name}.png", dpi=150)
    program = RESULTS.parent / "long_memory.py"
    command = [sys.executable, program, "--draw", docs / "images" / "long_memory.png"]
    subprocess.run(command, check=True)


def main(docs: Path) -> None:
    """Make all pictures anew."""
    draw_benchmarks(docs)
    diagrams = [DOCS / "five_kinds.py", docs / "images" / "five_kinds"]
    subprocess.run([sys.executable, *diagrams], check=True)
    for name in PAGES:
        take_pictures(name, docs)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute() if sys.argv[1:] else DOCS)
