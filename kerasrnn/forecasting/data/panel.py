"""One or many series in one table of numbers, row under row."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from kerasrnn.forecasting.data.dates import zone_name
from kerasrnn.forecasting.data.filling import fill_column
from kerasrnn.forecasting.data.frequency import (
    Frequency,
    count_positions,
    future_times,
    row_numbers,
    season_length,
)
from kerasrnn.forecasting.data.options import Reading
from kerasrnn.forecasting.errors import DataError
from kerasrnn.forecasting.wording import counted


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
        given: (rows, 1 + both kinds of covariates) bool; which of the values, the past and the
            future covariates were given, and not filled in.
        static: A row for each series; columns of float64 or of text.
        columns: The names of all these.
        frequency: The step between rows; a whole number where times are. None: rows are
            taken as equal steps, or there are too few to tell.
        form: `"series"`, `"wide"` or `"long"`: how the series came.
        reading: How they were read, as more rows of theirs are by default.
    """

    ids: tuple[str, ...]
    offsets: np.ndarray
    times: pd.Index
    values: np.ndarray
    past: np.ndarray
    future: np.ndarray
    given: np.ndarray
    static: pd.DataFrame
    columns: Columns
    frequency: Frequency | None
    form: str
    reading: Reading

    @property
    def num_series(self) -> int:
        """The number of series."""
        return len(self.ids)

    @property
    def lengths(self) -> np.ndarray:
        """(series,) The number of rows of each series."""
        return np.diff(self.offsets)

    @property
    def observed(self) -> np.ndarray:
        """(rows,) Whether the value was given, and not filled in."""
        return np.asarray(self.given[:, 0])

    @property
    def season(self) -> int:
        """Steps in a season: as named when the series were read, or from their frequency."""
        return self.reading.season or season_length(self.frequency)

    @property
    def num_filled(self) -> int:
        """The number of rows whose value was filled in."""
        return int(np.count_nonzero(~self.observed))

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

        What was filled in is filled in anew, from the rows that remain.

        Args:
            drop: Number of rows, for all series or for each.

        Raises:
            DataError: nothing remains of a series.
        """
        lengths = self.lengths - drop
        for i in np.flatnonzero(lengths < 1)[:1]:
            raise DataError(
                f"series {self.ids[i]!r} has {counted(self.lengths[i], 'row')}, of which "
                f"{self.lengths[i] - lengths[i]} would be left out: none remains; give it more "
                "rows, or leave the series out"
            )
        return self._cut(self.offsets[:-1], lengths)._filled_anew()

    def _filled_anew(self) -> Panel:
        """Return what was filled in as these rows alone would have it.

        Covariates known ahead stay as they are, as do values before which there is none.
        """
        past = 1 + self.past.shape[1]
        given = self.given[:, :past]
        if given.all():
            return self
        cells = np.column_stack([self.values, self.past])
        policy = self.reading.fill or "previous"
        for column, known in zip(cells.T, given.T, strict=True):
            left = np.where(known, column, np.nan)
            for how in (policy, "previous"):  # of a season, there may be no other value
                left = fill_column(left, self.offsets, how, self.season)
            np.copyto(column, left, where=~np.isnan(left))
        return replace(self, values=np.ascontiguousarray(cells[:, 0]), past=cells[:, 1:])

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
            given=self.given[rows],
        )

    def require_alike(self, columns: Columns, times: pd.Index) -> None:
        """Raise where the columns or the kind of times of new rows differ."""
        for name in ("target", "past", "future", "static"):
            mine, theirs = getattr(self.columns, name), getattr(columns, name)
            if mine != theirs:
                raise DataError(
                    f"the new rows' {name} is {theirs!r}, expected {mine!r}; read them with the "
                    f"same --{name}"
                )
        same_times(self.times, times)


def same_times(expected: pd.Index, got: pd.Index) -> pd.Index:
    """Return times in the time zone of others, of whichever package theirs is.

    Raises:
        DataError: times are of another kind, or in a time zone of another name.
    """
    if kind_of(expected) != kind_of(got):
        raise DataError(
            f"the new rows' times are {kind_of(got)}, and those of the series {kind_of(expected)}; "
            "give them alike"
        )
    if isinstance(expected, pd.DatetimeIndex) and expected.tz is not None:
        assert isinstance(got, pd.DatetimeIndex)
        return got.tz_convert(expected.tz)
    return got


def kind_of(times: pd.Index) -> str:
    """Say what times are."""
    if not isinstance(times, pd.DatetimeIndex):
        return "whole numbers"
    return "dates" if times.tz is None else f"dates in time zone {zone_name(times.tz) or times.tz}"
