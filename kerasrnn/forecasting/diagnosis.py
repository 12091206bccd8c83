"""Say plainly where forecasts are of no use: no skill, flat, or copies of the last value."""

import numpy as np
import pandas as pd

from kerasrnn.forecasting.baselines import NAIVE
from kerasrnn.forecasting.metrics import NETWORK

LEAST_MOVE = 0.1
LEAST_VARIATION = 0.05
STEPS_OF_A_SHAPE = 3


def remarks(forecasts: pd.DataFrame, skill: float) -> tuple[str, ...]:
    """Return what a user should know before trusting these forecasts, a sentence each.

    Args:
        forecasts: Of a backtest.
        skill: Of the network.
    """
    found = list(without_skill(skill))
    move = relative_move(forecasts)
    variation = relative_variation(forecasts)
    if move < LEAST_MOVE:
        found.append(
            f"the forecasts copy the last value: they leave it by {100 * move:.0f} % of what the "
            "series does"
        )
    elif variation < LEAST_VARIATION:
        found.append(
            f"the forecasts are flat: over the horizon they vary by {100 * variation:.0f} % of "
            "what the series does"
        )
    return tuple(found)


def without_skill(skill: float) -> tuple[str, ...]:
    """Return a sentence where the network does not beat the naive forecasts."""
    if skill > 0:
        return ()
    return (
        f"skill {skill:+.3f}: the network does not beat the naive forecasts here; use the better "
        "of those",
    )


def relative_move(forecasts: pd.DataFrame) -> float:
    """Return how far forecasts leave the last value, as a share of how far the series does."""
    moved = (forecasts["y"] - forecasts[NAIVE]).abs().mean()
    return ratio((forecasts[NETWORK] - forecasts[NAIVE]).abs().mean(), moved)


def relative_variation(forecasts: pd.DataFrame) -> float:
    """Return the spread of forecasts over the horizon, as a share of the series' own."""
    groups = forecasts.groupby(["unique_id", "cutoff"], sort=False)
    if groups.size().min() < STEPS_OF_A_SHAPE:
        return np.inf
    spread = groups[[NETWORK, "y"]].std().mean()
    return ratio(spread[NETWORK], spread["y"])


def ratio(part: float, whole: float) -> float:
    """Return a share; infinite where there is nothing to compare with."""
    return float(part / whole) if whole > 0 else np.inf
