"""What a layer refuses, and what it says: what was expected, what came, what to do."""

import re
from typing import Any

import keras
import numpy as np
import pytest

import kerasrnn
from tests.making import built, new_layer


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, "float32")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"units": 0}, ["units must be a positive integer", "Got 0"]),
        ({"units": 4.0}, ["units must be a positive integer", "Got 4.0"]),
        ({"num_layers": 0}, ["num_layers must be a positive integer", "Got 0"]),
        ({"num_layers": "2"}, ["num_layers must be a positive integer", "Got '2'"]),
        (
            {"dropout": 0.5},
            ["dropout=0.5", "between the layers", "num_layers=1", "Use input_dropout", "2 or more"],
        ),
        (
            {"dropout": 1.0, "num_layers": 2},
            ["dropout must be at least 0 and below 1", "Got 1.0"],
        ),
        ({"input_dropout": -0.1}, ["input_dropout must be at least 0 and below 1", "Got -0.1"]),
        ({"recurrent_dropout": 1}, ["recurrent_dropout must be at least 0 and below 1", "Got 1"]),
        ({"implementation": "fastest"}, ["'auto' or one of", "'reference'", "Got 'fastest'"]),
        ({"proj_size": 4}, ["proj_size must be 0", "smaller than units=4", "Got 4"]),
        ({"sheep": 1}, ["LSTM has no argument 'sheep'."]),
        ({"num_layer": 2}, ["LSTM has no argument 'num_layer'; did you mean num_layers?"]),
        ({"activation": "relu"}, ["LSTM has no argument 'activation'", "nonlinearity='relu'"]),
        ({"unroll": True}, ["LSTM has no argument 'unroll'; implementation names a kernel."]),
    ],
)
def test_wrong_argument(options: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ValueError, match=re.escape(words[0])) as caught:
        kerasrnn.LSTM(**{"units": 4, **options})
    assert_said(caught, words)


def assert_said(caught: Any, words: list[str]) -> None:
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("call", ["eager", "symbolic"])
@pytest.mark.parametrize(
    ("options", "shape", "words"),
    [
        (
            {},
            (5, 3),
            ["mine takes sequences", "(batch, time, features)", "Got (5, 3)", "x[:, :, None]"],
        ),
        ({"batch_first": False}, (5, 3), ["(time, batch, features)", "Got (5, 3)"]),
        ({}, (5, 4, 3, 2), ["(batch, time, features)", "Got (5, 4, 3, 2)"]),
        ({}, (5, 0, 3), ["mine needs at least one time step", "Got", "(5, 0, 3)"]),
        ({"batch_first": False}, (0, 5, 3), ["at least one time step", "(0, 5, 3)"]),
        ({}, (5, 4, 2), ["mine was built for 3 features", "(5, 4, 2)", "have 2"]),
    ],
)
def test_wrong_sequences(
    options: dict[str, Any], shape: tuple[int, ...], words: list[str], call: str
) -> None:
    layer = built(kerasrnn.GRU(4, name="mine", **options), 3)
    inputs = zeros(*shape) if call == "eager" else keras.Input(batch_shape=shape)
    with pytest.raises(ValueError, match=re.escape(words[0])) as caught:
        layer(inputs)
    assert_said(caught, words)


@pytest.mark.parametrize("shape", [(5, 0, 3), (5, 3)])
def test_wrong_sequences_at_the_first_call(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=re.escape(str(shape))):
        kerasrnn.RNN(4)(zeros(*shape))


def test_features_must_be_known() -> None:
    with pytest.raises(ValueError, match=r"known number of features.*name it in keras.Input"):
        kerasrnn.RNN(4)(keras.Input((5, None)))


@pytest.mark.parametrize("shape", [(5, 3), (4, 5), (5,), (5, 4, 3)])
def test_wrong_mask(shape: tuple[int, ...]) -> None:
    layer = built(kerasrnn.GRU(4, name="mine"), 3)
    with pytest.raises(ValueError, match="mine takes a mask") as caught:
        layer(zeros(5, 4, 3), mask=keras.ops.ones(shape, "bool"))
    assert_said(caught, ["(5, 4)", f"Got {shape}"])


@pytest.mark.parametrize(
    "states",
    [
        [(5, 3), (5, 4)],
        [(5, 3), (5, 4)] * 3,
        [(5, 4), (5, 3)] * 2,
        [(6, 3), (6, 4)] * 2,
        [(5, 3), (4,)] * 2,
        [(5, 3), (5, 4), (5, 3), (1, 4)],
    ],
)
@pytest.mark.parametrize("call", ["eager", "symbolic"])
def test_wrong_states(states: list[tuple[int, ...]], call: str) -> None:
    layer = built(kerasrnn.LSTM(4, 2, proj_size=3, name="mine"), 2)
    inputs, initial_state = zeros(5, 7, 2), [zeros(*shape) for shape in states]
    if call == "symbolic":
        inputs = keras.Input(batch_shape=(5, 7, 2))
        initial_state = [keras.Input(batch_shape=shape) for shape in states]
    with pytest.raises(ValueError, match="mine takes 4 states of shapes") as caught:
        layer(inputs, initial_state=initial_state)
    expected = "[(5, 3), (5, 4), (5, 3), (5, 4)], by layer, then direction, then hidden"
    assert_said(caught, [expected, f"Got {states}"])


def test_lone_state_must_fit() -> None:
    layer = built(kerasrnn.GRU(4, name="mine"), 2)
    with pytest.raises(ValueError, match=r"mine takes 1 states .*\(5, 4\).* Got \[\(5, 3\)\]"):
        layer(zeros(5, 7, 2), initial_state=zeros(5, 3))


def test_stateful_needs_a_batch_size() -> None:
    with pytest.raises(ValueError, match=r"is stateful.*batch size.*\(None, 5, 3\).*batch_shape"):
        kerasrnn.LSTM(4, stateful=True)(keras.Input((5, 3)))


@pytest.mark.parametrize("stateful", [True, False])
@pytest.mark.parametrize("reset", ["reset_state", "reset_states"])
def test_layer_without_states_has_none_to_set(reset: str, stateful: bool) -> None:
    """A stateless layer, or one not built yet; only to zero them all is no error."""
    layer = kerasrnn.LSTM(4, name="mine", stateful=stateful)
    getattr(layer, reset)()
    message = "mine carries no states to set: make it with stateful=True and build it"
    with pytest.raises(ValueError, match=message):
        getattr(layer, reset)([zeros(5, 4)] * 2)


@pytest.mark.parametrize("states", [[(5, 4)], [(5, 4)] * 3, [(5, 4), (5, 3)], [(4, 4), (4, 4)]])
def test_states_set_by_hand_must_fit(states: list[tuple[int, ...]]) -> None:
    layer = built(kerasrnn.LSTM(4, name="mine", stateful=True), 3, batch=5)
    with pytest.raises(ValueError, match="mine carries states of shapes") as caught:
        layer.reset_state([zeros(*shape) for shape in states])
    assert_said(caught, ["[(5, 4), (5, 4)]", f"Got {states}"])


def test_stateful_layer_keeps_to_its_batch_size() -> None:
    layer = built(kerasrnn.LSTM(4, name="mine", stateful=True), 3, batch=5)
    with pytest.raises(ValueError, match="mine is stateful") as caught:
        layer(zeros(3, 7, 3))
    assert_said(caught, ["built for batches of 5", "Got a batch of 3", "pad it"])


@pytest.mark.parametrize("rate", ["dropout", "input_dropout", "recurrent_dropout"])
def test_zero_rate_is_legal(rate: str) -> None:
    assert new_layer("gru", 4, **{rate: 0.0}).seed_generator is None
