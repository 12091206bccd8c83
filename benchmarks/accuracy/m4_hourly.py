"""Forecast the 414 hourly series of the competition M4, 48 hours ahead, by one network.

    KERAS_BACKEND=torch python benchmarks/accuracy/m4_hourly.py --data FOLDER

FOLDER holds M4-Hourly-train.csv and M4-Hourly-test.csv. Errors are averaged over series: sMAPE in
percent as the competition counts it (0 to 200), MASE in multiples of the mean error of seasonal
naive (24 hours) over the training rows, OWA from the competition's own figures for Naive 2, which
are of the test rows. `--validation` does not open the second file: it scores forecasts of the last
96 rows of the training series, 48 from each of three origins a day apart, by a network that is
trained on the rows before.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from tables import Results, read_options

from kerasrnn.forecasting import Backtest, Forecaster, Panel, read
from kerasrnn.forecasting.metrics import owa, score

HORIZON, DAY = 48, 24
ORIGINS = 3
NAIVE2_SMAPE, NAIVE2_MASE = 18.383, 2.395
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


def all_rows(paths: list[Path]) -> Panel:
    """Return all series, their rows from one file after the other."""
    table = pd.concat([pd.read_csv(path, index_col=0) for path in paths], axis=1)
    known = table.notna().to_numpy()
    series = np.nonzero(known)[0]
    steps = np.cumsum(known, axis=1)[known]
    values = table.to_numpy("float64")[known]
    return read(pd.DataFrame({"unique_id": table.index[series], "ds": steps, "y": values}))


def network(results: Results, panel: Panel, seed: int) -> Backtest:
    """Return the forecasts of the last rows by one network for all series."""
    forecaster = Forecaster(
        HORIZON, seed=seed, checkpoint=results.checkpoint(seed), quiet=False, **results.settings
    )
    folds = ORIGINS if results.options.validation else 1
    return forecaster.backtest(panel, folds=folds, step=DAY)


def errors(results: Results, backtest: Backtest, name: str) -> list[float]:
    """Return sMAPE, MASE and, on test rows, OWA of one column of the forecasts."""
    means = score(backtest.forecasts, backtest.history, DAY, [name]).mean()
    smape, mase = 200 * means["smape"], means["mase"]
    return [smape, mase, owa(smape, mase, NAIVE2_SMAPE, NAIVE2_MASE)][: len(results.columns)]


def main() -> None:
    """Make the table."""
    options = read_options(__doc__, seeds=5)
    title = "M4 Hourly, 414 series, 48 hours ahead, one network for all"
    results = Results(
        options,
        "m4_hourly",
        title + ", validation rows" * options.validation,
        "python benchmarks/accuracy/m4_hourly.py --data FOLDER",
        ["sMAPE", "MASE"] if options.validation else ["sMAPE", "MASE", "OWA"],
        SETTINGS,
    )
    names = ["train"] if options.validation else ["train", "test"]
    panel = all_rows([options.data / f"M4-Hourly-{name}.csv" for name in names])
    forecasts = []
    for seed in options.seeds:
        found = network(results, panel, seed)
        forecasts.append(found.forecasts["network"])
        results.add("one network", errors(results, found, "network"))
    found.forecasts["mean"] = np.mean(forecasts, axis=0)
    results.add(f"mean of {len(forecasts)} networks", errors(results, found, "mean"))
    for name in ("seasonal_naive", "naive"):
        results.add(name.replace("_", " "), errors(results, found, name))
    results.write()


if __name__ == "__main__":
    main()
