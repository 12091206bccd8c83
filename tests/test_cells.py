"""Cells: their equations and the ways to call one."""

import os
import subprocess
import sys
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kerasrnn
from tests import equations
from tests.making import (
    MODES,
    built,
    cell_weights,
    equation_of,
    new_cell,
    new_layer,
    random_states,
    randomized,
    stack_weights,
)
from tests.running import assert_close, to_numpy


def built_cell(mode: str, units: int, features: int, **options: Any) -> Any:
    cell = new_cell(mode, units, **options)
    cell.build((None, features))
    return randomized(cell)


def assert_all_close(actual: Any, expected: Any, dtype: str = "float64") -> None:
    for ours, theirs in zip(actual, expected, strict=True):
        assert_close(to_numpy(ours), theirs, dtype)


@settings(max_examples=25)
@given(
    mode=st.sampled_from(MODES),
    units=st.integers(3, 8),
    features=st.integers(1, 5),
    batch=st.integers(1, 4),
    use_bias=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_one_step_follows_the_equations(
    mode: str, units: int, features: int, batch: int, use_bias: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    cell = built_cell(mode, units, features, use_bias=use_bias, dtype="float64")
    inputs = rng.normal(size=(batch, features))
    states = random_states(cell, batch, rng)
    expected = equations.STEPS[equation_of(mode)](cell_weights(cell), inputs, *states)
    output, new = cell(inputs, states)
    assert_all_close([output, *new], [expected[0], *expected])


@settings(max_examples=30)
@given(
    mode=st.sampled_from(MODES),
    num_layers=st.integers(1, 2),
    bidirectional=st.booleans(),
    use_bias=st.booleans(),
    masked=st.booleans(),
    time=st.integers(1, 5),
    seed=st.integers(0, 2**16),
)
def test_layer_follows_the_equations(
    mode: str,
    num_layers: int,
    bidirectional: bool,
    use_bias: bool,
    masked: bool,
    time: int,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    layer = new_layer(
        mode,
        4,
        num_layers,
        bidirectional=bidirectional,
        use_bias=use_bias,
        return_sequences=True,
        return_state=True,
        dtype="float64",
    )
    built(layer, 3)
    inputs, states = rng.normal(size=(2, time, 3)), random_states(layer, 2, rng)
    mask = rng.random((2, time)) < 0.6 if masked else None
    outputs, final = equations.run_stack(
        equation_of(mode), stack_weights(layer), inputs, states, mask
    )
    ours = layer(inputs, initial_state=states, mask=mask)
    assert_all_close(ours, [outputs, *final])


@pytest.mark.parametrize("mode", MODES)
def test_cell_takes_and_gives_bare_tensors(mode: str, rng: np.random.Generator) -> None:
    cell = built_cell(mode, 4, 3, dtype="float64")
    inputs, states = rng.normal(size=(2, 3)), random_states(cell, 2, rng)
    step = equations.STEPS[equation_of(mode)]
    for given_states, start in ((states, states), ([], [0 * state for state in states])):
        result = cell(inputs, *given_states)
        assert isinstance(result, tuple) == (len(states) == 2)
        result = result if isinstance(result, tuple) else (result,)
        assert_all_close(result, step(cell_weights(cell), inputs, *start))


@pytest.mark.parametrize("container", [list, tuple])
@pytest.mark.parametrize("mode", MODES)
def test_cell_speaks_keras_protocol(mode: str, container: type, rng: np.random.Generator) -> None:
    cell = built_cell(mode, 4, 3, dtype="float64")
    inputs, states = rng.normal(size=(2, 3)), random_states(cell, 2, rng)
    expected = equations.STEPS[equation_of(mode)](cell_weights(cell), inputs, *states)
    output, new = cell(inputs, container(states))
    assert_all_close([output, *new], [expected[0], *expected])
    zeros = cell.get_initial_state(batch_size=2)
    assert [tuple(state.shape) for state in zeros] == [(2, size) for size in cell.state_size]
    assert output.shape[-1] == cell.output_size
    assert not any(to_numpy(state).any() for state in zeros)


@pytest.mark.parametrize("mode", MODES)
def test_symbolic_cell_has_the_shapes_of_an_eager_one(mode: str) -> None:
    cell = new_cell(mode, 4)
    inputs = keras.Input((3,))
    states = [keras.Input((size,)) for size in cell.state_size]
    output, new = cell(inputs, states)
    assert output.shape == (None, cell.output_size)
    assert [state.shape for state in new] == [state.shape for state in states]
    bare = cell(inputs, *states)
    bare = bare if isinstance(bare, tuple) else (bare,)
    assert [state.shape for state in bare] == [state.shape for state in states]


@pytest.mark.parametrize("mode", MODES)
def test_cell_in_keras_rnn_equals_the_layer(mode: str, rng: np.random.Generator) -> None:
    inputs = rng.normal(size=(2, 5, 3))
    layer = built(new_layer(mode, 4, return_sequences=True, return_state=True, dtype="float64"), 3)
    wrapper = keras.layers.RNN(
        new_cell(mode, 4, dtype="float64"),
        return_sequences=True,
        return_state=True,
        dtype="float64",
    )
    wrapper.build(inputs.shape)
    wrapper.set_weights(layer.get_weights())
    assert_all_close(wrapper(inputs), map(to_numpy, layer(inputs)))


@pytest.mark.parametrize("mode", MODES)
def test_cells_in_stacked_rnn_cells_equal_the_layer(mode: str, rng: np.random.Generator) -> None:
    inputs = rng.normal(size=(2, 5, 3))
    layer = built(new_layer(mode, 4, 2, return_sequences=True, dtype="float64"), 3)
    cells = [new_cell(mode, 4, dtype="float64") for _ in range(2)]
    wrapper = keras.layers.RNN(
        keras.layers.StackedRNNCells(cells, dtype="float64"), return_sequences=True, dtype="float64"
    )
    wrapper.build(inputs.shape)
    wrapper.set_weights(layer.get_weights())
    assert_close(to_numpy(wrapper(inputs)), to_numpy(layer(inputs)), "float64")


@pytest.mark.parametrize(
    ("states", "got"),
    [
        (lambda: [np.zeros((2, 4))], r"Got \[\(2, 4\)\]"),
        (lambda: [np.zeros((2, 4))] * 3, r"Got \[\(2, 4\), \(2, 4\), \(2, 4\)\]"),
        (lambda: [np.zeros((2, 4)), np.zeros((2, 5))], r"Got \[\(2, 4\), \(2, 5\)\]"),
        (lambda: [np.zeros((3, 4)), np.zeros((3, 4))], r"Got \[\(3, 4\), \(3, 4\)\]"),
        (lambda: [np.zeros((2, 4)), np.zeros(4)], r"Got \[\(2, 4\), \(4,\)\]"),
    ],
)
def test_wrong_states_are_named(states: Any, got: str) -> None:
    cell = kerasrnn.LSTMCell(4)
    inputs = np.zeros((2, 3))
    with pytest.raises(ValueError, match=r"2 states of shapes \[\(2, 4\), \(2, 4\)\].*" + got):
        cell(inputs, states())


def test_list_beside_a_state_is_refused() -> None:
    """Half of torch's form and half of Keras's."""
    hidden = cell = np.zeros((2, 4))
    with pytest.raises(ValueError, match=r"each state as a tensor.*list among them.*cell\(x, h, c"):
        kerasrnn.LSTMCell(4)(np.zeros((2, 3)), [[hidden, cell]])


def test_wrong_symbolic_states_are_named() -> None:
    cell = kerasrnn.LSTMCell(4)
    with pytest.raises(ValueError, match=r"2 states of shapes .*Got \[\(None, 5\)\]"):
        cell(keras.Input((3,)), keras.Input((5,)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: kerasrnn.GRUCell(0), "units must be a positive integer. Got 0"),
        (lambda: kerasrnn.GRUCell(2.5), "units must be a positive integer. Got 2.5"),
        (lambda: kerasrnn.RNNCell(3, nonlinearity="elu"), "'tanh' or 'relu'. Got 'elu'"),
        (lambda: kerasrnn.LSTMCell(3, proj_size=3), "smaller than units=3. Got 3"),
        (lambda: kerasrnn.LSTMCell(3, proj_size=-1), "smaller than units=3. Got -1"),
        (lambda: kerasrnn.GRUCell(3).build((2, None)), r"known number of features. Got \(2, None"),
        (lambda: kerasrnn.GRUCell(3).build((4,)), r"inputs of shape \(batch, features\).*\(4,\)"),
    ],
)
def test_wrong_arguments_are_named(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("mode", MODES)
def test_cell_config_makes_the_same_cell(mode: str) -> None:
    cell = new_cell(
        mode,
        4,
        use_bias=False,
        kernel_initializer="glorot_normal",
        recurrent_regularizer=keras.regularizers.L2(0.5),
        bias_constraint="non_neg",
        dtype="float64",
        name="mine",
    )
    again = type(cell).from_config(cell.get_config())
    assert again.get_config() == cell.get_config()
    assert again.recurrent_regularizer.l2 == np.float32(0.5)


def test_float64_is_never_silently_float32() -> None:
    """JAX has no float64 until it is switched on; torch always has."""
    program = "import kerasrnn; kerasrnn.GRU(2, dtype='float64').build((None, None, 1))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "JAX_ENABLE_X64": "0"},
        capture_output=True,
        text=True,
    )
    if keras.backend.backend() == "jax":
        assert done.returncode == 1
        assert "asked for float64 weights, but the jax backend made float32" in done.stderr
        assert "jax_enable_x64" in done.stderr
    else:
        assert done.returncode == 0, done.stderr


def test_cell_computes_in_the_dtype_of_its_policy(rng: np.random.Generator) -> None:
    cell = built_cell("gru", 4, 3, dtype="mixed_float16")
    hidden = cell(rng.normal(size=(2, 3)))
    assert keras.backend.standardize_dtype(hidden.dtype) == "float16"
    assert cell.kernel.dtype == "float32"
    (start,) = cell.get_initial_state(2)
    assert keras.backend.standardize_dtype(start.dtype) == "float16"


@pytest.mark.parametrize("shape", [(2, 4), (2, 5, 3), (3,)])
def test_inputs_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    cell = kerasrnn.LSTMCell(4)
    cell.build((None, 3))
    with pytest.raises(ValueError, match=r"takes inputs of shape \(batch, 3\).*Got \(\d"):
        cell(np.zeros(shape))
