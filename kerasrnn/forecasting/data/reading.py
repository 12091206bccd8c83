"""Read one or many series from a file or a data frame, or say exactly what is wrong with it."""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasrnn.forecasting.data.filling import fill_column
from kerasrnn.forecasting.data.frequency import (
    frequency_name,
    measure_spacing,
    row_numbers,
    season_length,
    shown_time,
)
from kerasrnn.forecasting.data.gaps import evenly_spaced, filled, without_missing
from kerasrnn.forecasting.data.options import Reading
from kerasrnn.forecasting.data.panel import Columns, Panel, require_same_times
from kerasrnn.forecasting.data.parsing import parse_static
from kerasrnn.forecasting.data.roles import choose_columns, require_column
from kerasrnn.forecasting.data.rows import (
    ACCEPT,
    Rows,
    from_first_target,
    in_order,
    long_rows,
    require_no_missing,
    require_values,
    ticks,
    until_last_target,
    wide_rows,
)
from kerasrnn.forecasting.data.table import Table, open_table
from kerasrnn.forecasting.errors import DataError

__all__ = ["Reading", "air_passengers", "future_values", "read"]


def air_passengers() -> pd.Series:
    """Return the monthly airline passengers of 1949 to 1960, in thousands.

    Source: Box, Jenkins: Time Series Analysis, Forecasting and Control, series G.
    """
    resource = files("kerasrnn.forecasting") / "datasets" / "air_passengers.csv"
    with as_file(resource) as path:
        return read(path).series(0)


def read(
    data: str | Path | pd.Series | pd.DataFrame | Panel,
    reading: Reading | None = None,
    **options: Any,
) -> Panel:
    """Read one or many series.

    >>> frame = pd.DataFrame(
    ...     {
    ...         "unique_id": ["a", "a", "b", "b"],
    ...         "ds": pd.to_datetime(["2020-01-01", "2020-01-02"] * 2),
    ...         "y": [1, 2, 3, 4],
    ...     }
    ... )
    >>> read(frame).ids
    ('a', 'b')

    Args:
        data: What holds the series:

            - the path of a CSV file with a header line (gzipped or not; commas, semicolons,
              tabs and bars are understood as separators), or of a Parquet file;
            - a `Series` with its times, or whole numbers, as the index;
            - a `DataFrame` in long form, with columns of names (`unique_id`), times (`ds`),
              the target (`y`) and covariates;
            - a `DataFrame` in wide form, with an index of times and a column for each series;
            - a `Panel`, which is returned as it is.
        reading: What to read and what to accept; see `Reading`.
        **options: The attributes of `Reading`, in place of one.

    Returns:
        Finite values at strictly increasing, evenly spaced times.

    Raises:
        DataError: with place and remedy.
    """
    reading = reading or Reading(**options)
    if isinstance(data, Panel):
        return data
    table = open_table(data, reading)
    columns, series = choose_columns(table, reading)
    rows = (
        wide_rows(table, columns.time, series, columns.target, reading)
        if series
        else long_rows(
            table,
            columns.unique_id,
            columns.time,
            (columns.target, *columns.past, *columns.future),
            reading,
        )
    )
    static = read_static(rows, columns)
    rows = in_order(rows, reading)
    require_values(rows)
    if columns.future:
        rows = until_last_target(rows)
    if rows.form == "wide":
        rows = from_first_target(rows)
    if reading.fill is None:
        require_no_missing(rows)
    elif reading.fill == "drop":
        rows = without_missing(rows)
    rows, frequency = evenly_spaced(rows, reading)
    if np.isnan(rows.cells).any():
        rows = filled(rows, frequency, str(reading.fill))
    if not reading.allow_constant:
        require_changes(rows)
    past = 1 + len(columns.past)
    return Panel(
        ids=rows.ids,
        offsets=rows.offsets,
        times=rows.times,
        values=np.ascontiguousarray(rows.cells[:, 0]),
        past=rows.cells[:, 1:past],
        future=rows.cells[:, past:],
        static=static,
        columns=columns,
        frequency=frequency,
        form=rows.form,
    )


def read_static(rows: Rows, columns: Columns) -> pd.DataFrame:
    """Return the covariates of whole series, a row for each."""
    codes = np.empty(len(rows.codes), "int64")
    codes[rows.origin] = rows.codes
    static = {name: parse_static(rows.table, name, codes, rows.ids) for name in columns.static}
    return pd.DataFrame(static, index=pd.RangeIndex(len(rows.ids)))


def require_changes(rows: Rows) -> None:
    """Raise where every series is of one value only."""
    values, starts = rows.cells[:, 0], rows.offsets[:-1]
    constant = np.maximum.reduceat(values, starts) == np.minimum.reduceat(values, starts)
    if len(values) == 1 or not constant.all():
        return
    if len(rows.ids) == 1:
        told = f"all {len(values)} values are {values[0]:g}; a constant series leaves"
    else:
        told = f"each of the {len(rows.ids)} series is constant, which leaves"
    column = "" if rows.form == "wide" else f", column {rows.names[0]!r}"
    raise DataError(
        f"{rows.table.source}{column}: {told} nothing to learn, choose another column with --target"
    )


def future_values(
    data: str | Path | pd.DataFrame,
    panel: Panel,
    steps: int,
    reading: Reading | None = None,
    **options: Any,
) -> np.ndarray:
    """Read the covariates that are known ahead, for the steps after each series' end.

    Args:
        data: A table with the panel's columns of series, times and covariates known ahead;
            the one that the panel was read from, where it goes on past the last target, or
            one of its own. Other rows and columns are left alone.
        panel: The series.
        steps: How many steps ahead.
        reading: How to read the table; see `Reading`. Columns are those of the panel.
        **options: The attributes of `Reading`, in place of one.

    Returns:
        (series, steps, covariates known ahead) float64, finite.

    Raises:
        DataError: a row or a value is missing, or a time is none of those expected.
    """
    names = panel.columns.future
    if not names:
        return np.empty((panel.num_series, steps, 0))
    reading = replace(
        reading or Reading(**options),
        target=None,
        time=None,
        unique_id=None,
        past=(),
        future=names,
        static=(),
    )
    table = open_table(data, reading)
    rows, step = steps_ahead(future_rows(table, panel, reading), panel)
    rows, step = rows.take(np.flatnonzero(step < steps)), step[step < steps]
    series = rows.codes
    present = np.zeros((panel.num_series, steps), bool)
    present[series, step] = True
    for i, first in np.argwhere(~present)[:1]:
        at = panel.future_times(int(i), int(first) + 1)[-1]
        raise DataError(
            f"{table.source}: expected {', '.join(names)} of series {panel.ids[i]!r} at "
            f"{shown_time(at)}, which is missing ({(~present).sum()} of {present.size} rows are); "
            f"add the rows of the {steps} steps after each series' last"
        )
    values = np.empty((panel.num_series, steps, len(names)))
    values[series, step] = rows.cells
    if reading.fill is not None and reading.fill != "drop":
        values = filled_ahead(values, panel, reading.fill)
    for i, first, column in np.argwhere(np.isnan(values))[:1]:
        row = int(np.flatnonzero((series == i) & (step == first))[0])
        raise DataError(
            f"{rows.place(row, names[column])}: missing value{rows.at(row)} of what is known "
            f"ahead; fill in the cell, or accept missing values with {ACCEPT.split(' or ')[0]}"
        )
    return values


def future_rows(table: Table, panel: Panel, reading: Reading) -> Rows:
    """Return the rows of a table for the covariates known ahead, with the panel's series."""
    columns = panel.columns
    for name in columns.future:
        require_column(table, "future", name)
    unique_id = None
    if panel.form != "series":
        unique_id = table.unique_id or columns.unique_id or "unique_id"
        require_column(table, "unique-id", unique_id)
    time = columns.time
    if time is not None and time not in table.frame.columns and table.time is not None:
        time = table.time
    if time is not None:
        require_column(table, "time", time)
    rows = in_order(long_rows(table, unique_id, time, columns.future, reading), reading)
    number = pd.Index(panel.ids).get_indexer(pd.Index(rows.ids)) if unique_id else np.zeros(1, int)
    codes = number[rows.codes]
    rows = replace(rows, codes=codes, ids=panel.ids).take(np.flatnonzero(codes >= 0))
    rows = rows.take(np.argsort(rows.codes, kind="stable"))
    if time is None and columns.target not in table.frame.columns:
        # The rows of a table of its own are numbered on from the panel's last.
        last = panel.times.to_numpy()[panel.offsets[1:] - 1]
        rows = replace(rows, times=pd.Index(rows.times.to_numpy() + 1 + last[rows.codes]))
    return rows


def steps_ahead(rows: Rows, panel: Panel) -> tuple[Rows, np.ndarray]:
    """Return the rows after each series' end, and how many steps after the first of these."""
    require_same_times(panel.times, rows.times)
    ends = panel.times[panel.offsets[1:] - 1]
    moments = ticks(ends.append(rows.times))
    after = moments[len(ends) :] > moments[: len(ends)][rows.codes]
    rows = rows.take(np.flatnonzero(after))
    if panel.frequency is None:
        return rows, row_numbers(rows.offsets)
    # The steps are counted from each series' end, which is put before its rows.
    offsets = rows.offsets + np.arange(panel.num_series + 1)
    place = np.arange(len(rows.codes)) + rows.codes + 1
    order = np.empty(offsets[-1], "int64")
    order[offsets[:-1]] = np.arange(panel.num_series)
    order[place] = panel.num_series + np.arange(len(rows.codes))
    spacing = measure_spacing(ends.append(rows.times)[order], panel.frequency, offsets)
    for row in np.flatnonzero(spacing.off[place])[:1]:
        raise DataError(
            f"{rows.place(row, rows.time)}: {shown_time(rows.times[row])} is not at the frequency "
            f"{frequency_name(panel.frequency)} of the series; correct it"
        )
    return rows, spacing.steps[place] - 1


def filled_ahead(values: np.ndarray, panel: Panel, policy: str) -> np.ndarray:
    """Fill what is missing in covariates known ahead (series, steps, covariates)."""
    steps = values.shape[1]
    offsets = panel.offsets + steps * np.arange(panel.num_series + 1)
    ahead = offsets[1:, None] - steps + np.arange(steps)
    known = np.ones(offsets[-1], bool)
    known[ahead] = False
    filled = np.empty_like(values)
    for i, history in enumerate(panel.future.T):
        column = np.empty(len(known))
        column[known], column[ahead] = history, values[:, :, i]
        season = season_length(panel.frequency)
        filled[:, :, i] = fill_column(column, offsets, policy, season)[ahead]
    return filled
