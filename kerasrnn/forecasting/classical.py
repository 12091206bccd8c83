"""Classical forecasts beside the network's: ETS, Theta and ARIMA of statsforecast."""

import warnings
from importlib.util import find_spec

import numpy as np
import pandas as pd

from kerasrnn.forecasting.errors import DataError

CLASSICAL = ("AutoETS", "AutoTheta", "AutoARIMA")


def require_statsforecast() -> None:
    """Raise where statsforecast is not installed."""
    if find_spec("statsforecast") is None:
        raise DataError(
            "--classical needs statsforecast, which is not installed; pip install "
            '"kerasrnn[classical]", or leave --classical out'
        )


def classical_forecasts(
    histories: list[np.ndarray], horizon: int, season: int
) -> dict[str, np.ndarray]:
    """Return the forecasts (series, horizon) of each classical method, by name.

    Args:
        histories: Values of each series, (time,).
        horizon: Steps to forecast.
        season: Steps in a season.

    Raises:
        DataError: statsforecast is not installed.
    """
    require_statsforecast()
    from statsforecast import StatsForecast
    from statsforecast.models import AutoARIMA, AutoETS, AutoTheta

    frame = pd.DataFrame(
        {
            "unique_id": np.repeat(np.arange(len(histories)), [len(part) for part in histories]),
            "ds": np.concatenate([np.arange(len(part)) for part in histories]),
            "y": np.concatenate(histories),
        }
    )
    models = [kind(season_length=season) for kind in (AutoETS, AutoTheta, AutoARIMA)]
    with warnings.catch_warnings():
        # Their search tries models that do not fit, and warns of each.
        warnings.simplefilter("ignore")
        table = StatsForecast(models=models, freq=1, n_jobs=1).forecast(df=frame, h=horizon)
    table = table.sort_values(["unique_id", "ds"])
    return {name: table[name].to_numpy("float64").reshape(-1, horizon) for name in CLASSICAL}
