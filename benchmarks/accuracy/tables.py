"""What the accuracy benchmarks share: their options, and the table that they keep."""

import argparse
import ast
import inspect
import json
import os
import platform
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kerasrnn  # isort: skip  (picks the backend)
import keras
import numpy as np

from kerasrnn.forecasting import Forecaster

RESULTS = Path(__file__).parent.parent / "results" / "accuracy"
# Arguments of the forecaster that the programs give themselves.
FIXED = {"horizon", "seed", "checkpoint", "quiet"}


def read_options(
    description: str, *, seeds: int, data: bool = True, fixed: Sequence[str] = ()
) -> argparse.Namespace:
    """Return what was asked for on the command line.

    Args:
        description: Of the benchmark.
        seeds: How many seeds there are by default.
        data: Whether `--data` must be given.
        fixed: Further arguments of the forecaster that `--set` may not change.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, required=data, help="where the data are")
    add("--seeds", type=int, nargs="+", default=range(seeds), help="seeds to train with")
    add("--output", type=Path, help="folder of the tables; with --validation there is no default")
    add("--checkpoints", type=Path, help="folder to go on from after an interrupt")
    add("--validation", action="store_true", help="score on validation rows, and see no test row")
    add(
        "--set",
        type=setting,
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=VALUE",
        help="with --validation: other arguments of Forecaster, such as units=256 loss=mse",
    )
    options = parser.parse_args()
    options.set = dict(options.set)
    known = inspect.signature(Forecaster).parameters.keys() - FIXED - set(fixed)
    if options.set and not options.validation:
        parser.error("--set goes with --validation: nothing is chosen on test rows")
    if unknown := options.set.keys() - known:
        parser.error(f"--set takes {', '.join(sorted(known))}. Got {', '.join(sorted(unknown))}")
    if options.output is None and not options.validation:
        options.output = RESULTS
    return options


def setting(text: str) -> tuple[str, Any]:
    """Return name and value of NAME=VALUE; what Python cannot read is text."""
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE. Got {text!r}")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


@dataclass
class Results:
    """A table of errors over seeds, written as JSON and Markdown.

    Tables of validation rows have files of their own.

    Attributes:
        options: What was asked for.
        name: Of the files, without suffix.
        title: What was forecast, and how.
        command: That made the table.
        columns: Names of the errors.
        rows: For each name of a forecast the errors of every seed; one alone where nothing is
            random.
        settings: What was trained, with what `--set` changes.
    """

    options: argparse.Namespace
    name: str
    title: str
    command: str
    columns: Sequence[str]
    settings: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, list[Sequence[float]]] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        changes = [f"{k}={v}".replace("'", '"') for k, v in self.options.set.items()]
        self.settings = {**self.settings, **self.options.set}
        if self.options.validation:
            self.name += "_validation"
            self.command += " --validation" + " --set " * bool(changes) + shlex.join(changes)

    def checkpoint(self, *run: int) -> Path | None:
        """Return the folder of one training of the table, if any is kept."""
        if self.options.checkpoints is None:
            return None
        return self.options.checkpoints / "_".join(map(str, (self.name, *run)))

    def add(self, name: str, errors: Sequence[float]) -> None:
        """Add the errors of one seed, and print them."""
        self.rows.setdefault(name, []).append([float(error) for error in errors])
        shown = "  ".join(f"{c} {e:.4f}" for c, e in zip(self.columns, errors, strict=True))
        print(f"{time.monotonic() - self.started:6.0f} s  {name}: {shown}", flush=True)

    def write(self) -> None:
        """Print the table, and write both files where there is a folder for them."""
        content = {
            "title": self.title,
            "command": self.command,
            "columns": list(self.columns),
            "errors": self.rows,
            "settings": self.settings,
            "minutes": round((time.monotonic() - self.started) / 60, 1),
            "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores",
            "backend": keras.backend.backend(),
            "versions": {"kerasrnn": kerasrnn.__version__, "keras": keras.__version__},
        }
        markdown = self.markdown(content)
        print(markdown)
        if self.options.output is None:
            return
        self.options.output.mkdir(parents=True, exist_ok=True)
        path = self.options.output / f"{self.name}.json"
        path.write_text(json.dumps(content, indent=2, default=str) + "\n", encoding="utf-8")
        path.with_suffix(".md").write_text(markdown, encoding="utf-8")
        print(f"wrote {path} and {path.with_suffix('.md')}")

    def markdown(self, content: dict[str, Any]) -> str:
        """Return the table with mean and standard deviation over seeds."""
        lines = [f"# {self.title}", "", f"    {self.command}", ""]
        lines.append("| | seeds | " + " | ".join(self.columns) + " |")
        lines.append("|---" * (len(self.columns) + 2) + "|")
        for name, errors in self.rows.items():
            mean, spread = np.mean(errors, axis=0), np.std(errors, axis=0)
            cells = [
                f"{m:.3f} ± {s:.3f}" if len(errors) > 1 else f"{m:.3f}"
                for m, s in zip(mean, spread, strict=True)
            ]
            lines.append(f"| {name} | {len(errors)} | " + " | ".join(cells) + " |")
        lines += ["", f"{content['minutes']} minutes on {content['machine']}, Keras "]
        lines[-1] += f"{content['versions']['keras']} on {content['backend']}."
        lines += ["", "Mean and standard deviation over seeds."]
        settings = ", ".join(f"`{key}={value!r}`" for key, value in self.settings.items())
        lines += ["", f"`Forecaster` with {settings or 'its default arguments'}."]
        return "\n".join(lines) + "\n"
