"""How a table of series is to be read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from kerasrnn.forecasting.errors import DataError, require_one_of, require_positive

FILLS = ("linear", "previous", "zero", "seasonal", "drop")
DUPLICATES = ("first", "last", "mean")
DATE_ORDERS = ("day-first", "month-first")
DECIMALS = (".", ",")
THOUSANDS = (",", ".", " ", "'", "_")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a file or a data frame is to be read.

    Attributes:
        target: Name of the column to forecast. Default: `y` beside `unique_id` or `ds`, or the
            only one beside the others.
        time: Name of the column of times. Default: an index of times; `ds`; the first column
            of dates; or of two columns the first, where it holds whole numbers. Rows are
            numbered where there is none.
        unique_id: Name of the column that tells the series apart. Default: `unique_id`, where
            there is one.
        wide: Take every column but the times as a series. Default: as the table is; a data
            frame with an index of times and several columns is wide by itself.
        past: Names of the covariates that are known up to now only.
        future: Names of the covariates that are known ahead. Rows after a series' last target
            then belong to its future.
        static: Names of the covariates that are the same in all rows of a series.
        frequency: Step between rows, such as `"h"`, `"D"` or `"MS"`; a whole number where
            times are. Default: the one that the times follow.
        fill: What to do about missing values and missing rows: `"linear"` draws a line
            between the neighbours, `"previous"` repeats the last value, `"zero"` sets 0,
            `"seasonal"` takes the value one season earlier (or later, where none is earlier),
            `"drop"` leaves rows with missing values out and takes what remains as equal
            steps. A series begins where all of its columns do, and ends at the last target that
            is given, under all of them. Default: an error.
        season: Steps in a season, of `fill="seasonal"` and of a forecaster that names none.
            Default: from the frequency, 12 where monthly.
        sort: Sort rows by time. Default: unsorted rows are an error.
        duplicates: Which row to keep of those with the same time: `"first"`, `"last"`
            or their `"mean"`. Default: an error.
        dates: How dates such as 01/02/2020 are meant: `"day-first"` or `"month-first"`.
            Default: as all of them can be read; an error where that leaves both.
        decimal: The sign before a number's fraction: `"."` or `","`. Default: `"."`, or a comma
            where `thousands` is a point.
        thousands: The sign between groups of three digits: `","`, `"."`, `" "`, `"'"` or `"_"`.
            Default: there is none.
        encoding: Encoding of a file's text.
        allow_constant: Accept series that all are of one value. Default: an error, for they
            leave nothing to learn; new rows of known series may well be constant.
    """

    target: str | None = None
    time: str | None = None
    unique_id: str | None = None
    wide: bool = False
    past: Sequence[str] = ()
    future: Sequence[str] = ()
    static: Sequence[str] = ()
    frequency: str | int | pd.offsets.BaseOffset | None = None
    fill: str | None = None
    season: int | None = None
    sort: bool = False
    duplicates: str | None = None
    dates: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    encoding: str = "utf-8"
    allow_constant: bool = False

    def __post_init__(self) -> None:
        require_positive(season=self.season)
        for name, value, known in (
            ("fill", self.fill, FILLS),
            ("duplicates", self.duplicates, DUPLICATES),
            ("dates", self.dates, DATE_ORDERS),
        ):
            if value is not None:
                require_one_of(name, value, known)
        for name, sign, signs in (
            ("decimal", self.decimal, DECIMALS),
            ("thousands", self.thousands, THOUSANDS),
        ):
            if sign is not None and sign not in signs:
                known_signs = " ".join(map(repr, signs))
                raise DataError(f"--{name} must be one of {known_signs}. Got {sign!r}.")
        if self.decimal is not None and self.decimal == self.thousands:
            raise DataError(f"--decimal and --thousands are both {self.decimal!r}; name two signs")
        for name in ("past", "future", "static"):
            object.__setattr__(self, name, as_names(getattr(self, name)))


def as_names(names: str | Iterable[str]) -> tuple[str, ...]:
    """Return one name or several as several."""
    return (names,) if isinstance(names, str) else tuple(names)
