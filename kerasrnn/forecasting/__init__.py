"""From a CSV file to a forecast by a recurrent network, beside naive forecasts."""

from kerasrnn.forecasting.backtest import Backtest, backtest
from kerasrnn.forecasting.data.panel import Panel
from kerasrnn.forecasting.data.reading import Reading, air_passengers, read
from kerasrnn.forecasting.errors import DataError
from kerasrnn.forecasting.forecaster import Forecaster

__all__ = [
    "Backtest",
    "DataError",
    "Forecaster",
    "Panel",
    "Reading",
    "air_passengers",
    "backtest",
    "read",
]
