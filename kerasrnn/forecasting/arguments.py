"""Whether the arguments of a forecaster are in range, and fit each other."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from kerasrnn.forecasting.covariates import require_calendar
from kerasrnn.forecasting.data.options import as_names
from kerasrnn.forecasting.errors import (
    DataError,
    option_name,
    require_number,
    require_one_of,
    require_positive,
    require_whole,
)
from kerasrnn.forecasting.models import LAYERS, MODELS
from kerasrnn.forecasting.scaling import SERIES_SCALES, parse_normalization
from kerasrnn.forecasting.training import LOSSES

STRATEGIES = ("direct", "recursive")
INTERVALS = ("conformal", "quantile", "dropout")
OPTIONAL = ["look_back", "segment", "season", "cycle", "levels", "epochs", "batch_size"]
OPTIONAL += ["validation", "max_time", "checkpoint"]


def plain(value: Any) -> Any:
    """Return a number or an array of NumPy as Python's own numbers."""
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
        return tuple(value) if isinstance(value, list) else value
    return value


def check_arguments(arguments: dict[str, Any]) -> None:
    """Raise where an argument of the constructor is out of range."""
    for name, value in arguments.items():
        if value is None and name not in OPTIONAL:
            raise DataError(f"{option_name(name)} must be given. Got None.")
    for name in ("bidirectional", "embed_series", "quiet"):
        if not isinstance(arguments[name], bool):
            raise DataError(f"{option_name(name)} must be True or False. Got {arguments[name]!r}.")
    counts = "horizon look_back units num_layers segment season cycle num_members epochs"
    counts += " stride batch_size patience"
    require_positive(**{name: arguments[name] for name in counts.split()})
    choices: dict[str, Iterable[str]] = {
        "model": MODELS,
        "cell": LAYERS,
        "strategy": STRATEGIES,
        "series_scale": SERIES_SCALES,
        "loss": LOSSES,
        "intervals": INTERVALS,
    }
    for name, known in choices.items():
        require_one_of(name, arguments[name], tuple(known))
    parse_normalization(arguments["normalization"])
    check_ranges(arguments)
    check_levels(arguments["levels"])
    require_calendar(as_names(arguments["calendar"]))
    check_together(arguments)


def check_ranges(arguments: dict[str, Any]) -> None:
    """Raise where a number is out of range."""
    for name in ("dropout", "learning_rate", "max_time"):
        if arguments[name] is not None:
            require_number(name, arguments[name])
    if not 0 <= arguments["dropout"] < 1:
        raise DataError(f"--dropout must be from 0 to below 1. Got {arguments['dropout']:g}.")
    for name in ("learning_rate", "max_time"):
        if arguments[name] is not None and not arguments[name] > 0:
            raise DataError(f"{option_name(name)} must be above 0. Got {arguments[name]:g}.")
    if arguments["validation"] is not None:
        require_whole("validation", arguments["validation"], least=0)
    require_whole("seed", arguments["seed"], least=0)
    if arguments["seed"] >= 2**32:
        raise DataError(f"--seed must be at most {2**32 - 1}. Got {arguments['seed']}.")


def check_levels(levels: Any) -> None:
    """Raise where the levels are no percentages, or not distinct."""
    if levels is None:
        return
    if isinstance(levels, str) or not isinstance(levels, Iterable):
        raise DataError(f"--levels must be percentages such as (80, 95). Got {levels!r}.")
    for level in levels:
        require_number("levels", level)
        if 0 < level < 1:
            raise DataError(
                f"--levels are in percent. Got {level:g}; did you mean {100 * level:g}?"
            )
        if not 0 < level <= 99.9:
            raise DataError(f"--levels must be above 0 and at most 99.9 percent. Got {level:g}.")
    names = [f"{level:g}" for level in levels]
    if len(set(names)) < len(names):
        raise DataError(f"--levels must differ. Got {', '.join(names)}.")


def check_together(arguments: dict[str, Any]) -> None:
    """Raise where two arguments do not fit each other."""
    if arguments["intervals"] == "quantile" and arguments["strategy"] == "recursive":
        raise DataError(
            "--intervals quantile knows one step only with --strategy recursive; use direct, or "
            "--intervals conformal"
        )
    if arguments["model"] == "segment" and (
        arguments["num_layers"] > 1 or arguments["bidirectional"]
    ):
        raise DataError(
            "--model segment has one layer in one direction; leave --num-layers and "
            "--bidirectional out"
        )
    if arguments["intervals"] == "dropout" and not arguments["dropout"]:
        raise DataError("--intervals dropout needs a --dropout above 0")
    validation, horizon = arguments["validation"], arguments["horizon"]
    if validation and arguments["strategy"] == "direct" and validation < horizon:
        raise DataError(
            f"--validation must be 0 or at least the horizon, {horizon}. Got {validation}."
        )
