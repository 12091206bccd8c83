"""What commands print."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import pandas as pd
from rich.console import Console
from rich.table import Table

import kerasrnn
from kerasrnn.forecasting.backtest import Backtest
from kerasrnn.forecasting.data.panel import Panel

SHOWN_ROWS = 30


def versions() -> dict[str, Any]:
    """Return what the numbers were made with."""
    return {
        "backend": keras.backend.backend(),
        "versions": {"kerasrnn": kerasrnn.__version__, "keras": keras.__version__},
    }


def describe(panel: Panel) -> str:
    """Say what was read, in a line."""
    first, last = time_name(panel.times.min()), time_name(panel.times.max())
    rows = f"{len(panel.values)} rows of {panel.columns.target!r}"
    if panel.num_series > 1:
        shortest, longest = panel.lengths.min(), panel.lengths.max()
        each = f"{longest}" if shortest == longest else f"{shortest} to {longest}"
        rows = f"{panel.num_series} series of {each} rows"
    text = f"{rows}, {first} to {last}"
    if panel.frequency is None:
        text += "; rows are taken as equal steps, and without a season unless --season names one"
    return text


def time_name(time: Any) -> str:
    """Return a time as text, without a time of day where that is midnight."""
    if isinstance(time, pd.Timestamp) and time == time.normalize():
        return str(time.date())
    return str(time)


def print_backtest(result: Backtest) -> None:
    """Print scores, skill and coverage of a backtest."""
    origins = result.forecasts["cutoff"].nunique() if result.panel.num_series == 1 else None
    first, last = result.forecasts["ds"].min(), result.forecasts["ds"].max()
    title = f"Held-out rows {time_name(first)} to {time_name(last)}"
    if origins is not None and origins > 1:
        title += f", from {origins} origins"
    print_scores(title, result.scores, result.skill, result.metric)
    for name, value in result.intervals.items():
        if str(name).startswith("coverage"):
            level = str(name).removeprefix("coverage-")
            print(f"intervals of {level} % held {100 * value:.1f} % of the held-out values")


def print_scores(title: str, scores: pd.DataFrame, skill: float, metric: str = "rmse") -> None:
    """Print the scores as a table, and the skill."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None)
    table.add_column("")
    for column in scores.columns:
        table.add_column(str(column).upper(), justify="right")
    for name, row in scores.iterrows():
        table.add_row(str(name).replace("_", " "), *(f"{value:.4g}" for value in row))
    Console().print(table)
    better = metric.upper()
    print(f"skill {skill:+.3f} (1 - {better} / {better} of the better naive forecast)")


def print_forecast(forecast: pd.DataFrame) -> None:
    """Print a forecast, or its first rows."""
    print("\nForecast")
    index = "unique_id" not in forecast.columns
    print(forecast.head(SHOWN_ROWS).rename_axis(None).to_string(index=index))
    if len(forecast) > SHOWN_ROWS:
        print(f"... {len(forecast) - SHOWN_ROWS} more rows in forecast.csv")


def print_files(output: Path, names: Sequence[str]) -> None:
    """Name what was written."""
    print("\nwrote " + ", ".join(str(output / name) for name in names))


def warn(remarks: Sequence[str]) -> None:
    """Print remarks on standard error."""
    for remark in remarks:
        print(f"kerasrnn: warning: {remark}", file=sys.stderr)
