"""The networks of the forecasting programs, each built in Keras's functional API."""

import keras
import numpy as np
from keras import ops

from kerasrnn.forecasting.scaling import LAST, SEASONAL, Scaling, seasonal_positions
from kerasrnn.initializers import TorchUniform
from kerasrnn.layers import GRU, LSTM, RNN
from kerasrnn.types import Tensor

LAYERS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
DROPOUT = 0.2
# Keras's Adam adds epsilon before the bias correction, torch's after it: at the start of a
# training torch's 1e-8 has the effect of a smaller number here.
TORCH_EPSILON = 1e-9


def forecast_model(
    scaling: Scaling,
    look_back: int,
    cell: str = "gru",
    units: int = 32,
    num_layers: int = 1,
) -> keras.Model:
    """Build a network that forecasts all steps of the horizon at once.

    It takes and gives values in the unit of the series. Before training it gives the
    base forecast with its mean growth, for the last layer starts at zero.

    Args:
        scaling: What the training rows told; its growth has the length of the horizon.
        look_back: Steps in a window.
        cell: `"rnn"`, `"lstm"` or `"gru"`.
        units: Units of each recurrent layer.
        num_layers: Recurrent layers.

    Returns:
        A model from windows (batch, look_back) to forecasts (batch, horizon).
    """
    horizon = len(scaling.growth)
    window = keras.Input((look_back,), name="window")
    z = ops.log(window) if scaling.log else window
    last = z[:, -1:]
    steps = keras.layers.Reshape((look_back, 1))((z - last) / scaling.input_scale)
    hidden = LAYERS[cell](units, num_layers, dropout=DROPOUT if num_layers > 1 else 0.0, name=cell)(
        steps
    )
    hidden = keras.layers.Dropout(DROPOUT)(hidden)
    correction = keras.layers.Dense(horizon, kernel_initializer="zeros", name="correction")(hidden)
    growth = np.array([scaling.growth], keras.config.floatx())
    forecast = base(z, scaling, horizon) + growth + correction * scaling.output_scale
    if scaling.log:
        forecast = ops.exp(forecast)
    return keras.Model(window, forecast, name="forecast")


def base(z: Tensor, scaling: Scaling, horizon: int) -> Tensor:
    """Return the base forecast (batch, horizon) of windows (batch, look_back)."""
    if scaling.base == SEASONAL:
        positions = seasonal_positions(z.shape[1], horizon, scaling.season)
        return ops.take(z, positions.astype("int32"), axis=1)
    column = z[:, -1:] if scaling.base == LAST else ops.mean(z, axis=1, keepdims=True)
    return ops.repeat(column, horizon, axis=1)


def classic_csv_model(
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


def sine_model(
    batch_size: int | None = None,
    stateful: bool = False,
    init: str = "default",
    name: str | None = None,
) -> keras.Model:
    """Build the network of the sine program: RNN of 16 units, then linear.

    Args:
        batch_size: Curves in a batch; must be known for a stateful network.
        stateful: Carry the state from batch to batch.
        init: `"default"`, as in `torch.nn`, or `"small"`: N(0, 0.001) in the RNN.
        name: Name of the model.

    Returns:
        A model from values (batch, time, 1) to the values that follow, same shape.
    """
    small = {
        f"{weight}_initializer": keras.initializers.RandomNormal(stddev=0.001)
        for weight in ("kernel", "recurrent", "bias")
    }
    weights = small if init == "small" else {}
    values = keras.Input(batch_shape=(batch_size, None, 1), name="values")
    hidden = RNN(16, return_sequences=True, stateful=stateful, name="rnn", **weights)(values)
    following = torch_linear(16, 1)(hidden)
    return keras.Model(values, following, name=name)


def torch_linear(inputs: int, outputs: int) -> keras.layers.Dense:
    """Return a dense layer that starts as `torch.nn.Linear(inputs, outputs)` does."""
    return keras.layers.Dense(
        outputs,
        kernel_initializer=TorchUniform(inputs),
        bias_initializer=TorchUniform(inputs),
        name="linear",
    )
