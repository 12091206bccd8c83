"""`torch.nn` as the oracle, for any mask pattern.

A masked row is, to a recurrent network, the row without its masked steps. So each row
is cut down to its valid steps, run alone through `torch.nn`, and put back.
"""

from typing import Any

import numpy as np
import torch


def run_module(
    module: Any, inputs: torch.Tensor, states: list[torch.Tensor], mask: np.ndarray | None
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Return outputs (batch, time, features) and flat final states.

    Args:
        module: `torch.nn.RNN`, `LSTM` or `GRU`, batch-first.
        inputs: (batch, time, features).
        states: Flat states in this package's order.
        mask: (batch, time) or None.
    """
    lstm = isinstance(module, torch.nn.LSTM)
    if mask is None:
        outputs, final = module(inputs, stacked(states, lstm))
        return outputs, flat(final, lstm)
    rows = [
        run_row(module, inputs[[b]], [state[[b]] for state in states], mask[b], lstm)
        for b in range(len(mask))
    ]
    outputs = torch.cat([row[0] for row in rows])
    return outputs, [torch.cat(parts) for parts in zip(*(row[1] for row in rows), strict=True)]


def run_row(
    module: Any, inputs: torch.Tensor, states: list[torch.Tensor], valid: np.ndarray, lstm: bool
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Run one row on its valid steps and spread the outputs over the masked ones."""
    directions = 2 if module.bidirectional else 1
    per_cell = 2 if lstm else 1
    starts = states[::per_cell][-directions:]
    final = states
    steps = np.flatnonzero(valid)
    outputs = inputs.new_zeros((1, 0, sum(s.shape[1] for s in starts)))
    if len(steps):
        outputs, last = module(inputs[:, torch.tensor(steps)], stacked(states, lstm))
        final = flat(last, lstm)
    parts = outputs.split([s.shape[1] for s in starts], dim=-1)
    spread = []
    for direction, (part, start) in enumerate(zip(parts, starts, strict=True)):
        # The reverse direction comes from the end; a masked step carries over.
        padded = torch.cat([start[:, None], part] if direction == 0 else [part, start[:, None]], 1)
        at = np.cumsum(valid) if direction == 0 else np.cumsum(valid) - valid
        spread.append(padded[:, torch.tensor(at)])
    return torch.cat(spread, dim=-1), final


def stacked(states: list[torch.Tensor], lstm: bool) -> Any:
    if lstm:
        return torch.stack(states[::2]), torch.stack(states[1::2])
    return torch.stack(states)


def flat(states: Any, lstm: bool) -> list[torch.Tensor]:
    if lstm:
        return [part[i] for i in range(len(states[0])) for part in states]
    return list(states)
