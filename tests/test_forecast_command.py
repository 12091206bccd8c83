"""kerasrnn forecast: what it writes, what its options do, and what it refuses."""

import json
import math
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from kerasrnn.forecasting import Forecaster
from tests.commands import Result, complaint, kerasrnn, names
from tests.tables import seasonal_series, write

CLASSIC_FILES = ["forecast.csv", "forecast.png", "metrics.json", "model.keras"]
PICTURES = ["folds.png", "forecast.png", "horizon.png", "residuals.png"]
FILES = sorted(
    [
        "backtest.csv",
        "forecast.csv",
        "forecaster",
        "metrics.json",
        "report.html",
        "scores.csv",
        *PICTURES,
    ]
)
METRICS = ["rmse", "mae", "mape", "smape", "mase"]
ROWS, LOOK_BACK, HORIZON = 40, 12, 3
SERIES = seasonal_series(ROWS)
TABLE = SERIES.to_csv()
SMALL = ["--look-back", 12, "--horizon", 3, "--model", "rnn", "--units", 2, "--epochs", 2]


def metrics_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.json").read_text(), parse_constant=pytest.fail)


def forecast_of(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "forecast.csv", parse_dates=["ds"])


def naive_rmse(series: pd.Series, lag: int) -> float:
    """Return the error of repeating the last `lag` values over the last three rows."""
    values = series.to_numpy()
    repeated = np.resize(values[-HORIZON - lag : -HORIZON], HORIZON)
    return float(np.sqrt(np.mean((values[-HORIZON:] - repeated) ** 2)))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    """Forecast a small table, once."""
    folder = tmp_path_factory.mktemp("ran")
    result = kerasrnn("forecast", write(folder, TABLE), *SMALL, "--output", folder / "out")
    assert result.status == 0, result
    return result, folder / "out"


def test_writes_these_files_and_nothing_else(ran: tuple[Result, Path]) -> None:
    _, out = ran
    assert names(out) == FILES
    assert names(out / "forecaster") == ["forecaster.json", "history.csv", "model.keras"]
    assert names(out.parent) == ["out", "table.csv"]
    for name in PICTURES:
        assert (out / name).read_bytes().startswith(b"\x89PNG")
    assert (out / "report.html").read_text().startswith("<!DOCTYPE html>")


def test_forecast_is_that_of_the_saved_forecaster(ran: tuple[Result, Path]) -> None:
    _, out = ran
    table = forecast_of(out)
    assert list(table.columns) == ["ds", "forecast", "forecast-lo-80", "forecast-hi-80"]
    after = pd.date_range(SERIES.index[-1], periods=4, freq="MS")[1:]
    assert table["ds"].tolist() == after.tolist()
    saved = Forecaster.load(out / "forecaster")
    assert saved.history_.values.tolist() == SERIES.tolist()
    assert table["forecast"].tolist() == saved.predict()["forecast"].tolist()
    assert (table["forecast-lo-80"] < table["forecast"]).all()
    assert (table["forecast-hi-80"] > table["forecast"]).all()


def test_metrics_stand_beside_those_of_naive(ran: tuple[Result, Path]) -> None:
    metrics = metrics_of(ran[1])
    for name in ("network", "naive", "seasonal_naive"):
        assert list(metrics[name]) == METRICS
    assert metrics["naive"]["rmse"] == pytest.approx(naive_rmse(SERIES, 1))
    assert metrics["seasonal_naive"]["rmse"] == pytest.approx(naive_rmse(SERIES, 12))
    best = min(metrics["naive"]["rmse"], metrics["seasonal_naive"]["rmse"])
    assert metrics["skill"] == pytest.approx(1 - metrics["network"]["rmse"] / best)
    by_step = metrics["rmse_by_step"]["network"]
    assert len(by_step) == 3
    assert np.sqrt(np.mean(np.square(by_step))) == pytest.approx(metrics["network"]["rmse"])
    table = pd.read_csv(ran[1] / "scores.csv").set_index("model")
    assert table.loc["network", "rmse"] == pytest.approx(metrics["network"]["rmse"])
    assert metrics["source"] == str(ran[1].parent / "table.csv")
    assert (metrics["target"], metrics["rows"]) == ("y", ROWS)
    assert metrics["backend"] == keras.backend.backend()
    assert metrics["versions"]["keras"] == keras.__version__


def test_prints_scores_forecast_and_files(ran: tuple[Result, Path]) -> None:
    result, out = ran
    assert result.err == ""
    metrics = metrics_of(out)
    assert f"{ROWS} rows of 'y', 2000-01-01 to 2003-04-01" in result.out
    assert "Held-out rows 2003-02-01 to 2003-04-01" in result.out
    lines = [line.split() for line in result.out.splitlines()]
    for name in ("network", "naive", "seasonal_naive", "drift"):
        cells = [f"{value:.4g}" for value in metrics[name].values()]
        assert [*name.split("_"), *cells] in lines
    assert f"skill {metrics['skill']:+.3f}" in result.out
    assert "2003-05-01" in result.out
    assert all(str(out / name) in result.out for name in FILES)


def test_quiet_prints_nothing_and_the_seed_governs_all(
    ran: tuple[Result, Path], tmp_path: Path
) -> None:
    _, out = ran
    table = write(tmp_path, TABLE)
    for seed in (0, 1):
        arguments = [*SMALL, "--seed", seed, "--output", tmp_path / str(seed), "--quiet"]
        assert kerasrnn("forecast", table, *arguments) == Result(0, "", "")
    first, again, other = (
        (folder / "forecast.csv").read_bytes() for folder in (out, tmp_path / "0", tmp_path / "1")
    )
    assert first == again != other
    assert metrics_of(tmp_path / "1")["settings"]["seed"] == 1


def test_options_of_the_network_reach_it(tmp_path: Path) -> None:
    options = {"look-back": 7, "horizon": 3, "model": "lstm", "units": 5, "num-layers": 2}
    options |= {"epochs": 3, "season": 5}
    arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
    out = tmp_path / "out"
    kerasrnn("forecast", write(tmp_path, TABLE), *arguments, "--output", out, "--quiet")
    model = Forecaster.load(out / "forecaster").model_
    assert (model.inputs[0].shape, model.output_shape) == ((None, 7), (None, 3))
    layer = model.get_layer("lstm")
    assert (layer.units, layer.num_layers) == (5, 2)
    metrics = metrics_of(out)
    assert metrics["settings"]["epochs"] == 3
    assert metrics["seasonal_naive"]["rmse"] == pytest.approx(naive_rmse(SERIES, 5))
    settings = {name.replace("-", "_"): value for name, value in options.items()}
    assert settings.items() <= metrics["settings"].items()


def messy_table() -> str:
    """Return the table out of order, with a hole, a repeated row and another column."""
    rows = [f"{time.date()};{value};9" for time, value in SERIES.items()]
    hole, twice = -4, 5  # the last row before the held-out ones, and any other
    rows[hole] = f"{SERIES.index[hole].date()};;9"
    time, value = SERIES.index[twice].date(), SERIES.iloc[twice]
    rows[twice] = f"{time};{value - 1};9\n{time};{value + 1};9"
    return "\n".join(["date;größe;other", *rows[20:], *rows[:20]])


def test_options_of_the_file_reach_it(tmp_path: Path) -> None:
    path, out = write(tmp_path, messy_table().encode("latin-1")), tmp_path / "out"
    options = ["--target", "größe", "--time", "date", "--fill", "linear", "--sort"]
    options += ["--duplicates", "mean", "--encoding", "latin-1"]
    result = kerasrnn("forecast", path, *SMALL, *options, "--output", out, "--quiet")
    assert result.status == 0, result
    metrics = metrics_of(out)
    assert (metrics["target"], metrics["rows"]) == ("größe", ROWS)
    expected = SERIES.copy()
    expected.iloc[-4] = SERIES.iloc[-5]  # the row before the origin: none after it is known there
    assert metrics["naive"]["rmse"] == pytest.approx(naive_rmse(expected, 1))
    assert forecast_of(out)["ds"].iloc[0] == pd.Timestamp("2003-05-01")


def test_spelling_of_numbers_reaches_every_file(tmp_path: Path) -> None:
    whole = SERIES * 1000
    cells = [f"{value:,.1f}".translate(str.maketrans(",.", ".,")) for value in whole]
    rows = [f"{time.date()};{cell}\n" for time, cell in zip(whole.index, cells, strict=True)]
    path, out = write(tmp_path, "".join(["month;y\n", *rows[:38]])), tmp_path / "out"
    line = complaint(kerasrnn("forecast", path, *SMALL, "--output", out))
    assert "read such numbers with --decimal , --thousands ." in line
    spelling = ["--decimal", ",", "--thousands", "."]
    result = kerasrnn("forecast", path, *SMALL, *spelling, "--output", out, "--quiet")
    assert result.status == 0, result
    path = write(tmp_path, "".join(["month;y\n", *rows]))  # the whole table, which has grown
    later = ["--update", path, "--output", tmp_path / "later", "--quiet"]
    assert kerasrnn("predict", out / "forecaster", *later).status == 0
    history = Forecaster.load(tmp_path / "later" / "forecaster").history_
    assert history.values.tolist() == whole.round(1).tolist()


def test_without_file_the_built_in_table_is_forecast(tmp_path: Path) -> None:
    result = kerasrnn("forecast", *SMALL, "--output", tmp_path / "a" / "b")
    assert "built-in air passengers: 144 rows of 'passengers', 1949-01-01" in result.out
    assert names(tmp_path / "a" / "b") == FILES
    assert forecast_of(tmp_path / "a" / "b")["ds"].iloc[0] == pd.Timestamp("1961-01-01")


def test_network_without_skill_is_told_even_if_quiet(tmp_path: Path) -> None:
    """After a rise, the values stay: naive makes no error at all."""
    values = [*range(1, 31), 30, 30, 30]
    path = write(tmp_path, "y\n" + "\n".join(map(str, values)))
    result = kerasrnn("forecast", path, *SMALL, "--output", tmp_path / "out", "--quiet")
    assert (result.status, result.out) == (0, "")
    (line,) = result.err.splitlines()
    assert line.startswith("kerasrnn: warning: the network cannot be compared with the naive")
    assert metrics_of(tmp_path / "out")["skill"] is None


def test_classic_recipe_predicts_every_row_from_the_two_before(tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["--recipe", "classic", "--epochs", 2, "--output", out]
    result = kerasrnn("forecast", write(tmp_path, TABLE), *arguments)
    assert f"One step ahead after the first {2 + int(0.7 * 38)} rows" in result.out
    assert names(out) == CLASSIC_FILES
    assert forecast_of(out)["ds"].tolist() == SERIES.index[2:].tolist()
    metrics = metrics_of(out)
    assert all(list(metrics[name]) == METRICS for name in ("network", "naive", "seasonal_naive"))
    assert metrics["settings"]["recipe"] == "classic"
    assert math.isfinite(metrics["skill"])


BAD = {
    "missing file": (None, [], "no such file"),
    "empty": ("", [], "is empty"),
    "text": ("month,y\n2000-01,1\n2000-02,x\n", [], "line 3, column 'y'"),
    "wrong column": (TABLE, ["--target", "z"], "no column 'z'"),
    "few rows": ("y\n1\n2\n3\n", [], "too few"),
    "few rows, classic": ("y\n1\n2\n3\n", ["--recipe", "classic"], "3 rows are too few"),
    "long look-back": (TABLE, ["--look-back", 99], "look-back of 99"),
    "long horizon": (TABLE, ["--horizon", 99], "horizon of 99"),
    "look-back 0": (TABLE, ["--look-back", 0], "kerasrnn: --look-back must be at least 1. Got 0."),
    "horizon 0": (TABLE, ["--horizon", 0], "kerasrnn: --horizon must be at least 1. Got 0."),
    "folds 0": (TABLE, ["--folds", 0], "kerasrnn: --folds must be at least 1. Got 0."),
    "units 0": (TABLE, ["--units", 0], "kerasrnn: --units must be at least 1. Got 0."),
    "epochs -1": (TABLE, ["--epochs", -1], "kerasrnn: --epochs must be at least 1. Got -1."),
    "encoding": (TABLE, ["--encoding", "klingon"], "no such encoding"),
}


@pytest.mark.parametrize(("content", "options", "part"), BAD.values(), ids=BAD)
def test_bad_input_ends_in_one_line(
    tmp_path: Path, content: str | None, options: list[Any], part: str
) -> None:
    path = tmp_path / "table.csv" if content is None else write(tmp_path, content)
    before = names(tmp_path)
    line = complaint(kerasrnn("forecast", path, *options, "--output", tmp_path / "out"))
    assert part in line
    assert names(tmp_path) == before


@pytest.mark.parametrize(
    "option", [["--model", "cnn"], ["--fill", "mean"], ["--horizon", "x"], ["--seed", -1], ["--no"]]
)
def test_unknown_options_and_values_are_refused(tmp_path: Path, option: list[Any]) -> None:
    result = kerasrnn("forecast", *option, "--output", tmp_path / "out")
    assert (result.status, result.out) == (2, "")
    assert option[0] in result.err
    assert "Traceback" not in result.err
    assert names(tmp_path) == []


def test_output_that_is_a_file_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Forecaster, "fit", pytest.fail)
    line = complaint(kerasrnn("forecast", "--output", write(tmp_path, "kept")))
    assert "table.csv is a file; name a directory" in line


@pytest.mark.parametrize("where", ["fit", "save"])
def test_interrupted_run_leaves_the_directory_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    module = sys.modules["kerasrnn.cli.forecast"]
    monkeypatch.setattr(Forecaster if where == "fit" else module, where, interrupt)
    write(tmp_path, "old", "forecast.csv")
    result = kerasrnn("forecast", *SMALL, "--output", tmp_path)
    assert (result.status, result.out) == (130, "")
    way = "with --checkpoint the same command would go on from there"
    assert result.err == f"kerasrnn: interrupted; {way}\n"
    assert names(tmp_path) == ["forecast.csv"]
    assert (tmp_path / "forecast.csv").read_text() == "old"


@pytest.mark.parametrize("command", ["forecast", "backtest"])
def test_interrupted_training_goes_on_from_its_checkpoint(tmp_path: Path, command: str) -> None:
    table, kept = write(tmp_path, TABLE), tmp_path / "kept"
    arguments = [command, table, *SMALL, "--checkpoint", kept, "--output", tmp_path / "out"]
    arguments += ["--folds", 1]
    first, again = kerasrnn(*arguments), kerasrnn(*arguments)
    assert (first.status, again.status) == (0, 0), (first, again)
    assert first.out == again.out
    assert list(kept.rglob("training.npz"))


def test_how_a_file_is_read_reaches_its_rows_ahead(tmp_path: Path) -> None:
    days = pd.date_range("2024-01-01", periods=63)
    table = pd.DataFrame({"day": days.strftime("%d/%m/%Y"), "y": SERIES.to_list() + [None] * 23})
    table["plan"] = range(63)
    path = write(tmp_path, table.iloc[::-1].to_csv(index=False))
    options = ["--target", "y", "--future", "plan", "--sort", "--dates", "day-first"]
    result = kerasrnn("forecast", path, *SMALL, *options, "--output", tmp_path / "out", "--quiet")
    assert (result.status, result.out) == (0, ""), result
    assert forecast_of(tmp_path / "out")["ds"].iloc[0] == days[40]


def planned_table(**changes: Any) -> str:
    """Return a table whose last three rows have a plan and no target."""
    days = pd.date_range("2024-01-01", periods=ROWS + 3)
    table = pd.DataFrame({"day": days, "y": [*SERIES, None, None, None], "plan": np.arange(43.0)})
    return table.assign(**changes).to_csv(index=False)


def test_missing_cell_of_what_is_known_ahead_is_told_or_filled(tmp_path: Path) -> None:
    path = write(tmp_path, planned_table(plan=[*range(41), None, 42]))
    options = [*SMALL, "--target", "y", "--future", "plan", "--quiet"]
    out = tmp_path / "out"
    line = complaint(kerasrnn("forecast", path, *options, "--output", out))
    assert line.startswith(f"kerasrnn: {path}, line 43, column 'plan': missing value of what is")
    result = kerasrnn("forecast", path, *options, "--fill", "linear", "--output", out)
    assert result.status == 0, result
    saved = [out / "forecaster", "--future-file", path, "--output", tmp_path / "later", "--quiet"]
    assert kerasrnn("predict", *saved).status == 0
    ahead = [(folder / "forecast.csv").read_text() for folder in (out, tmp_path / "later")]
    assert ahead[0] == ahead[1]


@pytest.mark.parametrize("apart", [False, True])
def test_missing_rows_of_what_is_known_ahead_are_told_before_any_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, apart: bool
) -> None:
    monkeypatch.setattr(Forecaster, "fit", pytest.fail)
    lines = planned_table().splitlines(keepends=True)
    path = write(tmp_path, "".join(lines[:-1]))
    options = [*SMALL, "--target", "y", "--future", "plan", "--output", tmp_path / "out"]
    if apart:
        options += ["--future-file", write(tmp_path, lines[0] + "".join(lines[-3:-1]), "plan.csv")]
    line = complaint(kerasrnn("forecast", path, *options))
    told = tmp_path / "plan.csv" if apart else path
    assert line.startswith(f"kerasrnn: {told}: expected a row of plan at 2024-02-12; 1 row is")
    assert "--future-file" in line


def test_saved_forecaster_takes_in_new_rows(ran: tuple[Result, Path], tmp_path: Path) -> None:
    after = pd.date_range(SERIES.index[-1], periods=3, freq="MS")[1:]
    rows = pd.DataFrame({"month": after.strftime("%d/%m/%Y"), "y": [60.5, 61.5]})
    path = write(tmp_path, rows.to_csv(index=False))
    out = tmp_path / "out"
    options = ["--update", path, "--dates", "day-first", "--horizon", 5, "--output", out]
    result = kerasrnn("predict", ran[1] / "forecaster", *options)
    assert result.status == 0, result
    table = forecast_of(out)
    assert table["ds"].tolist() == list(pd.date_range(after[-1], periods=6, freq="MS")[1:])
    assert Forecaster.load(out / "forecaster").history_.values[-2:].tolist() == [60.5, 61.5]
    assert "warning" not in result.err


def test_a_forecast_of_more_steps_than_rows_is_warned_of(
    ran: tuple[Result, Path], tmp_path: Path
) -> None:
    options = ["--horizon", 1000, "--output", tmp_path, "--quiet"]
    result = kerasrnn("predict", ran[1] / "forecaster", *options)
    assert result.status == 0
    assert result.err == (
        f"kerasrnn: warning: 1,000 steps are forecast from {ROWS} rows: nothing here tells how "
        "good forecasts so far ahead are\n"
    )


def test_covariates_ahead_that_nobody_named_are_refused(
    ran: tuple[Result, Path], tmp_path: Path
) -> None:
    path = write(tmp_path, TABLE)
    saved = [ran[1] / "forecaster", "--future-file", path, "--output", tmp_path / "out"]
    assert "no covariates known ahead were named" in complaint(kerasrnn("predict", *saved))
    given = [path, "--future-file", path, "--output", tmp_path / "out"]
    assert "name them with --future" in complaint(kerasrnn("forecast", *given))


def test_how_to_read_needs_something_to_read(ran: tuple[Result, Path], tmp_path: Path) -> None:
    saved = [ran[1] / "forecaster", "--fill", "linear", "--output", tmp_path / "out"]
    assert "--fill says how to read --update and --future-file" in complaint(
        kerasrnn("predict", *saved)
    )


def test_tuning_has_a_study_and_no_checkpoint(tmp_path: Path) -> None:
    """That of one set of arguments would be refused by the next."""
    line = complaint(kerasrnn("tune", "--checkpoint", tmp_path / "a", "--output", tmp_path / "b"))
    assert "leave --checkpoint out" in line
    assert names(tmp_path) == []


def test_covariates_named_one_by_one_are_all_read(tmp_path: Path) -> None:
    table = pd.DataFrame({"y": SERIES, "a": range(ROWS), "b": range(ROWS), "c": range(ROWS)})
    path = write(tmp_path, table.to_csv(index_label="month"))
    options = ["--target", "y", "--past", "a,b", "--past", "c", "--quiet"]
    kerasrnn("forecast", path, *SMALL, *options, "--output", tmp_path / "out")
    assert metrics_of(tmp_path / "out")["past"] == ["a", "b", "c"]


def test_table_that_grows_may_hold_what_follows(tmp_path: Path) -> None:
    days = pd.date_range("2024-01-01", periods=ROWS + 10).rename("ds")
    plan = np.arange(ROWS + 10) % 3
    known = pd.DataFrame({"y": SERIES.to_list() + [None] * 10, "plan": plan}, days)
    path = write(tmp_path, known.to_csv())
    options = [*SMALL, "--target", "y", "--future", "plan", "--quiet"]
    result = kerasrnn("forecast", path, *options, "--output", tmp_path / "out")
    assert result.status == 0, result
    grown = known.assign(y=[*SERIES, 50, 51, *[None] * 8])
    later = write(tmp_path, grown.to_csv(), "later.csv")
    update = ["--update", later, "--output", tmp_path / "later", "--quiet"]
    result = kerasrnn("predict", tmp_path / "out" / "forecaster", *update)
    assert result.status == 0, result
    assert forecast_of(tmp_path / "later")["ds"].tolist() == days[ROWS + 2 : ROWS + 5].tolist()


def test_rows_without_a_target_at_the_end_may_be_the_future(tmp_path: Path) -> None:
    path = write(tmp_path, TABLE + "2003-05-01,\n2003-06-01,\n")
    line = complaint(kerasrnn("forecast", path, "--output", tmp_path / "out"))
    assert line.endswith(
        "where the last rows are the future, name what is known of it with --future"
    )
    inner = write(tmp_path, TABLE + "2003-05-01,\n2003-06-01,5\n", "inner.csv")
    assert "--future" not in complaint(kerasrnn("forecast", inner, "--output", tmp_path / "out"))
