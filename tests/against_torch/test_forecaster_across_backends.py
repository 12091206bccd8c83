"""A forecaster that one backend saved forecasts alike on the other."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from kerasrnn.forecasting import Forecaster, air_passengers
from tests.processes import in_process

OTHER = {"torch": "jax", "jax": "torch"}
PROGRAM = """
import sys, keras, pandas as pd
from kerasrnn.forecasting import Forecaster
forecaster = Forecaster.load(sys.argv[1])
forecaster.predict(20).to_csv(sys.argv[2], float_format="%.17g")
forecaster.save(sys.argv[3])
print(keras.backend.backend())
"""
MODELS: dict[str, dict[str, Any]] = {
    "gru": {"model": "gru", "calendar": ("month",), "cycle": 6},
    "lstm": {"model": "lstm", "num_layers": 2, "intervals": "quantile"},
    "segment": {"model": "segment", "segment": 6, "num_members": 2, "intervals": "quantile"},
}


@pytest.mark.parametrize("arguments", MODELS.values(), ids=MODELS)
def test_forecast_is_alike_on_the_other_backend(tmp_path: Path, arguments: dict[str, Any]) -> None:
    forecaster = Forecaster(12, 24, units=4, epochs=3, **arguments).fit(air_passengers())
    forecaster.save(tmp_path / "here")
    other = OTHER[keras.backend.backend()]
    path, there = tmp_path / "forecast.csv", tmp_path / "there"
    told = in_process(PROGRAM, str(tmp_path / "here"), str(path), str(there), KERAS_BACKEND=other)
    assert told.split()[-1] == other
    expected = forecaster.predict(20)
    forecast = pd.read_csv(path, index_col=0, parse_dates=True)
    assert forecast.index.equals(expected.index)
    assert list(forecast.columns) == list(expected.columns)
    assert len(forecast.columns) == 3
    np.testing.assert_allclose(forecast, expected, rtol=1e-5)
    # What the other backend saved is read here again, and the weights have stayed as they were.
    again = Forecaster.load(there)
    assert again.predict(20).equals(expected)
