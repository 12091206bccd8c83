"""The forecaster: what it learns, what it must not see, and what it is asked for."""

from functools import cache
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasrnn.forecasting import DataError, Forecaster, HoldOut, air_passengers, hold_out
from kerasrnn.forecasting.classic import run_classic
from kerasrnn.forecasting.forecaster import (
    LEAST_WINDOWS,
    PATIENCE,
    default_epochs,
    default_look_back,
    validation_windows,
)
from kerasrnn.forecasting.models import classic_csv_model
from kerasrnn.forecasting.windows import cut_windows
from tests.tables import seasonal_series

SEASONAL_NAIVE_RMSE = 50.7


@cache
def default_run(seed: int) -> HoldOut:
    """Run the default recipe on the built-in table, once a process."""
    return hold_out(Forecaster(seed=seed), air_passengers())


def small(**arguments: object) -> Forecaster:
    """Return a forecaster that is trained in a moment."""
    usual = {"horizon": 5, "look_back": 13, "model": "rnn", "units": 4, "epochs": 3}
    return Forecaster(**usual | arguments)


SERIES = {"log": air_passengers(), "plain": seasonal_series(60)}


@cache
def small_run(kind: str) -> HoldOut:
    """Hold out five rows of a series, once a process."""
    return hold_out(small(), SERIES[kind])


def weights(forecaster: Forecaster) -> bytes:
    return b"".join(weight.tobytes() for weight in forecaster.model_.get_weights())


@pytest.mark.parametrize("seed", range(5))
def test_default_recipe_beats_seasonal_naive_by_a_wide_margin(seed: int) -> None:
    run = default_run(seed)
    scores = run.scores["rmse"]
    assert scores["network"] < 25
    assert scores["seasonal_naive"] == pytest.approx(SEASONAL_NAIVE_RMSE, abs=0.05)
    assert run.skill == 1 - scores["network"] / scores["seasonal_naive"] > 0.5


def test_held_out_rows_are_the_last_ones() -> None:
    run, series = default_run(0), air_passengers()
    assert run.actual.equals(series[-12:])
    assert run.forecast.index.equals(series.index[-12:])
    assert run.forecaster.history_.equals(series[:-12])
    error = run.forecast - series[-12:]
    assert run.scores.loc["network", "rmse"] == pytest.approx(np.sqrt(np.mean(error**2)))


@pytest.mark.parametrize(("kind", "poison"), [("log", 1e6), ("log", 0.0), ("plain", 1e6)])
def test_held_out_rows_change_nothing(kind: str, poison: float) -> None:
    clean, series = small_run(kind), SERIES[kind].copy()
    series.iloc[-5:] *= poison
    other = hold_out(small(), series)
    assert other.forecaster.scaling_ == clean.forecaster.scaling_
    assert weights(other.forecaster) == weights(clean.forecaster)
    assert other.forecast.equals(clean.forecast)
    assert other.forecaster.epochs_ == clean.forecaster.epochs_
    assert other.scores.loc["network", "rmse"] != clean.scores.loc["network", "rmse"]


def test_last_training_row_does_count() -> None:
    """Else the test above could not fail."""
    clean, series = small_run("plain"), SERIES["plain"].copy()
    series.iloc[-6] *= 1.5
    forecaster = small()
    other = hold_out(forecaster, series)
    assert other.forecaster.scaling_ != clean.forecaster.scaling_
    assert weights(other.forecaster) != weights(clean.forecaster)
    assert not hasattr(forecaster, "model_")  # a copy was fitted


def test_saved_model_forecasts_from_raw_windows(tmp_path: Path) -> None:
    forecaster = default_run(0).forecaster
    forecaster.model_.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    window = air_passengers().iloc[-36:-12].to_numpy("float32")
    forecast = loaded.predict_on_batch(window[None])[0]
    assert forecast.astype("float64").tolist() == forecaster.predict().tolist()


def test_same_seed_same_forecast() -> None:
    first = small_run("plain")
    again, other = (hold_out(small(seed=seed), SERIES["plain"]) for seed in (0, 1))
    assert weights(first.forecaster) == weights(again.forecaster) != weights(other.forecaster)
    assert first.forecast.equals(again.forecast)
    assert not first.forecast.equals(other.forecast)


@pytest.mark.parametrize("steps", [1, 5, 6, 12])
def test_any_horizon_is_reached_by_feeding_back(steps: int) -> None:
    forecaster = small_run("plain").forecaster
    values = SERIES["plain"][:-5].tolist()
    for _ in range(3):
        window = np.array([values[-13:]], "float32")
        values += forecaster.model_.predict_on_batch(window)[0].tolist()
    forecast = forecaster.predict(steps)
    assert forecast.tolist() == values[55 : 55 + steps]
    after = pd.date_range("2004-08-01", periods=steps, freq="MS")
    assert forecast.index.equals(after)
    assert forecast.name == "forecast"


def test_straight_line_goes_on() -> None:
    line = pd.Series(np.arange(1.0, 101.0))
    forecast = Forecaster(12).fit(line).predict()
    np.testing.assert_allclose(forecast, np.arange(101.0, 113.0), rtol=0.01)
    assert forecast.index.tolist() == list(range(100, 112))


def test_arguments_reach_the_network() -> None:
    forecaster = small(model="lstm", units=7, num_layers=2, season=4, epochs=1).fit(
        seasonal_series(40)
    )
    layer = forecaster.model_.get_layer("lstm")
    assert (layer.units, layer.num_layers) == (7, 2)
    assert forecaster.model_.input_shape == (None, 13)
    assert forecaster.model_.output_shape == (None, 5)
    assert forecaster.season_ == forecaster.scaling_.season == 4


def test_training_stops_early_on_noise_and_keeps_the_best_weights() -> None:
    noise = pd.Series(np.random.default_rng(0).normal(size=100))
    forecaster = small(horizon=2, look_back=4, epochs=600).fit(noise)
    losses = forecaster.losses_["val_loss"]
    assert len(losses) == forecaster.epochs_ == int(np.argmin(losses)) + 1 + PATIENCE < 600
    past, future = cut_windows(noise.to_numpy("float32"), 4, 2)
    held_out = slice(-validation_windows(len(past), 2), None)
    forecast = forecaster.model_.predict_on_batch(past[held_out])
    loss = np.mean((forecast - future[held_out]) ** 2) / forecaster.scaling_.loss_scale
    assert loss == pytest.approx(min(losses), rel=1e-4)


def test_defaults_of_a_built_in_run() -> None:
    forecaster = default_run(0).forecaster
    assert (forecaster.look_back_, forecaster.season_) == (24, 12)
    assert (forecaster.scaling_.base, forecaster.scaling_.log) == ("seasonal", True)


@pytest.mark.parametrize(
    ("rows", "horizon", "season", "look_back"),
    [
        (144, 12, 12, 24),  # two seasons
        (300, 12, 1, 24),  # at least 24
        (300, 20, 1, 40),  # twice the horizon
        (67, 12, 12, 24),  # the last length at which two seasons leave 2 * 12 + 8 windows
        (66, 12, 12, 12),
        (32, 12, 12, 12),  # the last length at which one season leaves 9 windows
        (31, 12, 12, 9),
        (20, 5, 1, 7),
        (9, 4, 1, 2),
    ],
)
def test_default_look_back(rows: int, horizon: int, season: int, look_back: int) -> None:
    assert default_look_back(rows, horizon, season) == look_back


@given(st.integers(1, 40), st.integers(1, 60), st.integers(5, 400))
def test_default_look_back_always_leaves_enough_windows(
    horizon: int, season: int, more: int
) -> None:
    look_back = default_look_back(horizon + more, horizon, season)
    assert look_back >= 2
    assert more - look_back + 1 >= LEAST_WINDOWS


def test_default_epochs() -> None:
    steps = [1, 4, 40, 100, 150, 200, 2000]
    assert [default_epochs(s) for s in steps] == [400, 100, 10, 10, 10, 7, 1]


def test_validation_windows_are_spared_by_long_series_only() -> None:
    cases = [(239, 12), (240, 12), (1000, 12), (20, 1), (19, 1), (10_000, 1)]
    assert [validation_windows(*case) for case in cases] == [0, 24, 100, 2, 0, 1000]


@given(st.integers(1, 5000), st.integers(1, 50))
def test_validation_leaves_three_quarters_to_train_on(windows: int, horizon: int) -> None:
    held_out = validation_windows(windows, horizon)
    assert 0 <= held_out <= windows // 4
    assert held_out == 0 or held_out >= horizon


def test_short_series_is_refused_with_the_rows_it_needs() -> None:
    needed = 13 + 5 + LEAST_WINDOWS - 1
    with pytest.raises(DataError, match=f"^{needed - 1} rows .* look-back of 13 .* need {needed};"):
        small().fit(seasonal_series(needed - 1))
    assert len(small().fit(seasonal_series(needed)).predict()) == 5
    with pytest.raises(DataError, match="need"):
        hold_out(small(), seasonal_series(4))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_missing_value_is_refused_with_its_time(value: float) -> None:
    series = seasonal_series(40)
    series.iloc[3] = value
    with pytest.raises(DataError, match="y: missing or infinite value at 2000-04-01"):
        small().fit(series)


@pytest.mark.parametrize(
    "name", ["horizon", "look_back", "units", "num_layers", "epochs", "season"]
)
def test_numbers_below_one_are_refused(name: str) -> None:
    with pytest.raises(DataError, match=f"^--{name.replace('_', '-')} must be .* Got 0"):
        Forecaster(**{name: 0})
    with pytest.raises(DataError, match=r"--model must be one of rnn, lstm, gru\. Got 'cnn'"):
        Forecaster(model="cnn")


def test_clone_has_the_arguments_and_no_fit() -> None:
    arguments = {"horizon": 3, "look_back": 7, "model": "rnn", "units": 5, "num_layers": 2}
    arguments |= {"epochs": 1, "season": 4, "seed": 9, "quiet": False}
    assert Forecaster(**arguments).clone().get_params() == arguments
    assert not hasattr(small_run("plain").forecaster.clone(), "model_")


def test_classic_program_predicts_one_step_from_scaled_windows() -> None:
    series = seasonal_series(40)
    classic = run_classic(series, 12, epochs=2)
    assert classic.scale == series.max() - series.min()
    assert classic.training_rows == 2 + int(0.7 * 38)
    assert classic.prediction.index.equals(series.index[2:])
    network = classic_csv_model()
    network.set_weights(classic.model.get_weights())
    scaled = (series.to_numpy() / classic.scale).astype("float32")
    windows = np.stack([scaled[:-2], scaled[1:-1]], axis=-1)[:, None]
    expected = network.predict_on_batch(windows)[:, 0, 0] * classic.scale
    np.testing.assert_allclose(classic.prediction, expected, rtol=1e-6)
    error = classic.prediction[classic.training_rows - 2 :] - series[classic.training_rows :]
    assert classic.scores.loc["network", "mae"] == pytest.approx(np.abs(error).mean())
