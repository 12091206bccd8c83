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
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num, num2date
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, MaxNLocator

from kerasrnn.forecasting.backtest import Backtest
from kerasrnn.forecasting.classic import Classic
from kerasrnn.forecasting.data.panel import Panel
from kerasrnn.forecasting.metrics import NETWORK, interval_levels, without_repeats
from kerasrnn.forecasting.sine import curve, curve_times
from kerasrnn.forecasting.wording import printable, shortened_name, time_names

HISTORY, TEST, FUTURE, LIGHT = "#33415c", "#e07a1f", "#1b7f5c", "#9aa5b8"
GRID, HELD_OUT, NOTE = "#e6e9ef", "#f6efe6", "#66718a"
# Forecasts beside the network, in order; told apart by marker too, where colours are not seen.
BESIDE = ("#7b8794", "#0072b2", "#c05a92", "#009e73", "#56b4e9", "#8a6d00")
MARKERS = ("s", "^", "D", "v", "P", "X")
SHOWN_HORIZONS, SHOWN_ROWS, SHOWN_SERIES, SHOWN_POINTS = 10, 30, 6, 3000
WIDTH, TWO_COLUMNS, LABEL_INCHES = 10.0, 7.0, 0.55
MOST_MARKERS, LEAST_SHADED = 40, 5
FILLED = "filled in"
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
    'price in \\$, by week…f the shop'
    """
    return shortened_name(printable(name).strip(), longest).replace("$", r"\$")


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
    figure, panels = panels_of(panel, ids, width, "Forecast of ")
    horizons = SHOWN_HORIZONS if len(panels) == 1 else SHOWN_HORIZONS // 2
    for axes, i in panels:
        ahead = rows_ahead(forecast, panel.ids[i])
        held_out = last_fold(backtest.forecasts, panel.ids[i])
        series = panel.series(i)
        shown = series.iloc[-max(horizons * len(ahead), len(held_out) + SHOWN_ROWS) :]
        held = plot_times(pd.Index(held_out["cutoff"])), plot_times(pd.Index(held_out["ds"]))
        axes.axvspan(held[0][0], held[1][-1], color=HELD_OUT, zorder=0)
        draw_actual(axes, shown, panel.observed[panel.rows(i)][-len(shown) :])
        draw_fold(axes, held_out, series)
        draw_ahead(axes, ahead, "forecast", series.iloc[-1:], FUTURE, "s")
        time_axis(axes, np.append(plot_times(shown.index), plot_times(ahead.index)))
    keys = (
        key("actual", HISTORY),
        *filled_key(figure),
        key("held-out forecast", TEST, "o"),
        key("forecast ahead", FUTURE, "s"),
    )
    legend(figure, width, keys, interval_levels(forecast, "forecast"))
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
    figure, panels = panels_of(panel, ids, width, "Held-out forecasts of ")
    for axes, i in panels:
        table = backtest.forecasts[backtest.forecasts["unique_id"] == panel.ids[i]]
        series = panel.series(i)
        first = int((series.index < table["cutoff"].min()).sum())
        before = max((len(series) - first) // 2, SHOWN_ROWS)
        shown = series.iloc[max(first - before, 0) :]
        draw_actual(axes, shown, panel.observed[panel.rows(i)][-len(shown) :])
        for _, fold in table.groupby("cutoff"):
            draw_fold(axes, fold, series)
        time_axis(axes, plot_times(shown.index))
    origin = Line2D([], [], color=HISTORY, marker="o", markersize=6, linewidth=0, label="origin")
    keys = (
        key("actual", HISTORY),
        *filled_key(figure),
        key("forecast", TEST, "o"),
        origin,
    )
    legend(figure, width, keys, backtest.levels)
    return figure


def plot_error_by_horizon(backtest: Backtest, *, width: float = WIDTH) -> Figure:
    """Draw the root mean square error at each step ahead, beside the other forecasts'."""
    errors = without_repeats(backtest.by_horizon.T).T
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
        linewidth=3.2,
        label=NETWORK,
        zorder=1.5,  # a thin line on it stays visible where both are equal
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
    than 3000, every n-th is drawn over time. A single error has no sizes to count, and where
    each step came once the errors by step are those over time.
    """
    table, unit = residuals(backtest)
    drawings = [draw_errors_over_time]
    if len(table) > 1:
        drawings.append(draw_error_sizes)
    if 1 < table["step"].nunique() < len(table):
        drawings.append(draw_errors_by_step)
    figure, panels = figure_of(len(drawings), width, columns=len(drawings))
    for axes, draw in zip(panels, drawings, strict=True):
        draw(axes, table)
    panels[0].set_ylabel(f"actual - forecast,\n{unit}")
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
        color=NOTE,
    )
    axes.set_ylabel(literal(series.name, LONGEST_UNIT))
    axes.legend(frameon=False, loc="upper left")
    heading(axes, f"The classic program on {literal(series.name, LONGEST_TITLE)}")
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


def residuals(backtest: Backtest) -> tuple[pd.DataFrame, str]:
    """Return the forecasts with a column `error`, and the unit of that."""
    table = backtest.scored
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


def draw_actual(axes: Axes, series: pd.Series, observed: np.ndarray) -> None:
    """Draw the values as they were, and dots where they were filled in.

    Args:
        axes: Where to draw.
        series: The values, filled ones too.
        observed: (rows,) whether each was given.
    """
    times, given = plot_times(series.index), series.where(observed)
    axes.plot(times, given, color=HISTORY, linewidth=1.4)
    if observed.all():
        return
    axes.plot(times, series, color=HISTORY, linewidth=1.1, linestyle=":", label=FILLED)
    # The line leaves out a value that stands between two filled ones.
    around = np.pad(observed, 1)
    lonely = observed & ~around[:-2] & ~around[2:]
    axes.plot(times[lonely], given[lonely], ".", color=HISTORY, markersize=3.5)


def filled_key(figure: Figure) -> list[Line2D]:
    """Return what stands in the legend for filled values, where any are drawn."""
    lines = [line for axes in figure.axes for line in axes.lines]
    return [line for line in lines if line.get_label() == FILLED][:1]


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
    for level in interval_levels(table, name):
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


def draw_errors_over_time(axes: Axes, table: pd.DataFrame) -> None:
    """Draw each error at its time."""
    thin = table.iloc[:: max(1, -(-len(table) // SHOWN_POINTS))]
    times = plot_times(pd.Index(thin["ds"]))
    size = 16 if len(thin) < 200 else 5
    axes.scatter(times, thin["error"], s=size, color=TEST, alpha=0.7, linewidth=0)
    axes.axhline(0, color=HISTORY, linewidth=1)
    time_axis(axes, times)
    heading(axes, "Errors over time")


def draw_error_sizes(axes: Axes, table: pd.DataFrame) -> None:
    """Draw how often each size of error came, and their mean."""
    errors = table["error"]
    axes.hist(errors, bins=min(40, max(5, math.isqrt(len(errors)))), color=TEST, alpha=0.7)
    axes.axvline(0, color=HISTORY, linewidth=1)
    axes.axvline(errors.mean(), color=HISTORY, linewidth=1.5, linestyle="--")
    axes.set_xlabel(f"dashed: mean {errors.mean():+.3g}")
    axes.set_ylabel("held-out values")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=most_labels(axes)))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    heading(axes, "How often")


def draw_errors_by_step(axes: Axes, table: pd.DataFrame) -> None:
    """Draw the mean of the errors at each step, and where the middle 80 % of many lie."""
    groups = table.groupby("step")["error"]
    means, many = groups.mean(), int(groups.size().min()) >= LEAST_SHADED
    if many:
        low, high = groups.quantile(0.1), groups.quantile(0.9)
        axes.fill_between(means.index, low, high, color=TEST, alpha=0.25, linewidth=0)
    axes.plot(means.index, means, "o-", color=TEST, markersize=3.5)
    axes.axhline(0, color=HISTORY, linewidth=1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("steps ahead; shaded: middle 80 %" if many else "steps ahead")
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


def panels_of(
    panel: Panel, ids: Sequence[str] | None, width: float, title: str
) -> tuple[Figure, list[tuple[Axes, int]]]:
    """Return a figure with a panel for each of some series, and the numbers of these.

    Args:
        panel: The series.
        ids, width: As for `plot_forecast`.
        title: Stands before the name of the values where there is one series.
    """
    chosen = choose_series(panel, ids)
    figure, cells = figure_of(len(chosen), width)
    for axes, i in zip(cells, chosen, strict=True):
        heading(axes, panel_name(title, panel, i, len(chosen)))
        # The columns of a wide table have names of their own, which are the titles.
        if (panel.form != "wide" or len(chosen) == 1) and axes.bbox.x0 == cells[0].bbox.x0:
            axes.set_ylabel(unit_name(panel))
    return figure, list(zip(cells, chosen, strict=True))


def time_axis(axes: Axes, times: np.ndarray) -> None:
    """Label dates as shortly as can be, and where there are few each of them."""
    most, known = most_labels(axes), np.unique(times)
    if not np.issubdtype(times.dtype, np.datetime64):
        axes.xaxis.set_major_locator(MaxNLocator(nbins=most, integer=True))
    elif len(known) == 1:
        axes.set_xticks(known, time_names(pd.Series(known)))
    else:
        few = len(known) <= most
        locator = FixedLocator(date2num(known)) if few else FewDates(most)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def most_labels(axes: Axes) -> int:
    """Return how many labels have room below a panel."""
    return int(np.clip(axes.bbox.width / axes.figure.dpi / LABEL_INCHES, 3, 9))


class FewDates(AutoDateLocator):
    """Dates for an axis, no more than there is room for.

    Args:
        most: Number of dates at most.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def __call__(self) -> np.ndarray:
        """Return the places of the labels."""
        places = np.asarray(super().__call__())
        gaps = np.diff(places)
        # A 29th crowds before a first.
        places = places[np.append(gaps > 0.6 * np.median(gaps), True)]
        if len(places) <= self.most:
            return places
        least = -(-len(places) // self.most)
        thinned = [places[n::every] for every in (least, least + 1) for n in range(every)]
        return max((some for some in thinned if len(some) > 1), key=roundness)


def roundness(places: np.ndarray) -> tuple[int, int, int]:
    """Return what makes one choice of dates better than another.

    First that all of them begin a day, a month or a year, then how many do, then their number.
    """
    ranks = []
    for date in num2date(places):
        begins = date.hour == date.minute == 0, date.day == 1, date.month == 1
        ranks.append(sum(np.cumprod(begins)))
    return min(ranks), sum(ranks), len(ranks)


def key(text: str, color: str, marker: str = "") -> Line2D:
    """Return what stands in a legend for a line."""
    return Line2D([], [], color=color, marker=marker, markersize=4, label=text)


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
