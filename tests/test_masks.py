"""Masks and the order of time: what a masked step does, and who hears of a mask."""

from typing import Any

import keras
import numpy as np
import pytest

import kerasrnn
from tests.making import KINDS, MODES, built, new_layer, random_states
from tests.running import Run, assert_close, run, to_numpy

# Padding on the right, on the left, holes, and a row with no valid step.
MASK = np.array([[1, 1, 1, 0, 0], [0, 0, 1, 1, 1], [0, 1, 0, 1, 0], [0, 0, 0, 0, 0]], dtype=bool)
EVERYTHING: dict[str, Any] = {
    "num_layers": 2,
    "bidirectional": True,
    "return_sequences": True,
    "return_state": True,
    "dtype": "float64",
}
TOKENS = np.array([[3, 1, 2, 0, 0], [4, 4, 0, 0, 0], [1, 2, 3, 4, 1]])


def tensor(array: Any) -> Any:
    return keras.ops.convert_to_tensor(array)


@pytest.fixture
def sequences(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(4, 5, 3))


def assert_same_run(ours: Run, theirs: Run) -> None:
    for name in ("outputs", "state_gradients"):
        for one, other in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            assert_close(one, other, "float64", name)
    assert_close(ours.input_gradient, theirs.input_gradient, "float64", "input gradient")
    for name, one in ours.weight_gradients.items():
        assert_close(one, theirs.weight_gradients[name], "float64", name)


@pytest.mark.parametrize(("mode", "zeros"), [*zip(MODES, [False] * 6, strict=True), ("lstm", True)])
def test_content_of_masked_steps_changes_nothing(
    mode: str, zeros: bool, sequences: np.ndarray, rng: np.random.Generator
) -> None:
    layer = built(new_layer(mode, 4, **EVERYTHING, zero_output_for_mask=zeros), 3)
    states = random_states(layer, 4, rng)
    cotangents = [rng.normal(size=np.shape(o)) for o in layer(sequences, mask=tensor(MASK))]
    runs = []
    for poison in (np.zeros(sequences.shape), rng.choice([1e30, np.nan, np.inf], sequences.shape)):
        inputs = np.where(MASK[..., None], sequences, poison)
        runs.append(run(layer, inputs, states, cotangents, mask=tensor(MASK)))
        assert not runs[-1].input_gradient[~MASK].any()
        assert runs[-1].input_gradient[MASK].all(axis=-1).any()
    assert_same_run(*runs)


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_row_without_a_valid_step_keeps_its_initial_state(
    mode: str, zeros: bool, sequences: np.ndarray, rng: np.random.Generator
) -> None:
    layer = built(new_layer(mode, 4, **EVERYTHING, zero_output_for_mask=zeros), 3)
    states = random_states(layer, 4, rng)
    outputs, *final = layer(sequences, initial_state=states, mask=tensor(MASK))
    for start, end in zip(states, final, strict=True):
        assert (to_numpy(end)[3] == start[3]).all()
        assert (to_numpy(end)[:3] != start[:3]).any(axis=-1).all()
    per_cell = len(states) // 4
    top = np.concatenate([states[2 * per_cell][3], states[3 * per_cell][3]])
    assert (to_numpy(outputs)[3] == (0 if zeros else top)).all()


@pytest.mark.parametrize("mode", MODES)
def test_zero_output_for_mask_zeroes_exactly_the_masked_outputs(
    mode: str, sequences: np.ndarray
) -> None:
    plain = built(new_layer(mode, 4, **EVERYTHING), 3)
    zeroing = built(new_layer(mode, 4, **EVERYTHING, zero_output_for_mask=True), 3)
    carried, *states = map(to_numpy, plain(sequences, mask=tensor(MASK)))
    zeroed, *same_states = map(to_numpy, zeroing(sequences, mask=tensor(MASK)))
    assert (zeroed == np.where(MASK[..., None], carried, 0)).all()
    assert carried[:3][~MASK[:3]].any(axis=-1).all()
    assert all((a == b).all() for a, b in zip(states, same_states, strict=True))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_go_backwards_equals_the_flipped_sequence(
    mode: str, masked: bool, sequences: np.ndarray, rng: np.random.Generator
) -> None:
    backward = built(new_layer(mode, 4, **EVERYTHING, go_backwards=True), 3)
    forward = built(new_layer(mode, 4, **EVERYTHING), 3)
    states = random_states(forward, 4, rng)
    mask, flipped = (tensor(MASK), tensor(MASK[:, ::-1])) if masked else (None, None)
    ours = backward(sequences, initial_state=states, mask=mask)
    theirs = forward(sequences[:, ::-1].copy(), initial_state=states, mask=flipped)
    for one, other in zip(ours, theirs, strict=True):
        assert_close(to_numpy(one), to_numpy(other), "float64")


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_time_major_equals_batch_major(
    mode: str, masked: bool, sequences: np.ndarray, rng: np.random.Generator
) -> None:
    options = {**EVERYTHING, "zero_output_for_mask": True, "go_backwards": masked}
    time_major = built(new_layer(mode, 4, **options, batch_first=False), 3)
    batch_major = built(new_layer(mode, 4, **options), 3)
    states = random_states(batch_major, 4, rng)
    mask, swapped = (tensor(MASK), tensor(MASK.T)) if masked else (None, None)
    ours, *final = time_major(sequences.swapaxes(0, 1), initial_state=states, mask=swapped)
    theirs, *expected = batch_major(sequences, initial_state=states, mask=mask)
    assert_close(to_numpy(ours).swapaxes(0, 1), to_numpy(theirs), "float64")
    for one, other in zip(final, expected, strict=True):
        assert_close(to_numpy(one), to_numpy(other), "float64")


@pytest.mark.parametrize("symbolic", [False, True])
@pytest.mark.parametrize("with_states", [False, True])
@pytest.mark.parametrize("return_state", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_mask_of_an_embedding_reaches_the_layer_and_the_next_one(
    go_backwards: bool,
    return_state: bool,
    with_states: bool,
    symbolic: bool,
    rng: np.random.Generator,
) -> None:
    embedding = keras.layers.Embedding(5, 3, mask_zero=True)
    options = {"return_sequences": True, "return_state": return_state}
    first = built(kerasrnn.GRU(4, go_backwards=go_backwards, **options), 3)
    second = built(kerasrnn.RNN(4), 4)
    state = rng.uniform(-1, 1, (3, 4)).astype("float32")

    def forward(tokens: Any, state: Any, mask: Any = None, next_mask: Any = None) -> Any:
        embedded = embedding(tokens)
        if mask is not None:  # leave the embedding's own mask behind
            embedded = tensor(to_numpy(embedded))
        middle = first(embedded, initial_state=state if with_states else None, mask=mask)
        middle = middle[0] if return_state else middle
        if next_mask is not None:
            middle = tensor(to_numpy(middle))
        return second(middle, mask=next_mask)

    mask = TOKENS != 0
    expected = forward(TOKENS, state, tensor(mask), tensor(mask[:, :: -1 if go_backwards else 1]))
    if symbolic:
        inputs = [keras.Input((5,), dtype="int32"), keras.Input((4,))]
        outputs = keras.Model(inputs, forward(*inputs))([TOKENS, state])
    else:
        outputs = forward(tensor(TOKENS), state)
    assert_close(to_numpy(outputs), to_numpy(expected), "float32")
    unmasked = forward(TOKENS, state, tensor(np.ones_like(mask)), tensor(np.ones_like(mask)))
    assert (to_numpy(outputs) != to_numpy(unmasked))[:2].all()


@pytest.mark.parametrize("kind", KINDS)
def test_mask_of_a_masking_layer_reaches_a_trained_model(kind: str, sequences: np.ndarray) -> None:
    """Steps of zeros are padding: a model learns and predicts the same without them."""

    def fitted(inputs: np.ndarray) -> list[np.ndarray]:
        layers = [keras.layers.Masking(), built(getattr(kerasrnn, kind)(4), 3)]
        model = keras.Sequential([keras.Input((None, 3)), *layers])
        model.compile(keras.optimizers.SGD(0.1), "mse")
        model.fit(inputs, np.ones((4, 4)), epochs=2, verbose=0)
        return [model.predict(inputs, verbose=0), *model.get_weights()]

    padded = np.concatenate([sequences, np.zeros((4, 2, 3))], axis=1)
    for ours, theirs in zip(fitted(padded), fitted(sequences), strict=True):
        assert_close(ours, theirs, "float32")


@pytest.mark.parametrize("batch_first", [True, False])
def test_compute_mask_passes_on_what_the_outputs_mean(batch_first: bool) -> None:
    mask = MASK if batch_first else MASK.T
    flipped = MASK[:, ::-1] if batch_first else MASK[:, ::-1].T

    def computed(**options: bool) -> Any:
        layer = kerasrnn.LSTM(4, batch_first=batch_first, **options)
        return layer.compute_mask(None, tensor(mask))

    assert computed() is None
    assert computed(return_state=True) == [None] * 3
    assert (to_numpy(computed(return_sequences=True)) == mask).all()
    ours, *others = computed(return_sequences=True, return_state=True, go_backwards=True)
    assert (to_numpy(ours) == flipped).all()
    assert others == [None, None]
    layer = kerasrnn.LSTM(4, return_sequences=True, go_backwards=True)
    assert layer.compute_mask(None, None) is None


def test_numbers_serve_as_a_mask(sequences: np.ndarray) -> None:
    layer = built(kerasrnn.GRU(4, dtype="float64"), 3)
    expected = to_numpy(layer(sequences, mask=tensor(MASK)))
    for dtype in ("int32", "float32"):
        assert (to_numpy(layer(sequences, mask=MASK.astype(dtype))) == expected).all()
