"""RNN, LSTM and GRU in plain NumPy, written from the documentation of `torch.nn` and Cho et al.

Nothing here comes from the package under test. All functions take complex numbers as
well, so that `derivative` can differentiate them to the last digit.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Weights = dict[str, np.ndarray]
GATES = {"rnn_tanh": 1, "rnn_relu": 1, "lstm": 4, "gru": 3, "gru_reset_before": 3}


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def relu(x: np.ndarray) -> np.ndarray:
    return np.where(np.real(x) > 0, x, 0)


def gate(weights: Weights, index: int, count: int) -> tuple[np.ndarray, ...]:
    """Return one gate's W, U, b and c of W x + b + U h + c."""
    kernel = weights["kernel"]
    units = kernel.shape[1] // count
    at = slice(index * units, (index + 1) * units)
    bias = weights.get("bias", np.zeros((2, kernel.shape[1])))
    return kernel[:, at], weights["recurrent_kernel"][:, at], bias[0, at], bias[1, at]


def elman(activation: Callable[[np.ndarray], np.ndarray]) -> Any:
    def step(weights: Weights, x: np.ndarray, h: np.ndarray) -> list[np.ndarray]:
        w, u, b, c = gate(weights, 0, 1)
        return [activation(x @ w + b + h @ u + c)]

    return step


def lstm(weights: Weights, x: np.ndarray, h: np.ndarray, cell: np.ndarray) -> list[np.ndarray]:
    def sums(index: int) -> np.ndarray:
        w, u, b, c = gate(weights, index, 4)
        return x @ w + b + h @ u + c

    i, f, g, o = sigmoid(sums(0)), sigmoid(sums(1)), np.tanh(sums(2)), sigmoid(sums(3))
    cell = f * cell + i * g
    hidden = o * np.tanh(cell)
    return [hidden @ weights.get("projection_kernel", np.eye(hidden.shape[-1])), cell]


def gru(reset_after: bool) -> Any:
    def step(weights: Weights, x: np.ndarray, h: np.ndarray) -> list[np.ndarray]:
        (wz, uz, bz, cz), (wr, ur, br, cr), (wn, un, bn, cn) = (
            gate(weights, index, 3) for index in range(3)
        )
        z = sigmoid(x @ wz + bz + h @ uz + cz)
        r = sigmoid(x @ wr + br + h @ ur + cr)
        recurrent = r * (h @ un + cn) if reset_after else (r * h) @ un + cn
        n = np.tanh(x @ wn + bn + recurrent)
        return [(1 - z) * n + z * h]

    return step


STEPS = {
    "rnn_tanh": elman(np.tanh),
    "rnn_relu": elman(relu),
    "lstm": lstm,
    "gru": gru(reset_after=True),
    "gru_reset_before": gru(reset_after=False),
}


def run_direction(
    mode: str,
    weights: Weights,
    inputs: np.ndarray,
    states: list[np.ndarray],
    mask: np.ndarray,
    reverse: bool,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Step through time, row by row of the mask; a masked step keeps the states."""
    steps = range(inputs.shape[1])
    outputs: dict[int, np.ndarray] = {}
    for t in reversed(steps) if reverse else steps:
        new = STEPS[mode](weights, inputs[:, t], *states)
        keep = mask[:, t, None]
        states = [np.where(keep, after, before) for after, before in zip(new, states, strict=True)]
        outputs[t] = states[0]
    return np.stack([outputs[t] for t in steps], axis=1), states


def run_stack(
    mode: str,
    weights: list[list[Weights]],
    inputs: np.ndarray,
    states: list[np.ndarray],
    mask: np.ndarray | None = None,
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Run a stack of layers, each a list of directions.

    Args:
        mode: A key of `STEPS`.
        weights: For every layer the weights of each direction, forward first.
        inputs: (batch, time, features).
        states: By layer, then direction, then hidden before cell.
        mask: Boolean (batch, time), False where a step is left out.

    Returns:
        Outputs of the top layer (batch, time, directions * output size) and the final
        states in the order of `states`.
    """
    mask = np.ones(inputs.shape[:2], bool) if mask is None else mask
    waiting = iter(states)
    final: list[np.ndarray] = []
    for directions in weights:
        outputs = []
        for direction, own in enumerate(directions):
            start = take(waiting, 2 if mode == "lstm" else 1)
            output, last = run_direction(mode, own, inputs, start, mask, reverse=direction == 1)
            outputs.append(output)
            final.extend(last)
        inputs = np.concatenate(outputs, axis=-1)
    return inputs, final


def take(iterator: Iterator[np.ndarray], count: int) -> list[np.ndarray]:
    return [next(iterator) for _ in range(count)]


def derivative(function: Callable[[], Any], array: np.ndarray) -> np.ndarray:
    """Return the gradient of a real function by an array that it reads.

    A finite difference along the imaginary axis: no two near numbers are subtracted,
    so the step can be tiny and the result exact to rounding (Squire and Trapp 1998).
    `array` must be complex; it is changed and restored.
    """
    gradient = np.zeros(array.shape)
    for index in np.ndindex(array.shape):
        array[index] += 1e-100j
        gradient[index] = np.imag(function()) / 1e-100
        array[index] -= 1e-100j
    return gradient
