"""Steps of the Elman RNN; the equation is in `kerasrnn.cells.RNNCell`."""

from collections.abc import Sequence

import torch
from torch import Tensor

from kerasrnn.kernels.torch_bptt_segment import GradWeights, Segment, Steps
from kerasrnn.kernels.torch_memory import give, take


class RNNSteps(Steps):
    """h' = tanh or relu of (W x + b + U h + c); the hidden states are all that is kept."""

    gates = 1
    num_buffers = 0

    def buffers(self, steps: int, like: Tensor) -> list[Tensor]:
        return []

    def forward(
        self, segment: Segment, buffers: list[Tensor], states: Sequence[Tensor]
    ) -> list[Tensor]:
        hiddens = segment.start(segment.hidden, states[0])
        self.project(segment.inputs, self.both_biases(), segment.after(segment.hidden))
        activate = torch.tanh_ if self.mode == "rnn_tanh" else torch.relu_
        hidden, kernel = hiddens[0], self.weights.recurrent_kernel
        for new, valid in zip(hiddens[1:], segment.masks(), strict=True):
            activate(new.addmm_(self.entering(hidden), kernel))
            if valid is not None:
                torch.where(valid, new, hidden, out=new)
            hidden = new
        return [hidden]

    def grad_gates(self, segment: Segment, buffers: list[Tensor]) -> Tensor:
        return take(segment.hidden, *segment.after(segment.hidden).shape)

    def backward(
        self,
        segment: Segment,
        buffers: list[Tensor],
        grad_gates: Tensor,
        upcoming: Sequence[Tensor | None],
        carried: list[Tensor],
        totals: GradWeights,
    ) -> list[Tensor]:
        after = segment.after(segment.hidden)
        slope = take(after, *after.shape)
        if self.mode == "rnn_tanh":
            torch.mul(after, after, out=slope).neg_().add_(1)
        else:
            torch.gt(after, 0, out=slope)
        if segment.mask is not None:
            slope.mul_(segment.mask)
        (hidden,), spare = carried, torch.empty_like(carried[0])
        for gradient, factor, before, hold in zip(
            segment.backwards(grad_gates),
            segment.backwards(slope),
            upcoming,
            segment.held(),
            strict=True,
        ):
            torch.mul(hidden, factor, out=gradient)
            self.recurrent_gradient(gradient, before, spare)
            if hold is not None:
                spare.addcmul_(hidden, hold)
            hidden, spare = spare, hidden
        give(slope)
        return [hidden]
