"""The forecasting networks: what they give before training, and what reaches their outputs."""

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasrnn.forecasting.models import (
    MODELS,
    Cycle,
    Design,
    forecast_model,
    network_inputs,
    ordered_quantiles,
)
from kerasrnn.forecasting.scaling import NORMALIZATIONS, Scaling, forecast_from, normalize

LOOK_BACK, HORIZON, SEASON, BATCH = 7, 4, 3, 5
COVARIATES = {"past": 2, "future": 3, "static": 2}
QUANTILES = (0.1, 0.5, 0.8, 0.9)


def scaling_of(kind: str, log: bool = False) -> Scaling:
    growth = tuple(np.linspace(0.1, 0.3, HORIZON).tolist())
    return Scaling(log, kind, SEASON, growth, input_scale=0.7, output_scale=0.4, loss_scale=2.0)


def design_of(kind: str = "last", log: bool = False, **options: Any) -> Design:
    usual: dict[str, Any] = {"units": 3, "segment": 2, "num_series": 3}
    return Design(LOOK_BACK, HORIZON, scaling_of(kind, log), **usual | options)


def randomized(model: keras.Model, scale: float = 0.5) -> keras.Model:
    """Draw all weights anew, so that the last layer does not give zero."""
    rng = np.random.default_rng(2)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0, scale, variable.shape))
    return model


def random_inputs(design: Design, rng: np.random.Generator) -> dict[str, np.ndarray]:
    inputs = {
        name: rng.uniform(1, 3, (BATCH, *tensor.shape[1:])).astype("float32")
        for name, tensor in network_inputs(design).items()
    }
    for name in {"series", "position"} & set(inputs):
        inputs[name] = rng.integers(0, design.num_series, (BATCH, 1)).astype("int32")
    return inputs


def forecast(model: keras.Model, inputs: dict[str, np.ndarray]) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(inputs, training=False))


def assert_starts_at_base_and_growth(design: Design, rng: np.random.Generator) -> None:
    inputs = random_inputs(design, rng)
    z = np.log(inputs["window"]) if design.scaling.log else inputs["window"]
    kind = design.scaling.normalization
    _, base, spread = normalize(z.astype("float64"), kind, SEASON, HORIZON, np)
    growth = np.broadcast_to(design.scaling.growth, (BATCH, HORIZON))
    expected = forecast_from(growth, base, spread, kind, np)
    expected = np.exp(expected) if design.scaling.log else expected
    np.testing.assert_allclose(forecast(forecast_model(design), inputs), expected, rtol=2e-5)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("kind", NORMALIZATIONS)
def test_untrained_network_gives_base_and_growth(
    rng: np.random.Generator, kind: str, log: bool
) -> None:
    assert_starts_at_base_and_growth(design_of(kind, log, model="rnn"), rng)


@pytest.mark.parametrize("covariates", [{}, COVARIATES], ids=["alone", "covariates"])
@pytest.mark.parametrize("model", MODELS)
def test_every_untrained_network_gives_base_and_growth(
    rng: np.random.Generator, model: str, covariates: dict[str, int]
) -> None:
    design = design_of("seasonal", model=model, cycle=2, embed_series=True, **covariates)
    assert_starts_at_base_and_growth(design, rng)


def test_untrained_median_is_base_and_growth(rng: np.random.Generator) -> None:
    design = design_of("last", model="rnn", quantiles=QUANTILES)
    inputs = random_inputs(design, rng)
    expected = inputs["window"][:, -1:] + np.array(design.scaling.growth)
    got = forecast(forecast_model(design), inputs)
    np.testing.assert_allclose(got[:, :, QUANTILES.index(0.5)], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({}, (HORIZON,)),
        ({"num_members": 2}, (2, HORIZON)),
        ({"quantiles": QUANTILES}, (HORIZON, 4)),
        ({"num_members": 2, "quantiles": QUANTILES}, (2, HORIZON, 4)),
    ],
)
@pytest.mark.parametrize("model", MODELS)
def test_members_come_before_the_horizon_and_quantiles_after_it(
    model: str, options: dict[str, Any], shape: tuple[int, ...]
) -> None:
    for more in ({}, {"bidirectional": True, "num_layers": 2}, COVARIATES):
        design = design_of(model=model, **options, **more)
        assert forecast_model(design).output_shape == (None, *shape)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, ["window"]),
        ({"past": 1}, ["window", "past"]),
        ({"future": 1, "static": 2}, ["window", "future", "static"]),
        ({"embed_series": True}, ["window", "series"]),
        ({"cycle": 3}, ["window", "series", "position"]),
    ],
)
def test_network_has_the_inputs_that_the_design_needs(
    options: dict[str, Any], names: list[str]
) -> None:
    model = forecast_model(design_of(**options))
    assert sorted(tensor.name for tensor in model.inputs) == sorted(names)


@pytest.mark.parametrize("kind", ["last", "window", "difference"])
@pytest.mark.parametrize("model", ["rnn", "encoder_decoder", "segment"])
def test_quantiles_never_cross(rng: np.random.Generator, model: str, kind: str) -> None:
    design = design_of(kind, model=model, quantiles=QUANTILES, cycle=2)
    network = randomized(forecast_model(design), scale=2.0)
    got = forecast(network, random_inputs(design, rng))
    assert (np.diff(got, axis=-1) > 0).all()


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), middle=st.integers(0, 3))
def test_quantiles_are_steps_away_from_the_median(seed: int, middle: int) -> None:
    raw = np.random.default_rng(seed).normal(0, 4, (2, 3, 4)).astype("float32")
    ordered = keras.ops.convert_to_numpy(
        ordered_quantiles(keras.ops.convert_to_tensor(raw), middle)
    )
    softplus = np.log1p(np.exp(raw.astype("float64")))
    for place in range(4):
        above = softplus[:, :, middle + 1 : place + 1].sum(axis=-1)
        below = softplus[:, :, place:middle].sum(axis=-1)
        expected = raw[:, :, middle] + above - below
        np.testing.assert_allclose(ordered[:, :, place], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("num_series", "period", "steps"), [(1, 3, 7), (3, 5, 4), (2, 1, 3)])
def test_cycle_is_that_of_a_hand_loop(
    rng: np.random.Generator, num_series: int, period: int, steps: int
) -> None:
    layer = Cycle(num_series, period, steps)
    position = np.array([[0], [4], [-3], [1000]], "int32")
    series = rng.integers(0, num_series, (4, 1)).astype("int32")
    assert (keras.ops.convert_to_numpy(layer([position, series])) == 0).all()
    table = rng.normal(size=(num_series, period)).astype("float32")
    layer.table.assign(table.ravel())
    got = keras.ops.convert_to_numpy(layer([position, series]))
    assert got.shape == (4, steps)
    for window in range(4):
        for step in range(steps):
            phase = (int(position[window, 0]) + step) % period
            assert got[window, step] == table[int(series[window, 0]), phase]


def test_cycle_is_taken_off_the_window_and_added_to_the_forecast(rng: np.random.Generator) -> None:
    plain = randomized(forecast_model(design_of(model="rnn")))
    design = design_of(model="rnn", cycle=SEASON)
    cyclic = forecast_model(design)
    cyclic.set_weights([*cyclic.get_layer("cycle").get_weights(), *plain.get_weights()])
    table = rng.normal(size=(3, SEASON)).astype("float32")
    cyclic.get_layer("cycle").table.assign(table.ravel())
    inputs = random_inputs(design, rng)
    phases = (inputs["position"] + np.arange(LOOK_BACK + HORIZON)) % SEASON
    cycle = table[inputs["series"], phases]
    expected = forecast(plain, {"window": inputs["window"] - cycle[:, :LOOK_BACK]})
    expected = expected + cycle[:, LOOK_BACK:]
    np.testing.assert_allclose(forecast(cyclic, inputs), expected, rtol=1e-4)


REACHED = {
    "gru": ("window", "past", "future", "static", "series", "position"),
    "encoder_decoder": ("window", "past", "future", "static", "series", "position"),
    "segment": ("window", "series", "position"),
}


@pytest.mark.parametrize("model", REACHED)
def test_every_input_reaches_the_forecast(rng: np.random.Generator, model: str) -> None:
    wanted = {name: n for name, n in COVARIATES.items() if name in REACHED[model]}
    design = design_of(model=model, embed_series=True, cycle=SEASON, **wanted)
    network = randomized(forecast_model(design))
    inputs = random_inputs(design, rng)
    assert tuple(inputs) == REACHED[model]
    before = forecast(network, inputs)
    for name, array in inputs.items():
        changed = (array + 1) % 3 if array.dtype == np.int32 else array + 0.5
        after = forecast(network, inputs | {name: changed.astype(array.dtype)})
        assert np.abs(after - before).max(axis=1).min() > 1e-4, name


@pytest.mark.parametrize("model", ["gru", "encoder_decoder"])
def test_what_is_known_of_a_step_changes_no_step_before_it(
    rng: np.random.Generator, model: str
) -> None:
    """Rows after the last one wanted may hold anything."""
    design = design_of(model=model, future=1)
    network = randomized(forecast_model(design))
    inputs = random_inputs(design, rng)
    before = forecast(network, inputs)
    for step in range(HORIZON):
        future = inputs["future"].copy()
        future[:, LOOK_BACK + step] += 1
        change = np.abs(forecast(network, inputs | {"future": future}) - before).max(axis=0)
        assert (change[:step] == 0).all()
        assert change[step] > 1e-4


@pytest.mark.parametrize("kind", ["last", "mean", "seasonal", "shifted", "mix", "difference"])
def test_forecast_moves_with_the_level(rng: np.random.Generator, kind: str) -> None:
    windows = rng.uniform(1, 9, (BATCH, LOOK_BACK)).astype("float32")
    additive, multiplicative = (
        randomized(forecast_model(design_of(kind, log, model="rnn"))) for log in (False, True)
    )
    base = forecast(forecast_model(design_of(kind, model="rnn")), {"window": windows})
    expected = forecast(additive, {"window": windows})
    assert np.abs(expected - base).min() > 1e-3  # the network has its say
    higher = forecast(additive, {"window": windows + 50})
    np.testing.assert_allclose(higher, expected + 50, rtol=2e-5)
    larger = forecast(multiplicative, {"window": windows * 50})
    expected = forecast(multiplicative, {"window": windows})
    np.testing.assert_allclose(larger, expected * 50, rtol=1e-4)


def test_members_and_series_start_apart(rng: np.random.Generator) -> None:
    model = forecast_model(design_of(num_members=2, embed_series=True))
    for name in ("gru", "series_vector"):
        first, second = (model.get_layer(f"member_{i}_{name}").get_weights()[0] for i in range(2))
        assert first.shape == second.shape
        assert not np.allclose(first, second)
    vectors = model.get_layer("member_0_series_vector").get_weights()[0]
    assert not np.allclose(vectors[0], vectors[1])


@pytest.mark.parametrize(("model", "name"), [("lstm", "lstm"), ("encoder_decoder", "rnn")])
def test_sizes_reach_the_encoder(model: str, name: str) -> None:
    design = design_of(model=model, cell="rnn", units=6, num_layers=2, bidirectional=True)
    layer = forecast_model(design).get_layer(name)
    assert (layer.units, layer.num_layers, layer.bidirectional) == (6, 2, True)
    assert layer.dropout == design.dropout
