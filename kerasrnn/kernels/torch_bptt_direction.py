"""One layer in one direction, segment by segment.

Kept for the backward pass are every hidden state and the buffers of the steps; with
checkpoints only the states from which each segment starts, and the hidden states where
they are outputs.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from kerasrnn.kernels.call import segment_length
from kerasrnn.kernels.stack import Weights
from kerasrnn.kernels.torch_bptt_gru import GRUSteps, ResetBeforeSteps
from kerasrnn.kernels.torch_bptt_lstm import LSTMSteps
from kerasrnn.kernels.torch_bptt_rnn import RNNSteps
from kerasrnn.kernels.torch_bptt_segment import GradWeights, Segment, Steps, flat
from kerasrnn.kernels.torch_memory import give, take

STEPS: dict[str, type[Steps]] = {
    "rnn_tanh": RNNSteps,
    "rnn_relu": RNNSteps,
    "lstm": LSTMSteps,
    "gru": GRUSteps,
    "gru_reset_before": ResetBeforeSteps,
}
# What lasts for some steps only is made for so many that it stays in the cache.
CACHED_VALUES = 1 << 18


@dataclass
class Direction:
    """One layer in one direction.

    Attributes:
        mode: See `kerasrnn.kernels.call.Call`.
        inputs: (time, batch, features).
        states: Initial states, hidden before cell, each (batch, size).
        weights: The cell's weights.
        mask: Boolean (time, batch, 1), or None.
        dropout: Factors of the recurrent dropout (batch, output size), or None.
        reverse: Whether the last step comes first.
        checkpoint_every: Steps from one stored state to the next, or "sqrt"; None to
            store every step.
        wants_sequence: Whether the outputs of all steps are wanted.
    """

    mode: str
    inputs: Tensor
    states: list[Tensor]
    weights: Weights
    mask: Tensor | None
    dropout: Tensor | None
    reverse: bool
    checkpoint_every: int | str | None
    wants_sequence: bool


def forward_direction(
    direction: Direction, keep: bool
) -> tuple[Tensor | None, list[Tensor], list[Tensor]]:
    """Return outputs, final states and what the backward pass needs."""
    steps, time = steps_of(direction), direction.inputs.shape[0]
    checkpoints = keep and direction.checkpoint_every is not None
    length = segment_length(direction.checkpoint_every, time)
    length = length if keep else min(length, cached_steps(direction))
    whole = direction.wants_sequence or (keep and not checkpoints)
    hidden = new_hidden(direction, time if whole else length)
    buffers = steps.buffers(length, direction.inputs)
    states, starts = direction.states, []
    for a, b in segments(time, length, direction.reverse):
        segment = cut(direction, a, b, hidden[a : b + 1] if whole else hidden[: b - a + 1])
        if checkpoints:
            starts.append([state.clone() for state in states])
        states = steps.forward(segment, parts(buffers, length, 0, b - a), states)
    kept = []
    if checkpoints:
        kept = [torch.stack(rows) for rows in zip(*starts, strict=True)]
        kept += [hidden] if whole else []
    elif keep:
        kept = [hidden, *buffers]
    final = [state.clone() for state in states]
    if not keep or checkpoints:
        give(*buffers, *([] if whole else [hidden]))
    outputs = outputs_in(hidden, direction.reverse) if direction.wants_sequence else None
    return outputs, final, kept


def kept_like(direction: Direction) -> list[Tensor]:
    """Return tensors of the sizes and types of what `forward` keeps."""
    time = direction.inputs.shape[0]
    if direction.checkpoint_every is None:
        buffers = steps_of(direction).buffers(time, direction.inputs)
        return [new_hidden(direction, time), *buffers]
    count = len(segments(int(time), segment_length(direction.checkpoint_every, int(time)), False))
    kept = [state.new_empty(count, *state.shape) for state in direction.states]
    return kept + ([new_hidden(direction, time)] if direction.wants_sequence else [])


def outputs_of(kept: list[Tensor], checkpoints: bool, reverse: bool) -> Tensor:
    """Return the outputs from what was kept."""
    return outputs_in(kept[-1 if checkpoints else 0], reverse)


def backward_direction(
    direction: Direction,
    kept: list[Tensor],
    grad_outputs: Tensor | None,
    grad_states: list[Tensor | None],
    wants_inputs: bool,
) -> tuple[Tensor | None, list[Tensor], Weights]:
    """Return the gradients of inputs, initial states and weights."""
    steps, time = steps_of(direction), direction.inputs.shape[0]
    checkpoints = direction.checkpoint_every is not None
    length = segment_length(direction.checkpoint_every, time)
    hidden, buffers = kept[0], kept[1:]
    if checkpoints:
        hidden = new_hidden(direction, length)
        buffers = steps.buffers(length, direction.inputs)
    grad_inputs = (
        torch.empty_like(direction.inputs, memory_format=torch.contiguous_format)
        if wants_inputs
        else None
    )
    totals = GradWeights(direction.weights)
    outputs = gradients_upcoming(grad_outputs, time, direction.reverse)
    carried = first_carried(direction, next(outputs), grad_states)
    for index, (a, b) in reversed(list(enumerate(segments(time, length, direction.reverse)))):
        segment = cut(direction, a, b, hidden[: b - a + 1])
        own = parts(buffers, length, 0, b - a)
        if checkpoints:
            steps.forward(segment, own, [rows[index] for rows in kept[: len(carried)]])
        gates = steps.grad_gates(segment, own)
        # A quarter at most, so that a short sequence needs little memory too.
        cached = min(-(-(b - a) // 4), cached_steps(direction))
        for c, d in reversed(segments(b - a, cached, direction.reverse)):
            upcoming = [next(outputs) for _ in range(d - c)]
            carried = steps.backward(
                segment.part(c, d), parts(own, b - a, c, d), gates[c:d], upcoming, carried, totals
            )
        steps.add_weights(segment, own, gates, totals)
        totals.add("kernel", segment.inputs, gates)
        totals.add_bias(0, gates)
        if grad_inputs is not None:
            torch.mm(flat(gates), direction.weights.kernel.t(), out=flat(grad_inputs[a:b]))
        if not buffers:
            give(gates)
    give(*buffers, *([] if direction.wants_sequence and not checkpoints else [hidden]))
    return grad_inputs, carried, totals.total()


def steps_of(direction: Direction) -> Steps:
    """Return the steps of the direction's mode."""
    return STEPS[direction.mode](direction.mode, direction.weights, direction.dropout)


def cached_steps(direction: Direction) -> int:
    """Return how many steps' gates stay in the cache."""
    values = direction.inputs.shape[1] * direction.weights.kernel.shape[1]
    return max(1, CACHED_VALUES // max(1, values))


def segments(time: int, length: int, reverse: bool) -> list[tuple[int, int]]:
    """Return first step and end of each segment, in the order of processing."""
    found = [(a, min(a + length, time)) for a in range(0, time, length)]
    return found[::-1] if reverse else found


def cut(direction: Direction, a: int, b: int, hidden: Tensor) -> Segment:
    """Return the segment from step a to b."""
    mask = None if direction.mask is None else direction.mask[a:b]
    return Segment(direction.inputs[a:b], hidden, mask, direction.reverse)


def parts(buffers: list[Tensor], steps: int, a: int, b: int) -> list[Tensor]:
    """Return the part of each buffer from step a to b; some hold one state more than steps."""
    return [buffer[a : b + len(buffer) - steps] for buffer in buffers]


def new_hidden(direction: Direction, steps: int) -> Tensor:
    """Return memory for the hidden states of so many steps, and the one before them."""
    return take(direction.inputs, steps + 1, *direction.states[0].shape)


def outputs_in(hidden: Tensor, reverse: bool) -> Tensor:
    """Return the hidden states without the initial one."""
    return hidden[:-1] if reverse else hidden[1:]


def gradients_upcoming(
    grad_outputs: Tensor | None, time: int, reverse: bool
) -> Iterator[Tensor | None]:
    """Return the gradient of each step's output, the last one processed first, and None."""
    if grad_outputs is None:
        return iter([None] * (time + 1))
    views = grad_outputs.unbind(0)
    return iter([*(views if reverse else views[::-1]), None])


def first_carried(
    direction: Direction, last: Tensor | None, grads: list[Tensor | None]
) -> list[Tensor]:
    """Return the gradients of the states after the last step, its output's included."""
    carried = [
        torch.zeros_like(state) if grad is None else grad.clone()
        for grad, state in zip(grads, direction.states, strict=True)
    ]
    if last is not None:
        carried[0] += last
    return carried
