"""Forecasts that need no learning, and that a network must beat to be of use."""

import numpy as np


def naive(history: np.ndarray, horizon: int) -> np.ndarray:
    """Repeat the last value.

    >>> naive(np.array([1.0, 2.0, 3.0]), horizon=2).tolist()
    [3.0, 3.0]
    """
    return np.full(horizon, history[-1])


def seasonal_naive(history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """Repeat the last season; where the history is shorter, the last value.

    >>> seasonal_naive(np.array([1.0, 2.0, 3.0]), horizon=3, season=2).tolist()
    [2.0, 3.0, 2.0]
    """
    if len(history) < season:
        return naive(history, horizon)
    return np.resize(history[-season:], horizon)
