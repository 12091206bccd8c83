"""Make forecasts from a trained network, for any rows and any number of steps."""

from __future__ import annotations

import math
from dataclasses import dataclass

import keras
import numpy as np

from kerasrnn.forecasting.conformal import widths_ahead
from kerasrnn.forecasting.measures import Measures
from kerasrnn.forecasting.models import Design
from kerasrnn.forecasting.windows import Rows

BATCH_SIZE = 1024
DROPOUT_SAMPLES = 100


@dataclass(frozen=True)
class Predictor:
    """A trained network with everything that its forecasts need.

    Attributes:
        model, design, measures: Of the forecaster.
        levels: Intervals, in percent.
        intervals: How they are made.
        widths: (horizon, levels) reach of conformal intervals, scaled.
    """

    model: keras.Model
    design: Design
    measures: Measures
    levels: tuple[float, ...]
    intervals: str
    widths: np.ndarray

    def table(self, rows: Rows, ends: np.ndarray, steps: int) -> np.ndarray:
        """Return forecasts and the ends of their intervals, in the unit of the series.

        Args:
            rows: What the windows are cut from.
            ends: (windows,) row after the last one of each window.
            steps: Steps to forecast.

        Returns:
            (windows, steps, 1 + 2 * levels); no intervals (NaN) for series of one value.
        """
        if not self.levels or self.intervals == "conformal":
            points = self.points(rows, ends, steps)
            bounds = self.around(points, steps)
        elif self.intervals == "quantile":
            quantiles = self.quantiles(rows, ends, steps)
            points = quantiles[:, :, self.design.quantiles.index(0.5)]
            bounds = [self.widened(quantiles[:, :, place], points) for place in self.places()]
        else:
            points = self.points(rows, ends, steps)
            bounds = self.spread(rows, ends, steps)
        scaled = np.stack([points, *bounds], axis=-1)
        series = rows.series_of(ends - 1)
        table = self.measures.series.restored(scaled, series)
        table[self.measures.series.constant[series], :, 1:] = np.nan
        return table

    def points(self, rows: Rows, ends: np.ndarray, steps: int) -> np.ndarray:
        """Return scaled forecasts (windows, steps)."""
        quantiles = self.quantiles(rows, ends, steps)
        middle = self.design.quantiles.index(0.5) if self.design.quantiles else 0
        return quantiles[:, :, middle]

    def quantiles(
        self, rows: Rows, ends: np.ndarray, steps: int, training: bool = False
    ) -> np.ndarray:
        """Return all scaled outputs, averaged over members: (windows, steps, quantiles).

        Steps beyond the network's horizon come from windows that end with its own forecasts.
        """
        look_back, horizon = self.design.look_back, self.design.horizon
        rounds = math.ceil(steps / horizon)
        inputs = rows.inputs(ends - look_back, look_back, rounds * horizon)
        future = inputs.get("future")
        middle = self.design.quantiles.index(0.5) if self.design.quantiles else 0
        outputs = []
        for number in range(rounds):
            if future is not None:
                first = number * horizon
                inputs["future"] = future[:, first : first + look_back + horizon]
            outputs.append(self.run(inputs, training))
            inputs = moved_on(inputs, outputs[-1][:, :, middle])
        return np.concatenate(outputs, axis=1)[:, :steps].astype("float64")

    def run(self, inputs: dict[str, np.ndarray], training: bool) -> np.ndarray:
        """Run the network on windows, in batches: (windows, horizon, quantiles)."""
        names = [tensor.name for tensor in self.model.inputs]
        count = len(inputs["window"])
        parts = []
        for start in range(0, count, BATCH_SIZE):
            batch = {name: inputs[name][start : start + BATCH_SIZE] for name in names}
            if training:
                part = keras.ops.convert_to_numpy(self.model(batch, training=True))
            else:
                part = np.asarray(self.model.predict_on_batch(batch))
            parts.append(part)
        output = np.concatenate(parts)
        if self.design.num_members > 1:
            output = output.mean(axis=1)
        return output if self.design.quantiles else output[:, :, None]

    def around(self, points: np.ndarray, steps: int) -> list[np.ndarray]:
        """Return the ends of conformal intervals around scaled forecasts."""
        widths = widths_ahead(self.widths, steps)
        if self.measures.scaling.log:
            ends = [(np.exp(-w), np.exp(w)) for w in widths.T]
            return [points * end for pair in ends for end in pair]
        return [points + end for w in widths.T for end in (-w, w)]

    def widened(self, bounds: np.ndarray, points: np.ndarray) -> np.ndarray:
        """Return the ends of intervals, which grow beyond the horizon; see `widths_ahead`.

        There the network's own would start from its forecasts as if those were known values.
        """
        log, horizon = self.measures.scaling.log, self.design.horizon
        reach = np.log(bounds / points) if log else bounds - points
        reach = widths_ahead(reach[:, :horizon].T, points.shape[1]).T
        return points * np.exp(reach) if log else points + reach

    def places(self) -> list[int]:
        """Return where the ends of the intervals stand among the quantiles."""
        shares = np.array(self.design.quantiles)
        tails = [(100 - level) / 200 for level in self.levels]
        wanted = [share for tail in tails for share in (tail, 1 - tail)]
        return [int(np.abs(shares - share).argmin()) for share in wanted]

    def spread(self, rows: Rows, ends: np.ndarray, steps: int) -> list[np.ndarray]:
        """Return the ends of intervals over forecasts with dropout at work.

        Source: Gal and Ghahramani 2016.
        """
        # The same call gives the same numbers again, after saving and loading too.
        keras.utils.set_random_seed(0)
        for number, state in enumerate(random_states(self.model)):
            state.assign(np.array([number, 0], "uint32"))
        samples = [
            self.quantiles(rows, ends, steps, training=True)[:, :, 0]
            for _ in range(DROPOUT_SAMPLES)
        ]
        tails = [(100 - level) / 200 for level in self.levels]
        return [np.quantile(samples, share, axis=0) for t in tails for share in (t, 1 - t)]


def moved_on(inputs: dict[str, np.ndarray], forecast: np.ndarray) -> dict[str, np.ndarray]:
    """Return the inputs of windows that end with a forecast (windows, steps) of their own.

    Covariates known up to now stay as they were last.
    """
    window, steps = inputs["window"], forecast.shape[1]
    following = forecast.astype(window.dtype)
    moved = {
        **inputs,
        "window": np.concatenate([window, following], axis=1)[:, steps:],
        "position": inputs["position"] + np.int32(steps),
    }
    if "past" in inputs:
        last = np.repeat(inputs["past"][:, -1:], steps, axis=1)
        moved["past"] = np.concatenate([inputs["past"], last], axis=1)[:, steps:]
    return moved


def random_states(model: keras.Model) -> list[keras.Variable]:
    """Return the states of the random generators of a model's dropouts."""
    return [v for v in model.non_trainable_variables if v.name == "seed_generator_state"]
