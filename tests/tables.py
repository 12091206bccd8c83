"""Tables and series for the tests of the forecasting programs."""

from pathlib import Path

import numpy as np
import pandas as pd


def write(folder: Path, content: str | bytes, name: str = "table.csv") -> Path:
    """Write a file as it stands, without touching its line ends."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def seasonal_series(rows: int, seed: int = 0) -> pd.Series:
    """Return monthly values with a trend, a season of 12 and some noise."""
    index = pd.date_range("2000-01-01", periods=rows, freq="MS", name="month")
    steps = np.arange(rows)
    noise = np.random.default_rng(seed).normal(0, 0.3, rows)
    return pd.Series(50 + 0.2 * steps + 5 * np.sin(2 * np.pi * steps / 12) + noise, index, name="y")
