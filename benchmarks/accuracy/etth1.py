"""Forecast the seven columns of ETTh1 96, 192, 336 and 720 hours ahead from the last 96.

    KERAS_BACKEND=torch python benchmarks/accuracy/etth1.py --data ETTh1.csv

Protocol of the published figures: rows 0 to 8639 train, the next 2880 validate, the next 2880
test, the rest is not used; every column less its mean, in multiples of its standard deviation,
both of the training rows; windows of validation and test begin 96 rows early, stride 1, none
left out; mean squared and mean absolute error over all seven columns.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from tables import Results, parser

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


def standardized(path: Path) -> Panel:
    """Return all rows that are used."""
    rows = pd.read_csv(path, index_col=0, parse_dates=True).iloc[: TRAINING + VALIDATION + TEST]
    known = rows.iloc[:TRAINING]
    return read((rows - known.mean()) / known.std(ddof=0))


def test_windows(panel: Panel, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first test row of each window (origins,), and the values (origins, 7, horizon)."""
    origins = np.arange(TRAINING + VALIDATION, panel.lengths[0] - horizon + 1)
    table = panel.values.reshape(panel.num_series, -1).T
    windows = np.lib.stride_tricks.sliding_window_view(table, horizon, axis=0)
    return origins, windows[origins]


def errors(actual: np.ndarray, forecast: np.ndarray) -> tuple[float, float]:
    """Return mean squared and mean absolute error."""
    difference = actual - forecast
    return float(np.mean(difference**2)), float(np.mean(np.abs(difference)))


def repeat_last_day(panel: Panel, horizon: int) -> tuple[float, float]:
    """Return the errors of seasonal naive."""
    origins, actual = test_windows(panel, horizon)
    table = panel.values.reshape(panel.num_series, -1).T
    places = origins[:, None] - DAY + np.arange(horizon) % DAY
    return errors(actual, np.swapaxes(table[places], 1, 2))


def network(panel: Panel, horizon: int, seed: int, checkpoints: Path | None) -> tuple[float, float]:
    """Return the test errors of a network that has seen no test row."""
    checkpoint = None if checkpoints is None else checkpoints / f"etth1_{horizon}_{seed}"
    forecaster = Forecaster(horizon, seed=seed, checkpoint=checkpoint, quiet=False, **SETTINGS).fit(
        panel.until(TEST)
    )
    origins, actual = test_windows(panel, horizon)
    return errors(actual, np.swapaxes(forecaster.forecast_from(panel, origins), 1, 2))


def main() -> None:
    """Make the table."""
    options = parser(__doc__).parse_args()
    panel = standardized(options.data)
    names = [f"{name} {horizon}" for horizon in HORIZONS for name in ("MSE", "MAE")]
    results = Results(
        "etth1",
        "ETTh1, look-back 96, scaled errors over seven columns",
        "python benchmarks/accuracy/etth1.py --data ETTh1.csv",
        [*names, "mean MSE", "mean MAE"],
        SETTINGS,
    )
    found = [repeat_last_day(panel, horizon) for horizon in HORIZONS]
    results.add("repeat the last 24", flat(found))
    for seed in options.seeds or range(3):
        found = []
        for horizon in HORIZONS:
            found.append(network(panel, horizon, seed, options.checkpoints))
            print(f"  seed {seed}, horizon {horizon}: MSE {found[-1][0]:.4f}", flush=True)
        results.add("`segment`", flat(found))
    results.write(options.output)


def flat(found: list[tuple[float, float]]) -> list[float]:
    """Return the errors of all horizons, and their means."""
    return [*(error for pair in found for error in pair), *np.mean(found, axis=0)]


if __name__ == "__main__":
    main()
