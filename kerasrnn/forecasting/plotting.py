"""The pictures. Figures are made without pyplot, so no window opens and no state is left."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from kerasrnn.forecasting.backtest import Backtest
from kerasrnn.forecasting.classic import Classic
from kerasrnn.forecasting.data.panel import Panel
from kerasrnn.forecasting.metrics import NETWORK
from kerasrnn.forecasting.sine import curve, curve_times

HISTORY, TEST, FUTURE, LIGHT = "#33415c", "#e07a1f", "#1b7f5c", "#9aa5b8"
GRID, HELD_OUT, NOTE = "#e6e9ef", "#f6efe6", "#66718a"
# Forecasts beside the network, in order; told apart by marker too, where colours are not seen.
BESIDE = ("#7b8794", "#0072b2", "#c05a92", "#009e73", "#56b4e9", "#8a6d00")
MARKERS = ("s", "^", "D", "v", "P", "X")
SHOWN_HORIZONS, SHOWN_ROWS, SHOWN_SERIES, SHOWN_POINTS = 10, 60, 6, 3000
WIDTH, TWO_COLUMNS, MOST_MARKERS = 10.0, 7.0, 40
LONGEST_TITLE, LONGEST_NAME, LONGEST_UNIT = 38, 30, 18


def save(figure: Figure, path: Path) -> None:
    """Write a figure; the suffix names the format."""
    with warnings.catch_warnings():
        # Names in scripts that the font lacks are boxes in a PNG, which is no news to the user.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(path, dpi=120)


def tidy(axes: Axes) -> None:
    """Leave out what carries no information."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)


def plot_times(index: pd.Index) -> np.ndarray:
    """Return times as matplotlib takes them."""
    if isinstance(index, pd.DatetimeIndex):
        return index.tz_localize(None).to_numpy()
    return index.to_numpy()


def heading(axes: Axes, text: str) -> None:
    """Write a title over the left edge."""
    axes.set_title(text, loc="left", weight="bold")


def literal(name: object, longest: int = LONGEST_NAME) -> str:
    r"""Return a user's name as a label: short, on one line, its dollar signs no formulas.

    >>> literal("price in $, by week and by branch of the shop")
    'price in \\$, by week and by br…'
    """
    text = "".join(letter if letter.isprintable() else " " for letter in str(name)).strip()
    if len(text) > longest:
        text = text[: longest - 1].rstrip() + "…"
    return text.replace("$", r"\$")


def plot_forecast(
    backtest: Backtest,
    forecast: pd.DataFrame,
    ids: Sequence[str] | None = None,
    *,
    width: float = WIDTH,
) -> Figure:
    """Draw the last stretch of history, the held-out forecast and the forecast ahead.

    Args:
        backtest: Its last origin is shown.
        forecast: What `Forecaster.predict` returned.
        ids: Series to draw. Default: all, or of more than six, six at equal distances in the
            panel's order, the first and the last one included.
        width: In inches; narrow pictures have their panels one below the other.

    Raises:
        DataError: there is no such series.
    """
    panel = backtest.panel
    chosen = choose_series(panel, ids)
    figure, cells = grid(panel, len(chosen), width)
    for axes, i in zip(cells, chosen, strict=True):
        ahead = rows_ahead(forecast, panel.ids[i])
        held_out = last_fold(backtest.forecasts, panel.ids[i])
        horizons = SHOWN_HORIZONS if len(chosen) == 1 else SHOWN_HORIZONS // 2
        series = panel.series(i)
        shown = series.iloc[-max(horizons * len(ahead), len(held_out) + SHOWN_ROWS) :]
        held = plot_times(pd.Index(held_out["cutoff"])), plot_times(pd.Index(held_out["ds"]))
        axes.axvspan(held[0][0], held[1][-1], color=HELD_OUT, zorder=0)
        axes.plot(plot_times(shown.index), shown, color=HISTORY, linewidth=1.4)
        draw_fold(axes, held_out, series)
        draw_ahead(axes, ahead, "forecast", series.iloc[-1:], FUTURE, "s")
        time_axis(axes, held[1])
        heading(axes, panel_name("Forecast of ", panel, i, len(chosen)))
    legend(
        figure,
        width,
        [
            Line2D([], [], color=HISTORY, label="actual"),
            Line2D([], [], color=TEST, marker="o", markersize=4, label="held-out forecast"),
            Line2D([], [], color=FUTURE, marker="s", markersize=4, label="forecast ahead"),
        ],
        levels_of(forecast, "forecast"),
    )
    return figure


def plot_folds(
    backtest: Backtest, ids: Sequence[str] | None = None, *, width: float = WIDTH
) -> Figure:
    """Draw the forecasts from all origins over the series.

    Args:
        backtest: All its origins are shown.
        ids, width: As for `plot_forecast`.

    Raises:
        DataError: there is no such series.
    """
    panel = backtest.panel
    chosen = choose_series(panel, ids)
    figure, cells = grid(panel, len(chosen), width)
    for axes, i in zip(cells, chosen, strict=True):
        table = backtest.forecasts[backtest.forecasts["unique_id"] == panel.ids[i]]
        series = panel.series(i)
        first = int((series.index < table["cutoff"].min()).sum())
        before = max((len(series) - first) // 2, SHOWN_ROWS // 2)
        shown = series.iloc[max(first - before, 0) :]
        axes.plot(plot_times(shown.index), shown, color=HISTORY, linewidth=1.4)
        for _, fold in table.groupby("cutoff"):
            draw_fold(axes, fold, series)
        time_axis(axes, plot_times(shown.index))
        heading(axes, panel_name("Held-out forecasts of ", panel, i, len(chosen)))
    legend(
        figure,
        width,
        [
            Line2D([], [], color=HISTORY, label="actual"),
            Line2D([], [], color=TEST, marker="o", markersize=4, label="forecast"),
            Line2D([], [], color=HISTORY, marker="o", markersize=6, linewidth=0, label="origin"),
        ],
        backtest.levels,
    )
    return figure


def plot_error_by_horizon(backtest: Backtest, *, width: float = WIDTH) -> Figure:
    """Draw the root mean square error at each step ahead, beside the other forecasts'."""
    errors = backtest.by_horizon
    figure, (axes,) = figure_of(1, width)
    marked = len(errors) <= MOST_MARKERS
    beside = [name for name in errors.columns if name != NETWORK]
    for number, name in enumerate(beside):
        axes.plot(
            errors.index,
            errors[name],
            color=BESIDE[number % len(BESIDE)],
            marker=MARKERS[number % len(MARKERS)] if marked else None,
            linestyle=("--", "-.", ":")[number % 3],
            markersize=4.5,
            linewidth=1.3,
            label=str(name).replace("_", " "),
        )
    axes.plot(
        errors.index,
        errors[NETWORK],
        color=TEST,
        marker="o" if marked else None,
        linewidth=2.4,
        label=NETWORK,
    )
    axes.set_ylim(0, 1.08 * np.nanmax(errors.to_numpy(), initial=1e-9))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("steps ahead")
    unit = unit_name(backtest.panel) if backtest.panel.num_series == 1 else "all series"
    axes.set_ylabel(f"RMSE, {unit}")
    heading(axes, "Root mean square error")
    handles, _ = axes.get_legend_handles_labels()
    legend(figure, width, handles[-1:] + handles[:-1], ())
    return figure


def plot_residuals(backtest: Backtest, *, width: float = WIDTH) -> Figure:
    """Draw the errors (actual minus forecast) over time, how often each size came, and by step.

    Errors of one forecast go together however good it is, which an autocorrelation would show
    as a fault; the mean at each step shows a bias that grows with the horizon.

    Errors of many series are multiples of each series' mean (seasonal) naive error; of more
    than 3000, every n-th is drawn over time.
    """
    table, unit = residuals(backtest)
    errors = table["error"]
    steps = table["step"].nunique()
    figure, panels = figure_of(3 if steps > 1 else 2, width, columns=3 if steps > 1 else 2)
    thin = table.iloc[:: -(-len(table) // SHOWN_POINTS)]
    times = plot_times(pd.Index(thin["ds"]))
    size = 16 if len(thin) < 200 else 5
    panels[0].scatter(times, thin["error"], s=size, color=TEST, alpha=0.7, linewidth=0)
    panels[0].axhline(0, color=HISTORY, linewidth=1)
    time_axis(panels[0], times)
    panels[0].set_ylabel(f"actual - forecast,\n{unit}")
    heading(panels[0], "Errors over time")
    panels[1].hist(errors, bins=min(40, max(5, math.isqrt(len(errors)))), color=TEST, alpha=0.7)
    panels[1].axvline(0, color=HISTORY, linewidth=1)
    panels[1].axvline(errors.mean(), color=HISTORY, linewidth=1.5, linestyle="--")
    panels[1].set_xlabel(f"dashed: mean {errors.mean():+.3g}")
    panels[1].set_ylabel("held-out values")
    panels[1].yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    heading(panels[1], "How often")
    if steps > 1:
        draw_errors_by_step(panels[2], table)
    return figure


def plot_training(losses: Mapping[str, Sequence[float]], *, width: float = WIDTH) -> Figure:
    """Draw the loss after each pass over the training windows.

    Args:
        losses: Under `"loss"` and, where windows were held out, `"val_loss"`.
        width: In inches.
    """
    figure, (axes,) = figure_of(1, width)
    passes = np.arange(1, len(losses["loss"]) + 1)
    marker = "o" if len(passes) <= MOST_MARKERS else None
    axes.plot(
        passes, losses["loss"], color=HISTORY, marker=marker, markersize=3.5, label="training"
    )
    if validation := losses.get("val_loss"):
        axes.plot(
            passes,
            validation,
            color=TEST,
            linestyle="--",
            marker=marker,
            markersize=3.5,
            label="windows held out for early stopping",
        )
        best = int(np.argmin(np.nan_to_num(validation, nan=np.inf)))
        axes.plot(passes[best], validation[best], "*", color=TEST, markersize=13, label="best pass")
    values = np.concatenate([np.asarray(values, float) for values in losses.values()])
    if (values > 0).all() and values.max() > 20 * values.min():
        axes.set_yscale("log")
    axes.set_xlabel("passes over the training windows")
    axes.set_ylabel("loss")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    heading(axes, "Loss after each pass")
    legend(figure, width, axes.get_legend_handles_labels()[0], ())
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


def choose_series(panel: Panel, ids: Sequence[str] | None) -> list[int]:
    """Return the numbers of the named series, or of up to six spread over the panel."""
    if ids is not None:
        known = {name: i for i, name in enumerate(panel.ids)}
        return [known[name] for name in panel.select(list(ids)).ids]
    count = min(panel.num_series, SHOWN_SERIES)
    return np.linspace(0, panel.num_series - 1, count).round().astype(int).tolist()


def panel_name(text: str, panel: Panel, i: int, count: int) -> str:
    """Return the title of a series' picture, which is its name where there are several."""
    return literal(panel.ids[i]) if count > 1 else literal(text + value_name(panel), LONGEST_TITLE)


def value_name(panel: Panel) -> str:
    """Return what the values are called: the one series of a wide table by its own name."""
    alone = panel.form == "wide" and panel.num_series == 1
    return str(panel.ids[0] if alone else panel.columns.target)


def unit_name(panel: Panel) -> str:
    """Return the same as a label beside an axis."""
    return literal(value_name(panel), LONGEST_UNIT)


def rows_ahead(forecast: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return what `predict` said about one series, indexed by time."""
    if "unique_id" not in forecast.columns:
        return forecast
    return forecast[forecast["unique_id"] == name].set_index("ds")


def last_fold(forecasts: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the forecast of one series from its last origin."""
    table = forecasts[forecasts["unique_id"] == name]
    return table[table["cutoff"] == table["cutoff"].max()]


def levels_of(table: pd.DataFrame, name: str) -> list[float]:
    """Return the levels of a table's intervals, the widest first."""
    start = f"{name}-lo-"
    levels = [float(c.removeprefix(start)) for c in table.columns if c.startswith(start)]
    return sorted(levels, reverse=True)


def residuals(backtest: Backtest) -> tuple[pd.DataFrame, str]:
    """Return the forecasts with a column `error`, and the unit of that."""
    table = backtest.forecasts
    errors = table["y"] - table[NETWORK]
    unit = unit_name(backtest.panel)
    if backtest.panel.num_series > 1:
        scores = backtest.by_series
        scale = (scores["mae"] / scores["mase"]).groupby(level="unique_id").median()
        scale = scale.where((scale > 0) & np.isfinite(scale))
        if scale.notna().any():
            errors = errors / table["unique_id"].map(scale)
            unit = "in naive errors"
    table = table.assign(error=errors)
    return table[np.isfinite(errors)], unit


def draw_fold(axes: Axes, fold: pd.DataFrame, series: pd.Series) -> None:
    """Draw a held-out forecast from the last value that was known."""
    known = series.loc[[fold["cutoff"].iloc[0]]]
    axes.plot(plot_times(known.index), known, "o", color=HISTORY, markersize=4, zorder=3)
    draw_ahead(axes, fold.set_index("ds"), NETWORK, known, TEST, "o")


def draw_ahead(
    axes: Axes, table: pd.DataFrame, name: str, known: pd.Series, color: str, marker: str
) -> None:
    """Draw a forecast and its intervals, which open at the last value that was known."""
    times = np.concatenate([plot_times(known.index), plot_times(table.index)])
    for level in levels_of(table, name):
        low, high = (
            np.concatenate([known, table[f"{name}-{end}-{level:g}"]]) for end in ("lo", "hi")
        )
        inside = np.isfinite(low) & np.isfinite(high)
        axes.fill_between(times, low, high, where=inside, color=color, alpha=0.18, linewidth=0)
    axes.plot(
        times,
        np.concatenate([known, table[name]]),
        color=color,
        linewidth=1.4,
        marker=marker if len(table) <= MOST_MARKERS else None,
        markersize=3.2,
        markevery=slice(1, None),
    )


def draw_errors_by_step(axes: Axes, table: pd.DataFrame) -> None:
    """Draw the mean of the errors at each step, and where the middle 80 % of them lie."""
    groups = table.groupby("step")["error"]
    means, low, high = groups.mean(), groups.quantile(0.1), groups.quantile(0.9)
    axes.fill_between(means.index, low, high, color=TEST, alpha=0.25, linewidth=0)
    axes.plot(means.index, means, "o-", color=TEST, markersize=3.5)
    axes.axhline(0, color=HISTORY, linewidth=1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("steps ahead; shaded: middle 80 %")
    heading(axes, "Mean by steps ahead")


def figure_of(count: int, width: float, columns: int = 2) -> tuple[Figure, list[Axes]]:
    """Return a figure with some panels, side by side where there is room."""
    columns = min(count, columns) if width >= TWO_COLUMNS else 1
    lines = -(-count // columns)
    height = max(3.2, 0.44 * width) if count == 1 else 0.6 + (2.5 if lines > 1 else 3.4) * lines
    figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1))
    panels = list(figure.subplots(lines, columns, squeeze=False).ravel())
    for axes in panels[:count]:
        tidy(axes)
    for axes in panels[count:]:
        axes.remove()
    return figure, panels[:count]


def grid(panel: Panel, count: int, width: float) -> tuple[Figure, list[Axes]]:
    """Return a figure with a panel for each of some series, and the name of their values."""
    figure, cells = figure_of(count, width)
    if count == 1:
        cells[0].set_ylabel(unit_name(panel))
    elif panel.form != "wide":
        figure.supylabel(unit_name(panel), fontsize="medium")
    return figure, cells


def time_axis(axes: Axes, times: np.ndarray) -> None:
    """Label dates as shortly as can be."""
    if np.issubdtype(times.dtype, np.datetime64):
        locator = AutoDateLocator(minticks=3, maxticks=7)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))


def legend(
    figure: Figure, width: float, handles: Sequence[Artist], levels: Sequence[float]
) -> None:
    """Say below the panels what is what, where nothing is covered."""
    if levels:
        text = " and ".join(f"{level:g}" for level in sorted(levels)) + " % interval"
        text += "s" if len(levels) > 1 else ""
        handles = [*handles, Patch(facecolor=HISTORY, alpha=0.3, linewidth=0, label=text)]
    columns = 4 if width >= TWO_COLUMNS else 2
    figure.legend(handles=handles, loc="outside lower left", frameon=False, ncols=columns)
