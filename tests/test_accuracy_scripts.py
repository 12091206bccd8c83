"""benchmarks/accuracy: validation sees no test row, and only there settings can be changed."""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.commands import names

FOLDER = Path(__file__).parents[1] / "benchmarks" / "accuracy"
SMALL = ["--validation", "--seeds", "0", "--set", "model=rnn", "epochs=1", "units=4"]
SMALL += ["levels=()", "segment=1"]


@pytest.fixture
def program(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import a benchmark, which finds its own folder as if it were run."""
    monkeypatch.syspath_prepend(FOLDER)
    for name in (request.param, "tables"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module(request.param)


def run(program: Any, monkeypatch: pytest.MonkeyPatch, *arguments: Any) -> None:
    monkeypatch.setattr(sys, "argv", [program.__name__, *map(str, arguments)])
    program.main()


def errors(path: Path) -> dict[str, list[list[float]]]:
    found = json.loads(path.read_text())["errors"]
    assert np.isfinite([error for rows in found.values() for row in rows for error in row]).all()
    return found


@pytest.mark.parametrize("program", ["air_passengers"], indirect=True)
@pytest.mark.parametrize(("table", "first"), [("year_ahead", 132), ("step_ahead", 96)])
def test_air_passengers(
    program: Any, table: str, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first test row differs between the two tables."""
    monkeypatch.setattr(program, "YEARS", (1959,))
    monkeypatch.setattr(sys, "argv", ["air_passengers.py", *SMALL, "look_back=15"])
    options = program.read_options("", seeds=1, data=False)
    series = program.air_passengers()
    poisoned = series.where(np.arange(len(series)) < first)
    found = [getattr(program, table)(values, options).rows for values in (series, poisoned)]
    assert found[0] == found[1]


@pytest.mark.parametrize("program", ["etth1"], indirect=True)
def test_etth1(program: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TRAINING": 240, "VALIDATION": 48, "TEST": 48, "HORIZONS": (2,)}.items():
        monkeypatch.setattr(program, name, value)
    monkeypatch.setitem(program.SETTINGS, "validation", 48)
    times = pd.date_range("2016-07-01", periods=400, freq="h", name="date")
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(400, 2)), times, ["HUFL", "OT"])
    file, found = tmp_path / "table.csv", []
    for value in (0.0, np.nan):
        table.iloc[288:] += value
        table.to_csv(file)
        arguments = ["cycle=None", "num_members=1", "--data", file, "--output", tmp_path]
        run(program, monkeypatch, *SMALL, *arguments)
        found.append(errors(tmp_path / "etth1_validation.json"))
    assert found[0] == found[1]


@pytest.mark.parametrize("program", ["m4_hourly"], indirect=True)
def test_m4_hourly(program: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file of the test rows need not even be there."""
    values = 10 + np.random.default_rng(0).random((3, 300))
    values[1, 250:] = np.nan
    table = pd.DataFrame(values, ["H1", "H2", "H3"])
    table.to_csv(tmp_path / "M4-Hourly-train.csv", index_label="V1")
    out = tmp_path / "out"
    run(program, monkeypatch, *SMALL, "look_back=48", "--data", tmp_path, "--output", out)
    assert names(out) == ["m4_hourly_validation.json", "m4_hourly_validation.md"]
    assert "one network" in errors(out / "m4_hourly_validation.json")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--set", "units=4"], "--set goes with --validation"),
        (["--validation", "--set", "unit=4"], "Got unit"),
        (["--validation", "--set", "validation=0"], "Got validation"),
        (["--validation", "--set", "units"], "expected NAME=VALUE. Got 'units'"),
    ],
)
@pytest.mark.parametrize("program", ["etth1"], indirect=True)
def test_what_cannot_be_set(
    program: Any,
    arguments: list[str],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        run(program, monkeypatch, "--data", "none.csv", *arguments)
    assert told in capsys.readouterr().err
