"""A stack of layers and directions, forward and backward, on one flat list of tensors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kerasrnn.kernels.stack import Dropouts, Weights
from kerasrnn.kernels.torch_bptt_direction import (
    STEPS,
    Direction,
    backward_direction,
    forward_direction,
    outputs_of,
)


@dataclass(frozen=True)
class Plan:
    """The static facts of a run, and where each tensor stands in one flat list.

    The list holds inputs, initial states, weights, and where they are at work the mask,
    then the factors of input, recurrent and between-layer dropout.
    """

    mode: str
    num_layers: int
    num_directions: int
    use_bias: bool
    projected: bool
    masked: bool
    dropout: bool
    input_dropout: bool
    recurrent_dropout: bool
    wants_sequence: bool
    checkpoint_every: int | str | None

    def to_text(self) -> str:
        """Return the plan as text, for the arguments of an operator."""
        flags = (
            self.use_bias,
            self.projected,
            self.masked,
            self.dropout,
            self.input_dropout,
            self.recurrent_dropout,
            self.wants_sequence,
        )
        numbers = (self.num_layers, self.num_directions, *map(int, flags))
        return " ".join((self.mode, *map(str, numbers), str(self.checkpoint_every)))

    @staticmethod
    def from_text(text: str) -> "Plan":
        """Return the plan that `to_text` wrote."""
        mode, layers, directions, *flags, every = text.split()
        on = [flag == "1" for flag in flags]
        steps = int(every) if every.isdigit() else {"None": None, "sqrt": "sqrt"}[every]
        return Plan(mode, int(layers), int(directions), *on, steps)  # type: ignore[call-arg]

    @property
    def num_cells(self) -> int:
        """Layers times directions."""
        return self.num_layers * self.num_directions

    @property
    def num_states(self) -> int:
        """States of one cell."""
        return 2 if self.mode == "lstm" else 1

    def num_kept(self, index: int) -> int:
        """Return how many tensors are kept of a cell for the backward pass."""
        if self.checkpoint_every is None:
            return 1 + STEPS[self.mode].num_buffers
        inner = index < self.num_cells - self.num_directions
        return self.num_states + (inner or self.wants_sequence)

    def weights(self, tensors: Sequence[Tensor], index: int) -> Weights:
        """Return the weights of a cell."""
        count = 2 + self.use_bias + self.projected
        first = 1 + self.num_cells * self.num_states + index * count
        own = tensors[first : first + count]
        return Weights(
            own[0],
            own[1],
            own[2] if self.use_bias else None,
            own[-1] if self.projected else None,
        )

    def states(self, tensors: Sequence[Tensor], index: int) -> list[Tensor]:
        """Return the initial states of a cell."""
        first = 1 + index * self.num_states
        return list(tensors[first : first + self.num_states])

    @property
    def num_finals(self) -> int:
        """Number of final states."""
        return self.num_cells * self.num_states

    @property
    def num_results(self) -> int:
        """Number of final states, and one for the outputs where they are wanted."""
        return self.num_finals + self.wants_sequence

    @property
    def num_differentiable(self) -> int:
        """Return how many tensors, from the first on, have gradients."""
        return 1 + self.num_cells * (self.num_states + 2 + self.use_bias + self.projected)

    def extras(self, tensors: Sequence[Tensor]) -> tuple[Tensor | None, Dropouts]:
        """Return the mask and the dropout factors."""
        rest = list(tensors[self.num_differentiable :])
        mask = rest.pop(0) if self.masked else None

        def take(at_work: bool, count: int) -> list[Tensor | None]:
            return [rest.pop(0) if at_work else None for _ in range(count)]

        inputs = take(self.input_dropout, self.num_cells)
        recurrent = take(self.recurrent_dropout, self.num_cells)
        return mask, Dropouts(inputs, recurrent, take(self.dropout, self.num_layers - 1))


def forward_stack(
    plan: Plan, tensors: Sequence[Tensor], keep: bool
) -> tuple[list[Tensor], list[list[Tensor]]]:
    """Return final states and outputs, and what the backward pass needs of each cell."""
    mask, dropouts = plan.extras(tensors)
    inputs, final, kept = tensors[0], [], []
    outputs: list[Any] = []
    for depth in range(plan.num_layers):
        if depth:
            inputs = next_inputs(outputs, dropouts, depth)
        outputs = []
        for index in cells_of(plan, depth):
            output, last, own = forward_direction(
                direction_of(plan, tensors, index, inputs, mask, dropouts), keep
            )
            outputs.append(output)
            final.extend(last)
            kept.append(own)
    return ([*final, joined(outputs)] if plan.wants_sequence else final), kept


def backward_stack(
    plan: Plan,
    tensors: Sequence[Tensor],
    kept: list[list[Tensor]],
    grads: Sequence[Tensor | None],
    wants_inputs: bool,
) -> list[Tensor | None]:
    """Return the gradients of inputs, initial states and weights, in the plan's order."""
    mask, dropouts = plan.extras(tensors)
    grad_outputs = grads[plan.num_finals] if plan.wants_sequence else None
    grad_states: list[Tensor | None] = [None] * plan.num_finals
    grad_weights: list[list[Tensor | None]] = [[]] * plan.num_cells
    for depth in reversed(range(plan.num_layers)):
        inputs = inputs_of(plan, tensors, kept, dropouts, depth)
        shares = [None] * plan.num_directions
        if grad_outputs is not None:
            shares = grad_outputs.chunk(plan.num_directions, -1)
        grad_inputs: Tensor | None = None
        for index, share in zip(cells_of(plan, depth), shares, strict=True):
            own = slice(index * plan.num_states, (index + 1) * plan.num_states)
            found, grad_states[own], weights = backward_direction(
                direction_of(plan, tensors, index, inputs, mask, dropouts),
                kept[index],
                share,
                list(grads[own]),
                wants_inputs or depth > 0,
            )
            grad_weights[index] = [grad for grad in weights if grad is not None]
            found = scaled(found, dropouts.inputs[index])
            grad_inputs = found if grad_inputs is None or found is None else grad_inputs + found
        grad_outputs = scaled(grad_inputs, dropouts.between[depth - 1]) if depth else grad_inputs
    return [grad_outputs, *grad_states, *(grad for own in grad_weights for grad in own)]


def inputs_of(
    plan: Plan,
    tensors: Sequence[Tensor],
    kept: list[list[Tensor]],
    dropouts: Dropouts,
    depth: int,
) -> Tensor:
    """Return the inputs of a layer, from what was kept of the one below."""
    if not depth:
        return tensors[0]
    below = [
        outputs_of(kept[index], plan.checkpoint_every is not None, is_reverse(plan, index))
        for index in cells_of(plan, depth - 1)
    ]
    return next_inputs(below, dropouts, depth)


def cells_of(plan: Plan, depth: int) -> range:
    """Return the indices of a layer's cells."""
    return range(depth * plan.num_directions, (depth + 1) * plan.num_directions)


def is_reverse(plan: Plan, index: int) -> bool:
    """Say whether a cell takes the last step first."""
    return index % plan.num_directions == 1


def direction_of(
    plan: Plan,
    tensors: Sequence[Tensor],
    index: int,
    inputs: Tensor,
    mask: Tensor | None,
    dropouts: Dropouts,
) -> Direction:
    """Gather what an engine is told of one cell."""
    factor = dropouts.inputs[index]
    top = index >= plan.num_cells - plan.num_directions
    return Direction(
        plan.mode,
        inputs if factor is None else inputs * factor,
        plan.states(tensors, index),
        plan.weights(tensors, index),
        mask,
        dropouts.recurrent[index],
        is_reverse(plan, index),
        plan.checkpoint_every,
        plan.wants_sequence or not top,
    )


def directions(plan: Plan, tensors: Sequence[Tensor]) -> list[Direction]:
    """Return every direction of a stack, with inputs of the right size and any content."""
    mask, dropouts = plan.extras(tensors)
    inputs, found = tensors[0], []
    for index in range(plan.num_cells):
        if index == plan.num_directions:
            width = plan.num_directions * tensors[1].shape[-1]
            inputs = inputs.new_empty(*inputs.shape[:2], width)
        found.append(direction_of(plan, tensors, index, inputs, mask, dropouts))
    return found


def next_inputs(outputs: Sequence[Tensor], dropouts: Dropouts, depth: int) -> Tensor:
    """Return the inputs of a layer from the outputs of the one below."""
    factor = dropouts.between[depth - 1]
    return joined(outputs) if factor is None else joined(outputs) * factor


def scaled(gradient: Tensor | None, factor: Tensor | None) -> Tensor | None:
    """Return a gradient times a dropout's factor, where there are both."""
    return gradient if gradient is None or factor is None else gradient * factor


def joined(outputs: Sequence[Tensor]) -> Tensor:
    """Join the outputs of a layer's directions."""
    return outputs[0] if len(outputs) == 1 else torch.cat(list(outputs), -1)
