"""Score forecasts beside the naive ones."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from utilsforecast.evaluation import evaluate
from utilsforecast.losses import coverage, mae, mape, mase, mqloss, rmse, scaled_crps, smape

from kerasrnn.forecasting.baselines import NAIVE, SEASONAL_NAIVE

NETWORK = "network"


def score(
    forecasts: pd.DataFrame, history: pd.DataFrame, season: int, models: Sequence[str]
) -> pd.DataFrame:
    """Score forecasts, each series for itself.

    Args:
        forecasts: Columns `unique_id`, `ds`, `y` and one for each model.
        history: Columns `unique_id`, `ds`, `y`: the rows before, which scale the mean absolute
            scaled error.
        season: Steps in a season, for the same.
        models: Names of the columns to score.

    Returns:
        Indexed by series and model; columns `rmse` and `mae` in the unit of the series,
        `mape` and `smape` as shares (0.05 is 5 %; the competition M4 counts 200 times `smape`),
        `mase` as a multiple of the mean error of seasonal naive over the history (of naive,
        where a series is no longer than a season), not finite where that is zero.
    """
    rows = history.groupby("unique_id", sort=False).size()
    is_long = forecasts["unique_id"].map(rows) > season
    tables = []
    for chosen, lag in ((is_long, season), (~is_long, 1)):
        part = forecasts.loc[chosen, ["unique_id", "ds", "y", *models]]
        if len(part):
            known = history[history["unique_id"].isin(part["unique_id"])]
            metrics = [rmse, mae, mape, smape, partial(mase, seasonality=lag)]
            tables.append(evaluate(part, metrics=metrics, models=list(models), train_df=known))
    return tidy(pd.concat(tables, ignore_index=True))


def score_intervals(forecasts: pd.DataFrame, levels: Sequence[float]) -> pd.Series:
    """Score prediction intervals, averaged over series.

    Args:
        forecasts: Columns `unique_id`, `ds`, `y`, `network`, `network-lo-80`, `network-hi-80`
            and so on.
        levels: In percent.

    Returns:
        `coverage-80` and so on, the share of values inside; `pinball`, the mean pinball loss
        over the intervals' ends; `scaled_crps`, twice that as a multiple of the
        mean size, over the series that are not all zero.
    """
    bounds = [f"{NETWORK}-{end}-{level:g}" for level in levels for end in ("lo", "hi")]
    shares = [s for level in levels for s in ((100 - level) / 200, (100 + level) / 200)]
    columns = {NETWORK: bounds}
    found = {f"coverage-{level:g}": covered(forecasts, level) for level in levels}
    forecasts = of_all_origins(with_interval(forecasts, levels[0]))
    found["pinball"] = float(mqloss(forecasts, columns, np.array(shares))[NETWORK].mean())
    sizes = forecasts["y"].abs().groupby(forecasts["unique_id"]).transform("sum")
    scaled = scaled_crps(forecasts[sizes > 0], columns, np.array(shares))[NETWORK]
    return pd.Series(found | {"scaled_crps": float(scaled.mean())})


def covered(forecasts: pd.DataFrame, level: float) -> float:
    """Return the share of values inside an interval of the network, averaged over series."""
    table = of_all_origins(with_interval(forecasts, level))
    return float(coverage(table, [NETWORK], level=format(level, "g"))[NETWORK].mean())


def with_interval(forecasts: pd.DataFrame, level: float) -> pd.DataFrame:
    """Return the forecasts that have an interval; early origins may have too few rows for one."""
    return forecasts[forecasts[f"{NETWORK}-lo-{level:g}"].notna()]


def of_all_origins(forecasts: pd.DataFrame) -> pd.DataFrame:
    """Return forecasts without their origins, each of which would count as much as another."""
    return forecasts.drop(columns="cutoff", errors="ignore")


def interval_levels(table: pd.DataFrame, name: str = NETWORK) -> list[float]:
    """Return the levels of the intervals that a table has of a forecast, the widest first.

    >>> interval_levels(pd.DataFrame(columns=["network", "network-lo-80", "network-hi-80"]))
    [80.0]
    """
    start = f"{name}-lo-"
    levels = [float(c.removeprefix(start)) for c in table.columns if c.startswith(start)]
    return sorted(levels, reverse=True)


def without_repeats(scores: pd.DataFrame) -> pd.DataFrame:
    """Leave seasonal naive out where, for want of a season, it is naive once more.

    Args:
        scores: A row for each model.
    """
    naive, seasonal = (scores[scores.index == name].to_numpy() for name in (NAIVE, SEASONAL_NAIVE))
    if np.array_equal(naive, seasonal, equal_nan=True):
        return scores[scores.index != SEASONAL_NAIVE]
    return scores


def tidy(table: pd.DataFrame) -> pd.DataFrame:
    """Turn a table of utilsforecast into one with metrics as columns."""
    long = table.melt(["unique_id", "metric"], var_name="model")
    wide = long.pivot_table(
        index=["unique_id", "model"], columns="metric", values="value", sort=False, dropna=False
    )
    return wide[list(dict.fromkeys(table["metric"]))].rename_axis(columns=None)


def by_horizon(forecasts: pd.DataFrame, models: Sequence[str]) -> pd.DataFrame:
    """Return the root mean square error of each model at each step ahead, over all series."""
    squares = {model: (forecasts[model] - forecasts["y"]) ** 2 for model in models}
    return pd.DataFrame(squares).groupby(forecasts["step"]).mean() ** 0.5


def metric_of_skill(num_series: int) -> str:
    """Return what skill compares: `"rmse"`, or for many series, whose units differ, `"mase"`."""
    return "rmse" if num_series == 1 else "mase"


def skill(scores: pd.DataFrame, metric: str = "rmse") -> float:
    """Return how far the network's error lies below that of the better naive forecast.

    1 is a perfect forecast, 0 one no better than naive, below 0 a worse one.

    Args:
        scores: A row for each model.
        metric: Column to compare.
    """
    best = scores.loc[[NAIVE, SEASONAL_NAIVE], metric].min()
    return float(1 - scores.loc[NETWORK, metric] / best) if best > 0 else float("-inf")


def skill_of_series(by_series: pd.DataFrame, metric: str) -> pd.Series:
    """Return the skill on each series, not a number where the naive forecasts make no error.

    Args:
        by_series: What `score` returned.
        metric: Column to compare.
    """
    network, *naive = (
        by_series[metric].xs(name, level="model") for name in (NETWORK, NAIVE, SEASONAL_NAIVE)
    )
    better = pd.concat(naive, axis=1).min(axis=1)
    return 1 - network / better.where(better > 0)


def owa(smape: float, mase: float, naive2_smape: float, naive2_mase: float) -> float:
    """Return the overall weighted average of the competition M4.

    >>> owa(smape=10.0, mase=2.0, naive2_smape=20.0, naive2_mase=2.0)
    0.75

    Args:
        smape, mase: Of the forecasts, averaged over series.
        naive2_smape, naive2_mase: The same of Naive 2, naive on seasonally adjusted values.
    """
    return (smape / naive2_smape + mase / naive2_mase) / 2
