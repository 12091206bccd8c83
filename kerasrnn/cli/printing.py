"""What commands print."""

import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kerasrnn.forecasting.backtest import Backtest
from kerasrnn.forecasting.baselines import SEASONAL_NAIVE
from kerasrnn.forecasting.data.panel import Panel
from kerasrnn.forecasting.diagnosis import about_even, count_origins, without_intervals
from kerasrnn.forecasting.errors import option_name
from kerasrnn.forecasting.metrics import with_interval, without_repeats
from kerasrnn.forecasting.outputs import forecast_table
from kerasrnn.forecasting.wording import (
    counted,
    number,
    printable,
    shortened_name,
    span,
    spoken,
    time_names,
)

SHOWN_ROWS, SHOWN_SERIES, LONGEST_NAME = 30, 6, 24


def versions() -> dict[str, Any]:
    """Return what the numbers were made with."""
    backend = keras.backend.backend()
    names = ("kerasrnn", "keras", backend, "numpy", "pandas")
    return {
        "backend": backend,
        "versions": {name: version(name) for name in names} | {"python": platform.python_version()},
    }


def describe(panel: Panel) -> str:
    """Say what was read, in a line."""
    rows = f"{len(panel.values)} rows of {panel.columns.target!r}"
    if panel.num_series > 1:
        shortest, longest = panel.lengths.min(), panel.lengths.max()
        each = f"{longest}" if shortest == longest else f"{shortest} to {longest}"
        rows = f"{panel.num_series} series of {each} rows"
    text = f"{rows}, {span(panel.times.to_series())}"
    if panel.num_filled:
        text += f"; {counted(panel.num_filled, 'missing value')} filled in"
    ends = panel.times[panel.offsets[1:] - 1]
    early = np.flatnonzero(ends < ends.max())
    if len(early) and panel.frequency is not None:
        first = early[ends[early].argmin()]
        text += f"; {len(early):,} of them end before the others, {panel.ids[first]!r} first, on "
        text += time_names(pd.Series(ends[first : first + 1]))[0]
    if panel.frequency is None:
        text += "; rows are taken as equal steps, and without a season unless --season names one"
    return text


def print_backtest(result: Backtest) -> None:
    """Print scores, skill and coverage of a backtest."""
    count, origins = len(result.scored["unique_id"].unique()), count_origins(result.forecasts)
    title = f"Held-out rows {span(result.forecasts['ds'])}"
    if origins > 1:
        title += f", from {origins} origins"
    if count > 1:
        title += f", mean over {count:,} series"
    print_scores(title, result.scores, result.skill, result.metric)
    if count > 1:
        beaten, of = result.beaten
        print(f"the network beats the better naive forecast on {beaten:,} of {of:,} series")
    for name, value in result.intervals.items():
        if str(name).startswith("coverage"):
            level = str(name).removeprefix("coverage-")
            bounded = with_interval(result.scored, float(level))
            which = "" if len(bounded) == len(result.scored) else " that have one"
            print(f"intervals of {level} % held {100 * value:.1f} % of the held-out values{which}")
    if filled := len(result.forecasts) - len(result.scored):
        print(f"not scored: {counted(filled, 'held-out value')} that had to be filled in")
    if missing := without_intervals(result.forecaster.levels, result.levels):
        print(missing)


def print_scores(title: str, scores: pd.DataFrame, skill: float, metric: str = "rmse") -> None:
    """Print the scores as a table, and the skill."""
    table = Table(box=None)
    table.add_column("")
    for column in scores.columns:
        table.add_column(str(column).upper(), justify="right")
    shown = without_repeats(scores)
    for name, row in shown.iterrows():
        table.add_row(spoken(name), *(f"{value:.4g}" for value in row))
    console = Console()
    console.print(Text(title, "bold"), soft_wrap=True)  # a table breaks its title at its own width
    console.print(table)
    even = ", about even" if about_even(skill) else ""
    better = "the better naive forecast" if SEASONAL_NAIVE in shown.index else "naive"
    name = metric.upper()
    print(f"skill {skill:+.3f}{even} (1 - {name} / {name} of {better})")


def print_forecast(forecast: pd.DataFrame) -> None:
    """Print a forecast, or of a long one the first steps of its first series."""
    print("\nForecast")
    table = forecast_table(forecast)
    names = table.get("unique_id", pd.Series("", table.index))
    series, step = pd.factorize(names)[0], names.groupby(names).cumcount()
    all_series, all_steps = int(series.max()) + 1, int(step.max()) + 1
    shown_series, shown_steps = all_series, all_steps
    if len(table) > SHOWN_ROWS:
        shown_series = min(all_series, SHOWN_SERIES)
        shown_steps = min(all_steps, SHOWN_ROWS // shown_series)
    rows = table[(series < shown_series) & (step < shown_steps)]
    rows = rows.assign(ds=time_names(rows["ds"]))
    if "unique_id" in rows.columns:
        rows["unique_id"] = [
            shortened_name(printable(name), LONGEST_NAME) for name in rows["unique_id"]
        ]
    rows = rows.rename(columns={"unique_id": "", "ds": ""})
    print(rows.to_string(index=False, float_format=number))
    if len(rows) < len(table):
        text = f"... the first {shown_steps} of {counted(all_steps, 'step')}"
        if shown_series < all_series:
            text += f" of the first {shown_series} of {all_series:,} series"
        print(f"{text}; all {len(table):,} rows are in forecast.csv")


def as_option(name: str, value: Any) -> str:
    """Return an argument of the forecaster as the command line takes it.

    >>> as_option("normalization", ("log", "last")), as_option("bidirectional", True)
    ('--normalization log,last', '--bidirectional')
    """
    flag = option_name(name)
    if value is True:
        return flag
    if value is None or value is False:
        return f"leave out {flag}"
    if isinstance(value, tuple | list):
        return f"{flag} {','.join(map(str, value)) or 'none'}"
    return f"{flag} {value}"


def print_files(output: Path, names: Sequence[str]) -> None:
    """Name what was written."""
    print("\nwrote " + ", ".join(str(output / name) for name in names))


def warn(remarks: Sequence[str]) -> None:
    """Print remarks on standard error."""
    for remark in remarks:
        print(f"kerasrnn: warning: {remark}", file=sys.stderr)
