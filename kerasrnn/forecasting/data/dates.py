"""Dates that are written as text."""

import warnings
from datetime import timezone, tzinfo

import pandas as pd

from kerasrnn.forecasting.data.options import DATE_ORDERS
from kerasrnn.forecasting.data.spelling import is_number

FIRST_YEAR, DAYS_IN_MONTH = 1000, 31
# Months by name and weeks of ISO 8601, which pandas does not read, or not alike in all versions.
MONTH = (
    "(?P<month>(?i:jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|"
    "sept?(ember)?|oct(ober)?|nov(ember)?|dec(ember)?))"
)
YEAR, SHORT_YEAR = r"(?P<year>\d{4})", r"(?P<year>\d\d)"
# For strptime, how the year is written, and all of such a cell.
MONTHS = {
    "%Y": (rf"{MONTH}[-./' ]*{YEAR}", rf"{YEAR}[-./' ]*{MONTH}"),
    "%y": (rf"{MONTH}[-./' ]+{SHORT_YEAR}", rf"{SHORT_YEAR}[-./' ]+{MONTH}"),
}
WEEKS = r"(?P<year>\d{4})-?W(?P<week>\d\d)(?:-?(?P<day>[1-7]))?"


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


def zone_name(zone: tzinfo) -> str | None:
    """Return the name from which pandas makes a time zone again, of whichever package it is.

    >>> zone_name(pd.Timestamp("2020-01-01 00:00+05:30").tz)
    'UTC+05:30'
    """
    for attribute in ("key", "zone"):  # of zoneinfo and pytz
        if isinstance(name := getattr(zone, attribute, None), str):
            return name
    if (offset := zone.utcoffset(None)) is not None:
        return str(timezone(offset))
    _, found, name = str(getattr(zone, "_filename", "")).rpartition("zoneinfo/")  # of dateutil
    return name if found else None


def lack_year(column: pd.Series) -> bool:
    """Say whether cells such as 30-Jan are days: the number changes more than the month."""
    for pattern in MONTHS["%y"]:
        if all_match(column, pattern):
            parts = column.str.extract(f"^{pattern}$")
            if parts["year"].astype(int).max() > DAYS_IN_MONTH:
                return False
            changes = parts.ne(parts.shift())[1:]
            days = (changes["year"] & ~changes["month"]).sum()
            return 0 < len(changes) <= 2 * int(days)
    return False


def lack_century(column: pd.Series) -> bool:
    """Say whether all cells are dates such as 200131, and not months such as 202001."""
    return all_match(column, r"\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])") and not all_match(
        column, r"(19|20)\d\d(0[1-9]|1[0-2])"
    )


def named_months(column: pd.Series) -> pd.Series | None:
    """Parse months such as Jan 2010, Jan-10 and 10-Jan; None where that is not how all are."""
    for year, patterns in MONTHS.items():
        for pattern in patterns:
            if all_match(column, pattern):
                parts = column.str.extract(f"^{pattern}$")
                text = parts["month"].str[:3] + " " + parts["year"]
                return pd.to_datetime(text, format=f"%b {year}", errors="coerce")
    return None


def iso_weeks(column: pd.Series) -> pd.Series | None:
    """Parse weeks such as 2020-W05, which begin on Monday, and days of them such as 2020-W05-3."""
    if not all_match(column, WEEKS):
        return None
    parts = column.str.extract(f"^{WEEKS}$")
    text = parts["year"] + " " + parts["week"] + " " + parts["day"].fillna("1")
    parsed = pd.to_datetime(text, format="%G %V %u", errors="coerce")
    # Some versions of pandas take a week 53 for the first one of the next year.
    return parsed.where(parsed.dt.strftime("%V") == parts["week"])


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
    for parsed in (named_months(column), iso_weeks(column)):
        if parsed is not None:
            return parsed
    return by_pandas(column, order == "day-first")


def by_pandas(column: pd.Series, day_first: bool) -> pd.Series:
    """Parse dates in any of the spellings that pandas knows."""
    with warnings.catch_warnings():
        # pandas warns where it has to guess the format; NaT says it better here.
        warnings.simplefilter("ignore", UserWarning)
        # So does pandas 2 where the offset from UTC changes, as it does with summer time.
        warnings.simplefilter("ignore", FutureWarning)
        for utc in (False, True):
            try:
                parsed = pd.to_datetime(column, errors="coerce", dayfirst=day_first, utc=utc)
            except (ValueError, OverflowError):  # as pandas 3 does about changing offsets
                continue
            if parsed.dtype != object:
                # A date without a year is one of the first year.
                return parsed.where(parsed.dt.year >= FIRST_YEAR)
    return pd.Series(pd.NaT, column.index)


def possible_orders(column: pd.Series) -> list[str]:
    """Return the orders of day and month in which all dates such as 01/02/2020 can be read.

    Both, where they make a difference; none, where they do not or where dates are written
    otherwise.
    """
    if not all_match(column, r"\d{1,2}[/.-]\d{1,2}[/.-](\d{4}|\d{2})(\D.*)?"):
        return []
    numbers = column.str.extract(r"^(\d+)\D(\d+)").astype("int64")
    possible = [
        order
        for order, months in zip(DATE_ORDERS, (numbers[1], numbers[0]), strict=True)
        if (months <= 12).all()
    ]
    return possible if (numbers[0] != numbers[1]).any() else possible[:1]
