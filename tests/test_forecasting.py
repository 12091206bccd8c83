"""The forecaster: what it learns, what it must not see, and what it is asked for."""

from collections.abc import Callable
from functools import cache
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest

from kerasrnn.forecasting import DataError, Forecaster, Panel, air_passengers, read
from kerasrnn.forecasting.forecaster import LEAST_WINDOWS
from kerasrnn.forecasting.scaling import measure_series
from kerasrnn.forecasting.windows import WindowBatches
from tests.forecasters import HORIZON, LOOK_BACK, drawn, small
from tests.tables import seasonal_series


def many(lengths: tuple[int, ...] = (40, 25, 4)) -> pd.DataFrame:
    """Return monthly series that end in the same month, with covariates of all kinds."""
    parts = []
    for i, rows in enumerate(lengths):
        part = seasonal_series(60, seed=i).iloc[60 - rows :].rename("y").rename_axis("ds")
        rng = np.random.default_rng(i)
        more = {
            "sold": rng.normal(5, 1, rows),
            "price": rng.normal(2, 1, rows),
            "kind": "xyz"[i % 3],
        }
        parts.append(part.reset_index().assign(unique_id=f"s{i}", **more))
    return pd.concat(parts, ignore_index=True)


ROLES = {"past": ["sold"], "static": ["kind"]}
PLAIN = ["unique_id", "ds", "y"]


def weights(forecaster: Forecaster) -> bytes:
    return b"".join(weight.tobytes() for weight in forecaster.model_.get_weights())


# What is fitted, with which arguments, read how.
CASES: dict[str, tuple[Callable[[], Any], dict[str, Any], dict[str, Any]]] = {
    "series": (lambda: seasonal_series(40), {"levels": None}, {}),
    "log": (air_passengers, {"levels": (50, 80), "look_back": 13}, {}),
    "many": (many, {"embed_series": True, "levels": None}, ROLES),
}


@cache
def fitted(case: str) -> Forecaster:
    """Fit all rows but the last of each series, once a process."""
    data, arguments, reading = CASES[case]
    return small(**arguments).fit(read(data(), **reading).until(HORIZON))


def poisoned(data: Any, factor: float, row: int) -> Any:
    """Multiply targets, and covariates known up to now, from a row before the end on."""
    if isinstance(data, pd.Series):
        return data * np.where(np.arange(len(data)) < len(data) + row, 1, factor)
    from_the_end = data.groupby("unique_id", sort=False).cumcount(ascending=False)
    late = from_the_end < -row
    numbers = data[["y", "sold"]]
    return data.assign(**numbers.mask(late, numbers * factor))


@pytest.mark.parametrize(
    ("case", "factor"), [("series", 1e6), ("series", 0.0), ("log", 0.0), ("many", 1e6)]
)
def test_rows_after_the_origin_change_nothing(case: str, factor: float) -> None:
    clean, (data, arguments, reading) = fitted(case), CASES[case]
    run = small(**arguments).backtest(poisoned(data(), factor, -HORIZON), **reading)
    other = run.forecaster
    assert other.measures_.to_json() == clean.measures_.to_json()
    assert weights(other) == weights(clean)
    assert other.widths_.tolist() == clean.widths_.tolist()
    assert (other.losses_, other.levels_) == (clean.losses_, clean.levels_)
    expected = clean.predict()
    assert other.predict().equals(expected)
    # Forecasts among rows that are already there are those past the end of a history.
    names = [name.replace("forecast", "network") for name in expected.columns]
    got = run.forecasts[[n for n in names if n.startswith("network")]].to_numpy()
    np.testing.assert_array_equal(got, expected.filter(like="forecast").to_numpy())


@pytest.mark.parametrize("case", CASES)
def test_last_training_row_does_count(case: str) -> None:
    """Else the test above could not fail."""
    clean, (data, arguments, reading) = fitted(case), CASES[case]
    changed = read(poisoned(data(), 1.5, -HORIZON - 1), **reading).until(HORIZON)
    forecaster = small(**arguments).fit(changed)
    assert forecaster.measures_.to_json() != clean.measures_.to_json()
    assert weights(forecaster) != weights(clean)
    if clean.levels_:
        assert forecaster.widths_.tolist() != clean.widths_.tolist()


def test_same_seed_same_forecast() -> None:
    data, arguments, _ = CASES["series"]
    history, clean = data()[:-HORIZON], fitted("series")
    again, other = (small(seed=seed, **arguments).fit(history) for seed in (0, 1))
    assert weights(again) == weights(clean) != weights(other)
    assert again.predict().equals(clean.predict())
    assert not other.predict().equals(clean.predict())


def inputs_by_hand(
    forecaster: Forecaster, panel: Panel, i: int, values: list[float], price: np.ndarray
) -> dict[str, np.ndarray]:
    """Return what the network sees after these values of a series, scaled as they are."""
    measures, first = forecaster.measures_, panel.offsets[i]
    horizon, end = forecaster.horizon_, len(values)
    mean, deviation = measures.covariates.future[0] if measures.covariates.future else (0, 1)
    start = panel.positions()[first] + end - LOOK_BACK
    return {
        "window": np.array(values[end - LOOK_BACK :])[None].astype("float32"),
        "future": ((price - mean) / deviation)[None, end - LOOK_BACK : end + horizon, None].astype(
            "float32"
        ),
        "series": np.array([[i]], "int32"),
        "position": np.array([[start]], "int32"),
    }


RECURSIONS: dict[str, dict[str, Any]] = {
    "horizon exceeded": {},
    "one step at a time": {"strategy": "recursive"},
    "known ahead": {"model": "encoder_decoder"},
    "cycle": {"cycle": 5, "strategy": "recursive", "embed_series": True},
    "quantiles": {"intervals": "quantile", "levels": (80,)},
}


@pytest.mark.parametrize("name", RECURSIONS)
def test_any_horizon_is_reached_by_feeding_back(name: str) -> None:
    """One series begins later than the others, and so at another place of the cycle."""
    known, steps = name == "known ahead", 8
    data = many((40, 33, 29))[[*PLAIN, "price"] if known else PLAIN]
    from_the_end = data.groupby("unique_id", sort=False).cumcount(ascending=False)
    reading = {"future": ["price"]} if known else {}
    panel = read(data[from_the_end >= steps], **reading)
    forecaster = drawn(small(**RECURSIONS[name]), panel)
    forecast = forecaster.predict(steps, **({"future": data} if known else {}))
    names = [tensor.name for tensor in forecaster.model_.inputs]
    scales = forecaster.measures_.series
    middle = 1 if name == "quantiles" else 0
    for i in range(3):
        own = data[data["unique_id"] == f"s{i}"]
        price = own["price"].to_numpy() if known else np.zeros(len(own))
        price = np.append(price, np.zeros(HORIZON))  # beyond what is wanted
        location, scale = scales.location[i], scales.scale[i]
        values = ((panel.values[panel.rows(i)] - location) / scale).tolist()
        count = len(values)
        while len(values) < count + steps:
            inputs = inputs_by_hand(forecaster, panel, i, values, price)
            outputs = forecaster.model_.predict_on_batch({k: inputs[k] for k in names})
            values += outputs[0].reshape(forecaster.horizon_, -1)[:, middle].tolist()
        rows = forecast[forecast["unique_id"] == f"s{i}"]
        expected = np.array(values[count : count + steps]) * scale + location
        np.testing.assert_allclose(rows["forecast"], expected, rtol=1e-5)
        assert rows["ds"].tolist() == own["ds"].tolist()[-steps:]


def test_past_covariates_stay_as_they_were_last_where_forecasts_are_fed_back() -> None:
    data = many((40,))
    forecaster = drawn(small(), data, past=["sold"])
    rows = forecaster.measures_.rows(forecaster.history_)
    window, past = rows.values[-LOOK_BACK:], rows.past[-LOOK_BACK:]
    expected: list[float] = []
    for _ in range(2):
        outputs = forecaster.model_.predict_on_batch({"window": window[None], "past": past[None]})
        expected += outputs[0].tolist()
        window = np.concatenate([window, outputs[0]])[-LOOK_BACK:]
        past = np.concatenate([past, np.repeat(rows.past[-1:], HORIZON, axis=0)])[-LOOK_BACK:]
    scales = forecaster.measures_.series
    got = forecaster.predict(2 * HORIZON)["forecast"]
    np.testing.assert_allclose(got, np.array(expected) * scales.scale + scales.location, rtol=1e-5)


def test_straight_line_goes_on() -> None:
    line = pd.Series(np.arange(1.0, 61.0))
    forecast = small(epochs=20).fit(line).predict(5)
    np.testing.assert_allclose(forecast["forecast"], np.arange(61.0, 66.0), rtol=0.002)
    assert forecast.index.tolist() == list(range(60, 65))


def test_seasonal_pattern_goes_on() -> None:
    pattern = np.array([3.0, 9.0, 1.0, 7.0])
    times = pd.date_range("2010-01-01", periods=40, freq="QS")
    forecast = small(epochs=20).fit(pd.Series(np.tile(pattern, 10), times)).predict(6)
    np.testing.assert_allclose(forecast["forecast"], np.tile(pattern, 2)[:6], atol=0.05)
    assert forecast.index.equals(pd.date_range("2020-01-01", periods=6, freq="QS"))


def test_forecast_follows_the_unit_of_the_series() -> None:
    series = seasonal_series(40)
    small_unit, large_unit = (small().fit(factor * series).predict() for factor in (1, 1024))
    np.testing.assert_allclose(large_unit, 1024 * small_unit, rtol=1e-5)


def test_series_shorter_than_the_look_back_repeats_its_first_value() -> None:
    forecaster = drawn(small(), many((40, 25, 4))[PLAIN])
    scales = forecaster.measures_.series
    own = forecaster.history_.values[-4:]
    padded = np.concatenate([[own[0]] * (LOOK_BACK - 4), own])
    window = ((padded - scales.location[2]) / scales.scale[2]).astype("float32")
    outputs = forecaster.model_.predict_on_batch({"window": window[None]})[0]
    got = forecaster.predict().query("unique_id == 's2'")["forecast"]
    expected = outputs * scales.scale[2] + scales.location[2]
    np.testing.assert_allclose(got, expected, rtol=1e-5)


@pytest.mark.parametrize("form", ["long", "wide"])
def test_many_series_come_back_by_name_and_time(form: str) -> None:
    data = many((30, 30, 30))[PLAIN]
    wide = data.pivot_table(index="ds", columns="unique_id", values="y")
    forecast = drawn(small(), data if form == "long" else wide).predict(2)
    assert list(forecast.columns) == ["unique_id", "ds", "forecast"]
    assert forecast["unique_id"].tolist() == ["s0"] * 2 + ["s1"] * 2 + ["s2"] * 2
    after = pd.date_range(wide.index[-1], periods=3, freq="MS")[1:]
    assert forecast["ds"].tolist() == after.tolist() * 3


def test_whole_numbers_as_times_go_on_by_their_step() -> None:
    series = pd.Series(np.sin(np.arange(40.0)), np.arange(100, 500, 10))
    forecast = drawn(small(), series).predict(4)
    assert forecast.index.tolist() == [500, 510, 520, 530]


UPDATES: dict[str, dict[str, Any]] = {
    "series": {"cycle": 5},
    "long": {"embed_series": True, "calendar": ("month",)},
    "wide": {},
}


def two_parts(form: str) -> tuple[Any, Any, Any, dict[str, Any]]:
    """Return all rows, the early ones, the late ones of them, and how they are read."""
    if form == "long":
        whole = many()
        late = whole.groupby("unique_id", sort=False).cumcount(ascending=False) < 3
        return whole, whole[~late], whole[late], ROLES
    whole = seasonal_series(40)
    if form == "wide":
        whole = pd.DataFrame({"a": whole, "b": 2 * whole + np.sin(np.arange(40))})
    return whole, whole[:-3], whole[-3:], {}


@pytest.mark.parametrize("form", UPDATES)
def test_update_is_as_if_the_rows_had_been_there(form: str) -> None:
    whole, early, late, reading = two_parts(form)
    forecaster = drawn(small(**UPDATES[form]), early, **reading)
    before = forecaster.predict()
    other = drawn(small(**UPDATES[form]), early, **reading)
    other.history_ = read(whole, **reading)
    assert forecaster.update(late) is forecaster
    assert forecaster.history_.to_frame().equals(other.history_.to_frame())
    forecast = forecaster.predict(2 * HORIZON)
    assert forecast.equals(other.predict(2 * HORIZON))
    assert not np.allclose(forecaster.predict()["forecast"], before["forecast"])


def test_update_of_one_row_at_a_time() -> None:
    whole, early, late, _ = two_parts("series")
    forecaster = drawn(small(), early)
    for row in range(3):
        forecaster.update(late[row : row + 1])
    assert forecaster.history_.series(0).equals(whole)


def test_new_series_is_scaled_by_its_own_rows() -> None:
    data = many((40, 25, 20))[PLAIN]
    first = data["unique_id"] != "s2"
    forecaster = drawn(small(), data[first])
    before = forecaster.predict()
    forecast = forecaster.update(data[~first]).predict()
    assert forecast[: len(before)].equals(before)
    scales, own = forecaster.measures_.series, data.loc[~first, "y"].to_numpy()
    naive = np.sqrt(np.mean((own[12:] - own[:-12]) ** 2))
    assert (scales.location[2], scales.scale[2]) == pytest.approx((own.mean(), naive))
    window = ((own[-LOOK_BACK:] - own.mean()) / naive).astype("float32")
    outputs = forecaster.model_.predict_on_batch({"window": window[None]})[0]
    np.testing.assert_allclose(forecast["forecast"][-3:], outputs * naive + own.mean(), rtol=1e-5)


@pytest.mark.parametrize("options", [{"embed_series": True}, {"cycle": 4}])
def test_new_series_is_refused_where_each_was_learned(options: dict[str, Any]) -> None:
    data = many((40, 25, 20))[PLAIN]
    first = data["unique_id"] != "s2"
    forecaster = drawn(small(**options), data[first])
    with pytest.raises(
        DataError, match=r"^series 's2' was not in the data of the fit, [^\n]*again"
    ):
        forecaster.update(data[~first])
    assert forecaster.history_.num_series == 2


def test_how_to_read_what_is_not_there_is_told() -> None:
    forecaster = drawn(small(), seasonal_series(40))
    with pytest.raises(DataError, match=r"^fill: no covariates known ahead were named"):
        forecaster.predict(fill="linear")
    with pytest.raises(DataError, match=r"^future, fill: no covariates known ahead were named"):
        forecaster.predict(future="none.csv", fill="linear")


@pytest.mark.parametrize(
    ("start", "told"),
    [
        ("2003-06-01", "1 row is missing .* between 2003-04-01 and 2003-06-01; give .*fill"),
        ("2003-04-01", "which is known at 2003-04-01, got 1.0; .* after 2003-04-01, or fit again"),
    ],
)
def test_gaps_and_overlaps_are_refused(start: str, told: str) -> None:
    series = seasonal_series(40)  # until 2003-04
    forecaster = drawn(small(), series)
    more = pd.Series([1.0, 2.0], pd.date_range(start, periods=2, freq="MS"), name="y")
    with pytest.raises(DataError, match=told):
        forecaster.update(more)
    assert forecaster.history_.series(0).equals(series)


@pytest.mark.parametrize("call", ["predict", "update", "save"])
def test_nothing_goes_before_fit(call: str, tmp_path: Any) -> None:
    arguments = {"predict": (), "update": (seasonal_series(5),), "save": (tmp_path,)}[call]
    with pytest.raises(DataError, match=r"^call fit first"):
        getattr(small(), call)(*arguments)


@pytest.mark.parametrize("steps", [0, -1])
def test_horizon_below_one_is_refused(steps: int) -> None:
    with pytest.raises(DataError, match=rf"^horizon must be at least 1\. Got {steps}\.$"):
        fitted("series").predict(steps)


@pytest.mark.parametrize("kind", ["naive", "deviation"])
def test_constant_series_among_others_stays_as_it_is(kind: str) -> None:
    values = {"a": seasonal_series(40).to_numpy(), "b": np.full(40, 7.0), "c": np.zeros(40)}
    forecaster = small(series_scale=kind, normalization="last", levels=None)
    forecaster = drawn(forecaster, pd.DataFrame(values), wide=True)
    forecast = forecaster.predict().set_index("unique_id")
    assert forecast.loc["b", "forecast"].tolist() == [7, 7, 7]
    assert forecast.loc["c", "forecast"].tolist() == [0, 0, 0]
    assert np.ptp(forecast.loc["a", "forecast"]) > 0.01
    bounds = forecast.filter(like="-80").notna().groupby(level=0).all()
    assert bounds.all(axis=1).to_dict() == {"a": True, "b": False, "c": False}


def test_series_that_repeats_itself_exactly_is_scaled_by_its_deviation() -> None:
    values = np.tile([1.0, 5.0, 2.0, 8.0], 10)
    scales = measure_series(values, np.array([0, 40]), 4, "naive", log=False)
    assert scales.scale == pytest.approx([values.std()])


def test_fit_that_is_refused_leaves_nothing_to_predict_from() -> None:
    forecaster = small(validation=35)
    with pytest.raises(DataError, match="leaves no window"):
        forecaster.fit(seasonal_series(40))
    with pytest.raises(DataError, match="call fit first"):
        forecaster.predict()


def test_forecast_that_is_not_finite_is_told() -> None:
    forecaster = drawn(small(), seasonal_series(40))
    forecaster.model_.set_weights([weight * np.nan for weight in forecaster.model_.get_weights()])
    with pytest.raises(
        DataError, match=r"^the network's forecast is not finite; use a lower learning_rate"
    ):
        forecaster.predict()


def test_parameters_are_read_and_set_as_in_scikit_learn() -> None:
    forecaster = Forecaster(horizon=3)
    assert forecaster.get_params(deep=False) == forecaster.get_params()
    assert forecaster.set_params(horizon=np.int64(5), model="lstm") is forecaster
    assert (forecaster.horizon, forecaster.model) == (5, "lstm")
    with pytest.raises(DataError, match="horizon must be"):
        forecaster.set_params(units=7, horizon=-1)
    assert (forecaster.units, forecaster.horizon) == (32, 5)


def test_clone_has_the_arguments_and_no_fit() -> None:
    arguments: dict[str, Any] = {"horizon": 3, "look_back": 7, "model": "lstm", "cell": "rnn"}
    arguments |= {"strategy": "recursive", "units": 5, "num_layers": 2, "bidirectional": True}
    arguments |= {"dropout": 0.3, "segment": 4, "normalization": ["log", "last"], "season": 4}
    arguments |= {"series_scale": "deviation", "cycle": 9, "embed_series": True, "loss": "mae"}
    arguments |= {"calendar": ["hour"], "levels": [50.0], "intervals": "dropout"}
    arguments |= {"num_members": 2, "epochs": 1, "stride": 2, "batch_size": 7, "learning_rate": 0.1}
    arguments |= {"patience": 2, "validation": 8, "max_time": 3.0, "checkpoint": "x", "seed": 9}
    forecaster = Forecaster(**arguments, quiet=False)
    assert forecaster.get_params() == arguments | {"quiet": False}
    for name, value in arguments.items():
        assert getattr(forecaster, name) is value
    assert forecaster.clone().get_params() == forecaster.get_params()
    assert forecaster.clone(seed=1, cycle=None).get_params() == forecaster.get_params() | {
        "seed": 1,
        "cycle": None,
    }
    with pytest.raises(DataError, match="call fit first"):
        fitted("series").clone().predict()


def test_arguments_reach_the_network() -> None:
    forecaster = small(model="lstm", units=7, num_layers=2, season=4, cycle=4)
    drawn(forecaster, seasonal_series(40))
    layer = forecaster.model_.get_layer("lstm")
    assert (layer.units, layer.num_layers, layer.dropout) == (7, 2, 0.2)
    assert forecaster.model_.get_layer("cycle").period == 4
    assert forecaster.model_.output_shape == (None, HORIZON)
    assert forecaster.season_ == forecaster.measures_.scaling.season == 4
    assert forecaster.fitted_settings()["season"] == 4


@pytest.mark.parametrize(
    "options", [{"cycle": 4}, {"embed_series": True}, {"model": "segment", "embed_series": True}]
)
def test_what_is_learned_for_each_series_can_be_learned_for_one(options: dict[str, Any]) -> None:
    forecaster = small(segment=3, **options).fit(seasonal_series(30))
    assert np.isfinite(forecaster.predict()).all(axis=None)


@cache
def default_fit() -> Forecaster:
    return Forecaster(epochs=1, units=4).fit(air_passengers()[:-12])


def test_defaults_of_a_built_in_run() -> None:
    forecaster = default_fit()
    settings = {"look_back": 24, "season": 12, "levels": (80,), "epochs": 1}
    settings |= {"normalization": "seasonal", "log": True}
    assert forecaster.fitted_settings() == settings
    forecast = forecaster.predict()
    assert list(forecast.columns) == ["forecast", "forecast-lo-80", "forecast-hi-80"]
    assert forecast.index.equals(air_passengers().index[-12:])


def test_default_recipe_beats_seasonal_naive_by_a_wide_margin() -> None:
    run = Forecaster(levels=()).backtest(air_passengers())
    scores = run.scores["rmse"]
    assert scores["network"] < 25
    assert scores["seasonal_naive"] == pytest.approx(50.7, abs=0.05)
    assert run.skill == 1 - scores["network"] / scores["naive":"seasonal_naive"].min() > 0.5


@pytest.mark.parametrize("lengths", [(40, 11), (11, 40)])
def test_windows_held_out_never_reach_into_another_series(
    lengths: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One series has too few rows for a window before those of early stopping."""

    def check(model: Any, design: Any, *both: WindowBatches, **_: Any) -> dict[str, list[float]]:
        for batches in both[:2]:
            assert len(batches.starts) > 0
            assert batches.starts.min() >= 0
            ends = batches.starts + LOOK_BACK + HORIZON - 1
            series = batches.rows.series_of(batches.starts)
            assert (series == batches.rows.series_of(ends)).all()
        return {"loss": [1.0]}

    monkeypatch.setattr("kerasrnn.forecasting.forecaster.train", check)
    small(validation=8).fit(many(lengths)[PLAIN])


def test_short_series_is_refused_with_the_rows_it_needs() -> None:
    needed = LOOK_BACK + HORIZON + LEAST_WINDOWS - 1
    message = f"^{needed - 1} rows .* look-back of 6 and a horizon of 3, which need {needed};"
    with pytest.raises(DataError, match=message):
        small().fit(seasonal_series(needed - 1))
    assert len(drawn(small(), seasonal_series(needed)).predict()) == HORIZON


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_missing_value_is_refused_with_its_time(value: float) -> None:
    series = seasonal_series(40)
    series.iloc[3] = value
    with pytest.raises(DataError, match=r"^[^\n]*(2000-04-01|row 3)[^\n]*$"):
        small().fit(series)


def test_saved_network_forecasts_from_scaled_windows(tmp_path: Any) -> None:
    forecaster = default_fit()
    forecaster.model_.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    scales = forecaster.measures_.series
    window = (air_passengers().iloc[-36:-12].to_numpy() / scales.scale).astype("float32")
    forecast = loaded.predict_on_batch({"window": window[None]})[0].astype("float64") * scales.scale
    assert forecast.tolist() == forecaster.predict()["forecast"].tolist()


def test_series_that_was_constant_and_moves_is_measured_anew() -> None:
    days = pd.date_range("2024-01-01", periods=90)
    values = pd.DataFrame(np.random.default_rng(0).normal(size=(90, 3)), days, ["a", "b", "new"])
    still = values.assign(new=0.0)[:60]
    forecaster = drawn(small(levels=None, normalization="last"), still, wide=True)
    widths = forecaster.predict().set_index("unique_id").eval("`forecast-hi-80` - `forecast-lo-80`")
    assert widths["new"].isna().all()
    forecaster.update(values[60:])
    widths = forecaster.predict().set_index("unique_id").eval("`forecast-hi-80` - `forecast-lo-80`")
    assert widths["new"].min() > 0.1 * widths["a"].min()
    known = forecaster.measures_.series.scale[:2]
    assert (
        known.tolist()
        == forecaster.measures_.following(forecaster.history_).series.scale[:2].tolist()
    )


def test_update_that_the_network_cannot_take_changes_nothing() -> None:
    frame = pd.DataFrame({"unique_id": np.repeat(["a", "b"], 20), "ds": [*range(20)] * 2})
    frame = frame.assign(y=np.arange(40.0) % 7, k=np.repeat(["u", "v"], 20))
    forecaster = drawn(small(normalization="last"), frame, static="k")
    before = forecaster.predict()
    new = pd.DataFrame({"unique_id": "c", "ds": range(9), "y": np.arange(9.0), "k": "w"})
    with pytest.raises(DataError, match="'w' was not in the data of the fit"):
        forecaster.update(new)
    assert forecaster.predict().equals(before)
