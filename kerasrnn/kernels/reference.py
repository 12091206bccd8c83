"""The cells' own equations in a scan: any backend, any option, differentiable twice.

Every faster kernel is held against this one.
"""

from collections.abc import Sequence

from keras import ops

from kerasrnn.cells import Cell
from kerasrnn.kernels.call import Call
from kerasrnn.kernels.stack import Dropouts, run_stack
from kerasrnn.types import Tensor


def why_not(call: Call) -> str | None:
    """Return why this kernel cannot run a call."""
    if call.checkpoint_every is not None:
        return "it stores every step"
    return None


def run(
    call: Call,
    cells: Sequence[Sequence[Cell]],
    inputs: Tensor,
    states: Sequence[Tensor],
    mask: Tensor | None,
    dropouts: Dropouts,
) -> tuple[Tensor, list[Tensor]]:
    """Run a stack; see `kerasrnn.kernels.stack.run_stack` for shapes."""
    return run_stack(scan, cells, inputs, states, mask, dropouts)


def scan(
    cell: Cell,
    inputs: Tensor,
    states: list[Tensor],
    mask: Tensor | None,
    dropout: Tensor | None,
    reverse: bool,
) -> tuple[Tensor, list[Tensor]]:
    """Run one cell over time; a masked step carries the states over."""

    def step(states: list[Tensor], at: list[Tensor]) -> tuple[list[Tensor], Tensor]:
        projected, *valid = at
        new = cell.step(projected, states, dropout)
        for keep in valid:
            new = [
                ops.where(keep, after, before) for after, before in zip(new, states, strict=True)
            ]
        return new, new[0]

    projected = cell.project(inputs)
    over_time = [projected] if mask is None else [projected, mask[..., None]]
    final, outputs = ops.scan(step, states, over_time, reverse=reverse)
    return outputs, final
