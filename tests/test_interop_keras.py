"""Weights from Keras's own recurrent layers, and from mappings of NumPy arrays."""

from typing import Any

import keras
import numpy as np
import pytest

import kerasrnn
from tests import equations
from tests.making import KINDS, built, randomized
from tests.running import assert_close, to_numpy

BATCH, TIME, FEATURES = 3, 5, 2
# Keras's kinds with the options that this package can hold.
SOURCES: dict[str, tuple[str, dict[str, Any]]] = {
    "SimpleRNN": ("SimpleRNN", {}),
    "SimpleRNN, relu": ("SimpleRNN", {"activation": "relu"}),
    "LSTM": ("LSTM", {}),
    "GRU": ("GRU", {}),
    "GRU, reset before": ("GRU", {"reset_after": False}),
}
MASK = np.array([[1, 1, 0, 0, 0], [0, 0, 0, 1, 1], [1, 0, 1, 1, 0]], dtype=bool)


def new_source(name: str, **options: Any) -> Any:
    kind, own = SOURCES[name]
    return getattr(keras.layers, kind)(4, **own, **options)


def new_cells(name: str, count: int, **options: Any) -> list[Any]:
    kind, own = SOURCES[name]
    return [getattr(keras.layers, f"{kind}Cell")(4, **own, **options) for _ in range(count)]


def ready(source: Any) -> Any:
    """Build one of Keras's layers and draw its weights, biases too."""
    source.build((BATCH, TIME, FEATURES))
    return randomized(source)


def assert_equal_outputs(layer: Any, source: Any, inputs: np.ndarray, **call: Any) -> None:
    ours, theirs = layer(inputs, **call), source(inputs, **call)
    assert isinstance(ours, tuple) == isinstance(theirs, (tuple, list))
    ours, theirs = (list(x) if isinstance(x, (tuple, list)) else [x] for x in (ours, theirs))
    for one, other in zip(ours, keras.tree.flatten(theirs), strict=True):
        assert_close(to_numpy(one), to_numpy(other), "float32")


@pytest.fixture
def inputs(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(BATCH, TIME, FEATURES)).astype("float32")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"return_sequences": True, "return_state": True},
        {"return_sequences": True, "go_backwards": True},
    ],
    ids=["plain", "all outputs", "backwards"],
)
@pytest.mark.parametrize("name", SOURCES)
def test_layer_gives_the_same_outputs(name: str, options: Any, inputs: np.ndarray) -> None:
    source = ready(new_source(name, **options))
    assert_equal_outputs(kerasrnn.from_keras(source), source, inputs)


@pytest.mark.parametrize("name", SOURCES)
def test_layer_without_bias_gives_the_same_outputs(name: str, inputs: np.ndarray) -> None:
    # Where JAX has float64, Keras's GRU without a bias (3.15) runs in nothing else.
    dtype = "float64" if name == "GRU" else "float32"
    source = ready(new_source(name, use_bias=False, dtype=dtype))
    layer = kerasrnn.from_keras(source)
    assert all(cell.bias is None for cell in layer.cells)
    assert_equal_outputs(layer, source, inputs)


@pytest.mark.parametrize("zero_output_for_mask", [False, True])
@pytest.mark.parametrize("name", SOURCES)
def test_masked_layer_gives_the_same_outputs(
    name: str, zero_output_for_mask: bool, inputs: np.ndarray
) -> None:
    options = {"return_sequences": True, "zero_output_for_mask": zero_output_for_mask}
    source = ready(new_source(name, **options))
    mask = keras.ops.convert_to_tensor(MASK)
    assert_equal_outputs(kerasrnn.from_keras(source), source, inputs, mask=mask)


@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("name", SOURCES)
def test_bidirectional_gives_the_same_outputs(
    name: str, return_sequences: bool, inputs: np.ndarray
) -> None:
    inner = new_source(name, return_sequences=return_sequences, return_state=True)
    source = ready(keras.layers.Bidirectional(inner))
    assert_equal_outputs(kerasrnn.from_keras(source), source, inputs)


@pytest.mark.parametrize("go_backwards", [True, False])
@pytest.mark.parametrize("name", SOURCES)
def test_rnn_of_stacked_cells_gives_the_same_outputs(
    name: str, go_backwards: bool, inputs: np.ndarray
) -> None:
    cells = keras.layers.StackedRNNCells(new_cells(name, 3))
    options = {"return_sequences": True, "return_state": True, "go_backwards": go_backwards}
    source = ready(keras.layers.RNN(cells, **options))
    layer = kerasrnn.from_keras(source)
    assert layer.num_layers == 3
    assert_equal_outputs(layer, source, inputs)


@pytest.mark.parametrize("name", SOURCES)
def test_rnn_of_one_cell_gives_the_same_outputs(name: str, inputs: np.ndarray) -> None:
    source = ready(keras.layers.RNN(new_cells(name, 1)[0], return_sequences=True))
    assert_equal_outputs(kerasrnn.from_keras(source), source, inputs)


@pytest.mark.parametrize("name", SOURCES)
def test_bare_stack_of_cells_becomes_a_layer(name: str, inputs: np.ndarray) -> None:
    cells = keras.layers.StackedRNNCells(new_cells(name, 2))
    source = ready(keras.layers.RNN(cells, return_sequences=True))
    layer = kerasrnn.from_keras(cells, return_sequences=True)
    assert_equal_outputs(layer, source, inputs)


@pytest.mark.parametrize("name", SOURCES)
def test_stateful_layer_carries_the_same_states(name: str, rng: np.random.Generator) -> None:
    source = ready(new_source(name, stateful=True, return_state=True))
    layer = kerasrnn.from_keras(source)
    for part in rng.normal(size=(2, BATCH, TIME, FEATURES)).astype("float32"):
        assert_equal_outputs(layer, source, part)


def test_options_are_taken_over_and_can_differ() -> None:
    source = ready(
        keras.layers.GRU(
            4,
            dropout=0.25,
            recurrent_dropout=0.5,
            kernel_regularizer=keras.regularizers.L1(0.5),
            bias_constraint=keras.constraints.NonNeg(),
            activity_regularizer=keras.regularizers.L2(0.25),
            trainable=False,
            dtype="mixed_float16",
        )
    )
    layer = kerasrnn.from_keras(source, return_state=True, name="mine")
    assert (layer.input_dropout, layer.recurrent_dropout, layer.dropout) == (0.25, 0.5, 0)
    assert layer.kernel_regularizer.get_config() == source.kernel_regularizer.get_config()
    assert isinstance(layer.bias_constraint, keras.constraints.NonNeg)
    assert layer.activity_regularizer.get_config() == source.activity_regularizer.get_config()
    assert not layer.trainable
    assert layer.dtype_policy.name == "mixed_float16"
    assert (layer.name, layer.return_state, layer.return_sequences) == ("mine", True, False)


def test_second_bias_starts_at_zero() -> None:
    source = ready(keras.layers.LSTM(4))
    (cell,) = kerasrnn.from_keras(source).cells
    assert (to_numpy(cell.bias)[0] == to_numpy(source.cell.bias)).all()
    assert not to_numpy(cell.bias)[1].any()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (lambda: keras.layers.LSTM(4, activation="relu"), "needs activation 'tanh'.*Got 'relu'"),
        (
            lambda: keras.layers.GRU(4, recurrent_activation="hard_sigmoid"),
            "recurrent_activation 'sigmoid'. Got 'tanh' and 'hard_sigmoid'",
        ),
        (
            lambda: keras.layers.SimpleRNN(4, activation="linear"),
            "needs activation 'tanh' or 'relu'.*Got 'linear'",
        ),
        (
            lambda: keras.layers.Bidirectional(keras.layers.GRU(4), merge_mode="sum"),
            "needs merge_mode='concat'. Got 'sum'",
        ),
        (
            lambda: keras.layers.Bidirectional(
                keras.layers.GRU(4, go_backwards=True), backward_layer=keras.layers.GRU(4)
            ),
            "needs a forward layer that does not go backwards",
        ),
        (
            lambda: keras.layers.RNN([keras.layers.GRUCell(4), keras.layers.LSTMCell(4)]),
            r"cells of one kind with the same options.*GRUCell\(4\).*LSTMCell\(4\)",
        ),
        (
            lambda: keras.layers.RNN([keras.layers.GRUCell(4), keras.layers.GRUCell(5)]),
            r"cells of one kind with the same options.*GRUCell\(4\).*GRUCell\(5\)",
        ),
        (
            lambda: keras.layers.Bidirectional(
                keras.layers.RNN([keras.layers.GRUCell(4), keras.layers.GRUCell(4)])
            ),
            "needs a Bidirectional around a single recurrent layer",
        ),
    ],
)
def test_what_we_lack_is_refused(source: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kerasrnn.from_keras(ready(source()))


def test_unbuilt_and_foreign_layers_are_refused() -> None:
    with pytest.raises(ValueError, match="mine is not built: call it"):
        kerasrnn.from_keras(keras.layers.GRU(4, name="mine"))
    with pytest.raises(TypeError, match=r"takes a SimpleRNN, LSTM or GRU.*Got Dense of Dense"):
        kerasrnn.from_keras(keras.layers.Dense(4))
    for ours in (kerasrnn.GRU(4, name="mine"), kerasrnn.GRUCell(4, name="mine")):
        with pytest.raises(TypeError, match="mine is a layer of kerasrnn already"):
            kerasrnn.from_keras(ours)


@pytest.mark.parametrize("kind", KINDS)
def test_mapping_of_arrays_loads_without_torch(kind: str, rng: np.random.Generator) -> None:
    """Shapes, names and the order of gates are those of torch's documentation."""
    gates = {"RNN": 1, "LSTM": 4, "GRU": 3}[kind]
    shapes = {"weight_ih": (gates * 4, 2), "weight_hh": (gates * 4, 4)}
    shapes |= {"bias_ih": (gates * 4,), "bias_hh": (gates * 4,)}
    mapping = {
        f"{name}_l0{suffix}": rng.normal(size=shape)
        for suffix in ("", "_reverse")
        for name, shape in shapes.items()
    }
    options = {"bidirectional": True, "return_sequences": True, "dtype": "float64"}
    layer = built(getattr(kerasrnn, kind)(4, **options), 2)
    kerasrnn.load_torch_state_dict(layer, mapping)
    back = kerasrnn.torch_state_dict(layer)
    assert back.keys() == mapping.keys()
    assert all((back[name] == array).all() for name, array in mapping.items())
    inputs = rng.normal(size=(3, 5, 2))
    weights = [[in_our_order(mapping, suffix, gates) for suffix in ("", "_reverse")]]
    zeros = [np.zeros((3, 4)) for _ in layer.state_size]
    outputs, _ = equations.run_stack(layer.mode, weights, inputs, zeros)
    assert_close(to_numpy(layer(inputs)), outputs, "float64")


def in_our_order(mapping: dict[str, np.ndarray], suffix: str, gates: int) -> dict[str, np.ndarray]:
    """Transpose torch's matrices, and turn a GRU's gates r, z, n into z, r, n."""
    order = [1, 0, 2] if gates == 3 else list(range(gates))

    def swapped(name: str) -> np.ndarray:
        blocks = np.split(mapping[f"{name}_l0{suffix}"], gates)
        return np.concatenate([blocks[i] for i in order])

    return {
        "kernel": swapped("weight_ih").T,
        "recurrent_kernel": swapped("weight_hh").T,
        "bias": np.stack([swapped("bias_ih"), swapped("bias_hh")]),
    }
