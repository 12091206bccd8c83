"""Forecast the last year of the built-in table with five seeds.

    KERAS_BACKEND=jax python benchmarks/air_passengers.py

prints the RMSE of the twelve held-out months of 1960, in thousands of passengers: of the
networks, of the base forecast with growth that they correct, and of naive forecasts; then
that of the default network for the years before, each forecast from the rows before it.
"""

import keras
import numpy as np
import pandas as pd

from kerasrnn.forecasting import Forecaster, HoldOut, air_passengers, hold_out
from kerasrnn.forecasting.scaling import base_forecast

SEEDS = range(5)
EARLIER_YEARS = (1956, 1957, 1958, 1959)


def base_rmse(result: HoldOut) -> float:
    """Return the error of what the network starts from."""
    fitted, scaling = result.forecaster, result.forecaster.scaling_
    window = fitted.history_.to_numpy("float64")[None, -fitted.look_back_ :]
    z = np.log(window) if scaling.log else window
    base = base_forecast(z, scaling.base, fitted.horizon, scaling.season)[0] + scaling.growth
    forecast = np.exp(base) if scaling.log else base
    return float(np.sqrt(np.mean((forecast - result.actual.to_numpy()) ** 2)))


def main() -> None:
    """Print a row for each kind of network, and the naive forecasts."""
    series = air_passengers()
    rows = {}
    for model in ("rnn", "lstm", "gru"):
        results = [hold_out(Forecaster(model=model, seed=seed), series) for seed in SEEDS]
        rows[model] = [result.scores.loc["network", "rmse"] for result in results]
        others = results[0].scores["rmse"].drop("network")
        others["base and growth"] = base_rmse(results[0])
    table = pd.DataFrame(rows, index=[f"seed {seed}" for seed in SEEDS]).T
    table["mean"] = table.mean(axis=1)
    print(f"keras {keras.__version__} on {keras.backend.backend()}")
    print(table.round(2).to_string())
    print(others.round(2).to_string())
    for year in EARLIER_YEARS:
        until = series[series.index.year <= year]
        results = [hold_out(Forecaster(seed=seed), until) for seed in SEEDS]
        errors = [result.scores.loc["network", "rmse"] for result in results]
        seasonal = results[0].scores.loc["seasonal_naive", "rmse"]
        print(f"{year}: gru, mean of seeds {np.mean(errors):.2f}, seasonal naive {seasonal:.2f}")


if __name__ == "__main__":
    main()
