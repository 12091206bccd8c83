"""From a CSV file to a forecast by a recurrent network, beside naive forecasts."""

from kerasrnn.forecasting.backtest import HoldOut, hold_out
from kerasrnn.forecasting.data import DataError, Reading, air_passengers, read_csv
from kerasrnn.forecasting.forecaster import Forecaster

__all__ = [
    "DataError",
    "Forecaster",
    "HoldOut",
    "Reading",
    "air_passengers",
    "hold_out",
    "read_csv",
]
