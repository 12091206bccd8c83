"""Backpropagation through time written by hand: every option, any device.

Only the recurrent product and what depends on it stay in the loops over time; the
products with the inputs and the gradients of all weights are one product a segment. The
whole stack is one node of torch's graph, and one opaque operator where torch compiles.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from kerasrnn.cells import Cell
from kerasrnn.kernels.call import Call
from kerasrnn.kernels.stack import Dropouts, weights_of
from kerasrnn.kernels.torch_bptt_opaque import opaque_stack
from kerasrnn.kernels.torch_bptt_stack import Plan, backward_stack, forward_stack
from kerasrnn.kernels.torch_once import Once


def why_not(call: Call) -> str | None:
    """Return why this kernel cannot run a call: it always can."""
    return None


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
    weights = [w for row in cells for cell in row for w in weights_of(cell) if w is not None]
    factors = (*dropouts.inputs, *dropouts.recurrent, *dropouts.between)
    tensors = [
        inputs,
        *states,
        *weights,
        *([] if mask is None else [mask.unsqueeze(-1)]),
        *(factor for factor in factors if factor is not None),
    ]
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


def new_plan(call: Call) -> Plan:
    """Return the plan of a call."""
    return Plan(
        call.mode,
        call.num_layers,
        call.num_directions,
        call.use_bias,
        call.proj_size > 0,
        call.masked,
        call.dropout,
        call.input_dropout,
        call.recurrent_dropout,
        call.return_sequences,
        call.checkpoint_every,
    )


plan_of = lru_cache(new_plan)


class Stack(torch.autograd.Function):
    """The stack as one node of the graph; its results are the final states, then outputs."""

    @staticmethod
    def forward(ctx: Any, plan: Plan, *tensors: Tensor) -> tuple[Tensor, ...]:
        results, ctx.kept = forward_stack(plan, tensors, keep=True)
        ctx.plan = plan
        ctx.set_materialize_grads(False)
        # The outputs share memory with what was kept: torch then notices a change in place.
        ctx.save_for_backward(*tensors, *results)
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Any, ...]:
        tensors = ctx.saved_tensors[: -len(grads)]
        # The backward pass overwrites what was kept; another one computes it again.
        kept, ctx.kept = ctx.kept, None
        with torch.no_grad():
            if kept is None:
                kept = forward_stack(ctx.plan, tensors, keep=True)[1]
            gradients = backward_stack(ctx.plan, tensors, kept, grads, ctx.needs_input_grad[1])
        if torch.is_grad_enabled():
            gradients = [g if g is None else Once.apply(g, *tensors) for g in gradients]
        return None, *gradients, *([None] * (len(tensors) - len(gradients)))
