"""For how many steps a recurrent layer remembers."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from kerasrnn.diagnostics.flow import (
    jacobian_products,
    largest_singular_value,
    mean,
    recorded_steps,
)
from kerasrnn.diagnostics.probe import recurrent_layers
from kerasrnn.layers import Recurrent


def memory_length(
    layer: Recurrent, x: Any = None, *, threshold: float = 0.01, most: int = 1000
) -> int | None:
    """Return the number of steps after which a perturbation of the states is forgotten.

    That is the first number of steps whose product of Jacobians makes any small change of the
    states, an LSTM's cell state among them, smaller than `threshold` times itself, on average
    over the batch; of a layer with several cells it is that of the cell with most.

    >>> memory_length(kerasrnn.RNN(8, recurrent_initializer="zeros"), keras.ops.ones((1, 9, 2)))
    1

    Args:
        layer: An RNN, LSTM or GRU.
        x: (batch, time, features) what the layer sees meanwhile. Default: one sequence of
            standard normal noise, for a stateful layer as many as it takes, `most` steps long,
            for a layer that is built.
        threshold: What counts as forgotten.
        most: Steps after which the search ends, where `x` is not given.

    Returns:
        The number of steps, or None where the sequence ends before that.

    Raises:
        ValueError: the layer is none of kerasrnn's, is not built and there is no `x`, or it
            cannot be measured on `x`; see `gradient_flow`. Or `threshold` is not above 0 and at
            most 1, or `most` is no number of steps.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold must be above 0 and at most 1. Got {threshold!r}.")
    if not isinstance(most, int) or most < 2:
        raise ValueError(f"most must be a number of steps, at least 2. Got {most!r}.")
    if not isinstance(layer, Recurrent):
        raise ValueError(f"expected an RNN, LSTM or GRU of kerasrnn. Got {layer}.")
    if x is None:
        if not layer.built:
            raise ValueError(f"{layer.name} is not built: give x, or call build(shape) first.")
        rows = layer.states[0].shape[0] if layer.states else 1
        noise = np.random.default_rng(0).normal(size=(rows, most, layer.input_size))
        x = ops.convert_to_tensor(noise, layer.variable_dtype)
        x = x if layer.batch_first else ops.swapaxes(x, 0, 1)
    lengths = []
    for place, steps in recorded_steps(layer, recurrent_layers(layer, x), x).items():
        products = jacobian_products(layer.cells[place.number], steps)
        for number, product in enumerate(products):
            if number and mean(largest_singular_value(product)) < threshold:
                lengths.append(number)
                break
        else:
            return None
    return max(lengths)
