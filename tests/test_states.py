"""States: carried from batch to batch, reset, saved, and given by the caller."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import kerasrnn
from tests.making import MODES, built, new_layer, random_states, randomized
from tests.running import assert_close, to_numpy

BATCH, TIME, FEATURES = 4, 5, 3
STACK: dict[str, Any] = {"num_layers": 2, "return_sequences": True}


def stateful_model(mode: str = "lstm", batch: int = BATCH, **options: Any) -> keras.Model:
    """Make a functional model of one stateful layer, always with the same weights."""
    inputs = keras.Input(batch_shape=(batch, TIME, FEATURES))
    layer = new_layer(mode, 4, stateful=True, **STACK, **options)
    model = keras.Model(inputs, layer(inputs))
    randomized(layer)
    return model


def stateless(mode: str = "lstm", **options: Any) -> Any:
    return built(new_layer(mode, 4, **STACK, **options), FEATURES)


@pytest.fixture
def halves(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(3, BATCH, TIME, FEATURES)).astype("float32")


def joined(parts: Any) -> np.ndarray:
    return np.concatenate(list(parts), axis=1)


@pytest.mark.parametrize("mode", MODES)
def test_parts_of_a_sequence_equal_the_whole(mode: str, halves: np.ndarray) -> None:
    layer = new_layer(mode, 4, stateful=True, **STACK)
    built(layer, FEATURES, batch=BATCH)
    parts = [to_numpy(layer(half)) for half in halves]
    assert_close(joined(parts), to_numpy(stateless(mode)(joined(halves))), "float32")


def test_carried_states_start_every_cell_of_a_bidirectional_layer(halves: np.ndarray) -> None:
    layer = kerasrnn.LSTM(4, stateful=True, bidirectional=True, return_state=True, **STACK)
    built(layer, FEATURES, batch=BATCH)
    other = stateless(bidirectional=True, return_state=True)
    _, *states = layer(halves[0])
    for ours, theirs in zip(layer(halves[1]), other(halves[1], initial_state=states), strict=True):
        assert_close(to_numpy(ours), to_numpy(theirs), "float32")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("loop", ["fit", "evaluate", "predict"])
def test_keras_loops_carry_the_states(loop: str, mode: str, halves: np.ndarray) -> None:
    """With a learning rate of 0, so that only the states change."""
    model = stateful_model(mode)
    model.compile(keras.optimizers.SGD(0.0), "mse")
    batches = halves[:2].reshape(2 * BATCH, TIME, FEATURES)
    targets = np.zeros((2 * BATCH, TIME, model.output_shape[-1]))
    if loop == "fit":
        model.fit(batches, targets, batch_size=BATCH, shuffle=False, verbose=0)
    elif loop == "evaluate":
        model.evaluate(batches, targets, batch_size=BATCH, verbose=0)
    else:
        model.predict(batches, batch_size=BATCH, verbose=0)
    expected = to_numpy(stateless(mode)(joined(halves)))[:, -TIME:]
    assert_close(to_numpy(model(halves[2])), expected, "float32")


def test_training_does_not_differentiate_through_carried_states(halves: np.ndarray) -> None:
    """Gradients stop between batches: SGD steps on two batches equal ones done by hand."""
    model = stateful_model("rnn_tanh")
    model.compile(keras.optimizers.SGD(0.1), "mse")
    by_hand = stateless("rnn_tanh", return_state=True)
    inputs = keras.Input(batch_shape=(BATCH, TIME, FEATURES))
    starts = [keras.Input(batch_shape=(BATCH, 4)) for _ in by_hand.state_size]
    twin = keras.Model([inputs, *starts], by_hand(inputs, initial_state=starts)[0])
    twin.compile(keras.optimizers.SGD(0.1), "mse")
    states = [np.zeros((BATCH, 4), "float32") for _ in starts]
    targets = np.ones((BATCH, TIME, 4))
    for half in halves:
        _, *following = by_hand(half, initial_state=states)
        model.train_on_batch(half, targets)
        twin.train_on_batch([half, *states], targets)
        states = [to_numpy(state) for state in following]
    for ours, theirs in zip(model.get_weights(), twin.get_weights(), strict=True):
        assert_close(ours, theirs, "float32")


def test_reset_state_starts_from_zeros_again(halves: np.ndarray) -> None:
    layer = stateful_model().layers[1]
    first, second = to_numpy(layer(halves[0])), to_numpy(layer(halves[0]))
    assert np.abs(first - second).max() > 0.01
    layer.reset_state()
    assert (to_numpy(layer(halves[0])) == first).all()
    layer.reset_states()
    assert (to_numpy(layer(halves[0])) == first).all()


def test_reset_state_takes_values(halves: np.ndarray, rng: np.random.Generator) -> None:
    layer = stateful_model("gru").layers[1]
    states = random_states(layer, BATCH, rng)
    layer.reset_state(states)
    expected = to_numpy(stateless("gru")(halves[0], initial_state=states))
    assert_close(to_numpy(layer(halves[0])), expected, "float32")


def test_carried_states_are_saved_with_the_model(halves: np.ndarray, tmp_path: Path) -> None:
    model = stateful_model()
    model(halves[0])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    expected = to_numpy(model(halves[1]))
    assert (to_numpy(loaded(halves[1])) == expected).all()
    assert np.abs(expected - to_numpy(stateless()(halves[1]))).max() > 0.01


def test_states_are_there_to_be_read(halves: np.ndarray) -> None:
    layer = kerasrnn.LSTM(4, stateful=True, return_state=True)
    assert layer.states is None
    assert stateless().states is None
    _, *final = layer(halves[0])
    for ours, theirs in zip(layer.states, final, strict=True):
        assert (to_numpy(ours) == to_numpy(theirs)).all()


def test_keras_bidirectional_carries_and_resets_the_states(halves: np.ndarray) -> None:
    """Both of its layers keep their own, and each starts a batch from its own."""
    wrapper = keras.layers.Bidirectional(kerasrnn.LSTM(4, stateful=True))
    wrapper.build(halves[0].shape)
    ours = kerasrnn.LSTM(4, stateful=True, bidirectional=True)
    built(ours, FEATURES, batch=BATCH)
    wrapper.set_weights(ours.get_weights())
    for half in halves[:2]:
        assert_close(to_numpy(ours(half)), to_numpy(wrapper(half)), "float32")
    assert all(to_numpy(state).any() for state in wrapper.states)
    wrapper.reset_state()
    assert not any(to_numpy(state).any() for state in wrapper.states)


@pytest.mark.parametrize("way", ["set_weights", "load_weights"])
def test_weights_pass_between_batch_sizes(way: str, halves: np.ndarray, tmp_path: Path) -> None:
    """The states of another batch size mean nothing: the new model starts from zeros."""
    model = stateful_model(use_bias=False)
    model(halves[0])
    single = stateful_model(batch=1, use_bias=False)
    for variable in single.trainable_variables:
        variable.assign(np.zeros(variable.shape))
    if way == "set_weights":
        single.set_weights(model.get_weights())
    else:
        single(halves[2, :1])
        model.save_weights(tmp_path / "model.weights.h5")
        single.load_weights(tmp_path / "model.weights.h5")
    expected = to_numpy(stateless(use_bias=False)(halves[1, :1]))
    assert_close(to_numpy(single(halves[1, :1])), expected, "float32")


@pytest.mark.parametrize("to_stateful", [True, False])
def test_saved_weights_pass_between_stateful_and_stateless_models(
    to_stateful: bool, halves: np.ndarray, tmp_path: Path
) -> None:
    """Train on batches, then step through a sequence: one saved file serves both."""
    plain_inputs = keras.Input(batch_shape=(BATCH, TIME, FEATURES))
    plain = keras.Model(plain_inputs, kerasrnn.LSTM(4, **STACK)(plain_inputs))
    source, target = plain, stateful_model()
    if not to_stateful:
        source, target = target, source
    source.save_weights(tmp_path / "model.weights.h5")
    target.load_weights(tmp_path / "model.weights.h5")
    assert_close(to_numpy(target(halves[0])), to_numpy(source(halves[0])), "float32")


def test_model_of_one_batch_size_is_rebuilt_for_another(halves: np.ndarray, tmp_path: Path) -> None:
    """The config of a saved stateful layer serves another batch size."""
    model = stateful_model()
    model(halves[0])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    inputs = keras.Input(batch_shape=(1, TIME, FEATURES))
    layer = kerasrnn.LSTM.from_config(loaded.layers[1].get_config())
    single = keras.Model(inputs, layer(inputs))
    single.set_weights(loaded.get_weights())
    expected = to_numpy(stateless()(halves[1, 1:2]))
    assert_close(to_numpy(single(halves[1, 1:2])), expected, "float32")


@pytest.mark.parametrize("mode", MODES)
def test_encoder_hands_its_states_to_a_decoder(mode: str, rng: np.random.Generator) -> None:
    source = keras.Input((6, 2))
    target = keras.Input((None, FEATURES))
    encoder = built(new_layer(mode, 4, 2, return_state=True), 2)
    decoder = stateless(mode)
    _, *states = encoder(source)
    model = keras.Model([source, target], decoder(target, initial_state=states))
    x, y = (rng.normal(size=(2, *s)).astype("float32") for s in ((6, 2), (5, FEATURES)))
    _, *states = encoder(x)
    assert_close(to_numpy(model([x, y])), to_numpy(decoder(y, initial_state=states)), "float32")
    model.compile("sgd", "mse")
    before = encoder.get_weights()
    model.fit([x, y], np.ones((2, 5, decoder.output_size)), verbose=0)
    assert all((a != b).any() for a, b in zip(before, encoder.get_weights(), strict=True))


def test_a_single_state_needs_no_list(halves: np.ndarray, rng: np.random.Generator) -> None:
    layer = built(kerasrnn.GRU(4), FEATURES)
    (state,) = random_states(layer, BATCH, rng)
    bare, listed = layer(halves[0], state), layer(halves[0], initial_state=(state,))
    assert (to_numpy(bare) == to_numpy(listed)).all()
    assert (to_numpy(bare) != to_numpy(layer(halves[0]))).all()


def test_given_states_win_over_carried_ones(halves: np.ndarray, rng: np.random.Generator) -> None:
    layer = stateful_model("gru").layers[1]
    layer(halves[0])
    states = random_states(layer, BATCH, rng)
    expected = to_numpy(stateless("gru")(joined(halves[1:]), initial_state=states))
    parts = [layer(halves[1], initial_state=states), layer(halves[2])]
    assert_close(joined(map(to_numpy, parts)), expected, "float32")


def test_states_are_kept_in_the_dtype_of_the_weights(halves: np.ndarray) -> None:
    layer = kerasrnn.LSTM(4, stateful=True, dtype="mixed_float16")
    layer(halves[0])
    assert {variable.dtype for variable in layer.non_trainable_variables} == {"float32"}
    assert keras.backend.standardize_dtype(layer(halves[1]).dtype) == "float16"
