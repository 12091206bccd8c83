"""Prediction intervals from the errors of forecasts that were made before the fact."""

from collections.abc import Sequence

import numpy as np


def interval_widths(errors: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Return how far each interval reaches to both sides of the forecast.

    The width at a step is the smallest one that, were all errors exchangeable, holds the next
    value with the level's probability: the error of rank ceil((n + 1) * level) by size.

    >>> interval_widths(np.array([[1.0], [-2.0], [3.0], [-4.0]]), [80]).tolist()
    [[4.0]]

    Args:
        errors: (forecasts, horizon), actual minus forecast.
        levels: In percent.

    Returns:
        (horizon, levels); infinite where there are too few errors for the level.

    Source: Vovk, Gammerman, Shafer 2005; Lei et al. 2018 (split conformal prediction).
    """
    sizes = np.sort(np.abs(errors), axis=0)
    ranks = [least_rank(len(sizes), level) for level in levels]
    beyond = np.full(sizes.shape[1], np.inf)
    return np.stack([sizes[r - 1] if r <= len(sizes) else beyond for r in ranks], axis=1)


def least_rank(count: int, level: float) -> int:
    """Return ceil((count + 1) * level / 100), whatever the rounding of the product."""
    return int(np.ceil(round((count + 1) * level / 100, 9)))


def errors_needed(level: float) -> int:
    """Return how many errors an interval of this level needs.

    >>> errors_needed(80), errors_needed(95)
    (4, 19)
    """
    return next(n for n in range(1, 100_000) if least_rank(n, level) <= n)


def widths_ahead(widths: np.ndarray, steps: int) -> np.ndarray:
    """Return widths for any number of steps.

    Beyond the steps whose errors are known they grow as those of a random walk do, with
    the square root of the time ahead.

    Args:
        widths: (horizon, levels).
        steps: Steps wanted.
    """
    horizon = len(widths)
    further = np.arange(horizon + 1, steps + 1)[:, None]
    return np.concatenate([widths[:steps], widths[-1:] * np.sqrt(further / horizon)])
