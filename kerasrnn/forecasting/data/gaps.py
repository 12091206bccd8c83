"""Gaps between the rows of a series, and values missing in them: told, filled or left out."""

from dataclasses import replace

import numpy as np
import pandas as pd

from kerasrnn.forecasting.data.filling import fill_column, neighbours
from kerasrnn.forecasting.data.frequency import (
    Frequency,
    Spacing,
    complete_times,
    frequency_name,
    infer_frequency,
    inner_steps,
    measure_spacing,
    parse_frequency,
    season_length,
    shown_time,
)
from kerasrnn.forecasting.data.options import Reading
from kerasrnn.forecasting.data.parsing import more
from kerasrnn.forecasting.data.rows import Rows
from kerasrnn.forecasting.errors import DataError
from kerasrnn.forecasting.wording import there_are

MOST_ROWS = 50_000_000
ACCEPT = "--fill linear, previous, zero, seasonal or drop"
FILL_IN = "fill them in with --fill linear, previous, zero or seasonal"


def require_no_missing(rows: Rows, reading: Reading) -> None:
    """Raise where a value is missing."""
    missing = np.isnan(rows.cells)
    if not missing.any():
        return
    row, column = (int(one[0]) for one in np.nonzero(missing))
    frequency = choose_frequency(rows, reading)
    more_rows = ""
    if frequency is not None:
        steps = missing_steps(rows, measure_spacing(rows.times, frequency, rows.offsets))
        if steps.any():
            more_rows = f", and {there_are(int(steps.sum()), 'row')} missing"
    ahead = ""
    if missing[rows.offsets[1:] - 1, 0].all():
        ahead = "; where the last rows are the future, name what is known of it with --future"
    raise DataError(
        f"{rows.place(row, rows.names[column])}: missing value{rows.at(row)}"
        f"{more(int(missing.sum()))}{more_rows}; accept missing values"
        f"{' and rows' * bool(more_rows)} with {ACCEPT}{ahead}"
    )


def evenly_spaced(rows: Rows, reading: Reading) -> tuple[Rows, Frequency | None]:
    """Return the rows at their frequency; missing ones are inserted where a fill is named.

    Raises:
        DataError: there is no frequency, or rows are missing or off it.
    """
    times, offsets = rows.times, rows.offsets
    frequency = choose_frequency(rows, reading)
    if frequency is None:
        if inner_steps(offsets).any() and reading.fill != "drop":
            raise DataError(no_frequency(rows))
        return rows, None
    spacing = measure_spacing(times, frequency, offsets)
    if spacing.even:
        return rows, frequency
    if reading.fill == "drop":
        return rows, None
    for row in np.flatnonzero(spacing.off)[:1]:
        raise DataError(off_frequency(rows, int(row), frequency, reading))
    if reading.fill is None:
        raise DataError(
            f"{gaps_message(rows, spacing, described(frequency, reading))}; {FILL_IN}, take the "
            "rows as equal steps with --fill drop, or name another --frequency"
        )
    return with_missing_rows(rows, spacing, frequency), frequency


def choose_frequency(rows: Rows, reading: Reading) -> Frequency | None:
    """Return the frequency that was named, that of the index, or the one the times follow."""
    if isinstance(reading.frequency, pd.offsets.BaseOffset):
        return reading.frequency
    if reading.frequency is not None:
        return parse_frequency(reading.frequency, rows.times)
    given = rows.table.frequency
    if given is not None and given.n > 0 and not given.freqstr.startswith("C"):
        return given
    return infer_frequency(rows.times, rows.offsets)


def with_missing_rows(rows: Rows, spacing: Spacing, frequency: Frequency) -> Rows:
    """Insert the rows that are missing, without values."""
    offsets = rows.offsets
    total = int((spacing.steps[offsets[1:] - 1] + 1).sum())
    if total > MOST_ROWS:
        raise DataError(
            f"{rows.table.source}: at the frequency {frequency_name(frequency)} there would be "
            f"{total} rows, of which {len(rows.codes)} are given; name another with --frequency, "
            "or take the rows as equal steps with --fill drop"
        )
    times, complete, present = complete_times(rows.times, frequency, offsets, spacing.steps)
    values = np.full((total, rows.cells.shape[1]), np.nan)
    values[present] = rows.cells
    given = np.zeros(values.shape, bool)
    given[present] = rows.given
    origin = np.full(total, -1)
    origin[present] = rows.origin
    codes = np.repeat(np.arange(len(rows.ids)), np.diff(complete))
    return replace(rows, codes=codes, times=times, cells=values, given=given, origin=origin)


def no_frequency(rows: Rows) -> str:
    """Say that the times follow no frequency."""
    steps = pd.Series(rows.times).diff().iloc[1:][inner_steps(rows.offsets)]
    place = rows.table.source + (f", column {rows.time!r}" if rows.time else "")
    return (
        f"{place}: no frequency found, steps between rows range from {shown_time(steps.min())} to "
        f"{shown_time(steps.max())}; name it with --frequency, for example --frequency "
        f"{'D' if isinstance(rows.times, pd.DatetimeIndex) else '1'}, or take the rows as equal "
        "steps with --fill drop"
    )


def described(frequency: Frequency, reading: Reading) -> str:
    """Name a frequency, and where it comes from."""
    named = "" if reading.frequency is not None else ", which the times follow"
    return f"the frequency {frequency_name(frequency)}{named}"


def off_frequency(rows: Rows, row: int, frequency: Frequency, reading: Reading) -> str:
    """Say that a time is none of the frequency's."""
    found = infer_frequency(rows.times, rows.offsets)
    hint = ""
    if found is not None and found != frequency:
        hint = f" (the times look like {frequency_name(found)})"
    return (
        f"{rows.place(row, rows.time)}: {shown_time(rows.times[row])} is not at "
        f"{described(frequency, reading)}; correct it, name another with --frequency{hint}, or "
        "take the rows as equal steps with --fill drop"
    )


def gaps_message(rows: Rows, spacing: Spacing, described: str) -> str:
    """Say how many rows are missing, and where the first of them."""
    missing = missing_steps(rows, spacing)
    row = int(np.flatnonzero(missing)[0])
    if rows.form == "wide":  # all series lack the same
        missing[rows.codes[1:] != rows.codes[row]] = 0
    return (
        f"{rows.place(row + 1, rows.time)}: {there_are(int(missing.sum()), 'row')} missing at "
        f"{described}, the first between {shown_time(rows.times[row])} and "
        f"{shown_time(rows.times[row + 1])}"
    )


def missing_steps(rows: Rows, spacing: Spacing) -> np.ndarray:
    """Return (rows - 1,), how many rows are missing between one and the next."""
    missing = np.diff(spacing.steps) - 1
    missing[~inner_steps(rows.offsets)] = 0
    return missing


def filled(rows: Rows, frequency: Frequency | None, reading: Reading) -> Rows:
    """Fill missing values; a series begins where all of its columns do.

    Raises:
        DataError: there is nothing to fill from.
    """
    policy, season = str(reading.fill), reading.season or season_length(frequency)
    if policy == "seasonal" and season < 2:
        got = "--season 1" if reading.season else f"a frequency of {frequency_name(frequency)}"
        raise DataError(
            f"{rows.table.source}: --fill seasonal needs a season of 2 steps or more. Got {got}; "
            "name another with --season, or use --fill linear"
        )
    offsets = rows.offsets
    values = np.column_stack(
        [fill_column(column, offsets, policy, season) for column in rows.cells.T]
    )
    if policy == "zero":
        values[:, 1:] = np.nan_to_num(values[:, 1:])
    begins = [neighbours(~np.isnan(column), offsets)[1][offsets[:-1]] for column in values.T]
    for column, i in np.argwhere(np.array(begins) < 0)[:1]:
        raise DataError(
            f"{rows.table.source}, column {rows.names[column]!r}{rows.of_series(offsets[i])}: no "
            "values at all; use --fill zero, or leave the column or the series out"
        )
    start = np.repeat(np.max(begins, axis=0), np.diff(offsets))
    begun = np.arange(len(values)) >= start
    if policy != "zero":
        # Of what is given, only values before the series' first row may tell of these holes: where
        # later rows are cut off, nothing else would be left to fill them with.
        for column, given in zip(values.T, rows.cells.T, strict=True):
            before, _ = neighbours(~np.isnan(given), offsets)
            led = begun & (before >= 0) & (before < start)
            column[led] = given[before[led]]
    for row, column in np.argwhere(np.isnan(values) & begun[:, None])[:1]:
        raise DataError(
            f"{rows.table.source}, column {rows.names[column]!r}{rows.of_series(row)}: missing "
            f"value at {shown_time(rows.times[row])}, and none in any other season of {season} "
            "steps; use --fill linear"
        )
    return replace(rows, cells=values).take(np.flatnonzero(begun))


def without_missing(rows: Rows) -> Rows:
    """Leave out the rows in which anything is missing.

    Raises:
        DataError: nothing remains of a series.
    """
    kept = rows.take(np.flatnonzero(~np.isnan(rows.cells).any(axis=1)))
    for i in np.flatnonzero(np.diff(kept.offsets) == 0)[:1]:
        raise DataError(
            f"{rows.table.source}: every row{rows.of_series(rows.offsets[i])} has a missing value "
            f"in {', '.join(rows.names)}; fill them with --fill linear, or leave a column out"
        )
    return kept
