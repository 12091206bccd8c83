"""Derivatives on whichever backend runs."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import keras

from kerasrnn.types import Tensor

BACKENDS = ("torch", "jax")


def vjp(
    function: Callable[[list[Tensor]], Tensor], inputs: Sequence[Any]
) -> tuple[Tensor, Callable[[Any], list[Tensor]]]:
    """Return a function's value, and what pulls a cotangent of it back to the inputs.

    Raises:
        NotImplementedError: the backend is neither torch nor JAX.
    """
    backend = keras.backend.backend()
    if backend not in BACKENDS:
        raise NotImplementedError(
            f"diagnostics run on {' and '.join(BACKENDS)}. Got {backend}; set KERAS_BACKEND before "
            "keras is imported"
        )
    return import_module(f"kerasrnn.diagnostics.{backend}_autodiff").vjp(function, inputs)
