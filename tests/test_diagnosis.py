"""What is said about a forecast beside its scores; its shape is judged in test_backtest."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasrnn.forecasting.diagnosis import (
    INCOMPARABLE,
    about_forecasts,
    about_skill,
    count_draws,
    disagreeing,
    far_ahead,
    judged_coverage,
    without_intervals,
    without_skill,
)


def errors(**changes: float) -> pd.Series:
    usual = {"network": 2.0, "naive": 4.0, "seasonal_naive": 5.0, "drift": 3.0}
    return pd.Series(usual | changes, name="rmse")


def forecasts(origins: int, held: float, level: float = 80, num_series: int = 1) -> pd.DataFrame:
    """Return forecasts that are good, with intervals that hold this share of the values."""
    count = origins * num_series
    y = 20 + np.random.default_rng(0).normal(size=(count, 10)).cumsum(axis=1)
    inside = np.tile(np.arange(10) < round(10 * held), (count, 1))
    reach = np.where(inside, 1.0, -1.0)
    return pd.DataFrame(
        {
            "unique_id": np.repeat([f"s{i}" for i in range(num_series)], 10 * origins),
            "ds": np.tile(np.arange(10 * origins), num_series),
            "cutoff": np.tile(np.repeat(np.arange(origins), 10), num_series),
            "step": np.tile(np.arange(1, 11), count),
            "y": y.ravel(),
            "network": y.ravel(),
            "naive": 20.0,
            f"network-lo-{level:g}": (y - reach).ravel(),
            f"network-hi-{level:g}": (y + reach).ravel(),
        }
    )


GOOD = forecasts(1, 0.8)


def test_a_good_forecast_needs_no_remark() -> None:
    assert about_skill(0.5, errors()) == about_forecasts(GOOD) == ()


def test_drift_that_does_better_is_told_though_skill_leaves_it_out() -> None:
    (told,) = about_skill(0.5, errors(drift=1.5))
    assert told == (
        "drift, which needs no network, does better on these rows: its RMSE is 1.500 against 2.000"
    )
    even, told = about_skill(0.004, errors(drift=1.5))
    assert even.startswith("skill +0.004: the network is about even")
    assert told.startswith("drift, which needs no network, does better")


@pytest.mark.parametrize(
    ("network", "drift", "use"),
    [(4.5, 4.2, "naive"), (6.0, 4.2, "naive"), (4.5, 3.0, "drift")],
)
def test_without_skill_the_best_of_the_others_is_named_once(
    network: float, drift: float, use: str
) -> None:
    (told,) = about_skill(1 - network / 4, errors(network=network, drift=drift))
    assert told.endswith(f"the network does not beat the naive forecasts here; use {use}")


def test_a_skill_that_is_not_finite_compares_nothing() -> None:
    unknown = dict.fromkeys(errors().index, np.nan)
    assert about_skill(-np.inf, errors(**unknown)) == (INCOMPARABLE,)


def test_overlapping_forecasts_are_no_further_draws() -> None:
    table = forecasts(20, 0.4)
    table["ds"] = table["cutoff"] + table["step"]  # each begins one step after the one before
    assert count_draws(table) == 2
    assert count_draws(forecasts(20, 0.4)) == 20
    assert about_forecasts(table) == ()


def test_a_short_group_does_not_hide_that_forecasts_are_flat() -> None:
    table = forecasts(5, 0.8).assign(network=lambda t: t["naive"] + 9)
    flat = about_forecasts(table)[0]
    assert flat.startswith("the held-out forecasts are flat")
    assert about_forecasts(table.drop(range(8)))[0] == flat.replace("0 %", "0 %")


@pytest.mark.parametrize("skill", [-0.0099, 0.0, 0.0099])
def test_within_a_hundredth_of_the_naive_forecast_is_about_even(skill: float) -> None:
    (told,) = without_skill(skill)
    assert told.startswith(f"skill {skill:+.3f}: the network is about even with the better naive")


@pytest.mark.parametrize(
    ("held", "level", "origins", "num_series", "word"),
    [
        (0.8, 80, 50, 1, None),
        (0.4, 80, 3, 1, None),
        (0.4, 80, 12, 1, "too narrow"),
        (0.4, 80, 1, 12, "too narrow"),
        (1.0, 80, 12, 1, None),
        (1.0, 80, 20, 1, "too wide"),
        (0.0, 95, 1, 1, None),
        (0.0, 95, 2, 1, "too narrow"),
        (0.3, 33.3, 4000, 1, None),  # three points off
    ],
)
def test_intervals_far_off_their_level_are_told(
    held: float, level: float, origins: int, num_series: int, word: str | None
) -> None:
    table = forecasts(origins, held, level, num_series)
    expected = f"intervals of {level:g} % held {100 * held:.1f} % of the held-out values: they are"
    assert about_forecasts(table) == ((f"{expected} {word} here",) if word else ())


def test_five_points_off_are_close_whatever_the_number_of_draws() -> None:
    assert judged_coverage(0.75, 80, 10**6) == judged_coverage(0.85, 80, 1) == "close"
    assert judged_coverage(0.74, 80, 10**6) == "too narrow"


@given(st.integers(1, 200), st.sampled_from([50, 80, 95, 99.9]))
def test_hardly_any_intervals_that_are_right_are_called_wrong(draws: int, level: float) -> None:
    """Where all values of a forecast are inside or all outside, which scatters most."""
    inside = np.arange(draws + 1)
    chance = np.array([math.comb(draws, k) for k in inside], "float64")
    chance *= (level / 100) ** inside * (1 - level / 100) ** (draws - inside)
    words = [judged_coverage(k / draws, level, draws) for k in inside]
    for word in ("too narrow", "too wide"):
        assert chance[[found == word for found in words]].sum() <= 0.025


def test_why_there_are_no_intervals() -> None:
    assert without_intervals(None, (80,)) == ""
    assert without_intervals((), ()).endswith("have no intervals: none were asked for")
    for asked in (None, (80, 95)):
        assert "too few to calibrate" in without_intervals(asked, ())


def test_scores_that_disagree_are_told() -> None:
    scores = pd.DataFrame({"mae": [6.6, 9.0, 3.95]}, ["network", "naive", "seasonal_naive"])
    (told,) = disagreeing(scores)
    assert told.startswith("the scores disagree: by MAE seasonal naive is better, with 3.950")
    assert disagreeing(scores.assign(mae=[3.96, 9.0, 3.95])) == ()
    assert disagreeing(scores.assign(mae=[3.0, 9.0, 3.95])) == ()


def test_more_steps_than_rows_are_told() -> None:
    assert far_ahead(144, 144) == ()
    (told,) = far_ahead(1000, 144)
    assert told.startswith("1,000 steps are forecast from 144 rows")
