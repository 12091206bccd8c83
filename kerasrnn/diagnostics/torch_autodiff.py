"""Vector-Jacobian products on torch."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from kerasrnn.types import Tensor


def vjp(
    function: Callable[[list[Tensor]], Tensor], inputs: Sequence[Any]
) -> tuple[Tensor, Callable[[Any], list[Tensor]]]:
    """Return a function's value, and what pulls a cotangent of it back to the inputs."""
    leaves = [torch.as_tensor(one).detach().requires_grad_() for one in inputs]
    with torch.enable_grad():
        value = function(leaves)

    def pull(cotangent: Any) -> list[Tensor]:
        return list(
            torch.autograd.grad(
                value, leaves, torch.as_tensor(cotangent).to(value), materialize_grads=True
            )
        )

    return value, pull
