"""Forecasts by a recurrent network whose steps are whole stretches of a window.

A window of 96 hours is four steps of 24, and a horizon of 720 is thirty, all of them decoded
at once from the final state: nothing is forecast from a forecast.

Source: Lin et al. 2023, SegRNN: Segment Recurrent Neural Network for Long-Term Time Series
Forecasting.
"""

from typing import Any

import keras
from keras import ops

from kerasrnn.exact import matmul
from kerasrnn.initializers import get_initializer
from kerasrnn.layers import GRU, Recurrent
from kerasrnn.types import Initializer, Shape, Tensor


def segment_forecast(
    window: Tensor,
    horizon: int,
    layer: type[Recurrent] = GRU,
    *,
    series: Tensor | None = None,
    num_series: int = 1,
    segment: int = 24,
    units: int = 512,
    dropout: float = 0.5,
    outputs: int = 1,
    kernel_initializer: Initializer = "glorot_uniform",
    prefix: str = "",
) -> Tensor:
    """Build SegRNN on a window: segments, dense layer, recurrent layer, all of the future at once.

    >>> window = keras.Input((96,))
    >>> model = keras.Model(window, segment_forecast(window, 36, segment=24, units=16))
    >>> tuple(model(keras.ops.ones((5, 96))).shape)
    (5, 36)

    Args:
        window: (batch, look_back), normalized values. What does not fill a segment is left out
            at the start.
        horizon: Steps to forecast.
        layer: What runs over the segments: `RNN`, `LSTM` or `GRU` (default).
        series: Number of each window's series, integers (batch, 1) below `num_series`: the
            network learns a vector for each. Default None: it cannot tell series apart.
        num_series: Number of series.
        segment: Steps in a segment; a season's length is a good choice. Default 24.
        units: Size of a segment's vector and of the state. Default 512.
        dropout: Share of the decoded vectors' values dropped in training, the same ones at all
            positions of a sample. Default 0.5.
        outputs: Values to give for each step, such as quantiles. Default 1.
        kernel_initializer: Of the last dense layer; `"zeros"` starts at a forecast of zero.
        prefix: Of the layers' names.

    Returns:
        (batch, horizon), or (batch, horizon, outputs) where there are several.

    Raises:
        ValueError: the window is shorter than a segment, or a size is not positive.
    """
    look_back = window.shape[-1]
    for name, size in {"horizon": horizon, "segment": segment, "outputs": outputs}.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1. Got {size!r}.")
    if look_back < segment:
        raise ValueError(
            f"The window must hold at least one segment of {segment} steps. Got a look_back of "
            f"{look_back}; lengthen it, or shorten the segment."
        )
    seen, ahead = look_back // segment, -(-horizon // segment)
    segments = keras.layers.Reshape((seen, segment))(window[:, look_back - seen * segment :])
    segments = keras.layers.Dense(units, "relu", name=f"{prefix}segment")(segments)
    decoder = ParallelDecoder(
        layer(units, return_state=True, name=f"{prefix}{layer.__name__.lower()}"),
        ahead,
        num_series=num_series if series is not None else 0,
        name=f"{prefix}parallel_decoder",
    )
    hidden = decoder(segments) if series is None else decoder(segments, series)
    # One mask for all positions of a sample: to draw one for each would take as long as the rest.
    hidden = keras.layers.Dropout(dropout, noise_shape=(None, 1, units))(hidden)
    values = keras.layers.Dense(
        segment * outputs, kernel_initializer=kernel_initializer, name=f"{prefix}values"
    )(hidden)
    if outputs == 1:
        return keras.layers.Reshape((ahead * segment,))(values)[:, :horizon]
    return keras.layers.Reshape((ahead * segment, outputs))(values)[:, :horizon]


@keras.saving.register_keras_serializable(package="kerasrnn")
class ParallelDecoder(keras.layers.Layer):
    """Run a recurrent layer over a sequence, then decode each future step from its final state.

    Every future step is one step of the same cell. Its input is a learned vector for its
    position or, with several series, two of half the size each: the position's and the
    series'. So

        W x = W_p position + W_s series        U h alike for all positions

    and no product is taken for a pair of sample and position, the output alone is of that size.

    >>> layer = ParallelDecoder(kerasrnn.GRU(20, return_state=True), steps=30, num_series=7)
    >>> series = np.zeros((5, 1), "int32")
    >>> tuple(layer(keras.ops.ones((5, 4, 20)), series).shape)
    (5, 30, 20)

    Weights: those of `layer`, `position` (steps, features or what the series leave of them),
    `series` (num_series, features // 2).

    Args:
        layer: An RNN, LSTM or GRU of this package with `return_state=True`: one layer, one
            direction, batch first, not stateful.
        steps: Future steps.
        num_series: Number of series that are told apart. Default 0: none.
        embeddings_initializer: Of the learned vectors. Default `"random_normal"` of standard
            deviation 1, as in `torch.randn`.
        **kwargs: `name`, `dtype`, `trainable` of every Keras layer.

    Call arguments:
        inputs: (batch, time, features).
        series: Integers (batch, 1) from 0 to `num_series - 1`, where there are series.

    Returns:
        (batch, steps, output size of the layer).

    Raises:
        ValueError: the layer is not as said above, or series are missing or not asked for.

    Source: Lin et al. 2023, SegRNN, parallel multi-step forecasting.
    """

    def __init__(
        self,
        layer: Recurrent,
        steps: int,
        *,
        num_series: int = 0,
        embeddings_initializer: Initializer = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, Recurrent):
            raise ValueError(f"layer must be kerasrnn's RNN, LSTM or GRU. Got {layer!r}.")
        wanted = {
            "num_layers": 1,
            "bidirectional": False,
            "batch_first": True,
            "stateful": False,
            "return_state": True,
        }
        wrong = {k: v for k, v in wanted.items() if getattr(layer, k) != v}
        if wrong:
            raise ValueError(f"layer must have {wrong}. Got {layer.get_config()}.")
        if steps < 1 or num_series < 0:
            raise ValueError(
                "steps must be at least 1 and num_series at least 0. "
                f"Got {steps!r} and {num_series!r}."
            )
        self.layer = layer
        self.steps = steps
        self.num_series = num_series
        if embeddings_initializer is None:
            embeddings_initializer = keras.initializers.RandomNormal(stddev=1.0)
        self.embeddings_initializer = keras.initializers.get(embeddings_initializer)

    def build(self, inputs_shape: Shape, series_shape: Shape | None = None) -> None:
        if not self.layer.built:
            self.layer.build(inputs_shape)
        features = self.layer.input_size
        of_series = features // 2 if self.num_series else 0
        self.position = self.add_weight(
            shape=(self.steps, features - of_series),
            initializer=get_initializer(self.embeddings_initializer, features),
            name="position",
        )
        self.series = None
        if self.num_series:
            self.series = self.add_weight(
                shape=(self.num_series, of_series),
                initializer=get_initializer(self.embeddings_initializer, features),
                name="series",
            )

    def call(self, inputs: Tensor, series: Tensor | None = None) -> Tensor:
        self._check_series(series)
        _, *states = self.layer(inputs)
        return self.decode(states, series)

    def decode(self, states: list[Tensor], series: Tensor | None = None) -> Tensor:
        """Decode all steps from the states (batch, size) that the layer ends in."""
        cell = self.layer.cells[0]
        split = self.position.shape[-1]
        projected = matmul(self.position, cell.kernel[:split])[None]  # (1, steps, gates)
        if cell.bias is not None:
            projected = projected + cell.bias[0]
        if self.series is not None:
            vectors = ops.take(self.series, series, axis=0)  # (batch, 1, features // 2)
            projected = projected + matmul(vectors, cell.kernel[split:])
        hidden, *_ = cell.step(projected, [state[:, None] for state in states])
        return hidden

    def compute_output_shape(
        self, inputs_shape: Shape, series_shape: Shape | None = None
    ) -> tuple[int | None, ...]:
        return (inputs_shape[0], self.steps, self.layer.output_size)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "layer": keras.saving.serialize_keras_object(self.layer),
            "steps": self.steps,
            "num_series": self.num_series,
            "embeddings_initializer": keras.initializers.serialize(self.embeddings_initializer),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ParallelDecoder":
        layer = keras.saving.deserialize_keras_object(config["layer"])
        return cls(**{**config, "layer": layer})

    def _check_series(self, series: Tensor | None) -> None:
        if (series is None) == bool(self.num_series):
            raise ValueError(
                f"{self.name} has num_series={self.num_series}: it takes "
                + ("series (batch, 1) too." if self.num_series else "no series.")
            )
