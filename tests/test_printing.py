"""What commands print."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from kerasrnn.cli.printing import (
    SHOWN_ROWS,
    as_option,
    describe,
    print_backtest,
    print_forecast,
    print_scores,
)
from kerasrnn.forecasting import backtest, read
from kerasrnn.forecasting.metrics import skill_of_series
from tests.forecasters import drawn, small
from tests.tables import seasonal_series

SCORES = pd.DataFrame(
    {"rmse": [1.0, 2.0, 3.0, 1.5], "mae": [1.0, 1.5, 2.0, 1.2]},
    ["network", "naive", "seasonal_naive", "drift"],
)


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def forecast(num_series: int, steps: int) -> pd.DataFrame:
    """Return a forecast whose values tell their row."""
    days = pd.date_range("2024-01-01", periods=steps)
    names = np.repeat([f"shop {i}" for i in range(num_series)], steps)
    table = pd.DataFrame({"unique_id": names, "ds": np.tile(days, num_series)})
    return table.assign(forecast=1000.0 + np.arange(len(table)))


def test_skill_near_zero_is_about_even(capsys: pytest.CaptureFixture[str]) -> None:
    print_scores("Scores", SCORES, -0.004)
    expected = "skill -0.004, about even (1 - RMSE / RMSE of the better naive forecast)"
    assert expected in lines(capsys)
    print_scores("Scores", SCORES, 0.5, "mase")
    assert "skill +0.500 (1 - MASE / MASE of the better naive forecast)" in lines(capsys)


def test_without_a_season_naive_is_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    same = SCORES.copy()
    same.loc["seasonal_naive"] = same.loc["naive"]
    print_scores("Scores", same, 0.5)
    told = lines(capsys)
    assert [line.split()[0] for line in told[2:5]] == ["network", "naive", "drift"]
    assert told[5] == "skill +0.500 (1 - RMSE / RMSE of naive)"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("units", 8, "--units 8"),
        ("dropout", 0.0, "--dropout 0.0"),
        ("learning_rate", 0.0123456789, "--learning-rate 0.0123456789"),
        ("normalization", "auto", "--normalization auto"),
        ("normalization", ("log", "last"), "--normalization log,last"),
        ("levels", (80, 95.5), "--levels 80,95.5"),
        ("levels", (), "--levels none"),
        ("bidirectional", True, "--bidirectional"),
        ("bidirectional", False, "leave out --bidirectional"),
        ("look_back", None, "leave out --look-back"),
    ],
)
def test_arguments_are_shown_as_the_command_line_takes_them(
    name: str, value: object, expected: str
) -> None:
    assert as_option(name, value) == expected


def test_a_short_forecast_is_printed_whole(capsys: pytest.CaptureFixture[str]) -> None:
    print_forecast(forecast(1, 3).drop(columns="unique_id").set_index("ds"))
    assert [line.split() for line in lines(capsys)[3:]] == [
        ["2024-01-01", "1,000"],
        ["2024-01-02", "1,001"],
        ["2024-01-03", "1,002"],
    ]


def test_a_long_forecast_of_one_series_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    print_forecast(forecast(1, 48).drop(columns="unique_id").set_index("ds"))
    told = lines(capsys)
    assert len(told) == 3 + SHOWN_ROWS + 1
    assert told[-1] == "... the first 30 of 48 steps; all 48 rows are in forecast.csv"


def test_of_many_series_the_first_steps_of_several_are_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_forecast(forecast(63, 9))
    told = lines(capsys)
    shown = [line.split() for line in told[3:-1]]
    assert [(row[1], row[-1]) for row in shown[4:7]] == [
        ("0", "1,004"),
        ("1", "1,009"),
        ("1", "1,010"),
    ]
    assert len(shown) == SHOWN_ROWS
    rest = "all 567 rows are in forecast.csv"
    assert told[-1] == f"... the first 5 of 9 steps of the first 6 of 63 series; {rest}"
    print_forecast(forecast(3, 12))
    assert lines(capsys)[-1] == "... the first 10 of 12 steps; all 36 rows are in forecast.csv"


def test_names_are_short_and_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_forecast(forecast(2, 1).assign(unique_id=["a\nb", "long " * 20 + "7"]))
    told = lines(capsys)
    assert len(told) == 5
    assert "a b 2024-01-01" in told[3]
    assert "long long long…g long 7 2024-01-01" in told[4]


def test_scores_of_many_series_are_means_and_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    frame = pd.DataFrame({"a": seasonal_series(40), "b": seasonal_series(40, 1) ** 2})
    forecaster = drawn(small(), frame, wide=True)
    result = forecaster.backtest(read(frame, wide=True), folds=2)
    print_backtest(result)
    told = lines(capsys)
    assert told[0].endswith("to 2003-04-01, from 2 origins, mean over 2 series")
    network, naive, seasonal = (
        result.by_series["mase"].xs(name, level="model")
        for name in ("network", "naive", "seasonal_naive")
    )
    beaten = (network < np.minimum(naive, seasonal)).sum()
    assert f"the network beats the better naive forecast on {beaten} of 2 series" in told


def test_intervals_for_which_rows_are_too_few_are_missed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = small(levels=None).backtest(seasonal_series(18))
    assert result.levels == ()
    print_backtest(result)
    told = "the held-out forecasts have no intervals: "
    reason = "the rows before the first origin are too few to calibrate them"
    assert lines(capsys)[-1] == told + reason
    print_backtest(dataclasses.replace(result, forecaster=small(levels=())))
    assert lines(capsys)[-1] == told + "none were asked for"


def test_series_that_end_early_are_told() -> None:
    days = pd.date_range("2024-01-01", periods=20)
    frame = pd.DataFrame({"unique_id": np.repeat(["a", "b", "c"], 20), "ds": [*days] * 3})
    frame["y"] = np.random.default_rng(0).normal(size=60)
    late = "; 2 of them end before the others, 'b' first, on 2024-01-15"
    assert late in describe(read(frame.drop([*range(35, 40), 59])))
    assert "end before" not in describe(read(frame))
    assert "end before" not in describe(read(frame[:20]))


def test_skill_within_a_hundredth_beats_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(30, 3)), columns=list("abc"))
    table["c"] = 1.0
    result = backtest(small(), table, wide=True)
    skills = skill_of_series(result.by_series, "mase")
    print_backtest(result)
    beaten = int((skills >= 0.01).sum())
    assert result.beaten == (beaten, 2)
    assert f"beats the better naive forecast on {beaten} of 2 series" in capsys.readouterr().out
