"""Forecast the monthly airline passengers of 1949 to 1960.

    KERAS_BACKEND=torch python benchmarks/accuracy/air_passengers.py

Twelve months ahead: all rows to 1959-12 are known, the twelve of 1960 are forecast at once,
with default settings; RMSE in thousand passengers and MASE. One step ahead: the network is
trained on the first 96 rows, and forecasts each row after them from those before it; scored on
rows 97 to 142 counted from 0, the ones that the published figures are about. Its arguments were
chosen among some eighty sets by their errors on rows 60 to 71 and 72 to 95, each with the rows
before them as training rows.
"""

import numpy as np
import pandas as pd
from tables import Results, parser

from kerasrnn.forecasting import Forecaster, air_passengers, read

FIRST, LAST = 97, 142
ONE_STEP = {
    "horizon": 1,
    "look_back": 15,
    "model": "rnn",
    "units": 8,
    "normalization": ("log", "shifted"),
    "learning_rate": 1e-2,
    "validation": 0,
}
EARLIER_YEARS = (1956, 1957, 1958, 1959)


def rmse(errors: pd.Series) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.mean(errors**2)))


def year_ahead(series: pd.Series, seeds: list[int], command: str) -> Results:
    """Forecast the last twelve rows, with three kinds of network."""
    results = Results(
        "air_passengers_12_months",
        "AirPassengers, 12 months ahead from 1959-12, default settings",
        command,
        ["RMSE", "MASE"],
    )
    for model in ("gru", "lstm", "rnn"):
        for seed in seeds:
            scores = Forecaster(model=model, seed=seed).backtest(series).scores
            results.add(f"`{model}`", scores.loc["network", ["rmse", "mase"]])
    for name in ("naive", "seasonal_naive"):
        results.add(name.replace("_", " "), scores.loc[name, ["rmse", "mase"]])
    for year in EARLIER_YEARS:
        until = series[series.index.year <= year]
        for seed in seeds:
            scores = Forecaster(seed=seed).backtest(until).scores
            results.add(
                f"`gru`, {year} from the years before", scores.loc["network", ["rmse", "mase"]]
            )
        results.add(f"seasonal naive, {year}", scores.loc["seasonal_naive", ["rmse", "mase"]])
    return results


def step_ahead(series: pd.Series, seeds: list[int], command: str) -> Results:
    """Forecast each of the last rows from those before it."""
    results = Results(
        "air_passengers_1_month",
        "AirPassengers, one step ahead, trained on the first 96 rows",
        command,
        ["RMSE"],
        ONE_STEP,
    )
    scored = series.index[FIRST : LAST + 1]
    for seed in seeds:
        forecaster = Forecaster(seed=seed, **ONE_STEP)
        table = forecaster.backtest(series, folds=len(series) - 96, step=1).forecasts
        table = table.set_index("ds").loc[scored]
        results.add("`rnn`", [rmse(table["network"] - table["y"])])
    for name in ("naive", "seasonal_naive"):
        results.add(name.replace("_", " "), [rmse(table[name] - table["y"])])
    airline = series.shift(12) + series.shift(1) - series.shift(13)
    results.add("y[t-12] + y[t-1] - y[t-13]", [rmse((airline - series).loc[scored])])
    return results


def main() -> None:
    """Make both tables."""
    options = parser(__doc__, data=False).parse_args()
    series = read(options.data).series(0) if options.data else air_passengers()
    seeds = options.seeds or list(range(5))
    command = "python benchmarks/accuracy/air_passengers.py"
    for make in (year_ahead, step_ahead):
        make(series, seeds, command).write(options.output)


if __name__ == "__main__":
    main()
