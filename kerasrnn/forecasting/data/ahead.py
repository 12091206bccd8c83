"""Read the covariates that are known ahead, for the steps after each series' end."""

from dataclasses import replace
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
from kerasrnn.forecasting.data.options import Reading
from kerasrnn.forecasting.data.panel import Panel, same_times
from kerasrnn.forecasting.data.roles import require_column
from kerasrnn.forecasting.data.rows import Rows, in_order, long_rows, ticks
from kerasrnn.forecasting.data.table import Table, open_table
from kerasrnn.forecasting.errors import DataError
from kerasrnn.forecasting.wording import there_are


def future_values(
    data: str | Path | pd.DataFrame,
    panel: Panel,
    steps: int,
    **options: Any,
) -> np.ndarray:
    """Read the covariates that are known ahead, for the steps after each series' end.

    Args:
        data: A table with the panel's columns of series, times and covariates known ahead;
            the one that the panel was read from, where it goes on past the last target, or
            one of its own. Other rows and columns are left alone.
        panel: The series.
        steps: How many steps ahead.
        **options: Attributes of `Reading` but for the columns. Default: as the panel was read.

    Returns:
        (series, steps, covariates known ahead) float64, finite.

    Raises:
        DataError: a row or a value is missing, or a time is none of those expected.
    """
    names = panel.columns.future
    if not names:
        return np.empty((panel.num_series, steps, 0))
    reading = reading_ahead(panel, options)
    table = open_table(data, reading)
    rows, step = steps_ahead(future_rows(table, panel, reading), panel)
    rows, step = rows.take(np.flatnonzero(step < steps)), step[step < steps]
    series = rows.codes
    present = np.zeros((panel.num_series, steps), bool)
    present[series, step] = True
    if not present.all():
        raise DataError(f"{table.source}: {missing_ahead(present, panel)}")
    values = np.empty((panel.num_series, steps, len(names)))
    values[series, step] = rows.cells
    if reading.fill is not None and reading.fill != "drop":
        values = filled_ahead(values, panel, reading)
    for i, first, column in np.argwhere(np.isnan(values))[:1]:
        row = int(np.flatnonzero((series == i) & (step == first))[0])
        raise DataError(
            f"{rows.place(row, names[column])}: missing value{rows.at(row)} of what is known "
            "ahead; fill in the cell, or accept missing values with --fill linear, previous, zero "
            "or seasonal"
        )
    return values


def missing_ahead(present: np.ndarray, panel: Panel) -> str:
    """Say which rows are missing.

    Args:
        present: (series, steps) Which rows are there.
        panel: The series.
    """
    lacking = (~present).sum(axis=1)
    i = int(np.flatnonzero(lacking)[0])
    series = "" if panel.form == "series" else f" of series {panel.ids[i]!r}"
    at = panel.future_times(i, int((~present[i]).argmax()) + 1)[-1]
    count, others = int(lacking[i]), int((lacking > 0).sum()) - 1
    more = f", and some of {others} more series" if others else ""
    return (
        f"expected a row of {', '.join(panel.columns.future)}{series} at {shown_time(at)}; "
        f"{there_are(count, 'row')} missing of the {present.shape[1]} to forecast{more}; add them, "
        "or name the table that holds them with --future-file"
    )


def reading_ahead(panel: Panel, options: dict[str, Any]) -> Reading:
    """Return how a table of the future is to be read: as the panel was, but for these options."""
    others: dict[str, Any] = {"target": None, "time": None, "unique_id": None}
    others |= {"past": (), "future": panel.columns.future, "static": ()}
    for name in others.keys() & options.keys():
        raise DataError(f"the columns of the future are those of the fit; leave {name} out")
    return replace(panel.reading, **others | options)


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
    rows = replace(rows, times=same_times(panel.times, rows.times))
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


def filled_ahead(values: np.ndarray, panel: Panel, reading: Reading) -> np.ndarray:
    """Fill what is missing in covariates known ahead (series, steps, covariates)."""
    policy, season = str(reading.fill), reading.season or season_length(panel.frequency)
    steps = values.shape[1]
    offsets = panel.offsets + steps * np.arange(panel.num_series + 1)
    ahead = offsets[1:, None] - steps + np.arange(steps)
    known = np.ones(offsets[-1], bool)
    known[ahead] = False
    filled = np.empty_like(values)
    for i, history in enumerate(panel.future.T):
        column = np.empty(len(known))
        column[known], column[ahead] = history, values[:, :, i]
        filled[:, :, i] = fill_column(column, offsets, policy, season)[ahead]
    return filled
