"""The classic CSV program."""

import numpy as np
import pytest

from kerasrnn.forecasting.classic import classic_model, run_classic
from tests.tables import seasonal_series


def test_classic_program_predicts_one_step_from_scaled_windows() -> None:
    series = seasonal_series(40)
    classic = run_classic(series, 12, epochs=2)
    assert classic.scale == series.max() - series.min()
    assert classic.training_rows == 2 + int(0.7 * 38)
    assert classic.prediction.index.equals(series.index[2:])
    network = classic_model()
    network.set_weights(classic.model.get_weights())
    scaled = (series.to_numpy() / classic.scale).astype("float32")
    windows = np.stack([scaled[:-2], scaled[1:-1]], axis=-1)[:, None]
    expected = network.predict_on_batch(windows)[:, 0, 0] * classic.scale
    np.testing.assert_allclose(classic.prediction, expected, rtol=1e-6)
    error = classic.prediction[classic.training_rows - 2 :] - series[classic.training_rows :]
    assert classic.scores.loc["network", "mae"] == pytest.approx(np.abs(error).mean())


def test_classic_program_scores_given_values_only() -> None:
    series = seasonal_series(40)
    observed = np.ones(40, bool)
    observed[-5:-1] = False
    whole, given = (run_classic(series, 12, epochs=1, observed=o) for o in (None, observed))
    errors = (whole.prediction - series)[-(40 - whole.training_rows) :]
    expected = np.sqrt(np.mean(errors[observed[-len(errors) :]] ** 2))
    assert given.scores.loc["network", "rmse"] == pytest.approx(expected)
    assert whole.scores.loc["network", "rmse"] == pytest.approx(np.sqrt(np.mean(errors**2)))
