"""Steps of the GRU; the equations are in `kerasrnn.cells.GRUCell`."""

from collections.abc import Sequence

import torch
from torch import Tensor

from kerasrnn.kernels.stack import Weights
from kerasrnn.kernels.torch_bptt_segment import GradWeights, Segment, Steps
from kerasrnn.kernels.torch_memory import give, take


class AnyGRUSteps(Steps):
    """What both places of the reset gate share.

    tanh is several times faster on memory without gaps, so n gets some of its own.
    """

    gates = 3

    def __init__(self, mode: str, weights: Weights, dropout: Tensor | None) -> None:
        super().__init__(mode, weights, dropout)
        self.kernel_zr = weights.recurrent_kernel[:, : 2 * self.units]
        self.kernel_n = weights.recurrent_kernel[:, 2 * self.units :]

    def split(self, gates: Tensor) -> tuple[Tensor, ...]:
        """Return views of z, r and n."""
        return gates.view(*gates.shape[:2], 3, self.units).unbind(2)

    def slopes(self, segment: Segment, gates: Tensor, n: Tensor) -> tuple[Tensor, Tensor]:
        """Return the local derivatives of some steps, zero where they are masked.

        Returns:
            Those of the hidden state by z and n before their activations, at 0 and 2 of
            (steps, batch, 3, units), with r (1 - r) between; and the part of the old
            hidden state that is kept (steps, batch, units).
        """
        z, r, _ = self.split(gates)
        slopes = take(gates, *gates.shape[:2], 3, self.units)
        by_z, by_r, by_n = slopes.unbind(2)
        torch.addcmul(r, r, r, value=-1, out=by_r)
        new = torch.sub(1, z, out=take(n, *n.shape))
        torch.sub(segment.before(segment.hidden), n, out=by_z).mul_(z).mul_(new)
        torch.mul(new, n, out=by_n)
        torch.addcmul(new, by_n, n, value=-1, out=by_n)
        give(new)
        if segment.mask is not None:
            slopes.mul_(segment.mask.unsqueeze(-1))
            z = z.masked_fill(~segment.mask, 1)
        return slopes, z


class GRUSteps(AnyGRUSteps):
    """Reset after the recurrent product; kept are the gates and the product of n."""

    num_buffers = 3

    def buffers(self, steps: int, like: Tensor) -> list[Tensor]:
        batch = like.shape[1]
        return [
            take(like, steps, batch, 3 * self.units),
            take(like, steps, batch, self.units),
            take(like, steps, batch, self.units),
        ]

    def forward(
        self, segment: Segment, buffers: list[Tensor], states: Sequence[Tensor]
    ) -> list[Tensor]:
        gates, candidates, products = buffers
        input_bias, bias_n = self.biases()
        self.project(segment.inputs, input_bias, gates)
        hiddens = segment.start(segment.hidden, states[0])
        hidden = hiddens[0]
        for zr, z, r, n, candidate, product, new, valid in zip(
            segment.ordered(gates[..., : 2 * self.units]),
            *map(segment.ordered, self.split(gates)),
            segment.ordered(candidates),
            segment.ordered(products),
            hiddens[1:],
            segment.masks(),
            strict=True,
        ):
            entering = self.entering(hidden)
            zr.addmm_(entering, self.kernel_zr).sigmoid_()
            if bias_n is None:
                torch.mm(entering, self.kernel_n, out=product)
            else:
                torch.addmm(bias_n, entering, self.kernel_n, out=product)
            torch.addcmul(n, r, product, out=candidate).tanh_()
            torch.lerp(candidate, hidden, z, out=new)
            if valid is not None:
                torch.where(valid, new, hidden, out=new)
            hidden = new
        return [hidden]

    def biases(self) -> tuple[Tensor | None, Tensor | None]:
        """Return the bias of the gates, and the one inside the product of n."""
        bias = self.weights.bias
        if bias is None:
            return None, None
        first = bias[0].clone()
        first[: 2 * self.units] += bias[1, : 2 * self.units]
        return first, bias[1, 2 * self.units :]

    def backward(
        self,
        segment: Segment,
        buffers: list[Tensor],
        grad_gates: Tensor,
        upcoming: Sequence[Tensor | None],
        carried: list[Tensor],
        totals: GradWeights,
    ) -> list[Tensor]:
        gates, candidates, products = buffers
        slopes, keep = self.slopes(segment, gates, candidates)
        slopes[:, :, 1].mul_(products)
        by_gate = grad_gates.view(*grad_gates.shape[:2], 3, self.units)
        (hidden,), spare = carried, torch.empty_like(carried[0])
        through = torch.empty_like(hidden)
        kernel_zr, kernel_n = self.kernel_zr.t(), self.kernel_n.t()
        for zr, z_n, r, n, product, slope_z_n, slope_r, keep_t, before in zip(
            segment.backwards(grad_gates[..., : 2 * self.units]),
            segment.backwards(by_gate[:, :, ::2]),
            segment.backwards(by_gate[:, :, 1]),
            segment.backwards(by_gate[:, :, 2]),
            segment.backwards(products),
            segment.backwards(slopes[:, :, ::2]),
            segment.backwards(slopes[:, :, 1]),
            segment.backwards(keep),
            upcoming,
            strict=True,
        ):
            if before is None:
                torch.mul(hidden, keep_t, out=spare)
            else:
                torch.addcmul(before, hidden, keep_t, out=spare)
            torch.mul(hidden.unsqueeze(1), slope_z_n, out=z_n)
            torch.mul(n, r, out=product)
            torch.mul(n, slope_r, out=r)
            if self.dropout is None:
                spare.addmm_(zr, kernel_zr).addmm_(product, kernel_n)
            else:
                torch.mm(zr, kernel_zr, out=through).addmm_(product, kernel_n)
                spare.addcmul_(through, self.dropout)
            hidden, spare = spare, hidden
        give(slopes)
        return [hidden]

    def add_weights(
        self, segment: Segment, buffers: list[Tensor], grad_gates: Tensor, totals: GradWeights
    ) -> None:
        entering = self.entering(segment.before(segment.hidden))
        zr, n = slice(2 * self.units), slice(2 * self.units, None)
        totals.add("recurrent_kernel", entering, grad_gates[..., zr], zr)
        totals.add("recurrent_kernel", entering, buffers[2], n)
        totals.add_bias(1, grad_gates[..., zr], zr)
        totals.add_bias(1, buffers[2], n)


class ResetBeforeSteps(AnyGRUSteps):
    """Reset before the recurrent product; kept are the gates."""

    num_buffers = 2

    def buffers(self, steps: int, like: Tensor) -> list[Tensor]:
        batch = like.shape[1]
        return [
            take(like, steps, batch, 3 * self.units),
            take(like, steps, batch, self.units),
        ]

    def forward(
        self, segment: Segment, buffers: list[Tensor], states: Sequence[Tensor]
    ) -> list[Tensor]:
        gates, candidates = buffers
        self.project(segment.inputs, self.both_biases(), gates)
        hiddens = segment.start(segment.hidden, states[0])
        hidden, reset = hiddens[0], torch.empty_like(hiddens[0])
        for zr, z, r, n, candidate, new, valid in zip(
            segment.ordered(gates[..., : 2 * self.units]),
            *map(segment.ordered, self.split(gates)),
            segment.ordered(candidates),
            hiddens[1:],
            segment.masks(),
            strict=True,
        ):
            entering = self.entering(hidden)
            zr.addmm_(entering, self.kernel_zr).sigmoid_()
            torch.mul(r, entering, out=reset)
            torch.addmm(n, reset, self.kernel_n, out=candidate).tanh_()
            torch.lerp(candidate, hidden, z, out=new)
            if valid is not None:
                torch.where(valid, new, hidden, out=new)
            hidden = new
        return [hidden]

    def backward(
        self,
        segment: Segment,
        buffers: list[Tensor],
        grad_gates: Tensor,
        upcoming: Sequence[Tensor | None],
        carried: list[Tensor],
        totals: GradWeights,
    ) -> list[Tensor]:
        gates, candidates = buffers
        slopes, keep = self.slopes(segment, gates, candidates)
        entering = self.entering(segment.before(segment.hidden))
        slopes[:, :, 1].mul_(entering)
        _, reset, _ = self.split(gates)
        resets = torch.mul(reset, entering, out=take(entering, *entering.shape))
        by_gate = grad_gates.view(*grad_gates.shape[:2], 3, self.units)
        (hidden,), spare = carried, torch.empty_like(carried[0])
        by_reset, through = torch.empty_like(hidden), torch.empty_like(hidden)
        kernel_zr, kernel_n = self.kernel_zr.t(), self.kernel_n.t()
        for zr, z_n, r, n, slope_z_n, slope_r, keep_t, before in zip(
            segment.backwards(grad_gates[..., : 2 * self.units]),
            segment.backwards(by_gate[:, :, ::2]),
            segment.backwards(by_gate[:, :, 1]),
            segment.backwards(by_gate[:, :, 2]),
            segment.backwards(slopes[:, :, ::2]),
            segment.backwards(slopes[:, :, 1]),
            segment.backwards(keep),
            upcoming,
            strict=True,
        ):
            if before is None:
                torch.mul(hidden, keep_t, out=spare)
            else:
                torch.addcmul(before, hidden, keep_t, out=spare)
            torch.mul(hidden.unsqueeze(1), slope_z_n, out=z_n)
            torch.mm(n, kernel_n, out=by_reset)
            torch.mul(by_reset, r, out=through)
            torch.mul(by_reset, slope_r, out=r)
            if self.dropout is None:
                spare.add_(through).addmm_(zr, kernel_zr)
            else:
                spare.addcmul_(through.addmm_(zr, kernel_zr), self.dropout)
            hidden, spare = spare, hidden
        n = slice(2 * self.units, None)
        totals.add("recurrent_kernel", resets, grad_gates[..., n], n)
        give(slopes, resets)
        return [hidden]

    def add_weights(
        self, segment: Segment, buffers: list[Tensor], grad_gates: Tensor, totals: GradWeights
    ) -> None:
        entering = self.entering(segment.before(segment.hidden))
        zr = slice(2 * self.units)
        totals.add("recurrent_kernel", entering, grad_gates[..., zr], zr)
        totals.add_bias(1, grad_gates)
