"""Forecasts that need no learning, and that a network must beat to be of use."""

import numpy as np

NAIVE, SEASONAL_NAIVE, DRIFT = "naive", "seasonal_naive", "drift"


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


def drift(history: np.ndarray, horizon: int) -> np.ndarray:
    """Go on along the straight line from the first value to the last one.

    >>> drift(np.array([1.0, 5.0, 3.0]), horizon=2).tolist()
    [4.0, 5.0]
    """
    slope = (history[-1] - history[0]) / max(len(history) - 1, 1)
    return history[-1] + slope * np.arange(1, horizon + 1)


def baselines(history: np.ndarray, horizon: int, season: int) -> dict[str, np.ndarray]:
    """Return all of them by name."""
    return {
        NAIVE: naive(history, horizon),
        SEASONAL_NAIVE: seasonal_naive(history, horizon, season),
        DRIFT: drift(history, horizon),
    }
