"""The contract of every kernel: the values and gradients of the equations in NumPy."""

from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import pytest

from kerasrnn.kernels import KERNELS, ORDER
from tests import equations
from tests.making import (
    MODES,
    WEIGHTS,
    built,
    equation_of,
    new_layer,
    random_states,
    stack_weights,
)
from tests.running import Run, assert_close, run, to_numpy

BACKEND = keras.backend.backend()
NAMES = ORDER[BACKEND]
FEATURES, UNITS = 2, 3
RETURN_ALL = {"return_sequences": True, "return_state": True}
# Padding on the right, on the left, holes, and a row with no valid step.
MASK = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 0, 0]], dtype=bool)


@dataclass(frozen=True)
class Case:
    """Sizes and options of one call."""

    batch: int = 4
    time: int = 4
    masked: bool = False
    dtype: str = "float64"
    options: dict[str, Any] = field(default_factory=dict)


CASES = {
    "plain": Case(),
    "one step of one row": Case(batch=1, time=1, options={"bidirectional": True}),
    "masked stack": Case(masked=True, options={"num_layers": 2, "bidirectional": True}),
    "backwards without bias": Case(
        masked=True, options={"go_backwards": True, "use_bias": False, "num_layers": 2}
    ),
    "float32": Case(dtype="float32", options={"num_layers": 2, "bidirectional": True}),
    "float32 without bias": Case(dtype="float32", options={"use_bias": False}),
    "masked float32": Case(masked=True, dtype="float32", options={"bidirectional": True}),
}


def expected_run(
    layer: Any,
    inputs: np.ndarray,
    states: list[np.ndarray],
    cotangents: list[np.ndarray],
    mask: np.ndarray | None,
) -> Run:
    """Differentiate the equations by the inputs, every state and every weight."""
    weights = stack_weights(layer, complex)
    inputs, states = inputs.astype(complex), [state.astype(complex) for state in states]
    order = slice(None, None, -1 if layer.go_backwards else 1)
    flipped = None if mask is None else mask[:, order]

    def outputs() -> list[np.ndarray]:
        sequence, final = equations.run_stack(
            equation_of(layer.mode), weights, inputs[:, order], states, flipped
        )
        return [sequence, *final]

    def loss() -> Any:
        return sum((o * c).sum() for o, c in zip(outputs(), cotangents, strict=True))

    by_cell = [own for directions in weights for own in directions]
    return Run(
        [output.real for output in outputs()],
        equations.derivative(loss, inputs),
        [equations.derivative(loss, state) for state in states],
        {
            getattr(cell, name).path: equations.derivative(loss, own[name])
            for cell, own in zip(layer.cells, by_cell, strict=True)
            for name in WEIGHTS
            if name in own
        },
    )


def assert_same(ours: Run, theirs: Run, dtype: str) -> None:
    for name in ("outputs", "state_gradients"):
        for one, other in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            assert_close(one, other, dtype, name)
    assert_close(ours.input_gradient, theirs.input_gradient, dtype, "input gradient")
    assert ours.weight_gradients.keys() == theirs.weight_gradients.keys()
    for name, other in theirs.weight_gradients.items():
        assert_close(ours.weight_gradients[name], other, dtype, name)


def refuses(layer: Any, name: str, case: Case) -> bool:
    """Say whether a kernel refuses a call, and hold it to the reason it gave."""
    call = layer.describe_call(case.batch, case.time, case.masked, False)
    reason = KERNELS[name].why_not(call)
    if reason is None:
        return False
    mask = MASK[: case.batch, : case.time] if case.masked else None
    with pytest.raises(ValueError, match=f"implementation='{name}' cannot run") as caught:
        layer(np.zeros((case.batch, case.time, FEATURES), case.dtype), mask=mask)
    assert reason in str(caught.value)
    return True


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", NAMES)
def test_values_and_gradients_are_those_of_the_equations(
    name: str, mode: str, case: Case, runs: list[str], rng: np.random.Generator
) -> None:
    options = {**RETURN_ALL, **case.options, "dtype": case.dtype, "implementation": name}
    layer = built(new_layer(mode, UNITS, **options), FEATURES)
    if refuses(layer, name, case):
        return
    inputs = rng.normal(size=(case.batch, case.time, FEATURES)).astype(case.dtype)
    states = [s.astype(case.dtype) for s in random_states(layer, case.batch, rng)]
    shapes = [(case.batch, case.time, layer.output_size), *(s.shape for s in states)]
    cotangents = [rng.normal(size=shape).astype(case.dtype) for shape in shapes]
    mask = MASK if case.masked else None
    kwargs = {} if mask is None else {"mask": keras.ops.convert_to_tensor(mask)}
    ours = run(layer, inputs, states, cotangents, **kwargs)
    assert set(runs) == {name}
    assert_same(ours, expected_run(layer, inputs, states, cotangents, mask), case.dtype)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", NAMES)
def test_dropouts_act_as_in_the_reference(
    name: str, mode: str, runs: list[str], rng: np.random.Generator
) -> None:
    rates = {"num_layers": 3, "dropout": 0.3, "input_dropout": 0.4, "recurrent_dropout": 0.5}
    options = {**RETURN_ALL, **rates, "dtype": "float64", "seed": 3}

    def run_with(implementation: str) -> Run:
        layer = built(new_layer(mode, UNITS, **options, implementation=implementation), FEATURES)
        renamed = run(layer, inputs, states, cotangents, training=True)
        gradients = dict(enumerate(renamed.weight_gradients.values()))
        return Run(renamed.outputs, renamed.input_gradient, renamed.state_gradients, gradients)

    layer = built(new_layer(mode, UNITS, **options), FEATURES)
    inputs, states = rng.normal(size=(2, 3, FEATURES)), random_states(layer, 2, rng)
    dry = [to_numpy(output) for output in layer(inputs, initial_state=states)]
    cotangents = [rng.normal(size=output.shape) for output in dry]
    call = layer.describe_call(2, 3, False, True)
    assert call.recurrent_dropout
    if KERNELS[name].why_not(call) is not None:
        return
    ours, theirs = run_with(name), run_with("reference")
    assert {name, "reference"} <= set(runs)
    assert_same(ours, theirs, "float64")
    assert np.abs(ours.outputs[0] - dry[0]).max() > 1e-3


@pytest.mark.parametrize("mode", MODES)
def test_reference_is_differentiable_twice(mode: str, rng: np.random.Generator) -> None:
    options = {"bidirectional": True, "implementation": "reference", "dtype": "float64"}
    layer = built(new_layer(mode, UNITS, **RETURN_ALL, **options), FEATURES)
    inputs = rng.normal(size=(2, 3, FEATURES))
    states = random_states(layer, 2, rng)
    mask = keras.ops.convert_to_tensor(np.array([[True, True, False], [True, False, True]]))

    def outputs(inputs: Any, *states: Any) -> Any:
        return tuple(layer(inputs, initial_state=list(states), mask=mask))

    if BACKEND == "jax":
        import jax
        from jax.test_util import check_grads

        arguments = [keras.ops.convert_to_tensor(array) for array in (inputs, *states)]
        check_grads(jax.jit(outputs), arguments, order=2, modes=["rev"], atol=1e-6, rtol=1e-6)
    else:
        import torch

        tensors = [torch.tensor(array, requires_grad=True) for array in (inputs, *states)]
        assert torch.autograd.gradgradcheck(outputs, tensors)
