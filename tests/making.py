"""Layers of every kind with random weights, and their weights as NumPy arrays."""

from typing import Any

import numpy as np

import kerasrnn
from tests.running import to_numpy

OPTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "rnn_tanh": ("RNN", {}),
    "rnn_relu": ("RNN", {"nonlinearity": "relu"}),
    "lstm": ("LSTM", {}),
    "lstm_projected": ("LSTM", {"proj_size": 2}),
    "gru": ("GRU", {}),
    "gru_reset_before": ("GRU", {"reset_after": False}),
}
MODES = tuple(OPTIONS)
KINDS = ("RNN", "LSTM", "GRU")
WEIGHTS = ("kernel", "recurrent_kernel", "bias", "projection_kernel")


def new_layer(mode: str, units: int, num_layers: int = 1, **options: Any) -> Any:
    """Make a layer of a mode; the projected LSTM needs 3 or more units."""
    kind, own = OPTIONS[mode]
    return getattr(kerasrnn, kind)(units, num_layers, **own, **options)


def new_cell(mode: str, units: int, **options: Any) -> Any:
    kind, own = OPTIONS[mode]
    return getattr(kerasrnn, f"{kind}Cell")(units, **own, **options)


def built(layer: Any, features: int, batch: int | None = None) -> Any:
    """Build a layer for a number of features and draw its weights from a wide normal."""
    layer.build((batch, None, features))
    return randomized(layer)


def randomized(layer: Any, scale: float = 0.6) -> Any:
    """Draw all weights anew, the same ones for layers of the same shapes."""
    rng = np.random.default_rng(1)
    for variable in layer.trainable_variables:
        variable.assign(rng.normal(0, scale, variable.shape))
    return layer


def equation_of(mode: str) -> str:
    """Return the name of a mode's equations in `tests.equations`."""
    return "lstm" if mode == "lstm_projected" else mode


def cell_weights(cell: Any, dtype: Any = np.float64) -> dict[str, np.ndarray]:
    found = {name: getattr(cell, name, None) for name in WEIGHTS}
    return {name: to_numpy(v).astype(dtype) for name, v in found.items() if v is not None}


def stack_weights(layer: Any, dtype: Any = np.float64) -> list[list[dict[str, np.ndarray]]]:
    """Return the weights of every layer and direction, as `equations.run_stack` takes them."""
    step = 2 if layer.bidirectional else 1
    weights = [cell_weights(cell, dtype) for cell in layer.cells]
    return [weights[i : i + step] for i in range(0, len(weights), step)]


def random_states(layer: Any, batch: int, rng: np.random.Generator) -> list[np.ndarray]:
    return [rng.uniform(-1, 1, (batch, size)) for size in layer.state_size]
