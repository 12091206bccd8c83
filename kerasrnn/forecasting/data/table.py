"""A table as it came, whose cells can be named in messages."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kerasrnn.forecasting.data.dates import holds_dates, looks_like_date
from kerasrnn.forecasting.data.options import Reading
from kerasrnn.forecasting.data.text import read_cells
from kerasrnn.forecasting.errors import DataError, one_line

PARQUET = (".parquet", ".pq")


@dataclass(frozen=True)
class Table:
    """The columns of a file, a data frame or a series.

    Attributes:
        source: What it is, for messages: the path, or "the data frame".
        frame: The columns, of any type, under names of text.
        numbers: (rows,) What each row is called: its line in the file, or its position.
        unit: What these numbers are of: `"line"` or `"row"`.
        time: Name of the column that was the index, or a level of it, and may be the times.
        unique_id: Name of the column that was a level of the index and tells series apart.
        frequency: The frequency of that index, if it had one.
        separator: What separates the cells of a file of text.
    """

    source: str
    frame: pd.DataFrame
    numbers: np.ndarray
    unit: str = "row"
    time: str | None = None
    unique_id: str | None = None
    frequency: pd.offsets.BaseOffset | None = None
    separator: str | None = None

    def place(self, row: int, column: str) -> str:
        """Name a cell."""
        return f"{self.source}, {self.unit} {self.numbers[row]}, column {column!r}"


def open_table(data: Any, reading: Reading) -> Table:
    """Return the table in a file, a data frame or a series.

    Raises:
        DataError: it cannot be read, or is nothing that could be.
    """
    if isinstance(data, (str, Path)):
        return open_file(Path(data), reading)
    if isinstance(data, pd.Series):
        name = (reading.target or "y") if data.name is None else str(data.name)
        return from_frame(data.to_frame(name), "the series", reading)
    if isinstance(data, pd.DataFrame):
        return from_frame(data, "the data frame", reading)
    raise DataError(
        "expected the path of a CSV file, a pandas Series or DataFrame, or a Panel. Got "
        f"{type(data).__name__}; make it a Series, for example with pandas.Series(values)"
    )


def open_file(path: Path, reading: Reading) -> Table:
    """Read a file of Parquet, or else of CSV."""
    if path.suffix.lower() not in PARQUET:
        frame, lines, separator = read_cells(path, reading.encoding)
        return Table(str(path), frame, lines, "line", separator=separator)
    try:
        frame = pd.read_parquet(path)
    except ImportError:
        raise DataError(
            f'{path}: reading Parquet takes pyarrow; pip install "kerasrnn[parquet]", or save '
            "the table as CSV"
        ) from None
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; check the path") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is no readable Parquet file: {one_line(error)}") from None
    return from_frame(frame, str(path), reading)


def from_frame(frame: pd.DataFrame, source: str, reading: Reading) -> Table:
    """Return a data frame's columns, and its index as a column where it is of use."""
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    for name in frame.columns[frame.columns.duplicated()][:1]:
        raise DataError(f"{source} has several columns {name!r}; give each its own name")
    if not len(frame):
        raise DataError(f"{source} has no rows; give it some")
    levels = index_levels(frame, source, reading)
    names = {}
    for role, level in levels.items():
        given = getattr(reading, role) if level.name is None else level.name
        names[role] = free_name(frame, given, "ds" if role == "time" else role)
        frame = frame.assign(**{names[role]: level})
    time = levels.get("time")
    return Table(
        source,
        frame.reset_index(drop=True),
        np.arange(len(frame)),
        "row",
        names.get("time"),
        names.get("unique_id"),
        time.freq if isinstance(time, pd.DatetimeIndex) else None,
    )


def index_levels(frame: pd.DataFrame, source: str, reading: Reading) -> dict[str, pd.Index]:
    """Return what an index holds: the times, what tells the series apart, or nothing."""
    index = frame.index
    if isinstance(index, pd.MultiIndex):
        if index.nlevels != 2:
            raise DataError(f"{source} has an index of {index.nlevels} levels; use reset_index")
        series, times = (index.get_level_values(level) for level in range(2))
        return {"unique_id": series, "time": as_times(times)}
    if index.name is not None and index.name in ("unique_id", reading.unique_id):
        return {"unique_id": index}
    if holds_times(index) or (index.name is not None and index.name == reading.time):
        return {"time": as_times(index)}
    if index.dtype.kind in "fm" and reading.time is None:
        raise DataError(
            f"{source} has an index of {index.dtype}; make it dates or whole numbers, or leave it "
            "out with reset_index(drop=True)"
        )
    return {"time": index} if counts_time(frame, reading) else {}


def counts_time(frame: pd.DataFrame, reading: Reading) -> bool:
    """Say whether an index is whole numbers that are the times, for nothing else is."""
    index = frame.index
    if not pd.api.types.is_integer_dtype(index.dtype) or index.equals(pd.RangeIndex(len(index))):
        return False
    if reading.time or reading.unique_id or {"unique_id", "ds"} & set(frame.columns):
        return False
    return not any(holds_dates(frame[name]) for name in frame.columns)


def holds_times(index: pd.Index) -> bool:
    """Say whether an index is of dates."""
    if isinstance(index, (pd.DatetimeIndex, pd.PeriodIndex)):
        return True
    return isinstance(index[0], str) and looks_like_date(index[0])


def as_times(index: pd.Index) -> pd.Index:
    """Return an index of periods as the times at which they begin."""
    return index.to_timestamp() if isinstance(index, pd.PeriodIndex) else index


def free_name(frame: pd.DataFrame, given: object, usual: str) -> str:
    """Return a name for an index that no column has."""
    names = (usual,) if given is None else (str(given), usual)
    return next((name for name in names if name not in frame.columns), f"{usual} (index)")
