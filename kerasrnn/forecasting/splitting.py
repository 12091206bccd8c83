"""How many rows a network sees, and how many are kept from its training."""

import numpy as np

from kerasrnn.forecasting.conformal import errors_needed


def default_look_back(rows: int, horizon: int, season: int) -> int:
    """Return two seasons or twice the horizon; less where that leaves few windows."""
    usual = 2 * season if season > 1 else max(24, 2 * horizon)
    if rows - usual - horizon + 1 >= 2 * horizon + 8:
        return usual
    if season > 1 and rows - season - horizon >= 8:
        return season
    return min(usual, max(2, (rows - horizon) // 2))


def validation_rows(
    lengths: np.ndarray, look_back: int, horizon: int, wanted: int | None
) -> np.ndarray:
    """Return how many of the last rows of each series early stopping looks at.

    Few windows cannot spare any: there the training loss decides.

    Args:
        lengths: (series,) rows.
        look_back, horizon: Steps of a window, and after it.
        wanted: What was asked for, if anything.
    """
    windows = np.maximum(np.maximum(lengths, look_back) - look_back - horizon + 1, 0)
    if wanted is not None:
        most = windows + horizon - 1
        return np.where(windows > 0, np.minimum(wanted, most), 0) * (wanted > 0)
    if windows.sum() < 20 * horizon:
        return np.zeros_like(windows)
    least = horizon if len(lengths) == 1 else 1
    held_out = np.minimum(np.maximum(least, np.round(0.1 * windows)), windows // 4).astype(int)
    rows = np.where(held_out > 0, held_out + horizon - 1, 0)
    # The windows between both sets share targets with the held-out ones.
    left = np.maximum(windows - rows, 0).sum()
    return rows if left >= windows.sum() / 2 else np.zeros_like(windows)


def calibration_rows(lengths: np.ndarray, horizon: int, level: float) -> np.ndarray:
    """Return how many of the last rows of each series intervals are calibrated on."""
    least = horizon + errors_needed(level) - 1 if len(lengths) == 1 else horizon
    return np.maximum(least, np.minimum(3 * horizon, lengths // 4))
