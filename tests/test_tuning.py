"""The search for arguments: its first trial, what it depends on, what a file keeps of it."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
from optuna.trial import TrialState

from kerasrnn.forecasting import DataError, Forecaster, backtest, read, tuning
from kerasrnn.forecasting.data.panel import Panel
from kerasrnn.forecasting.plotting import save
from kerasrnn.forecasting.tuning import Tuning, default_space, tune
from tests.tables import seasonal_series, write

SPACE: dict[str, Any] = {
    "model": ["rnn", "gru"],
    "units": (2, 4),
    "learning_rate": (1e-3, 1e-1),
    "normalization": ["auto", ("log", "last")],
}


def small(**arguments: Any) -> Forecaster:
    return Forecaster(**{"horizon": 3, "look_back": 6, "units": 2, "epochs": 1, **arguments})


def panel_of(rows: int = 48) -> Panel:
    return read(seasonal_series(rows))


def outcome(found: Tuning) -> pd.DataFrame:
    """Return all of the trials but the time that they took."""
    return found.trials.drop(columns="seconds")


def same(found: Tuning, other: Tuning) -> None:
    pd.testing.assert_frame_equal(outcome(found), outcome(other), check_exact=True)
    assert found.forecaster.get_params() == other.forecaster.get_params()
    assert found.best_error == other.best_error


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Put a formula of the arguments in place of the training, and collect those tried."""
    seen: list[dict[str, Any]] = []

    def formula(forecaster: Forecaster, panel: Panel, folds: int) -> float:
        arguments = forecaster.get_params()
        seen.append(arguments)
        if arguments["units"] == 3:
            raise DataError("3 units\nare bad luck")
        return float(
            np.log(arguments["learning_rate"] / 0.02) ** 2
            + arguments["dropout"]
            + (arguments["model"] == "rnn")
        )

    monkeypatch.setattr(tuning, "trial_error", formula)
    return seen


# Trained


def test_the_error_is_the_backtests_and_the_first_trial_is_the_start() -> None:
    panel = panel_of()
    forecaster = small(units=5, dropout=0.1)
    found = tune(forecaster, panel, trials=3, folds=2, space=SPACE)
    assert list(found.trials) == ["number", "error", "seconds", *SPACE, "reason"]
    assert found.trials["number"].tolist() == [0, 1, 2]
    for row in found.trials.to_dict("records"):
        arguments = {name: row[name] for name in SPACE}
        # Intervals change nothing about the error.
        result = backtest(forecaster.clone(**arguments), panel, folds=2)
        assert row["error"] == pytest.approx(result.scores.loc["network", "rmse"], rel=1e-12)
    first = found.trials.iloc[0]
    # 5 units are not in the space.
    assert {name: first[name] for name in SPACE} == {
        name: forecaster.get_params()[name] for name in SPACE
    }
    assert (found.start_error, found.metric) == (first["error"], "rmse")
    assert found.best_error == found.trials["error"].min()
    assert (found.trials["seconds"] > 0).all()


def test_same_call_same_outcome_whatever_follows_the_rows_given() -> None:
    series = seasonal_series(48)
    poisoned = series.copy()
    poisoned.iloc[-3:] = [1e9, -1e9, 0.0]
    found, other = (
        tune(small(), read(one).until(3), trials=3, folds=1, space=SPACE)
        for one in (series, poisoned)
    )
    same(found, other)


def test_a_study_goes_on_where_it_was_left(tmp_path: Path) -> None:
    def search(trials: int, name: str | None) -> Tuning:
        path = None if name is None else tmp_path / name
        return tune(small(), panel_of(), trials=trials, folds=1, space=SPACE, study=path)

    # An address of a data base would not take such a name as it is.
    two = search(2, "a {study}?.db")
    four = search(4, "a {study}?.db")
    pd.testing.assert_frame_equal(two.trials, four.trials.iloc[:2])
    same(four, search(4, None))
    # All are there already.
    pd.testing.assert_frame_equal(search(3, "a {study}?.db").trials, four.trials)
    assert len(four.study.trials) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["a {study}?.db"]


def test_the_best_arguments_come_back_unfitted_and_fit() -> None:
    panel = panel_of()
    forecaster = small(quiet=False, max_time=60.0, levels=(50,))
    found = tune(forecaster, panel, trials=3, folds=1, space=SPACE)
    best = found.trials.loc[found.trials["error"].idxmin()]
    changed = found.forecaster.get_params()
    assert {name: changed[name] for name in SPACE} == {name: best[name] for name in SPACE}
    kept = forecaster.get_params().keys() - SPACE.keys()
    assert all(changed[name] == forecaster.get_params()[name] for name in kept)
    assert not hasattr(found.forecaster, "model_")
    assert len(found.forecaster.fit(panel).predict()) == 3


def test_a_panel_is_scored_by_its_scaled_error_where_there_is_one(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": seasonal_series(40), "b": seasonal_series(40, 1), "flat": 5.0})
    path = write(tmp_path, frame.to_csv())
    found = tune(small(levels=()), path, trials=1, folds=1, space=SPACE, wide=True)
    scores = backtest(small(levels=()), path, wide=True).by_series["mase"]
    assert found.metric == "mase"
    network = scores.xs("network", level="model")[["a", "b"]]
    assert found.best_error == pytest.approx(network.mean(), rel=1e-12)


def test_trials_without_enough_rows_are_passed_over() -> None:
    space = {"look_back": [6, 12, 400], "units": (2, 3)}
    found = tune(small(look_back=400), panel_of(), trials=4, folds=1, space=space)
    failed = found.trials["look_back"] == 400
    assert 1 <= failed.sum() < 4
    assert found.trials["error"].isna().tolist() == failed.tolist()
    assert found.trials["reason"].str.contains("too few").tolist() == failed.tolist()
    assert np.isnan(found.start_error)
    assert np.isfinite(found.best_error)
    assert found.forecaster.get_params()["look_back"] in (6, 12)
    message = "^none of 2 trials could be run; the last: .* too few .*$"
    with pytest.raises(DataError, match=message):
        tune(small(), panel_of(8), trials=2, space=SPACE)


def test_the_default_space_runs() -> None:
    found = tune(Forecaster(horizon=3, units=2, epochs=1), panel_of(72), trials=2)
    assert (found.trials["reason"] == "").all()
    assert found.forecaster.get_params()["look_back"] in (None, 12, 36)


# What is drawn


def test_the_search_gets_better_and_depends_on_the_seed(tried: list[dict[str, Any]]) -> None:
    space = {**SPACE, "dropout": (0.0, 0.5)}
    found = tune(small(), panel_of(), trials=40, space=space)
    same(found, tune(small(), panel_of(), trials=40, space=space))
    assert not outcome(found).equals(
        outcome(tune(small(seed=1), panel_of(), trials=40, space=space))
    )
    assert found.best_error < 0.5 * found.start_error
    samples = found.trials.iloc[1:]
    assert set(samples["model"]) == {"rnn", "gru"}
    assert samples["units"].isin([2, 3, 4]).all()
    assert samples["learning_rate"].between(1e-3, 1e-1).all()
    assert samples["learning_rate"].median() < 0.03  # by factors; by differences 0.05
    for name in ("learning_rate", "dropout"):
        assert samples[name].round(4).equals(samples[name])
    assert (found.trials["reason"] == "3 units are bad luck").equals(found.trials["units"] == 3)
    assert {arguments["seed"] for arguments in tried[:80]} == {0}


@pytest.mark.parametrize("interrupted", [0, 1, 12])
def test_an_interrupt_loses_one_trial(
    interrupted: int,
    tried: list[dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    formula = tuning.trial_error
    path = tmp_path / "study.db"

    def interrupt(*arguments: Any) -> float:
        if len(tried) == interrupted:
            raise KeyboardInterrupt
        return formula(*arguments)

    monkeypatch.setattr(tuning, "trial_error", interrupt)
    with pytest.raises(KeyboardInterrupt):
        tune(small(), panel_of(), trials=15, space=SPACE, study=path)
    monkeypatch.setattr(tuning, "trial_error", formula)
    found = tune(small(), panel_of(), trials=15, space=SPACE, study=path)
    same(found, tune(small(), panel_of(), trials=15, space=SPACE))
    assert [trial.state for trial in found.study.trials].count(TrialState.FAIL) == 1


@pytest.mark.parametrize("done", [0, 2])
@pytest.mark.parametrize(
    ("owner", "name"), [(tuning.Search, "run_trial"), (optuna.Study, "ask")], ids=["run", "ask"]
)
def test_a_killed_process_loses_one_trial(
    owner: type,
    name: str,
    done: int,
    tried: list[dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "study.db"

    def killed(self: Any, *_: Any) -> None:
        raise SystemExit

    if done:
        tune(small(), panel_of(), trials=done, space=SPACE, study=path)
    original = getattr(owner, name)
    monkeypatch.setattr(owner, name, killed)
    with pytest.raises(SystemExit):
        tune(small(), panel_of(), trials=4, space=SPACE, study=path)
    monkeypatch.setattr(owner, name, original)
    found = tune(small(), panel_of(), trials=4, space=SPACE, study=path)
    same(found, tune(small(), panel_of(), trials=4, space=SPACE))
    assert all(trial.state.is_finished() for trial in found.study.trials)


def test_no_further_trial_begins_when_the_time_is_up(tried: list[dict[str, Any]]) -> None:
    assert len(tune(small(), panel_of(), max_time=1e-9, space=SPACE).trials) == 1
    assert len(tune(small(), panel_of(), max_time=600, trials=3, space=SPACE).trials) == 3


def test_optunas_logger_is_left_as_it_was(
    tried: list[dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    caplog.set_level(logging.INFO, "optuna")
    tune(small(), panel_of(), trials=2, space=SPACE, study=tmp_path / "study.db")
    assert logging.getLogger("optuna").level == logging.INFO
    assert capsys.readouterr() == ("", "")


def test_learned_intervals_are_trained_with_and_the_others_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    levels: list[Any] = []
    monkeypatch.setattr(tuning, "backtest", lambda one, *_, **__: levels.append(one.levels))
    for intervals in ("conformal", "quantile", "dropout"):
        with pytest.raises(AttributeError):  # the stand-in returns nothing
            tune(small(intervals=intervals, levels=(50,)), panel_of(), trials=1, space=SPACE)
    assert levels == [(), (50,), ()]


# The space


def test_the_default_space_follows_the_data_and_holds_the_start() -> None:
    forecaster = Forecaster(horizon=12, units=200, normalization=("log", "seasonal"))
    assert default_space(forecaster, seasonal_series(144)) == {
        "model": ["gru", "rnn", "lstm"],
        "units": (16, 200),
        "num_layers": (1, 2),
        "dropout": (0.0, 0.5),
        "learning_rate": (1e-3, 1e-2),
        "look_back": [None, 12, 36],
        "normalization": [
            ("log", "seasonal"),
            "auto",
            "last",
            "window",
            "difference",
            "seasonal",
        ],
    }


def test_the_default_space_without_a_season_or_rows_or_a_plain_model() -> None:
    values = seasonal_series(200).to_numpy()
    space = default_space(Forecaster(horizon=20, look_back=20), pd.DataFrame({"y": values}))
    assert space["look_back"] == [20, 40, 60]
    assert "seasonal" not in space["normalization"]
    short = default_space(Forecaster(horizon=3), seasonal_series(20))
    assert short["look_back"] == [None]
    segment = default_space(
        Forecaster(horizon=12, model="segment", segment=12, look_back=48), seasonal_series(144)
    )
    assert "model" not in segment
    assert segment["cell"] == ["gru", "rnn", "lstm"]
    assert segment["look_back"] == [48, 12, 24, 36]
    dropout = default_space(Forecaster(intervals="dropout"), seasonal_series(144))
    assert dropout["dropout"] == (0.05, 0.5)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({}, "the space is empty"),
        ({"unit": [1]}, r"space, unit: .* no such argument; did you mean units\?"),
        ({"zzz": [1]}, "space, zzz: .* expected some of look_back, "),
        ({"seed": [1, 2]}, "space, seed: it is the same in all trials"),
        ({"units": []}, r"space, units: expected a list .* Got \[\]"),
        ({"units": 4}, "Got 4"),
        ({"units": (8, 4)}, r"Got \(8, 4\)"),
        ({"units": (1, 2, 3)}, r"Got \(1, 2, 3\)"),
        ({"units": (1, float("inf"))}, "expected a list"),
        ({"embed_series": (False, True)}, "expected a list"),
        ({"model": ("gru", "lstm")}, "expected a list"),
        ({"units": (0, 4)}, "space, units: units must be at least 1"),
        ({"units": ["many"]}, "space, units: "),
        ({"model": ["gru", "grru"]}, "space, model: model must be one of"),
        ({"dropout": (0.0, 1.0)}, "space, dropout: dropout must be"),
    ],
)
def test_what_is_no_space(space: dict[str, Any], message: str, tried: list[dict[str, Any]]) -> None:
    with pytest.raises(DataError, match=message) as caught:
        tune(small(), panel_of(), space=space)
    assert "\n" not in str(caught.value)
    assert not tried


def test_numbers_of_numpy_and_choices_given_twice(tried: list[dict[str, Any]]) -> None:
    space = {"look_back": [*np.arange(5, 8), 6], "dropout": (np.float32(0), 0.5), "cell": ["rnn"]}
    found = tune(small(), panel_of(), trials=8, space=space)
    assert set(found.trials["look_back"]) <= {5, 6, 7}
    assert all(type(arguments["look_back"]) is int for arguments in tried)
    assert found.trials["cell"].tolist() == ["gru"] + 7 * ["rnn"]


# What cannot be


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"trials": 0}, "trials must be at least 1. Got 0."),
        ({"folds": 0}, "folds must be at least 1. Got 0."),
        ({"max_time": 0}, "max_time must be above 0. Got 0."),
    ],
)
def test_numbers_out_of_range(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=f"^{message}$"):
        tune(small(), panel_of(), **arguments)


def test_missing_optuna_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "find_spec", lambda name: None if name == "optuna" else name)
    with pytest.raises(DataError, match=r'pip install "kerasrnn\[tune\]"'):
        tune(small(), panel_of())


OTHERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "rows": lambda call: {**call, "data": panel_of().until(1)},
    "values": lambda call: {**call, "data": seasonal_series(48, seed=1)},
    "forecaster": lambda call: {**call, "forecaster": small(epochs=2)},
    "folds": lambda call: {**call, "folds": 2},
    "space": lambda call: {**call, "space": {**SPACE, "units": (2, 5)}},
    "choices": lambda call: {**call, "space": {**SPACE, "units": [2, 4]}},
}


@pytest.mark.parametrize("other", OTHERS)
def test_a_study_of_something_else(other: str, tried: list[dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    call = {"forecaster": small(), "data": panel_of(), "space": SPACE, "study": path}
    tune(**call, trials=1)
    with pytest.raises(DataError, match=r"study\.db is the study of other data, arguments"):
        tune(**OTHERS[other](call), trials=2)
    # How a run is shown is no part of it.
    call["forecaster"] = small(quiet=False)
    assert len(tune(**call, trials=2).trials) == 2
    assert len(tried) == 2


def test_files_that_are_no_study(tmp_path: Path) -> None:
    text = write(tmp_path, "not a data base, but a text of more than a hundred bytes" * 9, "a.db")
    for path, reason in ((text, "file is not a database"), (tmp_path / "no" / "b.db", "unable to")):
        with pytest.raises(DataError, match=f"cannot be used as a study .{reason}") as caught:
            tune(small(), panel_of(), space=SPACE, study=path)
        assert "\n" not in str(caught.value)


# The picture


def test_the_picture(tried: list[dict[str, Any]], tmp_path: Path) -> None:
    space = {
        **SPACE,
        "look_back": [None, 12],
        "embed_series": [False, True],
        "dropout": (0.0, 0.5),
        "batch_size": (8, 16),
    }
    found = tune(small(look_back=None), panel_of(), trials=12, space=space)
    figure = found.plot()
    titles = [axes.get_title("left") for axes in figure.axes]
    assert titles == ["Trials, and the least error", *(name.replace("_", " ") for name in space)]
    first, *panels = figure.axes
    errors = found.trials["error"]
    points = {id(axes): axes.lines for axes in figure.axes}
    failed, shown, best = points[id(first)]
    assert len(failed.get_xdata()) == errors.isna().sum() > 0
    np.testing.assert_array_equal(shown.get_ydata(), errors)
    np.testing.assert_array_equal(best.get_ydata(), errors.cummin().ffill())
    for axes in panels:
        marks, star = axes.lines
        assert len(marks.get_xdata()) == errors.notna().sum()
        assert star.get_ydata()[0] == found.best_error
    scales = {name: axes.get_xscale() for name, axes in zip(space, panels, strict=True)}
    assert [name for name, scale in scales.items() if scale == "log"] == ["learning_rate"]
    labels = [[text.get_text() for text in axes.get_xticklabels()] for axes in panels]
    assert labels[3:6] == [["auto", "log last"], ["default", "12"], ["False", "True"]]
    assert labels[0] == ["rnn", "gru"]
    assert "not shown" in panels[7].get_xlabel()  # the start has none
    for width in (10.0, 5.0):
        save(found.plot(width=width), tmp_path / "tuning.png")
        assert (tmp_path / "tuning.png").stat().st_size > 10_000
