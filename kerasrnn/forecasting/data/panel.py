"""One or many series in one table of numbers, row under row."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from kerasrnn.forecasting.data.frequency import (
    Frequency,
    count_positions,
    frequency_name,
    future_times,
    measure_spacing,
    row_numbers,
    shown_time,
)
from kerasrnn.forecasting.errors import DataError


@dataclass(frozen=True)
class Columns:
    """Names of the columns that a panel came from.

    Attributes:
        unique_id: The column that tells the series apart; None where there is none.
        time: The times; None where rows were numbered.
        target: What is to be forecast; `"y"` in a wide table, whose columns are the series.
        past: Covariates known up to now only.
        future: Covariates known ahead.
        static: Covariates that are the same in all rows of a series.
    """

    unique_id: str | None
    time: str | None
    target: str
    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    static: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Panel:
    """One or many series over time, row under row, with their covariates.

    >>> from kerasrnn.forecasting.data.reading import read
    >>> panel = read(air_passengers())
    >>> panel.num_series, panel.lengths, panel.frequency
    (1, array([144]), <MonthBegin>)

    Attributes:
        ids: A name for each series, in the order in which they first came.
        offsets: (series + 1,) int64; series i has the rows offsets[i] to offsets[i + 1].
        times: (rows,) Dates without a frequency of their own, or whole numbers; strictly
            increasing inside each series, and evenly spaced where `frequency` is given.
        values: (rows,) float64, finite.
        past: (rows, covariates known up to now) float64, finite.
        future: (rows, covariates known ahead) float64, finite.
        static: A row for each series; columns of float64 or of text.
        columns: The names of all these.
        frequency: The step between rows; a whole number where times are. None: rows are
            taken as equal steps, or there are too few to tell.
        form: `"series"`, `"wide"` or `"long"`: how the series came.
    """

    ids: tuple[str, ...]
    offsets: np.ndarray
    times: pd.Index
    values: np.ndarray
    past: np.ndarray
    future: np.ndarray
    static: pd.DataFrame
    columns: Columns
    frequency: Frequency | None
    form: str

    @property
    def num_series(self) -> int:
        """The number of series."""
        return len(self.ids)

    @property
    def lengths(self) -> np.ndarray:
        """(series,) The number of rows of each series."""
        return np.diff(self.offsets)

    def rows(self, i: int) -> slice:
        """Return the rows of series i."""
        return slice(int(self.offsets[i]), int(self.offsets[i + 1]))

    def series(self, i: int) -> pd.Series:
        """Return series i by itself, named as its target or, of many, as the series."""
        rows = self.rows(i)
        index = self.times[rows]
        if isinstance(index, pd.DatetimeIndex) and isinstance(
            self.frequency, pd.offsets.BaseOffset
        ):
            index = pd.DatetimeIndex(index, freq=self.frequency)
        name = self.columns.target if self.form == "series" else self.ids[i]
        return pd.Series(self.values[rows], index=index, name=name)

    def until(self, drop: int | np.ndarray) -> Panel:
        """Return each series without its last rows.

        Args:
            drop: Number of rows, for all series or for each.

        Raises:
            DataError: nothing remains of a series.
        """
        lengths = self.lengths - drop
        for i in np.flatnonzero(lengths < 1)[:1]:
            raise DataError(
                f"series {self.ids[i]!r} has {self.lengths[i]} rows, of which "
                f"{self.lengths[i] - lengths[i]} are left out: none remains; give it more rows, "
                "or leave the series out"
            )
        return self._cut(self.offsets[:-1], lengths)

    def last(self, rows: int) -> Panel:
        """Return the last rows of each series, or all where it has fewer."""
        lengths = np.minimum(self.lengths, rows)
        return self._cut(self.offsets[1:] - lengths, lengths)

    def select(self, ids: Sequence[str]) -> Panel:
        """Return some of the series, in the order given.

        Raises:
            DataError: there is no such series.
        """
        known = {name: i for i, name in enumerate(self.ids)}
        for name in ids:
            if name not in known:
                close = difflib.get_close_matches(name, self.ids, n=1)
                raise DataError(
                    f"there is no series {name!r}"
                    + (f"; did you mean {close[0]!r}?" if close else f" of {self.num_series}")
                )
        chosen = np.array([known[name] for name in ids], "int64")
        selected = self._cut(self.offsets[chosen], self.lengths[chosen])
        static = self.static.iloc[chosen].reset_index(drop=True)
        return replace(selected, ids=tuple(ids), static=static)

    def append(self, other: Panel) -> Panel:
        """Return the panel with new rows of its series, and with new series at the end.

        Static covariates of known series stay as they are.

        Args:
            other: Rows that follow directly on the last ones of their series, in the
                same columns.

        Raises:
            DataError: columns differ, or rows do not follow.
        """
        self.require_alike(other)
        number = {name: i for i, name in enumerate(self.ids)}
        new = [name for name in other.ids if name not in number]
        number |= {name: self.num_series + i for i, name in enumerate(new)}
        codes = np.concatenate(
            [
                np.repeat(np.arange(self.num_series), self.lengths),
                np.repeat([number[name] for name in other.ids], other.lengths),
            ]
        ).astype("int64")
        order = np.argsort(codes, kind="stable")
        times = self.times.append(self._numbered_on(other, number))[order]
        fresh = [i for i, name in enumerate(other.ids) if name in set(new)]
        static = [self.static, other.static.iloc[fresh]] if new else [self.static]
        numbers: dict[str, Any] = {
            name: np.concatenate([getattr(self, name), getattr(other, name)])[order]
            for name in ("values", "past", "future")
        }
        joined = replace(
            self,
            ids=tuple(number),
            offsets=np.concatenate([[0], np.cumsum(np.bincount(codes))]),
            times=pd.Index(times, name=self.times.name),
            static=pd.concat(static, ignore_index=True),
            form="long" if new and self.form == "series" else self.form,
            **numbers,
        )
        joined._require_following(order >= len(self.values))
        return joined

    def to_frame(self) -> pd.DataFrame:
        """Return all rows in long form, in the columns' own names."""
        names = self.columns
        identity = {names.unique_id or "unique_id": np.repeat(np.array(self.ids), self.lengths)}
        frame = pd.DataFrame({**identity, names.time or "ds": self.times})
        frame[names.target] = self.values
        frame[list(names.past)] = self.past
        frame[list(names.future)] = self.future
        for name in names.static:
            frame[name] = self.static[name].to_numpy().repeat(self.lengths)
        return frame

    def future_times(self, i: int, steps: int) -> pd.Index:
        """Return the times that follow on series i."""
        return future_times(self.times[self.rows(i)], self.frequency, steps)

    def positions(self) -> np.ndarray:
        """Return (rows,) int64: the steps from the earliest time in the panel to each row.

        Rows of the same time are at the same position, in whichever series. Where rows are
        taken as equal steps, it is the row's number in its series.
        """
        if self.frequency is None:
            return row_numbers(self.offsets)
        return count_positions(self.times, self.frequency)

    def _cut(self, starts: np.ndarray, lengths: np.ndarray) -> Panel:
        """Return for each series the rows from a start on."""
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        rows = np.repeat(starts, lengths) + row_numbers(offsets)
        return replace(
            self,
            offsets=offsets,
            times=self.times[rows],
            values=self.values[rows],
            past=self.past[rows],
            future=self.future[rows],
        )

    def _numbered_on(self, other: Panel, number: dict[str, int]) -> pd.Index:
        """Return the times of new rows; where those are mere numbers from 0 on, they go on."""
        if self.columns.time is not None or other.columns.time is not None:
            return other.times
        known = np.array([number[name] for name in other.ids])
        following = np.append(self.times.to_numpy()[self.offsets[1:] - 1] + 1, 0)
        shift = following[np.minimum(known, self.num_series)]
        numbers = other.times.to_numpy()
        shift[numbers[other.offsets[:-1]] != 0] = 0
        return pd.Index(numbers + np.repeat(shift, other.lengths))

    def require_alike(self, other: Panel) -> None:
        """Raise where another panel's columns or kind of times differ."""
        for name in ("target", "past", "future", "static"):
            mine, theirs = getattr(self.columns, name), getattr(other.columns, name)
            if mine != theirs:
                raise DataError(
                    f"the new rows' {name} is {theirs!r}, expected {mine!r}; read them with the "
                    f"same --{name}"
                )
        require_same_times(self.times, other.times)

    def _require_following(self, new: np.ndarray) -> None:
        """Raise where a new row is not one step after the one before it in its series."""
        numbers = row_numbers(self.offsets)
        if self.frequency is None:
            ordered = self.times.to_numpy()
            wrong = np.concatenate([[False], ordered[1:] <= ordered[:-1]]) & (numbers > 0)
        else:
            spacing = measure_spacing(self.times, self.frequency, self.offsets)
            wrong = spacing.off | (spacing.steps != numbers)
        for row in np.flatnonzero(new & wrong)[:1]:
            i = int(np.searchsorted(self.offsets, row, side="right")) - 1
            before, got = self.times[self.offsets[i] : row], shown_time(self.times[row])
            if not len(before):
                raise DataError(
                    f"series {self.ids[i]!r}: {got} is no time of the frequency "
                    f"{frequency_name(self.frequency)}; correct it"
                )
            expected = future_times(before, self.frequency, 1)[0]
            raise DataError(
                f"series {self.ids[i]!r}: expected a row at {shown_time(expected)}, which follows "
                f"directly on the last, got {got}; give every row after {shown_time(before[-1])}, "
                "once"
            )


def require_same_times(expected: pd.Index, got: pd.Index) -> None:
    """Raise where times are of another kind, or in another time zone."""
    kinds = []
    for times in (expected, got):
        if isinstance(times, pd.DatetimeIndex):
            kinds.append("dates" if times.tz is None else f"dates in time zone {times.tz}")
        else:
            kinds.append("whole numbers")
    if kinds[0] != kinds[1]:
        raise DataError(
            f"the new rows' times are {kinds[1]}, and those of the series {kinds[0]}; give them "
            "alike"
        )
