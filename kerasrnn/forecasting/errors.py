"""The one error of the forecasting programs: one line, with place and remedy."""

import math
import re
from numbers import Integral, Real
from typing import Any

# An option in a message, but not in a quoted cell or name, in a path or in brackets.
OPTION = re.compile(r"(?<![\w'\"(-])--([a-z]+(?:-[a-z]+)*)(?![\w/-]|\.\w)")


class DataError(ValueError):
    """The input cannot be used; the message is one line with place and remedy.

    >>> error = DataError("use a shorter --look-back")
    >>> str(error), error.message
    ('use a shorter look_back', 'use a shorter --look-back')

    Attributes:
        message: With arguments named as options of the command line; as text, an error
            names them as Python does.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        return OPTION.sub(lambda match: argument_name(match[1]), self.message)


def argument_name(option: str) -> str:
    """Return an option's name as an argument; a file of options may be a frame of arguments."""
    return {"future-file": "future"}.get(option, option.replace("-", "_"))


def one_line(error: Exception) -> str:
    """Return an error's message in one line."""
    return " ".join((error.message if isinstance(error, DataError) else str(error)).split())


def option_name(name: str) -> str:
    """Return an argument's name as an option."""
    return f"--{name.replace('_', '-')}"


def require_positive(**numbers: Any) -> None:
    """Raise where a number that was given is no whole one, or below 1."""
    for name, number in numbers.items():
        if number is not None:
            require_whole(name, number, least=1)


def require_whole(name: str, number: Any, least: int) -> None:
    """Raise where an argument is no whole number, or below a least one."""
    if isinstance(number, bool) or not isinstance(number, Integral):
        raise DataError(f"{option_name(name)} must be a whole number. Got {number!r}.")
    if number < least:
        raise DataError(f"{option_name(name)} must be at least {least}. Got {number}.")


def require_number(name: str, number: Any) -> None:
    """Raise where an argument is no finite number."""
    if isinstance(number, bool) or not isinstance(number, Real) or not math.isfinite(number):
        raise DataError(f"{option_name(name)} must be a number. Got {number!r}.")


def require_one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    """Raise where an argument is not one of those that are known."""
    if value not in known:
        raise DataError(f"{option_name(name)} must be one of {', '.join(known)}. Got {value!r}.")


def shown(cell: object) -> str:
    """Quote a cell for a message, cut where it is long."""
    text = str(cell)
    return repr(text if len(text) <= 40 else text[:37] + "...")
