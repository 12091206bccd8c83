"""The tasks by which recurrent networks' memories are compared: adding, and copying."""

from numbers import Integral
from typing import Any

import numpy as np


def adding_problem(samples: int, length: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return sequences in which two marked numbers are to be added.

    >>> x, y = adding_problem(samples=100, length=50)
    >>> x.shape, y.shape
    ((100, 50, 2), (100, 1))
    >>> np.allclose((x[:, :, 0] * x[:, :, 1]).sum(axis=1), y[:, 0])
    True

    A forecast of 1, the mean of the sum, has a mean squared error of 1/6.

    Args:
        samples: Number of sequences.
        length: Steps of each, at least 2.
        seed: Governs all numbers.

    Returns:
        x: (samples, length, 2) float32: numbers drawn evenly from 0 to 1, and marks, which are
            1 at one step of the first half and one of the second, else 0.
        y: (samples, 1) float32, the sum of the two marked numbers.

    Raises:
        ValueError: a size is too small, or no whole number.

    Source: Hochreiter and Schmidhuber 1997, experiment 4; in this form Le, Jaitly and
    Hinton 2015.
    """
    require_at_least(samples=(samples, 1), length=(length, 2))
    rng = np.random.default_rng(seed)
    numbers = rng.random((samples, length), dtype="float32")
    marks = np.zeros((samples, length), "float32")
    rows, middle = np.arange(samples), length // 2
    marks[rows, rng.integers(0, middle, samples)] = 1
    marks[rows, rng.integers(middle, length, samples)] = 1
    return np.stack([numbers, marks], axis=-1), (numbers * marks).sum(axis=1, keepdims=True)


def copy_task(
    samples: int, delay: int, *, length: int = 10, symbols: int = 8, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return sequences whose first symbols are to be repeated after a delay.

    >>> x, y = copy_task(samples=100, delay=30)
    >>> x.shape, y.shape
    ((100, 50, 10), (100, 50))
    >>> bool((x[:, :10].argmax(axis=-1) == y[:, -10:]).all())
    True

    The symbols come first, then blanks, at the end of the delay a signal, and blanks again, during
    which the symbols are to be given. Without any memory the best is to guess them: a
    cross-entropy, averaged over all steps, of length * log(symbols) / (delay + 2 * length).

    Args:
        samples: Number of sequences.
        delay: Steps between the last symbol and the first one to be given, at least 1.
        length: Symbols to copy. Default 10.
        symbols: Different symbols. Default 8.
        seed: Governs the symbols.

    Returns:
        x: (samples, delay + 2 * length, symbols + 2) float32, one-hot: symbols, blank, signal.
        y: (samples, delay + 2 * length) int32, what is to be given: the symbol, or `symbols` for a
            blank.

    Raises:
        ValueError: a size is too small, or no whole number.

    Source: Hochreiter and Schmidhuber 1997; in this form Arjovsky, Shah and Bengio 2016.
    """
    require_at_least(
        samples=(samples, 1), delay=(delay, 1), length=(length, 1), symbols=(symbols, 2)
    )
    blank, signal, steps = symbols, symbols + 1, delay + 2 * length
    copied = np.random.default_rng(seed).integers(0, symbols, (samples, length))
    seen = np.full((samples, steps), blank)
    seen[:, :length] = copied
    seen[:, length + delay - 1] = signal
    wanted = np.full((samples, steps), blank, "int32")
    wanted[:, -length:] = copied
    return np.eye(symbols + 2, dtype="float32")[seen], wanted


def require_at_least(**sizes: tuple[Any, int]) -> None:
    """Raise where a size is no whole number, or below its least."""
    for name, (size, least) in sizes.items():
        if not isinstance(size, Integral) or size < least:
            raise ValueError(f"{name} must be a whole number, at least {least}. Got {size!r}.")
