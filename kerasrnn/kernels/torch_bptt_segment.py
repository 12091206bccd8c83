"""Segments of a sequence, and what the steps of all modes share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from kerasrnn.kernels.stack import Weights


@dataclass
class Segment:
    """Consecutive steps of one layer in one direction.

    Attributes:
        inputs: (steps, batch, features).
        hidden: (steps + 1, batch, output size): the hidden state after each step, and
            the one from which the first step processed starts.
        mask: Boolean (steps, batch, 1), or None.
        reverse: Whether the last step is processed first.
    """

    inputs: Tensor
    hidden: Tensor
    mask: Tensor | None
    reverse: bool

    def part(self, a: int, b: int) -> "Segment":
        """Return the steps from a to b."""
        mask = None if self.mask is None else self.mask[a:b]
        return Segment(self.inputs[a:b], self.hidden[a : b + 1], mask, self.reverse)

    def before(self, states: Tensor) -> Tensor:
        """Return the states (steps, ...) from which the steps start."""
        return states[1:] if self.reverse else states[:-1]

    def after(self, states: Tensor) -> Tensor:
        """Return the states (steps, ...) in which the steps end."""
        return states[:-1] if self.reverse else states[1:]

    def ordered(self, tensor: Tensor) -> Sequence[Tensor]:
        """Return a view of each step, in the order of processing."""
        views = tensor.unbind(0)
        return views[::-1] if self.reverse else views

    def backwards(self, tensor: Tensor) -> Sequence[Tensor]:
        """Return a view of each step, the last one processed first."""
        views = tensor.unbind(0)
        return views if self.reverse else views[::-1]

    def masks(self) -> Sequence[Tensor | None]:
        """Return the mask of each step, in the order of processing."""
        return [None] * len(self.inputs) if self.mask is None else self.ordered(self.mask)

    def held(self) -> Sequence[Tensor | None]:
        """Return where states are carried over, the last step processed first."""
        return [None] * len(self.inputs) if self.mask is None else self.backwards(~self.mask)

    def start(self, states: Tensor, first: Tensor) -> Sequence[Tensor]:
        """Put in the state before the first step, and return a view of each state."""
        views = self.ordered(states)
        views[0].copy_(first)
        return views


class GradWeights:
    """The gradients of a cell's weights, added up over segments in float32 or wider."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.sums: dict[str, Tensor] = {}

    def add(self, name: str, left: Tensor, right: Tensor, columns: slice = slice(None)) -> None:
        """Add the product over all steps of what entered and its gradient."""
        total, rows = self.sum_of(name)[:, columns], flat(left).t()
        if total.dtype == left.dtype:
            total.addmm_(rows, flat(right))
        else:
            total += rows @ flat(right)

    def add_bias(self, row: int, gradient: Tensor, columns: slice = slice(None)) -> None:
        """Add the sum over all steps to a row of the bias, where there is one."""
        if self.weights.bias is not None:
            total = self.sum_of("bias")
            total[row, columns] += flat(gradient).sum(0, dtype=total.dtype)

    def sum_of(self, name: str) -> Tensor:
        """Return the sum so far, at first zero."""
        if name not in self.sums:
            weight = getattr(self.weights, name)
            wide = torch.promote_types(weight.dtype, torch.float32)
            self.sums[name] = torch.zeros_like(weight, dtype=wide)
        return self.sums[name]

    def total(self) -> Weights:
        """Return the gradients, in the type of the weights."""
        found = {name: total.to(self.weights.kernel.dtype) for name, total in self.sums.items()}
        return Weights(*(found.get(name) for name in Weights._fields))


class Steps:
    """The steps of one mode, forward and backward.

    In a backward pass `carried` holds the gradient of the hidden state after the step at
    hand, that by its own output included, and for an LSTM the gradient of the cell state.
    """

    gates: ClassVar[int]
    num_buffers: ClassVar[int]

    def __init__(self, mode: str, weights: Weights, dropout: Tensor | None) -> None:
        self.mode = mode
        self.weights = weights
        self.dropout = dropout
        self.units = weights.kernel.shape[1] // self.gates

    def buffers(self, steps: int, like: Tensor) -> list[Tensor]:
        """Return new memory for a segment, beside its hidden states.

        Args:
            steps: Number of steps.
            like: Any tensor (time, batch, features).
        """
        raise NotImplementedError

    def forward(
        self, segment: Segment, buffers: list[Tensor], states: Sequence[Tensor]
    ) -> list[Tensor]:
        """Fill hidden states and buffers; return views of the final states."""
        raise NotImplementedError

    def grad_gates(self, segment: Segment, buffers: list[Tensor]) -> Tensor:
        """Return the memory for the gates' gradients (steps, batch, gates * units)."""
        return buffers[0]

    def backward(
        self,
        segment: Segment,
        buffers: list[Tensor],
        grad_gates: Tensor,
        upcoming: Sequence[Tensor | None],
        carried: list[Tensor],
        totals: GradWeights,
    ) -> list[Tensor]:
        """Fill the gates' gradients, which may overwrite the buffers.

        Args:
            segment, buffers, grad_gates: Of some steps in a row.
            upcoming: For each step, the last one processed first, the gradient of the
                output before it.
            carried: Gradients of the states after the last of the steps.
            totals: Takes those weight gradients that need what is overwritten.

        Returns:
            Gradients of the states before the first of the steps.
        """
        raise NotImplementedError

    def add_weights(
        self, segment: Segment, buffers: list[Tensor], grad_gates: Tensor, totals: GradWeights
    ) -> None:
        """Add the gradients of recurrent kernel and bias over a segment."""
        entering = self.entering(segment.before(segment.hidden))
        totals.add("recurrent_kernel", entering, grad_gates)
        totals.add_bias(1, grad_gates)

    def project(self, inputs: Tensor, bias: Tensor | None, out: Tensor) -> None:
        """Write the inputs' part of the gates, the bias included."""
        if bias is None:
            torch.mm(flat(inputs), self.weights.kernel, out=flat(out))
        else:
            torch.addmm(bias, flat(inputs), self.weights.kernel, out=flat(out))

    def both_biases(self) -> Tensor | None:
        """Return the sum of the two rows of the bias."""
        return None if self.weights.bias is None else self.weights.bias.sum(0)

    def entering(self, hidden: Tensor) -> Tensor:
        """Return the hidden state as it enters the recurrent product."""
        return hidden if self.dropout is None else hidden * self.dropout

    def recurrent_gradient(self, gradient: Tensor, upcoming: Tensor | None, out: Tensor) -> Tensor:
        """Write what the recurrent product adds to the gradient of the hidden state."""
        kernel = self.weights.recurrent_kernel.t()
        if self.dropout is not None:
            torch.mm(gradient, kernel, out=out).mul_(self.dropout)
            return out if upcoming is None else out.add_(upcoming)
        if upcoming is None:
            return torch.mm(gradient, kernel, out=out)
        return torch.addmm(upcoming, gradient, kernel, out=out)


def flat(tensor: Tensor) -> Tensor:
    """Join all dimensions but the last."""
    return tensor.reshape(-1, tensor.shape[-1])
