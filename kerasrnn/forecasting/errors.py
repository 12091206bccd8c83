"""The one error of the forecasting programs: one line, with place and remedy."""


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


def require_one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    """Raise where an argument is not one of those that are known."""
    if value not in known:
        raise DataError(
            f"--{name.replace('_', '-')} must be one of {', '.join(known)}. Got {value!r}."
        )


def shown(cell: object) -> str:
    """Quote a cell for a message, cut where it is long."""
    text = str(cell)
    return repr(text if len(text) <= 40 else text[:37] + "...")
