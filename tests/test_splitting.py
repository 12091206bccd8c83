"""How many rows a network sees, and how many are kept from its training."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasrnn.forecasting.forecaster import LEAST_WINDOWS
from kerasrnn.forecasting.splitting import calibration_rows, default_look_back, validation_rows
from tests.forecasters import LOOK_BACK


@pytest.mark.parametrize(
    ("rows", "horizon", "season", "look_back"),
    [
        (144, 12, 12, 24),  # two seasons
        (300, 12, 1, 24),  # at least 24
        (300, 20, 1, 40),  # twice the horizon
        (67, 12, 12, 24),  # the last length at which two seasons leave 2 * 12 + 8 windows
        (66, 12, 12, 12),
        (32, 12, 12, 12),  # the last length at which one season leaves 9 windows
        (31, 12, 12, 9),
        (20, 5, 1, 7),
        (9, 4, 1, 2),
    ],
)
def test_default_look_back(rows: int, horizon: int, season: int, look_back: int) -> None:
    assert default_look_back(rows, horizon, season) == look_back


@given(st.integers(1, 40), st.integers(1, 60), st.integers(5, 400))
def test_default_look_back_always_leaves_enough_windows(
    horizon: int, season: int, more: int
) -> None:
    look_back = default_look_back(horizon + more, horizon, season)
    assert look_back >= 2
    assert more - look_back + 1 >= LEAST_WINDOWS


@pytest.mark.parametrize(
    ("windows", "horizon", "held_out"),
    [(239, 12, 0), (240, 12, 24), (1000, 12, 100), (20, 1, 2), (19, 1, 0), (10_000, 1, 1000)],
)
def test_windows_of_early_stopping_are_spared_by_long_series_only(
    windows: int, horizon: int, held_out: int
) -> None:
    lengths = np.array([windows + LOOK_BACK + horizon - 1])
    rows = held_out + horizon - 1 if held_out else 0
    assert validation_rows(lengths, LOOK_BACK, horizon, None).tolist() == [rows]
    assert validation_rows(lengths, LOOK_BACK, horizon, 0).tolist() == [0]
    most = min(77, windows + horizon - 1)
    assert validation_rows(lengths, LOOK_BACK, horizon, 77).tolist() == [most]


@given(st.lists(st.integers(1, 900), min_size=1, max_size=4), st.integers(1, 50))
def test_early_stopping_leaves_half_of_the_windows_to_train_on(
    lengths: list[int], horizon: int
) -> None:
    rows = validation_rows(np.array(lengths), LOOK_BACK, horizon, None)
    windows = np.maximum(np.array(lengths) - LOOK_BACK - horizon + 1, 0)
    left = np.maximum(windows - rows, 0)
    assert left.sum() >= windows.sum() / 2
    assert (rows[windows == 0] == 0).all()
    held_out = np.maximum(rows - horizon + 1, 0)
    assert (held_out <= windows // 4).all()


@given(st.lists(st.integers(1, 400), min_size=1, max_size=4), st.integers(1, 20))
def test_intervals_are_calibrated_on_whole_horizons(lengths: list[int], horizon: int) -> None:
    rows = calibration_rows(np.array(lengths), horizon, 80)
    assert (rows >= horizon + (3 if len(lengths) == 1 else 0)).all()
    assert (rows <= np.maximum(3 * horizon, horizon + 3)).all()
