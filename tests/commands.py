"""Run the kerasrnn command, in this process or in one of its own."""

import contextlib
import io
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from kerasrnn.cli import main


@dataclass
class Result:
    """How a command ended."""

    status: Any
    out: str
    err: str


def kerasrnn(*arguments: Any) -> Result:
    """Run the command in this process."""
    out, err = io.StringIO(), io.StringIO()
    command = ["kerasrnn", *map(str, arguments)]
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.object(sys, "argv", command),
    ):
        try:
            main()
            status = 0
        except SystemExit as error:
            status = error.code or 0
    return Result(status, out.getvalue(), err.getvalue())


def python_m_kerasrnn(*arguments: Any, backend: str | None) -> Result:
    """Run the command in a new process, with KERAS_BACKEND set to this or not at all."""
    environment = {k: v for k, v in os.environ.items() if k != "KERAS_BACKEND"}
    if backend is not None:
        environment["KERAS_BACKEND"] = backend
    command = [sys.executable, "-m", "kerasrnn", *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return Result(done.returncode, done.stdout, done.stderr)


def complaint(result: Result) -> str:
    """Return the one line in which a command refused its input."""
    assert (result.status, result.out) == (2, ""), result
    (line,) = result.err.splitlines()
    assert line.startswith("kerasrnn: ")
    return line


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())
