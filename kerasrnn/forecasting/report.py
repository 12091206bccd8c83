"""The report: one HTML file that needs no network, no scripts and no other file."""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Set
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from kerasrnn.forecasting.backtest import Backtest
from kerasrnn.forecasting.baselines import NAIVE, SEASONAL_NAIVE
from kerasrnn.forecasting.data.panel import Panel
from kerasrnn.forecasting.diagnosis import (
    INCOMPARABLE,
    about_even,
    count_draws,
    count_origins,
    judged_coverage,
    without_intervals,
)
from kerasrnn.forecasting.metrics import (
    NETWORK,
    interval_levels,
    skill_of_series,
    without_repeats,
)
from kerasrnn.forecasting.outputs import data_facts, forecast_table
from kerasrnn.forecasting.plotting import (
    BESIDE,
    FUTURE,
    GRID,
    HELD_OUT,
    HISTORY,
    SHOWN_SERIES,
    TEST,
    WIDTH,
    plot_error_by_horizon,
    plot_folds,
    plot_forecast,
    plot_residuals,
    plot_training,
    value_name,
)
from kerasrnn.forecasting.wording import (
    counted,
    number,
    printable,
    sentence,
    span,
    spoken,
    time_names,
)

FORECAST_ROWS, SERIES_ROWS = 500, 50
NARROW = 4.6
# Colours that the page sets anew where the reader wants it dark.
VARIABLES = {"#000000": "ink", HISTORY: "history", TEST: "network", FUTURE: "ahead", GRID: "grid"}
VARIABLES |= {HELD_OUT: "held-out", BESIDE[0]: "grey", BESIDE[1]: "blue"}
METRICS = {
    "rmse": ("RMSE", "root mean square error, in the unit of the series"),
    "mae": ("MAE", "mean absolute error, in the unit of the series"),
    "mape": ("MAPE", "mean absolute error as a share of the value"),
    "smape": ("sMAPE", "mean absolute error as a share of value plus forecast"),
    "mase": ("MASE", "mean absolute error over that of (seasonal) naive in the history"),
}
FACTS = {
    "time": "column of times",
    "unique_id": "column of series",
    "series_left_out": "series too short to be scored",
    "season": "steps in a season",
    "past": "covariates known up to now",
    "future": "covariates known ahead",
    "static": "covariates of a whole series",
    "calendar": "features of times",
    "fill": "how gaps were filled",
    "filled": "values filled in",
}
SHARES = ("mape", "smape")


def write_report(
    path: str | Path,
    backtest: Backtest,
    forecast: pd.DataFrame,
    *,
    source: str,
    settings: Mapping[str, Any],
    versions: Mapping[str, Any],
) -> None:
    """Write all that there is to know about a forecast into one HTML file.

    Args:
        path: The file; one that is there is overwritten.
        backtest: Scores and held-out forecasts.
        forecast: What `Forecaster.predict` returned; its first 500 rows are listed.
        source: Where the data came from, such as a file's name.
        settings: Names and values that the forecast was made with.
        versions: Names and versions of what made it; may hold further mappings.
    """
    environment = Environment(
        loader=PackageLoader("kerasrnn.forecasting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    facts = data_facts(backtest)
    environment.filters["sentence"] = sentence
    environment.globals["counted"] = counted
    page = environment.get_template("report.html").render(
        source=printable(source),
        subject=subject(backtest.panel, forecast),
        forecast_span=span(forecast_table(forecast)["ds"]),
        backtest=backtest,
        scope=scope(backtest),
        verdict=verdict(backtest),
        scores=score_table(backtest),
        intervals=interval_table(backtest),
        pictures=pictures(backtest, forecast),
        series=series_table(backtest),
        forecast=value_table(forecast),
        data=list(told({FACTS.get(name, name): fact for name, fact in facts.items()})),
        settings=list(told(settings)),
        versions=list(told(versions)),
    )
    Path(path).write_text(page, encoding="utf-8", errors="replace", newline="\n")


def verdict(backtest: Backtest) -> str:
    """Say in plain words whether the network beats the naive forecasts, and by how much."""
    metric, errors = METRICS[backtest.metric][0], backtest.scores[backtest.metric]
    naive = errors.loc[[NAIVE, SEASONAL_NAIVE]].fillna(np.inf)
    if not math.isfinite(backtest.skill):
        return sentence(INCOMPARABLE)
    better, best = str(naive.idxmin()), str(errors.idxmin())
    pair = f"({number(errors[NETWORK])} against {number(naive.min())} of {spoken(better)})"
    percent = f"{abs(backtest.skill):.0%}".replace("%", " %")
    if about_even(backtest.skill):
        text = (
            f"The network is about even with the naive forecasts: its {metric} is within 1 % of "
            f"that of the better one {pair}."
        )
    elif backtest.skill > 0:
        text = (
            f"The network beats the naive forecasts: its {metric} is {percent} below that of the "
            f"better one {pair}."
        )
    else:
        text = (
            f"The network does not beat the naive forecasts: its {metric} is {percent} above that "
            f"of the better one {pair}."
        )
    if best not in (NETWORK, NAIVE, SEASONAL_NAIVE):
        return (
            f"{text} The lowest {metric} of all is that of {spoken(best)}, "
            f"{number(errors[best])}; use that one."
        )
    if best == NETWORK:
        return text
    return f"{text} {spoken(better).capitalize()} needs no training; use that one."


def subject(panel: Panel, forecast: pd.DataFrame) -> str:
    """Say what was forecast; some series may be too short to be scored, and not in the panel."""
    name = printable(value_name(panel))
    count = forecast["unique_id"].nunique() if "unique_id" in forecast.columns else 1
    if count == 1:
        return name
    series = f"{count:,} series"
    return series if panel.form == "wide" else f"{name}, {series}"


def scope(backtest: Backtest) -> str:
    """Say what was scored."""
    table, series = backtest.scored, backtest.panel.num_series
    where = "" if series == 1 else f" of {series:,} series"
    return (
        f"{counted(len(table), 'held-out value')}{where} ({span(table['ds'])}), forecast from "
        f"{counted(count_origins(table), 'origin')}, up to "
        f"{counted(int(table['step'].max()), 'step')} ahead"
    )


def score_table(backtest: Backtest) -> dict[str, Any]:
    """Return heads and rows of the scores; the best of each column is marked."""
    scores = without_repeats(backtest.scores)
    names = [str(name) for name in scores.columns]
    rows = [
        {
            "name": spoken(model),
            "network": model == NETWORK,
            "cells": [
                {"text": shown(name, value), "best": bool(value == scores[name].min())}
                for name, value in zip(names, row, strict=True)
            ],
        }
        for model, row in zip(scores.index, scores.to_numpy(), strict=True)
    ]
    heads = [METRICS.get(name, (name, "")) for name in names]
    return {"heads": heads, "rows": rows, "seasonal": SEASONAL_NAIVE in scores.index}


def interval_table(backtest: Backtest) -> dict[str, Any]:
    """Return how many held-out values each interval should hold, and how many it holds."""
    found, draws = backtest.intervals, count_draws(backtest.scored)
    rows = []
    for level in backtest.levels:
        share = float(found[f"coverage-{level:g}"])
        word = judged_coverage(share, level, draws)
        cells = f"{level:g} %", f"{100 * share:.1f} %", f"{100 * share - level:+.1f}", word
        rows.append(cells)
    losses = {name: number(found[name]) for name in ("pinball", "scaled_crps") if name in found}
    missing = without_intervals(backtest.forecaster.levels, backtest.levels)
    return {"rows": rows, "losses": losses, "draws": draws, "missing": missing}


def series_table(backtest: Backtest) -> dict[str, Any]:
    """Return the network's scores on each series, those with the least skill first."""
    scores, metric = backtest.by_series, backtest.metric
    network = scores.xs(NETWORK, level="model")
    skill = skill_of_series(scores, metric).sort_values(na_position="last")
    worst = skill.iloc[:SERIES_ROWS]
    names = [str(name) for name in network.columns]
    length = dict(zip(backtest.panel.ids, backtest.panel.lengths, strict=True))
    rows = [
        {
            "name": printable(name),
            "rows": f"{length[str(name)]:,}",
            "skill": "-" if math.isnan(value) else f"{value:+.2f}",
            "cells": [shown(metric, score) for metric, score in zip(names, row, strict=True)],
        }
        for (name, value), row in zip(
            worst.items(), network.loc[worst.index].to_numpy(), strict=True
        )
    ]
    return {
        "rows": rows,
        "heads": [METRICS.get(name, (name, "")) for name in names],
        "count": len(skill),
        "beaten": "{:,} of {:,}".format(*backtest.beaten),
    }


def value_table(forecast: pd.DataFrame) -> dict[str, Any]:
    """Return heads and the first rows of the forecast."""
    table = forecast_table(forecast)
    names = {"unique_id": "series", "ds": "time", "forecast": "forecast"}
    for level in interval_levels(forecast, "forecast"):
        for end, word in (("lo", "low"), ("hi", "high")):
            names[f"forecast-{end}-{level:g}"] = f"{level:g} % {word}"
    first = table.iloc[:FORECAST_ROWS]
    columns = [
        time_names(first[name])
        if name == "ds"
        else [number(v) if isinstance(v, float) else printable(v) for v in first[name]]
        for name in table.columns
    ]
    heads = [names.get(name, name) for name in table.columns]
    texts = sum(name in ("unique_id", "ds") for name in table.columns)
    return {
        "heads": heads,
        "rows": list(zip(*columns, strict=True)),
        "count": len(table),
        "texts": texts,
    }


def pictures(backtest: Backtest, forecast: pd.DataFrame) -> dict[str, Markup]:
    """Draw all pictures, each for wide pages and for narrow ones."""
    panel = backtest.panel
    what = subject(panel, forecast)
    if panel.num_series > SHOWN_SERIES:
        what = f"{SHOWN_SERIES} of {panel.num_series:,} series"
    steps = backtest.by_horizon.index.max()
    losses = backtest.forecaster.losses_
    drawings: dict[str, tuple[Callable[[float], Figure], str]] = {
        "forecast": (
            lambda width: plot_forecast(backtest, forecast, width=width),
            f"Line chart of {what}: recent values, the last held-out forecast and the forecast "
            "ahead with its intervals. The numbers are in the table of the forecast.",
        ),
        "folds": (
            lambda width: plot_folds(backtest, width=width),
            f"Line chart of {what}: the forecasts from each origin over the actual values.",
        ),
        "horizon": (
            lambda width: plot_error_by_horizon(backtest, width=width),
            f"Line chart: root mean square error of each forecast from 1 to {steps} steps ahead; "
            f"that of the network goes from {number(backtest.by_horizon[NETWORK].iloc[0])} to "
            f"{number(backtest.by_horizon[NETWORK].iloc[-1])}.",
        ),
        "residuals": (
            lambda width: plot_residuals(backtest, width=width),
            "Charts of the network's errors: over time and, where there are several, how often "
            "each size came and their mean at each step ahead.",
        ),
        "training": (
            lambda width: plot_training(losses, width=width),
            f"Line chart: the loss over {len(losses['loss'])} passes, from "
            f"{number(losses['loss'][0])} to {number(losses['loss'][-1])}.",
        ),
    }
    return {
        name: Markup("").join(
            Markup('<div class="{}">{}</div>').format(
                kind, inline_svg(draw(width), label, f"{name}-{kind}")
            )
            for kind, width in (("wide", WIDTH), ("narrow", NARROW))
        )
        for name, (draw, label) in drawings.items()
    }


def inline_svg(figure: Figure, label: str, prefix: str) -> Markup:
    """Return a figure as an SVG element for an HTML page.

    Args:
        figure: The figure; its colours become those of the page.
        label: What is said in place of the picture.
        prefix: Begins all ids in it, which must differ on a page.
    """
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with (
        matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": prefix}),
        warnings.catch_warnings(),
    ):
        # The reader's browser has the letters that matplotlib's own font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    _, _, body = text.partition("<svg")
    attributes, _, body = body.partition(">")
    box = re.search(r'viewBox="[^"]*"', attributes)
    assert box is not None
    body = re.sub(
        r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->", "", body, flags=re.S
    )
    used = set(re.findall(r'(?:url\(|href=")#([^)"]+)', body))
    # Inside the tags only: what stands between them may be a user's name.
    body = re.sub(r"<[^>]+>", lambda tag: page_tag(tag[0], prefix, used), body)
    head = Markup('<svg {} role="img" aria-label="{}">').format(Markup(box[0]), label)
    return head + Markup(re.sub(r"\n\s*", "\n", body))


def page_tag(tag: str, prefix: str, used: Set[str]) -> str:
    """Return a tag of a picture as it may stand on a page: short, and in the page's terms.

    Args:
        tag: As matplotlib writes it.
        prefix: Begins its ids; others than those used are left out.
        used: The ids that something refers to.
    """
    tag = tag.replace("xlink:href=", "href=")
    tag = re.sub(r' id="([^"]+)"', lambda m: f' id="{prefix}-{m[1]}"' if m[1] in used else "", tag)
    tag = re.sub(r'(url\(|href=")#', rf"\1#{prefix}-", tag)
    tag = re.sub(r"'DejaVu Sans'[^;\"]*", "system-ui, sans-serif", tag)
    tag = re.sub(r' transform="rotate\(-?0 [^)]*\)"', "", tag)
    tag = re.sub(r"\d+\.\d{3,}", lambda m: f"{float(m[0]):.2f}", tag)
    for color, name in VARIABLES.items():
        tag = tag.replace(f": {color}", f": var(--{name})")
    return tag


def told(values: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Return names and values as text; those of mappings inside come in their place."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from told(value)
        else:
            yield printable(name), setting(value)


def setting(value: Any) -> str:
    """Return a setting as text."""
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ", ".join(map(setting, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else printable(value)


def shown(metric: str, value: float) -> str:
    """Return a score as text; shares in percent."""
    return f"{100 * value:.2f} %" if metric in SHARES and math.isfinite(value) else number(value)
