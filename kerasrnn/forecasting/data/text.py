"""Read a CSV file into cells of text, or say exactly what is wrong with the file."""

import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from kerasrnn.forecasting.data.dates import looks_like_date
from kerasrnn.forecasting.data.spelling import is_number
from kerasrnn.forecasting.errors import DataError


def read_cells(path: Path, encoding: str) -> tuple[pd.DataFrame, np.ndarray, str]:
    """Read all cells of a CSV file as stripped text.

    Commas, semicolons, tabs and bars are understood as separators.

    Returns:
        The cells under their header, the number of each row's line in the file, and what
        separates the cells.

    Raises:
        DataError: with file, line and remedy.
    """
    text = read_text(path, encoding)
    if not text.strip():
        raise DataError(f"{path} is empty: expected a header line and rows of numbers")
    sign = separator(text)
    data = plain_bytes(text, sign)
    if data is None:
        return *read_careful(path, text, sign), sign
    return *read_plain(path, data, sign), sign


def read_text(path: Path, encoding: str) -> str:
    """Read a file, gzipped or not, or say why that cannot be done."""
    data = read_bytes(path)
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


def read_bytes(path: Path) -> bytes:
    """Read a file's bytes; those that are gzipped are unpacked."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise DataError(f"{path} is a directory; name a CSV file in it") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; check the path and its permissions") from None
    if not data.startswith(b"\x1f\x8b"):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is a damaged gzip file ({error}); write it again") from None


def separator(text: str) -> str:
    """Find what separates the cells of the header line."""
    header = re.search(r"[^\r\n]*\S[^\r\n]*", text)
    assert header is not None
    found = {sign: len(next(csv.reader([header[0]], delimiter=sign))) for sign in ",;\t|"}
    return max(found, key=lambda sign: found[sign])


def plain_bytes(text: str, sign: str) -> np.ndarray | None:
    """Return the bytes of lines of equally many cells, without quotes or blank lines.

    None, where the text is otherwise.
    """
    if '"' in text or text.count("\r") != text.count("\r\n"):
        return None
    data = np.frombuffer(text.replace("\r\n", "\n").rstrip("\n").encode() + b"\n", np.uint8)
    ends = np.flatnonzero(data == ord("\n"))
    counts = np.diff(np.searchsorted(np.flatnonzero(data == ord(sign)), ends), prepend=0)
    return data if len(ends) > 1 and counts[0] > 0 and (counts == counts[0]).all() else None


def has_blanks(data: np.ndarray, sign: str) -> bool:
    """Say whether there may be blanks around a cell."""
    blank = (data == ord(" ")) | (data == ord("\t")) | (data >= 128)
    edge = (data == ord(sign)) | (data == ord("\n"))
    around = (blank[:-1] & edge[1:]) | (edge[:-1] & blank[1:])
    return bool(blank[0] | around.any())


def read_plain(path: Path, data: np.ndarray, sign: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Read lines of equally many cells, fast."""
    frame = pd.read_csv(
        io.BytesIO(data.tobytes()),
        sep=sign,
        header=None,
        dtype=str,
        na_filter=False,
        quoting=csv.QUOTE_NONE,
        index_col=False,
        skip_blank_lines=False,
        encoding="utf-8",
    )
    if has_blanks(data, sign):
        frame = frame.apply(lambda column: column.str.strip())
    header = named(frame.iloc[0].tolist())
    check_header(path, 1, header)
    frame = frame.iloc[1:].set_axis(header, axis=1)
    lines = frame.index.to_numpy() + 1
    # A line of separators only is a blank line.
    some = np.asarray((frame != "").any(axis=1))
    if not some.any():
        raise DataError(f"{path} has a header line and no rows; add rows of numbers")
    return frame.iloc[np.flatnonzero(some)].reset_index(drop=True), lines[some]


def read_careful(path: Path, text: str, sign: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Read line by line what may have quotes, blank lines or lines of another length."""
    lines: dict[int, list[str]] = {}
    blank: list[int] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sign)
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
    header = named(lines[first])
    check_header(path, first, header)
    if not rows:
        raise DataError(f"{path} has a header line and no rows; add rows of numbers")
    body = [fitted(path, line, lines.get(line, [""]), header) for line in rows]
    return pd.DataFrame(body, columns=header, dtype=str), np.array(rows)


def named(header: Sequence[str]) -> list[str]:
    """Return column names, with the number for a name where there is none."""
    return [name or f"column {i}" for i, name in enumerate(header, start=1)]


def check_header(path: Path, line: int, header: Sequence[str]) -> None:
    """Raise where the first line holds no names, or one twice."""
    if all(is_number(name) or looks_like_date(name) for name in header):
        raise DataError(
            f"{path}, line {line}: expected column names, got {', '.join(header)}; add a header "
            "line"
        )
    for name, count in Counter(header).items():
        if count > 1:
            raise DataError(
                f"{path}, line {line}: {count} columns are named {name!r}; give each its own name"
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
