"""Read the rows that follow on those of a panel."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from kerasrnn.forecasting.data.frequency import (
    Frequency,
    frequency_name,
    measure_spacing,
    shown_time,
)
from kerasrnn.forecasting.data.gaps import (
    FILL_IN,
    filled,
    gaps_message,
    require_no_missing,
    with_missing_rows,
    without_missing,
)
from kerasrnn.forecasting.data.options import Reading
from kerasrnn.forecasting.data.panel import Panel, same_times
from kerasrnn.forecasting.data.reading import panel_of, read, read_table
from kerasrnn.forecasting.data.rows import Rows, ticks
from kerasrnn.forecasting.data.table import Table
from kerasrnn.forecasting.errors import DataError

MOSTLY = 0.75


def read_more(data: Any, panel: Panel, **options: Any) -> Panel:
    """Read another table of a panel's series.

    Args:
        data: What `read` takes.
        panel: The series.
        **options: Attributes of `Reading`. Default: as the panel was read.
    """
    if isinstance(data, Panel):
        return read(data, **options)
    return read(data, reading_more(data, panel, options))


def reading_more(data: Any, panel: Panel, options: dict[str, Any]) -> Reading:
    """Return how more rows are to be read: as the panel was, but for these options."""
    columns, wide = panel.columns, panel.form == "wide"
    names: dict[str, Any] = {
        "unique_id": columns.unique_id,
        "time": columns.time,
        "target": None if wide else columns.target,
        "wide": wide,
        "past": columns.past,
        "future": columns.future,
        "static": columns.static,
    }
    if isinstance(data, pd.Series):  # which has a name at most
        names = {name: getattr(Reading(), name) for name in names}
    names |= {"frequency": panel.frequency, "allow_constant": True}
    return replace(panel.reading, **names | options)


def append(panel: Panel, data: Any, **options: Any) -> Panel:
    """Return a panel with new rows of its series, and with new series at the end.

    Rows that repeat known ones are left out, so that a table which grows can be given whole; a
    value that was filled in gives way to one that is given now. What is missing between the
    known rows and the new ones, and in the new ones, is filled where `fill` says how. Rows
    without times go on after the last known one, unless three quarters of the known rows are
    repeated by them. Static covariates of known series stay as they are.

    Args:
        panel: The known rows.
        data: The new ones; what `read` takes.
        **options: Attributes of `Reading`. Default: as the panel was read.

    Raises:
        DataError: columns differ, rows are missing, or a known row has another value.
    """
    reading = reading_more(data, panel, options)
    if isinstance(data, Panel):
        columns, rows, static = data.columns, rows_of(read(data, **options)), data.static
    else:
        columns, rows, static = read_table(data, reading)
    panel.require_alike(columns, rows.times)
    if reading.fill is None:
        require_no_missing(rows, reading)
    elif reading.fill == "drop":
        rows = without_missing(rows)
    rows = replace(rows, times=same_times(panel.times, rows.times))
    known, new = rows_of(panel), among(panel.ids, rows)
    if panel.columns.time is None and columns.time is None:
        new = numbered_on(known, new)
    joined = together(*without_repeats(known, new))
    if panel.frequency is not None:
        joined = without_gaps(joined, panel.frequency, reading)
    if np.isnan(joined.cells).any():
        joined = filled(joined, panel.frequency, reading)
    fresh = np.flatnonzero(~pd.Index(rows.ids).isin(panel.ids))
    static = with_static(panel.static, static.iloc[fresh]) if len(fresh) else panel.static
    form = "long" if len(fresh) and panel.form == "series" else panel.form
    joined = replace(joined, form=form)
    return panel_of(joined, static, panel.columns, panel.frequency, panel.reading)


def with_static(known: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Return static covariates of known series and of new ones, of the kind of the known.

    Raises:
        DataError: a new one is text where the known ones are numbers.
    """
    columns = {}
    for name in known.columns:
        column = new[name]
        numeric, was_numeric = (pd.api.types.is_numeric_dtype(one) for one in (column, known[name]))
        if was_numeric and not numeric:
            raise DataError(
                f"static column {name!r}: expected numbers, as in the data of the fit. Got "
                f"{column.iloc[0]!r} of a new series; correct it, or fit again"
            )
        if numeric and not was_numeric:
            column = column.map("{:g}".format)
        columns[name] = pd.concat([known[name], column], ignore_index=True)
    return pd.DataFrame(columns, index=range(len(known) + len(new)))


def rows_of(panel: Panel) -> Rows:
    """Return the rows of a panel as those of a table."""
    columns = panel.columns
    count = len(panel.values)
    return Rows(
        table=Table("the panel", pd.DataFrame(), np.arange(count)),
        time=columns.time,
        names=(columns.target, *columns.past, *columns.future),
        form=panel.form,
        ids=panel.ids,
        codes=np.repeat(np.arange(panel.num_series), panel.lengths),
        times=panel.times,
        cells=np.column_stack([panel.values, panel.past, panel.future]),
        given=panel.given,
        origin=np.arange(count),
    )


def among(ids: tuple[str, ...], rows: Rows) -> Rows:
    """Return rows with their series numbered as those known, which new ones follow on."""
    everyone = tuple(dict.fromkeys((*ids, *rows.ids)))
    codes = pd.Index(everyone).get_indexer(pd.Index(rows.ids))[rows.codes]
    renumbered = replace(rows, ids=everyone, codes=codes)
    return renumbered.take(np.argsort(codes, kind="stable"))


def moments_of(known: Rows, new: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Return the times of both as whole numbers of one unit."""
    moments = ticks(known.times.append(new.times))
    return moments[: len(known.codes)], moments[len(known.codes) :]


def same_rows(known: Rows, new: Rows) -> np.ndarray:
    """Return for each new row the known one of its series and time, or -1."""
    before, after = moments_of(known, new)
    return pd.MultiIndex.from_arrays([known.codes, before]).get_indexer(
        pd.MultiIndex.from_arrays([new.codes, after])
    )


def differing(known: Rows, new: Rows, same: np.ndarray) -> np.ndarray:
    """Return (rows, columns), where a new row has another value than the known one.

    What is missing or was filled in differs from nothing.
    """
    differ = (known.cells[same] != new.cells) & known.given[same] & new.given
    differ[same < 0] = False
    return differ


def numbered_on(known: Rows, new: Rows) -> Rows:
    """Number new rows on, which have mere numbers from 0 on, where they do not repeat the known.

    They do where they are as many at least, and most of the known ones are among them.
    """
    same = same_rows(known, new)
    repeated = (same >= 0) & ~differing(known, new, same).any(axis=1)
    count, numbers = len(new.ids), new.times.to_numpy()
    alike, before, after = (
        np.bincount(codes, minlength=count)
        for codes in (new.codes[repeated], known.codes, new.codes)
    )
    whole = (after >= before) & (alike >= MOSTLY * before)
    following = np.zeros(count, "int64")
    following[: len(known.ids)] = known.times.to_numpy()[known.offsets[1:] - 1] + 1
    shift = np.where(whole, 0, following)
    return replace(new, times=pd.Index(numbers + shift[new.codes], name=new.times.name))


def without_repeats(known: Rows, new: Rows) -> tuple[Rows, Rows]:
    """Return the known rows, with what the new ones give anew, and those that follow on them.

    Raises:
        DataError: a known row has another value, or a row is before the last known one.
    """
    same = same_rows(known, new)
    differ = differing(known, new, same)
    require_same_values(known, new, same, differ)
    cells, given = known.cells.copy(), known.given.copy()
    rows, columns = np.nonzero((same >= 0)[:, None] & new.given)
    cells[same[rows], columns] = new.cells[rows, columns]
    given[same[rows], columns] = True
    following = new.take(np.flatnonzero(after_known(known, new, same)))
    return replace(known, cells=cells, given=given), following


def require_same_values(known: Rows, new: Rows, same: np.ndarray, differ: np.ndarray) -> None:
    """Raise where a new row has another value than the known one."""
    for row, column in np.argwhere(differ)[:1]:
        was, got = (float(one) for one in (known.cells[same[row], column], new.cells[row, column]))
        raise DataError(
            f"{new.place(row, new.names[column])}: expected {was}, which is known at "
            f"{shown_time(new.times[row])}, got {got}; correct the cell, give only the rows after "
            f"{last_time(known, new, row)}, or fit again"
        )


def after_known(known: Rows, new: Rows, same: np.ndarray) -> np.ndarray:
    """Return (rows,), which new rows come after the known ones of their series.

    Those before the first known one may lack something, for which they were left out before.
    """
    before, after = moments_of(known, new)
    none = np.full(len(new.ids) - len(known.ids), np.iinfo("int64").min)
    first = np.append(before[known.offsets[:-1]], none)[new.codes]
    last = np.append(before[known.offsets[1:] - 1], none)[new.codes]
    left_out = (after < first) & np.isnan(new.cells).any(axis=1)
    for row in np.flatnonzero((same < 0) & (after <= last) & ~left_out)[:1]:
        end = last_time(known, new, row)
        raise DataError(
            f"{new.place(row, new.time)}: expected a row after {end}, the last known one, got "
            f"{shown_time(new.times[row])}, which is none of those known; give only the rows "
            f"after {end}, or fit again"
        )
    return after > last


def last_time(known: Rows, new: Rows, row: int) -> str:
    """Return the last known time of a new row's series, for a message."""
    return shown_time(known.times[known.offsets[new.codes[row] + 1] - 1])


def together(known: Rows, new: Rows) -> Rows:
    """Return known rows and those that follow, series by series."""
    both = replace(
        new,
        codes=np.concatenate([known.codes, new.codes]),
        times=known.times.append(new.times).rename(known.times.name),
        cells=np.concatenate([known.cells, new.cells]),
        given=np.concatenate([known.given, new.given]),
        origin=np.concatenate([np.full(len(known.codes), -1), new.origin]),
    )
    return both.take(np.argsort(both.codes, kind="stable"))


def without_gaps(rows: Rows, frequency: Frequency, reading: Reading) -> Rows:
    """Return rows at the frequency of the known ones; missing ones are inserted under a fill."""
    spacing = measure_spacing(rows.times, frequency, rows.offsets)
    described = f"the frequency {frequency_name(frequency)} of the series"
    for row in np.flatnonzero(spacing.off)[:1]:
        raise DataError(
            f"{rows.place(row, rows.time)}: {shown_time(rows.times[row])} is not at {described}; "
            "correct it"
        )
    if spacing.even:
        return rows
    if reading.fill in (None, "drop"):
        raise DataError(f"{gaps_message(rows, spacing, described)}; give these rows, or {FILL_IN}")
    return with_missing_rows(rows, spacing, frequency)
