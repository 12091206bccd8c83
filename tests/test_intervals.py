"""Prediction intervals: as wide as errors before the fact, learned, or by dropout."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasrnn.forecasting import DataError, Forecaster, predicting
from kerasrnn.forecasting.conformal import errors_needed, interval_widths, widths_ahead
from tests.forecasters import HORIZON, LOOK_BACK, drawn, small
from tests.tables import seasonal_series


def calibrated(data: Any, **arguments: Any) -> Forecaster:
    """Fit a forecaster, with default intervals where none are named."""
    return drawn(small(**{"levels": None, "normalization": "last"} | arguments), data)


@given(st.integers(1, 60), st.integers(1, 4), st.integers(1, 999), st.integers(0, 2**32 - 1))
def test_width_is_the_least_that_holds_enough_errors(
    count: int, horizon: int, permille: int, seed: int
) -> None:
    errors = np.random.default_rng(seed).normal(size=(count, horizon)).round(1)
    level = permille / 10
    (widths,) = interval_widths(errors, [level]).T
    wanted = -(-(count + 1) * permille // 1000)  # in whole numbers, so that nothing is rounded
    for step in range(horizon):
        sizes = np.abs(errors[:, step])
        enough = [size for size in sizes if (sizes <= size).sum() >= wanted]
        assert widths[step] == min(enough, default=np.inf)


@given(st.integers(1, 999))
def test_errors_needed_are_the_fewest_that_give_a_width(permille: int) -> None:
    level = permille / 10
    needed = errors_needed(level)
    assert np.isfinite(interval_widths(np.ones((needed, 1)), [level])).all()
    if needed > 1:
        assert np.isinf(interval_widths(np.ones((needed - 1, 1)), [level])).all()


@pytest.mark.parametrize(("count", "level"), [(4, 80), (19, 80), (19, 95), (39, 90)])
def test_intervals_hold_as_many_exchangeable_values_as_they_say(count: int, level: int) -> None:
    rng = np.random.default_rng(0)
    noise = rng.standard_t(3, size=(count + 1, 40_000)) * rng.lognormal(size=40_000)
    (widths,) = interval_widths(noise[:-1], [level]).T
    coverage = np.mean(np.abs(noise[-1]) <= widths)
    assert coverage == pytest.approx(np.ceil((count + 1) * level / 100) / (count + 1), abs=0.006)
    assert coverage > level / 100 - 0.006


@given(st.integers(1, 6), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_widths_grow_beyond_the_horizon_as_those_of_a_random_walk(
    horizon: int, steps: int, seed: int
) -> None:
    widths = np.random.default_rng(seed).exponential(size=(horizon, 2))
    ahead = widths_ahead(widths, steps)
    assert ahead.shape == (steps, 2)
    for step in range(steps):
        known = min(step, horizon - 1)
        expected = widths[known] * np.sqrt(max(step + 1, horizon) / horizon)
        if step < horizon:
            expected = widths[step]
        np.testing.assert_allclose(ahead[step], expected, rtol=1e-12)


def forecasts_by_hand(forecaster: Forecaster, values: np.ndarray, ends: list[int]) -> np.ndarray:
    """Return forecasts (ends, horizon) of a series, each from the window before an end."""
    scales = forecaster.measures_.series
    scaled = ((values - scales.location[0]) / scales.scale[0]).astype("float32")
    windows = np.stack([scaled[end - LOOK_BACK : end] for end in ends])
    outputs = forecaster.model_.predict_on_batch({"window": windows}).astype("float64")
    return outputs * scales.scale[0] + scales.location[0]


def half_widths(forecast: pd.DataFrame, level: int) -> np.ndarray:
    above = forecast[f"forecast-hi-{level}"] - forecast["forecast"]
    below = forecast["forecast"] - forecast[f"forecast-lo-{level}"]
    np.testing.assert_allclose(above, below, rtol=1e-9)
    return above.to_numpy()


def widths_by_hand(
    forecaster: Forecaster, values: np.ndarray, rows: int, levels: list[int]
) -> np.ndarray:
    """Return the widths that errors on so many rows at the end of a series give."""
    ends = range(len(values) - rows, len(values) - HORIZON + 1)
    errors = [values[end : end + HORIZON] for end in ends] - forecasts_by_hand(
        forecaster, values, list(ends)
    )
    return interval_widths(errors, levels)


def test_intervals_are_as_wide_as_errors_on_the_rows_of_early_stopping() -> None:
    series = seasonal_series(120)
    forecaster = calibrated(series, levels=[80, 50], validation=15)
    forecast = forecaster.predict(HORIZON + 2)
    assert list(forecast.columns)[1:3] == ["forecast-lo-50", "forecast-hi-50"]
    expected = widths_by_hand(forecaster, series.to_numpy(), 15, [50, 80])
    for i, level in enumerate((50, 80)):
        widths = half_widths(forecast, level)
        np.testing.assert_allclose(widths[:HORIZON], expected[:, i], rtol=1e-4)
        beyond = widths[HORIZON - 1] * np.sqrt(np.array([4, 5]) / HORIZON)
        np.testing.assert_allclose(widths[HORIZON:], beyond, rtol=1e-9)


def test_intervals_of_a_short_series_are_as_wide_as_errors_of_a_fit_on_the_rows_before() -> None:
    """In the unit of the series, for the fit on fewer rows has scales of its own."""
    series = seasonal_series(40) * np.linspace(1, 3, 40)
    forecaster = calibrated(series)
    rows = 9  # three horizons
    before = calibrated(series[:-rows], levels=(), validation=0)
    expected = widths_by_hand(before, series.to_numpy(), rows, [80])
    np.testing.assert_allclose(half_widths(forecaster.predict(), 80), expected[:, 0], rtol=1e-4)


def test_intervals_of_a_network_that_is_fed_its_forecasts_grow_as_its_errors_do() -> None:
    series = seasonal_series(120)
    forecaster = calibrated(series, strategy="recursive", levels=[80], validation=15)
    values = series.to_numpy()
    ends = np.arange(len(values) - 15, len(values) - HORIZON + 1)
    forecasts = forecaster.forecast_from(series, ends)[:, :, 0]
    errors = np.stack([values[end : end + HORIZON] for end in ends]) - forecasts
    expected = interval_widths(errors, [80])
    widths = half_widths(forecaster.predict(), 80)
    assert len(set(widths.round(6))) == HORIZON
    np.testing.assert_allclose(widths, expected[:, 0], rtol=1e-4)


def test_intervals_of_logarithms_are_factors() -> None:
    series = np.exp(0.2 * seasonal_series(60) - 10)
    forecaster = calibrated(series, normalization=("log", "last"), levels=(50, 90))
    forecast = forecaster.predict(8)
    assert (forecast > 0).all(axis=None)
    for level in (50, 90):
        low, high = (forecast[f"forecast-{end}-{level}"] for end in ("lo", "hi"))
        assert (low < forecast["forecast"]).all()
        assert (forecast["forecast"] < high).all()
        np.testing.assert_allclose(low * high, forecast["forecast"] ** 2, rtol=1e-9)
    assert (forecast["forecast-hi-90"] >= forecast["forecast-hi-50"]).all()


def test_learned_intervals_are_the_networks_quantiles_in_order() -> None:
    options = {"intervals": "quantile", "levels": (90, 50), "normalization": "window"}
    forecaster = calibrated(seasonal_series(40), **options)
    forecast = forecaster.predict(HORIZON + 4)
    names = ["lo-90", "lo-50", None, "hi-50", "hi-90"]
    ordered = forecast[[f"forecast-{name}" if name else "forecast" for name in names]]
    assert (np.diff(ordered, axis=1) > 0).all()
    assert forecaster.design_.quantiles == pytest.approx((0.05, 0.25, 0.5, 0.75, 0.95))
    values = seasonal_series(40).to_numpy()
    scales = forecaster.measures_.series
    window = ((values[-LOOK_BACK:] - scales.location) / scales.scale).astype("float32")
    outputs = forecaster.model_.predict_on_batch({"window": window[None]})[0].astype("float64")
    expected = outputs * scales.scale + scales.location
    np.testing.assert_allclose(ordered[:HORIZON], expected, rtol=1e-6)
    reach = ordered.sub(ordered["forecast"], axis=0).to_numpy()
    beyond = np.sqrt(np.arange(HORIZON + 1, HORIZON + 5) / HORIZON)
    np.testing.assert_allclose(reach[HORIZON:], np.outer(beyond, reach[HORIZON - 1]), rtol=1e-6)


def test_windows_that_end_in_a_hole_calibrate_nothing() -> None:
    values = np.random.default_rng(0).normal(size=200).cumsum()
    values[np.random.default_rng(1).random(200) < 0.3] = np.nan
    values[-1] = 0.0
    forecaster = Forecaster(1, 4, units=2, epochs=1, validation=50)
    panel = forecaster.fit(pd.Series(values), fill="linear").history_
    errors, _ = forecaster._errors(panel, np.array([50]))
    given = panel.observed[-51:]
    assert np.isfinite(errors[:, 0]).tolist() == (given[:-1] & given[1:]).tolist()


@cache
def dropout_forecaster() -> Forecaster:
    options = {"model": "lstm", "num_layers": 2, "dropout": 0.4, "levels": (50, 80)}
    return calibrated(seasonal_series(40), intervals="dropout", **options)


def test_dropout_intervals_are_the_same_again_and_after_loading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predicting, "DROPOUT_SAMPLES", 6)
    forecaster = dropout_forecaster()
    forecast = forecaster.predict(HORIZON + 1)
    assert forecaster.predict(HORIZON + 1).equals(forecast)
    forecaster.save(tmp_path)
    assert Forecaster.load(tmp_path).predict(HORIZON + 1).equals(forecast)
    names = ["lo-80", "lo-50", "hi-50", "hi-80"]
    assert (np.diff(forecast[[f"forecast-{name}" for name in names]], axis=1) > 0).all()


def test_dropout_intervals_are_quantiles_of_forecasts_with_dropout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(predicting, "DROPOUT_SAMPLES", 3)
    forecaster = dropout_forecaster()
    samples: list[np.ndarray] = []
    original = predicting.Predictor.run

    def run(self: predicting.Predictor, inputs: Any, training: bool) -> np.ndarray:
        samples.extend([original(self, inputs, training)] * training)
        return original(self, inputs, training) if not training else samples[-1]

    monkeypatch.setattr(predicting.Predictor, "run", run)
    forecast = forecaster.predict()
    assert len(samples) == 3
    scales = forecaster.measures_.series
    values = np.stack(samples)[:, 0, :, 0].astype("float64") * scales.scale + scales.location
    assert np.ptp(values, axis=0).min() > 0
    for end, share in (("lo", 0.1), ("hi", 0.9)):
        expected = np.quantile(values, share, axis=0)
        np.testing.assert_allclose(forecast[f"forecast-{end}-80"], expected, rtol=1e-9)


@pytest.mark.parametrize(("rows", "level"), [(13, 80), (40, 99)])
def test_too_few_rows_to_calibrate_an_interval_are_refused(rows: int, level: int) -> None:
    message = rf"^{rows} rows are too few to calibrate an interval of {level} %; use [^\n]*$"
    with pytest.raises(DataError, match=message):
        calibrated(seasonal_series(rows), levels=(level,))


def test_default_interval_is_left_out_where_there_are_too_few_rows() -> None:
    forecaster = calibrated(seasonal_series(13))
    assert forecaster.levels_ == ()
    assert list(forecaster.predict().columns) == ["forecast"]


@pytest.mark.parametrize(
    ("rows", "options"),
    [
        (30, {"horizon": 1}),
        (30, {"strategy": "recursive"}),
        (60, {"validation": 5}),
        (60, {"validation": 10, "levels": (95,)}),
        (300, {"levels": (99,)}),
    ],
)
def test_interval_has_an_end_where_early_stopping_looks_at_few_windows(
    rows: int, options: dict[str, Any]
) -> None:
    """They are fewer than an interval of the level takes: four for 80 %, 99 for 99 %."""
    forecaster = calibrated(seasonal_series(rows), **options)
    assert len(forecaster.levels_) == 1
    assert np.isfinite(forecaster.widths_).all()
    assert np.isfinite(forecaster.predict()).all(axis=None)


@pytest.mark.parametrize("intervals", ["conformal", "quantile", "dropout"])
@pytest.mark.parametrize("levels", [(), []])
def test_no_levels_give_no_intervals(intervals: str, levels: Any) -> None:
    forecaster = calibrated(seasonal_series(30), levels=levels, intervals=intervals)
    assert forecaster.levels_ == ()
    assert list(forecaster.predict().columns) == ["forecast"]


def test_intervals_are_calibrated_on_given_values_only() -> None:
    series = seasonal_series(120)
    holes = series.copy()
    holes.iloc[[-12, -9, -4]] = np.nan
    forecaster = drawn(
        small(levels=[80], normalization="last", validation=15), holes, fill="linear"
    )
    filled = forecaster.history_.values
    ends = [end for end in range(105, 120 - HORIZON + 1) if np.isfinite(holes.iloc[end - 1])]
    errors = np.stack([holes.to_numpy()[end : end + HORIZON] for end in ends])
    errors = errors - forecasts_by_hand(forecaster, filled, ends)
    expected = [interval_widths(e[np.isfinite(e)][:, None], [80])[0, 0] for e in errors.T]
    np.testing.assert_allclose(half_widths(forecaster.predict(), 80), expected, rtol=1e-4)


def test_too_few_given_values_leave_no_intervals() -> None:
    series = seasonal_series(60)
    series.iloc[20:-1] = np.nan
    assert drawn(small(levels=None), series, fill="linear").levels_ == ()
    with pytest.raises(DataError, match="too few to calibrate an interval of 80 %"):
        drawn(small(levels=(80,)), series, fill="linear")
