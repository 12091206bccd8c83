"""Classical forecasts beside the network's."""

import json
from pathlib import Path

import numpy as np

from kerasrnn.forecasting import Forecaster, air_passengers
from kerasrnn.forecasting.classical import CLASSICAL, classical_forecasts
from tests.commands import kerasrnn


def test_forecasts_go_on_with_each_series() -> None:
    steps = np.arange(120)
    wave = np.sin(steps * 2 * np.pi / 12)
    noise = np.random.default_rng(0).normal(0, 0.05, 120)
    histories = [50 + 5 * wave + noise, (20 + 0.5 * steps + noise)[:60]]
    forecasts = classical_forecasts(histories, 12, 12)
    assert list(forecasts) == list(CLASSICAL)
    ahead = [50 + 5 * np.sin(np.arange(120, 132) * 2 * np.pi / 12), 20 + 0.5 * np.arange(60, 72)]
    for forecast in forecasts.values():
        np.testing.assert_allclose(forecast, ahead, atol=2.0)


def test_backtest_scores_them_beside_the_network() -> None:
    forecaster = Forecaster(12, units=2, epochs=1, levels=())
    result = forecaster.backtest(air_passengers(), classical=True)
    assert set(CLASSICAL) <= set(result.scores.index)
    assert result.scores.loc["AutoARIMA", "rmse"] < result.scores.loc["seasonal_naive", "rmse"]


def test_command_writes_their_scores(tmp_path: Path) -> None:
    arguments = ["--units", 2, "--epochs", 1, "--folds", 1, "--classical", "--output", tmp_path]
    result = kerasrnn("backtest", *arguments)
    assert result.status == 0, result
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert all(metrics[name]["rmse"] > 0 for name in CLASSICAL)
    assert "AutoETS" in result.out
