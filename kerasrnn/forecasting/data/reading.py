"""Read one or many series from a file or a data frame, or say exactly what is wrong with it."""

from __future__ import annotations

import difflib
from dataclasses import fields, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasrnn.forecasting.data.frequency import Frequency
from kerasrnn.forecasting.data.gaps import (
    evenly_spaced,
    filled,
    require_no_missing,
    without_missing,
)
from kerasrnn.forecasting.data.options import Reading
from kerasrnn.forecasting.data.panel import Columns, Panel
from kerasrnn.forecasting.data.parsing import parse_static
from kerasrnn.forecasting.data.roles import choose_columns
from kerasrnn.forecasting.data.rows import (
    Rows,
    from_first_target,
    in_order,
    long_rows,
    require_values,
    until_last_target,
    wide_rows,
)
from kerasrnn.forecasting.data.table import open_table
from kerasrnn.forecasting.errors import DataError

__all__ = ["Reading", "air_passengers", "read"]


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
        **options: Attributes of `Reading`, in place of those.

    Returns:
        Finite values at strictly increasing, evenly spaced times.

    Raises:
        DataError: with place and remedy.
    """
    if isinstance(data, Panel):
        if reading is not None or options:
            raise DataError(
                f"a Panel was read before: leave {', '.join(options) or 'the reading'} out, or "
                "give the table that it was read from"
            )
        return data
    require_known(options)
    reading = replace(reading or Reading(), **options)
    columns, rows, static = read_table(data, reading)
    if reading.fill is None:
        require_no_missing(rows, reading)
    elif reading.fill == "drop":
        rows = without_missing(rows)
    rows, frequency = evenly_spaced(rows, reading)
    if np.isnan(rows.cells).any():
        rows = filled(rows, frequency, reading)
    if not reading.allow_constant:
        require_changes(rows)
    return panel_of(rows, static, columns, frequency, reading)


def require_known(options: dict[str, Any]) -> None:
    """Raise where `Reading` has no such attribute."""
    known = [field.name for field in fields(Reading)]
    for name in options:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"it is none of {', '.join(known)}"
            raise DataError(f"there is no argument {name!r}; {hint}")


def read_table(data: Any, reading: Reading) -> tuple[Columns, Rows, pd.DataFrame]:
    """Read rows as they are given, with what is missing.

    Returns:
        What the columns are; the rows in order, without those before and after all targets
        where these are left out; and the covariates of whole series, a row for each.
    """
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
    static = read_static(rows, columns, reading)
    rows = in_order(rows, reading)
    require_values(rows)
    if columns.future or reading.fill is not None:
        rows = until_last_target(rows)
    if rows.form == "wide":
        rows = from_first_target(rows)
    return columns, rows, static


def panel_of(
    rows: Rows,
    static: pd.DataFrame,
    columns: Columns,
    frequency: Frequency | None,
    reading: Reading,
) -> Panel:
    """Return rows that nothing is missing in as a panel."""
    past = 1 + len(columns.past)
    return Panel(
        ids=rows.ids,
        offsets=rows.offsets,
        times=rows.times,
        values=np.ascontiguousarray(rows.cells[:, 0]),
        given=rows.given,
        past=rows.cells[:, 1:past],
        future=rows.cells[:, past:],
        static=static,
        columns=columns,
        frequency=frequency,
        form=rows.form,
        reading=reading,
    )


def read_static(rows: Rows, columns: Columns, reading: Reading) -> pd.DataFrame:
    """Return the covariates of whole series, a row for each."""
    codes = np.empty(len(rows.codes), "int64")
    codes[rows.origin] = rows.codes
    static = {
        name: parse_static(rows.table, name, codes, rows.ids, reading) for name in columns.static
    }
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
