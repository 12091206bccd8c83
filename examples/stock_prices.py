"""A table of stock prices: tomorrow's price cannot be forecast, the size of its move can.

The table has Date, Open, High, Low, Close and Volume; `make_stock_prices.py` made it up. A GRU
forecasts each of the last 200 days from the ten days before it: first the price, then the size of
its move in percent. The other columns are past covariates, known up to the day before; prices among
them go in as percentages, for the network cannot judge a price that it was not trained on. Whether
a forecast is worth anything, only simple forecasts of the same days can say.
"""

from start import save  # sets the backend

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from kerasrnn.forecasting import Forecaster
from make_stock_prices import FILE

HELD_OUT, SHOWN, EVEN = 200, 80, 0.01
PAST = ["Rise", "Session", "Range", "Volume"]

table = pd.read_csv(FILE, parse_dates=["Date"])
table["Rise"] = 100 * np.log(table["Close"]).diff()
table["Move"] = table["Rise"].abs()
table["Session"] = 100 * np.log(table["Close"] / table["Open"])
table["Range"] = 100 * np.log(table["High"] / table["Low"])
table = table.iloc[1:]  # the first day has no rise


def one_day_ahead(target: str, name: str, simple: pd.Series) -> pd.DataFrame:
    """Forecast the held-out days, and score the network beside naive and a simple forecast."""
    forecaster = Forecaster(horizon=1, look_back=10, levels=())
    days = table[["Date", target, *PAST]]
    result = forecaster.backtest(days, time="Date", target=target, past=PAST, folds=HELD_OUT)
    found = result.forecasts[["ds", "y", "naive"]].copy()
    found[name] = simple.to_numpy()[-HELD_OUT:]
    found["network"] = result.forecasts["network"]
    errors = found.drop(columns=["ds", "y"]).sub(found["y"], axis=0)
    rmse = np.sqrt((errors**2).mean())
    skill = 1 - rmse["network"] / rmse.drop("network").min()
    print(f"{target}, one day ahead, {HELD_OUT} days: root mean square error")
    print(rmse.to_string(float_format="%.3f"))
    verdict = "is predictable in part" if skill > EVEN else "is not predictable by this network"
    print(f"skill {skill:+.3f} over the better simple forecast: the {target} {verdict}\n")
    return found


drift = table["Close"].shift(1) + table["Close"].diff().shift(1).expanding().mean()
price = one_day_ahead("Close", "drift", drift)
recent = table["Move"].shift(1).rolling(20).mean()
move = one_day_ahead("Move", "mean of 20 days", recent)

figure = Figure(figsize=(9, 6), layout="constrained")
upper, lower = figure.subplots(2, 1, sharex=True)
for axes, found, name in ((upper, price, "naive"), (lower, move, "mean of 20 days")):
    days = found["ds"][-SHOWN:]
    axes.plot(days, found["y"][-SHOWN:], color="#9aa5b8", linewidth=4, label="actual")
    axes.plot(days, found[name][-SHOWN:], "--", color="#33415c", label=name)
    axes.plot(days, found["network"][-SHOWN:], color="#e07a1f", label="network")
    axes.legend(ncols=3)
upper.set(ylabel="close", title=f"The last {SHOWN} held-out days, one day ahead")
lower.set(ylabel="move, percent")
save(figure, "stock_prices.png")
