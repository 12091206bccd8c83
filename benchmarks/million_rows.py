"""Measure the memory that a series of a million rows takes.

    KERAS_BACKEND=torch python benchmarks/million_rows.py
    KERAS_BACKEND=jax python benchmarks/million_rows.py

Reads the series, trains a small network with a look-back of 96 on all of its windows, with
calibrated intervals, and forecasts. Printed is the largest memory of the process after each step.
"""

import resource
import sys

import keras
import numpy as np
import pandas as pd

from kerasrnn.forecasting import Forecaster, read

ROWS, LOOK_BACK, HORIZON = 1_000_000, 96, 24
UNIT = 2**20 if sys.platform == "darwin" else 2**10


def tell(step: str) -> None:
    """Print the largest memory so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / UNIT
    print(f"{step:<10} {peak:6.0f} MiB", flush=True)


def main() -> None:
    """Take the steps."""
    print(f"{keras.backend.backend()}, {ROWS:,} rows, look-back {LOOK_BACK}, horizon {HORIZON}")
    tell("imports")
    noise = np.random.default_rng(0).normal(0, 0.1, ROWS)
    values = np.sin(2 * np.pi * np.arange(ROWS) / 24) + noise
    series = pd.Series(values, index=pd.date_range("2000", periods=ROWS, freq="min"))
    tell("series")
    panel = read(series)
    tell("read")
    forecaster = Forecaster(
        HORIZON, LOOK_BACK, units=8, season=24, epochs=1, batch_size=1024, quiet=False
    ).fit(panel)
    tell("fit")
    forecaster.predict()
    tell("predict")


if __name__ == "__main__":
    main()
