"""Steps of the LSTM; the equations are in `kerasrnn.cells.LSTMCell`."""

from collections.abc import Sequence

import torch
from torch import Tensor

from kerasrnn.kernels.torch_bptt_segment import GradWeights, Segment, Steps
from kerasrnn.kernels.torch_memory import give, take


class LSTMSteps(Steps):
    """Kept are the activated gates, g apart from the others, and the cell states.

    tanh is several times faster on memory without gaps, so g gets some of its own.
    """

    gates = 4
    num_buffers = 3

    def buffers(self, steps: int, like: Tensor) -> list[Tensor]:
        batch = like.shape[1]
        return [
            take(like, steps, batch, 4 * self.units),
            take(like, steps, batch, self.units),
            take(like, steps + 1, batch, self.units),
        ]

    def forward(
        self, segment: Segment, buffers: list[Tensor], states: Sequence[Tensor]
    ) -> list[Tensor]:
        gates, candidates, cells = buffers
        self.project(segment.inputs, self.both_biases(), gates)
        i, f, g, o = map(segment.ordered, self.split(gates))
        hiddens = segment.start(segment.hidden, states[0])
        cell_states = segment.start(cells, states[1])
        hidden, cell, squashed = hiddens[0], cell_states[0], torch.empty_like(cell_states[0])
        kernel, projection = self.weights.recurrent_kernel, self.weights.projection_kernel
        for gate, i_f, i_t, f_t, g_t, o_t, candidate, new_hidden, new_cell, valid in zip(
            segment.ordered(gates),
            segment.ordered(gates[..., : 2 * self.units]),
            i,
            f,
            g,
            o,
            segment.ordered(candidates),
            hiddens[1:],
            cell_states[1:],
            segment.masks(),
            strict=True,
        ):
            gate.addmm_(self.entering(hidden), kernel)
            i_f.sigmoid_()
            o_t.sigmoid_()
            candidate.copy_(g_t).tanh_()
            torch.mul(f_t, cell, out=new_cell).addcmul_(i_t, candidate)
            if valid is not None:
                torch.where(valid, new_cell, cell, out=new_cell)
            torch.tanh(new_cell, out=squashed)
            if projection is None:
                torch.mul(o_t, squashed, out=new_hidden)
            else:
                torch.mm(squashed.mul_(o_t), projection, out=new_hidden)
            if valid is not None:
                torch.where(valid, new_hidden, hidden, out=new_hidden)
            hidden, cell = new_hidden, new_cell
        return [hidden, cell]

    def backward(
        self,
        segment: Segment,
        buffers: list[Tensor],
        grad_gates: Tensor,
        upcoming: Sequence[Tensor | None],
        carried: list[Tensor],
        totals: GradWeights,
    ) -> list[Tensor]:
        hidden_slope, slopes, keep, unprojected = self.slopes(segment, *buffers)
        by_gate = grad_gates.view(*grad_gates.shape[:2], 4, self.units)
        hidden, cell = carried
        spare_hidden, spare_cell = torch.empty_like(hidden), torch.empty_like(cell)
        projection = self.weights.projection_kernel
        grad_hidden = (
            torch.empty_like(segment.after(segment.hidden)) if projection is not None else None
        )
        whole = torch.empty_like(cell)
        for gradient, i_f_g, o_t, slope, o_slope, through, keep_t, before, hold, own in zip(
            segment.backwards(grad_gates),
            segment.backwards(by_gate[:, :, :3]),
            segment.backwards(by_gate[:, :, 3]),
            segment.backwards(slopes[:, :, :3]),
            segment.backwards(slopes[:, :, 3]),
            segment.backwards(hidden_slope),
            segment.backwards(keep),
            upcoming,
            segment.held(),
            [None] * len(grad_gates) if grad_hidden is None else segment.backwards(grad_hidden),
            strict=True,
        ):
            grad = hidden
            if own is not None and projection is not None:
                own.copy_(hidden) if hold is None else torch.mul(hidden, ~hold, out=own)
                grad = torch.mm(own, projection.t(), out=whole)
            cell.addcmul_(grad, through)
            torch.mul(cell, keep_t, out=spare_cell)
            torch.mul(cell.unsqueeze(1), slope, out=i_f_g)
            torch.mul(grad, o_slope, out=o_t)
            self.recurrent_gradient(gradient, before, spare_hidden)
            if hold is not None:
                spare_hidden.addcmul_(hidden, hold)
            hidden, spare_hidden = spare_hidden, hidden
            cell, spare_cell = spare_cell, cell
        if grad_hidden is not None:
            totals.add("projection_kernel", unprojected, grad_hidden)
        give(hidden_slope, slopes, unprojected)
        return [hidden, cell]

    def slopes(
        self, segment: Segment, gates: Tensor, g: Tensor, cells: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the local derivatives of some steps, zero where they are masked.

        Returns:
            That of the unprojected hidden state by the cell state (steps, batch, units);
            those of the cell state by i, f, g and of the hidden state by o, each before
            its activation (steps, batch, 4, units); that of the cell state by the one
            before, and the unprojected hidden state, both (steps, batch, units).
        """
        i, f, _, o = self.split(gates)
        slopes = take(gates, *gates.shape[:2], 4, self.units)
        by_i, by_f, by_g, by_o = slopes.unbind(2)
        squashed = torch.tanh(segment.after(cells), out=take(cells, *g.shape))
        unprojected = torch.mul(o, squashed, out=take(cells, *g.shape))
        hidden_slope = squashed.mul_(unprojected).neg_().add_(o)  # o (1 - tanh^2)
        torch.addcmul(unprojected, unprojected, o, value=-1, out=by_o)
        torch.mul(i, g, out=by_i)
        torch.addcmul(i, by_i, g, value=-1, out=by_g)
        by_i.addcmul_(by_i, i, value=-1)
        torch.mul(f, segment.before(cells), out=by_f)
        by_f.addcmul_(by_f, f, value=-1)
        if segment.mask is not None:
            slopes.mul_(segment.mask.unsqueeze(-1))
            hidden_slope.mul_(segment.mask)
            f = f.masked_fill(~segment.mask, 1)
        return hidden_slope, slopes, f, unprojected

    def split(self, gates: Tensor) -> tuple[Tensor, ...]:
        """Return views of i, f, g and o."""
        return gates.view(*gates.shape[:2], 4, self.units).unbind(2)
