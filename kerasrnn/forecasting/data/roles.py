"""Which columns of a table are the times, the series, the target and the covariates."""

import difflib
from collections.abc import Sequence

import pandas as pd

from kerasrnn.forecasting.data.dates import all_match, holds_dates
from kerasrnn.forecasting.data.options import Reading
from kerasrnn.forecasting.data.panel import Columns
from kerasrnn.forecasting.data.parsing import MISSING
from kerasrnn.forecasting.data.spelling import is_number
from kerasrnn.forecasting.data.table import Table
from kerasrnn.forecasting.errors import DataError, option_name

# What the columns of a long table are called by convention.
UNIQUE_ID, TIME, TARGET = "unique_id", "ds", "y"


def choose_columns(table: Table, reading: Reading) -> tuple[Columns, tuple[str, ...]]:
    """Choose the columns by the names given, by convention, and by what they hold.

    Returns:
        The columns, and those that are a series each: all beside the times in a wide table,
        else none.

    Raises:
        DataError: names are not there or named twice, or do not suffice to choose.
    """
    check_names(table, reading)
    names = list(table.frame.columns)
    covariates = [*reading.past, *reading.future, *reading.static]
    unique_id = reading.unique_id or table.unique_id
    if unique_id is None and not reading.wide:
        unique_id = by_convention(UNIQUE_ID, names, [reading.target, reading.time, *covariates])
    rest = [name for name in names if name not in {unique_id, *covariates}]
    time = reading.time or choose_time(table, rest, reading.target)
    rest = [name for name in rest if name != time]
    target = reading.target
    if target is None and (unique_id is not None or (time == TIME and table.time is None)):
        target = by_convention(TARGET, rest, [])
    by_index = time is not None and time == table.time
    plain = not (target or unique_id or covariates)
    if reading.wide or (by_index and plain and len(rest) > 1):
        return wide_columns(table, reading, time, rest)
    if target is None:
        if len(rest) != 1:
            raise DataError(no_target(table, rest, bool(unique_id or covariates)))
        target = rest[0]
    roles = {name: tuple(getattr(reading, name)) for name in ("past", "future", "static")}
    return Columns(unique_id, time, target, **roles), ()


def wide_columns(
    table: Table, reading: Reading, time: str | None, series: Sequence[str]
) -> tuple[Columns, tuple[str, ...]]:
    """Take every column beside the times as a series."""
    for name in ("target", "unique_id", "past", "future", "static"):
        if getattr(reading, name):
            raise DataError(
                f"{table.source}: in a wide table every column is a series; leave "
                f"{option_name(name)} out, or --wide"
            )
    if not series:
        raise DataError(f"{table.source} has no column beside the times; add the series")
    return Columns(None, time, TARGET), tuple(series)


def no_target(table: Table, rest: Sequence[str], wide_is_out: bool) -> str:
    """Say that the target is not clear."""
    numbers = [name for name in rest if not holds_text(table.frame[name])]
    message = (
        f"{table.source} has {table.frame.shape[1]} columns; choose the one to forecast with "
        f"--target, out of {', '.join(numbers or rest) or 'at least one beside the times'}"
    )
    if wide_is_out or not rest:
        return message
    if numbers != list(rest):
        return message + ", and the one that tells series apart, if one does, with --unique-id"
    return message + ", or take each as a series with --wide"


def holds_text(column: pd.Series) -> bool:
    """Say whether a column's first cell is text, and no number."""
    first = column.iloc[0]
    return isinstance(first, str) and first.lower() not in MISSING and not is_number(first)


def by_convention(name: str, names: Sequence[str], taken: Sequence[str | None]) -> str | None:
    """Return a name where there is such a column that serves nothing else."""
    return name if name in names and name not in taken else None


def check_names(table: Table, reading: Reading) -> None:
    """Raise where a column that was named is not there, or was named twice."""
    single = {"target": reading.target, "time": reading.time, "unique-id": reading.unique_id}
    named = [(option, name) for option, name in single.items() if name is not None]
    for option in ("past", "future", "static"):
        named += [(option, name) for name in getattr(reading, option)]
    taken: dict[str, str] = {}
    for option, name in named:
        require_column(table, option, name)
        if taken.get(name) == option:
            raise DataError(f"{table.source}: --{option} names {name!r} twice; name it once")
        if name in taken:
            raise DataError(
                f"{table.source}: --{taken[name]} and --{option} both name {name!r}; name two "
                "columns"
            )
        taken[name] = option


def require_column(table: Table, option: str, name: str) -> None:
    """Raise where a column is not there, and say which may have been meant."""
    columns = [str(column) for column in table.frame.columns]
    if name in columns:
        return
    folded = {column.casefold(): column for column in columns}
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    hint = f"; did you mean --{option} {folded[close[0]]!r}?" if close else ""
    raise DataError(f"{table.source} has no column {name!r}; it has {', '.join(columns)}{hint}")


def choose_time(table: Table, names: Sequence[str], target: str | None) -> str | None:
    """Return the column that is surely the times.

    That is the one that was the index, `ds`, the first of dates, or of two the first, unless
    it holds anything but whole numbers.
    """
    if table.time is not None:
        return table.time
    others = [name for name in names if name != target]
    if TIME in others and len(names) > 1:
        return TIME
    dates = [name for name in others if holds_dates(table.frame[name])]
    if dates and len(names) > 1:
        return dates[0]
    if len(names) != 2 or names[0] == target:
        return None
    first = table.frame[names[0]]
    if pd.api.types.is_numeric_dtype(first.dtype):
        return names[0] if pd.api.types.is_integer_dtype(first.dtype) else None
    whole = all_match(first.astype(str), r"[+-]?\d{1,15}")
    return names[0] if whole or not is_number(str(first.iloc[0])) else None
