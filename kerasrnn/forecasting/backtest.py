"""Score a forecaster on rows that it has not seen, beside the naive forecasts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from kerasrnn.forecasting.baselines import DRIFT, NAIVE, SEASONAL_NAIVE, baselines
from kerasrnn.forecasting.classical import CLASSICAL, classical_forecasts, require_statsforecast
from kerasrnn.forecasting.data.panel import Panel
from kerasrnn.forecasting.data.reading import read
from kerasrnn.forecasting.diagnosis import remarks
from kerasrnn.forecasting.errors import DataError, require_positive
from kerasrnn.forecasting.metrics import (
    NETWORK,
    by_horizon,
    score,
    score_intervals,
    skill,
)
from kerasrnn.forecasting.progress import StepBar

if TYPE_CHECKING:
    from kerasrnn.forecasting.forecaster import Forecaster


@dataclass(frozen=True)
class Backtest:
    """Forecasts from origins in the past, and how good they were.

    Attributes:
        forecaster: The one that was fitted last.
        panel: All rows.
        forecasts: Columns `unique_id`, `ds`, `cutoff` (the last time that was known), `step`
            (1 for the first row after it), `y`, `network` with `network-lo-80` and
            `network-hi-80` for each interval, and one column for each forecast beside it.
        history: Columns `unique_id`, `ds`, `y`: rows before the first origin.
        season: Steps in a season.
        levels: Prediction intervals, in percent.
        models: Names of the columns that were scored.
    """

    forecaster: Forecaster
    panel: Panel
    forecasts: pd.DataFrame
    history: pd.DataFrame
    season: int
    levels: tuple[float, ...]
    models: tuple[str, ...]

    @cached_property
    def by_series(self) -> pd.DataFrame:
        """Scores of each series and forecast; see `kerasrnn.forecasting.metrics.score`."""
        return score(self.forecasts, self.history, self.season, self.models)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """A row for each forecast: its scores, averaged over the series where they are finite."""
        finite = self.by_series.replace([np.inf, -np.inf], np.nan)
        means = finite.groupby(level="model", sort=False).mean()
        return means.loc[list(self.models)].rename_axis(None)

    @cached_property
    def by_horizon(self) -> pd.DataFrame:
        """Root mean square error at each step ahead, a column for each forecast."""
        return by_horizon(self.forecasts, self.models)

    @cached_property
    def intervals(self) -> pd.Series:
        """Coverage and loss of the intervals; see `kerasrnn.forecasting.metrics`."""
        return (
            score_intervals(self.forecasts, self.levels) if self.levels else pd.Series(dtype=float)
        )

    @property
    def metric(self) -> str:
        """What skill compares: `"rmse"`, or for many series, whose units differ, `"mase"`."""
        return "rmse" if self.panel.num_series == 1 else "mase"

    @property
    def skill(self) -> float:
        """How far the network's error lies below that of the better naive forecast."""
        return skill(self.scores, self.metric)

    @cached_property
    def remarks(self) -> tuple[str, ...]:
        """What a user should know before trusting the network, a sentence each."""
        return remarks(self.forecasts, self.skill)


def backtest(
    forecaster: Forecaster,
    data: Any,
    *,
    folds: int = 1,
    step: int | None = None,
    refit: bool = False,
    classical: bool = False,
    quiet: bool = True,
    **reading: Any,
) -> Backtest:
    """Fit copies of a forecaster on the rows before each origin, and forecast from there.

    Nothing about the rows after an origin reaches the fit: scales, choice of base forecast,
    intervals and early stopping see the rows before it only.

    Args:
        forecaster: Its arguments are used; it is not fitted itself.
        data: As for `Forecaster.fit`.
        folds: Number of origins.
        step: Rows between two of them. Default: the horizon.
        refit: Fit anew at each origin. Default: the network that was fitted at the first one
            forecasts from all of them, each time with the rows up to there.
        classical: Score ETS, Theta and ARIMA too, which takes statsforecast, and time.
        quiet: Show no progress bar.
        **reading: As for `Forecaster.fit`.

    Raises:
        DataError: there are too few rows, or statsforecast is asked for and missing.
    """
    require_positive(folds=folds, step=step)
    if classical:
        require_statsforecast()
    horizon = forecaster.horizon
    step = step or horizon
    drops = [horizon + (folds - 1 - fold) * step for fold in range(folds)]
    panel = long_enough(read(data, **reading), drops[0], horizon)
    tables = []
    fitted: Forecaster | None = None
    with StepBar(folds, quiet) as bar:
        for fold, drop in enumerate(drops):
            bar.tell(f"origin {fold + 1} of {folds}")
            if fitted is None or refit:
                fitted = forecaster.clone(checkpoint=fold_checkpoint(forecaster, fold))
                fitted.fit(panel.until(drop))
            tables.append(fold_table(fitted, panel, drop, classical))
    assert fitted is not None
    models = (NETWORK, NAIVE, SEASONAL_NAIVE, DRIFT, *(CLASSICAL if classical else ()))
    return Backtest(
        forecaster=fitted,
        panel=panel,
        forecasts=pd.concat(tables, ignore_index=True),
        history=standard_frame(panel.until(drops[0])),
        season=fitted.season_,
        levels=fitted.levels_,
        models=models,
    )


def fold_checkpoint(forecaster: Forecaster, fold: int) -> Path | None:
    """Return the directory for the checkpoint of a fold, if one is kept."""
    if forecaster.checkpoint is None:
        return None
    return Path(forecaster.checkpoint) / f"fold_{fold}"


def long_enough(panel: Panel, drop: int, horizon: int) -> Panel:
    """Return the series that have rows before the first origin."""
    kept = panel.lengths > drop
    if not kept.any():
        rows = int(panel.lengths.max())
        raise DataError(
            f"{rows} rows are too few for a horizon of {horizon}, for which {drop} are held "
            "out; more are needed, or a shorter --horizon or fewer --folds"
        )
    if kept.all():
        return panel
    return panel.select([name for name, keep in zip(panel.ids, kept, strict=True) if keep])


def fold_table(fitted: Forecaster, panel: Panel, drop: int, classical: bool) -> pd.DataFrame:
    """Return all forecasts from one origin, `drop` rows before the end of each series."""
    from kerasrnn.forecasting.forecaster import forecast_columns

    horizon, count = fitted.horizon, panel.num_series
    ends = panel.offsets[1:] - drop
    ahead = (ends[:, None] + np.arange(horizon)).ravel()
    known = panel.future[ahead].reshape(count, horizon, -1)
    numbers = fitted.table_after(panel.until(drop), horizon, known)
    names = [name.replace("forecast", NETWORK, 1) for name in forecast_columns(fitted.levels_)]
    table = pd.DataFrame(
        {
            "unique_id": np.repeat(panel.ids, horizon),
            "ds": panel.times[ahead],
            "cutoff": panel.times[np.repeat(ends - 1, horizon)],
            "step": np.tile(np.arange(1, horizon + 1), count),
            "y": panel.values[ahead],
        }
    )
    table[names] = numbers.reshape(-1, len(names))
    histories = [panel.values[a:b] for a, b in zip(panel.offsets[:-1], ends, strict=True)]
    found = [baselines(history, horizon, fitted.season_) for history in histories]
    for name in found[0]:
        table[name] = np.concatenate([one[name] for one in found])
    if classical:
        for name, forecast in classical_forecasts(histories, horizon, fitted.season_).items():
            table[name] = forecast.ravel()
    return table


def standard_frame(panel: Panel) -> pd.DataFrame:
    """Return the rows of a panel under the names that utilsforecast knows."""
    return pd.DataFrame(
        {
            "unique_id": np.repeat(panel.ids, panel.lengths),
            "ds": panel.times,
            "y": panel.values,
        }
    )
