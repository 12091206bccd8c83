"""Forecast the seven columns of ETTh1 96, 192, 336 and 720 hours ahead from the last 96.

    KERAS_BACKEND=torch python benchmarks/accuracy/etth1.py --data ETTh1.csv

Protocol of the published figures: rows 0 to 8639 train, the next 2880 validate, the next 2880
test, the rest is not used; every column less its mean, in multiples of its standard deviation,
both of the training rows; windows of validation and test begin 96 rows early, stride 1, none
left out; mean squared and mean absolute error over all seven columns. `--validation` scores the
same networks on the validation rows, and reads no row after them; early stopping has looked at
the same rows, so that errors there are on the low side.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from tables import Results, read_options

from kerasrnn.forecasting import Forecaster, Panel, read

TRAINING, VALIDATION, TEST = 8640, 2880, 2880
LOOK_BACK, HORIZONS, DAY = 96, (96, 192, 336, 720), 24
# Chosen on validation rows; see docs/accuracy.md.
SETTINGS = {
    "look_back": LOOK_BACK,
    "model": "segment",
    "segment": DAY,
    "units": 128,
    "dropout": 0.5,
    "normalization": "last",
    "series_scale": "deviation",
    "cycle": DAY,
    "embed_series": True,
    "loss": "mae",
    "num_members": 3,
    "epochs": 8,
    "patience": 3,
    "learning_rate": 1e-3,
    "batch_size": 256,
    "validation": VALIDATION,
    "levels": (),
}


def standardized(path: Path, num_rows: int) -> Panel:
    """Return the first rows."""
    rows = pd.read_csv(path, index_col=0, parse_dates=True, nrows=num_rows)
    known = rows.iloc[:TRAINING]
    return read((rows - known.mean()) / known.std(ddof=0))


def scored_windows(panel: Panel, first: int, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first scored row of each window (origins,), and values (origins, 7, horizon)."""
    origins = np.arange(first, panel.lengths[0] - horizon + 1)
    table = panel.values.reshape(panel.num_series, -1).T
    windows = np.lib.stride_tricks.sliding_window_view(table, horizon, axis=0)
    return origins, windows[origins]


def repeat_last_day(panel: Panel, first: int, horizon: int) -> tuple[float, float]:
    """Return the errors of seasonal naive."""
    origins, actual = scored_windows(panel, first, horizon)
    table = panel.values.reshape(panel.num_series, -1).T
    places = origins[:, None] - DAY + np.arange(horizon) % DAY
    return errors(actual, np.swapaxes(table[places], 1, 2))


def network(
    results: Results, panel: Panel, first: int, horizon: int, seed: int
) -> tuple[float, float]:
    """Return the errors of a network that has seen no test row."""
    checkpoint = results.checkpoint(horizon, seed)
    forecaster = Forecaster(
        horizon, seed=seed, checkpoint=checkpoint, quiet=False, **results.settings
    )
    forecaster.fit(panel.until(panel.lengths - TRAINING - VALIDATION))
    origins, actual = scored_windows(panel, first, horizon)
    return errors(actual, np.swapaxes(forecaster.forecast_from(panel, origins), 1, 2))


def errors(actual: np.ndarray, forecast: np.ndarray) -> tuple[float, float]:
    """Return mean squared and mean absolute error."""
    difference = actual - forecast
    return float(np.mean(difference**2)), float(np.mean(np.abs(difference)))


def main() -> None:
    """Make the table."""
    # Validation rows are held out as the protocol says, whatever else is set.
    options = read_options(__doc__, seeds=3, fixed=["validation"])
    names = [f"{name} {horizon}" for horizon in HORIZONS for name in ("MSE", "MAE")]
    title = "ETTh1, look-back 96, scaled errors over seven columns"
    results = Results(
        options,
        "etth1",
        title + ", validation rows" * options.validation,
        "python benchmarks/accuracy/etth1.py --data ETTh1.csv",
        [*names, "mean MSE", "mean MAE"],
        SETTINGS,
    )
    first = TRAINING if options.validation else TRAINING + VALIDATION
    panel = standardized(options.data, first + (VALIDATION if options.validation else TEST))
    found = [repeat_last_day(panel, first, horizon) for horizon in HORIZONS]
    results.add("repeat the last 24", flat(found))
    for seed in options.seeds:
        found = []
        for horizon in HORIZONS:
            found.append(network(results, panel, first, horizon, seed))
            print(f"  seed {seed}, horizon {horizon}: MSE {found[-1][0]:.4f}", flush=True)
        results.add(f"`{results.settings['model']}`", flat(found))
    results.write()


def flat(found: list[tuple[float, float]]) -> list[float]:
    """Return the errors of all horizons, and their means."""
    return [*(error for pair in found for error in pair), *np.mean(found, axis=0)]


if __name__ == "__main__":
    main()
