"""Whether the arguments of a forecaster are in range, and fit each other."""

from collections.abc import Iterable
from typing import Any

from kerasrnn.forecasting.covariates import require_calendar
from kerasrnn.forecasting.errors import DataError, require_one_of, require_positive
from kerasrnn.forecasting.models import LAYERS, MODELS
from kerasrnn.forecasting.scaling import SERIES_SCALES, parse_normalization
from kerasrnn.forecasting.training import LOSSES

STRATEGIES = ("direct", "recursive")
INTERVALS = ("conformal", "quantile", "dropout")


def check_arguments(arguments: dict[str, Any]) -> None:
    """Raise where an argument of the constructor is out of range."""
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
    if not 0 <= arguments["dropout"] < 1:
        raise DataError(f"--dropout must be from 0 to below 1. Got {arguments['dropout']:g}.")
    if not arguments["learning_rate"] > 0:
        raise DataError(f"--learning-rate must be above 0. Got {arguments['learning_rate']:g}.")
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
    levels = [f"{level:g}" for level in arguments["levels"] or ()]
    if len(set(levels)) < len(levels):
        raise DataError(f"--levels must differ. Got {', '.join(levels)}.")
    for level in arguments["levels"] or ():
        if not 0 < level <= 99.9:
            raise DataError(f"--levels must be above 0 and at most 99.9 percent. Got {level:g}.")
    if arguments["intervals"] == "dropout" and not arguments["dropout"]:
        raise DataError("--intervals dropout needs a --dropout above 0")
    validation, horizon = arguments["validation"], arguments["horizon"]
    if validation is not None and validation < 0:
        raise DataError(f"--validation must be 0 or more. Got {validation}.")
    if arguments["max_time"] is not None and not arguments["max_time"] > 0:
        raise DataError(f"--max-time must be above 0. Got {arguments['max_time']:g}.")
    if not 0 <= arguments["seed"] < 2**32:
        raise DataError(f"--seed must be from 0 to {2**32 - 1}. Got {arguments['seed']}.")
    require_calendar(arguments["calendar"])
    if validation and arguments["strategy"] == "direct" and validation < horizon:
        raise DataError(
            f"--validation must be 0 or at least the horizon, {horizon}. Got {validation}."
        )
