"""Train a recurrent network on a series, and forecast from it."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import pandas as pd

from kerasrnn.forecasting.data import DataError, future_index, require_positive, season_length
from kerasrnn.forecasting.models import LAYERS, forecast_model
from kerasrnn.forecasting.progress import ProgressBar
from kerasrnn.forecasting.scaling import Scaling, measure_scaling
from kerasrnn.forecasting.windows import cut_windows

BATCH_SIZE = 32
LEARNING_RATE = 3e-3
USUAL_STEPS, MOST_STEPS = 400, 1500
PATIENCE = 25
LEAST_WINDOWS = 4
SMALLEST_SPREAD = 1e-5


class Forecaster:
    """A recurrent network that forecasts a series from its own past.

    The network sees `look_back` steps and gives all steps of the horizon at once, as a
    correction to a naive forecast with growth; see `kerasrnn.forecasting.scaling`.

    >>> forecaster = Forecaster(horizon=12, epochs=1).fit(air_passengers())
    >>> forecast = forecaster.predict()
    >>> forecast.index[0], len(forecast)
    (Timestamp('1961-01-01 00:00:00'), 12)

    Args:
        horizon: Steps that are forecast at once. Default 12.
        look_back: Steps that the network sees. Default: two seasons; where there is no
            season, twice the horizon, at least 24; less where the series is short.
        model: `"rnn"`, `"lstm"` or `"gru"` (default).
        units: Units of each recurrent layer. Default 32.
        num_layers: Recurrent layers. Default 1.
        epochs: Most passes over the training windows. Default: about 400 training
            steps, at least 10 passes; no more than 1500 steps, but one pass at least.
        season: Steps in a season. Default: from the frequency, 12 where monthly.
        seed: Governs initial weights, dropout and the order of the windows.
        quiet: Show no progress bar.

    Attributes:
        model_: The trained Keras model, from windows (batch, look_back) to forecasts
            (batch, horizon) in the unit of the series.
        scaling_: What was measured on the training rows.
        look_back_, season_: What was used.
        history_: The series that was fitted.
        epochs_: Number of passes that were made.
        losses_: Mean squared error after each pass, under `"loss"` and, where windows were
            held out for early stopping, `"val_loss"`, in multiples of the base forecast's.

    Raises:
        DataError: an argument is out of range.
    """

    def __init__(
        self,
        horizon: int = 12,
        look_back: int | None = None,
        *,
        model: str = "gru",
        units: int = 32,
        num_layers: int = 1,
        epochs: int | None = None,
        season: int | None = None,
        seed: int = 0,
        quiet: bool = True,
    ) -> None:
        require_positive(
            horizon=horizon,
            look_back=look_back,
            units=units,
            num_layers=num_layers,
            epochs=epochs,
            season=season,
        )
        if model not in LAYERS:
            raise DataError(f"--model must be one of {', '.join(LAYERS)}. Got {model!r}.")
        self.horizon = horizon
        self.look_back = look_back
        self.model = model
        self.units = units
        self.num_layers = num_layers
        self.epochs = epochs
        self.season = season
        self.seed = seed
        self.quiet = quiet

    def fit(self, series: pd.Series) -> Forecaster:
        """Train a new network.

        Args:
            series: Finite values in time order; see `kerasrnn.forecasting.data.read_csv`.

        Raises:
            DataError: the series is too short, or has missing or infinite values.
        """
        values = series.to_numpy("float64")
        if not np.isfinite(values).all():
            first = series.index[~np.isfinite(values)][0]
            raise DataError(f"{series.name}: missing or infinite value at {first}; fill or drop it")
        if np.ptp(values) < SMALLEST_SPREAD * np.abs(values).max():
            raise DataError(
                f"{series.name}: values vary by {np.ptp(values):g} around {values.mean():g}, less "
                "than single precision resolves; subtract a constant from the column"
            )
        self.history_ = series
        self.season_ = self.season or season_length(series.index)
        self.look_back_ = self.look_back or default_look_back(
            len(values), self.horizon, self.season_
        )
        self._require_rows(len(values))
        past, future = cut_windows(values, self.look_back_, self.horizon)
        self.scaling_: Scaling = measure_scaling(values, past, future, self.season_)
        keras.utils.set_random_seed(self.seed)
        self.model_: keras.Model = forecast_model(
            self.scaling_, self.look_back_, self.model, self.units, self.num_layers
        )
        self._train(past.astype(keras.config.floatx()), future.astype(keras.config.floatx()))
        return self

    def predict(self, horizon: int | None = None) -> pd.Series:
        """Forecast past the end of the fitted series.

        Args:
            horizon: Number of steps, any number; a longer horizon than the network's is
                reached by feeding forecasts back. Default: the network's.

        Returns:
            Forecasts, indexed by the times that follow.
        """
        if not hasattr(self, "model_"):
            raise DataError("call fit before predict: there is nothing to forecast from")
        require_positive(horizon=horizon)
        steps = self.horizon if horizon is None else horizon
        values = self.history_.to_numpy("float64")
        while len(values) < len(self.history_) + steps:
            window = values[None, -self.look_back_ :].astype(keras.config.floatx())
            values = np.concatenate([values, self.model_.predict_on_batch(window)[0]])
        forecast = values[len(self.history_) : len(self.history_) + steps]
        if not np.isfinite(forecast).all():
            raise DataError(
                f"{self.history_.name}: the network's forecast is not finite; put the column in "
                "another unit, or use another --model or fewer --epochs"
            )
        index = future_index(self.history_.index, steps)
        return pd.Series(forecast, index=index, name="forecast")

    def clone(self) -> Forecaster:
        """Return an unfitted forecaster with the same arguments."""
        return type(self)(**self.get_params())

    def get_params(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        names = "horizon look_back model units num_layers epochs season seed quiet"
        return {name: getattr(self, name) for name in names.split()}

    def _require_rows(self, rows: int) -> None:
        needed = self.look_back_ + self.horizon + LEAST_WINDOWS - 1
        if rows < needed:
            raise DataError(
                f"{rows} rows to train on are too few for a look-back of {self.look_back_} and a "
                f"horizon of {self.horizon}, which need {needed}; use a shorter --look-back or "
                "--horizon, or more rows"
            )

    def _train(self, past: np.ndarray, future: np.ndarray) -> None:
        """Fit the network; stop early where it no longer improves, and keep the best weights."""
        # Errors in multiples of those of the base forecast, whatever the unit of the series.
        error_scale = math.sqrt(self.scaling_.loss_scale)
        future = future / error_scale
        held_out = validation_windows(len(past), self.horizon)
        # The windows between both sets share targets with the held-out ones.
        count = len(past) - held_out - (self.horizon - 1 if held_out else 0)
        steps_per_epoch = math.ceil(count / BATCH_SIZE)
        epochs = self.epochs or default_epochs(steps_per_epoch)
        decay = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, epochs * steps_per_epoch)
        network = keras.Model(self.model_.input, self.model_.output / error_scale)
        network.compile(
            keras.optimizers.Adam(decay, clipnorm=1.0),
            "mse",
        )
        history = network.fit(
            past[:count],
            future[:count],
            validation_data=(past[-held_out:], future[-held_out:]) if held_out else None,
            batch_size=BATCH_SIZE,
            epochs=epochs,
            verbose=0,
            callbacks=[
                keras.callbacks.EarlyStopping(
                    "val_loss" if held_out else "loss", patience=PATIENCE, restore_best_weights=True
                ),
                ProgressBar(f"training {self.model}", self.quiet),
            ],
        )
        self.epochs_ = len(history.epoch)
        self.losses_: dict[str, list[float]] = history.history


def default_look_back(rows: int, horizon: int, season: int) -> int:
    """Return two seasons or twice the horizon; less where that leaves few windows."""
    usual = 2 * season if season > 1 else max(24, 2 * horizon)
    if rows - usual - horizon + 1 >= 2 * horizon + 8:
        return usual
    if season > 1 and rows - season - horizon >= 8:
        return season
    return min(usual, max(2, (rows - horizon) // 2))


def default_epochs(steps_per_epoch: int) -> int:
    """Return the passes that make about 400 steps, at least 10, or else 1500 steps."""
    usual = max(10, round(USUAL_STEPS / steps_per_epoch))
    return max(1, min(usual, MOST_STEPS // steps_per_epoch))


def validation_windows(windows: int, horizon: int) -> int:
    """Return how many of the last windows to hold out for early stopping.

    A short series cannot spare them: there the training loss decides.
    """
    if windows < 20 * horizon:
        return 0
    return max(1, min(max(horizon, round(0.1 * windows)), windows // 4))
