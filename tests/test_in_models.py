"""Behaviour that is easy to lose: in fit and under compilation, not only in a plain call."""

from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import kerasrnn
from kerasrnn.exact import tanh
from tests.making import KINDS
from tests.running import assert_close, run, to_numpy


@pytest.mark.parametrize("kind", KINDS)
def test_layer_made_untrainable_is_not_trained(kind: str, rng: np.random.Generator) -> None:
    layer = getattr(kerasrnn, kind)(4, trainable=False)
    model = keras.Sequential([keras.Input((None, 3)), layer, keras.layers.Dense(1)])
    before = layer.get_weights()
    model.compile("sgd", "mse")
    model.fit(rng.normal(size=(8, 5, 3)), rng.normal(size=(8, 1)), verbose=0)
    assert len(model.trainable_variables) == 2
    assert all((a == b).all() for a, b in zip(before, layer.get_weights(), strict=True))


def test_mask_beside_an_initial_state_arrives_in_predict(rng: np.random.Generator) -> None:
    """Under compilation too, where a tensor cannot carry its mask about."""
    tokens = keras.Input((None,), dtype="int32")
    states = [keras.Input((4,)), keras.Input((4,))]
    layer = kerasrnn.LSTM(4)
    embedded = keras.layers.Embedding(10, 3, mask_zero=True)(tokens)
    model = keras.Model([tokens, *states], layer(embedded, initial_state=states))
    start = [rng.normal(size=(2, 4)).astype("float32") for _ in states]
    padded = np.array([[1, 2, 0, 0], [3, 4, 5, 0]])
    short = [np.array([[1, 2]]), np.array([[3, 4, 5]])]
    outputs = model.predict([padded, *start], verbose=0)
    for row, own in enumerate(short):
        alone = model.predict([own, *(state[[row]] for state in start)], verbose=0)
        assert_close(outputs[[row]], alone, "float32")


@pytest.mark.parametrize("kind", KINDS)
def test_nan_in_masked_steps_reaches_no_gradient(kind: str, rng: np.random.Generator) -> None:
    layer = getattr(kerasrnn, kind)(4, return_state=True, dtype="float64")
    layer.build((None, None, 3))
    inputs = rng.normal(size=(2, 5, 3))
    mask = np.array([[True, False, True, True, False]] * 2)
    states = [rng.normal(size=(2, 4)) for _ in layer.state_size]
    cotangents = [rng.normal(size=(2, 4)) for _ in range(1 + len(states))]

    def differentiate(inputs: np.ndarray) -> Any:
        return run(layer, inputs, states, cotangents, mask=ops.convert_to_tensor(mask))

    poisoned, clean = (
        differentiate(np.where(mask[..., None], inputs, np.nan)),
        differentiate(inputs),
    )
    for name, gradient in clean.weight_gradients.items():
        assert_close(poisoned.weight_gradients[name], gradient, "float64", name)
    assert (poisoned.input_gradient[~mask] == 0).all()


def test_exact_tanh_is_numpys() -> None:
    x = np.array([-np.inf, -1e17, -30, -2, -1e-9, 0, 1e-9, 0.5, 19, 1e3, np.inf])
    error = np.abs(to_numpy(tanh(ops.convert_to_tensor(x, "float64"))) - np.tanh(x))
    assert error.max() < 1e-14
    assert np.isnan(to_numpy(tanh(ops.convert_to_tensor(np.array([np.nan]), "float64")))).all()


def test_states_inside_a_tuple_are_told_apart(rng: np.random.Generator) -> None:
    cell, x = kerasrnn.LSTMCell(4), rng.normal(size=(2, 3))
    h, states = cell(x, [np.zeros((2, 4)), np.zeros((2, 4))])
    with pytest.raises(ValueError, match=r"cell\(x, h, c\)"):
        cell(x, (h, states))


def test_stateful_layer_names_the_batch_it_was_built_for(rng: np.random.Generator) -> None:
    layer = kerasrnn.GRU(4, stateful=True)
    layer(rng.normal(size=(4, 5, 3)))
    with pytest.raises(ValueError, match=r"built for batches of 4. Got a batch of 2"):
        layer(rng.normal(size=(2, 5, 3)))
