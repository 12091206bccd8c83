"""Weights and states to and from `torch.nn`, bit for bit."""

import re
import warnings
from typing import Any

import keras
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import kerasrnn
from tests.making import KINDS, built, random_states
from tests.running import assert_close, to_numpy

CELLS = ("RNNCell", "LSTMCell", "GRUCell")
NUMPY_DTYPES = {"float16": np.float16, "float32": np.float32, "float64": np.float64}


@st.composite
def modules(draw: Any) -> Any:
    """Draw a torch.nn layer or cell with any options."""
    kind = draw(st.sampled_from(KINDS + CELLS))
    units = draw(st.integers(2, 6))
    options: dict[str, Any] = {
        "bias": draw(st.booleans()),
        "dtype": getattr(torch, draw(st.sampled_from(sorted(NUMPY_DTYPES)))),
    }
    if kind.startswith("RNN"):
        options["nonlinearity"] = draw(st.sampled_from(["tanh", "relu"]))
    if kind in KINDS:
        layers = draw(st.integers(1, 3))
        options |= {
            "num_layers": layers,
            "batch_first": draw(st.booleans()),
            "bidirectional": draw(st.booleans()),
            "dropout": draw(st.sampled_from([0.0, 0.25])) if layers > 1 else 0.0,
        }
    if kind == "LSTM":
        options["proj_size"] = draw(st.integers(0, units - 1))
    torch.manual_seed(draw(st.integers(0, 2**16)))
    return getattr(torch.nn, kind)(draw(st.integers(1, 5)), units, **options)


def arrays_of(module: Any) -> dict[str, np.ndarray]:
    return {name: parameter.detach().numpy() for name, parameter in module.named_parameters()}


def build(layer: Any, features: int) -> Any:
    layer.build((1, features) if type(layer).__name__ in CELLS else (1, 5, features))
    return layer


def assert_identical(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> None:
    assert ours.keys() == theirs.keys()
    for name, array in theirs.items():
        assert ours[name].dtype == array.dtype, name
        assert np.array_equal(ours[name], array), name


@settings(max_examples=20)
@given(modules())
def test_weights_go_there_and_back_bit_for_bit(module: Any) -> None:
    layer = kerasrnn.from_torch(module)
    assert type(layer).__name__ == type(module).__name__
    assert f"torch.{layer.dtype}" == str(next(module.parameters()).dtype)
    assert_identical(kerasrnn.torch_state_dict(layer), arrays_of(module))
    again = kerasrnn.to_torch(layer)
    assert repr(again) == repr(module)
    assert_identical(arrays_of(again), arrays_of(module))


@settings(max_examples=20)
@given(modules())
def test_state_dicts_of_arrays_and_of_tensors_load_alike(module: Any) -> None:
    layer = kerasrnn.from_torch(module)
    target = build(type(layer).from_config(layer.get_config()), module.input_size)
    for state_dict in (arrays_of(module), module.state_dict(), dict(module.named_parameters())):
        for variable in target.trainable_variables:
            variable.assign(np.zeros(variable.shape))
        kerasrnn.load_torch_state_dict(target, state_dict)
        assert_identical(kerasrnn.torch_state_dict(target), arrays_of(module))


@settings(max_examples=20)
@given(modules())
def test_the_arrays_are_copies(module: Any) -> None:
    """Nothing that is done to one side is felt on the other."""
    layer = kerasrnn.from_torch(module)
    before = {name: array.copy() for name, array in arrays_of(module).items()}
    taken, made = kerasrnn.torch_state_dict(layer), kerasrnn.to_torch(layer)
    for array in taken.values():
        array += 1
    with torch.no_grad():
        for parameter in (*module.parameters(), *made.parameters()):
            parameter += 1
    assert_identical(kerasrnn.torch_state_dict(layer), before)


@pytest.mark.parametrize("kind", KINDS)
def test_states_go_there_and_back_and_are_those_of_torch(
    kind: str, rng: np.random.Generator
) -> None:
    module = getattr(torch.nn, kind)(3, 4, 2, bidirectional=True, dtype=torch.float64)
    layer = kerasrnn.from_torch(module, return_state=True)
    inputs, states = rng.normal(size=(5, 2, 3)), random_states(layer, 2, rng)
    stacked = kerasrnn.states_to_torch(layer, states)
    back = kerasrnn.states_from_torch(layer, stacked)
    assert all((to_numpy(a) == b).all() for a, b in zip(back, states, strict=True))
    parts = stacked if kind == "LSTM" else (stacked,)
    torch_states = tuple(torch.tensor(to_numpy(part)) for part in parts)
    torch_states = torch_states if kind == "LSTM" else torch_states[0]
    with torch.no_grad():
        _, expected = module(torch.tensor(inputs), torch_states)
    _, *final = layer(inputs, initial_state=kerasrnn.states_from_torch(layer, torch_states))
    ours = kerasrnn.states_to_torch(layer, final)
    ours, expected = (ours, expected) if kind == "LSTM" else ((ours,), (expected,))
    for one, other in zip(ours, expected, strict=True):
        assert_close(to_numpy(one), other.numpy(), "float64")


@pytest.mark.parametrize("proj_size", [0, 3])
def test_order_of_states_is_layer_direction_then_hidden_before_cell(proj_size: int) -> None:
    layer = built(kerasrnn.LSTM(4, 2, proj_size=proj_size, bidirectional=True), 3)
    size = proj_size or 4
    states = [np.full((1, size if i % 2 == 0 else 4), float(i)) for i in range(8)]
    hidden, cell = map(to_numpy, kerasrnn.states_to_torch(layer, states))
    assert hidden.shape == (4, 1, size)
    assert cell.shape == (4, 1, 4)
    assert (hidden[:, 0, 0] == [0, 2, 4, 6]).all()
    assert (cell[:, 0, 0] == [1, 3, 5, 7]).all()


def test_wrong_numbers_of_states_are_named() -> None:
    layer = built(kerasrnn.LSTM(4, 2, name="mine"), 3)
    with pytest.raises(ValueError, match=r"mine has 4 states of sizes \[4, 4, 4, 4\]. Got 1"):
        kerasrnn.states_to_torch(layer, [np.zeros((1, 4))])
    wrong = (torch.zeros(3, 1, 4), torch.zeros(3, 1, 4))
    with pytest.raises(ValueError, match=r"mine needs states of shape \(2, batch, size\).*3, 1, 4"):
        kerasrnn.states_from_torch(layer, wrong)
    for alone in (torch.zeros(2, 1, 4), (torch.zeros(2, 1, 4),)):
        with pytest.raises(ValueError, match=r"mine needs the pair \(h, c\). Got"):
            kerasrnn.states_from_torch(layer, alone)


@pytest.mark.parametrize("kind", KINDS + CELLS)
def test_rounding_is_warned_of(kind: str) -> None:
    module = getattr(torch.nn, kind)(3, 4, dtype=torch.float64)
    with pytest.warns(UserWarning, match="holds float32, which rounds the float64.*dtype='float64"):
        layer = kerasrnn.from_torch(module, dtype="float32")
    expected = {name: array.astype("float32") for name, array in arrays_of(module).items()}
    assert_identical(kerasrnn.torch_state_dict(layer), expected)


def test_widening_is_not_warned_of() -> None:
    module = torch.nn.GRU(3, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer = kerasrnn.from_torch(module, dtype="float64")
    assert np.array_equal(
        kerasrnn.torch_state_dict(layer)["weight_ih_l0"], arrays_of(module)["weight_ih_l0"]
    )


def test_options_reach_the_layer(rng: np.random.Generator) -> None:
    module = torch.nn.LSTM(3, 4, 2, dropout=0.5)
    layer = kerasrnn.from_torch(
        module, batch_first=True, return_sequences=True, dropout=0.0, name="mine"
    )
    assert (layer.name, layer.batch_first, layer.dropout) == ("mine", True, 0.0)
    assert tuple(layer(rng.normal(size=(2, 7, 3))).shape) == (2, 7, 4)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d.pop("bias_hh_l1"), ["Missing: ['bias_hh_l1']; left over: []"]),
        (lambda d: d.update(more=np.zeros(3)), ["Missing: []; left over: ['more']"]),
        (
            lambda d: d.update({f"rnn.{name}": d.pop(name) for name in list(d)}),
            ["Missing: ['bias_hh_l0'", "left over: ['rnn.bias_hh_l0'", "strip any prefix"],
        ),
        (
            lambda d: d.update(weight_ih_l0=np.zeros((12, 5))),
            ["needs 'weight_ih_l0' of shape (12, 3). Got (12, 5)"],
        ),
        (
            lambda d: d.update(weight_hh_l1=np.zeros((4, 12))),
            ["needs 'weight_hh_l1' of shape (12, 4). Got (4, 12)"],
        ),
    ],
)
def test_wrong_entries_are_named_and_nothing_is_loaded(change: Any, words: list[str]) -> None:
    layer = built(kerasrnn.GRU(4, 2, name="mine"), 3)
    before = layer.get_weights()
    state_dict = arrays_of(torch.nn.GRU(3, 4, 2))
    change(state_dict)
    with pytest.raises(ValueError, match=r"^mine needs") as caught:
        kerasrnn.load_torch_state_dict(layer, state_dict)
    assert all(word in str(caught.value) for word in words)
    assert all((a == b).all() for a, b in zip(before, layer.get_weights(), strict=True))


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (lambda: kerasrnn.GRU(4, reset_after=False), "torch.nn.GRU has no reset_after=False"),
        (lambda: kerasrnn.GRUCell(4, reset_after=False), "torch.nn.GRUCell has no reset_after"),
        (lambda: kerasrnn.RNN(4, input_dropout=0.5), "torch.nn.RNN has no input_dropout=0.5"),
        (lambda: kerasrnn.RNN(4, recurrent_dropout=0.5), "torch.nn.RNN has no recurrent_dropout"),
        (lambda: kerasrnn.LSTM(4, go_backwards=True), "torch.nn.LSTM has no go_backwards=True"),
        (lambda: kerasrnn.LSTM(4, stateful=True), "torch.nn.LSTM has no stateful=True"),
        (lambda: kerasrnn.LSTMCell(4, proj_size=2), "torch.nn.LSTMCell has no proj_size=2"),
    ],
)
def test_to_torch_refuses_what_torch_lacks(layer: Any, words: str) -> None:
    layer = build(layer(), 3)
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        kerasrnn.to_torch(layer)
    assert "torch_state_dict" in str(caught.value)
    assert "weight_ih" in next(iter(kerasrnn.torch_state_dict(layer)))


def test_unbuilt_and_foreign_things_are_refused() -> None:
    unbuilt = kerasrnn.GRU(4, name="mine")
    for function in (kerasrnn.to_torch, kerasrnn.torch_state_dict):
        with pytest.raises(ValueError, match="mine is not built: call it"):
            function(unbuilt)
    with pytest.raises(ValueError, match="mine is not built: call it"):
        kerasrnn.load_torch_state_dict(unbuilt, {})
    with pytest.raises(TypeError, match=r"torch.nn RNN, LSTM, GRU.*Got Linear"):
        kerasrnn.from_torch(torch.nn.Linear(2, 3))
    with pytest.raises(TypeError, match=r"to_torch takes one of RNN, LSTM, GRU.*Got Dense"):
        kerasrnn.to_torch(keras.layers.Dense(3))


@pytest.mark.parametrize("kind", KINDS)
def test_bfloat16_goes_there_and_back(kind: str) -> None:
    module = getattr(torch.nn, kind)(3, 4, 2, dtype=torch.bfloat16)
    again = kerasrnn.to_torch(kerasrnn.from_torch(module))
    for name, parameter in module.named_parameters():
        other = again.get_parameter(name)
        assert other.dtype == torch.bfloat16
        assert torch.equal(other, parameter)


def test_loaded_layer_trains_on(rng: np.random.Generator) -> None:
    """The weights are variables of Keras, not views of torch's parameters."""
    module = torch.nn.GRU(3, 4)
    before = {name: array.copy() for name, array in arrays_of(module).items()}
    layer = kerasrnn.from_torch(module, batch_first=True)
    model = keras.Sequential([keras.Input((5, 3)), layer])
    model.compile("sgd", "mse")
    model.fit(rng.normal(size=(2, 5, 3)), np.ones((2, 4)), verbose=0)
    assert_identical(arrays_of(module), before)
    after = kerasrnn.torch_state_dict(layer)
    assert all((after[name] != array).any() for name, array in before.items())
