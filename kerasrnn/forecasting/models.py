"""The networks of the forecasting programs, each built in Keras's functional API."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasrnn.forecasting.scaling import MIX, Scaling, forecast_from, normalize, seasons
from kerasrnn.forecasting.segment import segment_forecast
from kerasrnn.layers import GRU, LSTM, RNN
from kerasrnn.types import Tensor

LAYERS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
SERIES_VECTOR = 8


@dataclass(frozen=True)
class Design:
    """What a forecasting network is built from.

    Attributes:
        look_back, horizon: Steps seen and forecast.
        scaling: What the training rows told.
        model: `"rnn"`, `"lstm"` or `"gru"`: a recurrent encoder, and a dense layer that gives
            all steps at once; `"encoder_decoder"`: a second recurrent layer runs over the
            horizon, from the encoder's final states; `"segment"`: stretches of the window are
            the steps, see `kerasrnn.forecasting.segment`.
        cell: `"rnn"`, `"lstm"` or `"gru"`, for the last two models.
        units, num_layers, bidirectional: Of the recurrent encoder.
        dropout: Share of the encoder's outputs dropped in training.
        segment: Steps of the window that are one step of the network.
        past, future, static: Numbers of covariates.
        num_series: Number of series.
        embed_series: Learn a vector for each series, which the network sees.
        cycle: Steps of a cycle that is learned for each series, taken off before the network
            and added after it; 0 for none.
        quantiles: Rising quantiles to forecast, the median among them; none: one forecast.
        num_members: Networks of the same design, each with its own weights.
    """

    look_back: int
    horizon: int
    scaling: Scaling
    model: str = "gru"
    cell: str = "gru"
    units: int = 32
    num_layers: int = 1
    bidirectional: bool = False
    dropout: float = 0.2
    segment: int = 1
    past: int = 0
    future: int = 0
    static: int = 0
    num_series: int = 1
    embed_series: bool = False
    cycle: int = 0
    quantiles: tuple[float, ...] = ()
    num_members: int = 1


def forecast_model(design: Design) -> keras.Model:
    """Build a network that forecasts all steps of the horizon at once.

    It takes and gives scaled values; see `kerasrnn.forecasting.scaling.SeriesScales`. Before
    training it gives the base forecast with its mean growth, for the last layer of each
    member starts at zero.

    Returns:
        A model of these inputs, of which it has those that the design needs: `window`
        (batch, look_back), `past` (batch, look_back, P), `future` (batch, look_back + horizon,
        F), `static` (batch, S), `series` (batch, 1), `position` (batch, 1). Its output is
        (batch, horizon), with an axis of the members before that and one of the
        quantiles after it where there are several.
    """
    inputs = network_inputs(design)
    tensors = dict(inputs)
    if "series" in inputs:
        # Before training Keras tries a model on ones, and there may be no series 1.
        tensors["series"] = ops.minimum(inputs["series"], design.num_series - 1)
    members = [member_forecast(tensors, design, number) for number in range(design.num_members)]
    forecast = members[0] if len(members) == 1 else ops.stack(members, axis=1)
    return keras.Model(inputs, forecast, name="forecast")


def network_inputs(design: Design) -> dict[str, Tensor]:
    """Return the inputs that a design needs, by name."""
    steps, ahead = design.look_back, design.look_back + design.horizon
    shapes = {
        "window": (steps,),
        "past": (steps, design.past) if design.past else None,
        "future": (ahead, design.future) if design.future else None,
        "static": (design.static,) if design.static else None,
        "series": (1,) if design.embed_series or design.cycle else None,
        "position": (1,) if design.cycle else None,
    }
    whole = ("series", "position")
    return {
        name: keras.Input(shape, name=name, dtype="int32" if name in whole else None)
        for name, shape in shapes.items()
        if shape is not None
    }


def member_forecast(inputs: dict[str, Tensor], design: Design, number: int) -> Tensor:
    """Return the scaled forecast (batch, horizon) or (batch, horizon, quantiles) of one member."""
    prefix = f"member_{number}_" if design.num_members > 1 else ""
    scaling, look_back, horizon = design.scaling, design.look_back, design.horizon
    z = ops.log(inputs["window"]) if scaling.log else inputs["window"]
    if design.cycle:
        cycle = Cycle(design.num_series, design.cycle, look_back + horizon, name=f"{prefix}cycle")(
            [inputs["position"], inputs["series"]]
        )
        z = z - cycle[:, :look_back]
    normalized, base, spread = normalize(z, scaling.normalization, scaling.season, horizon, ops)
    normalized = normalized / scaling.input_scale
    ahead = (base - z[:, -1:]) / (spread * scaling.input_scale)
    correction, mixed = MODELS[design.model](inputs, normalized, ahead, design, prefix)
    growth = np.array([scaling.growth], keras.config.floatx())
    if design.quantiles:
        correction = ordered_quantiles(correction, design.quantiles.index(0.5))
        growth = growth[:, :, None]
    outputs = correction * scaling.output_scale + growth
    if mixed is not None:
        base = base + mixed * spread * scaling.input_scale
    forecast = forecast_from(outputs, base, spread, scaling.normalization, ops)
    if design.cycle:
        following = cycle[:, look_back:]
        forecast = forecast + (following[:, :, None] if design.quantiles else following)
    return ops.exp(forecast) if scaling.log else forecast


def direct(
    inputs: dict[str, Tensor], window: Tensor, ahead: Tensor, design: Design, prefix: str
) -> tuple[Tensor, Tensor | None]:
    """Return the corrections of a recurrent encoder with a dense layer for all steps.

    Args:
        inputs: Of the model, by name.
        window: (batch, look_back), normalized.
        ahead: (batch, horizon), the base forecast from the last value, normalized.
        design: What to build.
        prefix: Of the layers' names.

    Returns:
        Corrections, (batch, horizon) or (batch, horizon, quantiles), and what is to be added to a
        normalized base forecast, (batch, horizon), if anything.
    """
    hidden = recurrent(design, design.model, prefix)(step_features(inputs, window, design, prefix))
    hidden = keras.layers.Dropout(design.dropout)(hidden)
    mixed = mixed_seasons(hidden, window, design, prefix) if mixes(design) else None
    if design.future:
        known = inputs["future"][:, design.look_back :]
        hidden = ops.repeat(hidden[:, None], design.horizon, axis=1)
        hidden = ops.concatenate([hidden, ahead[:, :, None], known], axis=-1)
        hidden = keras.layers.Dense(design.units, "relu", name=f"{prefix}known")(hidden)
        return corrections_of_steps(hidden, design, prefix), mixed
    count = max(1, len(design.quantiles))
    corrections = keras.layers.Dense(
        design.horizon * count, kernel_initializer="zeros", name=f"{prefix}correction"
    )(hidden)
    if not design.quantiles:
        return corrections, mixed
    return keras.layers.Reshape((design.horizon, count))(corrections), mixed


def mixes(design: Design) -> bool:
    """Say whether the base forecast is a mean of seasons with learned weights."""
    return design.scaling.normalization == MIX


def mixed_seasons(hidden: Tensor, window: Tensor, design: Design, prefix: str) -> Tensor:
    """Return a weighted mean of the window's seasons, less their plain mean: (batch, horizon).

    Every season of the horizon has weights of its own, a softmax over those of the window that
    starts at the plain mean.
    """
    season, horizon = design.scaling.season, design.horizon
    parts = seasons(window, season, ops)
    count, ahead = parts.shape[1], -(-horizon // season)
    weights = keras.layers.Dense(
        ahead * count, kernel_initializer="zeros", name=f"{prefix}season_weights"
    )(hidden)
    weights = ops.softmax(keras.layers.Reshape((ahead, count))(weights), axis=-1)
    mixed = keras.layers.Reshape((ahead * season,))(ops.matmul(weights - 1 / count, parts))
    return mixed[:, :horizon]


def encoder_decoder(
    inputs: dict[str, Tensor], window: Tensor, ahead: Tensor, design: Design, prefix: str
) -> tuple[Tensor, None]:
    """Return the corrections of a decoder that runs over the horizon; see `direct`.

    The decoder's inputs are the base forecast and the covariates known ahead. It is not fed
    its own forecasts, so that it cannot drift away with its own errors. A bidirectional
    encoder hands it both of its states side by side.
    """
    encoder = recurrent(design, design.cell, prefix, return_state=True)
    _, *states = encoder(step_features(inputs, window, design, prefix))
    if design.bidirectional:
        kinds = len(states) // (2 * design.num_layers)
        states = [
            ops.concatenate([states[first + kind], states[first + kinds + kind]], axis=-1)
            for first in range(0, len(states), 2 * kinds)
            for kind in range(kinds)
        ]
    steps = ahead[:, :, None]
    if design.future:
        steps = ops.concatenate([steps, inputs["future"][:, design.look_back :]], axis=-1)
    decoder = LAYERS[design.cell](
        design.units * (2 if design.bidirectional else 1),
        design.num_layers,
        dropout=design.dropout if design.num_layers > 1 else 0.0,
        return_sequences=True,
        name=f"{prefix}decoder",
    )
    hidden = keras.layers.Dropout(design.dropout)(decoder(steps, initial_state=states))
    return corrections_of_steps(hidden, design, prefix), None


def segments(
    inputs: dict[str, Tensor], window: Tensor, _: Tensor, design: Design, prefix: str
) -> tuple[Tensor, None]:
    """Return the corrections of a network whose steps are segments; see `direct`."""
    corrections = segment_forecast(
        window,
        design.horizon,
        LAYERS[design.cell],
        series=inputs["series"] if design.embed_series else None,
        num_series=design.num_series,
        segment=design.segment,
        units=design.units,
        dropout=design.dropout,
        outputs=max(1, len(design.quantiles)),
        kernel_initializer="zeros",
        prefix=prefix,
    )
    return corrections, None


MODELS = {
    "rnn": direct,
    "lstm": direct,
    "gru": direct,
    "encoder_decoder": encoder_decoder,
    "segment": segments,
}


def recurrent(
    design: Design, cell: str, prefix: str, *, return_state: bool = False
) -> keras.layers.Layer:
    """Return the recurrent encoder."""
    return LAYERS[cell](
        design.units,
        design.num_layers,
        bidirectional=design.bidirectional,
        dropout=design.dropout if design.num_layers > 1 else 0.0,
        return_state=return_state,
        name=f"{prefix}{cell}",
    )


def step_features(inputs: dict[str, Tensor], window: Tensor, design: Design, prefix: str) -> Tensor:
    """Return what the encoder sees at each of its steps: (batch, steps, features)."""
    features = [window[:, :, None]]
    if design.past:
        features.append(inputs["past"])
    if design.future:
        features.append(inputs["future"][:, : design.look_back])
    constant = [inputs["static"]] if design.static else []
    if design.embed_series:
        vector = keras.layers.Embedding(
            design.num_series, SERIES_VECTOR, name=f"{prefix}series_vector"
        )(inputs["series"])
        constant.append(vector[:, 0])
    features += [ops.repeat(part[:, None], design.look_back, axis=1) for part in constant]
    steps = ops.concatenate(features, axis=-1) if len(features) > 1 else features[0]
    return in_segments(steps, design, prefix) if design.segment > 1 else steps


def in_segments(steps: Tensor, design: Design, prefix: str) -> Tensor:
    """Return a vector for each segment; what does not fill one is left out at the start."""
    count = design.look_back // design.segment
    steps = steps[:, design.look_back - count * design.segment :]
    steps = keras.layers.Reshape((count, design.segment * steps.shape[-1]))(steps)
    return keras.layers.Dense(design.units, "relu", name=f"{prefix}segment")(steps)


def corrections_of_steps(hidden: Tensor, design: Design, prefix: str) -> Tensor:
    """Return corrections from a vector for each step of the horizon."""
    corrections = keras.layers.Dense(
        max(1, len(design.quantiles)), kernel_initializer="zeros", name=f"{prefix}correction"
    )(hidden)
    return corrections if design.quantiles else corrections[:, :, 0]


def ordered_quantiles(raw: Tensor, middle: int) -> Tensor:
    """Return quantiles that never cross: the median, and steps above zero away from it.

    Args:
        raw: (batch, horizon, quantiles), any numbers.
        middle: Place of the median.
    """
    steps = ops.softplus(raw)
    median = raw[:, :, middle : middle + 1]
    parts = [median]
    if middle:
        below = ops.flip(ops.cumsum(ops.flip(steps[:, :, :middle], axis=-1), axis=-1), axis=-1)
        parts.insert(0, median - below)
    if middle + 1 < raw.shape[-1]:
        parts.append(median + ops.cumsum(steps[:, :, middle + 1 :], axis=-1))
    return ops.concatenate(parts, axis=-1)


@keras.saving.register_keras_serializable(package="kerasrnn")
class Cycle(keras.layers.Layer):
    """A cycle that is learned for each series, as a table that starts at zero.

    Args:
        num_series: Number of series.
        period: Steps of the cycle.
        steps: Steps to give.

    Call arguments:
        inputs: Positions of the first step and numbers of the series, each (batch, 1).

    Returns:
        (batch, steps), the cycle from each position on.

    Source: Lin et al. 2024, CycleNet.
    """

    def __init__(self, num_series: int, period: int, steps: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_series, self.period, self.steps = num_series, period, steps

    def build(self, input_shape: Any) -> None:
        self.table = self.add_weight(
            shape=(self.num_series * self.period,), initializer="zeros", name="table"
        )

    def call(self, inputs: list[Tensor]) -> Tensor:
        position, series = inputs
        phase = (position + ops.arange(self.steps, dtype="int32")) % self.period
        return ops.take(self.table, series * self.period + phase)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, int]:
        return (input_shape[0][0], self.steps)

    def get_config(self) -> dict[str, Any]:
        sizes = {"num_series": self.num_series, "period": self.period, "steps": self.steps}
        return {**super().get_config(), **sizes}
