"""The native kernel on torch's CPU tensors, without a copy: a whole stack in one call."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from kerasrnn.cells import Cell
from kerasrnn.kernels.call import Call
from kerasrnn.kernels.native import why_not_native
from kerasrnn.kernels.stack import Dropouts, weights_of
from kerasrnn.kernels.torch_bptt import new_plan, plan_of
from kerasrnn.kernels.torch_bptt_stack import Plan
from kerasrnn.kernels.torch_native_opaque import opaque_stack
from kerasrnn.kernels.torch_native_stack import backward_stack, forward_stack
from kerasrnn.kernels.torch_once import Once


def why_not(call: Call) -> str | None:
    """Return why this kernel cannot run a call."""
    return why_not_native(call)


def run(
    call: Call,
    cells: Sequence[Sequence[Cell]],
    inputs: Tensor,
    states: Sequence[Tensor],
    mask: Tensor | None,
    dropouts: Dropouts,
) -> tuple[Tensor | None, list[Tensor]]:
    """Run a stack; see `kerasrnn.kernels.stack.run_stack` for shapes.

    Returns:
        Outputs, or None where the sequence is not wanted, and flat final states.
    """
    tensors = [inputs, *states]
    for row in cells:
        for cell in row:
            tensors.extend(weight for weight in weights_of(cell) if weight is not None)
    if mask is not None:
        tensors.append(mask)
    if torch.compiler.is_compiling():
        plan = new_plan(call)
        results = opaque_stack(tensors, plan.to_text(), torch.is_grad_enabled())
    else:
        plan = plan_of(call)
        if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
            results = Stack.apply(plan, *tensors)
        else:
            results = forward_stack(plan, tensors, keep=False)[0]
    count = plan.num_finals
    return (results[count] if plan.wants_sequence else None), list(results[:count])


class Stack(torch.autograd.Function):
    """The stack as one node of the graph; its results are the final states, then outputs."""

    @staticmethod
    def forward(ctx: Any, plan: Plan, *tensors: Tensor) -> tuple[Tensor, ...]:
        results, ctx.reserve = forward_stack(plan, tensors, keep=True)
        ctx.plan = plan
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(*tensors, *results)
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Any, ...]:
        saved = ctx.saved_tensors
        tensors, results = saved[: -len(grads)], saved[-len(grads) :]
        # The backward pass overwrites the reserve; another one computes it again.
        reserve, ctx.reserve = ctx.reserve, None
        with torch.no_grad():
            if reserve is None:
                results, reserve = forward_stack(ctx.plan, tensors, keep=True)
            gradients = backward_stack(
                ctx.plan, tensors, results, reserve, grads, ctx.needs_input_grad[1:]
            )
        if torch.is_grad_enabled():
            gradients = [g if g is None else Once.apply(g, *tensors) for g in gradients]
        return None, *gradients, *([None] * (len(tensors) - len(gradients)))
