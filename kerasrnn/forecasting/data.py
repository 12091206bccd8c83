"""Read one series from a CSV file, or say exactly what is wrong with the file."""

import csv
import difflib
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pandas as pd

LARGEST = 1e30
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-"})
FILLS = ("linear", "previous", "drop")
DUPLICATES = ("first", "last", "mean")
DATE_ORDERS = ("day-first", "month-first")


class DataError(ValueError):
    """The input cannot be used; the message is one line with place and remedy."""


def one_line(error: Exception) -> str:
    """Return an error's message in one line."""
    return " ".join(str(error).split())


def require_positive(**numbers: int | None) -> None:
    """Raise where a number that was given is below 1."""
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise DataError(f"--{name.replace('_', '-')} must be at least 1. Got {number}.")


@dataclass(frozen=True)
class Reading:
    """How a CSV file is to be read.

    Attributes:
        target: Name of the column to forecast. Default: the only one beside the time.
        time: Name of the column of times. Default: the first column, where there are
            two or where it holds dates.
        encoding: Encoding of the text.
        fill: What to do about missing values: `"linear"` draws a line between the
            neighbours, `"previous"` repeats the last value, `"drop"` leaves the row
            out. Default: an error.
        sort: Sort rows by time. Default: unsorted rows are an error.
        duplicates: Which row to keep of those with the same time: `"first"`, `"last"`
            or their `"mean"`. Default: an error.
        dates: How dates such as 01/02/2020 are meant: `"day-first"` or `"month-first"`.
            Default: as all of them can be read; an error where that leaves both.
    """

    target: str | None = None
    time: str | None = None
    encoding: str = "utf-8"
    fill: str | None = None
    sort: bool = False
    duplicates: str | None = None
    dates: str | None = None

    def __post_init__(self) -> None:
        for name, value, known in (
            ("fill", self.fill, FILLS),
            ("duplicates", self.duplicates, DUPLICATES),
            ("dates", self.dates, DATE_ORDERS),
        ):
            if value is not None and value not in known:
                raise DataError(f"--{name} must be one of {', '.join(known)}. Got {value!r}.")


def air_passengers() -> pd.Series:
    """Return the monthly airline passengers of 1949 to 1960, in thousands.

    Source: Box, Jenkins: Time Series Analysis, Forecasting and Control, series G.
    """
    resource = files("kerasrnn.forecasting") / "datasets" / "air_passengers.csv"
    with as_file(resource) as path:
        return read_csv(path)


def read_csv(path: str | Path, reading: Reading | None = None) -> pd.Series:
    """Read one series.

    Args:
        path: A CSV file with a header line. Commas, semicolons, tabs and bars are
            understood as separators.
        reading: What to read and what to accept; see `Reading`.

    Returns:
        Finite float64 values under the target's name, indexed by strictly increasing
        times (with a frequency where they are evenly spaced) or, without a column of
        times, by the row number.

    Raises:
        DataError: with file, line, column and remedy.
    """
    reading = reading or Reading()
    path = Path(path)
    table = read_table(path, reading.encoding)
    time, target = choose_columns(path, table, reading)
    values = parse_target(path, table[target], reading)
    if time is None:
        series = values.reset_index(drop=True)
    else:
        series = index_by_time(path, values, table.loc[values.index, time], reading)
    series = fill_missing(series, reading)
    if len(series) > 1 and (series == series.iloc[0]).all():
        raise DataError(
            f"{path}, column {target!r}: all {len(series)} values are {series.iloc[0]:g}; a "
            "constant series leaves nothing to learn, choose another column with --target"
        )
    return series.rename(target)


def read_table(path: Path, encoding: str) -> pd.DataFrame:
    """Read all cells as stripped text; the index holds the line numbers of the file."""
    text = read_text(path, encoding)
    if not text.strip():
        raise DataError(f"{path} is empty: expected a header line and rows of numbers")
    lines: dict[int, list[str]] = {}
    blank: list[int] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator(text))
    while True:
        line = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            break
        except csv.Error as error:
            raise DataError(f"{path}, line {line}: {error}; correct the line") from None
        if any(cells):
            lines[line] = cells
        elif cells == [""] or not cells:
            blank.append(line)
    first, *rows = lines
    if len(lines[first]) == 1:  # an empty line between values is a missing value
        rows = sorted([*rows, *(line for line in blank if first < line < max(lines))])
    header = [name or f"column {i}" for i, name in enumerate(lines[first], start=1)]
    check_header(path, first, header)
    for line in rows:
        lines[line] = fitted(path, line, lines.get(line, [""]), header)
    if not rows:
        raise DataError(f"{path} has a header line and no rows; add rows of numbers")
    return pd.DataFrame([lines[line] for line in rows], index=rows, columns=header, dtype=str)


def check_header(path: Path, line: int, header: Sequence[str]) -> None:
    """Raise where the first line holds no names, or one twice."""
    if all(is_number(name) or looks_like_date(name) for name in header):
        raise DataError(
            f"{path}, line {line}: expected column names, got {', '.join(header)}; add a header "
            "line"
        )
    for name in header:
        if header.count(name) > 1:
            raise DataError(
                f"{path}, line {line}: {header.count(name)} columns are named {name!r}; give each "
                "its own name"
            )


def fitted(path: Path, line: int, cells: list[str], header: Sequence[str]) -> list[str]:
    """Return a row's cells, without empty ones past the header's end."""
    extra = cells[len(header) :]
    if len(cells) < len(header) or any(extra):
        raise DataError(
            f"{path}, line {line}: expected {len(header)} cells as in the header, got "
            f"{len(cells)}; correct the line"
        )
    return cells[: len(header)]


def read_text(path: Path, encoding: str) -> str:
    """Read a file, or say why that cannot be done."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a directory; name a CSV file in it") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; check the path and its permissions") from None
    if data.startswith(b"PK\x03\x04"):
        raise DataError(f"{path} is a zip archive or an Excel workbook; save the sheet as CSV")
    try:
        text = data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(
            f"{path}, line {line}: not {encoding} text (byte 0x{data[error.start]:02x}); name "
            "the file's encoding, for example --encoding latin-1 or --encoding utf-16"
        ) from None
    except LookupError:
        raise DataError(f"--encoding {encoding}: no such encoding") from None
    if "\0" in text:
        raise DataError(
            f"{path}: not {encoding} text (it has zero bytes); name the file's encoding, for "
            "example --encoding utf-16"
        )
    return text


def separator(text: str) -> str:
    """Find what separates the cells of the header line."""
    header = next(line for line in text.splitlines() if line.strip())
    found = {sign: len(next(csv.reader([header], delimiter=sign))) for sign in ",;\t|"}
    return max(found, key=lambda sign: found[sign])


def choose_columns(path: Path, table: pd.DataFrame, reading: Reading) -> tuple[str | None, str]:
    """Return the names of the columns of times, if there is one, and of the target."""
    columns = list(table.columns)
    for option, name in (("target", reading.target), ("time", reading.time)):
        if name is not None and columns.count(name) != 1:
            raise DataError(missing_column(path, option, name, columns))
    time = reading.time or default_time(table, reading.target)
    if reading.target is not None:
        if reading.target == time:
            raise DataError(f"{path}: --target and --time both name {time!r}; name two columns")
        return time, reading.target
    others = [name for name in columns if name != time]
    if len(others) != 1:
        raise DataError(
            f"{path} has {len(columns)} columns; choose the one to forecast with --target, out "
            f"of {', '.join(others) or 'at least one beside the times'}"
        )
    return time, others[0]


def missing_column(path: Path, option: str, name: str, columns: Sequence[str]) -> str:
    """Say that a column is not there, and which may have been meant."""
    folded = {column.casefold(): column for column in columns}
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    hint = f"; did you mean --{option} {folded[close[0]]!r}?" if close else ""
    return f"{path} has no column {name!r}; it has {', '.join(columns)}{hint}"


def default_time(table: pd.DataFrame, target: str | None) -> str | None:
    """Return the column that is surely the times: of dates, or of two the first if whole."""
    others = [str(name) for name in table.columns if name != target]
    dates = [name for name in others if looks_like_date(table[name].iloc[0])]
    if dates and len(table.columns) > 1:
        return dates[0]
    first = str(table.columns[0])
    if len(table.columns) != 2 or first == target:
        return None
    whole = table[first].str.fullmatch(r"[+-]?\d{1,15}").all()
    return first if whole or not is_number(table[first].iloc[0]) else None


def looks_like_date(text: str) -> bool:
    """Say whether a cell is a date, and not a number."""
    if is_number(text) or not any(map(str.isdigit, text)):
        return False
    return bool(to_datetimes(pd.Series([text])).notna().all())


def to_datetimes(column: pd.Series, order: str | None = None) -> pd.Series:
    """Parse dates, written alike in all cells; what is none becomes NaT.

    Args:
        column: Text.
        order: `"day-first"` or `"month-first"`, for dates such as 01/02/2020.
    """
    if column.str.fullmatch(r"\d{4}-?Q[1-4]").all():
        return pd.PeriodIndex(column, freq="Q").to_timestamp().to_series(column.index)
    if column.str.fullmatch(r"\d{6}").all():
        return pd.to_datetime(column, format="%Y%m", errors="coerce")
    with warnings.catch_warnings():
        # pandas warns where it has to guess the format; NaT says it better here.
        warnings.simplefilter("ignore", UserWarning)
        try:
            return pd.to_datetime(column, errors="coerce", dayfirst=order == "day-first")
        except ValueError:  # the offset from UTC changes, as it does with summer time
            return pd.to_datetime(column, errors="coerce", utc=True)


def is_number(text: str) -> bool:
    """Say whether a cell is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def parse_target(path: Path, column: pd.Series, reading: Reading) -> pd.Series:
    """Return the target as floats; missing values stay NaN where a fill is named."""
    place = f"column {column.name!r}"
    missing = column.str.lower().isin(MISSING)
    numbers = pd.to_numeric(column.mask(missing), errors="coerce").astype("float64")
    for line in column.index[~missing & numbers.isna()][:1]:
        raise DataError(
            f"{path}, line {line}, {place}: expected a number, got {shown(column[line])}; correct "
            "the cell (digits with a decimal point, no thousands separators), or choose another "
            "column with --target" + " or --time" * looks_like_date(column[line])
        )
    for line in numbers.index[np.isfinite(numbers) & (numbers.abs() > LARGEST)][:1]:
        raise DataError(
            f"{path}, line {line}, {place}: {column[line]} is beyond {LARGEST:g}, more than single "
            "precision holds; put the column in a larger unit"
        )
    for line in numbers.index[np.isinf(numbers)][:1]:
        raise DataError(
            f"{path}, line {line}, {place}: infinite value {column[line]!r}; correct the cell, or "
            "empty it and use --fill"
        )
    if missing.all():
        raise DataError(f"{path}, {place}: no values at all; choose another column with --target")
    if reading.fill is None:
        for line in column.index[missing][:1]:
            others = f" ({missing.sum() - 1} more)" if missing.sum() > 1 else ""
            raise DataError(
                f"{path}, line {line}, {place}: missing value{others}; accept missing values with "
                "--fill linear, --fill previous or --fill drop"
            )
    return numbers


def index_by_time(path: Path, values: pd.Series, times: pd.Series, reading: Reading) -> pd.Series:
    """Index values by their times, in strictly increasing order."""
    parsed = parse_times(path, times, reading)
    place = f"column {times.name!r}"
    if reading.sort:
        parsed = parsed.sort_values(kind="stable")
        values = values[parsed.index]
    ordered = parsed.to_numpy()
    for line in parsed.index[1:][ordered[1:] < ordered[:-1]][:1]:
        raise DataError(
            f"{path}, line {line}, {place}: {times[line]!r} comes after a later time; sort the "
            "rows, or use --sort"
        )
    repeated = parsed.duplicated()
    if reading.duplicates is None:
        for line in parsed.index[repeated][:1]:
            first = parsed.index[parsed == parsed[line]][0]
            raise DataError(
                f"{path}, line {line}, {place}: {times[line]!r} stands in line {first} already; "
                "keep one row, or use --duplicates first, last or mean"
            )
    series = pd.Series(values.to_numpy(), index=pd.Index(parsed.to_numpy(), name=times.name))
    if repeated.any():
        series = getattr(series.groupby(level=0, sort=False), str(reading.duplicates))()
    return with_frequency(series)


def parse_times(path: Path, times: pd.Series, reading: Reading) -> pd.Series:
    """Return times as dates, or as whole numbers where all of them are."""
    place = f"column {times.name!r}"
    whole = times.str.fullmatch(r"[+-]?\d{1,15}")
    if whole.all() and not times.str.fullmatch(r"(19|20)\d\d(0[1-9]|1[0-2])([0-3]\d)?").all():
        return times.astype("int64")
    if times.str.fullmatch(r"\d{1,2}:\d\d(:\d\d)?").all():
        raise DataError(
            f"{path}, {place}: times of day such as {times.iloc[0]!r} need a date; add it"
        )
    order = reading.dates
    if order is None and times.str.fullmatch(r"\d{1,2}[/.-]\d{1,2}[/.-]\d{4}.*").all():
        order = only_date_order(path, times)
    parsed = to_datetimes(times, order)
    for line in times.index[parsed.isna()][:1]:
        raise DataError(
            f"{path}, line {line}, {place}: expected a time such as 1960-12 or 1960-12-31 18:00, "
            f"written alike in all lines, got {shown(times[line])}; correct the cell, or name the "
            "column of times with --time"
        )
    return parsed


def only_date_order(path: Path, times: pd.Series) -> str | None:
    """Return the only order of day and month in which all dates can be read."""
    numbers = times.str.extract(r"^(\d+)\D(\d+)").astype("int64")
    possible = [
        order
        for order, months in zip(DATE_ORDERS, (numbers[1], numbers[0]), strict=True)
        if (months <= 12).all()
    ]
    if len(possible) == 2 and (numbers[0] != numbers[1]).any():
        raise DataError(
            f"{path}, column {times.name!r}: dates such as {times.iloc[0]!r} can be read in two "
            "ways; use --dates day-first or --dates month-first"
        )
    return possible[0] if possible else None


def shown(cell: str) -> str:
    """Quote a cell for a message, cut where it is long."""
    return repr(cell if len(cell) <= 40 else cell[:37] + "...")


def with_frequency(series: pd.Series) -> pd.Series:
    """Set the frequency of the index, where its times are evenly spaced."""
    if isinstance(series.index, pd.DatetimeIndex) and len(series) >= 3:
        series.index = pd.DatetimeIndex(series.index, freq="infer")
    return series


def fill_missing(series: pd.Series, reading: Reading) -> pd.Series:
    """Fill or drop missing values, as was asked for."""
    if not series.isna().any():
        return series
    if reading.fill == "drop":
        return with_frequency(series.dropna())
    filled = series.ffill() if reading.fill == "previous" else series.interpolate("linear")
    # Nothing precedes a missing first value: it is left out.
    return with_frequency(filled.loc[filled.first_valid_index() :])


def future_index(index: pd.Index, steps: int) -> pd.Index:
    """Continue an index of times; unevenly spaced times go on in their median step."""
    if isinstance(index, pd.DatetimeIndex) and index.freq is not None:
        return pd.date_range(index[-1], periods=steps + 1, freq=index.freq, name=index.name)[1:]
    step = pd.Series(index).diff().median() if len(index) > 1 else 1
    if not isinstance(index, pd.DatetimeIndex):
        step = max(int(step), 1)
    return pd.Index([index[-1] + (i + 1) * step for i in range(steps)], name=index.name)


# Steps in the cycle that is usual at a frequency.
SEASONS = {"YE": 1, "YS": 1, "QE": 4, "QS": 4, "ME": 12, "MS": 12, "W": 52, "D": 7, "B": 5}
SEASONS |= {"BQE": 4, "BQS": 4, "BME": 12, "BMS": 12, "h": 24, "s": 60}
MINUTES_IN_DAY, MINUTES_IN_HOUR = 1440, 60
LONGEST_SEASON = 288


def season_length(index: pd.Index) -> int:
    """Return the steps in a season, from the frequency: 12 where monthly; 1 if unknown.

    Minutes repeat after a day, or where that is more than 288 steps, after an hour.
    """
    if not isinstance(index, pd.DatetimeIndex) or index.freq is None:
        return 1
    name = index.freq.freqstr.lstrip("-0123456789").split("-")[0]
    if name == "min":
        day = MINUTES_IN_DAY // index.freq.n
        return day if day <= LONGEST_SEASON else max(MINUTES_IN_HOUR // index.freq.n, 1)
    season, rest = divmod(SEASONS.get(name, 1), index.freq.n)
    return season if season and not rest else 1
