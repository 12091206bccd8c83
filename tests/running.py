"""Run a layer forward and backward in the same words on either backend."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops


@dataclass
class Run:
    """What one forward and backward pass gave, as NumPy arrays."""

    outputs: list[np.ndarray]
    input_gradient: np.ndarray
    state_gradients: list[np.ndarray]
    weight_gradients: dict[str, np.ndarray]


def to_numpy(tensor: Any) -> np.ndarray:
    return np.asarray(ops.convert_to_numpy(tensor))


def run(
    layer: Any,
    inputs: np.ndarray,
    states: list[np.ndarray],
    cotangents: list[np.ndarray],
    **kwargs: Any,
) -> Run:
    """Differentiate the sum of outputs times cotangents.

    `layer(inputs, initial_state=states, **kwargs)` must return a tuple of tensors.
    """
    differentiate = {"jax": run_jax, "torch": run_torch}[keras.backend.backend()]
    outputs, (weights, input_gradient, state_gradients) = differentiate(
        layer, inputs, states, cotangents, kwargs
    )
    names = [variable.path for variable in layer.trainable_variables]
    return Run(
        [to_numpy(output) for output in outputs],
        to_numpy(input_gradient),
        [to_numpy(gradient) for gradient in state_gradients],
        {name: to_numpy(g) for name, g in zip(names, weights, strict=True)},
    )


def run_jax(layer: Any, inputs: Any, states: Any, cotangents: Any, kwargs: Any) -> Any:
    import jax

    def loss(weights: Any, inputs: Any, states: Any) -> Any:
        outputs, _ = layer.stateless_call(
            weights,
            [variable.value for variable in layer.non_trainable_variables],
            inputs,
            initial_state=states,
            **kwargs,
        )
        total = sum((o * c).sum() for o, c in zip(outputs, cotangents, strict=True))
        return total, outputs

    weights = [variable.value for variable in layer.trainable_variables]
    arguments = (weights, ops.convert_to_tensor(inputs), list(map(ops.convert_to_tensor, states)))
    (_, outputs), gradients = jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2), has_aux=True))(
        *arguments
    )
    return outputs, gradients


def run_torch(layer: Any, inputs: Any, states: Any, cotangents: Any, kwargs: Any) -> Any:
    import torch

    inputs = torch.tensor(inputs, requires_grad=True)
    states = [torch.tensor(state, requires_grad=True) for state in states]
    outputs = layer(inputs, initial_state=states, **kwargs)
    total = sum((o * torch.tensor(c)).sum() for o, c in zip(outputs, cotangents, strict=True))
    weights = [variable.value for variable in layer.trainable_variables]
    gradients = torch.autograd.grad(total, [*weights, inputs, *states], allow_unused=True)
    filled = [
        torch.zeros_like(of) if gradient is None else gradient
        for gradient, of in zip(gradients, [*weights, inputs, *states], strict=True)
    ]
    return outputs, (filled[: len(weights)], filled[len(weights)], filled[len(weights) + 1 :])


TOLERANCE = {"float64": 1e-10, "float32": 1e-5}


def assert_close(actual: Any, expected: Any, dtype: str, what: str = "") -> None:
    """Compare relative to the largest expected value."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape, (what, actual.shape, expected.shape)
    assert np.isfinite(actual).all(), what
    scale = max(np.abs(expected).max(initial=0.0), 1e-3)
    error = np.abs(actual - expected).max(initial=0.0) / scale
    assert error <= TOLERANCE[dtype], f"{what}: relative error {error:.2e} in {dtype}"
