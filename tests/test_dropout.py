"""The three dropouts, laid bare by weights that copy: relu, identities and no bias."""

from typing import Any

import keras
import numpy as np
import pytest

import kerasrnn
from tests.making import MODES, built, new_layer
from tests.running import assert_close, to_numpy

RATE = 0.4
BATCH, TIME, UNITS = 16, 6, 32
KEPT = np.float32(1 / (1 - RATE))
ALL = {"num_layers": 2, "dropout": 0.3, "input_dropout": 0.2, "recurrent_dropout": 0.4}


def copying(kernel: float, recurrent: float, **options: Any) -> Any:
    """Make layers of relu(kernel * x + recurrent * h)."""
    layer = kerasrnn.RNN(
        UNITS, nonlinearity="relu", use_bias=False, return_sequences=True, **options
    )
    layer.build((None, None, UNITS))
    for cell in layer.cells:
        cell.kernel.assign(kernel * np.eye(*cell.kernel.shape))
        cell.recurrent_kernel.assign(recurrent * np.eye(UNITS))
    return layer


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, "float32")


def assert_dropped(factors: np.ndarray) -> None:
    """Factors are 0 or 1 / (1 - rate), and about the right share of each."""
    assert np.isclose(factors, 0).sum() + np.isclose(factors, KEPT).sum() == factors.size
    # 5 standard errors of the share of zeros.
    assert abs((factors == 0).mean() - RATE) < 5 * (RATE * (1 - RATE) / factors.size) ** 0.5


def test_input_dropout_drops_the_same_features_at_all_steps() -> None:
    layer = copying(kernel=1, recurrent=0, input_dropout=RATE)
    outputs = to_numpy(layer(ones(BATCH, TIME, UNITS), training=True))
    assert (outputs == outputs[:, :1]).all()
    assert_dropped(outputs[:, 0])
    assert (outputs[0] != outputs[1]).any()


def test_input_dropout_is_at_every_cell_with_a_mask_of_its_own() -> None:
    layer = copying(kernel=1, recurrent=0, input_dropout=RATE, num_layers=2, bidirectional=True)
    for cell in layer.cells[2:]:  # the top layer adds up what its two inputs are
        cell.kernel.assign(np.concatenate([np.eye(UNITS), 100 * np.eye(UNITS)]))
    outputs = to_numpy(layer(ones(BATCH, TIME, UNITS), training=True))
    assert (outputs == outputs[:, :1]).all()
    forward, reverse = np.split(outputs[:, 0], 2, axis=-1)
    sums = np.array([a + b for a in (0, KEPT**2) for b in (0, 100 * KEPT**2)])
    for share in (forward, reverse):
        assert (np.isclose(share[..., None], sums).sum(axis=-1) == 1).all()
        assert np.isclose(share[..., None], sums).any(axis=(0, 1)).all()
    assert (forward != reverse).any()


def test_recurrent_dropout_drops_the_same_state_at_all_steps() -> None:
    layer = copying(kernel=0, recurrent=1, recurrent_dropout=RATE)
    start = ones(BATCH, UNITS)
    outputs = to_numpy(layer(ones(BATCH, TIME, UNITS), initial_state=start, training=True))
    factors = outputs[:, 0]
    assert_dropped(factors)
    for step in range(TIME):
        assert_close(outputs[:, step], factors ** (step + 1), "float32")


def test_recurrent_dropout_is_at_every_cell_with_a_mask_of_its_own() -> None:
    options = {"num_layers": 2, "bidirectional": True, "return_state": True}
    layer = copying(kernel=0, recurrent=1, recurrent_dropout=RATE, **options)
    start = [ones(BATCH, UNITS)] * 4
    _, *final = layer(ones(BATCH, 1, UNITS), initial_state=start, training=True)
    states = [to_numpy(state) for state in final]
    for index, state in enumerate(states):
        assert_dropped(state)
        assert not any((state == other).all() for other in states[:index])


@pytest.mark.parametrize("mode", ["lstm", "gru", "gru_reset_before"])
def test_recurrent_dropout_leaves_the_carried_memory_alone(mode: str) -> None:
    """Only the recurrent product sees it: with a zero recurrent kernel it does nothing."""
    # Different kernels run with dropout and without.
    layer = built(new_layer(mode, 4, recurrent_dropout=0.9, dtype="float64"), 3)
    layer.cells[0].recurrent_kernel.assign(np.zeros(layer.cells[0].recurrent_kernel.shape))
    inputs = np.random.default_rng(0).normal(size=(2, 5, 3))
    with_dropout, without = (to_numpy(layer(inputs, training=t)) for t in (True, False))
    np.testing.assert_allclose(with_dropout, without, rtol=1e-6)


def test_dropout_between_layers_is_drawn_anew_at_every_step() -> None:
    layer = copying(kernel=1, recurrent=0, dropout=RATE, num_layers=2)
    outputs = to_numpy(layer(ones(BATCH, TIME, UNITS), training=True))
    assert_dropped(outputs)
    steps = outputs.swapaxes(0, 1)
    for index, step in enumerate(steps):
        assert not any((step == other).all() for other in steps[:index])


def test_dropout_between_layers_leaves_the_last_output_alone() -> None:
    layer = copying(kernel=1, recurrent=0, dropout=RATE, num_layers=3)
    outputs = to_numpy(layer(ones(64, TIME, UNITS), training=True))
    kept_twice = np.isclose(outputs, KEPT**2)
    assert (kept_twice | (outputs == 0)).all()
    assert abs(kept_twice.mean() - (1 - RATE) ** 2) < 0.05


@pytest.mark.parametrize("option", ["dropout", "input_dropout", "recurrent_dropout"])
def test_expectation_is_preserved(option: str) -> None:
    kernel, recurrent = (0, 1) if option == "recurrent_dropout" else (1, 0)
    layer = copying(kernel, recurrent, num_layers=2, **{option: RATE})
    states = [ones(256, UNITS)] * 2
    outputs = to_numpy(layer(ones(256, 1, UNITS), initial_state=states, training=True))
    spread = outputs.std() / outputs.size**0.5
    assert 0 < abs(outputs.mean() - 1) < 5 * spread


@pytest.mark.parametrize("mode", MODES)
def test_dropouts_rest_at_inference(mode: str, rng: np.random.Generator) -> None:
    inputs = rng.normal(size=(2, 5, 3))
    dropping, plain = (built(new_layer(mode, 4, **o), 3) for o in (ALL, {"num_layers": 2}))
    expected = to_numpy(plain(inputs))
    assert (to_numpy(dropping(inputs)) == expected).all()
    assert (to_numpy(dropping(inputs, training=False)) == expected).all()
    assert (to_numpy(dropping(inputs, training=True)) != expected).any()
    assert (to_numpy(plain(inputs, training=True)) == expected).all()


@pytest.mark.parametrize("mode", MODES)
def test_seed_decides_the_draws(mode: str, rng: np.random.Generator) -> None:
    inputs = rng.normal(size=(2, 5, 3))

    def outputs(seed: int) -> list[np.ndarray]:
        layer = built(new_layer(mode, 4, seed=seed, **ALL), 3)
        return [to_numpy(layer(inputs, training=True)) for _ in range(2)]

    first, again, other = outputs(1), outputs(1), outputs(2)
    assert (first[0] == again[0]).all()
    assert (first[1] == again[1]).all()
    assert (first[0] != first[1]).any()
    assert (first[0] != other[0]).any()


def test_fit_drops_and_predict_does_not() -> None:
    inputs = ones(BATCH, TIME, UNITS)
    layer = copying(kernel=1, recurrent=0, input_dropout=RATE, seed=1)
    model = keras.Sequential([keras.Input((TIME, UNITS)), layer, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    before = to_numpy(layer.seed_generator.state).copy()
    assert (keras.Model(model.inputs, layer.output).predict(inputs, verbose=0) == inputs).all()
    assert (to_numpy(layer.seed_generator.state) == before).all()
    model.fit(inputs, np.ones((BATCH, TIME, 1)), verbose=0)
    assert (to_numpy(layer.seed_generator.state) != before).any()
