"""Backtests: what is held out, what is fitted, and how forecasts are scored."""

from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from kerasrnn.forecasting import (
    Backtest,
    DataError,
    Forecaster,
    Reading,
    backtest,
    classical,
    read,
)
from kerasrnn.forecasting.baselines import baselines
from kerasrnn.forecasting.diagnosis import EVEN, about_forecasts, about_skill, without_skill
from kerasrnn.forecasting.metrics import skill_of_series
from tests.forecasters import HORIZON, small
from tests.tables import seasonal_series

STEP, FOLDS = 2, 2
BASELINES = ("naive", "seasonal_naive", "drift")


def many() -> pd.DataFrame:
    """Return monthly series of unequal lengths, the last too short to be held out."""
    parts = []
    for i, rows in enumerate((40, 25, 14, 9, 5)):
        part = seasonal_series(60, seed=i).iloc[60 - rows :].rename("y").rename_axis("ds")
        known = np.random.default_rng(i).normal(2, 1, rows)
        parts.append(part.reset_index().assign(unique_id=f"s{i}", price=known))
    return pd.concat(parts, ignore_index=True)


RUNS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "series": ({"intervals": "quantile", "levels": (50, 80)}, {}),
    "many": ({"embed_series": True}, {"future": ["price"]}),
}


def data_of(name: str) -> Any:
    return seasonal_series(50) if name == "series" else many()


@cache
def run(name: str, refit: bool = False) -> Backtest:
    arguments, reading = RUNS[name]
    return backtest(
        small(**arguments), data_of(name), folds=FOLDS, step=STEP, refit=refit, **reading
    )


def drop_of(fold: int) -> int:
    return HORIZON + (FOLDS - 1 - fold) * STEP


@pytest.mark.parametrize("name", RUNS)
def test_held_out_rows_are_the_last_ones(name: str) -> None:
    found, panel = run(name), read(data_of(name), **RUNS[name][1])
    kept = [i for i in range(panel.num_series) if panel.lengths[i] > drop_of(0)]
    assert found.panel.ids == tuple(panel.ids[i] for i in kept)
    assert len(kept) == (1 if name == "series" else 4)
    expected = []
    for fold in range(FOLDS):
        for i in kept:
            rows = panel.rows(i)
            times, values = panel.times[rows], panel.values[rows]
            end = len(values) - drop_of(fold)
            expected += [
                (panel.ids[i], times[end + step], times[end - 1], step + 1, values[end + step])
                for step in range(HORIZON)
            ]
    keys = found.forecasts[["unique_id", "ds", "cutoff", "step", "y"]]
    assert list(keys.itertuples(index=False, name=None)) == expected
    history = found.panel.until(drop_of(0))
    assert found.history["y"].tolist() == history.values.tolist()
    assert found.history["unique_id"].tolist() == np.repeat(history.ids, history.lengths).tolist()


@pytest.mark.parametrize(("name", "refit"), [("series", True), ("series", False), ("many", False)])
def test_forecasts_are_those_of_a_fit_on_the_rows_before(name: str, refit: bool) -> None:
    """Without refit it is the fit of the first origin, which takes in the rows up to each."""
    found, (arguments, reading) = run(name, refit), RUNS[name]
    panel, data = found.panel, data_of(name)
    forecaster: Forecaster | None = None
    rows = len(found.forecasts) // FOLDS
    for fold in range(FOLDS):
        known = panel.until(drop_of(fold))
        if forecaster is None or refit:
            forecaster = small(**arguments).fit(known)
        forecaster.history_ = known
        ahead = {"future": data} if reading else {}
        expected = forecaster.predict(**ahead).filter(like="forecast")
        got = found.forecasts[fold * rows : (fold + 1) * rows].filter(like="network")
        assert list(got.columns) == [n.replace("forecast", "network") for n in expected.columns]
        np.testing.assert_array_equal(got.to_numpy(), expected.to_numpy())


def test_refit_changes_later_origins_only() -> None:
    once, anew = (run("series", refit).forecasts["network"].to_numpy() for refit in (False, True))
    rows = len(once) // FOLDS
    assert (once[:rows] == anew[:rows]).all()
    assert (once[rows:] != anew[rows:]).all()


def test_forecaster_itself_is_not_fitted() -> None:
    forecaster = small(epochs=1)
    found = forecaster.backtest(seasonal_series(40))
    assert not hasattr(forecaster, "model_")
    assert found.forecaster.get_params() == forecaster.get_params()
    assert len(found.forecasts) == HORIZON  # one origin, and all rows after it


@pytest.mark.parametrize("name", RUNS)
def test_baselines_start_from_the_rows_before_each_origin(name: str) -> None:
    found = run(name)
    assert found.models == ("network", *BASELINES)
    table = found.forecasts.set_index(["unique_id", "cutoff"]).sort_index(kind="stable")
    for fold in range(FOLDS):
        known = found.panel.until(drop_of(fold))
        for i, series in enumerate(known.ids):
            values = known.values[known.rows(i)]
            got = table.loc[(series, known.times[known.rows(i)][-1])]
            for baseline, expected in baselines(values, HORIZON, found.season).items():
                assert got[baseline].tolist() == expected.tolist()


@pytest.mark.parametrize("name", RUNS)
def test_scores_are_the_formulas(name: str) -> None:
    found = run(name)
    frame, season = found.forecasts, found.season
    for model in found.models:
        for series in found.panel.ids:
            own = frame[frame["unique_id"] == series]
            error = own["y"] - own[model]
            history = found.history.loc[found.history["unique_id"] == series, "y"].to_numpy()
            lag = season if len(history) > season else 1
            naive = np.abs(history[lag:] - history[:-lag]).mean()
            size = own["y"].abs() + own[model].abs()
            expected = {
                "rmse": np.sqrt((error**2).mean()),
                "mae": error.abs().mean(),
                "mape": (error / own["y"]).abs().mean(),
                "smape": (error.abs() / size).mean(),
                "mase": error.abs().mean() / naive,
            }
            got = found.by_series.loc[(series, model)].to_dict()
            assert got == pytest.approx(expected, rel=1e-9)
        mean = found.by_series.xs(model, level="model").mean()
        assert found.scores.loc[model].to_dict() == pytest.approx(mean.to_dict())
        squares = ((frame["y"] - frame[model]) ** 2).groupby(frame["step"]).mean()
        np.testing.assert_allclose(found.by_horizon[model], np.sqrt(squares))
    assert found.by_horizon.index.tolist() == [1, 2, 3]


@pytest.mark.parametrize(("name", "metric"), [("series", "rmse"), ("many", "mase")])
def test_skill_of_many_series_does_not_depend_on_their_units(name: str, metric: str) -> None:
    found = run(name)
    assert found.metric == metric
    best = min(found.scores.loc["naive", metric], found.scores.loc["seasonal_naive", metric])
    assert found.skill == pytest.approx(1 - found.scores.loc["network", metric] / best)


def test_intervals_are_scored_where_there_are_any() -> None:
    found = run("series")
    frame = found.forecasts
    assert found.levels == (50, 80)
    for level in (50, 80):
        low, high = frame[f"network-lo-{level}"], frame[f"network-hi-{level}"]
        inside = ((low <= frame["y"]) & (frame["y"] <= high)).mean()
        assert found.intervals[f"coverage-{level}"] == pytest.approx(inside)
    assert run("many").intervals.empty


def test_constant_series_leaves_the_skill_of_the_others() -> None:
    """Its scaled error is not finite: the naive forecast makes none on it."""
    constant = many()[:40].assign(unique_id="c", y=5.0)
    found = small(epochs=1).backtest(pd.concat([many()[:40], constant])[["unique_id", "ds", "y"]])
    assert not np.isfinite(found.by_series.loc[("c", "network"), "mase"])
    assert np.isfinite(found.skill)


def forecasts_like(network: Any) -> pd.DataFrame:
    """Return forecasts of two origins, made from the table that they are to stand in."""
    rng = np.random.default_rng(0)
    y = 20 + np.cumsum(rng.normal(0, 1, 12))
    naive = np.repeat([19.0, y[5]], 6)
    origins = {"cutoff": np.repeat([5, 11], 6), "step": np.tile(np.arange(1, 7), 2)}
    table = pd.DataFrame({"unique_id": "a", **origins, "y": y, "naive": naive})
    return table.assign(network=network)


@pytest.mark.parametrize(
    ("network", "skill", "told"),
    [
        (lambda t: t["y"] + 0.1, 0.5, []),
        (lambda t: t["y"] + 0.1, 0.0, ["skill +0.000: the network is about even with"]),
        (
            lambda t: 0.99 * t["naive"] + 0.01 * t["y"],
            0.1,
            ["the held-out forecasts copy the last value"],
        ),
        (
            lambda t: t["naive"],
            -0.2,
            [
                "skill -0.200: the network does not beat",
                "the held-out forecasts copy the last value",
            ],
        ),
        (
            lambda t: t["naive"] + 3 + 0.001 * t["y"],
            0.2,
            ["the held-out forecasts are flat: over the horizon they vary by 0 %"],
        ),
    ],
)
def test_remarks_say_what_is_wrong_and_nothing_else(
    network: Any, skill: float, told: list[str]
) -> None:
    found = without_skill(skill) + about_forecasts(forecasts_like(network))
    assert len(found) == len(told)
    for sentence, start in zip(found, told, strict=True):
        assert sentence.startswith(start)
        assert "\n" not in sentence


def test_shape_of_short_horizons_is_not_judged() -> None:
    frame = forecasts_like(lambda t: t["naive"] + 3)
    assert about_forecasts(frame[frame["step"] <= 2]) == ()
    assert len(about_forecasts(frame)) == 1


def test_series_that_are_too_short_are_named() -> None:
    found = run("many")
    assert found.left_out == ("s4",)
    assert found.remarks[-1] == (
        "1 of 5 series have too few rows for any to be held out, and are not scored: 's4'"
    )
    assert run("series").left_out == ()


def test_backtest_is_shown_by_error_and_skill() -> None:
    for name, metric in (("series", "rmse"), ("many", "mase")):
        found = run(name)
        error = f"{found.scores.loc['network', metric]:.4g}"
        assert repr(found) == f"Backtest({metric}={error}, skill={found.skill:+.3f})"


def test_remarks_of_a_run_are_about_its_forecasts() -> None:
    found = run("series")
    skill = about_skill(found.skill, found.scores[found.metric])
    assert found.remarks == skill + about_forecasts(found.forecasts)


def test_too_few_rows_are_told() -> None:
    message = "^5 rows are too few for a horizon of 3, for which 5 rows are held out"
    with pytest.raises(DataError, match=message):
        backtest(small(), seasonal_series(5), folds=2, step=2)


@pytest.mark.parametrize("option", ["folds", "step"])
def test_counts_below_one_are_refused(option: str) -> None:
    with pytest.raises(DataError, match=rf"^{option} must be at least 1\. Got 0\.$"):
        backtest(small(), seasonal_series(30), **{option: 0})


def test_each_refit_keeps_a_checkpoint_of_its_own(tmp_path: Path) -> None:
    forecaster = small(epochs=1, checkpoint=tmp_path)
    first = backtest(forecaster, seasonal_series(30), folds=2, refit=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fold_0", "fold_1"]
    again = backtest(forecaster, seasonal_series(30), folds=2, refit=True)
    assert again.forecasts.equals(first.forecasts)


def test_classical_forecasts_without_statsforecast_are_refused_before_any_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(classical, "find_spec", lambda _: None)
    monkeypatch.setattr(Forecaster, "fit", lambda *_, **__: pytest.fail("work was done"))
    message = r'^classical needs statsforecast, .*; pip install "kerasrnn\[classical\]", or [^\n]*$'
    with pytest.raises(DataError, match=message):
        backtest(small(), seasonal_series(40), classical=True)


def test_filled_values_are_not_scored() -> None:
    series = seasonal_series(50)
    holes = series.copy()
    holes.iloc[[-2, -3]] = np.nan
    found = backtest(small(levels=(50,)), holes, folds=FOLDS, step=STEP, fill="linear")
    truth = found.forecasts["ds"].map(holes)
    assert truth.isna().sum() == 3  # one of them in both folds
    pd.testing.assert_series_equal(found.forecasts["y"], truth, check_names=False)
    errors = (found.forecasts["network"] - truth).dropna()
    assert found.scores.loc["network", "rmse"] == pytest.approx(np.sqrt(np.mean(errors**2)))
    low, high = (found.forecasts[f"network-{end}-50"] for end in ("lo", "hi"))
    inside = ((low <= truth) & (truth <= high))[truth.notna()]
    assert found.intervals["coverage-50"] == pytest.approx(inside.mean())
    squares = (found.forecasts["network"] - truth) ** 2
    expected = squares.groupby(found.forecasts["step"]).mean() ** 0.5
    np.testing.assert_allclose(found.by_horizon["network"], expected)


def test_holes_before_an_origin_are_not_filled_with_what_comes_after_it() -> None:
    series = seasonal_series(60)
    series.iloc[[44, 45, 46, 47]] = np.nan  # the last rows before the first origin
    poisoned = series.copy()
    poisoned.iloc[48:] = 1e6
    forecaster = Forecaster(horizon=12, units=4, epochs=1)
    first, second = (
        forecaster.backtest(one, fill="linear").forecasts.drop(columns="y")
        for one in (series, poisoned)
    )
    pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_a_season_of_the_reading_is_the_forecasters_where_it_names_none() -> None:
    values = pd.Series(np.tile([1.0, 5.0, 3.0], 20))
    for reading in ({"season": 3}, {"reading": Reading(season=3)}):
        assert Forecaster(horizon=3, units=4, epochs=1).fit(values, **reading).season_ == 3


def test_a_named_season_fills_holes_too() -> None:
    values = pd.Series(np.tile([1.0, 5.0, 3.0], 20))
    values.iloc[30] = np.nan
    forecaster = Forecaster(horizon=3, season=3, units=4, epochs=1, levels=())
    result = forecaster.backtest(values, fill="seasonal")
    assert result.panel.values[30] == 1
    assert forecaster.fit(values, fill="seasonal").history_.values[30] == 1


def test_held_out_values_that_all_were_filled_in_are_told() -> None:
    series = seasonal_series(60)
    panel = read(series.where(~series.index.isin(series.index[-9:-2])), fill="linear")
    with pytest.raises(DataError, match="every held-out value was filled in"):
        backtest(small(), panel.until(2))


def test_coverage_is_that_of_the_intervals_there_are() -> None:
    found = backtest(
        small(horizon=4, look_back=4, levels=None), seasonal_series(28), folds=3, refit=True
    )
    table = found.forecasts
    bounded = table["network-lo-80"].notna()
    assert 0 < bounded.sum() < len(table)
    inside = table["y"].between(table["network-lo-80"], table["network-hi-80"])[bounded]
    assert found.intervals["coverage-80"] == pytest.approx(inside.mean())
    assert np.isfinite(found.intervals).all()


def test_a_network_that_diverged_is_told_and_not_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    def diverge(model: keras.Model, *_: Any) -> dict[str, list[float]]:
        model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
        return {"loss": [np.nan]}

    monkeypatch.setattr("kerasrnn.forecasting.forecaster.train", diverge)
    with pytest.raises(DataError, match=r"^the network's forecast is not finite; use a lower"):
        backtest(small(), seasonal_series(50))


def test_series_that_the_network_wins_are_counted_where_there_is_skill() -> None:
    found = run("many")
    skills = skill_of_series(found.by_series, "mase")
    assert found.beaten == ((skills >= EVEN).sum(), skills.notna().sum())
