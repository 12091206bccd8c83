"""A stack in the native kernel, forward and backward, on one flat list of tensors."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from kerasrnn.kernels.call import segment_length
from kerasrnn.kernels.native import MODES, native
from kerasrnn.kernels.torch_bptt_stack import Plan
from kerasrnn.kernels.torch_memory import give, take


def every(plan: Plan, time: int) -> int:
    """Return the number of steps between stored states, 0 where every step is stored."""
    steps = plan.checkpoint_every
    return 0 if steps is None else segment_length(steps, int(time))


@lru_cache(maxsize=1024)
def stack_of(
    plan: Plan, time: int, batch: int, features: int, outputs: int, units: int, steps: int
) -> Any:
    """Return the native description of a stack."""
    return native().Stack(
        MODES.index(plan.mode),
        plan.num_layers,
        plan.num_directions,
        time,
        batch,
        features,
        units,
        outputs if plan.projected else 0,
        plan.use_bias,
        plan.wants_sequence,
        steps,
    )


def native_stack(plan: Plan, tensors: Sequence[Tensor]) -> Any:
    """Return the native description of a run's stack."""
    time, batch, features = tensors[0].shape
    outputs, units = tensors[1].shape[1], tensors[2 if plan.mode == "lstm" else 1].shape[1]
    return stack_of(plan, time, batch, features, outputs, units, every(plan, time))


def forward_stack(
    plan: Plan, tensors: Sequence[Tensor], keep: bool
) -> tuple[list[Tensor], Tensor | None]:
    """Return final states and outputs, and what the backward pass needs."""
    stack, tensors = native_stack(plan, tensors), prepared(plan, tensors)
    inputs, states = tensors[0], tensors[1 : 1 + plan.num_finals]
    results = [torch.empty_like(state) for state in states]
    outputs = None
    if plan.wants_sequence:
        width = plan.num_directions * states[0].shape[1]
        outputs = empty_sequence(inputs, width)
        results.append(outputs)
    single = inputs.dtype == torch.float32
    reserve = None
    if keep:
        reserve = take(inputs, stack.reserve_size() if single else stack.reserve_size_double())
    (stack.forward if single else stack.forward_double)(
        *arrays(plan, tensors),
        array(outputs),
        addresses(results[: plan.num_finals]),
        0 if reserve is None else reserve.data_ptr(),
        torch.get_num_threads(),
    )
    return results, reserve


def backward_stack(
    plan: Plan,
    tensors: Sequence[Tensor],
    results: Sequence[Tensor],
    reserve: Tensor,
    grads: Sequence[Tensor | None],
    needed: Sequence[bool],
) -> list[Tensor | None]:
    """Return the gradients of inputs, states and weights; overwrites and frees the reserve.

    Args:
        plan: The static facts.
        tensors, results: What the forward pass was given and returned.
        reserve: What it kept.
        grads: Gradients of the results, None for zero.
        needed: For each tensor whether its gradient is wanted.
    """
    stack, tensors = native_stack(plan, tensors), prepared(plan, tensors)
    count, last = 1 + plan.num_finals, plan.num_differentiable
    gradients = [
        torch.empty_like(tensor) if wanted else None
        for tensor, wanted in zip(tensors[:last], needed, strict=False)
    ]
    # Kept until the kernel is done with their memory.
    grads = [grad if grad is None else with_unit_stride(grad) for grad in grads]
    final_grads = [None if g is None else g.contiguous() for g in grads[: plan.num_finals]]
    single = tensors[0].dtype == torch.float32
    (stack.backward if single else stack.backward_double)(
        *arrays(plan, tensors),
        array(results[-1] if plan.wants_sequence else None),
        reserve.data_ptr(),
        array(grads[-1] if plan.wants_sequence else None),
        addresses(final_grads),
        array(gradients[0]),
        addresses(gradients[1:count]),
        addresses(gradients[count:]),
        torch.get_num_threads(),
    )
    give(reserve)
    return gradients


def reserve_shape(plan: Plan, tensors: Sequence[Tensor]) -> tuple[Any, ...]:
    """Return the shape of what is kept, with sizes that torch's compiler may not know yet."""
    time, batch, features = tensors[0].shape
    outputs, units = tensors[1].shape[1], tensors[2 if plan.mode == "lstm" else 1].shape[1]

    def size(time: int, stored: int) -> int:
        stack = stack_of(plan, time, 1, int(features), int(outputs), int(units), stored)
        single = tensors[0].dtype == torch.float32
        return stack.reserve_size() if single else stack.reserve_size_double()

    if plan.checkpoint_every is None:
        return (time * batch * size(1, 0),)
    # Some values for each step, and some for each segment.
    steps = size(2, 2) - size(1, 1)
    segments = -(-time // every(plan, time))
    return (batch * (time * steps + segments * (size(1, 1) - steps)),)


def prepared(plan: Plan, tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return the tensors as the kernel reads them, copied where their values lie scattered.

    Raises:
        ValueError: they are not all of one type and on the CPU.
    """
    dtype = tensors[0].dtype
    for tensor in tensors[: plan.num_differentiable]:
        if tensor.dtype != dtype or tensor.device.type != "cpu":
            raise ValueError(
                f"inputs, states and weights must all be {dtype} on the CPU, as the layer was "
                f"made. Got {tensor.dtype} on {tensor.device}; make the layer with another dtype "
                "rather than convert its weights."
            )
    return [with_unit_stride(tensors[0]), *(tensor.contiguous() for tensor in tensors[1:])]


def with_unit_stride(sequence: Tensor) -> Tensor:
    """Return an array whose values lie side by side along its last dimension."""
    return sequence if sequence.stride(-1) == 1 else sequence.contiguous()


def empty_sequence(inputs: Tensor, width: int) -> Tensor:
    """Return (time, batch, width), laid out batch or time first as the inputs are."""
    time, batch, _ = inputs.shape
    if inputs.stride(0) < inputs.stride(1):
        return inputs.new_empty(batch, time, width).transpose(0, 1)
    return inputs.new_empty(time, batch, width)


def arrays(plan: Plan, tensors: Sequence[Tensor]) -> tuple[Any, ...]:
    """Return inputs, mask, states and weights as the kernel takes them."""
    count, last = 1 + plan.num_finals, plan.num_differentiable
    mask = tensors[-1] if plan.masked else None
    return (
        array(tensors[0]),
        array(mask),
        addresses(tensors[1:count]),
        addresses(tensors[count:last]),
    )


def array(tensor: Tensor | None) -> Any:
    """Return a (time, batch, ...) array by its address and strides."""
    if tensor is None:
        return native().Array(0, 0, 0)
    stride = tensor.stride()
    return native().Array(tensor.data_ptr(), stride[0], stride[1])


def addresses(tensors: Iterable[Tensor | None]) -> list[int]:
    """Return where tensors lie, 0 for None."""
    return [0 if tensor is None else tensor.data_ptr() for tensor in tensors]
