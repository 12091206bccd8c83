"""What commands write."""

from pathlib import Path
from typing import Any

from kerasrnn.cli.printing import versions
from kerasrnn.forecasting.backtest import Backtest
from kerasrnn.forecasting.diagnosis import count_origins
from kerasrnn.forecasting.outputs import data_facts, write_json
from kerasrnn.forecasting.plotting import (
    plot_error_by_horizon,
    plot_folds,
    plot_residuals,
    save,
)


def write_backtest(
    folder: Path, result: Backtest, source: str, settings: dict[str, Any], pictures: str
) -> None:
    """Write scores, held-out forecasts and pictures of a backtest."""
    result.forecasts.to_csv(folder / "backtest.csv", index=False)
    result.by_series.reset_index().to_csv(folder / "scores.csv", index=False)
    save(plot_folds(result), folder / f"folds.{pictures}")
    save(plot_error_by_horizon(result), folder / f"horizon.{pictures}")
    save(plot_residuals(result), folder / f"residuals.{pictures}")
    write_json(folder / "metrics.json", metrics(result, source, settings))


def metrics(result: Backtest, source: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the scores of the network and of the forecasts beside it, as JSON holds them."""
    return {
        **{str(name): row.to_dict() for name, row in result.scores.iterrows()},
        "skill": result.skill,
        "skill_metric": result.metric,
        "rmse_by_step": result.by_horizon.to_dict("list"),
        "intervals": result.intervals.to_dict(),
        "remarks": result.remarks,
        "source": source,
        **data_facts(result),
        "folds": count_origins(result.forecasts),
        "settings": settings,
        **versions(),
    }
