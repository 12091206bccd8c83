"""The native stack as one opaque operator, for `torch.compile` and `torch.export`.

Tensors stand in the order of `kerasrnn.kernels.torch_bptt_stack.Plan`, which itself
passes as text; results are the final states, the outputs where they are wanted, and
where gradients are recorded what the backward pass needs.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from kerasrnn.kernels.torch_bptt_stack import Plan
from kerasrnn.kernels.torch_native_stack import (
    backward_stack,
    empty_sequence,
    forward_stack,
    prepared,
    reserve_shape,
)


@torch.library.custom_op("kerasrnn::native", mutates_args=())
def opaque_stack(tensors: list[Tensor], plan: str, keep: bool) -> list[Tensor]:
    """Run a stack forward."""
    results, reserve = forward_stack(Plan.from_text(plan), tensors, keep)
    return results if reserve is None else [*results, reserve]


@opaque_stack.register_fake
def _(tensors: list[Tensor], plan: str, keep: bool) -> list[Tensor]:
    parsed = Plan.from_text(plan)
    tensors = prepared(parsed, tensors)
    results = [torch.empty_like(state) for state in tensors[1 : 1 + parsed.num_finals]]
    if parsed.wants_sequence:
        results.append(empty_sequence(tensors[0], parsed.num_directions * results[0].shape[-1]))
    if keep:
        results.append(tensors[0].new_empty(reserve_shape(parsed, tensors)))
    return results


@torch.library.custom_op("kerasrnn::native_backward", mutates_args=())
def opaque_backward(
    tensors: list[Tensor],
    results: list[Tensor],
    reserve: Tensor,
    grads: list[Tensor],
    given: list[bool],
    needed: list[bool],
    plan: str,
) -> list[Tensor]:
    """Run a stack backward; `grads` are those of the results for which `given` holds."""
    known = iter(grads)
    every = [next(known) if there else None for there in given]
    # An operator must not write to what it is given.
    gradients = backward_stack(
        Plan.from_text(plan), tensors, results, reserve.clone(), every, needed
    )
    return [gradient for gradient in gradients if gradient is not None]


@opaque_backward.register_fake
def _(
    tensors: list[Tensor],
    results: list[Tensor],
    reserve: Tensor,
    grads: list[Tensor],
    given: list[bool],
    needed: list[bool],
    plan: str,
) -> list[Tensor]:
    parsed = Plan.from_text(plan)
    last, tensors = parsed.num_differentiable, prepared(parsed, tensors)
    pairs = zip(tensors[:last], needed, strict=False)
    return [torch.empty_like(tensor) for tensor, wanted in pairs if wanted]


def setup_context(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    """Save what the backward pass needs."""
    tensors, ctx.plan, _ = inputs
    ctx.count = len(tensors)
    ctx.needed = [tensor.requires_grad for tensor in tensors]
    ctx.save_for_backward(*tensors, *output)


def backward(ctx: Any, grads: Sequence[Tensor | None]) -> tuple[Any, None, None]:
    """Return the gradients of the tensors; there is none of the mask."""
    plan = Plan.from_text(ctx.plan)
    tensors, kept = ctx.saved_tensors[: ctx.count], ctx.saved_tensors[ctx.count :]
    known = list(grads[: plan.num_results])
    found = iter(
        opaque_backward(
            list(tensors),
            list(kept[:-1]),
            kept[-1],
            [grad for grad in known if grad is not None],
            [grad is not None for grad in known],
            ctx.needed,
            ctx.plan,
        )
    )
    needed = ctx.needed[: plan.num_differentiable]
    gradients = [next(found) if wanted else None for wanted in needed]
    return gradients + [None] * (ctx.count - len(gradients)), None, None


opaque_stack.register_autograd(backward, setup_context=setup_context)
