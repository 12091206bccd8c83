"""What the accuracy benchmarks share: their options, and the table that they keep."""

import argparse
import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

import kerasrnn

RESULTS = Path(__file__).parent.parent / "results" / "accuracy"


def parser(description: str, *, data: bool = True) -> argparse.ArgumentParser:
    """Return a parser with the options that all benchmarks have."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--data", type=Path, required=data, help="where the data are")
    made.add_argument("--seeds", type=int, nargs="+", help="seeds to train with")
    made.add_argument("--output", type=Path, default=RESULTS, help="folder of the tables")
    made.add_argument("--checkpoints", type=Path, help="folder to go on from after an interrupt")
    return made


@dataclass
class Results:
    """A table of errors over seeds, written as JSON and Markdown.

    Attributes:
        name: Of the files, without suffix.
        title: What was forecast, and how.
        command: That made the table.
        columns: Names of the errors.
        rows: For each name of a forecast the errors of every seed; one alone where nothing is
            random.
        settings: What was trained.
    """

    name: str
    title: str
    command: str
    columns: Sequence[str]
    settings: dict[str, Any] = field(default_factory=dict)
    rows: dict[str, list[Sequence[float]]] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def add(self, name: str, errors: Sequence[float]) -> None:
        """Add the errors of one seed, and print them."""
        self.rows.setdefault(name, []).append([float(error) for error in errors])
        shown = "  ".join(f"{c} {e:.4f}" for c, e in zip(self.columns, errors, strict=True))
        print(f"{time.monotonic() - self.started:6.0f} s  {name}: {shown}", flush=True)

    def write(self, folder: Path) -> None:
        """Write both files."""
        folder.mkdir(parents=True, exist_ok=True)
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
        path = folder / f"{self.name}.json"
        path.write_text(json.dumps(content, indent=2, default=str) + "\n", encoding="utf-8")
        path.with_suffix(".md").write_text(self.markdown(content), encoding="utf-8")
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
