"""Fill missing values from the others of their series."""

import numpy as np

from kerasrnn.forecasting.data.frequency import row_numbers


def neighbours(valid: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return for each row the last valid one up to it and the next from it on, or -1 for none.

    Args:
        valid: (rows,) Which rows hold a value.
        offsets: (series + 1,) Where the series' rows begin and end.
    """
    rows, lengths = np.arange(len(valid)), np.diff(offsets)
    before = np.maximum.accumulate(np.where(valid, rows, -1))
    before[before < np.repeat(offsets[:-1], lengths)] = -1
    after = np.minimum.accumulate(np.where(valid, rows, len(valid))[::-1])[::-1].copy()
    after[after >= np.repeat(offsets[1:], lengths)] = -1
    return before, after


def fill_column(values: np.ndarray, offsets: np.ndarray, policy: str, season: int) -> np.ndarray:
    """Fill NaN between a series' values, and after them.

    Args:
        values: (rows,) One column.
        offsets: (series + 1,) Where the series' rows begin and end.
        policy: `"linear"`, `"previous"`, `"zero"` or `"seasonal"`; see
            `kerasrnn.forecasting.data.options.Reading`.
        season: Steps in a season.

    Returns:
        (rows,) NaN where nothing precedes, and where no season has a value.
    """
    before, after = neighbours(~np.isnan(values), offsets)
    missing = np.isnan(values) & (before >= 0)
    filled = values.copy()
    if policy == "zero":
        filled[missing] = 0.0
    elif policy == "seasonal":
        filled[missing] = from_season(values, offsets, season)[missing]
    else:
        filled[missing] = values[before[missing]]
    if policy == "linear":
        between = missing & (after >= 0)
        low, high = before[between], after[between]
        share = (np.flatnonzero(between) - low) / (high - low)
        filled[between] = values[low] + (values[high] - values[low]) * share
    return filled


def from_season(values: np.ndarray, offsets: np.ndarray, season: int) -> np.ndarray:
    """Return for each row the value of the same step in the last season that has one.

    Where no earlier season has, it is that of the next one, and NaN where none has.
    """
    series = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    step = row_numbers(offsets) % season
    order = np.lexsort((step, series))  # rows of one step of one series, in their order
    sizes = np.bincount(series * season + step)
    groups = np.concatenate([[0], np.cumsum(sizes[sizes > 0])])
    before, after = neighbours(~np.isnan(values[order]), groups)
    source = np.where(before >= 0, before, after)
    result = np.empty_like(values)
    result[order] = np.where(source >= 0, values[order][source], np.nan)
    return result
