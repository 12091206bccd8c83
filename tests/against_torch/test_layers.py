"""Values, states and gradients of every configuration against `torch.nn` itself."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import kerasrnn
from tests.against_torch.oracle import run_module
from tests.running import assert_close, run, to_numpy

MODES = ("rnn_tanh", "rnn_relu", "lstm", "lstm_projected", "gru")
PATTERNS = ("none", "right", "left", "holes", "empty rows", "nothing")


@dataclass(frozen=True)
class Case:
    """One configuration of a layer and its inputs."""

    mode: str
    units: int
    num_layers: int
    bidirectional: bool
    use_bias: bool
    batch_first: bool
    batch: int
    time: int
    features: int
    pattern: str
    dtype: str
    seed: int


cases = st.builds(
    Case,
    mode=st.sampled_from(MODES),
    units=st.integers(2, 7),
    num_layers=st.integers(1, 3),
    bidirectional=st.booleans(),
    use_bias=st.booleans(),
    batch_first=st.booleans(),
    batch=st.integers(1, 4),
    time=st.integers(1, 6),
    features=st.integers(1, 5),
    pattern=st.sampled_from(PATTERNS),
    dtype=st.sampled_from(("float64", "float32")),
    seed=st.integers(0, 2**16),
)


def make_module(case: Case) -> Any:
    torch.manual_seed(case.seed)
    kind = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU"}[case.mode.split("_")[0]]
    options: dict[str, Any] = {}
    if kind == "RNN":
        options["nonlinearity"] = case.mode.removeprefix("rnn_")
    if case.mode == "lstm_projected":
        options["proj_size"] = case.units - 1
    return getattr(torch.nn, kind)(
        case.features,
        case.units,
        case.num_layers,
        bias=case.use_bias,
        batch_first=True,
        bidirectional=case.bidirectional,
        dtype=getattr(torch, case.dtype),
        **options,
    )


def make_mask(pattern: str, batch: int, time: int, rng: np.random.Generator) -> np.ndarray | None:
    """Return a boolean mask (batch, time) of a named pattern."""
    lengths = rng.integers(1, time + 1, batch)
    steps = np.arange(time)
    if pattern == "none":
        return None
    if pattern == "right":
        return steps < lengths[:, None]
    if pattern == "left":
        return steps >= time - lengths[:, None]
    mask = rng.random((batch, time)) < 0.6
    if pattern == "empty rows":
        mask[rng.integers(batch)] = False
    return np.zeros_like(mask) if pattern == "nothing" else mask


@given(cases)
def test_equals_torch(case: Case) -> None:
    rng = np.random.default_rng(case.seed)
    module = make_module(case)
    layer = kerasrnn.from_torch(
        module, return_sequences=True, return_state=True, batch_first=case.batch_first
    )
    inputs = rng.normal(size=(case.batch, case.time, case.features)).astype(case.dtype)
    states = [
        rng.uniform(-1, 1, (case.batch, size)).astype(case.dtype) for size in layer.state_size
    ]
    mask = make_mask(case.pattern, case.batch, case.time, rng)

    torch_inputs = torch.tensor(inputs, requires_grad=True)
    torch_states = [torch.tensor(state, requires_grad=True) for state in states]
    outputs, final = run_module(module, torch_inputs, torch_states, mask)
    expected = [outputs, *final]
    cotangents = [rng.normal(size=tuple(o.shape)).astype(case.dtype) for o in expected]
    loss = sum((o * torch.tensor(c)).sum() for o, c in zip(expected, cotangents, strict=True))
    loss.backward()

    def swap(array: np.ndarray) -> np.ndarray:
        return array if case.batch_first else array.swapaxes(0, 1)

    kwargs = {} if mask is None else {"mask": keras.ops.convert_to_tensor(swap(mask))}
    ours = run(layer, swap(inputs), states, [swap(cotangents[0]), *cotangents[1:]], **kwargs)

    assert_close(swap(ours.outputs[0]), outputs.detach().numpy(), case.dtype, "outputs")
    for actual, state in zip(ours.outputs[1:], final, strict=True):
        assert_close(actual, state.detach().numpy(), case.dtype, "final state")
    assert_close(
        swap(ours.input_gradient), gradient(torch_inputs), case.dtype, "gradient of inputs"
    )
    for actual, state in zip(ours.state_gradients, torch_states, strict=True):
        assert_close(actual, gradient(state), case.dtype, "gradient of initial state")
    assert_weight_gradients(layer, ours.weight_gradients, module, case.dtype)


def gradient(tensor: torch.Tensor) -> np.ndarray:
    return (torch.zeros_like(tensor) if tensor.grad is None else tensor.grad).numpy()


def assert_weight_gradients(
    layer: Any, gradients: dict[str, np.ndarray], module: Any, dtype: str
) -> None:
    """Compare all weight gradients, carried to torch's layout by the interop itself."""
    for variable in layer.trainable_variables:
        variable.assign(gradients[variable.path])
    expected = {name: gradient(parameter) for name, parameter in module.named_parameters()}
    actual = kerasrnn.torch_state_dict(layer)
    assert actual.keys() == expected.keys()
    for name in expected:
        assert_close(actual[name], expected[name], dtype, f"gradient of {name}")


@given(cases.filter(lambda case: case.pattern == "right"))
def test_equals_packed_sequence(case: Case) -> None:
    """Right-padded rows equal torch's packed sequences, zeros and all."""
    rng = np.random.default_rng(case.seed)
    module = make_module(case)
    layer = kerasrnn.from_torch(
        module, return_sequences=True, return_state=True, zero_output_for_mask=True
    )
    inputs = rng.normal(size=(case.batch, case.time, case.features)).astype(case.dtype)
    mask = make_mask("right", case.batch, case.time, rng)
    assert mask is not None
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        torch.tensor(inputs), torch.tensor(mask.sum(1)), batch_first=True, enforce_sorted=False
    )
    with torch.no_grad():
        packed_outputs, final = module(packed)
    expected, _ = torch.nn.utils.rnn.pad_packed_sequence(
        packed_outputs, batch_first=True, total_length=case.time
    )
    outputs, *states = layer(inputs, mask=keras.ops.convert_to_tensor(mask))
    assert_close(to_numpy(outputs), expected.numpy(), case.dtype, "outputs")
    ours = kerasrnn.states_to_torch(layer, states)
    for actual, state in zip(
        ours if case.mode.startswith("lstm") else [ours],
        final if case.mode.startswith("lstm") else [final],
        strict=True,
    ):
        assert_close(to_numpy(actual), state.numpy(), case.dtype, "final states")


@given(cases)
def test_last_output_is_torchs_final_hidden_state(case: Case) -> None:
    rng = np.random.default_rng(case.seed)
    module = make_module(case)
    layer = kerasrnn.from_torch(module)
    inputs = rng.normal(size=(case.batch, case.time, case.features)).astype(case.dtype)
    with torch.no_grad():
        _, final = module(torch.tensor(inputs))
    hidden = final[0] if case.mode.startswith("lstm") else final
    directions = 2 if case.bidirectional else 1
    expected = torch.cat(list(hidden[-directions:]), dim=-1).numpy()
    assert_close(to_numpy(layer(inputs)), expected, case.dtype, "last output")


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("bias", [True, False])
def test_cells_equal_torch(kind: str, bias: bool, rng: np.random.Generator) -> None:
    module = getattr(torch.nn, f"{kind}Cell")(3, 5, bias=bias, dtype=torch.float64)
    cell = kerasrnn.from_torch(module)
    inputs = rng.normal(size=(4, 3))
    states = [rng.normal(size=(4, 5)) for _ in cell.state_size]
    torch_states = tuple(map(torch.tensor, states))
    with torch.no_grad():
        expected = module(torch.tensor(inputs), torch_states if kind == "LSTM" else torch_states[0])
        from_zeros = module(torch.tensor(inputs))
    for actual, wanted in ((cell(inputs, *states), expected), (cell(inputs), from_zeros)):
        actual, wanted = (actual, wanted) if kind == "LSTM" else ([actual], [wanted])
        for ours, theirs in zip(actual, wanted, strict=True):
            assert_close(to_numpy(ours), theirs.numpy(), "float64", kind)
