"""What is measured on the training rows, and the network built on it."""

from collections.abc import Iterator

import keras
import numpy as np
import pytest

from kerasrnn.forecasting.baselines import seasonal_naive
from kerasrnn.forecasting.models import forecast_model
from kerasrnn.forecasting.scaling import (
    Scaling,
    base_forecast,
    grows_in_proportion,
    measure_scaling,
)
from kerasrnn.forecasting.windows import cut_windows

LOOK_BACK, HORIZON, SEASON = 14, 9, 6
# Keras takes the mean of float64 values in float32.
TOLERANCE = {"last": 1e-12, "mean": 1e-6, "seasonal": 1e-12}


@pytest.fixture
def double() -> Iterator[None]:
    """Build models in float64."""
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(before)
    keras.config.set_dtype_policy(before)


def measured(values: np.ndarray, season: int = SEASON) -> Scaling:
    return measure_scaling(values, *cut_windows(values, LOOK_BACK, HORIZON), season)


def waves(rng: np.random.Generator, rows: int = 90, period: int = SEASON) -> np.ndarray:
    return 20 + 4 * np.sin(2 * np.pi * np.arange(rows) / period) + rng.normal(0, 0.5, rows)


def test_random_walk_starts_from_the_last_value(rng: np.random.Generator) -> None:
    scaling = measured(1000 + np.cumsum(rng.normal(0.5, 1, 300)))
    assert (scaling.base, scaling.log) == ("last", False)


def test_noise_starts_from_the_mean(rng: np.random.Generator) -> None:
    assert measured(rng.normal(5, 1, 300)).base == "mean"


def test_season_starts_from_the_last_season(rng: np.random.Generator) -> None:
    assert measured(waves(rng)).base == "seasonal"
    assert measured(waves(rng), season=1).base != "seasonal"
    assert measured(waves(rng, period=LOOK_BACK), season=LOOK_BACK).base == "seasonal"
    longer = LOOK_BACK + 1  # a window does not hold a season of it
    assert measured(waves(rng, period=longer), season=longer).base != "seasonal"


def test_base_is_chosen_by_what_growth_leaves(rng: np.random.Generator) -> None:
    """Along a noisy line, the mean and its growth leave least, the mean alone leaves most."""
    line = np.arange(300) + rng.normal(0, 1, 300)
    assert measured(line, season=HORIZON + 1).base == "mean"


def test_straight_line_is_all_growth() -> None:
    scaling = measured(3.0 * np.arange(60), season=1)
    assert scaling.base == "last"
    assert scaling.growth == tuple(3.0 * np.arange(1, HORIZON + 1))
    assert (scaling.output_scale, scaling.loss_scale) == (1, 1)  # nothing is left to scale


def growing(rng: np.random.Generator, rows: int = 120) -> np.ndarray:
    return waves(rng, rows) * np.exp(0.02 * np.arange(rows))


def test_logarithm_where_the_spread_grows_with_the_level(rng: np.random.Generator) -> None:
    assert grows_in_proportion(growing(rng), SEASON)
    assert grows_in_proportion(growing(rng), season=1)


def swinging(growth: float, power: float, seasons: int = 20) -> np.ndarray:
    """Return seasons whose level grows by a factor in all, and whose swing by its power."""
    level = np.repeat(np.linspace(0, np.log(growth), seasons), SEASON)
    swing = np.tile(np.sin(2 * np.pi * np.arange(SEASON) / SEASON), seasons)
    return np.exp(level) * 20 + np.exp(power * level) * swing


@pytest.mark.parametrize(
    ("growth", "power", "log"),
    [
        (4.0, 1.0, True),
        (4.0, 0.6, True),
        (4.0, 0.4, False),  # less than the square root of the level
        (4.0, 0.0, False),
        (1.4, 1.0, True),
        (1.3, 1.0, False),  # less than exp(0.3), too little to tell
    ],
)
def test_logarithm_needs_a_swing_that_follows_the_level(
    growth: float, power: float, log: bool
) -> None:
    assert grows_in_proportion(swinging(growth, power), SEASON) is log


def test_logarithm_needs_four_seasons() -> None:
    values = swinging(4.0, 1.0, seasons=4)
    assert grows_in_proportion(values, SEASON)
    assert not grows_in_proportion(values[1:], SEASON)


def test_no_logarithm_where_the_swing_hardly_depends_on_the_level(
    rng: np.random.Generator,
) -> None:
    """The slope is above a half here, but by chance: the points lie all over the place."""
    level = np.repeat(np.linspace(0, 1, 20), SEASON)
    swing = np.tile(np.sin(2 * np.pi * np.arange(SEASON) / SEASON), 20)
    wild = np.repeat(rng.permutation(np.r_[np.zeros(10), 4 * np.ones(10)]), SEASON)
    values = 1000 * np.exp(level) + np.exp(0.9 * level + wild) * swing
    assert not grows_in_proportion(values, SEASON)


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_no_logarithm_of_zero_or_less(rng: np.random.Generator, value: float) -> None:
    values = growing(rng)
    values[3] = value
    assert not grows_in_proportion(values, SEASON)


def test_no_logarithm_where_a_season_has_no_swing() -> None:
    steps = np.repeat(np.exp(np.arange(20.0)), SEASON)
    assert not grows_in_proportion(steps, SEASON)


@pytest.mark.parametrize("horizon", [1, SEASON, HORIZON, 2 * SEASON + 1])
def test_base_forecasts_are_the_naive_ones_of_each_window(
    rng: np.random.Generator, horizon: int
) -> None:
    past = rng.normal(size=(5, LOOK_BACK))
    for base in ("last", "mean", "seasonal"):
        got = base_forecast(past, base, horizon, SEASON)
        assert got.shape == (5, horizon)
        for window, forecast in zip(past, got, strict=True):
            expected = {
                "last": np.full(horizon, window[-1]),
                "mean": np.full(horizon, window.mean()),
                "seasonal": seasonal_naive(window, horizon, SEASON),
            }[base]
            np.testing.assert_array_equal(forecast, expected)


@pytest.mark.parametrize("log", [False, True])
def test_scales_are_the_formulas(rng: np.random.Generator, log: bool) -> None:
    values = growing(rng) if log else waves(rng)
    scaling = measured(values)
    assert (scaling.log, scaling.base) == (log, "seasonal")
    z = np.log(values) if log else values
    deviations, errors = [], []
    for start in range(len(values) - LOOK_BACK - HORIZON + 1):
        end = start + LOOK_BACK
        deviations.append(z[start:end] - z[end - 1])
        errors.append(z[end : end + HORIZON] - seasonal_naive(z[start:end], HORIZON, SEASON))
    growth = np.mean(errors, axis=0)
    left = errors - growth
    np.testing.assert_allclose(scaling.growth, growth, rtol=1e-10)
    assert scaling.input_scale == pytest.approx(np.sqrt(np.mean(np.square(deviations))))
    assert scaling.output_scale == pytest.approx(np.sqrt(np.mean(left**2)))
    _, future = cut_windows(values, LOOK_BACK, HORIZON)
    _, z_future = cut_windows(z, LOOK_BACK, HORIZON)
    fitted = np.exp(z_future - left) if log else z_future - left
    assert scaling.loss_scale == pytest.approx(np.mean((future - fitted) ** 2))


def some_scaling(base: str, log: bool) -> Scaling:
    growth = tuple(np.linspace(0.1, 0.3, HORIZON).tolist())
    return Scaling(log, base, SEASON, growth, input_scale=0.7, output_scale=0.4, loss_scale=2.0)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(("base", "cell"), [("last", "rnn"), ("mean", "lstm"), ("seasonal", "gru")])
def test_untrained_network_gives_base_and_growth(
    rng: np.random.Generator, base: str, cell: str, log: bool
) -> None:
    scaling = some_scaling(base, log)
    windows = rng.uniform(1, 9, (4, LOOK_BACK))
    model = forecast_model(scaling, LOOK_BACK, cell, units=3, num_layers=2)
    z = np.log(windows) if log else windows
    expected = base_forecast(z, base, HORIZON, SEASON) + scaling.growth
    got = model.predict_on_batch(windows)
    np.testing.assert_allclose(got, np.exp(expected) if log else expected, rtol=TOLERANCE[base])


def randomised(scaling: Scaling) -> keras.Model:
    """Return a network whose last layer no longer gives zero."""
    model = forecast_model(scaling, LOOK_BACK, "gru", units=3)
    rng = np.random.default_rng(2)
    model.set_weights([rng.normal(0, 0.4, weight.shape) for weight in model.get_weights()])
    return model


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("base", ["last", "mean", "seasonal"])
def test_forecast_moves_with_the_level(rng: np.random.Generator, base: str) -> None:
    windows = rng.uniform(1, 9, (4, LOOK_BACK))
    additive, multiplicative = (randomised(some_scaling(base, log)) for log in (False, True))
    higher = additive.predict_on_batch(windows + 50)
    expected = additive.predict_on_batch(windows) + 50
    np.testing.assert_allclose(higher, expected, rtol=TOLERANCE[base])
    higher = multiplicative.predict_on_batch(windows * 50)
    expected = multiplicative.predict_on_batch(windows) * 50
    np.testing.assert_allclose(higher, expected, rtol=TOLERANCE[base])


@pytest.mark.usefixtures("double")
def test_forecast_follows_the_unit_of_the_series(rng: np.random.Generator) -> None:
    values = waves(rng)
    windows, _ = cut_windows(values, LOOK_BACK, HORIZON)
    small, large = randomised(measured(values)), randomised(measured(1000 * values))
    untouched = forecast_model(measured(values), LOOK_BACK).predict_on_batch(windows)
    forecast = small.predict_on_batch(windows)
    assert np.abs(forecast - untouched).max() > 0.1  # the network has its say
    np.testing.assert_allclose(large.predict_on_batch(1000 * windows), 1000 * forecast, rtol=1e-10)
