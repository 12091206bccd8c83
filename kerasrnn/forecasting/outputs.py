"""Write all files of a run, or none."""

import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from kerasrnn.forecasting.errors import DataError


def check_directory(directory: Path) -> None:
    """Raise, before any work is done, where files cannot be written into a directory."""
    existing = nearest_existing(directory)
    if not existing.is_dir():
        raise DataError(f"--output {directory}: {existing} is a file; name a directory")
    if not os.access(existing, os.W_OK):
        raise DataError(f"--output {directory}: {existing} may not be written to; name another")


def nearest_existing(path: Path) -> Path:
    """Return the path, or the nearest of its parents that exists."""
    return path if path.exists() else nearest_existing(path.parent)


@contextmanager
def staged(directory: Path) -> Iterator[Path]:
    """Collect files in a temporary folder, and move them all at the end.

    They replace what is there under their names. Nothing reaches `directory` where an error
    or an interrupt comes in between.
    """
    check_directory(directory)
    place = nearest_existing(directory)
    with tempfile.TemporaryDirectory(prefix=".kerasrnn-", dir=place) as folder:
        yield Path(folder)
        directory.mkdir(parents=True, exist_ok=True)
        for path in sorted(Path(folder).iterdir()):
            target = directory / path.name
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            shutil.move(path, target)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write JSON that every reader accepts: what is not finite becomes null."""
    path.write_text(json.dumps(finite(content), indent=2) + "\n", encoding="utf-8")


def finite(value: Any) -> Any:
    """Replace what JSON cannot hold by None."""
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, np.generic):
        return finite(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
