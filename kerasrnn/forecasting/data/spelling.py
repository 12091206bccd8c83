"""Numbers that are written as text: with a decimal comma, with thousands in groups, as words."""

import re

import numpy as np
import pandas as pd

from kerasrnn.forecasting.data.options import Reading

BOOLEANS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}
BLANKS = str.maketrans("\u00a0\u202f", "  ")  # French thousands come with narrow ones
# How numbers are written, and the options that read them so.
SPELLINGS = {
    r"[1-9]\d{0,2},\d{3}": "--thousands , or --decimal ,",
    r"[1-9]\d{0,2}(,\d{3})+(\.\d*)?": "--thousands ,",
    r"\d*,\d+(e[+-]?\d+)?": "--decimal ,",
    r"[1-9]\d{0,2}(\.\d{3})+": "--thousands .",
    r"[1-9]\d{0,2}(\.\d{3})+,\d*": "--decimal , --thousands .",
    r"[1-9]\d{0,2}( \d{3})+(\.\d*)?": '--thousands " "',
    r"[1-9]\d{0,2}( \d{3})+,\d*": '--thousands " " --decimal ,',
    r"[1-9]\d{0,2}('\d{3})+(\.\d*)?": '--thousands "\'"',
    r"\d*\.\d*": "--decimal .",
}


def is_number(text: str) -> bool:
    """Say whether a cell is a number, in whatever spelling."""
    try:
        float(text)
    except ValueError:
        return spelling_options(text) is not None
    return True


def spelling_options(text: str) -> str | None:
    """Return the options that read a cell as a number, if any do.

    >>> spelling_options("1.234,5")
    '--decimal , --thousands .'
    """
    plain = text.strip().translate(BLANKS).lower().removeprefix("-").removeprefix("+")
    if not any(map(str.isdigit, plain)):
        return None
    return next((o for pattern, o in SPELLINGS.items() if re.fullmatch(pattern, plain)), None)


def with_points(cells: pd.Series, reading: Reading) -> pd.Series:
    """Return numbers with a decimal point and without thousands, as they are without options.

    Cells with digits in any other spelling than the one that was named become missing.
    """
    if reading.decimal is None and reading.thousands is None:
        return cells
    thousands = reading.thousands or ""
    decimal = reading.decimal or ("," if thousands == "." else ".")
    point, group = re.escape(decimal), re.escape(thousands)
    whole = rf"([1-9]\d{{0,2}}({group}\d{{3}})+|\d+)" if thousands else r"\d+"
    number = re.compile(rf"[+-]?({whole}({point}\d*)?|{point}\d+)([eE][+-]?\d+)?")

    def plain(cell: object) -> object:
        if not isinstance(cell, str):
            return cell
        text = cell.strip().translate(BLANKS)
        if number.fullmatch(text):
            return text.replace(thousands, "").replace(decimal, ".")
        return None if any(map(str.isdigit, text)) else cell

    return pd.Series([plain(cell) for cell in cells], cells.index, dtype=object)


def from_text(cells: pd.Series, words: dict[str, float]) -> np.ndarray:
    """Return what words stand for, infinity for numbers beyond all floats, NaN for others."""
    text = cells.astype(str).str.strip().str.lower()
    numbers = text.map(words).to_numpy("float64", na_value=np.nan).copy()
    beyond = text.str.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)e\+?\d+")  # of which pandas 2 makes NaN
    numbers[beyond.to_numpy(bool)] = np.inf
    return numbers


def two_readings(column: pd.Series, reading: Reading) -> str | None:
    """Return a cell such as 5.069, where all that have a point may be thousands as well."""
    if reading.decimal or reading.thousands or pd.api.types.is_numeric_dtype(column.dtype):
        return None
    cells = column[column.str.contains(".", regex=False)]
    grouped = len(cells) and cells.str.fullmatch(r"[+-]?[1-9]\d{0,2}\.\d{3}").all()
    return str(cells.iloc[0]) if grouped else None
