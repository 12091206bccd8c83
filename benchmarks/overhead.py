"""Print what surrounds the native kernel in one call of a layer on torch, in microseconds.

KERAS_BACKEND=torch python benchmarks/overhead.py
"""

import time
from collections.abc import Callable
from functools import wraps
from statistics import median
from typing import Any

import torch

import kerasrnn
from kerasrnn.kernels import torch_native

SHAPES = ((1, 49, 1, 16), (32, 50, 8, 32), (128, 24, 7, 64))  # (batch, time, features, units)
CALLS = 1000


def timed(function: Callable[..., Any], times: list[float]) -> Callable[..., Any]:
    """Return the function, noting how long each call takes."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        result = function(*args, **kwargs)
        times.append(time.perf_counter() - start)
        return result

    return call


def row(name: str, whole: list[float], inner: list[float]) -> str:
    """Return medians of the whole, of the kernel, and of what is around it."""
    calls, kernel = (1e6 * median(times) for times in (whole, inner))
    return f"  {name:10s}{calls:10.0f}{kernel:10.0f}{calls - kernel:10.0f}"


def main() -> None:
    """Print a table for each shape."""
    kernels: dict[str, list[float]] = {"forward_stack": [], "backward_stack": []}
    for name, times in kernels.items():
        setattr(torch_native, name, timed(getattr(torch_native, name), times))
    for batch, steps, features, units in SHAPES:
        layer = kerasrnn.LSTM(units, return_sequences=True)
        layer.build((batch, steps, features))
        weights = [variable.value for variable in layer.trainable_variables]
        x, gradient = torch.randn(batch, steps, features), torch.randn(batch, steps, units)
        print(f"LSTM ({batch},{steps},{features},{units})  call    kernel    around")
        whole: list[float] = []
        call = timed(layer, whole)
        kernels["forward_stack"].clear()
        with torch.no_grad():
            for _ in range(CALLS):
                call(x)
        print(row("inference", whole, kernels["forward_stack"]))
        for times in (whole, *kernels.values()):
            times.clear()
        back: list[float] = []
        differentiate = timed(torch.autograd.grad, back)
        for _ in range(CALLS):
            differentiate(call(x), weights, gradient)
        print(row("forward", whole, kernels["forward_stack"]))
        print(row("backward", back, kernels["backward_stack"]))


if __name__ == "__main__":
    main()
