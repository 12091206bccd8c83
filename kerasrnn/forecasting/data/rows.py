"""The rows of a table, series by series and in the order of time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from kerasrnn.forecasting.data.frequency import inner_steps, row_numbers, shown_time
from kerasrnn.forecasting.data.options import Reading
from kerasrnn.forecasting.data.parsing import parse_ids, parse_numbers, parse_times
from kerasrnn.forecasting.data.table import Table
from kerasrnn.forecasting.errors import DataError


@dataclass(frozen=True, eq=False)
class Rows:
    """Numbers of a table, a row for each time of each series.

    Attributes:
        table: Where they come from.
        time: Name of the column of times; None where rows are numbered.
        names: Names of the columns of `cells`.
        form: `"series"`, `"wide"` or `"long"`.
        ids: The series.
        codes: (rows,) The number of each row's series.
        times: (rows,) The times.
        cells: (rows, columns) float64; NaN where missing.
        given: (rows, columns) bool; which of these were given, and not filled in.
        origin: (rows,) The table's row.
    """

    table: Table
    time: str | None
    names: tuple[str, ...]
    form: str
    ids: tuple[str, ...]
    codes: np.ndarray
    times: pd.Index
    cells: np.ndarray
    given: np.ndarray
    origin: np.ndarray

    @property
    def offsets(self) -> np.ndarray:
        """(series + 1,) Where the series' rows begin and end, once they are in order."""
        counts = np.bincount(self.codes, minlength=len(self.ids))
        return np.concatenate([[0], np.cumsum(counts)])

    def take(self, rows: np.ndarray) -> Rows:
        """Return some of the rows."""
        return replace(
            self,
            codes=self.codes[rows],
            times=self.times[rows],
            cells=self.cells[rows],
            given=self.given[rows],
            origin=self.origin[rows],
        )

    def place(self, row: int, column: str | None) -> str:
        """Name a cell, and of many series the one that it is of."""
        if column is None:
            return self.table.source + self.of_series(row)
        if self.form == "wide" and column != self.time:
            return self.table.place(self.origin[row], self.ids[self.codes[row]])
        return self.table.place(self.origin[row], column) + self.of_series(row)

    def of_series(self, row: int) -> str:
        """Name the series of a row, where there are many."""
        return "" if self.form == "series" else f", series {self.ids[self.codes[row]]!r}"

    def at(self, row: int) -> str:
        """Name the time of a row, where the table's lines do not say it."""
        return "" if self.table.unit == "line" else f" at {shown_time(self.times[row])}"


def long_rows(
    table: Table, unique_id: str | None, time: str | None, names: tuple[str, ...], reading: Reading
) -> Rows:
    """Return the rows of a table that has one column for the target."""
    options = {**dict.fromkeys(reading.past, "past"), **dict.fromkeys(reading.future, "future")}
    columns = [parse_numbers(table, name, reading, options.get(name, "target")) for name in names]
    count, cells = len(table.frame), np.column_stack(columns)
    codes, ids = np.zeros(count, "int64"), names[:1]
    if unique_id is not None:
        codes, ids = parse_ids(table, unique_id)
    rows = Rows(
        table=table,
        time=time,
        names=names,
        form="series" if unique_id is None else "long",
        ids=ids,
        codes=codes,
        times=pd.RangeIndex(count) if time is None else parse_times(table, time, reading),
        cells=cells,
        given=~np.isnan(cells),
        origin=np.arange(count),
    )
    return with_numbered_times(rows) if time is None else rows


def wide_rows(
    table: Table, time: str | None, series: tuple[str, ...], target: str, reading: Reading
) -> Rows:
    """Return the rows of a table in which every column is a series."""
    columns = [parse_numbers(table, name, reading) for name in series]
    count = len(table.frame)
    times = pd.RangeIndex(count) if time is None else parse_times(table, time, reading)
    origin = np.tile(np.arange(count), len(series))
    cells = np.concatenate(columns)[:, None]
    return Rows(
        table=table,
        time=time,
        names=(target,),
        form="wide",
        ids=series,
        codes=np.repeat(np.arange(len(series)), count),
        times=times[origin],
        cells=cells,
        given=~np.isnan(cells),
        origin=origin,
    )


def with_numbered_times(rows: Rows) -> Rows:
    """Number the rows of each series in place of times."""
    rows = rows.take(np.argsort(rows.codes, kind="stable"))
    return replace(rows, times=pd.Index(row_numbers(rows.offsets), dtype="int64"))


def in_order(rows: Rows, reading: Reading) -> Rows:
    """Return the rows series by series, in strictly increasing time.

    Raises:
        DataError: they are not, and no option says what to do about it.
    """
    moments = ticks(rows.times)
    keys = (moments, rows.codes) if reading.sort else (rows.codes,)
    rows = rows.take(np.lexsort(keys))
    inner = inner_steps(rows.offsets)
    steps = np.diff(ticks(rows.times))
    for row in np.flatnonzero(inner & (steps < 0))[:1] + 1:
        raise DataError(
            f"{rows.place(row, rows.time)}: {time_cell(rows, row)} comes after a later time; sort "
            f"the rows, or use --sort{other_series(rows)}"
        )
    return distinct(rows, inner & (steps == 0), reading)


def distinct(rows: Rows, repeats: np.ndarray, reading: Reading) -> Rows:
    """Return one row for each time of a series.

    Args:
        rows: In order.
        repeats: (rows - 1,) Whether the next row is of the same time.
        reading: Which row is to be kept.
    """
    if not repeats.any():
        return rows
    starts = np.flatnonzero(np.concatenate([[True], ~repeats]))
    if reading.duplicates is None:
        again = np.flatnonzero(repeats)[0] + 1
        first = starts[np.searchsorted(starts, again, side="right") - 1]
        raise DataError(
            f"{rows.place(again, rows.time)}: {time_cell(rows, again)} stands in {rows.table.unit} "
            f"{rows.table.numbers[rows.origin[first]]} already; keep one row, or use --duplicates "
            f"first, last or mean{other_series(rows)}"
        )
    if reading.duplicates == "first":
        return rows.take(starts)
    if reading.duplicates == "last":
        return rows.take(np.append(starts[1:], len(rows.codes)) - 1)
    present = ~np.isnan(rows.cells)
    sums = np.add.reduceat(np.where(present, rows.cells, 0.0), starts)
    counts = np.add.reduceat(present, starts, dtype="int64")
    means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    return replace(rows.take(starts), cells=means, given=counts > 0)


def ticks(times: pd.Index) -> np.ndarray:
    """Return times as whole numbers, to be compared."""
    return times.asi8 if isinstance(times, pd.DatetimeIndex) else times.to_numpy("int64")


def time_cell(rows: Rows, row: int) -> str:
    """Quote the time of a row as it came."""
    assert rows.time is not None
    return repr(shown_time(rows.table.frame[rows.time].iloc[rows.origin[row]]))


def other_series(rows: Rows) -> str:
    """Say that the rows may be of many series, where a column may tell them apart."""
    others = set(rows.table.frame.columns) - {rows.time, *rows.names}
    if rows.form != "series" or not others:
        return ""
    return "; where they are of many series, name the column of these with --unique-id"


def require_values(rows: Rows) -> None:
    """Raise where a series has no value of the target at all."""
    counts = np.bincount(rows.codes[~np.isnan(rows.cells[:, 0])], minlength=len(rows.ids))
    for i in np.flatnonzero(counts == 0)[:1]:
        place = f"{rows.table.source}, column {rows.names[0]!r}"
        if rows.form == "wide":
            place = f"{rows.table.source}, column {rows.ids[i]!r}"
        elif rows.form == "long":
            place += f", series {rows.ids[i]!r}"
        raise DataError(
            f"{place}: no values at all; "
            + ("leave the series out" if rows.form != "series" else "choose another column")
            + (" or choose another column" if rows.form == "long" else "")
            + (" with --target" if rows.form != "wide" else "")
        )


def until_last_target(rows: Rows) -> Rows:
    """Leave out the rows after each series' last target: they are its future."""
    known = np.flatnonzero(~np.isnan(rows.cells[:, 0]))
    last = np.zeros(len(rows.ids), "int64")
    np.maximum.at(last, rows.codes[known], known)
    return rows.take(np.flatnonzero(np.arange(len(rows.codes)) <= last[rows.codes]))


def from_first_target(rows: Rows) -> Rows:
    """Leave out the rows before each series' first target."""
    known = np.flatnonzero(~np.isnan(rows.cells[:, 0]))
    first = np.full(len(rows.ids), len(rows.codes))
    np.minimum.at(first, rows.codes[known], known)
    return rows.take(np.flatnonzero(np.arange(len(rows.codes)) >= first[rows.codes]))
