"""Covariates and times: brought to a like size, and seen where they are known."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kerasrnn.forecasting import DataError, Forecaster, read
from kerasrnn.forecasting.covariates import (
    CALENDAR,
    calendar_features,
    measure_covariates,
    one_hot,
    standardized,
)
from tests.forecasters import HORIZON, drawn, small

LOOK_BACK, ROWS = 5, 30
ROLES: dict[str, Any] = {
    "past": "sold",
    "future": ["price", "promotion"],
    "static": ["kind", "size"],
}


def table(rows: int = ROWS) -> pd.DataFrame:
    """Return two daily series with covariates of each role."""
    parts = []
    for i, name in enumerate(("b", "a")):
        rng = np.random.default_rng(i)
        part = pd.DataFrame(
            rng.normal(9, 2, (rows, 4)), columns=["y", "sold", "price", "promotion"]
        )
        part.insert(0, "ds", pd.date_range("2024-01-30", periods=rows))
        parts.append(part.assign(unique_id=name, kind=f"{name} shop", size=5.0 + i))
    return pd.concat(parts, ignore_index=True)


def head(frame: pd.DataFrame, rows: int) -> pd.DataFrame:
    return frame.groupby("unique_id", sort=False).head(rows)


@cache
def fitted() -> Forecaster:
    """Fit covariates of all kinds, and the calendar's."""
    forecaster = small(look_back=LOOK_BACK, model="gru", calendar=("weekday",))
    return drawn(forecaster, head(table(), ROWS - 2 * HORIZON), **ROLES)


@pytest.mark.parametrize(
    ("time", "name", "share"),
    [
        ("2024-03-01 06:00", "hour", 6 / 24),
        ("2024-03-01 23:30", "hour", 23.5 / 24),
        ("2024-03-06 12:00", "weekday", 2.5 / 7),  # a Wednesday
        ("2024-02-15", "monthday", 14 / 29),
        ("2023-02-15", "monthday", 14 / 28),
        ("2024-10-31", "month", 9 / 12),
        ("2024-12-31", "yearday", 365 / 366),
        ("2023-12-31", "yearday", 364 / 365),
    ],
)
@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_calendar_features_stand_on_a_circle(
    time: str, name: str, share: float, zone: str | None
) -> None:
    (features,) = calendar_features(pd.DatetimeIndex([time], tz=zone), [name])
    angle = 2 * np.pi * share
    np.testing.assert_allclose(features, [np.sin(angle), np.cos(angle)], atol=1e-12)


def test_calendar_features_come_in_the_order_asked_for() -> None:
    times = pd.date_range("2024-01-30 07:00", periods=9, freq="5h")
    both = calendar_features(times, ["month", "hour"])
    assert (both[:, :2] == calendar_features(times, ["month"])).all()
    assert (both[:, 2:] == calendar_features(times, ["hour"])).all()
    assert calendar_features(times, []).shape == (9, 0)
    assert calendar_features(times, CALENDAR).shape == (9, 10)


def test_covariates_are_standardized_by_their_training_rows() -> None:
    panel = read(table(), **ROLES)
    scales = measure_covariates(panel.until(10), ("weekday",))
    assert scales.calendar == ("weekday",)
    for kind in ("past", "future"):
        columns, training = getattr(panel, kind), getattr(panel.until(10), kind)
        expected = (columns - training.mean(axis=0)) / training.std(axis=0)
        np.testing.assert_allclose(standardized(columns, getattr(scales, kind)), expected)
    np.testing.assert_allclose(
        scales.past_features(panel.past), standardized(panel.past, scales.past)
    )
    future = scales.future_features(panel.future, panel.times)
    np.testing.assert_allclose(future[:, :2], standardized(panel.future, scales.future))
    assert (future[:, 2:] == calendar_features(panel.times, ["weekday"])).all()


def test_static_text_becomes_a_column_for_each_value() -> None:
    panel = read(table(), **ROLES)
    scales = measure_covariates(panel, ())
    assert scales.static[0] == ("a shop", "b shop")
    assert scales.static_features(panel.static).tolist() == [[0, 1, -1], [1, 0, 1]]


def test_constant_covariates_become_zero() -> None:
    frame = table().assign(sold=4.0, price=0.0, size=7)
    panel = read(frame, **ROLES)
    scales = measure_covariates(panel, ())
    assert (scales.past_features(panel.past) == 0).all()
    assert (scales.future_features(panel.future, panel.times)[:, 0] == 0).all()
    assert (scales.static_features(panel.static)[:, 2] == 0).all()


def test_unknown_static_text_is_told() -> None:
    with pytest.raises(DataError, match=r"^static column 'kind': 'c' was not in .* had a, b; fit"):
        one_hot(pd.Series(["a", "c"], name="kind"), ("a", "b"))


@pytest.mark.parametrize(
    ("calendar", "data", "message"),
    [
        (("hours",), table(), r"^calendar must be some of hour, .*, yearday\. Got 'hours'\.$"),
        (("hour",), pd.Series([1.0, 2, 4, 3] * 9), "^calendar needs dates .* leave it out$"),
    ],
)
def test_calendar_that_cannot_be_made_is_told(
    calendar: tuple[str, ...], data: Any, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        Forecaster(HORIZON, LOOK_BACK, calendar=calendar).fit(data)


def values(forecast: pd.DataFrame) -> np.ndarray:
    return forecast["forecast"].to_numpy().reshape(2, -1)


@pytest.mark.parametrize("steps", [2, HORIZON, HORIZON + 2])
def test_rows_ahead_that_are_wanted_change_the_forecast_and_no_others(steps: int) -> None:
    forecaster, ahead = fitted(), table()
    before = forecaster.predict(steps, future=ahead)
    assert before["unique_id"].tolist() == ["b"] * steps + ["a"] * steps
    start = ROWS - 2 * HORIZON
    for step in range(2 * HORIZON):
        changed = ahead.copy()
        changed.loc[start + step, "promotion"] += 5  # of the first series
        change = np.abs(values(forecaster.predict(steps, future=changed)) - values(before))
        assert (change[1] == 0).all()
        assert (change[0, :step] == 0).all()
        assert (change[0, step:] > 0).any() == (step < steps)


def test_rows_that_the_fit_knows_are_not_read_again() -> None:
    """Nor is a target or a covariate known up to now that stands beside those ahead."""
    ahead = table()
    before = fitted().predict(future=ahead)
    poisoned = ahead.assign(y=1e6, sold=-1e6)
    poisoned.loc[poisoned.index % ROWS < ROWS - 2 * HORIZON, ["price", "promotion"]] = 1e6
    assert fitted().predict(future=poisoned).equals(before)


def test_rows_ahead_may_stand_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "ahead.csv"
    table().to_csv(path, index=False)
    assert fitted().predict(future=path).equals(fitted().predict(future=table()))


def test_rows_ahead_follow_those_of_an_update() -> None:
    frame = table()
    updated = drawn(fitted().clone(), head(frame, ROWS - 2 * HORIZON), **ROLES)
    updated.update(head(frame, ROWS - HORIZON).groupby("unique_id", sort=False).tail(HORIZON))
    forecast = updated.predict(future=frame)
    assert (
        forecast["ds"].tolist()
        == frame.groupby("unique_id", sort=False).tail(HORIZON)["ds"].tolist()
    )


def test_missing_rows_ahead_are_told() -> None:
    with pytest.raises(DataError, match=r"^covariates known ahead \(price, promotion\) are needed"):
        fitted().predict()
    short = head(table(), ROWS - HORIZON)
    with pytest.raises(
        DataError, match=r"expected a row of price, promotion of series 'b' at 2024-02-26"
    ):
        fitted().predict(HORIZON + 1, future=short)


def test_calendar_alone_needs_no_rows_ahead() -> None:
    forecaster = small(calendar=("weekday", "month"))
    drawn(forecaster, table()[["unique_id", "ds", "y"]])
    assert forecaster.design_.future == 4
    assert np.isfinite(values(forecaster.predict(HORIZON + 2))).all()


def test_rows_ahead_are_asked_for_by_the_names_of_arguments() -> None:
    frame = table()[["unique_id", "ds", "y", "price"]]
    forecaster = Forecaster(HORIZON, LOOK_BACK, units=2, epochs=1).fit(frame, future="price")
    with pytest.raises(DataError, match=r"give these rows with future$"):
        forecaster.predict()
    with pytest.raises(DataError, match=r"no argument 'future_file'; did you mean future\?"):
        forecaster.predict(future_file=frame)


@pytest.mark.parametrize("options", [{"past": "sold"}, {"static": "kind"}, {"future": "price"}, {}])
def test_segments_take_no_covariates(options: dict[str, Any]) -> None:
    calendar = () if options else ("weekday",)
    forecaster = Forecaster(HORIZON, LOOK_BACK, model="segment", segment=3, calendar=calendar)
    columns = ["unique_id", "ds", "y", *options.values()]
    with pytest.raises(DataError, match=r"^model segment takes no covariates and no calendar;"):
        forecaster.fit(table()[columns], **options)
