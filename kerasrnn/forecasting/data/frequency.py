"""The step between a series' rows: found from its times, checked, and continued.

Times are counted along a frequency: whole numbers by their difference, clock steps (hours and
below) in elapsed time, so that summer time leaves no gap, and all longer steps by the date on
the calendar, where a month is a month however long.
"""

import re
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kerasrnn.forecasting.errors import DataError

Frequency = pd.offsets.BaseOffset | int

# Steps in the cycle that is usual at a frequency.
SEASONS = {"YE": 1, "YS": 1, "QE": 4, "QS": 4, "ME": 12, "MS": 12, "W": 52, "D": 7, "B": 5}
SEASONS |= {"BQE": 4, "BQS": 4, "BME": 12, "BMS": 12, "C": 5, "h": 24, "s": 60}
MINUTES_IN_DAY, MINUTES_IN_HOUR = 1440, 60
LONGEST_SEASON = 288

# For the first or last (business) day of a month: the same of a quarter and of a year.
MONTHLY = {"MS": ("QS", "YS"), "ME": ("QE", "YE"), "BMS": ("BQS", "BYS"), "BME": ("BQE", "BYE")}


@dataclass(frozen=True)
class Spacing:
    """Where the rows of every series stand along a frequency.

    Attributes:
        steps: (rows,) Steps from the series' first row.
        off: (rows,) Whether the time is none of the frequency's.
        number: (rows,) The row's number in its series.
    """

    steps: np.ndarray
    off: np.ndarray
    number: np.ndarray

    @property
    def even(self) -> bool:
        """Say whether every row is one step after the one before."""
        return not self.off.any() and bool((self.steps == self.number).all())


def parse_frequency(text: str | int, times: pd.Index) -> Frequency:
    """Return the frequency that a user named, for times of that kind.

    Raises:
        DataError: there is no such frequency.
    """
    if not isinstance(times, pd.DatetimeIndex):
        if not str(text).isdigit() or int(text) < 1:
            raise DataError(
                f"--frequency {text}: the times are whole numbers; give the step between them, "
                "for example --frequency 1"
            )
        return int(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of names that will change
            offset = pd.tseries.frequencies.to_offset(str(text))
    except ValueError as error:
        hint = re.search(r"(?:Please use|Did you mean) '?(\w+)", str(error))
        offset, reason = None, "there is no such frequency" + (f", use {hint[1]!r}" if hint else "")
    else:
        reason = "expected one or more steps forward"
    if offset is None or offset.n < 1:
        raise DataError(
            f"--frequency {text}: {reason}; name one such as h, 15min, D, B, W-MON, MS, QS or YS"
        )
    return offset


def frequency_name(frequency: Frequency | None) -> str:
    """Return a frequency as a user names it."""
    return frequency.freqstr if isinstance(frequency, pd.offsets.BaseOffset) else str(frequency)


def shown_time(time: object) -> str:
    """Return a time for a message, which is the date alone at midnight."""
    return str(time).removesuffix(" 00:00:00")


def is_clock(frequency: Frequency) -> bool:
    """Say whether a step is a length of time, and no matter of the calendar."""
    return isinstance(frequency, pd.offsets.Tick) and not isinstance(frequency, pd.offsets.Day)


def wall(times: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return what the clock on the wall shows."""
    return times if times.tz is None else times.tz_localize(None)


def dates(times: pd.DatetimeIndex, frequency: Frequency) -> pd.DatetimeIndex:
    """Return the dates, by which calendar steps count; business hours count by the hour."""
    local = wall(times)
    return local if isinstance(frequency, pd.offsets.BusinessHour) else local.normalize()


def fine_enough(times: pd.Index, frequency: Frequency) -> pd.Index:
    """Return times in a unit that divides a clock step."""
    if isinstance(frequency, int) or not isinstance(times, pd.DatetimeIndex):
        return times
    if not is_clock(frequency):
        return times
    whole = frequency.nanos % pd.Timedelta(1, unit=times.unit).value == 0
    return times if whole else times.as_unit("ns")


def calendar(days: pd.DatetimeIndex, frequency: pd.offsets.BaseOffset) -> pd.DatetimeIndex:
    """Return all days of a calendar step, taken once, from the first to the last given."""
    return pd.date_range(days.min(), days.max(), freq=frequency.base).as_unit(days.unit)


def count(times: pd.Index, frequency: Frequency) -> tuple[np.ndarray, int]:
    """Return times as whole numbers, and the difference of two that are one step apart.

    A date that is none of the calendar's is -1.
    """
    if isinstance(frequency, int):
        return times.to_numpy("int64"), frequency
    assert isinstance(times, pd.DatetimeIndex)
    if is_clock(frequency):
        return times.asi8, frequency.nanos // pd.Timedelta(1, unit=times.unit).value
    days = dates(times, frequency)
    return calendar(days, frequency).get_indexer(days), frequency.n


def count_positions(times: pd.Index, frequency: Frequency) -> np.ndarray:
    """Return the number of steps since the earliest of the times."""
    counted, step = count(fine_enough(times, frequency), frequency)
    return (counted - counted.min()) // step


def row_numbers(offsets: np.ndarray) -> np.ndarray:
    """Return each row's number in its series."""
    return np.arange(offsets[-1]) - np.repeat(offsets[:-1], np.diff(offsets))


def inner_steps(offsets: np.ndarray) -> np.ndarray:
    """Return (rows - 1,), whether a row and the next are of one series."""
    inner = np.ones(max(int(offsets[-1]) - 1, 0), bool)
    inner[offsets[1:-1] - 1] = False
    return inner


def measure_spacing(times: pd.Index, frequency: Frequency, offsets: np.ndarray) -> Spacing:
    """Find where rows stand along a frequency.

    Args:
        times: (rows,) Strictly increasing in each series.
        frequency: The step.
        offsets: (series + 1,) Where the series' rows begin and end; no series is empty.
    """
    times = fine_enough(times, frequency)
    counted, step = count(times, frequency)
    first = np.repeat(offsets[:-1], np.diff(offsets))
    steps, rest = np.divmod(counted - counted[first], step)
    off = rest != 0
    if isinstance(times, pd.DatetimeIndex) and not is_clock(frequency):
        in_day = wall(times).asi8 - dates(times, frequency).asi8
        off |= (counted < 0) | (in_day != in_day[first])
    return Spacing(steps, off, row_numbers(offsets))


def complete_times(
    times: pd.Index, frequency: Frequency, offsets: np.ndarray, steps: np.ndarray
) -> tuple[pd.Index, np.ndarray, np.ndarray]:
    """Return the times of all rows from each series' first to its last, without gaps.

    Args:
        times: (rows,) Times, all of them on the frequency.
        frequency: The step.
        offsets: (series + 1,) Where the series' rows begin and end.
        steps: (rows,) Steps from the series' first row.

    Returns:
        All times, where the series begin and end in them, and where the given rows stand.
    """
    times = fine_enough(times, frequency)
    counts = steps[offsets[1:] - 1] + 1
    complete = np.concatenate([[0], np.cumsum(counts)])
    present = np.repeat(complete[:-1], np.diff(offsets)) + steps
    first = np.repeat(offsets[:-1], counts)
    counted, step = count(times, frequency)
    following = counted[first] + row_numbers(complete) * step
    if not isinstance(times, pd.DatetimeIndex):
        return pd.Index(following, name=times.name), complete, present
    assert not isinstance(frequency, int)
    if is_clock(frequency):
        moments = following
    else:
        days = dates(times, frequency)
        local = calendar(days, frequency)[following] + (wall(times) - days)[first]
        moments = localized(local, times).asi8
    moments[present] = times.asi8
    return moments_like(moments, times), complete, present


def moments_like(moments: np.ndarray, times: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return integer moments as times of the same unit, time zone and name."""
    index = pd.DatetimeIndex(moments.view(f"M8[{times.unit}]"), name=times.name)
    return index if times.tz is None else index.tz_localize("UTC").tz_convert(times.tz)


def localized(local: pd.DatetimeIndex, times: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return local times in the time zone of others; what summer time skips moves forward."""
    if times.tz is None:
        return local
    summer = np.ones(len(local), bool)
    return local.tz_localize(times.tz, ambiguous=summer, nonexistent="shift_forward")


def future_times(times: pd.Index, frequency: Frequency | None, steps: int) -> pd.Index:
    """Continue the times of one series.

    Args:
        times: Strictly increasing times.
        frequency: The step between them. None: the usual one, or else their median step.
        steps: How many times follow.

    Raises:
        DataError: a single time, and no frequency.
    """
    if frequency is None:
        frequency = infer_frequency(times, np.array([0, len(times)]))
    if isinstance(times, pd.DatetimeIndex) and isinstance(frequency, pd.offsets.BaseOffset):
        if is_clock(frequency):
            return pd.date_range(times[-1], periods=steps + 1, freq=frequency, name=times.name)[1:]
        last = wall(times[-1:])[0]
        local = pd.date_range(last, periods=steps + 1, freq=frequency, name=times.name)
        following = localized(local[local > last][:steps], times)
        return pd.DatetimeIndex(following, freq="infer") if steps > 2 else following
    if frequency is None and len(times) < 2:
        raise DataError(
            f"a single row, at {shown_time(times[-1])}, does not tell when the next would follow; "
            "name the step with --frequency"
        )
    step: Any = frequency or pd.Series(times).diff().median()
    if not isinstance(times, pd.DatetimeIndex):
        step = max(int(step), 1)
    return pd.Index([times[-1] + (i + 1) * step for i in range(steps)], name=times.name)


def infer_frequency(times: pd.Index, offsets: np.ndarray) -> Frequency | None:
    """Find the step that most rows of all series follow, gaps aside.

    Args:
        times: (rows,) Strictly increasing in each series.
        offsets: (series + 1,) Where the series' rows begin and end.

    Returns:
        The step; None where the times have none in common, or no series has two rows.
    """
    inner = inner_steps(offsets)
    if not inner.any():
        return None
    if not isinstance(times, pd.DatetimeIndex):
        return common_step(np.diff(times.to_numpy("int64"))[inner])
    days = wall(times).normalize()
    in_day = wall(times).asi8 - days.asi8
    if (np.diff(in_day)[inner] != 0).any():
        step = common_step(np.diff(times.asi8)[inner])
        if step is None:
            return None
        return pd.tseries.frequencies.to_offset(pd.Timedelta(step, unit=times.unit))
    return calendar_frequency(days, inner)


def common_step(steps: np.ndarray) -> int | None:
    """Return the most frequent step, where it divides all steps or is half of them."""
    sizes, counts = np.unique(steps, return_counts=True)
    usual = sizes[counts.argmax()]
    fits = (sizes % usual == 0).all() or 2 * counts.max() >= len(steps)
    return int(usual) if fits else None


def calendar_frequency(days: pd.DatetimeIndex, inner: np.ndarray) -> Frequency | None:
    """Find the coarsest calendar step that the dates follow: months, weeks, business days, days."""
    distinct = days.unique()
    for name in MONTHLY:
        if distinct.isin(pd.date_range(distinct.min(), distinct.max(), freq=name)).all():
            return months_frequency(name, days, inner)
    weekdays = distinct.day_of_week
    numbers = (days - pd.Timestamp(0)) // pd.Timedelta(days=1)
    steps = np.diff(numbers.to_numpy("int64"))[inner]
    if (weekdays == weekdays[0]).all():
        anchor = distinct[0].day_name()[:3].upper()
        return to_offset(whole_step(steps // 7), f"W-{anchor}")
    if (weekdays < 5).all():
        business = business_steps(days)[inner]
        if (business != steps).any() and common_step(business) == 1:
            return to_offset(1, "B")
    step = common_step(steps)
    return None if step is None else to_offset(step, "D")


def business_steps(days: pd.DatetimeIndex) -> np.ndarray:
    """Return the business days from each date to the next."""
    numbers = days.to_numpy().astype("datetime64[D]")
    return np.busday_count(numbers[:-1], numbers[1:])


def months_frequency(name: str, days: pd.DatetimeIndex, inner: np.ndarray) -> Frequency:
    """Return months, or quarters or years where all dates are of the same ones."""
    months = (days.year * 12 + days.month).to_numpy("int64")
    step = whole_step(np.diff(months)[inner])
    month = int(days[0].month)
    in_phase = ((months - months[0]) % step == 0).all()
    quarterly, yearly = MONTHLY[name]
    if step % 12 == 0 and in_phase:
        return to_offset(step // 12, f"{yearly}-{month_name(month)}")
    if step % 3 == 0 and in_phase:
        # The quarters' first months are counted from January on, their last ones from March.
        anchor = (month - 1) % 3 + 1 if name.endswith("S") else (month - 1) % 3 + 10
        return to_offset(step // 3, f"{quarterly}-{month_name(anchor)}")
    return to_offset(step, name)


def month_name(month: int) -> str:
    """Return a month's three letters."""
    return pd.Timestamp(2000, month, 1).month_name()[:3].upper()


def whole_step(steps: np.ndarray) -> int:
    """Return the most frequent step, or where it does not divide all, what does."""
    step = common_step(steps)
    fits = step is not None and (steps % step == 0).all()
    return step if fits and step is not None else int(np.gcd.reduce(steps))


def to_offset(number: int, name: str) -> pd.offsets.BaseOffset:
    """Return a number of steps of a named frequency."""
    offset = pd.tseries.frequencies.to_offset(f"{number}{name}")
    assert offset is not None
    return offset


def season_length(frequency: Frequency | None) -> int:
    """Return the steps in a season, from the frequency: 12 where monthly; 1 if unknown.

    Minutes repeat after a day, or where that is more than 288 steps, after an hour.
    """
    if frequency is None or isinstance(frequency, int):
        return 1
    name = frequency.freqstr.lstrip("-0123456789").split("-")[0]
    if name == "min":
        day = MINUTES_IN_DAY // frequency.n
        return day if day <= LONGEST_SEASON else max(MINUTES_IN_HOUR // frequency.n, 1)
    season, rest = divmod(SEASONS.get(name, 1), frequency.n)
    return season if season and not rest else 1
