"""Gradients that a kernel writes out by hand and that cannot be differentiated again."""

from typing import Any

import torch
from torch import Tensor

TWICE = (
    "the gradient of this layer cannot be differentiated again: its kernel writes it out by "
    "hand. Make the layer with implementation='reference'."
)


class Once(torch.autograd.Function):
    """Let a gradient through, and refuse to be differentiated."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, *_: Tensor) -> Tensor:  # noqa: ARG004
        return gradient.view_as(gradient)

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> Any:  # noqa: ARG004
        raise RuntimeError(TWICE)
