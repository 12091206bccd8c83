"""What is taken off a network's inputs and put back on its outputs.

Two steps, both measured on training rows only. `SeriesScales` brings every series to a
like size. `Scaling` then describes, inside the network, how each window is normalized: the
network learns what is left beyond a base forecast and its mean growth, which is what
lets it follow a trend.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from kerasrnn.forecasting.errors import DataError

STANDARD, LAST, WINDOW, DIFFERENCE = "standard", "last", "window", "difference"
MEAN, SEASONAL, SHIFTED, MIX = "mean", "seasonal", "shifted", "mix"
AUTO, LOG = "auto", "log"
NORMALIZATIONS = (STANDARD, LAST, MEAN, WINDOW, SEASONAL, SHIFTED, MIX, DIFFERENCE)
SERIES_SCALES = ("naive", "deviation")
# Added to the spread of a window, in multiples of the series' scale: none is quite constant.
LEAST_SPREAD = 1e-3
PROBED_SERIES = 200


def parse_normalization(names: str | Sequence[str]) -> tuple[bool | None, str]:
    """Return whether to take the logarithm (None: where it fits) and the normalization.

    >>> parse_normalization(("log", "last"))
    (True, 'last')
    >>> parse_normalization("auto")
    (None, 'auto')
    """
    parts = [names] if isinstance(names, str) else list(names)
    others = [name for name in parts if name != LOG]
    known = [AUTO, *NORMALIZATIONS]
    if len(others) > 1 or len(parts) - len(others) > 1 or not set(others) <= set(known):
        raise DataError(
            f"--normalization must be one of {', '.join(known)}, or {LOG}, or {LOG} with one of "
            f"them. Got {', '.join(map(repr, parts))}."
        )
    kind = others[0] if others else AUTO
    if LOG in parts:
        return True, kind
    return (None if kind == AUTO else False), kind


@dataclass(frozen=True)
class SeriesScales:
    """What brings each series to a like size: (value - location) / scale.

    Attributes:
        location: (series,); zeros where the logarithm is taken.
        scale: (series,); zero for a series of one value, whose forecast is that value.
        kind: What the scale is; see `measure_series`.
    """

    location: np.ndarray
    scale: np.ndarray
    kind: str

    def scaled(self, values: np.ndarray, series: np.ndarray) -> np.ndarray:
        """Scale values of these series; both have the same shape."""
        return (values - self.location[series]) / self.divisor[series]

    @property
    def constant(self) -> np.ndarray:
        """(series,) Which series were of one value where they were measured."""
        return self.scale == 0

    @property
    def divisor(self) -> np.ndarray:
        """(series,) The scale, or 1 where there is none."""
        return np.where(self.constant, 1.0, self.scale)

    def restored(self, scaled: np.ndarray, series: np.ndarray) -> np.ndarray:
        """Undo `scaled`; `series` (windows,) belongs to the first axis."""
        shape = (-1,) + (1,) * (scaled.ndim - 1)
        return scaled * self.scale[series].reshape(shape) + self.location[series].reshape(shape)


def measure_series(
    values: np.ndarray, offsets: np.ndarray, season: int, kind: str, log: bool
) -> SeriesScales:
    """Measure the location and scale of each series on its training rows.

    Args:
        values: (rows,) of all series.
        offsets: (series + 1,); series i has the rows `offsets[i]:offsets[i + 1]`.
        season: Steps in a season.
        kind: `"naive"`: the root mean square difference of values a season apart, the error
            of (seasonal) naive; `"deviation"`: the standard deviation.
        log: Whether the network takes the logarithm: then the location is zero.
    """
    stretches = [values[a:b] for a, b in pairwise(offsets)]
    location = [0.0 if log else location_of(part) for part in stretches]
    scale = [scale_of(part, season, kind, log) for part in stretches]
    return SeriesScales(np.array(location), np.array(scale), kind)


def scale_of(values: np.ndarray, season: int, kind: str, log: bool) -> float:
    """Return what a series is divided by; see `measure_series`."""
    size, deviation = float(np.abs(values).mean()), float(values.std())
    usual = deviation if kind == "deviation" else naive_error(values, season)
    # One that repeats its seasons exactly has no seasonal naive error.
    for scale in (usual, deviation):
        if scale > 1e-13 * size:
            return scale
    return size if log else 0.0


def location_of(values: np.ndarray) -> float:
    """Return the mean of a series, or its one value, which a mean may miss by the last digit."""
    return float(values[0] if np.ptp(values) == 0 else values.mean())


def naive_error(values: np.ndarray, season: int) -> float:
    """Return the root mean square difference of values a season apart, or of neighbours."""
    lag = season if len(values) > season else 1
    return root_mean_square(values[lag:] - values[:-lag]) if len(values) > 1 else 0.0


@dataclass(frozen=True)
class Scaling:
    """How windows are normalized inside the network; `z` is a scaled series or its logarithm.

    Attributes:
        log: Whether `z` is the logarithm.
        normalization: What the network's inputs are counted from, and its outputs added to:
            `"standard"` nothing; `"last"` the window's last value; `"mean"` its mean;
            `"window"` its mean, in multiples of its standard deviation; `"seasonal"` inputs
            from the last value, outputs added to the last season; `"shifted"` outputs added
            to the last season moved so that it goes on from the last value, inputs the errors
            that such forecasts of one step made in the window, zeros where it is too short
            for one; `"mix"` inputs as in `"window"`, outputs added to a mean of all seasons
            of the window, whose weights the network learns to choose; `"difference"` inputs
            and outputs are changes from step to step.
        season: Steps in a season.
        growth: (horizon,) mean of what the network is to give.
        input_scale: Root mean square of the normalized windows, but for such zeros.
        output_scale: Root mean square of what the network is to give, less its mean.
        loss_scale: Mean squared error of the forecast by base and growth alone, scaled.
    """

    log: bool
    normalization: str
    season: int
    growth: tuple[float, ...]
    input_scale: float
    output_scale: float
    loss_scale: float


def measure_scaling(
    past: np.ndarray, future: np.ndarray, season: int, normalization: str, log: bool
) -> Scaling:
    """Measure all scales; `"auto"` takes the base forecast with the smallest error.

    Args:
        past: (windows, look_back), scaled.
        future: (windows, horizon), what follows each window.
        season: Steps in a season.
        normalization: See `Scaling`, or `"auto"`.
        log: Whether to take the logarithm.
    """
    z_past, z_future = (np.log(past), np.log(future)) if log else (past, future)
    kinds = [normalization]
    if normalization == AUTO:
        kinds = [LAST, MEAN]
        kinds += [SEASONAL] * (1 < season <= past.shape[1])
        kinds += [SHIFTED] * (1 < season < past.shape[1] - 1)
    horizon = future.shape[1]
    parts = {kind: normalize(z_past, kind, season, horizon, np) for kind in kinds}
    targets = {kind: outputs_for(z_future, *parts[kind][1:], kind) for kind in kinds}
    kind = min(kinds, key=lambda kind: float(np.var(targets[kind] - targets[kind].mean(axis=0))))
    inputs, base, spread = parts[kind]
    seen = inputs[:, season + 1 :] if kind == SHIFTED else inputs
    growth = targets[kind].mean(axis=0)
    fitted = forecast_from(np.broadcast_to(growth, future.shape), base, spread, kind, np)
    return Scaling(
        log=log,
        normalization=kind,
        season=season,
        growth=tuple(growth.tolist()),
        input_scale=positive(root_mean_square(seen)),
        output_scale=positive(root_mean_square(targets[kind] - growth)),
        loss_scale=positive(float(np.mean((future - (np.exp(fitted) if log else fitted)) ** 2))),
    )


def normalize(z: Any, kind: str, season: int, horizon: int, xp: Any) -> tuple[Any, Any, Any]:
    """Return the normalized windows, the base forecast and the spread of the outputs.

    Args:
        z: (windows, look_back).
        kind: See `Scaling.normalization`.
        season: Steps in a season.
        horizon: Steps to forecast.
        xp: What computes: `numpy` or `keras.ops`.

    Returns:
        (windows, look_back), (windows, horizon) and (windows, 1).
    """
    last, mean = z[:, -1:], xp.mean(z, axis=1, keepdims=True)
    one = xp.ones_like(last)
    if kind == STANDARD:
        return z, xp.repeat(xp.zeros_like(last), horizon, axis=1), one
    if kind == SEASONAL:
        return z - last, last_season(z, season, horizon, xp), one
    if kind == SHIFTED:
        base = last_season(z, season, horizon, xp) + last - z[:, -season - 1 : -season]
        return shifted_errors(z, season, xp), base, one
    if kind == DIFFERENCE:
        steps = xp.concatenate([xp.zeros_like(last), z[:, 1:] - z[:, :-1]], axis=1)
        return steps, xp.repeat(last, horizon, axis=1), one
    if kind in (WINDOW, MIX):
        spread = xp.sqrt(xp.mean((z - mean) ** 2, axis=1, keepdims=True)) + LEAST_SPREAD
        base = xp.repeat(mean, horizon, axis=1)
        if kind == MIX:
            base = over_horizon(xp.mean(seasons(z, season, xp), axis=1), horizon, xp)
        return (z - mean) / spread, base, spread
    level = mean if kind == MEAN else last
    return z - level, xp.repeat(level, horizon, axis=1), one


def seasons(z: Any, season: int, xp: Any) -> Any:
    """Return the whole seasons of each window: (windows, seasons, season)."""
    count = z.shape[1] // season
    return xp.reshape(z[:, z.shape[1] - count * season :], (-1, count, season))


def over_horizon(one: Any, horizon: int, xp: Any) -> Any:
    """Return one season (windows, season), repeated over the horizon."""
    return xp.take(one, (np.arange(horizon) % one.shape[1]).astype("int32"), axis=1)


def last_season(z: Any, season: int, horizon: int, xp: Any) -> Any:
    """Return the last season of each window (windows, look_back), repeated over the horizon."""
    return over_horizon(z[:, z.shape[1] - season :], horizon, xp)


def shifted_errors(z: Any, season: int, xp: Any) -> Any:
    """Return the errors of one-step forecasts that follow the season's last change.

    Returns:
        (windows, look_back), zeros at the first season + 1 steps.
    """
    changes = z[:, 1:] - z[:, :-1]
    errors = changes[:, season:] - changes[:, :-season]
    return xp.concatenate([xp.zeros_like(z[:, : season + 1]), errors], axis=1)


def outputs_for(future: np.ndarray, base: np.ndarray, spread: np.ndarray, kind: str) -> np.ndarray:
    """Return what a network has to give (windows, horizon) for this future."""
    if kind == DIFFERENCE:
        return np.diff(np.concatenate([base[:, :1], future], axis=1), axis=1)
    return (future - base) / spread


def forecast_from(outputs: Any, base: Any, spread: Any, kind: str, xp: Any) -> Any:
    """Undo `outputs_for`; outputs may have a further axis, (windows, horizon, quantiles)."""
    if len(outputs.shape) == 3:
        base, spread = base[:, :, None], spread[:, :, None]
    if kind == DIFFERENCE:
        return base + xp.cumsum(outputs, axis=1)
    return base + spread * outputs


def takes_logarithm(values: np.ndarray, offsets: np.ndarray, season: int) -> bool:
    """Say whether most of the series are such that their logarithm fits better."""
    if values.min() <= 0:
        return False
    probed = np.unique(np.linspace(0, len(offsets) - 2, PROBED_SERIES).round().astype(int))
    grows = [grows_in_proportion(values[offsets[i] : offsets[i + 1]], season) for i in probed]
    return sum(grows) > len(grows) / 2


def grows_in_proportion(values: np.ndarray, season: int) -> bool:
    """Say whether the spread of a positive series grows with its level.

    The rows are cut into blocks of a season. The logarithm is right where the level
    moves clearly and the spread follows it by more than the square root.
    """
    block = season if season > 1 else max(8, len(values) // 12)
    count = len(values) // block
    if values.min() <= 0 or count < 4:
        return False
    blocks = values[len(values) - count * block :].reshape(count, block)
    if (blocks.std(axis=1) == 0).any():
        return False
    level, spread = np.log(blocks.mean(axis=1)), np.log(blocks.std(axis=1))
    if np.ptp(level) < 0.3 or np.ptp(spread) == 0:
        return False
    slope = np.polyfit(level, spread, 1)[0]
    return bool(slope > 0.5 and np.corrcoef(level, spread)[0, 1] > 0.5)


def root_mean_square(array: np.ndarray) -> float:
    """Return the root of the mean square."""
    return float(np.sqrt(np.mean(array**2)))


def positive(number: float) -> float:
    """Return a number that can be divided by: 1 where there is nothing to scale."""
    return number if number > 0 else 1.0
