from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import ops

import kerasrnn
from kerasrnn import cells
from kerasrnn.forecasting import segment as module
from kerasrnn.forecasting.segment import ParallelDecoder, segment_forecast
from kerasrnn.layers import Recurrent
from tests.making import KINDS, MODES, new_layer, randomized
from tests.running import assert_close, run, to_numpy

BATCH, TIME, FEATURES, UNITS, STEPS, SERIES = 5, 3, 7, 4, 6, 3


class Repeated(ParallelDecoder):
    """The plain way: the layer itself, one step of it for every pair of sample and position."""

    def decode(self, states: list[Any], series: Any = None) -> Any:
        batch = states[0].shape[0]
        vectors = ops.repeat(self.position[None], batch, axis=0)
        if self.series is not None:
            own = ops.take(self.series, series[:, 0], axis=0)
            vectors = ops.concatenate(
                [vectors, ops.repeat(own[:, None], self.steps, axis=1)], axis=-1
            )
        steps = ops.reshape(vectors, (batch * self.steps, 1, self.layer.input_size))
        repeated = [ops.repeat(state, self.steps, axis=0) for state in states]
        outputs, *_ = self.layer(steps, initial_state=repeated)
        return ops.reshape(outputs, (batch, self.steps, self.layer.output_size))


class WithSeries(keras.layers.Layer):
    """Gives a decoder the signature that `tests.running.run` calls."""

    def __init__(self, decoder: ParallelDecoder, series: Any) -> None:
        super().__init__(dtype="float64")
        self.decoder, self.of = decoder, series

    def call(self, inputs: Any, initial_state: Any = None) -> Any:
        return (self.decoder(inputs) if self.of is None else self.decoder(inputs, self.of),)


def differentiated(kind: type[ParallelDecoder], mode: str, num_series: int, **options: Any) -> Any:
    rng = np.random.default_rng(2)
    layer = new_layer(mode, UNITS, return_state=True, dtype="float64", name="layer", **options)
    decoder = kind(layer, STEPS, num_series=num_series, dtype="float64", name="decoder")
    inputs = rng.normal(size=(BATCH, TIME, FEATURES))
    series = rng.integers(0, num_series, (BATCH, 1)).astype("int32") if num_series else None
    wrapped = WithSeries(decoder, series)
    wrapped(inputs)
    randomized(wrapped)
    cotangent = rng.normal(size=(BATCH, STEPS, layer.output_size))
    return run(wrapped, inputs, [], [cotangent])


@pytest.mark.parametrize(("num_series", "use_bias"), [(SERIES, True), (0, False)])
@pytest.mark.parametrize("mode", MODES)
def test_decoder_is_the_layer_on_repeated_inputs(
    mode: str, num_series: int, use_bias: bool
) -> None:
    fast = differentiated(ParallelDecoder, mode, num_series, use_bias=use_bias)
    plain = differentiated(Repeated, mode, num_series, use_bias=use_bias)
    assert_close(fast.outputs[0], plain.outputs[0], "float64", "outputs")
    assert_close(fast.input_gradient, plain.input_gradient, "float64", "inputs")
    names = [name.rsplit("/", 1)[-1] for name in plain.weight_gradients]
    assert {"position", "kernel", "recurrent_kernel"} <= set(names)
    assert ("series" in names) == bool(num_series)
    fast_gradients, plain_gradients = fast.weight_gradients, plain.weight_gradients
    for name, a, b in zip(names, fast_gradients.values(), plain_gradients.values(), strict=True):
        assert np.abs(b).max() > 0, name
        assert_close(a, b, "float64", name)


@pytest.mark.parametrize("kind", KINDS)
def test_no_product_is_taken_for_every_pair_of_sample_and_position(
    kind: str, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    rows: list[int] = []

    def counted(left: Any, right: Any) -> Any:
        rows.append(int(np.prod(left.shape[:-1])))
        return left @ right

    layer = getattr(kerasrnn, kind)(UNITS, return_state=True)
    decoder = ParallelDecoder(layer, STEPS, num_series=SERIES)
    inputs, series = rng.normal(size=(BATCH, TIME, FEATURES)), np.zeros((BATCH, 1), "int32")
    _, *states = layer(inputs)
    decoder.build(inputs.shape, series.shape)
    monkeypatch.setattr(cells, "matmul", counted)
    monkeypatch.setattr(module, "matmul", counted)
    assert decoder.decode(states, series).shape == (BATCH, STEPS, UNITS)
    assert sorted(rows) == sorted([STEPS, BATCH, BATCH])


@pytest.mark.parametrize(
    ("layer", "look_back", "segment", "horizon", "outputs"),
    [
        (kerasrnn.GRU, 12, 4, 8, 1),
        (kerasrnn.GRU, 13, 4, 9, 1),
        (kerasrnn.LSTM, 5, 5, 1, 1),
        (kerasrnn.LSTM, 7, 3, 4, 3),
        (kerasrnn.RNN, 6, 1, 2, 2),
    ],
)
def test_model_of_any_sizes_is_saved_and_loaded(
    layer: type[Recurrent],
    look_back: int,
    segment: int,
    horizon: int,
    outputs: int,
    tmp_path: Path,
    rng: np.random.Generator,
) -> None:
    window, series = keras.Input((look_back,)), keras.Input((1,), dtype="int32")
    options = {"segment": segment, "units": 5, "outputs": outputs}
    forecast = segment_forecast(window, horizon, layer, series=series, num_series=2, **options)
    shape = (horizon,) if outputs == 1 else (horizon, outputs)
    assert forecast.shape == (None, *shape)
    model = keras.Model([window, series], forecast)
    given = [rng.normal(size=(3, look_back)).astype("float32"), np.array([[0], [1], [1]], "int32")]
    model.compile("adam", "mse")
    model.fit(given, rng.normal(size=(3, *shape)), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    expected = model.predict(given, verbose=0)
    assert expected.shape == (3, *shape)
    assert (loaded.predict(given, verbose=0) == expected).all()
    for saved, restored in zip(model.get_weights(), loaded.get_weights(), strict=True):
        assert (saved == restored).all()


def test_incomplete_segment_at_the_start_is_left_out(rng: np.random.Generator) -> None:
    window = keras.Input((11,))
    model = keras.Model(window, segment_forecast(window, 5, segment=4, units=6))
    given = rng.normal(size=(2, 11)).astype("float32")
    changed = given.copy()
    changed[:, :3] += 1
    assert (model.predict(given, verbose=0) == model.predict(changed, verbose=0)).all()
    changed[:, 3] += 1
    assert (model.predict(given, verbose=0) != model.predict(changed, verbose=0)).any(axis=1).all()


def test_series_and_positions_are_told_apart(rng: np.random.Generator) -> None:
    window, series = keras.Input((8,)), keras.Input((1,), dtype="int32")
    forecast = segment_forecast(window, 12, series=series, num_series=3, segment=4, units=6)
    model = keras.Model([window, series], forecast)
    same = np.repeat(rng.normal(size=(1, 8)), 3, axis=0)
    rows = model.predict([same, np.array([[0], [2], [2]])], verbose=0)
    assert_close(rows[1], rows[2], "float32")
    assert not np.allclose(rows[0], rows[1])
    parts = rows[0].reshape(3, 4)
    assert not np.allclose(parts[0], parts[1])
    assert not np.allclose(parts[1], parts[2])


def test_learned_vectors_start_apart() -> None:
    decoder = ParallelDecoder(kerasrnn.GRU(4, return_state=True), 5, num_series=5)
    decoder.build((None, 3, 8), (None, 1))
    position, series = to_numpy(decoder.position), to_numpy(decoder.series)
    assert position.shape == series.shape == (5, 4)
    assert not np.allclose(position, series)


def test_model_can_start_at_zero(rng: np.random.Generator) -> None:
    window = keras.Input((8,))
    forecast = segment_forecast(window, 5, segment=4, units=6, kernel_initializer="zeros")
    assert (keras.Model(window, forecast).predict(rng.normal(size=(2, 8)), verbose=0) == 0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"segment": 9}, "at least one segment of 9 steps. Got a look_back of 8"),
        ({"segment": 0}, "segment must be at least 1. Got 0"),
        ({"outputs": 0}, "outputs must be at least 1. Got 0"),
    ],
)
def test_forecast_says_what_it_takes(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        segment_forecast(keras.Input((8,)), 4, **{"segment": 4, "units": 3, **options})


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"num_layers": 2}, "'num_layers': 1"),
        ({"bidirectional": True}, "'bidirectional': False"),
        ({"batch_first": False}, "'batch_first': True"),
        ({"stateful": True}, "'stateful': False"),
        ({"return_state": False}, "'return_state': True"),
    ],
)
def test_decoder_says_which_layer_it_takes(options: dict[str, Any], wanted: str) -> None:
    with pytest.raises(ValueError, match=f"layer must have {{{wanted}}}"):
        ParallelDecoder(kerasrnn.GRU(4, **{"return_state": True, **options}), 3)


def test_decoder_says_what_else_it_takes(rng: np.random.Generator) -> None:
    layer = kerasrnn.GRU(4, return_state=True)
    with pytest.raises(ValueError, match=r"kerasrnn's RNN, LSTM or GRU. Got <Dense"):
        ParallelDecoder(keras.layers.Dense(4), 3)
    with pytest.raises(ValueError, match=r"steps must be at least 1 .* Got 0 and 0"):
        ParallelDecoder(layer, 0)
    inputs, series = rng.normal(size=(2, 3, 4)), np.zeros((2, 1), "int32")
    with pytest.raises(ValueError, match=r"num_series=0: it takes no series"):
        ParallelDecoder(layer, 3)(inputs, series)
    with pytest.raises(ValueError, match=r"num_series=2: it takes series \(batch, 1\) too"):
        ParallelDecoder(layer, 3, num_series=2)(inputs)
