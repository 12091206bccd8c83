"""All numbers that are measured on training rows, and what they make of a panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import keras
import numpy as np

from kerasrnn.forecasting.covariates import CovariateScales, measure_covariates
from kerasrnn.forecasting.data.panel import Panel
from kerasrnn.forecasting.errors import DataError
from kerasrnn.forecasting.scaling import (
    Scaling,
    SeriesScales,
    measure_scaling,
    measure_series,
    parse_normalization,
    takes_logarithm,
)
from kerasrnn.forecasting.windows import Rows, spread_out, window_starts

PROBED_WINDOWS = 4096


@dataclass(frozen=True)
class Measures:
    """What was measured on training rows.

    Attributes:
        season: Steps in a season.
        look_back: Steps of a window; shorter series repeat their first value before it.
        series: What brings each series to a like size.
        covariates: The same of covariates.
        scaling: How windows are normalized inside the network.
    """

    season: int
    look_back: int
    series: SeriesScales
    covariates: CovariateScales
    scaling: Scaling

    def rows(self, panel: Panel) -> Rows:
        """Return a panel's rows as the network sees them.

        Raises:
            DataError: a value has no logarithm, which this network takes.
        """
        if self.scaling.log:
            for row in np.flatnonzero(panel.values <= 0)[:1]:
                series = panel.ids[int(np.searchsorted(panel.offsets, row, side="right")) - 1]
                raise DataError(
                    f"series {series!r}: {panel.values[row]:g} at {panel.times[row]} has no "
                    "logarithm, which this network takes; fit again, with --normalization last for "
                    "example"
                )
        return scaled_rows(panel, self.series, self.covariates, self.look_back)

    def observed(self, panel: Panel) -> np.ndarray:
        """Return, for each row that `rows` returns, whether its value was given."""
        return panel.observed[padded(panel, self.look_back)]

    def ahead(self, rows: Rows, panel: Panel, steps: int, future: np.ndarray) -> Rows:
        """Return rows with `steps` more at the end of each series.

        Args:
            rows: Of the panel.
            panel: The series.
            steps: Number of rows.
            future: (series, steps, covariates known ahead).
        """
        count = panel.num_series
        times = [panel.future_times(i, steps) for i in range(count)]
        features = self.covariates.future_features(
            future.reshape(count * steps, -1), times[0].append(times[1:]) if count > 1 else times[0]
        )
        last = rows.positions[rows.offsets[1:] - 1]
        return rows.extended(
            steps,
            floats(features).reshape(count, steps, -1),
            last[:, None] + np.arange(1, steps + 1),
        )

    def following(self, panel: Panel) -> Measures:
        """Return the measures for a panel that goes on after the rows of the fit.

        Series that are new, or were constant so far, are measured on its rows.

        Args:
            panel: The series that were measured, in their order, and new ones after them.
        """
        known = len(self.series.scale)
        anew = np.concatenate([self.series.constant, np.ones(panel.num_series - known, bool)])
        if not anew.any():
            return self
        kind, log = self.series.kind, self.scaling.log
        measured = measure_series(panel.values, panel.offsets, self.season, kind, log)
        location, scale = measured.location, measured.scale
        location[:known] = np.where(anew[:known], location[:known], self.series.location)
        scale[:known] = np.where(anew[:known], scale[:known], self.series.scale)
        return replace(self, series=SeriesScales(location, scale, kind))

    def to_json(self) -> dict[str, Any]:
        """Return all numbers as JSON holds them."""
        content = asdict(self)
        for name in ("location", "scale"):
            content["series"][name] = content["series"][name].tolist()
        return content

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Measures:
        """Undo `to_json`."""
        series, covariates, scaling = (content[k] for k in ("series", "covariates", "scaling"))
        scales: dict[str, Any] = {
            name: tuple(tuple(item) if isinstance(item, list) else item for item in value)
            for name, value in covariates.items()
        }
        return cls(
            season=content["season"],
            look_back=content["look_back"],
            series=SeriesScales(
                np.array(series["location"]), np.array(series["scale"]), series["kind"]
            ),
            covariates=CovariateScales(**scales),
            scaling=Scaling(**{**scaling, "growth": tuple(scaling["growth"])}),
        )


def measure(
    panel: Panel,
    look_back: int,
    horizon: int,
    season: int,
    *,
    normalization: str | Sequence[str],
    series_scale: str,
    calendar: tuple[str, ...],
) -> Measures:
    """Measure everything on the rows of a panel, and choose what was left to be chosen."""
    log, kind = parse_normalization(normalization)
    if log is None:
        log = takes_logarithm(panel.values, panel.offsets, season)
    elif log and panel.values.min() <= 0:
        raise DataError(
            f"--normalization log needs values above 0. Got {panel.values.min():g}; use another "
            "--normalization"
        )
    series = measure_series(panel.values, panel.offsets, season, series_scale, log)
    covariates = measure_covariates(panel, calendar)
    rows = scaled_rows(panel, series, covariates, look_back, np.float64)
    starts = spread_out(window_starts(rows.offsets, look_back + horizon), PROBED_WINDOWS)
    windows = rows.values[starts[:, None] + np.arange(look_back + horizon)]
    past, future = windows[:, :look_back], windows[:, look_back:]
    scaling = measure_scaling(past, future, season, kind, log)
    return Measures(season, look_back, series, covariates, scaling)


def scaled_rows(
    panel: Panel,
    series: SeriesScales,
    covariates: CovariateScales,
    look_back: int,
    dtype: Any = None,
) -> Rows:
    """Return a panel's rows, scaled; short series repeat their first row before it."""
    missing = np.maximum(look_back - panel.lengths, 0)
    number = np.repeat(np.arange(panel.num_series), panel.lengths)
    taken = padded(panel, look_back)
    offsets = panel.offsets + np.concatenate([[0], np.cumsum(missing)])
    before = np.zeros(len(taken), int)
    for i in np.flatnonzero(missing):
        before[offsets[i] : offsets[i] + missing[i]] = np.arange(missing[i], 0, -1)
    return Rows(
        values=floats(series.scaled(panel.values, number)[taken], dtype),
        past=floats(covariates.past_features(panel.past)[taken]),
        future=floats(covariates.future_features(panel.future, panel.times)[taken]),
        static=floats(covariates.static_features(panel.static)),
        offsets=offsets,
        positions=panel.positions()[taken] - before,
    )


def padded(panel: Panel, look_back: int) -> np.ndarray:
    """Return the panel's rows, the first of each short series as often as it is needed."""
    times = np.ones(len(panel.values), int)
    times[panel.offsets[:-1]] += np.maximum(look_back - panel.lengths, 0)
    return np.repeat(np.arange(len(times)), times)


def floats(array: np.ndarray, dtype: Any = None) -> np.ndarray:
    """Return an array in the network's type."""
    return array.astype(dtype or keras.config.floatx())
