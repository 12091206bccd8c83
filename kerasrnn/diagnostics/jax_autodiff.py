"""Vector-Jacobian products on JAX."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax import numpy as jnp

from kerasrnn.types import Tensor


def vjp(
    function: Callable[[list[Tensor]], Tensor], inputs: Sequence[Any]
) -> tuple[Tensor, Callable[[Any], list[Tensor]]]:
    """Return a function's value, and what pulls a cotangent of it back to the inputs."""
    value, pull_all = jax.vjp(function, [jnp.asarray(one) for one in inputs])

    def pull(cotangent: Any) -> list[Tensor]:
        (gradients,) = pull_all(jnp.asarray(cotangent, value.dtype))
        return list(gradients)

    return value, pull
