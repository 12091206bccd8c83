"""Numbers, times and names as a reader is shown them, on a page or on the console."""

import math

import pandas as pd


def number(value: float) -> str:
    """Return a number with four digits, or all before the point.

    >>> number(12345.678), number(0.0123456), number(-446.14)
    ('12,346', '0.01235', '-446.1')
    """
    if not math.isfinite(value):
        return "-" if math.isnan(value) else "infinite"
    size = abs(value)
    if size and not 1e-4 <= size < 1e12:
        return f"{value:.4g}"
    digits = 3 - math.floor(math.log10(size)) if size else 0
    return f"{value:,.{max(digits, 0)}f}"


def time_names(values: pd.Series) -> list[str]:
    """Return times as text, as dates where all of them are midnights."""
    if isinstance(values.dtype, pd.DatetimeTZDtype) or values.dtype.kind == "M":
        index = pd.DatetimeIndex(values)
        if (index == index.normalize()).all():
            return list(index.strftime("%Y-%m-%d"))
    return [str(value) for value in values]


def span(values: pd.Series) -> str:
    """Return the first and the last time."""
    return " to ".join(time_names(pd.Series([values.min(), values.max()])))


def spoken(name: object) -> str:
    """Return the name of a forecast as text."""
    return str(name).replace("_", " ")


def counted(count: int, noun: str) -> str:
    """Return a number of things.

    >>> counted(1, "origin"), counted(2000, "row")
    ('1 origin', '2,000 rows')
    """
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def there_are(count: int, noun: str) -> str:
    """Return a number of things, and the verb that goes with it.

    >>> there_are(1, "row"), there_are(40, "row")
    ('1 row is', '40 rows are')
    """
    return counted(count, noun) + (" is" if count == 1 else " are")


def printable(value: object) -> str:
    """Return text without characters that no page may hold."""
    return "".join(letter if letter.isprintable() else " " for letter in str(value))


def shortened(text: str, longest: int) -> str:
    """Return a text, or its beginning and dots where it is too long.

    >>> shortened("price by week and branch", 12)
    'price by we…'
    """
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def shortened_name(name: str, longest: int) -> str:
    """Return a name, or where it is too long its beginning and end, in which names often differ.

    >>> shortened_name("north_region_shop_0017", 12)
    'north_r…0017'
    """
    if len(name) <= longest:
        return name
    end = longest // 3
    return f"{name[: longest - 1 - end].rstrip()}…{name[-end:].lstrip()}"


def sentence(text: str) -> str:
    """Return a remark with a capital letter and a full stop."""
    return text[:1].upper() + text[1:].rstrip(".") + "."
