"""Check every kernel on an NVIDIA GPU, and time the layers there.

    KERAS_BACKEND=torch python benchmarks/gpu.py --output gpu

holds each kernel's values and gradients against those of the reference kernel, then prints
the table of `kerasrnn bench` with torch.nn on cuDNN, and writes gpu-torch.json and
gpu-torch.md. Run it once for each backend. float32 is computed as such: TF32 is off.
The exit status is 1 where a kernel differs, and 2 where there is no GPU.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

# torch.nn must find memory beside JAX.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import keras
import numpy as np
from rich.console import Console

from kerasrnn import GRU, LSTM, RNN
from kerasrnn.benchmark.cases import all_cases, matching
from kerasrnn.benchmark.contestants import left_out, on_jax, peers
from kerasrnn.benchmark.machine import load, machine, use_threads
from kerasrnn.benchmark.report import markdown_table, ratio_table, worst_cells
from kerasrnn.benchmark.table import Effort, run_cases, summaries
from kerasrnn.benchmark.timing import wall_clock
from kerasrnn.kernels import KERNELS, ORDER

BATCH, TIME, FEATURES, UNITS = 4, 7, 5, 8
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}
MODES: dict[str, tuple[Any, dict[str, Any]]] = {
    "rnn_tanh": (RNN, {}),
    "rnn_relu": (RNN, {"nonlinearity": "relu"}),
    "lstm": (LSTM, {}),
    "lstm_projected": (LSTM, {"proj_size": 3}),
    "gru": (GRU, {}),
    "gru_reset_before": (GRU, {"reset_after": False}),
}
STACK = {"num_layers": 2, "bidirectional": True}
STEPS = np.arange(TIME)
LENGTHS = np.array([TIME, 3, 1, 5])[:, None]
MASKS = {
    "padded right": STEPS < LENGTHS,
    "padded left": STEPS >= TIME - LENGTHS,
    "holes and an empty row": (STEPS % 3 != 1) & (np.arange(BATCH) != 2)[:, None],
}


@dataclass(frozen=True)
class Setup:
    """A set of options, and a mask."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    mask: np.ndarray | None = None


SETUPS = [
    Setup("plain"),
    Setup("stack", STACK),
    Setup("no bias", {"use_bias": False}),
    Setup("recurrent dropout, off", {"recurrent_dropout": 0.5}),
    *(Setup(name, {}, mask) for name, mask in MASKS.items()),
    *(Setup(f"stack, {name}", STACK, mask) for name, mask in MASKS.items()),
]


@dataclass
class Finding:
    """What came of one kernel in one setup: a reason against it, or the largest error."""

    mode: str
    setup: str
    dtype: str
    kernel: str
    refused: str | None = None
    error: float | None = None
    same: bool | None = None


def has_gpu() -> bool:
    """Say whether the backend runs on an NVIDIA GPU."""
    if on_jax():
        import jax

        return jax.default_backend() == "gpu"
    return torch_has_gpu()


def torch_has_gpu() -> bool:
    """Say whether torch is there and runs on an NVIDIA GPU."""
    if "torch.nn" in left_out():
        return False
    import torch

    return torch.cuda.is_available()


def without_tf32() -> None:
    """Have float32 products computed in float32, by all."""
    if on_jax():
        import jax

        jax.config.update("jax_default_matmul_precision", "highest")
    if torch_has_gpu():
        import torch

        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False


def new_layer(mode: str, setup: Setup, dtype: str, kernel: str) -> Any:
    """Make a layer with the same random weights each time."""
    kind, own = MODES[mode]
    layer = kind(
        UNITS,
        **own,
        **setup.options,
        dtype=dtype,
        return_sequences=True,
        return_state=True,
        implementation=kernel,
    )
    layer.build((BATCH, TIME, FEATURES))
    rng = np.random.default_rng(1)
    for variable in layer.trainable_variables:
        variable.assign(rng.normal(0, 0.5, variable.shape).astype(dtype))
    return layer


def values_and_gradients(layer: Any, mask: np.ndarray | None, dtype: str) -> list[np.ndarray]:
    """Return outputs, states, and gradients by inputs, initial states and all weights."""
    rng = np.random.default_rng(2)
    data = [rng.normal(size=(BATCH, TIME, FEATURES))]
    data += [rng.uniform(-1, 1, (BATCH, size)) for size in layer.state_size]
    shapes = [(BATCH, TIME, layer.output_size), *((BATCH, size) for size in layer.state_size)]
    factors = [rng.normal(size=shape).astype(dtype) for shape in shapes]
    run = run_on_jax if on_jax() else run_on_torch
    return run(layer, [array.astype(dtype) for array in data], factors, mask)


def run_on_jax(layer: Any, data: Any, factors: Any, mask: Any) -> list[np.ndarray]:
    """Differentiate the sum of outputs times factors, compiled."""
    import jax

    def loss(weights: Any, data: Any) -> Any:
        state = [variable.value for variable in layer.non_trainable_variables]
        options = {} if mask is None else {"mask": keras.ops.convert_to_tensor(mask)}
        found, _ = layer.stateless_call(
            weights, state, data[0], initial_state=data[1:], training=False, **options
        )
        return sum((o * f).sum() for o, f in zip(found, factors, strict=True)), found

    weights = [variable.value for variable in layer.trainable_variables]
    step = jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))
    (_, found), (by_weights, by_data) = step(weights, [jax.numpy.asarray(d) for d in data])
    return [np.asarray(array) for array in (*found, *by_data, *by_weights)]


def run_on_torch(layer: Any, data: Any, factors: Any, mask: Any) -> list[np.ndarray]:
    """Differentiate the sum of outputs times factors, eagerly."""
    import torch

    tensors = [torch.tensor(array, device="cuda", requires_grad=True) for array in data]
    options = {} if mask is None else {"mask": torch.tensor(mask, device="cuda")}
    found = layer(tensors[0], initial_state=tensors[1:], training=False, **options)
    total = sum(
        (o * torch.tensor(f, device="cuda")).sum() for o, f in zip(found, factors, strict=True)
    )
    wanted = [*tensors, *(variable.value for variable in layer.trainable_variables)]
    gradients = torch.autograd.grad(total, wanted)
    return [tensor.detach().cpu().numpy() for tensor in (*found, *gradients)]


def check(mode: str, setup: Setup, dtype: str) -> Iterator[Finding]:
    """Hold every other kernel against the reference."""
    expected = None
    for name in ORDER[keras.backend.backend()]:
        if name == "reference":
            continue
        finding = Finding(mode, setup.name, dtype, name)
        layer = new_layer(mode, setup, dtype, name)
        call = layer.describe_call(BATCH, TIME, setup.mask is not None, False, True)
        finding.refused = KERNELS[name].why_not(call)
        if finding.refused is None:
            if expected is None:
                reference = new_layer(mode, setup, dtype, "reference")
                expected = values_and_gradients(reference, setup.mask, dtype)
            found = values_and_gradients(layer, setup.mask, dtype)
            finding.error = max(map(relative_error, found, expected))
            finding.same = finding.error <= TOLERANCE[dtype]
        yield finding


def relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest error, relative to the largest value; infinite where one is NaN."""
    error = np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-3)
    return float(error) if np.isfinite(error) else float("inf")


def check_all() -> list[Finding]:
    """Check all modes and setups, and say what was found."""
    if on_jax():
        import jax

        jax.config.update("jax_enable_x64", True)
    findings = [
        finding
        for mode, setup, dtype in product(MODES, SETUPS, TOLERANCE)
        for finding in check(mode, setup, dtype)
    ]
    if on_jax():
        jax.config.update("jax_enable_x64", False)
    for name in dict.fromkeys(finding.kernel for finding in findings):
        own = [finding for finding in findings if finding.kernel == name]
        ran = [finding for finding in own if finding.refused is None]
        print(f"{name}: ran in {len(ran)} of {len(own)} setups")
        for finding in ran:
            if not finding.same:
                print(
                    f"  differs: {finding.mode}, {finding.setup}, {finding.dtype}: "
                    f"{finding.error:.1e}"
                )
        for reason in sorted({str(f.refused) for f in own if f.refused is not None}):
            print(f"  refused: {reason}")
    return findings


def time_all(text: str, seconds: float) -> tuple[list[dict[str, Any]], list[str]]:
    """Time the cases; return them and the peers that took part."""
    without = () if torch_has_gpu() else ("torch.nn",)
    if on_jax():
        clock = wall_clock
    else:
        from kerasrnn.benchmark.torch_clock import cuda_clock

        clock = cuda_clock
    cases = matching(all_cases(), text)
    tell = lambda name: print(name, file=sys.stderr, flush=True)  # noqa: E731
    results = run_cases(cases, Effort(seconds, (3, 31)), tell, "cuda", without, clock)
    return results, [peer for peer in peers() if peer not in {*without, *left_out()}]


def device_name() -> str:
    """Return the name of the GPU."""
    if on_jax():
        import jax

        return str(jax.devices()[0].device_kind)
    import torch

    return str(torch.cuda.get_device_name())


def main() -> None:
    """Check, then time, then write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("gpu"), metavar="DIR")
    parser.add_argument("--cases", default="", help="only cases with this text in their name")
    parser.add_argument("--seconds", type=float, default=240, help="for the timings; 240")
    options = parser.parse_args()
    backend = keras.backend.backend()
    if not has_gpu():
        print(f"gpu.py: no NVIDIA GPU that {backend} can use; nothing was run", file=sys.stderr)
        sys.exit(2)
    without_tf32()
    threads, load_before = use_threads(None), load()
    findings = check_all()
    results, names = time_all(options.cases, options.seconds)
    summary = summaries(results)
    title = f"{backend} on {device_name()}"
    print(title)
    Console(width=150).print(ratio_table(results, summary, names))
    print("\n".join(worst_cells(summary)))
    content = {
        "machine": {**machine(threads, load_before), "device": device_name()},
        "left_out": left_out(),
        "contract": [vars(finding) for finding in findings],
        "cases": results,
        "summary": summary,
    }
    options.output.mkdir(parents=True, exist_ok=True)
    stem = options.output / f"gpu-{backend}"
    stem.with_suffix(".json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    page = f"# {title}\n\n{markdown_table(results, summary, names)}"
    stem.with_suffix(".md").write_text(page, encoding="utf-8")
    if any(finding.same is False for finding in findings):
        sys.exit(1)


if __name__ == "__main__":
    main()
