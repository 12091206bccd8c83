"""The stack as one opaque operator, for `torch.compile` and `torch.export`.

Tensors stand in the order of `kerasrnn.kernels.torch_bptt_stack.Plan`, which itself
passes as text; results are the final states, the outputs where they are wanted, and
where gradients are recorded what the backward pass needs.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from kerasrnn.kernels.torch_bptt_direction import kept_like
from kerasrnn.kernels.torch_bptt_stack import (
    Plan,
    backward_stack,
    directions,
    forward_stack,
)


@torch.library.custom_op("kerasrnn::bptt", mutates_args=())
def opaque_stack(tensors: list[Tensor], plan: str, keep: bool) -> list[Tensor]:
    """Run a stack forward."""
    results, kept = forward_stack(Plan.from_text(plan), tensors, keep)
    # An operator's results must not share memory.
    return [tensor.clone() for tensor in results] + [tensor for own in kept for tensor in own]


@opaque_stack.register_fake
def _(tensors: list[Tensor], plan: str, keep: bool) -> list[Tensor]:
    parsed = Plan.from_text(plan)
    results = [torch.empty_like(state) for state in tensors[1 : 1 + parsed.num_finals]]
    if parsed.wants_sequence:
        width = parsed.num_directions * results[0].shape[-1]
        results.append(tensors[0].new_empty(*tensors[0].shape[:2], width))
    if keep:
        for direction in directions(parsed, tensors):
            results += kept_like(direction)
    return results


@torch.library.custom_op("kerasrnn::bptt_backward", mutates_args=())
def opaque_backward(
    tensors: list[Tensor],
    kept: list[Tensor],
    grads: list[Tensor],
    given: list[bool],
    plan: str,
    wants_inputs: bool,
) -> list[Tensor]:
    """Run a stack backward; `grads` are those of the results for which `given` holds."""
    parsed, rest = Plan.from_text(plan), iter([tensor.clone() for tensor in kept])
    by_cell = [
        [next(rest) for _ in range(parsed.num_kept(index))] for index in range(parsed.num_cells)
    ]
    known = iter(grads)
    every = [next(known) if there else None for there in given]
    gradients = backward_stack(parsed, tensors, by_cell, every, wants_inputs)
    return [g.contiguous() for g in gradients if g is not None]


@opaque_backward.register_fake
def _(
    tensors: list[Tensor],
    kept: list[Tensor],
    grads: list[Tensor],
    given: list[bool],
    plan: str,
    wants_inputs: bool,
) -> list[Tensor]:
    first = 0 if wants_inputs else 1
    return [t.new_empty(t.shape) for t in tensors[first : Plan.from_text(plan).num_differentiable]]


def setup_context(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    """Save what the backward pass needs."""
    tensors, ctx.plan, _ = inputs
    ctx.count = len(tensors)
    ctx.wants_inputs = tensors[0].requires_grad
    ctx.save_for_backward(*tensors, *output[Plan.from_text(ctx.plan).num_results :])


def backward(ctx: Any, grads: Sequence[Tensor | None]) -> tuple[Any, None, None]:
    """Return the gradients of the tensors; there are none of mask and dropouts."""
    plan = Plan.from_text(ctx.plan)
    tensors, kept = ctx.saved_tensors[: ctx.count], ctx.saved_tensors[ctx.count :]
    known = list(grads[: plan.num_results])
    gradients: list[Tensor | None] = list(
        opaque_backward(
            list(tensors),
            list(kept),
            [grad for grad in known if grad is not None],
            [grad is not None for grad in known],
            ctx.plan,
            ctx.wants_inputs,
        )
    )
    if not ctx.wants_inputs:
        gradients.insert(0, None)
    return gradients + [None] * (ctx.count - len(gradients)), None, None


opaque_stack.register_autograd(backward, setup_context=setup_context)
