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
        errors: (forecasts, horizon), actual minus forecast; NaN where that is not known.
        levels: In percent.

    Returns:
        (horizon, levels); infinite where there are too few errors for the level.

    Source: Vovk, Gammerman, Shafer 2005; Lei et al. 2018 (split conformal prediction).
    """
    widths = np.full((errors.shape[1], len(levels)), np.inf)
    for step, column in enumerate(np.abs(errors).T):
        sizes = np.sort(column[np.isfinite(column)])
        for place, level in enumerate(levels):
            rank = least_rank(len(sizes), level)
            if rank <= len(sizes):
                widths[step, place] = sizes[rank - 1]
    return widths


def least_count(errors: np.ndarray) -> int:
    """Return how many errors (forecasts, horizon) are known of the step with the fewest."""
    return int(np.isfinite(errors).sum(axis=0).min())


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
