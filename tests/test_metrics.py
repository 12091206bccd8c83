"""Windows, naive forecasts and scores, against formulas written by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasrnn.forecasting.backtest import score_beside_naive
from kerasrnn.forecasting.baselines import naive, seasonal_naive
from kerasrnn.forecasting.classic import score_one_step
from kerasrnn.forecasting.data import air_passengers
from kerasrnn.forecasting.metrics import score, skill
from kerasrnn.forecasting.windows import cut_windows


@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 12))
def test_windows_are_those_of_a_hand_loop(extra: int, look_back: int, horizon: int) -> None:
    values = np.random.default_rng(0).normal(size=look_back + horizon - 1 + extra)
    past, future = cut_windows(values, look_back, horizon)
    assert past.shape == (extra, look_back)
    assert future.shape == (extra, horizon)
    for window in range(extra):
        for step in range(look_back):
            assert past[window, step] == values[window + step]
        for step in range(horizon):
            assert future[window, step] == values[window + look_back + step]


def test_windows_need_enough_values() -> None:
    past, future = cut_windows(np.arange(5.0), 3, 2)
    assert (past.tolist(), future.tolist()) == ([[0, 1, 2]], [[3, 4]])
    with pytest.raises(ValueError, match=r"at least 5 values\. Got 4"):
        cut_windows(np.arange(4.0), 3, 2)


def test_windows_are_copies() -> None:
    values = np.arange(6.0)
    past, future = cut_windows(values, 2, 1)
    past[:] = future[:] = -1
    assert values.tolist() == [0, 1, 2, 3, 4, 5]


@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 30))
def test_naive_forecasts_are_those_of_a_hand_loop(rows: int, season: int, horizon: int) -> None:
    history = np.random.default_rng(1).normal(size=rows)
    assert naive(history, horizon).tolist() == [history[-1]] * horizon
    whole = list(history)
    for _ in range(horizon):
        whole.append(whole[-season] if rows >= season else history[-1])
    assert seasonal_naive(history, horizon, season).tolist() == whole[rows:]


def mean_absolute(differences: np.ndarray) -> float:
    return float(np.abs(differences).mean())


@given(st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(1, 12), st.integers(1, 12))
def test_scores_are_the_formulas(seed: int, rows: int, horizon: int, season: int) -> None:
    rng = np.random.default_rng(seed)
    history, actual, network, other = (
        rng.normal(3, 2, size) for size in (rows, horizon, horizon, horizon)
    )
    table = score(history, actual, {"network": network, "other": other}, season)
    assert list(table.index) == ["network", "other"]
    lag = season if rows > season else 1
    for name, forecast in (("network", network), ("other", other)):
        error = actual - forecast
        expected = {
            "rmse": np.sqrt(np.mean(error**2)),
            "mae": mean_absolute(error),
            "smape": np.mean(np.abs(error) / (np.abs(actual) + np.abs(forecast))),
            "mase": mean_absolute(error) / mean_absolute(history[lag:] - history[:-lag]),
        }
        assert table.loc[name].to_dict() == pytest.approx(expected, rel=1e-10)


def test_mase_is_not_finite_where_naive_makes_no_error() -> None:
    table = score(np.ones(5), np.ones(2), {"network": np.zeros(2)}, season=1)
    assert not np.isfinite(table.loc["network", "mase"])
    assert table.loc["network", "mae"] == 1


def scores(network: float, naive: float, seasonal: float) -> pd.DataFrame:
    names = ["network", "naive", "seasonal_naive"]
    return pd.DataFrame({"rmse": [network, naive, seasonal]}, names)


def test_skill_is_against_the_better_naive_forecast() -> None:
    assert skill(scores(1, 4, 2)) == 0.5
    assert skill(scores(1, 2, 4)) == 0.5
    assert skill(scores(0, 2, 4)) == 1
    assert skill(scores(3, 2, 4)) == -0.5
    assert skill(scores(1, 0, 4)) == float("-inf")


def test_published_figures_of_a_year_ahead() -> None:
    """Seasonal naive, trained to 1959-12: RMSE 50.7 and MASE 1.57 in published tables."""
    series = air_passengers()
    table = score_beside_naive(series[:"1959"], series["1960":], np.zeros(12), season=12)
    assert table.loc["seasonal_naive", "rmse"] == pytest.approx(50.7, abs=0.05)
    assert table.loc["seasonal_naive", "mase"] == pytest.approx(1.57, abs=0.005)


def test_published_figures_of_one_step_ahead() -> None:
    """The last 48 months: naive RMSE 48.7, seasonal naive 42.3 in published tables.

    They are made as in the usual tutorial, whose windows take the first of those months
    as input only, and lose the last.
    """
    values = air_passengers().to_numpy()[:-1]
    table = score_one_step(values, np.zeros(46), start=97, season=12)
    assert table.loc["naive", "rmse"] == pytest.approx(48.7, abs=0.05)
    assert table.loc["seasonal_naive", "rmse"] == pytest.approx(42.3, abs=0.05)
