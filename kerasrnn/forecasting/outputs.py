"""Write all files of a run, or none; and what stands in them."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kerasrnn.forecasting.data.frequency import frequency_name
from kerasrnn.forecasting.data.options import as_names
from kerasrnn.forecasting.errors import DataError

if TYPE_CHECKING:
    from kerasrnn.forecasting.backtest import Backtest

PREFIX = ".kerasrnn-"
WRITTEN = ("forecast.csv", "backtest.csv", "scores.csv", "trials.csv")


def check_directory(directory: Path, option: str = "output") -> None:
    """Raise, before any work is done, where files cannot be written into a directory."""
    existing = nearest_existing(directory)
    if not existing.is_dir():
        raise DataError(f"--{option} {directory}: {existing} is a file; name a directory")
    try:
        # Permissions alone do not tell: a file system may be read-only.
        with tempfile.TemporaryDirectory(prefix=PREFIX, dir=existing):
            pass
    except OSError as error:
        raise DataError(
            f"--{option} {directory}: {existing} cannot be written to ({error.strerror}); name "
            "another"
        ) from None


def check_apart(directory: Path, *inputs: Path | None) -> None:
    """Raise where a file that is read lies among those that are written."""
    for path in inputs:
        if path is None or path.name not in WRITTEN:
            continue
        if path.resolve().parent == directory.resolve():
            raise DataError(
                f"{path} would be overwritten by a file of that name; name another --output"
            )


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
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=place) as folder:
        yield Path(folder)
        directory.mkdir(parents=True, exist_ok=True)
        for path in sorted(Path(folder).iterdir()):
            target = directory / path.name
            if target.is_dir() and not target.is_symlink():
                shutil.rmtree(target)
            shutil.move(path, target)


def forecast_table(forecast: pd.DataFrame) -> pd.DataFrame:
    """Return what `Forecaster.predict` returned with its times as a column `ds`."""
    if "unique_id" in forecast.columns:
        return forecast
    return forecast.rename_axis("ds").reset_index()


def data_facts(result: Backtest) -> dict[str, Any]:
    """Return what was forecast and from what, by the names of the arguments of `read`."""
    panel, columns = result.panel, result.panel.columns
    return {
        "target": columns.target,
        "time": columns.time,
        "unique_id": columns.unique_id,
        "series": panel.num_series,
        "series_left_out": len(result.left_out),
        "rows": len(panel.values),
        "frequency": None if panel.frequency is None else frequency_name(panel.frequency),
        "season": result.season,
        "past": columns.past,
        "future": columns.future,
        "static": columns.static,
        "calendar": as_names(result.forecaster.calendar),
        "fill": panel.reading.fill,
        "filled": panel.num_filled,
    }


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
    if isinstance(value, (np.generic, np.ndarray)):
        return finite(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
