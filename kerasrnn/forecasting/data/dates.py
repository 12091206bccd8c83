"""Dates and numbers that are written as text."""

import warnings

import pandas as pd

from kerasrnn.forecasting.data.options import DATE_ORDERS


def is_number(text: str) -> bool:
    """Say whether a cell is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def looks_like_date(text: str) -> bool:
    """Say whether a cell is a date, and not a number."""
    if is_number(text) or not any(map(str.isdigit, text)):
        return False
    return bool(to_datetimes(pd.Series([text])).notna().all())


def holds_dates(column: pd.Series) -> bool:
    """Say whether a column's first cell is a date."""
    if isinstance(column.dtype, (pd.PeriodDtype, pd.DatetimeTZDtype)) or column.dtype.kind == "M":
        return True
    if pd.api.types.is_numeric_dtype(column.dtype):
        return False
    return looks_like_date(str(column.iloc[0]))


def all_match(column: pd.Series, pattern: str) -> bool:
    """Say whether all cells match; where the first does not, the others are not looked at."""
    first = column.iloc[:1].str.fullmatch(pattern).all()
    return bool(first and column.str.fullmatch(pattern).all())


def are_whole_numbers(column: pd.Series) -> bool:
    """Say whether all cells are whole numbers, and no dates such as 202001 or 20200131."""
    return all_match(column, r"[+-]?\d{1,15}") and not all_match(
        column, r"(19|20)\d\d(0[1-9]|1[0-2])([0-3]\d)?"
    )


def to_datetimes(column: pd.Series, order: str | None = None) -> pd.Series:
    """Parse dates, written alike in all cells; what is none becomes NaT.

    Args:
        column: Text.
        order: `"day-first"` or `"month-first"`, for dates such as 01/02/2020.
    """
    if all_match(column, r"\d{4}-?Q[1-4]"):
        return pd.PeriodIndex(column, freq="Q").to_timestamp().to_series(column.index)
    if all_match(column, r"\d{6}"):
        return pd.to_datetime(column, format="%Y%m", errors="coerce")
    first = order == "day-first"
    with warnings.catch_warnings():
        # pandas warns where it has to guess the format; NaT says it better here.
        warnings.simplefilter("ignore", UserWarning)
        # So does pandas 2 where the offset from UTC changes, as it does with summer time.
        warnings.simplefilter("ignore", FutureWarning)
        try:
            parsed = pd.to_datetime(column, errors="coerce", dayfirst=first)
        except ValueError:  # which pandas 3 makes of it
            parsed = None
        if parsed is None or parsed.dtype == object:
            parsed = pd.to_datetime(column, errors="coerce", dayfirst=first, utc=True)
    return parsed


def possible_orders(column: pd.Series) -> list[str]:
    """Return the orders of day and month in which all dates such as 01/02/2020 can be read.

    Both, where they make a difference; none, where they do not or where dates are written
    otherwise.
    """
    if not all_match(column, r"\d{1,2}[/.-]\d{1,2}[/.-]\d{4}.*"):
        return []
    numbers = column.str.extract(r"^(\d+)\D(\d+)").astype("int64")
    possible = [
        order
        for order, months in zip(DATE_ORDERS, (numbers[1], numbers[0]), strict=True)
        if (months <= 12).all()
    ]
    return possible if (numbers[0] != numbers[1]).any() else possible[:1]
