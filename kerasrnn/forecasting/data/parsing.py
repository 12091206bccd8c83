"""From the cells of a column to numbers, times and names."""

from datetime import date

import numpy as np
import pandas as pd

from kerasrnn.forecasting.data.dates import (
    are_whole_numbers,
    lack_century,
    lack_year,
    looks_like_date,
    possible_orders,
    to_datetimes,
)
from kerasrnn.forecasting.data.frequency import shown_time
from kerasrnn.forecasting.data.options import Reading
from kerasrnn.forecasting.data.spelling import (
    BOOLEANS,
    from_text,
    spelling_options,
    two_readings,
    with_points,
)
from kerasrnn.forecasting.data.table import Table
from kerasrnn.forecasting.errors import DataError, shown

LARGEST = 1e30
YEARS_AHEAD, PROBED_CELLS = 10, 1000
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-", "nat", "<na>"})


def parse_numbers(table: Table, name: str, reading: Reading, option: str = "target") -> np.ndarray:
    """Return a column as floats, where NaN is what is missing.

    Args:
        table: Has the column.
        name: Of the column.
        reading: Infinite values are missing ones where it says how to fill these.
        option: With which another column is chosen.

    Raises:
        DataError: a cell is no number, infinite, or too large for single precision.
    """
    column = table.frame[name]
    require_one_spelling(table, name, reading)
    numbers = to_floats(column, reading, words=option != "target")
    for row in np.flatnonzero(unreadable(column, numbers))[:1]:
        cell = str(column.iloc[row])
        options = spelling_options(cell)
        raise DataError(
            f"{table.place(row, name)}: expected a number, got {shown(cell)}; "
            + (f"read such numbers with {options}, " if options else "")
            + "correct the cell (digits with a decimal point, no thousands separators), or choose "
            + f"another column with --{option}"
            + " or --time" * looks_like_date(cell)
        )
    infinite = np.isinf(numbers)
    for row in np.flatnonzero((np.abs(numbers) > LARGEST) & ~infinite)[:1]:
        raise DataError(
            f"{table.place(row, name)}: {column.iloc[row]} is beyond {LARGEST:g}, more than "
            "single precision holds; put the column in a larger unit"
        )
    if reading.fill is None:
        for row in np.flatnonzero(infinite)[:1]:
            raise DataError(
                f"{table.place(row, name)}: infinite value {shown(column.iloc[row])}"
                f"{more(infinite.sum())}; correct the cell, or take it for a missing value with "
                "--fill linear, previous, zero, seasonal or drop"
            )
    return np.where(infinite, np.nan, numbers)


def require_one_spelling(table: Table, name: str, reading: Reading) -> None:
    """Raise where points may stand before fractions or between thousands.

    Commas do not, where they separate the cells.
    """
    cell = two_readings(table.frame[name], reading) if table.separator == ";" else None
    if cell is not None:
        raise DataError(
            f"{table.source}, column {name!r}: numbers such as {cell!r} can be read in two ways; "
            "use --decimal . or --thousands ."
        )


def to_floats(column: pd.Series, reading: Reading, words: bool) -> np.ndarray:
    """Return a column as floats; what is missing or no number becomes NaN.

    Args:
        column: Of any type.
        reading: How numbers are written.
        words: Take true, yes, false and no for 1 and 0.
    """
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy("float64", na_value=np.nan)
    if holds_moments(column):
        return np.full(len(column), np.nan)
    cells = with_points(column.astype(object), reading)
    numbers = pd.to_numeric(cells, errors="coerce").to_numpy("float64").copy()
    finite = np.isfinite(numbers)  # pandas 2 rounds the last digit, which NumPy does not
    numbers[finite] = cells[finite].to_numpy().astype("float64")
    others = np.isnan(numbers)
    if others.any():
        numbers[others] = from_text(cells[others], BOOLEANS if words else {})
    return numbers


def unreadable(column: pd.Series, numbers: np.ndarray) -> np.ndarray:
    """Return (rows,), where a cell holds something that is not read as a number."""
    wrong = np.isnan(numbers) & column.notna().to_numpy()
    if not wrong.any():
        return wrong
    cells = column[wrong].astype(str).str.strip().str.lower()
    wrong[wrong] = ~cells.isin(MISSING).to_numpy(bool)
    return wrong


def holds_moments(column: pd.Series) -> bool:
    """Say whether a column is typed as dates, periods or lengths of time."""
    moments = isinstance(column.dtype, (pd.PeriodDtype, pd.DatetimeTZDtype))
    return moments or column.dtype.kind in "mM"


def more(count: int) -> str:
    """Say how many beside the first one."""
    return f" ({count - 1} more)" if count > 1 else ""


def parse_times(table: Table, name: str, reading: Reading) -> pd.Index:
    """Return a column as dates, or as whole numbers where all cells are.

    Raises:
        DataError: a cell is no time, or can be read in two ways.
    """
    column = table.frame[name]
    parsed = typed_times(column, name == table.time)
    if parsed is None:
        text = column.astype(str).str.strip()
        require_century(table, text)
        if are_whole_numbers(text):
            return pd.Index(text.astype("int64"), name=name)
        parsed = read_dates(table, text, reading)
    for row in first_unreadable(column, parsed):
        raise DataError(
            f"{table.place(row, name)}: expected a time such as 1960-12 or 1960-12-31 18:00, "
            f"written alike in all {table.unit}s, got {shown(column.iloc[row])}; correct the cell, "
            "or name the column of times with --time"
        )
    return pd.Index(parsed, name=name)


def first_unreadable(column: pd.Series, parsed: pd.Series) -> list[int]:
    """Return the row of the first cell that is no time by itself, or else among the others."""
    rows = np.flatnonzero(parsed.isna())
    alone = (row for row in rows[:PROBED_CELLS] if not looks_like_date(str(column.iloc[row])))
    return [int(next(alone, rows[0]))] if len(rows) else []


def typed_times(column: pd.Series, was_index: bool) -> pd.Series | None:
    """Return times whose type tells what they are; None where they are text.

    Whole numbers such as 202001 are text too, but for those that were an index.
    """
    if isinstance(column.dtype, pd.PeriodDtype):
        return column.dt.to_timestamp()
    if column.dtype.kind == "M" or isinstance(column.dtype, pd.DatetimeTZDtype):
        return column
    if pd.api.types.is_integer_dtype(column.dtype) and not column.isna().any():
        numbers = column.astype("int64")
        as_dates = numbers.between(100101, 999999).all() or numbers.between(1.9e7, 2.1e7).all()
        return numbers if was_index or not as_dates else None
    if pd.api.types.is_float_dtype(column.dtype) and (column % 1 == 0).all():
        return typed_times(column.astype("int64"), was_index)
    if column.dtype == object and isinstance(column.iloc[0], date):  # or a Timestamp
        return pd.to_datetime(column, errors="coerce")
    return None


def require_century(table: Table, text: pd.Series) -> None:
    """Raise where times are dates such as 200131, which could be read in other ways too."""
    if lack_century(text):
        meant = pd.to_datetime(text.iloc[:1], format="%y%m%d", errors="coerce").iloc[0]
        raise DataError(
            f"{table.source}, column {text.name!r}: times such as {text.iloc[0]!r} look like dates "
            f"without a century (yymmdd); write them as {shown_time(meant)}"
        )


def read_dates(table: Table, text: pd.Series, reading: Reading) -> pd.Series:
    """Parse dates, in the order of day and month that was named or is the only one."""
    place = f"{table.source}, column {text.name!r}"
    if text.str.fullmatch(r"\d{1,2}:\d\d(:\d\d)?").all():
        raise DataError(f"{place}: times of day such as {text.iloc[0]!r} need a date; add it")
    if lack_year(text):
        raise DataError(f"{place}: days such as {text.iloc[0]!r} have no year; add it")
    orders = [] if reading.dates else possible_orders(text)
    if len(orders) == 2:
        raise DataError(
            f"{place}: dates such as {text.iloc[0]!r} can be read in two ways; use --dates "
            "day-first or --dates month-first"
        )
    parsed = to_datetimes(text, reading.dates or (orders[0] if orders else None))
    last = pd.Timestamp.now().year + YEARS_AHEAD
    if not text.str.contains(r"\d{4}", regex=True).all():
        for row in np.flatnonzero((parsed.dt.year > last).to_numpy())[:1]:
            raise DataError(
                f"{table.place(row, str(text.name))}: {text.iloc[row]!r} would be a day of "
                f"{parsed.iloc[row].year}; write years with four digits"
            )
    return parsed


def parse_ids(table: Table, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the number of each row's series, and the names of the series.

    Raises:
        DataError: a name is missing.
    """
    codes, found = pd.factorize(table.frame[name])
    names = pd.Index([str(one) for one in found])
    missing = codes < 0
    missing[~missing] = (names == "")[codes[~missing]]
    for row in np.flatnonzero(missing)[:1]:
        raise DataError(
            f"{table.place(row, name)}: expected the name of a series, got none"
            f"{more(missing.sum())}; fill in the cell, or leave the row out"
        )
    again, distinct = pd.factorize(names)  # 1 and "1" are one series
    return again[codes], tuple(distinct)


def parse_static(
    table: Table, name: str, codes: np.ndarray, ids: tuple[str, ...], reading: Reading
) -> pd.Series:
    """Return a covariate of whole series, for each series once: numbers, or text.

    Raises:
        DataError: a cell is missing, or differs from another of the series.
    """
    column = table.frame[name]
    cells = pd.factorize(column)[0]
    first = np.full(len(ids), len(codes))
    np.minimum.at(first, codes, np.arange(len(codes)))
    for row in np.flatnonzero(cells != cells[first][codes])[:1]:
        series = ids[codes[row]]
        before = shown(column.iloc[first[codes[row]]])
        raise DataError(
            f"{table.place(row, name)}, series {series!r}: got {shown(column.iloc[row])} after "
            f"{before}, but a static covariate is the same in all rows of a series; correct it, or "
            "name the column with --past or --future"
        )
    values = column.iloc[first].reset_index(drop=True)
    for i in np.flatnonzero((cells[first] < 0) | (values.astype(str) == "").to_numpy())[:1]:
        raise DataError(
            f"{table.place(first[i], name)}, series {ids[i]!r}: missing value of a static "
            "covariate; fill in the cell"
        )
    require_one_spelling(table, name, reading)
    numbers = to_floats(values, reading, words=True)
    return pd.Series(numbers) if np.isfinite(numbers).all() else values.astype(str)
