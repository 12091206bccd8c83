"""Odd files, options and checkpoints are refused in one line, or read as they are meant."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kerasrnn.forecasting import DataError, Forecaster, Reading, read
from kerasrnn.forecasting.outputs import staged, write_json
from kerasrnn.forecasting.sine import SineRun, new_model, train
from tests.commands import complaint, kerasrnn
from tests.tables import seasonal_series, write


def read_csv(path: str | Path, reading: Reading | None = None) -> pd.Series:
    """Read the one series of a file."""
    return read(path, reading).series(0)


TABLE = seasonal_series(40).to_csv()

REFUSED = {
    "leading blank lines hide the header": ("\n\nds,y\n1,2\n2,x\n", "line 5, column 'y'"),
    "every row longer than the header": ("ds,y\n1,2,9\n2,3,9\n3,5,9\n", "line 2"),
    "quoted line end counts": ('ds,note,y\n2000-01,"a\nb",1\n2000-02,c,x\n', "line 4, column 'y'"),
    "two columns of one name": ("ds,y,y\n1,2,3\n2,3,4\n", "2 columns are named 'y'"),
    "beyond float32": ("y\n" + "1e39\n2e39\n" * 30, "line"),
}


@pytest.mark.parametrize(("content", "part"), REFUSED.values(), ids=REFUSED)
def test_refused(tmp_path: Path, content: Any, part: Any) -> None:
    path = write(tmp_path, content)
    assert part in complaint(
        kerasrnn(
            "forecast",
            path,
            "--target",
            "y",
            "--horizon",
            2,
            "--epochs",
            1,
            "--output",
            tmp_path / "out",
        )
    )


def test_headerless_with_dates(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="header"):
        read_csv(write(tmp_path, "1949-01,112\n1949-02,118\n1949-03,132\n"))


def test_header_that_begins_with_pk_is_no_zip(tmp_path: Path) -> None:
    assert read_csv(write(tmp_path, "PK,y\n1,2\n2,3\n")).tolist() == [2, 3]


def test_near_name_of_other_case(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="did you mean target 'passengers'"):
        read_csv(write(tmp_path, "month,passengers\n1,2\n2,3\n"), Reading(target="PASSENGERS"))


def test_path_through_a_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Not a directory"):
        read_csv(write(tmp_path, "y\n1\n2\n") / "x.csv")


def test_name_too_long() -> None:
    with pytest.raises(DataError):
        read_csv("x" * 300)


@pytest.mark.parametrize("option", ["look-back", "units", "num-layers", "epochs", "season"])
def test_classic_refuses_zero(tmp_path: Path, option: Any) -> None:
    line = complaint(
        kerasrnn(
            "forecast",
            write(tmp_path, TABLE),
            "--recipe",
            "classic",
            "--epochs",
            1,
            f"--{option}",
            0,
            "--output",
            tmp_path / "out",
        )
    )
    assert f"--{option} must be at least 1. Got 0." in line


@pytest.mark.parametrize("command", ["forecast", "sine"])
def test_huge_seed(tmp_path: Path, command: str) -> None:
    result = kerasrnn(command, "--seed", 2**32, "--output", tmp_path / "out")
    assert result.status == 2
    assert "--seed" in result.err
    assert "Traceback" not in result.err


def test_clip_nan() -> None:
    with pytest.raises(DataError):
        SineRun(clip=float("nan"))


def test_checkpoint_that_is_further_than_asked(tmp_path: Path) -> None:
    path = tmp_path / "sine.keras"
    train(SineRun(iterations=200), path, report=False)
    with pytest.raises(DataError, match="200"):
        train(SineRun(iterations=100), path, report=False)


def test_complaint_of_keras_is_one_line(tmp_path: Path) -> None:
    new_model(SineRun()).save(tmp_path / "a.keras")
    complaint(kerasrnn("sine", "--checkpoint", tmp_path / "a.keras", "--output", tmp_path / "out"))


def test_lists_in_json(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"a": [float("nan")]})
    assert "NaN" not in (tmp_path / "a.json").read_text()


def test_failure_leaves_no_parents(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), staged(tmp_path / "a" / "b"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [
        ["--horizon", 3],
        ["--folds", 2],
        ["--step", 2],
        ["--refit"],
        ["--classical"],
        ["--past", "x"],
        ["--levels", 80],
        ["--future-file", "x.csv"],
    ],
    ids=lambda options: options[0],
)
def test_classic_refuses_what_it_does_not_have(tmp_path: Path, options: list[Any]) -> None:
    path = write(tmp_path, TABLE)
    assert options[0] in complaint(kerasrnn("forecast", path, "--recipe", "classic", *options))


def test_predict_finds_the_forecaster_beside_the_forecast(tmp_path: Path) -> None:
    small = ["--look-back", 6, "--horizon", 3, "--units", 2, "--epochs", 1, "--quiet"]
    out = tmp_path / "out"
    kerasrnn("forecast", write(tmp_path, TABLE), *small, "--output", out)
    line = complaint(kerasrnn("predict", out, "--output", tmp_path / "again"))
    assert line.endswith(f"has no forecaster.json; did you mean {out / 'forecaster'}?")


def test_times_across_summer_time_are_read(tmp_path: Path) -> None:
    cells = ["2020-03-29 01:00+01:00", "2020-03-29 03:00+02:00", "2020-03-29 04:00+02:00"]
    series = read_csv(
        write(tmp_path, "ds,y\n" + "".join(f"{c},{i}\n" for i, c in enumerate(cells)))
    )
    assert series.index.freqstr == "h"


def test_dates_that_can_be_read_in_two_ways_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "d,y\n01/02/2020,1\n01/03/2020,2\n01/04/2020,4\n")
    with pytest.raises(DataError, match="dates day-first"):
        read_csv(path)
    months = read_csv(path, Reading(dates="day-first")).index
    assert months.equals(pd.date_range("2020-02-01", periods=3, freq="MS"))
    days = read_csv(path, Reading(dates="month-first")).index
    assert days.equals(pd.date_range("2020-01-02", periods=3))


def test_dates_that_can_be_read_in_one_way_are_read(tmp_path: Path) -> None:
    series = read_csv(write(tmp_path, "d,y\n12/01/2020,1\n13/01/2020,2\n14/01/2020,4\n"))
    assert series.index.equals(pd.date_range("2020-01-12", periods=3))


def test_times_of_day_need_a_date(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="need a date"):
        read_csv(write(tmp_path, "t,y\n12:00,1\n13:00,2\n"))


def test_dates_are_found_behind_the_target(tmp_path: Path) -> None:
    path = write(tmp_path, "y,ds\n1,2020-01-01\n2,2020-01-02\n4,2020-01-03\n")
    assert read_csv(path).index[0] == pd.Timestamp("2020-01-01")


@pytest.mark.parametrize("unit", [1e-23, 1e22])
def test_forecast_does_not_depend_on_the_unit(unit: float) -> None:
    plain = seasonal_series(60)
    forecasts = [
        Forecaster(horizon=3, season=4, epochs=5).fit(series).predict().to_numpy()
        for series in (plain, plain * unit)
    ]
    assert np.abs(forecasts[1] / unit / forecasts[0] - 1).max() < 1e-3


def test_values_closer_than_single_precision_are_forecast_as_well() -> None:
    """Scales are taken off in double precision, before the network sees a value."""
    plain = seasonal_series(60)
    forecasts = [
        Forecaster(horizon=3, epochs=5, normalization="last").fit(series).predict().to_numpy()
        for series in (plain, plain + 1e9)
    ]
    assert np.abs(forecasts[1] - 1e9 - forecasts[0]).max() < 1e-3


def test_paths_and_cells_stand_in_messages_as_they_are() -> None:
    told = "/tmp/sales --old/x.csv, column '--fill': use --look-back or --fill. Or --sort, (--step)"
    expected = "/tmp/sales --old/x.csv, column '--fill': use look_back or fill. Or sort, (--step)"
    assert str(DataError(told)) == expected


@pytest.mark.parametrize("command", ["forecast", "backtest", "tune"])
def test_table_that_would_be_overwritten_is_kept(tmp_path: Path, command: str) -> None:
    name = {"tune": "trials.csv"}.get(command, "backtest.csv")
    path = write(tmp_path, TABLE, name)
    line = complaint(kerasrnn(command, path, "--output", tmp_path))
    assert line.endswith(
        f"{name} would be overwritten by a file of that name; name another --output"
    )
    assert path.read_text() == TABLE


def test_levels_are_percentages() -> None:
    with pytest.raises(DataError, match=r"^levels are in percent. Got 0.8; did you mean 80\?$"):
        Forecaster(levels=(0.8,))
