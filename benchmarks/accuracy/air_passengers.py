"""Forecast the monthly airline passengers of 1949 to 1960.

    KERAS_BACKEND=torch python benchmarks/accuracy/air_passengers.py

Twelve months ahead: all rows to 1959-12 are known, the twelve of 1960 are forecast at once,
with default settings; RMSE in thousand passengers and MASE. One step ahead: the network is
trained on the first 96 rows, and forecasts each row after them from those before it; scored on
rows 97 to 142 counted from 0, the ones that the published figures are about. Its arguments were
chosen among some eighty sets by their errors on rows 60 to 71 and 72 to 95, each with the rows
before them as training rows. `--validation` scores on what the arguments were chosen on: these
rows, and the years 1955 to 1959, each from the years before.
"""

import argparse
from collections.abc import Sequence

import numpy as np
import pandas as pd
from tables import Results, read_options

from kerasrnn.forecasting import Forecaster, air_passengers, read

COMMAND = "python benchmarks/accuracy/air_passengers.py"
# For each column how many rows are trained on, and which are scored.
TEST = {"RMSE": (96, range(97, 143))}
VALIDATION = {"RMSE 60 to 71": (60, range(60, 72)), "RMSE 72 to 95": (72, range(72, 96))}
ONE_STEP = {
    "look_back": 15,
    "model": "rnn",
    "units": 8,
    "normalization": ("log", "shifted"),
    "learning_rate": 1e-2,
    "validation": 0,
}
# Of validation; the table of the last year begins with the second, as docs/scores.md does.
YEARS = range(1955, 1960)


def rmse(errors: pd.Series) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.mean(errors**2)))


def year_ahead(series: pd.Series, options: argparse.Namespace) -> Results:
    """Forecast years from those before them; only the last one is of test rows."""
    title, years = "12 months ahead from 1959-12, default settings", YEARS[1:]
    if options.validation:
        title, years = "12 months ahead, the years of validation", YEARS
        series = series[series.index.year <= YEARS[-1]]
    name = "air_passengers_12_months"
    results = Results(options, name, f"AirPassengers, {title}", COMMAND, ["RMSE", "MASE"])
    if not options.validation:
        add_last_year(results, series)
    add_years(results, series, years)
    return results


def add_last_year(results: Results, series: pd.Series) -> None:
    """Add the errors of three kinds of network on the last twelve rows."""
    for model in ("gru", "lstm", "rnn"):
        for seed in results.options.seeds:
            scores = Forecaster(model=model, seed=seed).backtest(series).scores
            results.add(f"`{model}`", scores.loc["network", ["rmse", "mase"]])
    for name in ("naive", "seasonal_naive"):
        results.add(name.replace("_", " "), scores.loc[name, ["rmse", "mase"]])


def add_years(results: Results, series: pd.Series, years: Sequence[int]) -> None:
    """Add the errors of one kind of network on each year, from the years before."""
    for year in years:
        until = series[series.index.year <= year]
        for seed in results.options.seeds:
            forecaster = Forecaster(seed=seed, **results.settings)
            scores = forecaster.backtest(until).scores[["rmse", "mase"]]
            name = f"`{forecaster.model}`, {year} from the years before"
            results.add(name, scores.loc["network"])
        results.add(f"seasonal naive, {year}", scores.loc["seasonal_naive"])


def step_ahead(series: pd.Series, options: argparse.Namespace) -> Results:
    """Forecast each of some rows from those before it."""
    title, stretches = "one step ahead, trained on the first 96 rows", TEST
    if options.validation:
        title, stretches = "one step ahead, trained on the rows before", VALIDATION
    series = series.iloc[: max(scored.stop for _, scored in stretches.values())]
    name = "air_passengers_1_month"
    results = Results(options, name, f"AirPassengers, {title}", COMMAND, list(stretches), ONE_STEP)
    model = f"`{results.settings['model']}`"
    for seed in options.seeds:
        forecaster = Forecaster(1, seed=seed, **results.settings)
        tables = [step_forecasts(forecaster, series, *stretch) for stretch in stretches.values()]
        results.add(model, [rmse(table["network"] - table["y"]) for table in tables])
    for name in ("naive", "seasonal_naive"):
        results.add(name.replace("_", " "), [rmse(table[name] - table["y"]) for table in tables])
    errors = series.shift(12) + series.shift(1) - series.shift(13) - series
    results.add("y[t-12] + y[t-1] - y[t-13]", [rmse(errors.loc[table.index]) for table in tables])
    return results


def step_forecasts(
    forecaster: Forecaster, series: pd.Series, trained: int, scored: range
) -> pd.DataFrame:
    """Return forecasts of the scored rows, by a network that is trained on the first rows."""
    until = series.iloc[: scored.stop]
    table = forecaster.backtest(until, folds=scored.stop - trained, step=1).forecasts
    return table.set_index("ds").loc[series.index[scored]]


def main() -> None:
    """Make both tables."""
    options = read_options(__doc__, seeds=5, data=False)
    series = read(options.data).series(0) if options.data else air_passengers()
    for make in (year_ahead, step_ahead):
        make(series, options).write()


if __name__ == "__main__":
    main()
