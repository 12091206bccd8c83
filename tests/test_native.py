"""The native kernel by itself: it is there, its activations, sizes, threads and choice."""

import dataclasses
import os
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kerasrnn
from kerasrnn import kernels
from kerasrnn.kernels import native
from tests.making import MODES, built, new_layer, random_states
from tests.processes import in_process
from tests.running import Run, run
from tests.test_kernels import assert_same

BACKEND = keras.backend.backend()
NAME = f"{BACKEND}_native"
NATIVE_MODES = [mode for mode in MODES if mode != "gru_reset_before"]
RETURN_ALL = {"return_sequences": True, "return_state": True}


def test_native_kernel_is_built() -> None:
    assert native.IS_BUILT, native.MISSING


def test_instruction_set_is_the_one_asked_for() -> None:
    known = native.native().isas()
    wanted = os.environ.get("KERASRNN_NATIVE_ISA") or known[0]
    assert native.native().isa() == wanted
    assert known[-1] == "baseline"


def activations(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the kernel's sigmoid and tanh."""
    values = np.ascontiguousarray(values)
    sigmoid, tanh = np.empty_like(values), np.empty_like(values)
    at = [array.ctypes.data for array in (values, sigmoid, tanh)]
    native.native().activations(*at, values.size, values.dtype == np.float64)
    return sigmoid, tanh


def worst_error(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest error in units of the last place.

    Below the smallest normal number there are no such units: anything smaller will do.
    """
    smallest = np.finfo(found.dtype).smallest_normal
    tiny = np.abs(expected) < smallest
    assert np.abs(found[tiny]).max(initial=0) <= smallest
    unit = np.spacing(np.abs(expected[~tiny]).astype(found.dtype))
    return float((np.abs(found[~tiny] - expected[~tiny]) / unit).max())


# The largest errors over all floats are those that benchmarks/activations.py prints.
def test_activations_are_exact_to_the_last_places() -> None:
    every = np.arange(0, 2**32, 997, dtype=np.uint64).astype(np.uint32).view(np.float32)
    values = every[np.isfinite(every)]
    sigmoid, tanh = activations(values)
    wide = values.astype(np.longdouble)
    with np.errstate(over="ignore", under="ignore"):
        assert worst_error(sigmoid, 1 / (1 + np.exp(-wide))) < 3
        assert worst_error(tanh, np.tanh(wide)) < 3


def test_activations_in_double_precision() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0, scale, 100_000) for scale in (1e-9, 1e-3, 1, 10, 300)])
    sigmoid, tanh = activations(values)
    wide = values.astype(np.longdouble)
    with np.errstate(over="ignore", under="ignore"):
        assert worst_error(sigmoid, 1 / (1 + np.exp(-wide))) < 3
        assert worst_error(tanh, np.tanh(wide)) < 3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activations_of_infinities_and_nan(dtype: str) -> None:
    values = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 1e30, -1e30], dtype)
    sigmoid, tanh = activations(values)
    np.testing.assert_array_equal(sigmoid, np.array([1, 0, np.nan, 0.5, 0.5, 1, 0], dtype))
    np.testing.assert_array_equal(tanh, np.array([1, -1, np.nan, 0, 0, 1, -1], dtype))


def run_with(
    name: str, mode: str, sizes: tuple[int, int, int, int], mask: Any = None, **options: Any
) -> Run:
    """Run a layer of (batch, time, features, units), its gradients by their place."""
    batch, time, features, units = sizes
    own = {**RETURN_ALL, "dtype": "float64", **options, "implementation": name}
    layer = new_layer(mode, units, **own)
    layer.build((batch, time, features))
    rng = np.random.default_rng(2)
    for variable in layer.trainable_variables:
        variable.assign(rng.normal(0, 1 / np.sqrt(units + features), variable.shape))
    dtype = layer.compute_dtype
    inputs = rng.normal(size=(batch, time, features)).astype(dtype)
    states = [state.astype(dtype) for state in random_states(layer, batch, rng)]
    shapes = layer.compute_output_shape(inputs.shape)
    cotangents = [rng.normal(size=shape).astype(dtype) for shape in shapes]
    kwargs = {} if mask is None else {"mask": keras.ops.convert_to_tensor(mask)}
    found = run(layer, inputs, states, cotangents, **kwargs)
    return dataclasses.replace(
        found, weight_gradients=dict(enumerate(found.weight_gradients.values()))
    )


# Around the widths of vectors and panels, and heights of tiles.
@pytest.mark.parametrize(
    ("batch", "units"), [(1, 15), (5, 16), (7, 17), (13, 65), (13, 1), (1, 130)]
)
@pytest.mark.parametrize("mode", NATIVE_MODES)
def test_odd_sizes(mode: str, batch: int, units: int, runs: list[str]) -> None:
    units += 2 * (mode == "lstm_projected")
    sizes = (batch, 5, 2 * batch + 1, units)
    ours, theirs = (run_with(name, mode, sizes) for name in (NAME, "reference"))
    assert set(runs) == {NAME, "reference"}
    assert_same(ours, theirs, "float64")


@settings(max_examples=25)
@given(
    mode=st.sampled_from(NATIVE_MODES),
    batch=st.integers(1, 14),
    time=st.integers(1, 9),
    features=st.integers(1, 20),
    units=st.integers(3, 40),
    num_layers=st.integers(1, 3),
    bidirectional=st.booleans(),
    use_bias=st.booleans(),
    sequences=st.booleans(),
    masked=st.booleans(),
    every=st.sampled_from([None, None, "sqrt", 1, 4]),
)
def test_any_shape(
    mode: str,
    batch: int,
    time: int,
    features: int,
    units: int,
    masked: bool,
    sequences: bool,
    every: Any,
    **options: Any,
) -> None:
    rng = np.random.default_rng(units)
    mask = rng.random((batch, time)) < 0.6 if masked else None
    options |= {"return_sequences": sequences}
    sizes = (batch, time, features, units)
    ours = run_with(NAME, mode, sizes, mask, **options, checkpoint_every=every)
    theirs = run_with("reference", mode, sizes, mask, **options)
    assert_same(ours, theirs, "float64")


# So large that several threads are worth it; the first parts rows, the second units.
@pytest.mark.parametrize("sizes", [(13, 20, 20, 130), (3, 9, 30, 400)])
@pytest.mark.parametrize("every", [None, 4])
@pytest.mark.parametrize("mode", NATIVE_MODES)
def test_threads_change_no_bit(
    mode: str,
    every: int | None,
    sizes: tuple[int, int, int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(0)
    mask = rng.random(sizes[:2]) < 0.7
    options: dict[str, Any] = {"dtype": "float32", "num_layers": 2, "bidirectional": True}
    options |= {"checkpoint_every": every}
    found = []
    for count in (1, 2, 3):
        use_threads(count, monkeypatch)
        found.append(run_with(NAME, mode, sizes, mask, **options))
    for other in found[1:]:
        for one, same in zip(arrays_of(found[0]), arrays_of(other), strict=True):
            np.testing.assert_array_equal(one, same)


def use_threads(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the kernel use a number of threads, on JAX no more than there are cores."""
    if BACKEND == "jax":
        monkeypatch.setenv("KERASRNN_NATIVE_THREADS", str(count))
        return
    import torch

    monkeypatch.setattr(torch, "get_num_threads", lambda: count)


def arrays_of(found: Run) -> list[np.ndarray]:
    return [
        *found.outputs,
        found.input_gradient,
        *found.state_gradients,
        *found.weight_gradients.values(),
    ]


def test_a_missing_kernel_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels.remembered.cache_clear()
    monkeypatch.setattr(native, "IS_BUILT", False)
    layer = built(kerasrnn.LSTM(4), 3)
    (explanation,) = kerasrnn.explain(layer)
    assert explanation.kernel != NAME
    assert "KERASRNN_NATIVE=require" in explanation.reasons[NAME]
    with pytest.raises(ValueError, match="was not built"):
        built(kerasrnn.LSTM(4, implementation=NAME), 3)(np.zeros((2, 5, 3), "float32"))
    kernels.remembered.cache_clear()


def test_unknown_instruction_set_is_an_error() -> None:
    program = (
        "from kerasrnn.kernels.native import native\n"
        "try: native().isa()\n"
        "except RuntimeError as error: print(error)\n"
    )
    said = in_process(program, KERASRNN_NATIVE_ISA="mmx")
    assert "KERASRNN_NATIVE_ISA must be one of" in said
    assert "Got mmx." in said


# With a product of the framework's own first, so that its threads are there.
THREADS = {
    "torch": """
import os
import torch
import kerasrnn
torch.set_num_threads(2)
x = torch.randn(64, 30, 40)
torch.randn(800, 800) @ torch.randn(800, 800)
before = len(os.listdir("/proc/self/task"))
layer = kerasrnn.LSTM(96, implementation="torch_native")
layer(x).sum().backward()
print(before, len(os.listdir("/proc/self/task")))
""",
    "jax": """
import os
import jax
import jax.numpy as jnp
import kerasrnn
x = jnp.ones((64, 30, 40))
jax.jit(lambda a: a @ a.T)(jnp.ones((800, 800))).block_until_ready()
layer = kerasrnn.LSTM(96, implementation="jax_native")
layer.build(x.shape)
loss = jax.jit(jax.grad(lambda x: layer(x).sum()))
compiled = loss.lower(x).compile()
before = len(os.listdir("/proc/self/task"))
compiled(x).block_until_ready()
print(before, len(os.listdir("/proc/self/task")))
""",
}


def test_kernel_starts_no_threads_of_its_own() -> None:
    before, after = map(int, in_process(THREADS[BACKEND], OMP_NUM_THREADS="2").split())
    assert after <= before
