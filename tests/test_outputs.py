"""The pictures, and files that are written whole or not at all."""

import errno
import json
import math
import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from kerasrnn.cli.writing import metrics
from kerasrnn.forecasting import DataError
from kerasrnn.forecasting.classic import Classic
from kerasrnn.forecasting.outputs import (
    check_directory,
    data_facts,
    forecast_table,
    staged,
    write_json,
)
from kerasrnn.forecasting.plotting import plot_classic, plot_sine, save
from kerasrnn.forecasting.sine import STARTS, curve, curve_times
from tests.forecasters import small
from tests.tables import seasonal_series

SCORES = pd.DataFrame({"rmse": [1.234, 2, 3]}, ["network", "naive", "seasonal_naive"])


def data(axes: Axes) -> list[list[float]]:
    return [list(line.get_ydata()) for line in axes.lines]


def legend(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_classic_figure_has_both_curves_and_the_end_of_training() -> None:
    series = seasonal_series(40)
    prediction = (series + 1).iloc[2:]
    figure = plot_classic(series, Classic(None, 1.0, 2, 28, prediction, SCORES, -0.5))
    (axes,) = figure.axes
    real, predicted, _ = data(axes)
    assert (real, predicted) == (series.to_list(), prediction.to_list())
    assert axes.lines[2].get_xdata(orig=True)[0] == series.index[28]
    assert legend(axes) == ["real", "prediction, one step ahead (skill -0.50 after training rows)"]
    assert [text.get_text() for text in axes.texts] == ["training rows end"]


def test_names_that_look_like_formulas_are_drawn_as_they_are() -> None:
    series = seasonal_series(40).rename("cost $a_{$")
    classic = Classic(None, 1.0, 2, 28, (series + 1).iloc[2:], SCORES, -0.5)
    figure = plot_classic(series, classic)
    figure.draw_without_rendering()
    assert figure.axes[0].get_ylabel() == r"cost \$a_{\$"


def test_sine_figure_has_a_panel_a_start() -> None:
    generated = {start: curve(start)[1:] + 0.1 for start in STARTS}
    figure = plot_sine(generated, dict.fromkeys(STARTS, 0.1))
    assert len(figure.axes) == len(STARTS)
    for axes, start in zip(figure.axes, STARTS, strict=True):
        assert axes.get_title(loc="left") == f"sin on [{start}, {start + 10}]   RMSE 0.1000"
        true, points, first = (scatter.get_offsets().data for scatter in axes.collections)
        whole = np.stack([curve_times(start), curve(start)], axis=-1)
        np.testing.assert_array_equal(true, whole)
        np.testing.assert_array_equal(points, whole[1:] + np.array([0, 0.1]))
        np.testing.assert_array_equal(first, whole[:1])
    assert legend(figure.axes[0]) == ["true", "generated", "first point"]


def test_figures_leave_no_pyplot_state(tmp_path: Path) -> None:
    save(plot_sine({0: curve(0)[1:]}, {0: 0.0}), tmp_path / "a.png")
    assert plt.get_fignums() == []


def test_json_has_null_for_what_is_not_finite(tmp_path: Path) -> None:
    content = {"a": math.nan, "b": {"c": -math.inf, "d": np.float64("inf"), "e": 1.5}, "f": "nan"}
    content["g"] = np.array([[1, np.nan]])
    write_json(tmp_path / "metrics.json", content)
    text = (tmp_path / "metrics.json").read_text()
    expected = {"a": None, "b": {"c": None, "d": None, "e": 1.5}, "f": "nan", "g": [[1, None]]}
    assert json.loads(text, parse_constant=pytest.fail) == expected
    assert text.endswith("\n")


def test_a_forecast_in_a_file_has_its_times_in_a_column() -> None:
    times = pd.date_range("2024-01-01", periods=2, freq="MS", name="month")
    alone = pd.DataFrame({"forecast": [1.0, 2.0]}, times)
    assert forecast_table(alone).to_dict("list") == {"ds": list(times), "forecast": [1.0, 2.0]}
    many = pd.DataFrame({"unique_id": ["a", "a"], "ds": times, "forecast": [1.0, 2.0]})
    assert forecast_table(many) is many


def test_metrics_tell_what_was_forecast_and_from_what() -> None:
    days = pd.date_range("2024-01-01", periods=30)
    rng = np.random.default_rng(0)
    shops = [
        pd.DataFrame({"shop": name, "day": days, "sales": rng.normal(size=30), "kind": name * 2})
        for name in "ab"
    ]
    table = pd.concat(shops).assign(price=rng.normal(size=60), promotion=rng.normal(size=60))
    reading = {"unique_id": "shop", "target": "sales", "past": ["price"], "future": ["promotion"]}
    forecaster = small(calendar=("weekday",))
    result = forecaster.backtest(table, **reading, static=["kind"])
    told = metrics(result, "sales.csv", {})
    expected = {
        "target": "sales",
        "time": "day",
        "unique_id": "shop",
        "series": 2,
        "rows": 60,
        "frequency": "D",
        "season": 7,
        "past": ("price",),
        "future": ("promotion",),
        "static": ("kind",),
        "calendar": ("weekday",),
    }
    assert {name: told[name] for name in expected} == expected
    uneven = pd.Series(rng.normal(size=30), days + pd.to_timedelta(np.arange(30) // 20, "D"))
    told = data_facts(small().backtest(uneven, fill="drop"))
    assert (told["frequency"], told["season"]) == (None, 1)


def tree(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text() for path in files}


def test_staged_files_arrive_at_the_end(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "out"
    with staged(directory) as folder:
        (folder / "a.txt").write_text("a")
        (folder / "b.txt").write_text("b")
        assert not directory.exists()
    assert tree(tmp_path) == {"new/out/a.txt": "a", "new/out/b.txt": "b"}
    assert os.listdir(tmp_path / "new") == ["out"]


def test_staged_files_replace_their_like_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    (tmp_path / "other.txt").write_text("other")
    with staged(tmp_path) as folder:
        (folder / "a.txt").write_text("new")
    assert tree(tmp_path) == {"a.txt": "new", "other.txt": "other"}


def test_staged_folders_replace_their_like_whole(tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "old.txt").write_text("old")
    with staged(tmp_path) as folder:
        (folder / "saved").mkdir()
        (folder / "saved" / "new.txt").write_text("new")
    assert tree(tmp_path) == {"saved/new.txt": "new"}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("exists", [False, True])
def test_nothing_is_staged_where_it_fails(
    tmp_path: Path, error: type[BaseException], exists: bool
) -> None:
    directory = tmp_path / "out"
    if exists:
        directory.mkdir()
        (directory / "a.txt").write_text("old")
    before = sorted(tmp_path.rglob("*"))

    def fail() -> None:
        with staged(directory) as folder:
            (folder / "a.txt").write_text("new")
            raise error

    with pytest.raises(error):
        fail()
    assert sorted(tmp_path.rglob("*")) == before
    assert tree(tmp_path) == ({"out/a.txt": "old"} if exists else {})


@pytest.mark.parametrize("name", ["file", "file/out", "file/out/deep"])
def test_file_in_place_of_the_directory_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("kept")
    with pytest.raises(DataError, match=r"^output .*/file is a file; name a directory$"):
        check_directory(tmp_path / name)
    assert tree(tmp_path) == {"file": "kept"}


def test_directory_that_may_not_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_directory(tmp_path / "deep" / "out")
    assert not any(tmp_path.iterdir())

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    expected = r"^checkpoint .* cannot be written to \(Read-only file system\); name another$"
    with pytest.raises(DataError, match=expected):
        check_directory(tmp_path / "deep" / "out", "checkpoint")
