"""torch's own recurrent operators: oneDNN and plain C++ on a CPU, cuDNN on a GPU."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from kerasrnn.cells import Cell
from kerasrnn.kernels.call import Call
from kerasrnn.kernels.stack import Dropouts, Weights, weights_of

CPU: dict[str, Callable[..., Any]] = {
    "rnn_tanh": torch.rnn_tanh,
    "rnn_relu": torch.rnn_relu,
    "lstm": torch.lstm,
    "gru": torch.gru,
}
# cuDNN's numbers.
MODES = {"rnn_relu": 0, "rnn_tanh": 1, "lstm": 2, "gru": 3}
GATES = {"rnn_relu": 1, "rnn_tanh": 1, "lstm": 4, "gru": 3}


def why_not(call: Call) -> str | None:
    """Return why this kernel cannot run a call."""
    if call.device not in ("cpu", "gpu"):
        return f"torch has no fused recurrent operators on {call.device}"
    if call.device == "gpu" and torch.version.hip:
        return "cuDNN runs on NVIDIA's GPUs only"
    if call.device == "gpu" and not torch.backends.cudnn.enabled:
        return "torch.backends.cudnn is switched off"
    if call.mode not in CPU:
        return f"torch has no {call.mode}"
    if call.masked:
        return "torch's operators know no mask"
    if call.recurrent_dropout:
        return "torch's operators have no recurrent dropout"
    if call.input_dropout and call.num_directions == 2:
        return "torch's operators give both directions the same inputs, without input dropout"
    if call.checkpoint_every is not None:
        return "torch's operators store every step"
    if call.compiling and call.gradients:
        return "under torch.compile only a kernel with a backward pass of its own is opaque"
    return None


def run(
    call: Call,
    cells: Sequence[Sequence[Cell]],
    inputs: Tensor,
    states: Sequence[Tensor],
    mask: Tensor | None,
    dropouts: Dropouts,
) -> tuple[Tensor | None, list[Tensor]]:
    """Run a stack, at once where no dropout comes between its layers."""
    weights = [weights_of(cell) for row in cells for cell in row]
    if not (call.dropout or call.input_dropout):
        return run_layers(call, weights, inputs, list(states))
    final: list[Tensor] = []
    width = call.num_directions
    per_layer = width * len(cells[0][0].state_size)
    for depth in range(call.num_layers):
        if depth and dropouts.between[depth - 1] is not None:
            inputs = inputs * dropouts.between[depth - 1]
        if dropouts.inputs[depth] is not None:
            inputs = inputs * dropouts.inputs[depth]
        inputs, last = run_layers(
            call,
            weights[depth * width : (depth + 1) * width],
            inputs,
            list(states[depth * per_layer : (depth + 1) * per_layer]),
        )
        final += last
    return inputs, final


def run_layers(
    call: Call, weights: list[Weights], inputs: Tensor, states: list[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """Run layers one after the other in one operator, cell by cell in order."""
    flat = [weight for own in weights for weight in torch_weights(call, own)]
    per_cell = len(states) // len(weights)
    stacks = [stacked(states[kind::per_cell]) for kind in range(per_cell)]
    layers = len(weights) // call.num_directions
    run_operator = opaque_operator if torch.compiler.is_compiling() else operator
    outputs, *final = run_operator(
        inputs, stacks, flat, call.mode, layers, call.num_directions, call.use_bias
    )
    return outputs, [state for row in zip(*final, strict=True) for state in row]


def operator(
    inputs: Tensor,
    states: list[Tensor],
    weights: list[Tensor],
    mode: str,
    layers: int,
    directions: int,
    use_bias: bool,
) -> list[Tensor]:
    """Run torch's operator.

    Args:
        inputs: (time, batch, features).
        states: Hidden states, for an LSTM also cell states (layers * directions, batch, size).
        weights: In torch's layout and order.
        mode, layers, directions, use_bias: As in `kerasrnn.kernels.call.Call`.

    Returns:
        Outputs and final states.
    """
    run_on = on_cpu if inputs.device.type == "cpu" else on_gpu
    return run_on(inputs, states, weights, mode, layers, directions, use_bias)


def on_cpu(
    inputs: Tensor,
    states: list[Tensor],
    weights: list[Tensor],
    mode: str,
    layers: int,
    directions: int,
    use_bias: bool,
) -> list[Tensor]:
    """Run oneDNN's LSTM, or torch's own C++ for the other modes."""
    given = states if mode == "lstm" else states[0]
    training = torch.is_grad_enabled()
    results = CPU[mode](
        inputs, given, weights, use_bias, layers, 0.0, training, directions == 2, False
    )
    return list(results)


def on_gpu(
    inputs: Tensor,
    states: list[Tensor],
    weights: list[Tensor],
    mode: str,
    layers: int,
    directions: int,
    use_bias: bool,
) -> list[Tensor]:
    """Run cuDNN; `torch.lstm` itself would warn of weights that lie apart in memory."""
    hidden, *cell = [state.contiguous() for state in states]
    units, size = weights[0].shape[0] // GATES[mode], hidden.shape[-1]
    results = torch._cudnn_rnn(
        inputs.contiguous(),
        weights,
        len(weights) // (layers * directions),
        None,
        hidden,
        cell[0] if cell else None,
        MODES[mode],
        units,
        0 if size == units else size,
        layers,
        False,
        0.0,
        torch.is_grad_enabled(),
        directions == 2,
        [],
        None,
    )
    return list(results[: 1 + len(states)])


@torch.library.custom_op("kerasrnn::fused", mutates_args=())
def opaque_operator(
    inputs: Tensor,
    states: list[Tensor],
    weights: list[Tensor],
    mode: str,
    layers: int,
    directions: int,
    use_bias: bool,
) -> list[Tensor]:
    """Run torch's operator, opaque for `torch.compile` and `torch.export`; no gradients."""
    return operator(inputs, states, weights, mode, layers, directions, use_bias)


@opaque_operator.register_fake
def _(
    inputs: Tensor,
    states: list[Tensor],
    weights: list[Tensor],
    mode: str,
    layers: int,
    directions: int,
    use_bias: bool,
) -> list[Tensor]:
    outputs = inputs.new_empty(*inputs.shape[:2], directions * states[0].shape[-1])
    return [outputs, *(torch.empty_like(state) for state in states)]


def torch_weights(call: Call, weights: Weights) -> list[Tensor]:
    """Return a cell's weights in torch's layout and order of gates."""
    kernel, recurrent_kernel, bias, projection = weights
    found = [rows(call, kernel), rows(call, recurrent_kernel)]
    if bias is not None:
        found += in_order(call, bias).unbind(0)
    if projection is not None:
        found.append(projection.t().contiguous())
    return found


def rows(call: Call, kernel: Tensor) -> Tensor:
    """Return a kernel (size, gates * units) as torch has it, (gates * units, size)."""
    return in_order(call, kernel).t().contiguous()


def in_order(call: Call, weight: Tensor) -> Tensor:
    """Return z, r, n of a GRU in torch's order r, z, n."""
    if call.mode != "gru":
        return weight
    z, r, n = weight.chunk(3, -1)
    return torch.cat([r, z, n], -1)


def stacked(states: list[Tensor]) -> Tensor:
    """Return (layers * directions, batch, size)."""
    return states[0].unsqueeze(0) if len(states) == 1 else torch.stack(states)
