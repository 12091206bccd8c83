"""Score forecasts beside the naive ones."""

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
from utilsforecast.evaluation import evaluate
from utilsforecast.losses import mae, mase, rmse, smape

NETWORK, NAIVE, SEASONAL_NAIVE = "network", "naive", "seasonal_naive"


def score(
    history: np.ndarray, actual: np.ndarray, forecasts: Mapping[str, np.ndarray], season: int
) -> pd.DataFrame:
    """Score forecasts of the values that follow a history.

    Args:
        history: (time,), which scales the mean absolute scaled error.
        actual: (horizon,).
        forecasts: (horizon,) each, by name.
        season: Steps in a season, for the mean absolute scaled error.

    Returns:
        A row for each forecast; columns `rmse` and `mae` in the unit of the series,
        `smape` as a share (0.05 is 5 %), `mase` as a multiple of the mean error of
        (seasonal) naive over the history, not finite where that is zero.
    """
    train = pd.DataFrame({"unique_id": 0, "ds": np.arange(len(history)), "y": history})
    test = pd.DataFrame({"unique_id": 0, "ds": len(history) + np.arange(len(actual)), "y": actual})
    scaled = partial(mase, seasonality=season if len(history) > season else 1)
    table = evaluate(
        test.assign(**forecasts),
        metrics=[rmse, mae, smape, scaled],
        models=list(forecasts),
        train_df=train,
    )
    return table.drop(columns="unique_id").set_index("metric").T.rename_axis(columns=None)


def skill(scores: pd.DataFrame) -> float:
    """Return how far the network's RMSE lies below that of the better naive forecast.

    1 is a perfect forecast, 0 one no better than naive, below 0 a worse one.
    """
    best = scores.loc[[NAIVE, SEASONAL_NAIVE], "rmse"].min()
    return float(1 - scores.loc[NETWORK, "rmse"] / best) if best > 0 else float("-inf")
