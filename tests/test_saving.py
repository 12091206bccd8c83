"""A forecaster comes back from its directory with the same forecast, to the last bit."""

import json
import zipfile
from collections.abc import Callable
from datetime import UTC, timedelta, timezone, tzinfo
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dateutil.tz
import keras
import numpy as np
import pandas as pd
import pytest
import pytz

from kerasrnn.forecasting import DataError, Forecaster
from tests.forecasters import HORIZON, drawn, small
from tests.tables import seasonal_series

FILES = ["forecaster.json", "history.csv", "model.keras"]


def hours(rows: int = 40) -> pd.DatetimeIndex:
    """Return hours over the end of summer time."""
    times = pd.date_range("2024-10-26", periods=rows, freq="h", tz="Europe/Berlin")
    assert times[0].utcoffset() != times[-1].utcoffset()
    return times


def many(ahead: int = 0) -> pd.DataFrame:
    """Return daily series of unequal lengths with covariates of all kinds."""
    parts = []
    for i, rows in enumerate((30, 4, 24)):
        rng = np.random.default_rng(i)
        part = pd.DataFrame(rng.normal(9, 2, (rows + ahead, 3)), columns=["y", "sold", "price"])
        part.insert(0, "ds", pd.date_range("2024-01-30", periods=rows + ahead))
        parts.append(part.assign(unique_id=f"0{i}", kind=f'"{i}", ä', size=1 / 3 + i))
    return pd.concat(parts, ignore_index=True)


PLAIN = ["unique_id", "ds", "y"]
ROLES = {"past": ["sold"], "future": ["price"], "static": ["kind", "size"]}
# What is fitted, with which arguments, read how.
CASES: dict[str, tuple[Callable[[], Any], dict[str, Any], dict[str, Any]]] = {
    "series": (lambda: seasonal_series(40), {"levels": None, "season": 4}, {}),
    "log": (lambda: np.exp(seasonal_series(40) / 30), {"normalization": ("log", "last")}, {}),
    "time zone": (
        lambda: pd.Series(np.sin(np.arange(40)) / 3, hours()),
        {"calendar": ("hour",), "cycle": 5},
        {},
    ),
    "whole numbers": (lambda: pd.Series(np.sin(np.arange(30.0)), np.arange(7, 97, 3)), {}, {}),
    "business days": (
        lambda: pd.Series(
            np.sin(np.arange(30.0)), pd.date_range("2024-01-01", periods=30, freq="B", unit="s")
        ),
        {"model": "segment", "segment": 2},
        {},
    ),
    "no frequency": (
        lambda: pd.Series(
            np.sin(np.arange(30.0)),
            pd.to_datetime("2024-01-01") + pd.to_timedelta(np.arange(30) ** 2, "D"),
        ),
        {},
        {"fill": "drop"},
    ),
    "wide": (
        lambda: pd.DataFrame(
            np.random.default_rng(0).normal(size=(30, 2)),
            pd.date_range("2024-01-31", periods=30, freq="ME"),
            columns=["north, west", "süd"],
        ),
        {"intervals": "quantile", "levels": (80, 95), "num_members": 2},
        {},
    ),
    "covariates": (many, {"model": "encoder_decoder", "calendar": ("weekday",)}, ROLES),
    "filled": (
        lambda: seasonal_series(40).drop(seasonal_series(40).index[[7, 8, 30]]),
        {},
        {"fill": "linear"},
    ),
    "long": (lambda: many()[PLAIN], {"embed_series": True, "series_scale": "deviation"}, {}),
}


@cache
def fitted(case: str) -> Forecaster:
    data, arguments, reading = CASES[case]
    forecaster = small(**arguments)
    return (
        forecaster.fit(data(), **reading)
        if case == "series"
        else drawn(forecaster, data(), **reading)
    )


def forecast_of(forecaster: Forecaster, case: str) -> pd.DataFrame:
    """Forecast beyond the horizon, with what is known ahead where that is needed."""
    steps = HORIZON + 2
    return forecaster.predict(steps, **({"future": many(steps)} if case == "covariates" else {}))


@pytest.mark.parametrize("case", CASES)
def test_forecast_is_the_same_to_the_last_bit(tmp_path: Path, case: str) -> None:
    forecaster = fitted(case)
    forecaster.save(tmp_path / "new" / "folder")
    loaded = Forecaster.load(tmp_path / "new" / "folder")
    pd.testing.assert_frame_equal(
        forecast_of(loaded, case), forecast_of(forecaster, case), check_exact=True
    )


@pytest.mark.parametrize("case", CASES)
def test_everything_comes_back(tmp_path: Path, case: str) -> None:
    forecaster = fitted(case)
    forecaster.save(tmp_path)
    loaded = Forecaster.load(tmp_path)
    assert loaded.get_params() == forecaster.get_params()
    assert loaded.clone().get_params() == forecaster.get_params()
    assert loaded.fitted_settings() == forecaster.fitted_settings()
    for name in ("design_", "losses_", "horizon_", "season_", "look_back_", "levels_"):
        assert getattr(loaded, name) == getattr(forecaster, name)
    assert loaded.measures_.to_json() == forecaster.measures_.to_json()
    assert loaded.widths_.tolist() == forecaster.widths_.tolist()
    ours, theirs = loaded.history_, forecaster.history_
    pd.testing.assert_frame_equal(ours.to_frame(), theirs.to_frame(), check_exact=True)
    pd.testing.assert_frame_equal(ours.static, theirs.static, check_exact=True)
    assert ours.given.tolist() == theirs.given.tolist()
    for name in ("ids", "columns", "frequency", "form", "reading"):
        assert getattr(ours, name) == getattr(theirs, name)
    again = tmp_path / "again"
    loaded.save(again)
    for name in ("forecaster.json", "history.csv"):
        assert (again / name).read_bytes() == (tmp_path / name).read_bytes()


def test_loaded_forecaster_takes_in_more_rows(tmp_path: Path) -> None:
    series = seasonal_series(44)
    fitted("series").save(tmp_path)
    updated = Forecaster.load(tmp_path).update(series[40:])
    other = Forecaster.load(tmp_path).update(series[40:42]).update(series[42:])
    assert updated.predict().equals(other.predict())
    assert updated.predict().index[0] == series.index[-1] + series.index.freq
    assert not hasattr(updated.clone(), "model_")


def test_rows_are_read_as_those_of_the_fit_were(tmp_path: Path) -> None:
    days = pd.date_range("2024-01-01", periods=40)
    table = pd.DataFrame({"day": days.strftime("%d/%m/%Y"), "größe": np.sin(np.arange(40.0))})
    table["plan"] = np.arange(40.0)
    path = tmp_path / "table.csv"

    def written(rows: pd.DataFrame) -> Path:
        """Write the rows backwards, the way that the options of the fit tell."""
        rows.iloc[::-1].to_csv(path, index=False, sep=";", encoding="latin-1")
        return path

    options: dict[str, Any] = {"sort": True, "dates": "day-first", "encoding": "latin-1"}
    options |= {"target": "größe", "future": "plan", "fill": "linear", "frequency": "D"}
    drawn(small(), written(table[:32]), **options).save(tmp_path / "saved")
    loaded = Forecaster.load(tmp_path / "saved").update(written(table[32:36]))
    assert loaded.history_.values.tolist() == table["größe"][:36].tolist()
    ahead = table[36:].drop(columns="größe")
    first = loaded.predict(4, future=written(ahead))
    assert first.index[0] == days[36]
    ahead.loc[37, "plan"] = np.nan
    assert loaded.predict(4, future=written(ahead)).equals(first)
    with pytest.raises(DataError, match="'plan': missing value"):
        loaded.predict(4, future=path, fill=None)
    with pytest.raises(DataError, match="comes after a later time"):
        loaded.update(written(table[36:]), sort=False)


def test_updated_forecaster_comes_back(tmp_path: Path) -> None:
    forecaster = drawn(small(), many()[PLAIN])
    more = many(3)[PLAIN]
    new = more[more["unique_id"] == "02"].assign(unique_id="new")
    forecaster.update(more.groupby("unique_id").tail(3)).update(new)
    forecaster.save(tmp_path)
    assert Forecaster.load(tmp_path).predict().equals(forecaster.predict())


ZONES: list[tzinfo | None] = [
    ZoneInfo("Europe/Berlin"),
    pytz.timezone("Europe/Berlin"),
    timezone(timedelta(hours=-3)),
    pytz.FixedOffset(330),
    dateutil.tz.tzoffset(None, 3600),
    UTC,
    pytz.utc,
    dateutil.tz.tzutc(),
]
if int(pd.__version__.split(".")[0]) >= 3:  # pandas 2 fails at the named zones of dateutil 4
    ZONES.append(dateutil.tz.gettz("Europe/Berlin"))


@pytest.mark.parametrize("zone", ZONES, ids=repr)
def test_time_zones_of_all_packages_come_back(tmp_path: Path, zone: tzinfo) -> None:
    series = pd.Series(np.sin(np.arange(48.0)), hours(48).tz_convert(zone), name="y")
    plan = series.rename("plan").to_frame().assign(y=series)
    forecaster = drawn(small(), plan[:40], target="y", future="plan")
    forecaster.save(tmp_path)
    loaded = Forecaster.load(tmp_path)
    assert loaded.history_.times.tolist() == plan.index[:40].tolist()
    for one in (forecaster, loaded):
        one.update(plan[38:44])
        assert one.history_.times.tolist() == plan.index[:44].tolist()
    first, second = (one.predict(4, future=plan[["plan"]]) for one in (forecaster, loaded))
    assert first.index.tolist() == second.index.tolist() == plan.index[44:].tolist()
    assert [time.isoformat() for time in second.index] == [
        time.isoformat() for time in plan.index[44:]
    ]
    assert np.array_equal(first, second)


def test_time_zone_without_a_name_is_told(tmp_path: Path) -> None:
    zone = dateutil.tz.tzstr("EST5EDT")
    forecaster = drawn(small(), pd.Series(np.sin(np.arange(40.0)), hours().tz_convert(zone)))
    with pytest.raises(DataError, match=r"the time zone tzstr.* cannot be saved, .*tz_convert"):
        forecaster.save(tmp_path)


def test_numbers_of_numpy_come_back(tmp_path: Path) -> None:
    arguments = {"horizon": np.int64(3), "look_back": np.int32(6), "learning_rate": np.float32(0.5)}
    arguments |= {"levels": np.array([70, 80]), "season": np.array(12)}
    forecaster = drawn(small(**arguments), seasonal_series(60))
    forecaster.save(tmp_path)
    loaded = Forecaster.load(tmp_path)
    assert loaded.get_params() == forecaster.get_params()
    assert (loaded.horizon, loaded.levels, loaded.season) == (3, (70, 80), 12)
    assert loaded.levels_ == (70, 80)
    assert loaded.predict().equals(forecaster.predict())


def test_no_levels_are_none_after_loading_too(tmp_path: Path) -> None:
    fitted("log").save(tmp_path)
    assert drawn(Forecaster.load(tmp_path).clone(), seasonal_series(40)).levels_ == ()


def test_directory_holds_three_files_and_nothing_pickled(tmp_path: Path) -> None:
    fitted("covariates").save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        names = sorted(archive.namelist())
    assert names == ["config.json", "metadata.json", "model.weights.h5"]
    content = json.loads((tmp_path / "forecaster.json").read_text("utf-8"))
    assert content["format"] == 3
    assert content["backend"] == keras.backend.backend()
    history = pd.read_csv(tmp_path / "history.csv")
    columns = (f"{name}{end}" for name in ("value", "past_0", "future_0") for end in ("", "_given"))
    assert list(history.columns) == ["series", "time", *columns]
    assert len(history) == 58


def test_saving_leaves_other_files_alone_and_replaces_its_own(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    fitted("long").save(tmp_path)
    fitted("series").save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*FILES, "notes.txt"])
    assert Forecaster.load(tmp_path).predict().equals(fitted("series").predict())


def test_failed_save_leaves_the_old_files_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted("long").save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def fail(self: keras.Model, path: Path) -> None:
        path.write_text("half a fi")
        raise OSError("disk full")

    monkeypatch.setattr(keras.Model, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        fitted("series").save(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"^output [^\n]*file: [^\n]* is a file; name a directory$"):
        fitted("series").save(tmp_path / "file")


@pytest.mark.parametrize("name", FILES)
def test_missing_file_is_told(tmp_path: Path, name: str) -> None:
    fitted("series").save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(DataError, match=rf"is no saved forecaster: it has no {name}$"):
        Forecaster.load(tmp_path)


@pytest.mark.parametrize(
    ("number", "remedy"), [(99, "install that, or a newer one"), (2, "fit and save again")]
)
def test_another_format_is_told(tmp_path: Path, number: int, remedy: str) -> None:
    fitted("series").save(tmp_path)
    content = json.loads((tmp_path / "forecaster.json").read_text())
    content |= {"format": number, "versions": {"kerasrnn": "9.9"}}
    (tmp_path / "forecaster.json").write_text(json.dumps(content))
    message = f"has format {number}, .* reads format 3; it was written by kerasrnn 9.9: {remedy}$"
    with pytest.raises(DataError, match=message):
        Forecaster.load(tmp_path)


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def without(key: str) -> Callable[[bytes], bytes]:
    def take(content: bytes) -> bytes:
        settings = json.loads(content)
        del settings[key]
        return json.dumps(settings).encode()

    return take


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("forecaster.json", cut),
        ("forecaster.json", lambda _: b"[]"),
        ("forecaster.json", lambda _: b"\xff\xfe"),
        ("forecaster.json", without("fitted")),
        ("forecaster.json", without("arguments")),
        ("history.csv", cut),
        ("history.csv", lambda _: b""),
        ("history.csv", lambda content: content.replace(b"value", b"other")),
        ("history.csv", lambda content: content.replace(b"2000-01-01", b"someday")),
        ("model.keras", cut),
        ("model.keras", lambda _: b"no network"),
    ],
)
def test_damaged_file_is_told_in_one_line(
    tmp_path: Path, name: str, damage: Callable[[bytes], bytes]
) -> None:
    fitted("series").save(tmp_path)
    path = tmp_path / name
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=r"^[^\n]*(is damaged|rows instead of)[^\n]*; save again$"):
        Forecaster.load(tmp_path)


@pytest.mark.parametrize(
    "frequency",
    [pd.offsets.CustomBusinessDay(holidays=["2024-04-10"]), pd.DateOffset(months=1)],
    ids=["holidays", "offset"],
)
def test_frequency_whose_name_does_not_tell_it_is_refused(
    tmp_path: Path, frequency: pd.offsets.BaseOffset
) -> None:
    days = pd.date_range("2024-01-01", periods=40, freq=frequency)
    series = pd.Series(np.arange(40.0) % 7, days)
    forecaster = drawn(small(), series, frequency=frequency)
    with pytest.raises(DataError, match=r"^the frequency .* cannot be saved, .*; name one such as"):
        forecaster.save(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
