"""kerasrnn tune: what it prints and writes beside the search itself."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from kerasrnn.forecasting import Forecaster, backtest
from kerasrnn.forecasting.wording import number
from tests.commands import complaint, kerasrnn, names
from tests.tables import seasonal_series, write

SERIES = seasonal_series(60)
SMALL = ["--look-back", 12, "--horizon", 3, "--model", "rnn", "--units", 2, "--epochs", 1]
BEST: dict[str, Any] = {"units": 3, "normalization": ("log", "last"), "look_back": None}


def best_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "best.json").read_text(), parse_constant=pytest.fail)


def error_of(arguments: dict[str, Any]) -> float:
    """Return the error on the last rows of the table, for which nothing was searched."""
    kept = {**arguments, "quiet": True}
    return backtest(Forecaster(**kept), SERIES).scores.loc["network", "rmse"]


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Let a search of one trial end in the changes that are returned here."""
    command = sys.modules["kerasrnn.cli.tune"]
    search, changes = command.search, dict(BEST)

    def ends_in(forecaster: Forecaster, *arguments: Any, **options: Any) -> Any:
        result = search(forecaster, *arguments, **{**options, "trials": 1})
        fields = {**vars(result), "changes": changes, "forecaster": forecaster.clone(**changes)}
        return type(result)(**fields)

    monkeypatch.setattr(command, "search", ends_in)
    return changes


def test_the_start_is_scored_beside_the_best(found: dict[str, Any], tmp_path: Path) -> None:
    table, out = write(tmp_path, SERIES.to_csv()), tmp_path / "out"
    result = kerasrnn("tune", table, *SMALL, "--folds", 1, "--output", out)
    assert result.status == 0, result
    assert names(out) == ["best.json", "trials.csv", "tuning.png"]
    best = best_of(out)
    start = best["arguments"] | {"units": 2, "normalization": "auto", "look_back": 12}
    assert best["held_out_error"] == pytest.approx(error_of(best["arguments"]))
    assert best["held_out_error_of_start"] == pytest.approx(error_of(start))
    for name in ("held_out_skill", "held_out_skill_of_start"):
        assert isinstance(best[name], float)
    told = [line.strip() for line in result.out.splitlines()]
    for line in ("--units 3", "--normalization log,last", "leave out --look-back"):
        assert line in told
    (line,) = [line for line in told if line.startswith("RMSE of the start on these rows")]
    assert line.endswith(f"skill {best['held_out_skill_of_start']:+.3f}")
    worse = best["held_out_error"] >= best["held_out_error_of_start"]
    assert ("the search did not help there" in result.err) == worse


def test_a_search_that_makes_it_worse_is_told(found: dict[str, Any], tmp_path: Path) -> None:
    found.clear()
    found["learning_rate"] = 1e4
    out = tmp_path / "out"
    result = kerasrnn(
        "tune", write(tmp_path, SERIES.to_csv()), *SMALL, "--folds", 1, "--output", out, "--quiet"
    )
    assert (result.status, result.out) == (0, "")
    assert "on the rows that no trial has seen, the RMSE of the start is" in result.err
    assert best_of(out)["held_out_error"] > best_of(out)["held_out_error_of_start"]


def test_nothing_better_than_the_start(found: dict[str, Any], tmp_path: Path) -> None:
    found.clear()
    out = tmp_path / "out"
    result = kerasrnn("tune", write(tmp_path, SERIES.to_csv()), *SMALL, "--output", out)
    assert "No arguments were better than the start." in result.out
    assert best_of(out)["held_out_error"] == best_of(out)["held_out_error_of_start"]
    assert "did not help" not in result.err
    assert "of the start on these rows" not in result.out


def test_a_start_that_cannot_be_run_is_not_scored(tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = [*SMALL, "--look-back", 400, "--trials", 8, "--folds", 1, "--output", out]
    result = kerasrnn("tune", write(tmp_path, SERIES.to_csv()), *arguments)
    assert result.status == 0, result
    best = best_of(out)
    assert best["error_of_start"] is best["held_out_error_of_start"] is None
    assert best["held_out_skill_of_start"] is None
    assert f"RMSE over 1 origin: - at the start, {number(best['error'])} with" in result.out


def test_errors_name_the_table_only_where_they_speak_of_it(tmp_path: Path) -> None:
    table = write(tmp_path, SERIES.to_csv())
    line = complaint(kerasrnn("tune", table, "--trials", 0, "--output", tmp_path / "out"))
    assert line == "kerasrnn: --trials must be at least 1. Got 0."
    broken = tmp_path / "broken.db"
    broken.write_text("no database")
    options = ["--study", broken, *SMALL, "--output", tmp_path / "out"]
    assert complaint(kerasrnn("tune", table, *options)).startswith(f"kerasrnn: {broken} cannot be")


def test_the_help_says_what_a_study_is_for() -> None:
    told = " ".join(kerasrnn("tune", "--help").out.split())
    assert "without it an interrupted search cannot be gone on with" in told
