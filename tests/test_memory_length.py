"""How long a layer remembers, where it can be told by hand."""

import math
from typing import Any

import keras
import numpy as np
import pytest

import kerasrnn
from kerasrnn.diagnostics import memory_length


def shrinking(factor: float, units: int = 3, **options: object) -> kerasrnn.RNN:
    """Return a network that keeps a share of its state at every step, and sees nothing."""
    layer = kerasrnn.RNN(units, nonlinearity="relu", dtype="float64", **options)
    layer.build((None, None, 2))
    for cell in layer.cells:
        cell.kernel.assign(np.zeros(cell.kernel.shape))
        cell.recurrent_kernel.assign(factor * np.eye(units))
        cell.bias.assign(np.ones((2, units)))  # so that all units are at work
    return layer


@pytest.mark.parametrize("factor", [0.1, 0.5, 0.9, 0.99])
def test_a_share_that_is_kept_tells_the_length(factor: float) -> None:
    expected = math.ceil(math.log(0.01) / math.log(factor) + 1e-9)
    assert memory_length(shrinking(factor)) == expected
    assert memory_length(shrinking(factor, batch_first=False)) == expected


def test_other_thresholds() -> None:
    assert memory_length(shrinking(0.5), threshold=0.2) == 3
    assert memory_length(shrinking(0.5), threshold=0.6) == 1


def test_what_is_never_forgotten_has_no_length() -> None:
    assert memory_length(shrinking(1.0), most=30) is None
    assert memory_length(shrinking(0.9), keras.ops.zeros((1, 10, 2))) is None


def test_the_cell_that_remembers_longest_counts() -> None:
    layer = shrinking(0.5, num_layers=2)
    layer.cells[1].recurrent_kernel.assign(0.9 * np.eye(3))
    assert memory_length(layer) == 44


def test_an_lstm_that_keeps_its_cell_remembers() -> None:
    forgetful, faithful = (kerasrnn.LSTM(4, unit_forget_bias=b) for b in (False, True))
    for layer in (forgetful, faithful):
        layer.build((None, None, 2))
    assert memory_length(faithful) > memory_length(forgetful)


def test_a_layer_that_is_not_built_needs_a_sequence() -> None:
    with pytest.raises(ValueError, match="is not built: give x"):
        memory_length(kerasrnn.GRU(2))
    assert memory_length(kerasrnn.GRU(2), np.zeros((1, 50, 3), "float32")) > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 0}, "threshold must be above 0 and at most 1. Got 0."),
        ({"threshold": 5}, "threshold must be above 0 and at most 1. Got 5."),
        ({"most": 1}, "most must be a number of steps, at least 2. Got 1."),
        ({"most": 2.5}, "most must be a number of steps, at least 2. Got 2.5."),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        memory_length(kerasrnn.GRU(2), **options)
