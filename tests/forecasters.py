"""Forecasters that are ready in a moment."""

from typing import Any

import keras
import numpy as np
import pytest

from kerasrnn.forecasting import Forecaster

LOOK_BACK, HORIZON = 6, 3


def small(**arguments: Any) -> Forecaster:
    """Return a forecaster that is trained in a moment."""
    usual = {"horizon": HORIZON, "look_back": LOOK_BACK, "model": "rnn", "units": 3, "epochs": 1}
    return Forecaster(**usual | {"levels": ()} | arguments)


def draw(model: keras.Model, *_: Any) -> dict[str, list[float]]:
    """Draw the weights of a network in place of training it, so that they all matter."""
    rng = np.random.default_rng(3)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(0, 0.5, variable.shape))
    return {"loss": [1.0]}


def drawn(forecaster: Forecaster, data: Any, **reading: Any) -> Forecaster:
    """Fit a forecaster whose weights are drawn: for tests of what comes after training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kerasrnn.forecasting.forecaster.train", draw)
        return forecaster.fit(data, **reading)
