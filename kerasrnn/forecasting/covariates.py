"""Turn covariates and times into numbers of a like size that a network can use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from kerasrnn.forecasting.data.panel import Panel
from kerasrnn.forecasting.errors import DataError

CALENDAR = ("hour", "weekday", "monthday", "month", "yearday")
CATEGORIES_OF_MESSAGE = 5


@dataclass(frozen=True)
class CovariateScales:
    """What brings covariates to a like size, measured on training rows.

    Attributes:
        past, future: Mean and standard deviation of each column.
        static: For each column its mean and standard deviation or, of text, its values.
        calendar: Features made from the times.
    """

    past: tuple[tuple[float, float], ...]
    future: tuple[tuple[float, float], ...]
    static: tuple[tuple[float, float] | tuple[str, ...], ...]
    calendar: tuple[str, ...]

    def past_features(self, past: np.ndarray) -> np.ndarray:
        """Return (rows, P) features of covariates known up to now."""
        return standardized(past, self.past)

    def future_features(self, future: np.ndarray, times: pd.Index) -> np.ndarray:
        """Return (rows, F) features of covariates known ahead, and of the calendar."""
        parts = [standardized(future, self.future), calendar_features(times, self.calendar)]
        return np.concatenate(parts, axis=1)

    def static_features(self, static: pd.DataFrame) -> np.ndarray:
        """Return (series, S) features of static covariates."""
        parts = [np.zeros((len(static), 0))]
        for name, scale in zip(static.columns, self.static, strict=True):
            if scale and isinstance(scale[0], str):
                parts.append(one_hot(static[name], scale))
            else:
                parts.append(standardized(static[[name]].to_numpy("float64"), (scale,)))
        return np.concatenate(parts, axis=1)


def measure_covariates(panel: Panel, calendar: Sequence[str]) -> CovariateScales:
    """Measure the covariates of training rows.

    Args:
        panel: Training rows.
        calendar: Features to make from the times, out of `"hour"` (of the day), `"weekday"`,
            `"monthday"`, `"month"` (of the year) and `"yearday"`.

    Raises:
        DataError: a calendar feature is not known, or the times are no dates.
    """
    require_calendar(calendar)
    if calendar and not isinstance(panel.times, pd.DatetimeIndex):
        raise DataError("--calendar needs dates as times, and these are numbers; leave it out")
    return CovariateScales(
        past=means_and_deviations(panel.past),
        future=means_and_deviations(panel.future),
        static=tuple(measure_static(panel.static[name]) for name in panel.static.columns),
        calendar=tuple(calendar),
    )


def require_calendar(names: Sequence[str]) -> None:
    """Raise where a calendar feature is not known."""
    for name in names:
        if name not in CALENDAR:
            raise DataError(f"--calendar must be some of {', '.join(CALENDAR)}. Got {name!r}.")


def measure_static(column: pd.Series) -> tuple[float, float] | tuple[str, ...]:
    """Return mean and standard deviation of a column or, of text, its values in order."""
    if pd.api.types.is_numeric_dtype(column):
        return means_and_deviations(column.to_numpy("float64")[:, None])[0]
    return tuple(sorted(set(column.astype(str))))


def means_and_deviations(columns: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Return mean and standard deviation of each column (rows, columns); 1 for a constant."""
    means, deviations = columns.mean(axis=0), columns.std(axis=0)
    deviations = np.where(deviations > 1e-9 * np.abs(means), deviations, 1.0)
    return tuple(zip(means.tolist(), deviations.tolist(), strict=True))


def standardized(columns: np.ndarray, scales: Sequence[Sequence[float | str]]) -> np.ndarray:
    """Return columns less their means, in multiples of their standard deviations."""
    if not scales:
        return np.zeros((len(columns), 0))
    means, deviations = np.array(scales, "float64").T
    return (columns - means) / deviations


def one_hot(column: pd.Series, values: Sequence[str | float]) -> np.ndarray:
    """Return a column of ones and zeros for each value."""
    unknown = sorted(set(column.astype(str)) - set(map(str, values)))
    if unknown:
        raise DataError(
            f"static column {column.name!r}: {unknown[0]!r} was not in the data of the fit, which "
            f"had {', '.join(map(str, values[:CATEGORIES_OF_MESSAGE]))}; fit again with it"
        )
    return np.equal.outer(column.astype(str).to_numpy(), np.array(values)).astype("float64")


def calendar_features(times: pd.Index, names: Sequence[str]) -> np.ndarray:
    """Return sine and cosine of where each time stands in each cycle: (rows, 2 * names).

    >>> calendar_features(pd.DatetimeIndex(["2024-01-01 06:00"]), ["hour"]).round(3).tolist()
    [[1.0, 0.0]]
    """
    shares = [cycle_share(times, name) for name in names]
    waves = [wave(2 * np.pi * share) for share in shares for wave in (np.sin, np.cos)]
    return np.stack(waves, axis=1) if waves else np.zeros((len(times), 0))


def cycle_share(times: pd.Index, name: str) -> np.ndarray:
    """Return how far each time is through a cycle, from 0 to 1."""
    assert isinstance(times, pd.DatetimeIndex)
    day = (times.hour + times.minute / 60) / 24
    share = {
        "hour": lambda: day,
        "weekday": lambda: (times.day_of_week + day) / 7,
        "monthday": lambda: (times.day - 1) / times.days_in_month,
        "month": lambda: (times.month - 1) / 12,
        "yearday": lambda: (times.day_of_year - 1) / (365 + times.is_leap_year),
    }[name]()
    return np.asarray(share, "float64")
