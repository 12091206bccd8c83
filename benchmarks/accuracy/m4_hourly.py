"""Forecast the 414 hourly series of the competition M4, 48 hours ahead, by one network.

    KERAS_BACKEND=torch python benchmarks/accuracy/m4_hourly.py --data FOLDER

FOLDER holds M4-Hourly-train.csv and M4-Hourly-test.csv. Errors are averaged over series: sMAPE in
percent as the competition counts it (0 to 200), MASE in multiples of the mean error of seasonal
naive (24 hours) over the training rows, OWA from the competition's own figures for Naive 2.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from tables import Results, parser

from kerasrnn.forecasting import Forecaster, Panel, read
from kerasrnn.forecasting.baselines import naive, seasonal_naive
from kerasrnn.forecasting.metrics import owa, score

HORIZON, DAY = 48, 24
NAIVE2_SMAPE, NAIVE2_MASE = 18.383, 2.395
MEMBERS = 5
# Chosen on the last rows of the training series; see docs/accuracy.md.
SETTINGS = {
    "look_back": 14 * DAY,
    "model": "gru",
    "segment": DAY,
    "units": 128,
    "dropout": 0.1,
    "normalization": ("log", "mix"),
    "season": DAY,
    "loss": "mae",
    "stride": DAY,
    "batch_size": 512,
    "learning_rate": 2e-3,
    "epochs": 55,
    "validation": 0,
    "levels": (),
}


def training_rows(folder: Path) -> Panel:
    """Return all training series."""
    table = pd.read_csv(folder / "M4-Hourly-train.csv", index_col=0)
    values = table.to_numpy()
    series, steps = np.nonzero(~np.isnan(values))
    long = {"unique_id": table.index[series], "ds": steps, "y": values[series, steps]}
    return read(pd.DataFrame(long))


def test_rows(folder: Path) -> np.ndarray:
    """Return the rows to forecast (series, horizon)."""
    return pd.read_csv(folder / "M4-Hourly-test.csv", index_col=0).to_numpy("float64")


def errors(panel: Panel, actual: np.ndarray, forecast: np.ndarray) -> tuple[float, float, float]:
    """Return sMAPE, MASE and OWA of forecasts (series, horizon)."""
    steps = pd.DataFrame(
        {
            "unique_id": np.repeat(panel.ids, HORIZON),
            "ds": np.tile(np.arange(HORIZON), panel.num_series),
            "y": actual.ravel(),
            "forecast": forecast.ravel(),
        }
    )
    history = panel.to_frame().set_axis(["unique_id", "ds", "y"], axis=1)
    means = score(steps, history, DAY, ["forecast"]).mean()
    smape, mase = 200 * means["smape"], means["mase"]
    return smape, mase, owa(smape, mase, NAIVE2_SMAPE, NAIVE2_MASE)


def network(panel: Panel, seed: int, checkpoints: Path | None) -> np.ndarray:
    """Return the forecasts (series, horizon) of one network for all series."""
    checkpoint = None if checkpoints is None else checkpoints / f"m4_hourly_{seed}"
    forecaster = Forecaster(HORIZON, seed=seed, checkpoint=checkpoint, quiet=False, **SETTINGS)
    return forecaster.fit(panel).predict()["forecast"].to_numpy().reshape(-1, HORIZON)


def main() -> None:
    """Make the table."""
    options = parser(__doc__).parse_args()
    panel, actual = training_rows(options.data), test_rows(options.data)
    results = Results(
        "m4_hourly",
        "M4 Hourly, 414 series, 48 hours ahead, one network for all",
        "python benchmarks/accuracy/m4_hourly.py --data FOLDER",
        ["sMAPE", "MASE", "OWA"],
        SETTINGS,
    )
    histories = [panel.values[panel.rows(i)] for i in range(panel.num_series)]
    results.add("naive", errors(panel, actual, np.array([naive(h, HORIZON) for h in histories])))
    seasonal = np.array([seasonal_naive(history, HORIZON, DAY) for history in histories])
    results.add("seasonal naive", errors(panel, actual, seasonal))
    forecasts = []
    for seed in options.seeds or range(MEMBERS):
        forecasts.append(network(panel, seed, options.checkpoints))
        results.add("one network", errors(panel, actual, forecasts[-1]))
    results.add(
        f"mean of {len(forecasts)} networks", errors(panel, actual, np.mean(forecasts, axis=0))
    )
    results.write(options.output)


if __name__ == "__main__":
    main()
