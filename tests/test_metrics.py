"""Naive forecasts and scores, against formulas written by hand and figures published."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasrnn.forecasting import air_passengers
from kerasrnn.forecasting.baselines import baselines, drift, naive, seasonal_naive
from kerasrnn.forecasting.classic import score_one_step
from kerasrnn.forecasting.metrics import (
    by_horizon,
    interval_levels,
    owa,
    score,
    score_intervals,
    skill,
    skill_of_series,
    without_repeats,
)

seeds = st.integers(0, 2**32 - 1)


@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 30))
def test_naive_forecasts_are_those_of_a_hand_loop(rows: int, season: int, horizon: int) -> None:
    history = np.random.default_rng(1).normal(size=rows)
    assert naive(history, horizon).tolist() == [history[-1]] * horizon
    whole, line = list(history), list(history)
    slope = (history[-1] - history[0]) / (rows - 1) if rows > 1 else 0.0
    for _ in range(horizon):
        whole.append(whole[-season] if rows >= season else history[-1])
        line.append(line[-1] + slope)
    assert seasonal_naive(history, horizon, season).tolist() == whole[rows:]
    np.testing.assert_allclose(drift(history, horizon), line[rows:], rtol=1e-9, atol=1e-12)
    found = baselines(history, horizon, season)
    assert list(found) == ["naive", "seasonal_naive", "drift"]
    assert found["seasonal_naive"].tolist() == whole[rows:]


def mean_absolute(differences: np.ndarray) -> float:
    return float(np.abs(differences).mean())


def long_frame(parts: list[np.ndarray]) -> pd.DataFrame:
    """Return the values of several series in one table."""
    return pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{i}" for i in range(len(parts))], [len(p) for p in parts]),
            "ds": np.concatenate([np.arange(len(part)) for part in parts]),
            "y": np.concatenate(parts),
        }
    )


@given(seeds, st.integers(2, 40), st.integers(1, 12), st.integers(1, 12))
def test_scores_are_the_formulas(seed: int, rows: int, horizon: int, season: int) -> None:
    rng = np.random.default_rng(seed)
    histories = [rng.normal(3, 2, rows + extra) for extra in (0, 3)]
    actual = [rng.normal(3, 2, horizon) for _ in histories]
    forecasts = {name: [rng.normal(3, 2, horizon) for _ in histories] for name in ("a", "b")}
    frame = long_frame(actual).assign(**{k: np.concatenate(v) for k, v in forecasts.items()})
    table = score(frame, long_frame(histories), season, ["a", "b"])
    assert list(table.columns) == ["rmse", "mae", "mape", "smape", "mase"]
    for name, parts in forecasts.items():
        for i, forecast in enumerate(parts):
            error = actual[i] - forecast
            lag = season if len(histories[i]) > season else 1
            expected = {
                "rmse": np.sqrt(np.mean(error**2)),
                "mae": mean_absolute(error),
                "mape": mean_absolute(error / actual[i]),
                "smape": np.mean(np.abs(error) / (np.abs(actual[i]) + np.abs(forecast))),
                "mase": mean_absolute(error)
                / mean_absolute(histories[i][lag:] - histories[i][:-lag]),
            }
            got = table.loc[(f"s{i}", name)].to_dict()
            assert got == pytest.approx(expected, rel=1e-8)


def test_mase_is_not_finite_where_naive_makes_no_error() -> None:
    frame = long_frame([np.ones(2)]).assign(network=0.0)
    row = score(frame, long_frame([np.ones(5)]), 1, ["network"]).iloc[0]
    assert not np.isfinite(row["mase"])
    assert row["mae"] == 1


def test_scores_of_the_competition_m4(rng: np.random.Generator) -> None:
    """Its sMAPE is in percent of the mean of both sizes; its MASE is ours."""
    history, actual, network, naive2 = (rng.uniform(5, 9, n) for n in (30, 6, 6, 6))
    frame = long_frame([actual]).assign(network=network, naive2=naive2)
    table = score(frame, long_frame([history]), 4, ["network", "naive2"]).droplevel("unique_id")
    ratios = {}
    for name, forecast in (("network", network), ("naive2", naive2)):
        smape = 100 / 6 * np.sum(2 * np.abs(actual - forecast) / (actual + forecast))
        scale = sum(abs(history[i] - history[i - 4]) for i in range(4, 30)) / 26
        mase = sum(abs(actual - forecast)) / 6 / scale
        assert 200 * table.loc[name, "smape"] == pytest.approx(smape)
        assert table.loc[name, "mase"] == pytest.approx(mase)
        ratios[name] = (smape, mase)
    expected = (
        ratios["network"][0] / ratios["naive2"][0] + ratios["network"][1] / ratios["naive2"][1]
    ) / 2
    assert owa(*ratios["network"], *ratios["naive2"]) == pytest.approx(expected)
    assert owa(*ratios["naive2"], *ratios["naive2"]) == 1


@given(seeds, st.integers(1, 3), st.integers(1, 4))
def test_intervals_are_scored_as_by_hand(seed: int, num_series: int, horizon: int) -> None:
    rng = np.random.default_rng(seed)
    frame = long_frame([rng.uniform(1, 9, horizon) for _ in range(num_series)])
    frame["network"] = rng.uniform(1, 9, len(frame))
    expected, losses = {}, []
    for level in (80, 95.5):
        low, high = (frame["network"] + sign * rng.uniform(0, 5, len(frame)) for sign in (-1, 1))
        frame[f"network-lo-{level:g}"], frame[f"network-hi-{level:g}"] = low, high
        inside = (low <= frame["y"]) & (frame["y"] <= high)
        expected[f"coverage-{level:g}"] = inside.groupby(frame["unique_id"]).mean().mean()
        for share, bound in (((100 - level) / 200, low), ((100 + level) / 200, high)):
            error = frame["y"] - bound
            losses.append(np.maximum(share * error, (share - 1) * error))
    loss = pd.concat(losses, axis=1).mean(axis=1).groupby(frame["unique_id"]).mean()
    expected["pinball"] = loss.mean()
    size = frame["y"].abs().groupby(frame["unique_id"]).mean()
    expected["scaled_crps"] = 2 * (loss / size).mean()
    assert score_intervals(frame, (80, 95.5)).to_dict() == pytest.approx(expected, rel=1e-6)


@given(seeds)
def test_errors_at_each_step_are_over_all_series(seed: int) -> None:
    rng = np.random.default_rng(seed)
    errors = rng.normal(size=(3, 4))
    y = rng.normal(size=12)
    frame = pd.DataFrame({"step": np.tile(np.arange(1, 5), 3), "y": y, "a": y + errors.ravel()})
    table = by_horizon(frame, ["a"])
    assert table.index.tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(table["a"], np.sqrt(np.mean(errors**2, axis=0)), rtol=1e-9)


def scores(network: float, naive: float, seasonal: float) -> pd.DataFrame:
    names = ["network", "naive", "seasonal_naive"]
    return pd.DataFrame({"rmse": [network, naive, seasonal], "mase": [1, 3, 4]}, names)


@pytest.mark.parametrize(
    ("network", "naive", "seasonal", "expected"),
    [(1, 4, 2, 0.5), (1, 2, 4, 0.5), (0, 2, 4, 1), (3, 2, 4, -0.5), (1, 0, 4, float("-inf"))],
)
def test_skill_is_against_the_better_naive_forecast(
    network: float, naive: float, seasonal: float, expected: float
) -> None:
    assert skill(scores(network, naive, seasonal)) == expected
    assert skill(scores(network, naive, seasonal), "mase") == pytest.approx(2 / 3)


def test_skill_of_each_series() -> None:
    names = ["network", "naive", "seasonal_naive"]
    table = pd.concat({"b": scores(1, 4, 2), "a": scores(1, 0, 4)}, names=["unique_id", "model"])
    found = skill_of_series(table, "rmse")
    assert found.index.tolist() == ["b", "a"]
    assert found["b"] == skill(scores(1, 4, 2))
    assert np.isnan(found["a"])
    assert set(table.index.get_level_values("model")) == set(names)


def test_seasonal_naive_without_a_season_is_left_out() -> None:
    assert without_repeats(scores(1, 4, 2)).index.tolist() == ["network", "naive", "seasonal_naive"]
    same = scores(1, 4, 4).assign(mase=[1.0, np.nan, np.nan])
    assert without_repeats(same).index.tolist() == ["network", "naive"]
    alone = same.drop(index=["naive", "seasonal_naive"])
    assert without_repeats(alone).index.tolist() == ["network"]


def test_levels_are_read_from_the_columns_the_widest_first() -> None:
    names = ["network", "network-lo-80", "network-hi-80", "network-lo-95.5", "other-lo-50"]
    table = pd.DataFrame(columns=names)
    assert interval_levels(table) == [95.5, 80]
    assert interval_levels(table, "other") == [50]


def test_published_figures_of_a_year_ahead() -> None:
    """Seasonal naive, trained to 1959-12: RMSE 50.7 and MASE 1.57 in published tables."""
    values = air_passengers().to_numpy()
    history, actual = values[:-12], values[-12:]
    frame = long_frame([actual]).assign(seasonal=seasonal_naive(history, 12, 12))
    row = score(frame, long_frame([history]), 12, ["seasonal"]).iloc[0]
    assert row["rmse"] == pytest.approx(50.7, abs=0.05)
    assert row["mase"] == pytest.approx(1.57, abs=0.005)


def test_published_figures_of_one_step_ahead() -> None:
    """The last 48 months: naive RMSE 48.7, seasonal naive 42.3 in published tables.

    They are made as in the usual tutorial, whose windows take the first of those months
    as input only, and lose the last.
    """
    values = air_passengers().to_numpy()[:-1]
    table = score_one_step(values, np.zeros(46), start=97, season=12)
    assert table.loc["naive", "rmse"] == pytest.approx(48.7, abs=0.05)
    assert table.loc["seasonal_naive", "rmse"] == pytest.approx(42.3, abs=0.05)
