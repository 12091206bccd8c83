"""Our layer of a case, and the layer of keras.layers that stands beside it."""

from typing import Any

import keras

from kerasrnn.benchmark.cases import Case
from kerasrnn.kernels.explanation import explain
from kerasrnn.layers import GRU, LSTM, RNN

OURS = {"RNN": RNN, "LSTM": LSTM, "GRU": GRU}
KERAS = {"RNN": keras.layers.SimpleRNN, "LSTM": keras.layers.LSTM, "GRU": keras.layers.GRU}


def our_layer(case: Case) -> Any:
    """Return our built layer."""
    options: dict[str, Any] = {"proj_size": case.proj_size} if case.proj_size else {}
    layer = OURS[case.kind](
        case.units,
        case.num_layers,
        bidirectional=case.bidirectional,
        return_sequences=True,
        zero_output_for_mask=case.masked,
        dtype="float32",
        **options,
    )
    layer.build((case.batch, case.time, case.features))
    return layer


def kernel(layer: Any, case: Case, training: bool) -> dict[str, Any]:
    """Say which of our kernels runs a case, and why no faster one does."""
    (found,) = explain(
        layer,
        batch_size=case.batch,
        time_steps=case.time,
        masked=case.masked,
        training=training,
    )
    return {"kernel": found.kernel, "not": found.reasons}


def keras_layer(case: Case) -> Any | None:
    """Return the built layer of keras.layers; None where there is none."""
    if case.proj_size:
        return None

    def one() -> Any:
        options = {"return_sequences": True, "dtype": "float32"}
        if case.masked:
            options["zero_output_for_mask"] = True
        layer = KERAS[case.kind](case.units, **options)
        return keras.layers.Bidirectional(layer) if case.bidirectional else layer

    layers = [one() for _ in range(case.num_layers)]
    layer = layers[0] if len(layers) == 1 else keras.Sequential(layers)
    layer.build((case.batch, case.time, case.features))
    return layer
