"""Gradients through time, held against the equations, differentiated by hand in float64."""

from typing import Any

import keras
import numpy as np
import pytest

import kerasrnn
from kerasrnn.diagnostics import gradient_flow, memory_length, plot_gradient_flow
from kerasrnn.diagnostics.flow import EXACT_SIZE, largest_singular_value
from tests.equations import STEPS, derivative
from tests.making import MODES, built, cell_weights, equation_of, new_layer, random_states
from tests.running import to_numpy

BATCH, TIME, FEATURES, UNITS = 3, 6, 4, 5
TOLERANCE = {"rtol": 1e-8, "atol": 1e-12}


def inputs_of(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(BATCH, TIME, FEATURES))


def layer_of(mode: str, rng: np.random.Generator, **options: Any) -> Any:
    """Return a layer of random weights; a stateful one carries random states."""
    layer = built(new_layer(mode, UNITS, **options), FEATURES, BATCH)
    if layer.stateful:
        layer.reset_state(random_states(layer, BATCH, rng))
    return layer


def trajectory(
    layer: Any, mode: str, inputs: np.ndarray, mask: np.ndarray, moved: dict[Any, np.ndarray]
) -> tuple[np.ndarray, list[list[list[np.ndarray]]]]:
    """Run a stack by its equations; `moved` (cell, time, state) is added to states."""
    name, directions = equation_of(mode), 2 if layer.bidirectional else 1
    states_of: list[list[list[np.ndarray]]] = []
    sequence = inputs.astype(complex)
    started = iter(layer.states or [np.zeros((BATCH, size)) for size in layer.state_size])
    for depth in range(layer.num_layers):
        outputs = []
        for direction in range(directions):
            cell = layer.cells[depth * directions + direction]
            weights = {k: v.astype(complex) for k, v in cell_weights(cell).items()}
            states = [to_numpy(next(started)).astype(complex) for _ in cell.state_size]
            visited: list[Any] = [None] * TIME
            for t in range(TIME)[:: -1 if direction else 1]:
                new = STEPS[name](weights, sequence[:, t], *states)
                keep = mask[:, t, None]
                states = [np.where(keep, a, b) for a, b in zip(new, states, strict=True)]
                number = len(states_of)
                states = [s + moved.get((number, t, i), 0) for i, s in enumerate(states)]
                visited[t] = states
            states_of.append(visited)
            outputs.append(np.stack([states[0] for states in visited], axis=1))
        sequence = np.concatenate(outputs, axis=-1)
    return sequence, states_of


def product_norms(
    layer: Any, mode: str, inputs: np.ndarray, mask: np.ndarray, number: int, state: int
) -> list[np.ndarray]:
    """Return norms of the Jacobians of a state by the first one, at all steps.

    They are the largest singular values and the Frobenius norms, averaged over the batch.
    """
    size = layer.cells[number].state_size[state]
    first = TIME - 1 if layer.bidirectional and number % 2 else 0
    shift = np.zeros((BATCH, size), complex)
    jacobians = np.zeros((TIME, BATCH, size, size))
    for j in range(size):
        shift[:] = 0
        shift[:, j] = 1e-100j
        _, states = trajectory(layer, mode, inputs, mask, {(number, first, state): shift})
        for t in range(TIME):
            jacobians[t, :, :, j] = np.imag(states[number][t][state]) / 1e-100
    return [np.linalg.norm(jacobians, kind, axis=(2, 3)).mean(axis=1) for kind in (2, "fro")]


SHAPES: dict[str, dict[str, Any]] = {
    "one": {},
    "stack": {"num_layers": 2, "bidirectional": True},
    "stateful": {"num_layers": 2, "stateful": True},
}


@pytest.mark.parametrize("options", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("mode", MODES)
def test_products_of_jacobians_are_those_of_the_equations(
    mode: str, options: dict[str, Any], rng: np.random.Generator
) -> None:
    layer = layer_of(mode, rng, dtype="float64", **options)
    inputs = inputs_of(rng)
    flow = gradient_flow(layer, inputs)
    everything = np.ones((BATCH, TIME), bool)
    for number, cell in enumerate(layer.cells):
        found = [flow.hidden[number], flow.hidden_norms[number]]
        expected = product_norms(layer, mode, inputs, everything, number, 0)
        np.testing.assert_allclose(found, expected, **TOLERANCE)
        found = [flow.cell[number], flow.cell_norms[number]]
        if len(cell.state_size) > 1:
            expected = product_norms(layer, mode, inputs, everything, number, 1)
            np.testing.assert_allclose(found, expected, **TOLERANCE)
        else:
            assert np.isnan(found).all()


@pytest.mark.parametrize("options", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("mode", MODES)
def test_gradients_of_the_loss_are_those_of_the_equations(
    mode: str, options: dict[str, Any], rng: np.random.Generator
) -> None:
    layer = layer_of(mode, rng, dtype="float64", **options)
    inputs, mask = inputs_of(rng), np.ones((BATCH, TIME), bool)
    flow = gradient_flow(layer, inputs)

    def loss(moved: dict[Any, np.ndarray]) -> Any:
        outputs, _ = trajectory(layer, mode, inputs, mask, moved)
        size = layer.cells[0].output_size
        last = outputs[:, -1, :size].sum()  # each direction ends where its own last step is
        return (last + (outputs[:, 0, size:].sum() if layer.bidirectional else 0)) / BATCH

    assert flow.loss == pytest.approx(float(np.real(loss({}))), rel=1e-12)
    for number, cell in enumerate(layer.cells):
        for t in (0, TIME // 2, TIME - 1):
            shift = np.zeros((BATCH, cell.output_size), complex)
            gradient = derivative(lambda s=shift, n=number, t=t: loss({(n, t, 0): s}), shift)
            expected = np.linalg.norm(gradient)
            np.testing.assert_allclose(flow.gradients[number, t], expected, **TOLERANCE)


@pytest.mark.parametrize("dtype", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("stateful", [False, True])
def test_mixed_precision_is_measured_in_that_of_the_weights(
    dtype: str, stateful: bool, rng: np.random.Generator
) -> None:
    layer = layer_of("lstm", rng, dtype=dtype, stateful=stateful)
    inputs = inputs_of(rng).astype("float32")
    flow = gradient_flow(layer, inputs)
    everything = np.ones((BATCH, TIME), bool)
    for state, (found, norms) in enumerate(
        [(flow.hidden, flow.hidden_norms), (flow.cell, flow.cell_norms)]
    ):
        expected = product_norms(layer, "lstm", inputs, everything, 0, state)
        np.testing.assert_allclose([found[0], norms[0]], expected, rtol=2e-5)
    outputs, _ = trajectory(layer, "lstm", inputs, everything, {})
    assert flow.loss == pytest.approx(float(np.real(outputs[:, -1].sum())) / BATCH, rel=2e-5)
    assert keras.backend.standardize_dtype(layer(inputs).dtype) == dtype.removeprefix("mixed_")


def test_all_of_a_mixed_model_is_measured_in_the_precision_of_its_weights(
    rng: np.random.Generator,
) -> None:
    mixed, plain = (
        keras.Sequential(
            [
                keras.Input((TIME, FEATURES)),
                kerasrnn.GRU(UNITS, dtype=policy),
                keras.layers.Dense(1, dtype=policy),
            ]
        )
        for policy in ("mixed_float16", "float32")
    )
    mixed.set_weights(plain.get_weights())
    x, y = inputs_of(rng).astype("float32"), np.ones((BATCH, 1), "float32")
    before = mixed.predict(x, verbose=0)
    one, other = gradient_flow(mixed, x, y), gradient_flow(plain, x, y)
    assert one.loss == pytest.approx(other.loss, rel=1e-6)
    np.testing.assert_allclose(one.gradients, other.gradients, rtol=1e-5)
    assert memory_length(mixed.layers[0], x) == memory_length(plain.layers[0], x)
    after = mixed.predict(x, verbose=0)
    assert after.dtype == "float16"
    np.testing.assert_array_equal(after, before)


def test_policies_and_runners_come_back_where_a_measurement_fails() -> None:
    layer = built(kerasrnn.GRU(UNITS, dtype="mixed_float16"), FEATURES)

    def loss(y: Any, outputs: Any) -> Any:
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        gradient_flow(layer, np.ones((1, TIME, FEATURES)), np.ones((1, UNITS)), loss=loss)
    assert layer.compute_dtype == layer.cells[0].compute_dtype == "float16"
    assert layer.runner is None


def test_masked_steps_hand_everything_on(rng: np.random.Generator) -> None:
    mask = rng.random((BATCH, TIME)) < 0.6
    mask[:, 0] = True
    layer = built(new_layer("lstm", UNITS, dtype="float64"), FEATURES)
    given = keras.Input((TIME, FEATURES), dtype="float64")
    valid = keras.Input((TIME,), dtype="bool")
    model = keras.Model([given, valid], layer(given, mask=valid))
    inputs = inputs_of(rng)
    flow = gradient_flow(model, [inputs, mask])
    expected = product_norms(layer, "lstm", inputs, mask, 0, 0)
    np.testing.assert_allclose([flow.hidden[0], flow.hidden_norms[0]], expected, **TOLERANCE)


def growing(factor: float) -> Any:
    """Return a network that multiplies its state at every step, and sees nothing."""
    layer = built(kerasrnn.RNN(3, nonlinearity="relu"), FEATURES)
    for cell in layer.cells:
        cell.kernel.assign(np.zeros(cell.kernel.shape))
        cell.recurrent_kernel.assign(factor * np.eye(3))
        cell.bias.assign(np.full((2, 3), 0.1))
    return layer


def test_what_grows_beyond_all_numbers_is_infinite() -> None:
    inputs = np.zeros((2, 400, FEATURES), "float32")
    flow = gradient_flow(growing(9.0), inputs)
    assert flow.hidden[0, 20] == pytest.approx(9.0**20, rel=1e-6)
    assert flow.hidden[0, -1] == flow.hidden_norms[0, -1] == np.inf
    assert memory_length(growing(9.0), inputs) is None
    figure = plot_gradient_flow(flow)
    figure.draw_without_rendering()
    first = int(np.flatnonzero(np.isinf(flow.hidden[0]))[0]) + 1
    below = figure.axes[1].get_xlabel()
    assert below == f"step t\n{flow.names[0]}: infinite, steps {first} to 400"


def test_states_beyond_all_numbers_leave_no_gradient() -> None:
    layer = built(kerasrnn.RNN(3, nonlinearity="relu"), 2)
    layer.cells[0].kernel.assign(np.ones((2, 3)))
    layer.cells[0].recurrent_kernel.assign(1e5 * np.eye(3))
    assert np.isfinite(gradient_flow(layer, np.ones((1, 5, 2), "float32")).gradients).all()
    flow = gradient_flow(layer, np.ones((1, 12, 2), "float32"))
    assert (flow.gradients == np.inf).all()
    np.testing.assert_allclose(flow.hidden[0, :9], 1e5 ** np.arange(9.0), rtol=1e-6)
    assert (flow.hidden[0, 9:] == np.inf).all()


def test_panels_share_their_steps_and_say_what_is_too_low() -> None:
    layer = built(kerasrnn.RNN(3), 2)
    layer.cells[0].recurrent_kernel.assign(np.zeros((3, 3)))
    figure = plot_gradient_flow(gradient_flow(layer, np.ones((1, 9, 2), "float32")))
    assert {axes.get_xlim() for axes in figure.axes} == {(0.5, 9.5)}
    below = [axes.get_xlabel().splitlines()[-1] for axes in figure.axes]
    assert below == [f"{layer.name}: below 1e-30, steps {steps}" for steps in ("1 to 8", "2 to 9")]


def test_what_is_no_flow_cannot_be_drawn() -> None:
    for nothing in ({}, [], {"a": 3}):
        with pytest.raises(ValueError, match="expected a GradientFlow, or several under names"):
            plot_gradient_flow(nothing)  # type: ignore[arg-type]
    flow = gradient_flow(kerasrnn.GRU(2), np.ones((1, 40, 3)))
    with pytest.raises(ValueError, match=r"Got \[GradientFlow\(.*\]\.$"):  # no table of numbers
        plot_gradient_flow([flow])  # type: ignore[arg-type]


def test_metrics_and_losses_stay_as_they_are(rng: np.random.Generator) -> None:
    given = keras.Input((TIME, FEATURES))
    hidden = kerasrnn.GRU(3, activity_regularizer="l2", kernel_regularizer="l2")(given)
    model = keras.Model(given, [keras.layers.Dense(1)(hidden), keras.layers.Dense(1)(hidden)])
    model.compile("adam", ["mse", "mse"], metrics=[["mae"], ["mae"]])
    inputs = inputs_of(rng).astype("float32")
    targets = [np.ones((BATCH, 1), "float32")] * 2
    loss = model.evaluate(inputs, targets, verbose=0)[0]
    before = {name: float(value) for name, value in model.get_metrics_result().items()}
    assert gradient_flow(model, inputs, targets).loss == pytest.approx(loss, rel=1e-5)
    gradient_flow(model, 3 * inputs, targets)
    assert {name: float(value) for name, value in model.get_metrics_result().items()} == before
    assert all(np.isfinite(keras.ops.convert_to_numpy(one)) for one in model.losses)


def test_model_is_measured_by_its_own_loss(rng: np.random.Generator) -> None:
    given = keras.Input((TIME, FEATURES))
    hidden = kerasrnn.LSTM(4, return_sequences=True, name="below")(given)
    hidden = kerasrnn.GRU(3, 2, name="above")(hidden)
    model = keras.Model(given, keras.layers.Dense(1)(hidden))
    inputs, targets = inputs_of(rng).astype("float32"), rng.normal(size=(BATCH, 1))
    flow = gradient_flow(model, inputs, targets)
    assert flow.names == ("below", "above, layer 0", "above, layer 1")
    predicted = model.predict(inputs, verbose=0)
    assert flow.loss == pytest.approx(float(np.mean((predicted - targets) ** 2)), rel=1e-5)
    model.compile("adam", "mae")
    flow = gradient_flow(model, inputs, targets)
    assert flow.loss == pytest.approx(float(np.mean(np.abs(predicted - targets))), rel=1e-5)
    assert (flow.gradients > 0).all()
    assert model.get_layer("below").runner is None


def test_direction_of_a_wrapped_layer_that_goes_backwards(rng: np.random.Generator) -> None:
    inputs = inputs_of(rng)
    ours = built(kerasrnn.GRU(UNITS, bidirectional=True, dtype="float64"), FEATURES)
    wrapped = keras.layers.Bidirectional(kerasrnn.GRU(UNITS, dtype="float64"), dtype="float64")
    wrapped.build((None, TIME, FEATURES))
    wrapped.set_weights(ours.get_weights())
    one, other = gradient_flow(ours, inputs), gradient_flow(wrapped, inputs)
    assert one.reverse == other.reverse == (False, True)
    assert other.names[1].startswith("backward")
    for measure in ("gradients", "hidden", "hidden_norms"):
        np.testing.assert_allclose(getattr(other, measure), getattr(one, measure), **TOLERANCE)


def test_sequences_of_different_lengths(rng: np.random.Generator) -> None:
    read, write = keras.Input((TIME, FEATURES)), keras.Input((2, FEATURES))
    state = kerasrnn.LSTM(3, name="encoder")(read)
    outputs = kerasrnn.GRU(3, name="decoder")(write, initial_state=state)
    model = keras.Model([read, write], keras.layers.Dense(1)(outputs))
    inputs = inputs_of(rng).astype("float32")
    flow = gradient_flow(model, [inputs, inputs[:, :2]], np.ones((BATCH, 1)))
    lengths = dict(zip(flow.names, np.isfinite(flow.hidden).sum(axis=1), strict=True))
    assert lengths == {"encoder": TIME, "decoder": 2}
    assert (np.isfinite(flow.gradients) == np.isfinite(flow.hidden)).all()
    plot_gradient_flow(flow).draw_without_rendering()


def test_layer_with_two_places_is_refused(rng: np.random.Generator) -> None:
    given, layer = keras.Input((TIME, FEATURES)), kerasrnn.GRU(2, name="shared")
    model = keras.Model(given, layer(given) + layer(given[:, 1:]))
    with pytest.raises(ValueError, match="shared is called more than once in the model"):
        gradient_flow(model, inputs_of(rng))
    assert layer.runner is None


def test_rows_without_a_valid_step_are_left_out(rng: np.random.Generator) -> None:
    layer = built(kerasrnn.GRU(UNITS, dtype="float64"), FEATURES)
    given = keras.Input((TIME, FEATURES), dtype="float64")
    valid = keras.Input((TIME,), dtype="bool")
    model = keras.Model([given, valid], layer(given, mask=valid))
    inputs, mask = inputs_of(rng), np.ones((BATCH, TIME), bool)
    mask[1] = False
    flow = gradient_flow(model, [inputs, mask])
    others = gradient_flow(model, [inputs[[0, 2]], mask[[0, 2]]])
    np.testing.assert_allclose(flow.hidden, others.hidden, **TOLERANCE)
    nothing = gradient_flow(model, [inputs, np.zeros_like(mask)])
    assert np.isnan(nothing.hidden).all()


def test_default_loss_is_what_is_put_out_last(rng: np.random.Generator) -> None:
    last = built(kerasrnn.GRU(UNITS, bidirectional=True, dtype="float64"), FEATURES)
    every = kerasrnn.GRU(UNITS, bidirectional=True, return_sequences=True, dtype="float64")
    every = built(every, FEATURES)
    every.set_weights(last.get_weights())
    inputs = inputs_of(rng)
    np.testing.assert_allclose(
        gradient_flow(every, inputs).gradients, gradient_flow(last, inputs).gradients, **TOLERANCE
    )
    one_way = built(kerasrnn.GRU(UNITS, return_sequences=True, dtype="float64"), FEATURES)
    model = keras.Sequential([keras.Input((TIME, FEATURES), dtype="float64"), one_way])
    np.testing.assert_allclose(
        gradient_flow(model, inputs).gradients,
        gradient_flow(one_way, inputs).gradients,
        **TOLERANCE,
    )


def test_model_with_two_outputs(rng: np.random.Generator) -> None:
    given = keras.Input((TIME, FEATURES))
    plain = keras.layers.Dense(2, name="plain")(keras.layers.Flatten()(given))
    deep = keras.layers.Dense(1, name="deep")(kerasrnn.GRU(3)(given))
    model = keras.Model(given, [plain, deep])
    inputs = inputs_of(rng).astype("float32")
    assert (gradient_flow(model, inputs).gradients > 0).all()
    targets = [np.ones((BATCH, 2), "float32"), np.ones((BATCH, 1), "float32")]
    model.compile("adam", ["mse", "mae"])
    flow = gradient_flow(model, inputs, targets)
    first, second = model.predict(inputs, verbose=0)
    expected = np.mean((first - 1) ** 2) + np.mean(np.abs(second - 1))
    assert flow.loss == pytest.approx(float(expected), rel=1e-5)


def test_weights_stay_as_they_are(rng: np.random.Generator) -> None:
    layer = built(new_layer("gru", UNITS), FEATURES)
    before = layer.get_weights()
    gradient_flow(layer, inputs_of(rng).astype("float32"))
    for old, new in zip(before, layer.get_weights(), strict=True):
        assert (old == new).all()


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("build", [False, True])
def test_carried_states_stay_as_they_are(
    build: bool, wrapped: bool, rng: np.random.Generator
) -> None:
    layer = kerasrnn.LSTM(UNITS, stateful=True)
    inputs = inputs_of(rng).astype("float32")
    if build:
        layer(inputs)
    before = [to_numpy(state) for state in layer.states or []]
    gradient_flow(keras.Sequential([layer]) if wrapped else layer, inputs)
    memory_length(layer, inputs)
    memory_length(layer, most=5)
    for state, old in zip(layer.states, before or [0, 0], strict=True):
        np.testing.assert_array_equal(to_numpy(state), old)


@pytest.mark.parametrize("size", [EXACT_SIZE, EXACT_SIZE + 1])
def test_power_iteration_finds_what_decomposition_does(size: int, rng: np.random.Generator) -> None:
    matrices = rng.normal(size=(4, size, size)) / np.sqrt(size)
    matrices[3] = 0
    expected = np.linalg.norm(matrices, 2, axis=(1, 2))
    np.testing.assert_allclose(largest_singular_value(matrices), expected, rtol=1e-4)


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(ValueError, match="expected an RNN, LSTM or GRU of kerasrnn"):
        gradient_flow(keras.layers.Dense(1), np.ones((1, 2)))
    with pytest.raises(ValueError, match=r"a model of some\. Got 3\."):
        gradient_flow(3, np.ones((1, 2)))  # type: ignore[arg-type]
    twins = [keras.Sequential([kerasrnn.GRU(2, name="twin")]) for _ in range(2)]
    given = keras.Input((TIME, FEATURES))
    model = keras.Model(given, twins[0](given) + twins[1](given))
    with pytest.raises(ValueError, match="two layers are named twin"):
        gradient_flow(model, np.ones((1, TIME, FEATURES)))
    with pytest.raises(ValueError, match="expected an RNN, LSTM or GRU of kerasrnn"):
        memory_length(keras.layers.LSTM(2), np.ones((1, 2, 3)))


EMPTY = [(0, TIME, FEATURES), (2, 0, FEATURES)]


@pytest.mark.parametrize("shape", EMPTY)
@pytest.mark.parametrize("measure", [gradient_flow, memory_length])
@pytest.mark.parametrize("build", [False, True])
def test_nothing_cannot_be_measured(measure: Any, build: bool, shape: tuple[int, ...]) -> None:
    layer = built(kerasrnn.GRU(2), FEATURES) if build else kerasrnn.GRU(2)
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the whole of it is compared
        measure(layer, np.ones(shape))
    expected = f"expected sequences: at least one, of at least one step. Got {shape}."
    assert str(caught.value) == expected


def test_nothing_among_the_inputs_of_a_model_cannot_be_measured() -> None:
    read, write = keras.Input((None, FEATURES)), keras.Input((None, FEATURES))
    outputs = kerasrnn.GRU(3)(write, initial_state=kerasrnn.GRU(3)(read))
    inputs = [np.ones((2, TIME, FEATURES)), np.ones((2, 0, FEATURES))]
    with pytest.raises(ValueError, match=r"at least one step. Got \(2, 0, 4\)"):
        gradient_flow(keras.Model([read, write], outputs), inputs)


class Late(keras.Model):
    """A model that makes its layer when it sees its input."""

    def build(self, shape: Any) -> None:
        self.rnn = kerasrnn.RNN(2)
        self.rnn.build(shape)

    def call(self, x: Any) -> Any:
        return self.rnn(x)


def test_layers_made_late_are_found() -> None:
    assert gradient_flow(Late(), np.ones((1, TIME, FEATURES), "float32")).names
