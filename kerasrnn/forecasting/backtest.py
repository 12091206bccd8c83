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
from kerasrnn.forecasting.diagnosis import EVEN, about_forecasts, about_skill, disagreeing
from kerasrnn.forecasting.errors import DataError, require_positive
from kerasrnn.forecasting.metrics import (
    NETWORK,
    by_horizon,
    metric_of_skill,
    score,
    score_intervals,
    skill,
    skill_of_series,
)
from kerasrnn.forecasting.progress import StepBar
from kerasrnn.forecasting.wording import there_are

NAMED_SERIES = 5

if TYPE_CHECKING:
    from kerasrnn.forecasting.forecaster import Forecaster


@dataclass(frozen=True, repr=False)
class Backtest:
    """Forecasts from origins in the past, and how good they were.

    Attributes:
        forecaster: The one that was fitted last.
        panel: All rows of the series that were scored.
        left_out: Names of the series that have no rows before the first origin.
        forecasts: Columns `unique_id`, `ds`, `cutoff` (the last time that was known), `step`
            (1 for the first row after it), `y`, `network` with `network-lo-80` and
            `network-hi-80` for each interval, and one column for each forecast beside it. `y` is
            NaN where the value was filled in: nothing is scored there.
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
    left_out: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Name the network's error and skill."""
        error = float(self.scores[self.metric][NETWORK])
        return f"Backtest({self.metric}={error:.4g}, skill={self.skill:+.3f})"

    @cached_property
    def scored(self) -> pd.DataFrame:
        """The rows of `forecasts` whose value is known."""
        return self.forecasts[self.forecasts["y"].notna()]

    @cached_property
    def by_series(self) -> pd.DataFrame:
        """Scores of each series and forecast; see `kerasrnn.forecasting.metrics.score`."""
        return score(self.scored, self.history, self.season, self.models)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """A row for each forecast: its scores, averaged over the series where they are finite."""
        finite = self.by_series.replace([np.inf, -np.inf], np.nan)
        means = finite.groupby(level="model", sort=False).mean()
        return means.loc[list(self.models)].rename_axis(None)

    @cached_property
    def by_horizon(self) -> pd.DataFrame:
        """Root mean square error at each step ahead, a column for each forecast."""
        return by_horizon(self.scored, self.models)

    @cached_property
    def intervals(self) -> pd.Series:
        """Coverage and loss of the intervals; see `kerasrnn.forecasting.metrics`."""
        return score_intervals(self.scored, self.levels) if self.levels else pd.Series(dtype=float)

    @property
    def metric(self) -> str:
        """What skill compares; see `kerasrnn.forecasting.metrics.metric_of_skill`."""
        return metric_of_skill(self.panel.num_series)

    @property
    def skill(self) -> float:
        """How far the network's error lies below that of the better naive forecast."""
        return skill(self.scores, self.metric)

    @cached_property
    def beaten(self) -> tuple[int, int]:
        """On how many series the network beats the better naive forecast, and of how many."""
        skills = skill_of_series(self.by_series, self.metric).dropna()
        return int((skills >= EVEN).sum()), len(skills)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a user should know before trusting the network, a sentence each."""
        return about_skill(self.skill, self.scores[self.metric]) + self.further_remarks

    @cached_property
    def further_remarks(self) -> tuple[str, ...]:
        """What is to be known beside skill."""
        found = about_forecasts(self.scored)
        # Of many series the units differ, and skill is of absolute errors anyhow.
        if self.panel.num_series == 1 and self.skill >= EVEN:
            found += disagreeing(self.scores)
        return found + self._too_short()

    def _too_short(self) -> tuple[str, ...]:
        """Return a sentence on the series that were left out, if there are such."""
        if not self.left_out:
            return ()
        count, named = len(self.left_out), ", ".join(map(repr, self.left_out[:NAMED_SERIES]))
        return (
            f"{count} of {count + self.panel.num_series} series have too few rows for any to be "
            f"held out, and are not scored: {named}" + ", ..." * (count > NAMED_SERIES),
        )


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
    intervals and early stopping see the rows before it only, and holes there are filled from
    these rows alone; but for holes in covariates known ahead.
    Origins are counted back from the end of each series: where series end at different times,
    so do their rows that are held out.

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
    whole = forecaster.read(data, **reading)
    panel = long_enough(whole, drops[0], horizon)
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
    forecasts = pd.concat(tables, ignore_index=True)
    if forecasts["y"].isna().all():
        raise DataError(
            "every held-out value was filled in, so that there is nothing to score; use more "
            "--folds, or a longer --horizon"
        )
    kept = set(panel.ids)
    models = (NETWORK, NAIVE, SEASONAL_NAIVE, DRIFT, *(CLASSICAL if classical else ()))
    return Backtest(
        forecaster=fitted,
        panel=panel,
        forecasts=forecasts,
        history=standard_frame(panel.until(drops[0])),
        season=fitted.season_,
        levels=fitted.levels_,
        models=models,
        left_out=tuple(name for name in whole.ids if name not in kept),
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
            f"{there_are(rows, 'row')} too few for a horizon of {horizon}, for which "
            f"{there_are(drop, 'row')} held out; more are needed, or a shorter --horizon or fewer "
            "--folds"
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
    before = panel.until(drop)
    numbers = fitted.table_after(before, horizon, known)
    names = [name.replace("forecast", NETWORK, 1) for name in forecast_columns(fitted.levels_)]
    table = pd.DataFrame(
        {
            "unique_id": np.repeat(panel.ids, horizon),
            "ds": panel.times[ahead],
            "cutoff": panel.times[np.repeat(ends - 1, horizon)],
            "step": np.tile(np.arange(1, horizon + 1), count),
            "y": np.where(panel.observed, panel.values, np.nan)[ahead],
        }
    )
    table[names] = numbers.reshape(-1, len(names))
    histories = [before.values[before.rows(i)] for i in range(count)]
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
            "y": np.where(panel.observed, panel.values, np.nan),
        }
    )
