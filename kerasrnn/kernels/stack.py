"""Lift a kernel for one layer in one direction to a stack of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from keras import ops

from kerasrnn.cells import Cell
from kerasrnn.types import Tensor


@dataclass(frozen=True)
class Dropouts:
    """Factors drawn by the layer: 0 where a value is dropped, else 1 / (1 - rate).

    Attributes:
        inputs: For each cell, (batch, features of that cell), the same at all steps.
        recurrent: For each cell, (batch, output size), the same at all steps.
        between: For each layer but the last, (time, batch, features of the next).
    """

    inputs: Sequence[Tensor | None]
    recurrent: Sequence[Tensor | None]
    between: Sequence[Tensor | None]


class Weights(NamedTuple):
    """The weights of one cell, in the type in which it computes; None where it has none."""

    kernel: Tensor
    recurrent_kernel: Tensor
    bias: Tensor | None
    projection_kernel: Tensor | None


def weights_of(cell: Cell) -> Weights:
    """Return a cell's weights as tensors of the backend."""
    projection = getattr(cell, "projection_kernel", None)
    return Weights(
        cell.kernel.value,
        cell.recurrent_kernel.value,
        None if cell.bias is None else cell.bias.value,
        None if projection is None else projection.value,
    )


class RunDirection(Protocol):
    """A kernel for one layer in one direction; all sequences are time-major."""

    def __call__(
        self,
        cell: Cell,
        inputs: Tensor,
        states: list[Tensor],
        mask: Tensor | None,
        dropout: Tensor | None,
        reverse: bool,
    ) -> tuple[Tensor, list[Tensor]]: ...


def run_stack(
    run_direction: RunDirection,
    cells: Sequence[Sequence[Cell]],
    inputs: Tensor,
    states: Sequence[Tensor],
    mask: Tensor | None,
    dropouts: Dropouts,
) -> tuple[Tensor, list[Tensor]]:
    """Run every layer and direction with a kernel that knows one of each.

    Args:
        run_direction: The kernel.
        cells: The cells of each layer, one for each direction.
        inputs: (time, batch, features).
        states: Flat initial states, layer by layer, direction by direction.
        mask: Boolean (time, batch), or None.
        dropouts: Factors for every cell.

    Returns:
        Outputs of the top layer, (time, batch, directions * output size), in the time
        order of the inputs, and the flat final states.
    """
    final: list[Tensor] = []
    index = 0
    for depth, directions in enumerate(cells):
        outputs = []
        for direction, cell in enumerate(directions):
            factors = dropouts.inputs[index]
            count = len(cell.state_size)
            output, last = run_direction(
                cell,
                inputs if factors is None else inputs * factors,
                list(states[index * count : (index + 1) * count]),
                mask,
                dropouts.recurrent[index],
                reverse=direction == 1,
            )
            outputs.append(output)
            final.extend(last)
            index += 1
        inputs = outputs[0] if len(outputs) == 1 else ops.concatenate(outputs, axis=-1)
        if depth + 1 < len(cells) and dropouts.between[depth] is not None:
            inputs = inputs * dropouts.between[depth]
    return inputs, final
