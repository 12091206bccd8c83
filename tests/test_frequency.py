"""Finding the step between rows, the gaps in it, the times that follow and the season."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasrnn.forecasting.data.frequency import (
    complete_times,
    count_positions,
    future_times,
    infer_frequency,
    measure_spacing,
    season_length,
)
from kerasrnn.forecasting.errors import DataError

# Frequency, and the steps in the cycle that is usual there.
SEASONS = {"MS": 12, "ME": 12, "QS": 4, "QE": 4, "YS": 1, "W": 52, "W-WED": 52, "D": 7, "B": 5}
SEASONS |= {"h": 24, "2h": 12, "min": 60, "2MS": 6, "30D": 1, "15min": 96, "5min": 288}
SEASONS |= {"4min": 15, "s": 60, "BMS": 12, "BME": 12, "BQS": 4, "BQE": 4, "QS-FEB": 4}
SEASONS |= {"QE-NOV": 4, "YE-JUN": 1, "YS-APR": 1, "2W": 26, "3D": 1, "90min": 16, "5MS": 1}
# Other names for the same times.
SAME = {"W": "W-SUN", "QS": "QS-JAN", "QE": "QE-DEC", "YS": "YS-JAN", "2W": "2W-SUN"}
SAME |= {"BQS": "BQS-JAN", "BQE": "BQE-DEC"}
ONE = np.array([0, 30])

frequencies = pytest.mark.parametrize("name", SEASONS)


def dates(name: str, count: int = 30, start: str = "2020-01-01") -> pd.DatetimeIndex:
    """Return times without a frequency of their own."""
    return pd.DatetimeIndex(pd.date_range(start, periods=count, freq=name, name="ds"), freq=None)


@frequencies
def test_frequency_is_inferred_and_continued(name: str) -> None:
    times = dates(name, 33)
    frequency = infer_frequency(times[:30], ONE)
    assert isinstance(frequency, pd.offsets.BaseOffset)
    assert frequency.freqstr == SAME.get(name, name)
    assert measure_spacing(times[:30], frequency, ONE).even
    following = future_times(times[:30], frequency, 3)
    assert following.equals(times[30:])
    assert following.name == "ds"
    assert season_length(frequency) == SEASONS[name]
    assert pd.DatetimeIndex(times, freq=frequency).freq == frequency


@frequencies
@given(seed=st.integers(0, 2**16))
def test_gaps_are_found_and_closed_in_series_of_many_lengths(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 40, 5)
    starts = rng.integers(0, 10, 5)
    everything = dates(name, 60)
    whole = [everything[a : a + n] for a, n in zip(starts, lengths, strict=True)]
    kept = [one[np.union1d([0, len(one) - 1], rng.integers(0, len(one), 20))] for one in whole]
    times = kept[0].append(kept[1:])
    offsets = np.cumsum([0, *(len(one) for one in kept)])
    frequency = pd.tseries.frequencies.to_offset(name)
    assert frequency is not None
    spacing = measure_spacing(times, frequency, offsets)
    assert not spacing.off.any()
    assert spacing.even == all(len(a) == len(b) for a, b in zip(whole, kept, strict=True))
    closed, complete, present = complete_times(times, frequency, offsets, spacing.steps)
    assert closed.equals(whole[0].append(whole[1:]))
    assert np.diff(complete).tolist() == lengths.tolist()
    assert closed[present].equals(times)
    rows = np.concatenate(
        [np.arange(a, a + n) for a, n in zip(starts - starts.min(), lengths, strict=True)]
    )
    assert count_positions(closed, frequency).tolist() == rows.tolist()


@frequencies
@given(seed=st.integers(0, 2**16))
def test_frequency_is_inferred_in_spite_of_gaps(name: str, seed: int) -> None:
    kept = np.delete(np.arange(200), np.random.default_rng(seed).integers(40, 200, 30))
    frequency = infer_frequency(dates(name, 200)[kept], np.array([0, len(kept)]))
    assert isinstance(frequency, pd.offsets.BaseOffset)
    assert frequency.freqstr == SAME.get(name, name)


def test_frequency_is_that_of_most_rows_of_all_series() -> None:
    times = dates("D", 20).append([dates("D", 20, "2021-05-05"), dates("W-WED", 4, "2020-01-01")])
    assert infer_frequency(times, np.array([0, 20, 40, 44])) == pd.offsets.Day()


def test_quarters_of_different_months_are_counted_in_months() -> None:
    times = dates("QS-JAN", 8).append(dates("QS-FEB", 8))
    frequency = infer_frequency(times, np.array([0, 8, 16]))
    assert frequency == pd.offsets.MonthBegin(3)
    assert season_length(frequency) == 4
    assert measure_spacing(times, frequency, np.array([0, 8, 16])).even
    assert count_positions(times, frequency).tolist() == [*range(8)] * 2


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (["2020-01-01", "2020-01-02"], "D"),
        (["2020-01-01", "2020-02-01"], "MS"),
        (["2020-01-31", "2020-02-29"], "ME"),
        (["2020-01-06", "2020-01-07", "2020-01-08"], "D"),  # no weekend is left out
        (["2020-01-09", "2020-01-10", "2020-01-13"], "B"),
        (["2020-01-01", "2020-01-08", "2020-01-29"], "W-WED"),
        (["2020-01-01", "2021-01-01", "2022-01-01"], "YS-JAN"),
        (["2020-01-01", "2020-03-01", "2020-04-01"], "MS"),
        (["2020-01-01", "2020-01-04", "2020-01-09", "2020-01-20"], None),
        (["2020-01-01 00:00", "2020-01-01 00:07", "2020-01-01 00:11", "2020-01-01 00:31"], None),
        (["2020-01-01 09:00", "2020-01-02 09:00"], "D"),
        (["2020-01-01 09:00", "2020-01-01 17:00", "2020-01-02 01:00"], "8h"),
        (["2020-01-01"], None),
    ],
)
def test_frequency_of_few_times(times: list[str], expected: str | None) -> None:
    frequency = infer_frequency(pd.DatetimeIndex(times), np.array([0, len(times)]))
    assert getattr(frequency, "freqstr", None) == expected


@pytest.mark.parametrize(
    ("times", "step", "following"),
    [
        ([7, 8, 9], 1, [10, 11]),
        ([1990, 2000, 2010], 10, [2020, 2030]),
        ([-3, 0, 9, 12], 3, [15, 18]),
        ([1, 3, 8, 14], None, [19, 24]),
        ([5], None, None),
    ],
)
def test_whole_numbers_as_times(
    times: list[int], step: int | None, following: list[int] | None
) -> None:
    index = pd.Index(times)
    assert infer_frequency(index, np.array([0, len(times)])) == step
    if following is not None:
        assert future_times(index, step, 2).tolist() == following
    else:
        with pytest.raises(DataError, match=r"a single row, at 5.*frequency"):
            future_times(index, None, 2)
    assert season_length(step) == 1


def test_uneven_dates_go_on_in_their_usual_or_median_step() -> None:
    usual = pd.DatetimeIndex(["2020-01-01", "2020-01-02", "2020-01-07", "2020-01-08"])
    assert future_times(usual, None, 2).tolist() == [pd.Timestamp(2020, 1, day) for day in (9, 10)]
    uneven = pd.DatetimeIndex(["2020-01-01", "2020-01-04", "2020-01-09", "2020-01-20"])
    assert future_times(uneven, None, 2).tolist() == [pd.Timestamp(2020, 1, d) for d in (25, 30)]


def test_times_off_the_frequency_are_found() -> None:
    times = dates("D", 10)
    moved = times.insert(4, times[3] + pd.Timedelta(hours=5))
    off = measure_spacing(moved, pd.offsets.Day(), np.array([0, 11])).off
    assert np.flatnonzero(off).tolist() == [4]
    assert np.flatnonzero(measure_spacing(moved, pd.offsets.Hour(5), np.array([0, 11])).off)[0] == 1
    weekends = measure_spacing(times, pd.offsets.BDay(), np.array([0, 10])).off
    assert times[weekends].day_name().tolist() == ["Saturday", "Sunday"]


def test_steps_finer_than_the_unit_of_the_times() -> None:
    times = dates("s", 4).as_unit("s")
    spacing = measure_spacing(times, pd.offsets.Milli(500), np.array([0, 4]))
    assert spacing.steps.tolist() == [0, 2, 4, 6]


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("name", ["h", "D", "MS", "B", "W-SUN"])
@pytest.mark.parametrize("start", ["2024-02-20 04:30", "2024-10-20 04:30"])
def test_times_go_on_across_the_change_of_the_clock(
    zone: str | None, name: str, start: str
) -> None:
    times = pd.date_range(start, periods=1000 if name == "h" else 40, freq=name, tz=zone)
    for cut in range(3, len(times) - 3, 7):
        assert future_times(pd.DatetimeIndex(times[:cut], freq=None), times.freq, 3).equals(
            times[cut : cut + 3]
        )
    steps = count_positions(times, times.freq)
    assert steps.tolist() == list(range(len(times)))


def test_a_time_that_summer_time_skips_moves_forward() -> None:
    times = pd.date_range("2024-03-28 02:30", periods=3, freq="D", tz="Europe/Berlin")
    following = future_times(times, pd.offsets.Day(), 2)
    assert [str(one) for one in following] == [
        "2024-03-31 03:00:00+02:00",
        "2024-04-01 02:30:00+02:00",
    ]


def test_business_hours_count_the_hours_of_business() -> None:
    times = pd.date_range("2024-01-01 09:00", periods=40, freq="bh")
    spacing = measure_spacing(times, times.freq, np.array([0, 40]))
    assert spacing.even
    assert future_times(times[:30], times.freq, 5).equals(times[30:35])
