"""What a forecast model takes off its inputs and puts back on its outputs.

Everything here is measured on training rows and then lives inside the Keras model, which
so takes and gives values in the unit of the series. The network only learns what is left
beyond a base forecast and its mean growth; that is what lets it follow a trend.
"""

from dataclasses import dataclass

import numpy as np

LAST, MEAN, SEASONAL = "last", "mean", "seasonal"


@dataclass(frozen=True)
class Scaling:
    """Numbers measured on the training windows; `z` is the series or its logarithm.

    Attributes:
        log: Whether `z` is the logarithm.
        base: The forecast that the network starts from: `"last"` repeats the last value
            of the window, `"mean"` its mean, `"seasonal"` its last season.
        season: Steps in a season.
        growth: (horizon,) mean of the future minus the base, in `z`.
        input_scale: Root mean square of the window minus its last value, in `z`.
        output_scale: Root mean square of what base and growth leave, in `z`.
        loss_scale: Mean squared error of base and growth, in the unit of the series.
    """

    log: bool
    base: str
    season: int
    growth: tuple[float, ...]
    input_scale: float
    output_scale: float
    loss_scale: float


def measure_scaling(
    values: np.ndarray, past: np.ndarray, future: np.ndarray, season: int
) -> Scaling:
    """Choose the base forecast with the smallest error, and measure all scales.

    Args:
        values: (time,), the training rows.
        past: (windows, look_back), cut from them.
        future: (windows, horizon), what follows each window.
        season: Steps in a season.
    """
    log = grows_in_proportion(values, season)
    z_past, z_future = (np.log(past), np.log(future)) if log else (past, future)
    horizon = future.shape[1]
    bases = [LAST, MEAN] + [SEASONAL] * (1 < season <= past.shape[1])
    errors = {base: z_future - base_forecast(z_past, base, horizon, season) for base in bases}
    growths = {base: error.mean(axis=0) for base, error in errors.items()}
    base = min(bases, key=lambda name: float(np.var(errors[name] - growths[name])))
    fitted = base_forecast(z_past, base, horizon, season) + growths[base]
    return Scaling(
        log=log,
        base=base,
        season=season,
        growth=tuple(growths[base].tolist()),
        input_scale=positive(root_mean_square(z_past - z_past[:, -1:])),
        output_scale=positive(root_mean_square(z_future - fitted)),
        loss_scale=positive(float(np.mean((future - (np.exp(fitted) if log else fitted)) ** 2))),
    )


def base_forecast(past: np.ndarray, base: str, horizon: int, season: int) -> np.ndarray:
    """Return the base forecast (windows, horizon) of each window (windows, look_back)."""
    if base == SEASONAL:
        return past[:, seasonal_positions(past.shape[1], horizon, season)]
    column = past.mean(axis=1, keepdims=True) if base == MEAN else past[:, -1:]
    return np.repeat(column, horizon, axis=1)


def seasonal_positions(look_back: int, horizon: int, season: int) -> np.ndarray:
    """Return where in a window the last season stands that each future step repeats."""
    return look_back - season + np.arange(horizon) % season


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
