"""How a stack of cells is run, and the one table that decides which way.

A kernel is a module with `why_not(call)`, which reads static facts only, and
`run(call, cells, inputs, states, mask, dropouts)`. All kernels give the same values and
gradients as `reference`.
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from types import ModuleType
from typing import Any

import keras

from kerasrnn.kernels.call import Call
from kerasrnn.kernels.facts import is_compiling, switches

# The first kernel that has no reason against a call runs it.
ORDER: dict[str, tuple[str, ...]] = {
    "torch": ("torch_native", "torch_fused", "torch_bptt", "reference"),
    "jax": ("jax_native", "jax_cudnn", "jax_scan", "reference"),
}
# On Keras's other backends.
FALLBACK: tuple[str, ...] = ("reference",)

NAMES = {name for order in (*ORDER.values(), FALLBACK) for name in order}

# Those of the backend that runs; the others' modules import what may not be installed.
KERNELS: Mapping[str, ModuleType] = {
    name: import_module(f"kerasrnn.kernels.{name}")
    for name in ORDER.get(keras.backend.backend(), FALLBACK)
}


def choose(call: Call, implementation: str = "auto") -> str:
    """Return the name of the kernel that runs a call.

    Args:
        call: The static facts.
        implementation: `"auto"`, or the name of a kernel, which is then used or
            refused, never replaced.

    Raises:
        ValueError: the named kernel is unknown or cannot run the call, or none can.
    """
    # torch's compiler traces functions, and warns of those that remember.
    find = choose_among if is_compiling() else remembered
    return find(call, implementation, os.environ.get("KERASRNN_DISABLE", ""), switches())


def choose_among(call: Call, implementation: str, *_: Any) -> str:
    """Choose as `choose` does; the rest is what a choice that is remembered depends on."""
    reasons = why_not(call)
    if implementation == "auto":
        for name, reason in reasons.items():
            if reason is None:
                return name
        listed = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        raise ValueError(f"No kernel can run this layer. {listed}.")
    if implementation not in reasons:
        raise ValueError(
            f"implementation must be 'auto' or one of {list(reasons)} on the "
            f"{call.backend} backend. Got {implementation!r}."
        )
    reason = reasons[implementation]
    if reason is not None:
        raise ValueError(
            f"implementation={implementation!r} cannot run this layer: {reason}. "
            "Use implementation='auto' to have a kernel chosen."
        )
    return implementation


remembered = lru_cache(choose_among)


def why_not(call: Call) -> dict[str, str | None]:
    """Return each kernel of the backend, in order, with the reason against it."""
    disabled = disabled_kernels()
    return {
        name: "disabled by KERASRNN_DISABLE" if name in disabled else KERNELS[name].why_not(call)
        for name in order(call)
    }


def order(call: Call) -> tuple[str, ...]:
    """Return the kernels of the backend, the fastest for the call first."""
    names = ORDER.get(call.backend, FALLBACK)
    if call.backend == "torch" and call.device == "cpu" and not suits_onednn(call):
        first = ("torch_native", "torch_bptt")
        names = tuple(sorted(names, key=lambda name: name not in first))
    return names


def suits_onednn(call: Call) -> bool:
    """Say whether a call is of the kind for which torch has a fast operator on a CPU."""
    return call.mode == "lstm" and not call.proj_size and call.dtype == "float32"


def disabled_kernels() -> set[str]:
    """Return the kernels that the environment variable KERASRNN_DISABLE takes out.

    Raises:
        ValueError: it names a kernel that does not exist.
    """
    names = {name.strip() for name in os.environ.get("KERASRNN_DISABLE", "").split(",")} - {""}
    if unknown := names - NAMES - set(KERNELS):
        raise ValueError(
            f"KERASRNN_DISABLE names unknown kernels {sorted(unknown)}; there are {sorted(NAMES)}."
        )
    return names
