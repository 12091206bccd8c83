"""Score a forecaster on rows that it has not seen, beside the naive forecasts."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from kerasrnn.forecasting.baselines import naive, seasonal_naive
from kerasrnn.forecasting.data import DataError
from kerasrnn.forecasting.forecaster import Forecaster
from kerasrnn.forecasting.metrics import NAIVE, NETWORK, SEASONAL_NAIVE, score, skill


@dataclass(frozen=True)
class HoldOut:
    """A forecast of the last rows from those before them.

    Attributes:
        forecaster: The one that was fitted, on all rows but the last.
        actual: The rows held out.
        forecast: What was forecast for them.
        scores: A row for the network, naive and seasonal naive each; see
            `kerasrnn.forecasting.metrics.score`.
        skill: How far the network's RMSE lies below the better naive one's; see
            `kerasrnn.forecasting.metrics.skill`.
    """

    forecaster: Forecaster
    actual: pd.Series
    forecast: pd.Series
    scores: pd.DataFrame
    skill: float


def hold_out(forecaster: Forecaster, series: pd.Series) -> HoldOut:
    """Fit a copy of a forecaster on all but the last `horizon` rows, and forecast those.

    Nothing about the held-out rows reaches the fit: scaling, choice of base forecast and
    early stopping see the rows before them only.

    Raises:
        DataError: the rows before the held-out ones are too few.
    """
    horizon = forecaster.horizon
    if len(series) <= horizon:
        raise DataError(
            f"{len(series)} rows are too few for a horizon of {horizon}, for which {horizon} are "
            "held out; more are needed, or a shorter --horizon"
        )
    history, actual = series.iloc[:-horizon], series.iloc[-horizon:]
    fitted = forecaster.clone().fit(history)
    forecast = pd.Series(fitted.predict().to_numpy(), index=actual.index, name="forecast")
    scores = score_beside_naive(history, actual, forecast.to_numpy(), fitted.season_)
    return HoldOut(fitted, actual, forecast, scores, skill(scores))


def score_beside_naive(
    history: pd.Series, actual: pd.Series, forecast: np.ndarray, season: int
) -> pd.DataFrame:
    """Score a forecast made at the end of a history beside the naive ones."""
    past, horizon = history.to_numpy("float64"), len(actual)
    forecasts = {
        NETWORK: forecast,
        NAIVE: naive(past, horizon),
        SEASONAL_NAIVE: seasonal_naive(past, horizon, season),
    }
    return score(past, actual.to_numpy("float64"), forecasts, season)
