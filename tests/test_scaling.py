"""What is taken off windows and put back on forecasts, and what is measured for that."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasrnn.forecasting import DataError
from kerasrnn.forecasting.baselines import seasonal_naive
from kerasrnn.forecasting.scaling import (
    LEAST_SPREAD,
    NORMALIZATIONS,
    Scaling,
    forecast_from,
    grows_in_proportion,
    measure_scaling,
    measure_series,
    normalize,
    outputs_for,
    parse_normalization,
    takes_logarithm,
)

LOOK_BACK, HORIZON, SEASON = 14, 9, 6
normalizations = pytest.mark.parametrize("kind", NORMALIZATIONS)


def windows_of(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return all windows of a series, and what follows each."""
    windows = np.lib.stride_tricks.sliding_window_view(values, LOOK_BACK + HORIZON)
    return windows[:, :LOOK_BACK], windows[:, LOOK_BACK:]


def measured(
    values: np.ndarray, season: int = SEASON, kind: str = "auto", log: bool = False
) -> Scaling:
    return measure_scaling(*windows_of(values), season, kind, log)


def waves(rng: np.random.Generator, rows: int = 90, period: int = SEASON) -> np.ndarray:
    return 20 + 4 * np.sin(2 * np.pi * np.arange(rows) / period) + rng.normal(0, 0.5, rows)


def growing(rng: np.random.Generator, rows: int = 120) -> np.ndarray:
    return waves(rng, rows) * np.exp(0.02 * np.arange(rows))


def base_by_hand(window: np.ndarray, kind: str, horizon: int) -> np.ndarray:
    if kind == "seasonal":
        return seasonal_naive(window, horizon, SEASON)
    if kind == "shifted":
        moved = window[-1] - window[-SEASON - 1]
        return seasonal_naive(window, horizon, SEASON) + moved
    if kind == "mix":
        seasons = window[len(window) % SEASON :].reshape(-1, SEASON)
        return np.resize(seasons.mean(axis=0), horizon)
    level = {"standard": 0.0, "mean": window.mean(), "window": window.mean()}
    return np.full(horizon, level.get(kind, window[-1]))


def inputs_by_hand(window: np.ndarray, kind: str) -> np.ndarray:
    if kind == "difference":
        return np.diff(window, prepend=window[0])
    if kind == "standard":
        return window
    if kind == "shifted":
        before = [window[:step] for step in range(SEASON + 1, len(window))]
        errors = [window[len(part)] - base_by_hand(part, kind, 1)[0] for part in before]
        return np.concatenate([np.zeros(SEASON + 1), errors])
    if kind in ("window", "mix"):
        return (window - window.mean()) / (window.std() + LEAST_SPREAD)
    return window - (window.mean() if kind == "mean" else window[-1])


def outputs_by_hand(window: np.ndarray, kind: str, future: np.ndarray) -> np.ndarray:
    if kind == "difference":
        return np.diff(future, prepend=window[-1])
    left = future - base_by_hand(window, kind, len(future))
    return left / (window.std() + LEAST_SPREAD) if kind in ("window", "mix") else left


@normalizations
@pytest.mark.parametrize("horizon", [1, SEASON, HORIZON, 2 * SEASON + 1])
def test_windows_are_normalized_as_by_hand(
    rng: np.random.Generator, kind: str, horizon: int
) -> None:
    past, future = rng.normal(3, 2, (5, LOOK_BACK)), rng.normal(3, 2, (5, horizon))
    inputs, base, spread = normalize(past, kind, SEASON, horizon, np)
    outputs = outputs_for(future, base, spread, kind)
    for i, window in enumerate(past):
        np.testing.assert_allclose(inputs[i], inputs_by_hand(window, kind), rtol=1e-12)
        np.testing.assert_allclose(base[i], base_by_hand(window, kind, horizon), rtol=1e-12)
        expected = outputs_by_hand(window, kind, future[i])
        np.testing.assert_allclose(outputs[i], expected, rtol=1e-10, atol=1e-12)


@normalizations
@given(seed=st.integers(0, 2**32 - 1), horizon=st.integers(1, 20))
def test_what_is_taken_off_is_put_back(kind: str, seed: int, horizon: int) -> None:
    rng = np.random.default_rng(seed)
    past, future = rng.normal(5, 3, (4, LOOK_BACK)), rng.normal(5, 3, (4, horizon))
    _, base, spread = normalize(past, kind, SEASON, horizon, np)
    outputs = outputs_for(future, base, spread, kind)
    np.testing.assert_allclose(forecast_from(outputs, base, spread, kind, np), future, rtol=1e-9)
    several = np.stack([outputs, 2 * outputs], axis=2)
    forecasts = forecast_from(several, base, spread, kind, np)
    assert forecasts.shape == (4, horizon, 2)
    np.testing.assert_allclose(forecasts[:, :, 0], future, rtol=1e-9)
    twice = forecast_from(2 * outputs, base, spread, kind, np)
    np.testing.assert_allclose(forecasts[:, :, 1], twice, rtol=1e-12)


@normalizations
def test_network_normalizes_as_numpy_does(rng: np.random.Generator, kind: str) -> None:
    past = rng.normal(5, 3, (4, LOOK_BACK)).astype("float32")
    outputs = rng.normal(0, 1, (4, HORIZON, 2)).astype("float32")
    expected = normalize(past, kind, SEASON, HORIZON, np)
    got = normalize(keras.ops.convert_to_tensor(past), kind, SEASON, HORIZON, keras.ops)
    for ours, theirs in zip(got, expected, strict=True):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(ours), theirs, rtol=1e-5, atol=1e-6)
    forecasts = forecast_from(outputs, *expected[1:], kind, np)
    tensors = forecast_from(keras.ops.convert_to_tensor(outputs), *got[1:], kind, keras.ops)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(tensors), forecasts, rtol=1e-4)


def test_random_walk_starts_from_the_last_value(rng: np.random.Generator) -> None:
    assert measured(1000 + np.cumsum(rng.normal(0.5, 1, 300))).normalization == "last"


def test_noise_starts_from_the_mean(rng: np.random.Generator) -> None:
    assert measured(rng.normal(5, 1, 300)).normalization == "mean"


def test_season_starts_from_the_last_season(rng: np.random.Generator) -> None:
    assert measured(waves(rng)).normalization == "seasonal"
    without = measured(waves(rng), season=1).normalization
    assert without not in ("seasonal", "shifted")
    whole = measured(waves(rng, period=LOOK_BACK), season=LOOK_BACK)
    assert whole.normalization == "seasonal"
    longer = LOOK_BACK + 1  # a window does not hold a season of it
    beyond = measured(waves(rng, period=longer), season=longer)
    assert beyond.normalization not in ("seasonal", "shifted")


def test_season_on_a_changing_slope_goes_on_from_the_last_value(rng: np.random.Generator) -> None:
    level = np.cumsum(np.cumsum(rng.normal(0, 1, 300)))
    season = 20 * np.sin(2 * np.pi * np.arange(300) / SEASON)
    assert measured(level + season).normalization == "shifted"


def test_base_is_chosen_by_what_growth_leaves(rng: np.random.Generator) -> None:
    """Along a noisy line, the mean and its growth leave least, the mean alone leaves most."""
    line = np.arange(300) + rng.normal(0, 1, 300)
    assert measured(line, season=HORIZON + 1).normalization == "mean"


@given(st.integers(0, 2**32 - 1))
def test_base_of_the_least_variance_is_chosen(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.exponential(size=3)
    steps = np.arange(80)
    values = weights @ [
        np.cumsum(rng.normal(size=80)),
        rng.normal(size=80),
        3 * np.sin(2 * np.pi * steps / SEASON),
    ]
    past, future = windows_of(values)
    left = {}
    for kind in ("last", "mean", "seasonal", "shifted"):
        errors = future - [base_by_hand(window, kind, HORIZON) for window in past]
        left[kind] = np.mean((errors - errors.mean(axis=0)) ** 2)
    chosen = measured(values).normalization
    assert left[chosen] == pytest.approx(min(left.values()), rel=1e-9)


def test_straight_line_is_all_growth() -> None:
    scaling = measured(3.0 * np.arange(60), season=1)
    assert scaling.normalization == "last"
    assert scaling.growth == tuple(3.0 * np.arange(1, HORIZON + 1))
    assert (scaling.output_scale, scaling.loss_scale) == (1, 1)  # nothing is left to scale


@normalizations
@pytest.mark.parametrize("log", [False, True])
def test_scales_are_the_formulas(rng: np.random.Generator, kind: str, log: bool) -> None:
    values = growing(rng)
    scaling = measured(values, kind=kind, log=log)
    assert (scaling.log, scaling.normalization, scaling.season) == (log, kind, SEASON)
    z_past, z_future = windows_of(np.log(values) if log else values)
    pairs = list(zip(z_past, z_future, strict=True))
    inputs = [inputs_by_hand(window, kind) for window, _ in pairs]
    outputs = np.array([outputs_by_hand(window, kind, future) for window, future in pairs])
    growth = outputs.mean(axis=0)
    np.testing.assert_allclose(scaling.growth, growth, rtol=1e-10)
    seen = np.array(inputs)[:, SEASON + 1 :] if kind == "shifted" else inputs
    assert scaling.input_scale == pytest.approx(np.sqrt(np.mean(np.square(seen))))
    assert scaling.output_scale == pytest.approx(np.sqrt(np.mean((outputs - growth) ** 2)))
    fitted = []
    for window, _ in pairs:
        spread = window.std() + LEAST_SPREAD if kind in ("window", "mix") else 1.0
        added = np.cumsum(growth) if kind == "difference" else growth * spread
        fitted.append(base_by_hand(window, kind, HORIZON) + added)
    _, future = windows_of(values)
    error = future - (np.exp(fitted) if log else fitted)
    assert scaling.loss_scale == pytest.approx(np.mean(error**2))


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
    both = np.concatenate([growing(rng), growing(rng), values])
    assert not takes_logarithm(both, np.array([0, 120, 240, 360]), SEASON)


def test_no_logarithm_where_a_season_has_no_swing() -> None:
    steps = np.repeat(np.exp(np.arange(20.0)), SEASON)
    assert not grows_in_proportion(steps, SEASON)


@pytest.mark.parametrize(("many", "few", "log"), [(3, 2, True), (2, 2, False), (1, 3, False)])
def test_logarithm_is_for_most_series(
    rng: np.random.Generator, many: int, few: int, log: bool
) -> None:
    parts = [growing(rng) for _ in range(many)] + [waves(rng) for _ in range(few)]
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
    assert takes_logarithm(np.concatenate(parts), offsets, SEASON) is log


@pytest.mark.parametrize(
    ("given", "log", "kind"),
    [
        ("auto", None, "auto"),
        (("auto",), None, "auto"),
        *((kind, False, kind) for kind in NORMALIZATIONS),
        ("log", True, "auto"),
        (["log"], True, "auto"),
        (("log", "auto"), True, "auto"),
        (("log", "last"), True, "last"),
        (["window", "log"], True, "window"),
    ],
)
def test_normalization_is_parsed(given: object, log: bool | None, kind: str) -> None:
    assert parse_normalization(given) == (log, kind)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("minmax", "'minmax'"),
        (("last", "mean"), "'last', 'mean'"),
        (("log", "log"), "'log', 'log'"),
        (("log", "minmax"), "'log', 'minmax'"),
        ("", "''"),
    ],
)
def test_unknown_normalization_is_refused(given: object, told: str) -> None:
    known = ", ".join(["auto", *NORMALIZATIONS])
    with pytest.raises(DataError) as error:
        parse_normalization(given)  # type: ignore[arg-type]
    assert str(error.value) == (
        f"normalization must be one of {known}, or log, or log with one of them. Got {told}."
    )


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("kind", ["naive", "deviation"])
def test_series_scales_are_the_formulas(rng: np.random.Generator, kind: str, log: bool) -> None:
    parts = [rng.normal(3, 2, rows) for rows in (40, SEASON + 1, SEASON, 2)]
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts])])
    scales = measure_series(np.concatenate(parts), offsets, SEASON, kind, log)
    for i, part in enumerate(parts):
        lag = SEASON if len(part) > SEASON else 1
        naive = np.sqrt(np.mean((part[lag:] - part[:-lag]) ** 2))
        assert scales.scale[i] == pytest.approx(naive if kind == "naive" else part.std())
        assert scales.location[i] == pytest.approx(0.0 if log else part.mean())
    assert scales.kind == kind


@pytest.mark.parametrize("kind", ["naive", "deviation"])
def test_series_without_spread_has_no_scale(kind: str) -> None:
    values = np.array([5.0, 5, 5, -4, -4, 0, 0, 7])
    scales = measure_series(values, np.array([0, 3, 5, 7, 8]), 1, kind, log=False)
    assert scales.scale.tolist() == [0, 0, 0, 0]
    assert scales.constant.all()
    scaled = scales.scaled(values, np.repeat(range(4), [3, 2, 2, 1]))
    assert (scaled == 0).all()
    assert scales.restored(np.full((4, 1), 9.0), np.arange(4)).ravel().tolist() == [5, -4, 0, 7]


def test_scaled_values_are_restored(rng: np.random.Generator) -> None:
    values, series = rng.normal(50, 9, 30), np.repeat([0, 1, 2], 10)
    scales = measure_series(values, np.array([0, 10, 20, 30]), 1, "deviation", log=False)
    scaled = scales.scaled(values, series)
    for i in range(3):
        own = scaled[10 * i : 10 * i + 10]
        assert (own.mean(), own.std()) == (pytest.approx(0, abs=1e-12), pytest.approx(1))
    np.testing.assert_allclose(scales.restored(scaled, series), values, rtol=1e-12)
    table = scaled.reshape(3, 5, 2)
    restored = scales.restored(table, np.arange(3))
    np.testing.assert_allclose(restored, values.reshape(3, 5, 2), rtol=1e-12)
