"""Layers as good citizens of Keras: configuration, saving, shapes, wrappers, policies, fit."""

import inspect
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kerasrnn
from kerasrnn.cells import Cell
from kerasrnn.layers import Options, Recurrent
from tests.making import KINDS, MODES, built, new_layer, randomized
from tests.running import assert_close, to_numpy

# A value for every argument that differs from its default.
OTHER_THAN_DEFAULT: dict[str, Any] = {
    "units": 6,
    "num_layers": 2,
    "use_bias": False,
    "dropout": 0.1,
    "input_dropout": 0.2,
    "recurrent_dropout": 0.3,
    "bidirectional": True,
    "batch_first": False,
    "return_sequences": True,
    "return_state": True,
    "go_backwards": True,
    "stateful": True,
    "zero_output_for_mask": True,
    "kernel_initializer": "glorot_normal",
    "recurrent_initializer": keras.initializers.RandomNormal(stddev=0.5, seed=3),
    "bias_initializer": kerasrnn.TorchUniform(9, seed=2),
    "kernel_regularizer": keras.regularizers.L1(0.125),
    "recurrent_regularizer": keras.regularizers.L2(0.25),
    "bias_regularizer": "l1",
    "activity_regularizer": "l2",
    "kernel_constraint": keras.constraints.MaxNorm(3.0),
    "recurrent_constraint": "non_neg",
    "bias_constraint": "unit_norm",
    "seed": 17,
    "implementation": "reference",
    "checkpoint_every": 3,
    "name": "mine",
    "dtype": "float64",
    "trainable": False,
}
OF_ITS_OWN: dict[str, dict[str, Any]] = {
    "RNN": {"nonlinearity": "relu"},
    "LSTM": {
        "proj_size": 2,
        "unit_forget_bias": True,
        "projection_initializer": "he_normal",
        "projection_regularizer": "l1",
        "projection_constraint": "non_neg",
    },
    "GRU": {"reset_after": False},
}


def parameters(function: Any) -> set[str]:
    named = inspect.signature(function).parameters.values()
    return {p.name for p in named if p.kind is not p.VAR_KEYWORD} - {"self"}


def model_around(layer: Any, *more: Any) -> keras.Model:
    """Make a functional model (3, 5, 2) -> layer -> more layers."""
    inputs = outputs = keras.Input(batch_shape=(3, 5, 2))
    for each in (layer, *more):
        outputs = each(outputs)
    return keras.Model(inputs, outputs)


@pytest.fixture
def sequences(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(3, 5, 2)).astype("float32")


def test_options_are_those_of_layer_and_cell() -> None:
    everything = parameters(Recurrent.__init__) | parameters(Cell.__init__)
    assert set(Options.__annotations__) == everything - {"units", "num_layers"}
    assert everything == set(OTHER_THAN_DEFAULT)


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_comes_back_from_get_config(kind: str) -> None:
    cls, own = getattr(kerasrnn, kind), OF_ITS_OWN[kind]
    assert parameters(cls.__init__) == {"units", "num_layers", *own}
    values = OTHER_THAN_DEFAULT | own
    layer = cls(**values)
    config, default = layer.get_config(), cls(4).get_config()
    assert config.keys() == values.keys()
    for name, value in values.items():
        assert config[name] != default[name], name
        assert hasattr(layer, name), name
        if isinstance(value, (int, float, bool)) or name in ("name", "dtype", "implementation"):
            assert getattr(layer, name) == value, name
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is cls
    assert again.get_config() == config


@pytest.mark.parametrize("mode", MODES)
def test_saved_and_loaded_model_gives_the_same_numbers(
    mode: str, sequences: np.ndarray, tmp_path: Path
) -> None:
    layer = new_layer(mode, 4, 2, bidirectional=True, dropout=0.5, return_state=True)
    model = model_around(layer)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    for ours, theirs in zip(model(sequences), loaded(sequences), strict=True):
        assert (to_numpy(ours) == to_numpy(theirs)).all()


@pytest.mark.parametrize("mode", MODES)
def test_saved_weights_give_the_same_numbers(
    mode: str, sequences: np.ndarray, tmp_path: Path
) -> None:
    model, other = (model_around(new_layer(mode, 4, 2, bidirectional=True)) for _ in range(2))
    assert (to_numpy(model(sequences)) != to_numpy(other(sequences))).any()
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    assert (to_numpy(model(sequences)) == to_numpy(other(sequences))).all()


@pytest.mark.parametrize("mode", MODES)
def test_cloned_model_has_the_same_layers(mode: str, sequences: np.ndarray) -> None:
    model = model_around(new_layer(mode, 4, 2, go_backwards=True, use_bias=False))
    clone = keras.models.clone_model(model)
    assert (to_numpy(model(sequences)) != to_numpy(clone(sequences))).any()
    clone.set_weights(model.get_weights())
    assert (to_numpy(model(sequences)) == to_numpy(clone(sequences))).all()


@settings(max_examples=16)
@given(
    mode=st.sampled_from(MODES),
    num_layers=st.integers(1, 2),
    flags=st.fixed_dictionaries(
        {
            name: st.booleans()
            for name in ("bidirectional", "batch_first", "return_sequences", "return_state")
        }
    ),
    known=st.booleans(),
)
def test_symbolic_shapes_are_the_eager_ones(
    mode: str, num_layers: int, flags: dict[str, bool], known: bool
) -> None:
    layer = new_layer(mode, 4, num_layers, **flags)
    shape = (3, 5, 2) if flags["batch_first"] else (5, 3, 2)
    symbolic = layer(keras.Input(batch_shape=shape if known else (None, None, 2)))
    eager = layer(np.zeros(shape, "float32"))
    assert isinstance(symbolic, tuple) == isinstance(eager, tuple) == flags["return_state"]
    symbolic, eager = (x if isinstance(x, tuple) else (x,) for x in (symbolic, eager))
    for one, other in zip(symbolic, eager, strict=True):
        assert one.ndim == other.ndim
        unknown = (None, None, other.shape[-1])[-one.ndim :]
        assert one.shape == (tuple(other.shape) if known else unknown)
        assert one.dtype == keras.backend.standardize_dtype(other.dtype) == "float32"


# Padding on the right, on the left, and holes.
MASK = np.array([[1, 1, 0, 0, 0], [0, 0, 0, 1, 1], [0, 1, 0, 1, 0]], dtype=bool)


@pytest.mark.parametrize("mask", [None, MASK], ids=["unmasked", "masked"])
@pytest.mark.parametrize("return_state", [True, False])
@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_keras_bidirectional_equals_ours(
    kind: str, return_sequences: bool, return_state: bool, mask: Any, sequences: np.ndarray
) -> None:
    shared = {"return_sequences": return_sequences, "return_state": return_state}
    make = getattr(kerasrnn, kind)
    ours = built(make(4, bidirectional=True, zero_output_for_mask=True, **shared), 2)
    wrapper = keras.layers.Bidirectional(make(4, **shared))
    wrapper.build(sequences.shape)
    wrapper.set_weights(ours.get_weights())
    mask = None if mask is None else keras.ops.convert_to_tensor(mask)
    mine, theirs = ours(sequences, mask=mask), wrapper(sequences, mask=mask)
    mine, theirs = (list(x) if return_state else [x] for x in (mine, theirs))
    for one, other in zip(mine, theirs, strict=True):
        assert_close(to_numpy(one), to_numpy(other), "float32")


@pytest.mark.parametrize("mode", MODES)
def test_time_distributed_runs_the_layer_on_every_slice(
    mode: str, rng: np.random.Generator
) -> None:
    slices = rng.normal(size=(3, 4, 5, 2)).astype("float32")
    layer = built(new_layer(mode, 4), 2)
    outputs = to_numpy(keras.layers.TimeDistributed(layer)(slices))
    expected = np.stack([to_numpy(layer(slices[:, i])) for i in range(4)], axis=1)
    assert_close(outputs, expected, "float32")


@pytest.mark.parametrize(("half", "tolerance"), [("float16", 4e-3), ("bfloat16", 4e-2)])
@pytest.mark.parametrize("mode", MODES)
def test_mixed_precision_computes_in_half_and_keeps_float32_weights(
    mode: str, half: str, tolerance: float, sequences: np.ndarray
) -> None:
    options = {"bidirectional": True, "return_sequences": True, "return_state": True}
    layer = built(new_layer(mode, 4, dtype=f"mixed_{half}", **options), 2)
    precise = built(new_layer(mode, 4, **options), 2)
    assert {variable.dtype for variable in layer.variables} == {"float32"}
    for ours, theirs in zip(layer(sequences), precise(sequences), strict=True):
        assert keras.backend.standardize_dtype(ours.dtype) == half
        error = np.abs(to_numpy(keras.ops.cast(ours, "float32")) - to_numpy(theirs)).max()
        assert 0 < error < tolerance


@pytest.mark.parametrize("mode", MODES)
def test_whole_numbers_serve_as_inputs(mode: str) -> None:
    counts = np.arange(30).reshape(3, 5, 2) % 7
    layer = built(new_layer(mode, 4), 2)
    expected = to_numpy(layer(counts.astype("float32")))
    assert (to_numpy(layer(counts)) == expected).all()


def test_regularizers_add_the_losses_of_every_cell(sequences: np.ndarray) -> None:
    rates = {"kernel": 0.5, "recurrent": 0.25, "bias": 0.125, "projection": 0.0625}
    options = {f"{name}_regularizer": keras.regularizers.L2(rate) for name, rate in rates.items()}
    strong = keras.regularizers.L2(64.0)
    layer = kerasrnn.LSTM(4, num_layers=2, proj_size=3, activity_regularizer=strong, **options)
    activity = keras.layers.ActivityRegularization(l2=64.0)
    activity(built(layer, 2)(sequences))
    squares = [
        rates[variable.name.removesuffix("_kernel")] * (to_numpy(variable) ** 2).sum()
        for variable in layer.trainable_variables
    ]
    assert len(squares) == 8
    (of_activity,) = map(to_numpy, activity.losses)
    assert of_activity > 0.5
    assert_close(to_numpy(sum(layer.losses)), sum(squares) + of_activity, "float32")


@pytest.mark.parametrize("mode", MODES)
def test_constraints_hold_after_fit(mode: str, sequences: np.ndarray) -> None:
    names = ["kernel", "recurrent", "bias"] + ["projection"] * (mode == "lstm_projected")
    constraints = {f"{name}_constraint": keras.constraints.NonNeg() for name in names}
    layer = new_layer(mode, 4, 2, **constraints)
    model = model_around(layer)
    randomized(layer)
    assert all((to_numpy(v) < 0).any() for v in layer.trainable_variables)
    model.compile("sgd", "mse")
    model.fit(sequences, np.ones((3, layer.output_size)), verbose=0)
    assert all((to_numpy(v) >= 0).all() for v in layer.trainable_variables)


@pytest.mark.parametrize("mode", MODES)
def test_fit_lowers_the_loss(mode: str, sequences: np.ndarray) -> None:
    targets = sequences.sum(axis=(1, 2), keepdims=True)[:, 0]
    layer = new_layer(mode, 8, 2, bidirectional=True, dropout=0.1, return_sequences=True)
    model = model_around(layer, new_layer(mode, 8), keras.layers.Dense(1))
    model.compile(keras.optimizers.Adam(0.02), "mse")
    before = model.evaluate(sequences, targets, verbose=0)
    model.fit(sequences, targets, epochs=30, verbose=0)
    assert model.evaluate(sequences, targets, verbose=0) < 0.5 * before
