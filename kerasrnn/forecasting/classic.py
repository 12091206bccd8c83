"""The classic CSV program, number for number: LSTM on windows of two values.

It divides the series by (max - min), makes every two values the features of one step,
and reads all windows as one single sequence, in time order. The scale is taken over all
rows, those after the training rows too, as the original does; the default recipe of
`kerasrnn forecast` takes it over training rows only.
"""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pandas as pd

from kerasrnn.forecasting.baselines import NAIVE, SEASONAL_NAIVE
from kerasrnn.forecasting.errors import DataError, require_positive
from kerasrnn.forecasting.metrics import NETWORK, score, skill
from kerasrnn.forecasting.models import LAYERS
from kerasrnn.forecasting.torch_defaults import TORCH_EPSILON, torch_linear
from kerasrnn.forecasting.wording import there_are

TRAINING_SHARE = 0.7
EPOCHS = 1000
LEAST_WINDOWS = 4


@dataclass(frozen=True)
class Classic:
    """What the classic program found.

    Attributes:
        model: From scaled windows (windows, 1, look_back) to scaled values.
        scale: max - min of the series, by which it was divided.
        look_back: Values in a window.
        training_rows: Rows that the model was trained on.
        prediction: One step ahead for every row that has a full window before it.
        scores: Over the rows after the training rows, one step ahead, beside naive.
        skill: How far the network's RMSE lies below the better naive one's.
    """

    model: keras.Model
    scale: float
    look_back: int
    training_rows: int
    prediction: pd.Series
    scores: pd.DataFrame
    skill: float


def classic_model(
    look_back: int = 2, cell: str = "lstm", units: int = 4, num_layers: int = 2
) -> keras.Model:
    """Build the network of the classic CSV program: LSTM(2, 4, 2 layers), then linear.

    Returns:
        A model from windows (windows, 1, look_back) to the values after them
        (windows, 1, 1). As in the original, the windows are the time steps of one
        single sequence, and a window's values are its features.
    """
    windows = keras.Input(batch_shape=(None, 1, look_back), name="windows")
    hidden = LAYERS[cell](units, num_layers, batch_first=False, return_sequences=True, name=cell)(
        windows
    )
    following = torch_linear(units, 1)(hidden)
    return keras.Model(windows, following, name="classic")


def scaled_windows(values: np.ndarray, look_back: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Return windows (windows, 1, look_back), targets (windows, 1, 1) and the scale."""
    scale = float(values.max() - values.min())
    scaled = (values / scale).astype(keras.config.floatx())
    windows = np.lib.stride_tricks.sliding_window_view(scaled, look_back + 1)
    return windows[:, None, :look_back].copy(), windows[:, None, look_back:].copy(), scale


def run_classic(
    series: pd.Series,
    season: int,
    *,
    look_back: int = 2,
    model: str = "lstm",
    units: int = 4,
    num_layers: int = 2,
    epochs: int = EPOCHS,
    seed: int = 0,
    observed: np.ndarray | None = None,
    callbacks: list[Any] | None = None,
) -> Classic:
    """Train on the first 70 % of the windows and predict every row one step ahead.

    Args:
        series: Finite values in time order.
        season: Steps in a season, for the seasonal naive forecast.
        look_back, model, units, num_layers, epochs: As in the original by default.
        seed: Governs the initial weights.
        observed: (rows,) which values were given: the others are not scored. Default: all.
        callbacks: Keras callbacks for the training.

    Raises:
        DataError: there are too few rows.
    """
    require_positive(
        look_back=look_back, units=units, num_layers=num_layers, epochs=epochs, season=season
    )
    values = series.to_numpy("float64")
    if len(values) < look_back + LEAST_WINDOWS:
        raise DataError(
            f"{there_are(len(values), 'row')} too few for a look-back of {look_back}, which needs "
            f"{look_back + LEAST_WINDOWS}; use a shorter --look-back, or more rows"
        )
    windows, targets, scale = scaled_windows(values, look_back)
    count = int(len(windows) * TRAINING_SHARE)
    keras.utils.set_random_seed(seed)
    network = classic_model(look_back, model, units, num_layers)
    network.compile(keras.optimizers.Adam(1e-2, epsilon=TORCH_EPSILON), "mse")
    network.fit(
        windows[:count],
        targets[:count],
        batch_size=count,
        shuffle=False,
        epochs=epochs,
        verbose=0,
        callbacks=callbacks,
    )
    predicted = network.predict_on_batch(windows)[:, 0, 0] * scale
    prediction = pd.Series(predicted, index=series.index[look_back:], name="forecast")
    scored = slice(None) if observed is None else observed[look_back + count :]
    scores = score_one_step(values, predicted[count:], look_back + count, season, scored)
    return Classic(network, scale, look_back, look_back + count, prediction, scores, skill(scores))


def score_one_step(
    values: np.ndarray, predicted: np.ndarray, start: int, season: int, scored: Any = slice(None)
) -> pd.DataFrame:
    """Score predictions of the rows from `start` on, each made from all rows before it.

    Args:
        values: (rows,) all of them.
        predicted: (rows from `start` on,).
        start: The first row that is predicted.
        season: Steps in a season.
        scored: Which of the predictions count. Default: all.
    """
    rows = np.arange(start, len(values))
    forecasts = {
        NETWORK: predicted,
        NAIVE: values[rows - 1],
        SEASONAL_NAIVE: values[rows - (season if season <= start else 1)],
    }
    series = pd.DataFrame({"unique_id": "", "ds": np.arange(len(values)), "y": values})
    table = series[start:].assign(**forecasts)[scored]
    return score(table, series[:start], season, list(forecasts)).droplevel("unique_id")
