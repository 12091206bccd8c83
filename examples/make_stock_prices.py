"""Write stock_prices.csv: 1000 business days of a made-up share.

The logarithm of the price is a random walk, so that nothing in the table tells which way it will
go. The size of its steps comes in quiet and wild stretches, and the volume goes with it.
"""

from pathlib import Path

import numpy as np
import pandas as pd

DAYS = 1000
FILE = Path(__file__).with_name("stock_prices.csv")


def stock_prices() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    log_volatility = np.zeros(DAYS)
    for day in range(1, DAYS):
        log_volatility[day] = 0.97 * log_volatility[day - 1] + 0.2 * rng.normal()
    volatility = 0.012 * np.exp(log_volatility)
    gap, session = rng.normal(size=(2, DAYS)) * volatility * [[0.5], [0.85]]
    close = 100 * np.exp(np.cumsum(gap + session))
    opened = close * np.exp(-session)
    above, below = np.exp(np.abs(rng.normal(size=(2, DAYS))) * volatility / 2)
    volume = 2000 * np.exp(0.6 * log_volatility + 0.2 * rng.normal(size=DAYS))
    prices = {
        "Open": opened,
        "High": np.maximum(opened, close) * above,
        "Low": np.minimum(opened, close) / below,
        "Close": close,
    }
    table = pd.DataFrame(prices).round(2)
    table.insert(0, "Date", pd.bdate_range("2020-01-01", periods=DAYS).strftime("%Y-%m-%d"))
    return table.assign(Volume=(100 * volume.round()).astype(int))


if __name__ == "__main__":
    stock_prices().to_csv(FILE, index=False, float_format="%.2f", lineterminator="\n")
