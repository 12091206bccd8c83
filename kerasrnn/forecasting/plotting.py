"""The pictures. Figures are made without pyplot, so no window opens and no state is left."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kerasrnn.forecasting.backtest import HoldOut
from kerasrnn.forecasting.classic import Classic
from kerasrnn.forecasting.metrics import NETWORK
from kerasrnn.forecasting.sine import curve, curve_times

HISTORY, TEST, FUTURE, LIGHT = "#33415c", "#e07a1f", "#1b7f5c", "#9aa5b8"
SHOWN_HORIZONS = 10


def save(figure: Figure, path: Path) -> None:
    """Write a figure; the suffix names the format."""
    figure.savefig(path, dpi=120)


def tidy(axes: Axes) -> None:
    """Leave out what carries no information."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e6e9ef", linewidth=0.8)
    axes.set_axisbelow(True)


def plot_times(index: pd.Index) -> np.ndarray:
    """Return times as matplotlib takes them."""
    if isinstance(index, pd.DatetimeIndex):
        return index.tz_localize(None).to_numpy()
    return index.to_numpy()


def heading(axes: Axes, text: str) -> None:
    """Write a title over the left edge."""
    axes.set_title(text, loc="left", weight="bold")


def plot_forecast(series: pd.Series, held_out: HoldOut, forecast: pd.Series) -> Figure:
    """Draw the last stretch of history, the held-out forecast and the forecast ahead.

    Args:
        series: All rows.
        held_out: The forecast of its last rows.
        forecast: The forecast of the rows after it.
    """
    shown = series.iloc[-max(SHOWN_HORIZONS * len(forecast), 60) :]
    figure = Figure(figsize=(10, 5), layout="constrained")
    axes = figure.subplots()
    tidy(axes)
    held = plot_times(held_out.actual.index)
    rmse = float(held_out.scores["rmse"][NETWORK])
    axes.axvspan(held[0], held[-1], color="#f6efe6", zorder=0)
    axes.plot(plot_times(shown.index), shown, color=HISTORY, label="history")
    axes.plot(
        held,
        held_out.forecast,
        "o-",
        markersize=3.5,
        color=TEST,
        label=f"forecast of held-out rows (RMSE {rmse:.4g}, skill {held_out.skill:+.2f})",
    )
    joined = pd.concat([series.iloc[-1:], forecast])
    axes.plot(plot_times(joined.index), joined, color=FUTURE, linewidth=1)
    axes.plot(
        plot_times(forecast.index),
        forecast,
        "o",
        markersize=3.5,
        color=FUTURE,
        label=f"forecast, {len(forecast)} steps ahead",
    )
    axes.set_ylabel(str(series.name))
    axes.legend(frameon=False, loc="upper left")
    model = held_out.forecaster.model.upper()
    heading(axes, f"Forecast of {series.name!s} by {model}")
    return figure


def plot_classic(series: pd.Series, classic: Classic) -> Figure:
    """Draw the prediction over the whole series over the real one."""
    figure = Figure(figsize=(10, 5), layout="constrained")
    axes = figure.subplots()
    tidy(axes)
    times = plot_times(series.index)
    axes.plot(times, series, color=HISTORY, label="real")
    axes.plot(
        plot_times(classic.prediction.index),
        classic.prediction,
        color=TEST,
        label=f"prediction, one step ahead (skill {classic.skill:+.2f} after training rows)",
    )
    axes.axvline(times[classic.training_rows], color=LIGHT, linestyle="--", linewidth=1)
    axes.annotate(
        "training rows end",
        (times[classic.training_rows], 1),
        xycoords=("data", "axes fraction"),
        xytext=(4, -12),
        textcoords="offset points",
        color="#66718a",
    )
    axes.set_ylabel(str(series.name))
    axes.legend(frameon=False, loc="upper left")
    heading(axes, f"The classic program on {series.name!s}")
    return figure


def plot_sine(generated: Mapping[int, np.ndarray], errors: Mapping[int, float]) -> Figure:
    """Draw each true curve with the points generated from its first one.

    Args:
        generated: For each start, the 49 values after the first.
        errors: For each start, their root mean square error.
    """
    figure = Figure(figsize=(12, 4), layout="constrained")
    panels = figure.subplots(1, len(generated), sharey=True, squeeze=False)[0]
    for axes, (start, values) in zip(panels, generated.items(), strict=True):
        tidy(axes)
        times, truth = curve_times(start), curve(start)
        axes.plot(times, truth, color=LIGHT, zorder=1)
        axes.scatter(times, truth, s=60, color=LIGHT, label="true", zorder=2)
        axes.scatter(times[1:], values, s=14, color=TEST, label="generated", zorder=3)
        axes.scatter(times[:1], truth[:1], s=60, color=HISTORY, label="first point", zorder=4)
        axes.set_title(f"sin on [{start}, {start + 10}]   RMSE {errors[start]:.4f}", loc="left")
        axes.set_xlabel("time")
    panels[0].legend(frameon=True, framealpha=0.9, loc="lower left")
    return figure
