"""Say plainly where forecasts are of no use: no skill, flat, or copies of the last value."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from kerasrnn.forecasting.baselines import NAIVE, SEASONAL_NAIVE
from kerasrnn.forecasting.metrics import NETWORK, covered, interval_levels, with_interval
from kerasrnn.forecasting.wording import counted, number, spoken, there_are

EVEN = 0.01
INCOMPARABLE = (
    "the network cannot be compared with the naive forecasts: their error is zero here, or has no "
    "finite scale"
)
LEAST_MOVE = 0.1
LEAST_VARIATION = 0.05
STEPS_OF_A_SHAPE = 3
CLOSE, LEAST_CHANCE = 0.05, 0.025


def about_skill(skill: float, errors: pd.Series) -> tuple[str, ...]:
    """Return a sentence where another forecast does better than the network, or as well.

    Args:
        skill: Of the network.
        errors: The error of each forecast in the metric of the skill, which is its name.
    """
    found = without_skill(skill, errors)
    return found + better_than_network(errors) if skill > -EVEN else found


def about_forecasts(forecasts: pd.DataFrame) -> tuple[str, ...]:
    """Return a sentence for each thing that is wrong with the forecasts of a backtest."""
    return without_shape(forecasts) + off_their_level(forecasts)


def about_even(skill: float) -> bool:
    """Say whether the network and the better naive forecast are within 1 % of each other."""
    return abs(skill) < EVEN


def without_skill(skill: float, errors: pd.Series | None = None) -> tuple[str, ...]:
    """Return a sentence where the network does not beat the naive forecasts.

    Args:
        skill, errors: As for `about_skill`; without errors, no forecast is named.
    """
    if not math.isfinite(skill):
        return (INCOMPARABLE,)
    if skill >= EVEN:
        return ()
    if about_even(skill):
        return (
            f"skill {skill:+.3f}: the network is about even with the better naive forecast here, "
            "which needs no training",
        )
    best = "the better of those"
    if errors is not None and errors.notna().any():
        best = spoken(errors.idxmin())
    return (f"skill {skill:+.3f}: the network does not beat the naive forecasts here; use {best}",)


def better_than_network(errors: pd.Series) -> tuple[str, ...]:
    """Return a sentence where a forecast that skill leaves out, such as drift, does best."""
    best = str(errors.idxmin())
    if best in (NETWORK, NAIVE, SEASONAL_NAIVE):
        return ()
    metric = str(errors.name).upper()
    return (
        f"{spoken(best)}, which needs no network, does better on these rows: its {metric} is "
        f"{number(errors[best])} against {number(errors[NETWORK])}",
    )


def disagreeing(scores: pd.DataFrame) -> tuple[str, ...]:
    """Return a sentence where the network wins by squared errors and loses by absolute ones."""
    naive = scores.loc[[NAIVE, SEASONAL_NAIVE], "mae"]
    network, least = float(scores["mae"][NETWORK]), float(naive.min())
    if not (least > 0 and network > (1 + EVEN) * least):
        return ()
    return (
        f"the scores disagree: by MAE {spoken(naive.idxmin())} is better, with {number(least)} "
        f"against {number(network)}; look at the pictures before you trust the skill",
    )


def without_shape(forecasts: pd.DataFrame) -> tuple[str, ...]:
    """Return a sentence where the forecasts copy the last value, or are flat."""
    move = relative_move(forecasts)
    if move < LEAST_MOVE:
        return (
            "the held-out forecasts copy the last value: they leave it by "
            f"{100 * move:.0f} % of what the series does",
        )
    variation = relative_variation(forecasts)
    if variation < LEAST_VARIATION:
        return (
            "the held-out forecasts are flat: over the horizon they vary by "
            f"{100 * variation:.0f} % of what the series does",
        )
    return ()


def off_their_level(forecasts: pd.DataFrame) -> tuple[str, ...]:
    """Return a sentence for each interval that holds far more or fewer values than it should."""
    found = []
    for level in interval_levels(forecasts)[::-1]:
        share = covered(forecasts, level)
        word = judged_coverage(share, level, count_draws(with_interval(forecasts, level)))
        if word in ("too narrow", "too wide"):
            found.append(
                f"intervals of {level:g} % held {100 * share:.1f} % of the held-out values: they "
                f"are {word} here"
            )
    return tuple(found)


def judged_coverage(share: float, level: float, forecasts: int) -> str:
    """Say how the share of values in an interval compares with its level.

    Errors of one forecast go together, so that a whole forecast is one draw: a share between
    0 and 1, for the mean of which Hoeffding's bound holds. Series are taken as independent: where
    they move together, chance is larger than this says.

    >>> judged_coverage(0.7, 80, forecasts=3), judged_coverage(0.7, 80, forecasts=300)
    ('may be chance', 'too narrow')

    Args:
        share: Of values inside.
        level: In percent.
        forecasts: Number of draws; see `count_draws`.

    Source: Hoeffding 1963, Probability Inequalities for Sums of Bounded Random Variables, (2.1).
    """
    expected = level / 100
    if abs(share - expected) <= CLOSE + 1e-9:
        return "close"
    chance = math.exp(-forecasts * divergence(share, expected))
    if chance > LEAST_CHANCE:
        return "may be chance"
    return "too narrow" if share < expected else "too wide"


def divergence(share: float, expected: float) -> float:
    """Return the relative entropy of a share where another was expected.

    >>> divergence(0.8, 0.8), divergence(1.0, 0.5) == math.log(2)
    (0.0, True)
    """
    pairs = ((share, expected), (1 - share, 1 - expected))
    return sum(part * math.log(part / whole) for part, whole in pairs if part > 0)


def count_origins(forecasts: pd.DataFrame) -> int:
    """Return the number of origins of a series, or of the one that has most."""
    return int(forecasts.groupby("unique_id", sort=False)["cutoff"].nunique().max())


def count_draws(forecasts: pd.DataFrame) -> int:
    """Return how many forecasts of all series would stand side by side, overlaps aside."""
    if not len(forecasts):
        return 0
    times = forecasts.groupby("unique_id", sort=False)["ds"].nunique()
    return int(np.maximum(times // forecasts["step"].max(), 1).sum())


def without_intervals(asked: Sequence[float] | None, used: Sequence[float]) -> str:
    """Return why held-out forecasts have no intervals, or nothing where they have some.

    Args:
        asked: The forecaster's argument `levels`.
        used: What came of it.
    """
    if len(used):
        return ""
    if asked is not None and not len(asked):
        return "the held-out forecasts have no intervals: none were asked for"
    return (
        "the held-out forecasts have no intervals: the rows before the first origin are too few to "
        "calibrate them"
    )


def far_ahead(steps: int, rows: int) -> tuple[str, ...]:
    """Return a sentence where more steps are forecast than there are rows to tell of them.

    Args:
        steps: How many are forecast.
        rows: Of the longest series.
    """
    if steps <= rows:
        return ()
    return (
        f"{there_are(steps, 'step')} forecast from {counted(rows, 'row')}: nothing here tells how "
        "good forecasts so far ahead are",
    )


def relative_move(forecasts: pd.DataFrame) -> float:
    """Return how far forecasts leave the last value, as a share of how far the series does."""
    moved = (forecasts["y"] - forecasts[NAIVE]).abs().mean()
    return ratio((forecasts[NETWORK] - forecasts[NAIVE]).abs().mean(), moved)


def relative_variation(forecasts: pd.DataFrame) -> float:
    """Return the spread of forecasts over the horizon, as a share of the series' own."""
    groups = forecasts.groupby(["unique_id", "cutoff"], sort=False)
    spreads = groups[[NETWORK, "y"]].std()[groups.size() >= STEPS_OF_A_SHAPE]
    if not len(spreads):
        return np.inf
    spread = spreads.mean()
    return ratio(spread[NETWORK], spread["y"])


def ratio(part: float, whole: float) -> float:
    """Return a share; infinite where there is nothing to compare with."""
    return float(part / whole) if whole > 0 else np.inf
