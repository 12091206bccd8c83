import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from kerasrnn.forecasting import Backtest, Forecaster, air_passengers
from kerasrnn.forecasting.report import inline_svg, shown, verdict, write_report
from kerasrnn.forecasting.wording import number
from tests.forecasters import small
from tests.tables import seasonal_series

HOSTILE = "<script>alert(1)</script>"
VOID = {"meta", "br", "link", "img", "hr", "input"}
FORBIDDEN = {"script", "link", "iframe", "img", "object", "embed", "base", "form", "image"}
VERSIONS = {"backend": "torch", "versions": {"kerasrnn": "1.2.3", "keras": "4.5.6"}}


class Page(HTMLParser):
    """A page's elements, attributes and texts; raises where tags are not balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style" and data.strip():
            self.words.append(data.strip())

    def all(self, name: str) -> list[str]:
        return [value for attribute, value in self.attributes if attribute == name]


def report(path: Path, result: Backtest, forecast: pd.DataFrame, **changes: Any) -> Page:
    arguments = {
        "source": "passengers.csv",
        "settings": {"horizon": 12, "levels": (80, 95), "checkpoint": None, "log": True},
        "versions": VERSIONS,
    }
    write_report(path / "report.html", result, forecast, **{**arguments, **changes})
    return Page((path / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def case() -> tuple[Backtest, pd.DataFrame]:
    forecaster = Forecaster(horizon=12, epochs=3, levels=(80, 95))
    result = forecaster.backtest(air_passengers(), folds=3)
    return result, forecaster.fit(air_passengers()).predict()


@pytest.fixture(scope="module")
def page(case: tuple[Backtest, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Page:
    return report(tmp_path_factory.mktemp("report"), *case)


@pytest.fixture(scope="module")
def many() -> tuple[Backtest, pd.DataFrame]:
    rng = np.random.default_rng(0)
    names = [HOSTILE, 'a" onload="alert(2)', "$x$ & <i>", *(f"shop {n}" for n in range(60))]
    frames = []
    for n, name in enumerate(names):
        wave = np.sin(np.arange(60) * 2 * np.pi / 7) + n + 0.2 * rng.normal(size=60)
        days = pd.date_range("2024-01-01", periods=60, freq="D")
        frames.append(pd.DataFrame({"unique_id": name, "ds": days, "y": wave}))
    table = pd.concat(frames)
    forecaster = Forecaster(horizon=9, epochs=1)
    return forecaster.backtest(table), forecaster.fit(table).predict()


@pytest.fixture(scope="module")
def crowd(many: tuple[Backtest, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> Page:
    folder = tmp_path_factory.mktemp("report")
    return report(folder, *many, source=f"/data/{HOSTILE}.csv", settings={HOSTILE: HOSTILE})


@pytest.fixture(params=["page", "crowd"])
def either(request: pytest.FixtureRequest) -> Page:
    return request.getfixturevalue(request.param)


def test_the_page_needs_nothing_else(either: Page) -> None:
    assert not FORBIDDEN & set(either.tags)
    assert not [name for name, _ in either.attributes if name.startswith("on")]
    for name in ("src", "href", "xlink:href", "srcset", "data"):
        assert all(value.startswith("#") for value in either.all(name))
    assert set(re.findall(r"url\((.)", either.text)) == {"#"}
    assert "@import" not in either.text
    assert not re.search(r"https?://", either.text)


def test_ids_are_unique_and_all_links_lead_somewhere(either: Page) -> None:
    ids = either.all("id")
    assert len(ids) == len(set(ids))
    used = re.findall(r"url\(#([^)]+)\)", either.text)
    used += [value[1:] for value in either.all("href")] + either.all("aria-labelledby")
    assert set(used) <= set(ids)


def test_pictures_are_inline_and_described(either: Page) -> None:
    assert either.tags.count("svg") == 10  # five, each for wide pages and for narrow ones
    assert len([label for label in either.all("aria-label") if "hart" in label]) == 10


def test_the_page_has_one_title_and_its_sections_in_order(page: Page) -> None:
    assert page.text.startswith('<!DOCTYPE html>\n<html lang="en">')
    assert page.tags.count("h1") == 1
    order = "verdict scores intervals forecast folds horizon residuals training table "
    order += "data configuration versions reading"
    assert [i for i in page.all("id") if i in order.split()] == order.split()


def test_every_score_stands_there(case: tuple[Backtest, pd.DataFrame], page: Page) -> None:
    for name, row in case[0].scores.iterrows():
        assert str(name).replace("_", " ") in page.words
        for metric, value in row.items():
            assert shown(str(metric), value) in page.words


def test_the_best_of_each_column_is_marked(case: tuple[Backtest, pd.DataFrame], page: Page) -> None:
    assert page.words.count("(best)") == case[0].scores.shape[1]
    rows = re.findall(r"<tr[^>]*><th scope=\"row\">(\w+)</th>(.*?)</tr>", page.text, flags=re.S)
    marked = {name: cells.count('class="best"') for name, cells in rows}
    best = case[0].scores.idxmin().value_counts()
    assert {name: n for name, n in marked.items() if n} == best.to_dict()


def test_coverage_stands_beside_its_level(case: tuple[Backtest, pd.DataFrame], page: Page) -> None:
    for level in (80, 95):
        assert f"{level} %" in page.words
        assert f"{100 * case[0].intervals[f'coverage-{level}']:.1f} %" in page.words


def test_coverage_is_judged_as_in_the_warnings(
    case: tuple[Backtest, pd.DataFrame], tmp_path: Path
) -> None:
    result, forecast = case
    missed = result.forecasts.assign(**{"network-lo-95": 0.0, "network-hi-95": 1.0})
    missed[["network-lo-80", "network-hi-80"]] = 0.0, 1e9
    told = report(tmp_path, dataclasses.replace(result, forecasts=missed), forecast)
    # Three origins: 100 % instead of 80 % may be chance, none at all instead of 95 % is not.
    assert [word for word in told.words if word in ("may be chance", "too narrow")] == [
        "may be chance",
        "too narrow",
    ]
    assert any("Intervals of 95 % held 0.0 %" in word for word in told.words)


def test_every_row_of_the_forecast_is_listed(
    case: tuple[Backtest, pd.DataFrame], page: Page
) -> None:
    table = page.text[page.text.index('<h2 id="table">') :]
    rows = re.findall(r"<tr><td.*?</tr>", table)
    assert len(rows) == 12
    for (time, row), text in zip(case[1].iterrows(), rows, strict=True):
        cells = re.findall(r">([^<]+)</td>", text)
        assert cells[0] == str(time)[:10]
        ends = ["forecast-lo-95", "forecast-hi-95", "forecast-lo-80", "forecast-hi-80"]
        assert sorted(cells[1:]) == sorted(number(row[name]) for name in ["forecast", *ends])


def test_the_page_counts_the_series_as_the_console_does(tmp_path: Path) -> None:
    series = [seasonal_series(40, seed).rename("y").rename_axis("ds") for seed in range(3)]
    series[2] = series[2] * 0 + 5  # no forecast can beat naive here
    parts = [part.reset_index().assign(unique_id=f"s{i}") for i, part in enumerate(series)]
    frame = pd.concat(parts)
    result = small().backtest(frame)
    page = report(tmp_path, result, small().fit(frame).predict())
    beaten, judged = result.beaten
    assert judged == 2
    assert f"beats the better naive forecast on {beaten} of {judged} series" in page.text


def test_settings_and_versions_are_listed(page: Page) -> None:
    for word in ("horizon", "80, 95", "not set", "yes", "torch", "kerasrnn", "1.2.3", "4.5.6"):
        assert word in page.words


def test_the_data_are_told(tmp_path: Path) -> None:
    rows = pd.DataFrame({"y": seasonal_series(60), "price": 1.0, "holiday <b>": 0.0})
    rows[["price", "holiday <b>"]] += np.random.default_rng(0).normal(size=(60, 2))
    reading = {"target": "y", "past": ["price"], "future": ["holiday <b>"]}
    forecaster = small(calendar=("month",)).fit(rows[:-3], **reading)
    result = forecaster.backtest(rows[:-3], **reading)
    told = report(tmp_path, result, forecaster.predict(future=rows[-3:]), settings={})
    pairs = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", told.text))
    assert {name: pairs[name] for name in list(pairs)[:14]} == {
        "target": "y",
        "column of times": "month",
        "column of series": "not set",
        "series": "1",
        "series too short to be scored": "0",
        "rows": "57",
        "frequency": "MS",
        "steps in a season": "12",
        "covariates known up to now": "price",
        "covariates known ahead": "holiday &lt;b&gt;",
        "covariates of a whole series": "none",
        "features of times": "month",
        "how gaps were filled": "not set",
        "values filled in": "0",
    }


def test_what_a_user_named_is_escaped(crowd: Page) -> None:
    assert "alert(1)</script>" not in crowd.text
    assert HOSTILE in crowd.words
    assert f"From /data/{HOSTILE}.csv, for 2024-03-01 to 2024-03-09" in crowd.words
    assert 'a" onload="alert(2)' in crowd.words
    assert "$x$ & <i>" in crowd.words


def test_names_in_pictures_stay_as_they_are() -> None:
    name = "0.123456 url(#x) : #33415c"
    figure = Figure()
    figure.text(0, 0, name)
    picture = Page(inline_svg(figure, "a name", "x"))
    assert picture.words == [name]


def test_of_many_series_the_worst_fifty_are_listed(
    many: tuple[Backtest, pd.DataFrame], crowd: Page
) -> None:
    section = crowd.text[crowd.text.index('<h2 id="series">') : crowd.text.index('<h2 id="table">')]
    assert section.count('<th scope="row"') == 50
    assert "the 50 worst of 63 are shown" in section
    network, *naive = (
        many[0].by_series["mase"].xs(model, level="model")
        for model in ("network", "naive", "seasonal_naive")
    )
    skill = 1 - network / np.minimum(*naive)
    assert f"on {(skill >= 0.01).sum()} of 63 series" in section
    cells = re.findall(r"<td>([+-]\d+\.\d\d)</td>", section)
    assert cells == [f"{value:+.2f}" for value in skill.sort_values().iloc[:50]]


def test_a_long_forecast_is_cut_with_a_note(crowd: Page) -> None:
    table = crowd.text[crowd.text.index('<h2 id="table">') :]
    assert len(re.findall(r"<tr><td", table)) == 500
    assert "The first 500 of 567 rows." in table


def test_remarks_that_the_verdict_does_not_make_are_warnings(
    case: tuple[Backtest, pd.DataFrame], tmp_path: Path, page: Page
) -> None:
    result, forecast = case
    bad = with_network(result, result.forecasts["naive"])
    told = report(tmp_path, bad, forecast)
    assert told.text.count("<strong>Warning:</strong>") == len(bad.remarks) - 1 >= 1
    assert "does not beat" in bad.remarks[0]
    assert told.text.count("does not beat") == 1
    assert "Warning:" not in page.words


def with_network(result: Backtest, forecast: Any) -> Backtest:
    """Return a backtest in which the network forecast something else."""
    return dataclasses.replace(result, forecasts=result.forecasts.assign(network=forecast))


def test_verdict_says_by_how_much(case: tuple[Backtest, pd.DataFrame]) -> None:
    result, _ = case
    table = result.forecasts
    half = with_network(result, (table["y"] + table["seasonal_naive"]) / 2)
    assert verdict(half).startswith("The network beats the naive forecasts: its RMSE is 50 % below")
    double = with_network(result, 2 * table["seasonal_naive"] - table["y"])
    assert "does not beat the naive forecasts: its RMSE is 100 % above" in verdict(double)
    told = "of seasonal naive). Seasonal naive needs no training; use that one."
    assert verdict(double).endswith(told)


@pytest.mark.parametrize("share", [-0.009, 0, 0.009])
def test_verdict_within_a_hundredth_is_about_even(
    case: tuple[Backtest, pd.DataFrame], share: float
) -> None:
    result, _ = case
    table = result.forecasts
    near = table["seasonal_naive"] + share * (table["y"] - table["seasonal_naive"])
    start = "The network is about even with the naive forecasts: its RMSE is within 1 % of that of"
    assert verdict(with_network(result, near)).startswith(start)


def test_verdict_names_a_better_forecast_than_the_network(
    case: tuple[Backtest, pd.DataFrame],
) -> None:
    result, _ = case
    forecasts = result.forecasts.assign(drift=result.forecasts["y"])
    perfect = dataclasses.replace(result, forecasts=forecasts)
    assert verdict(perfect).endswith("of all is that of drift, 0; use that one.")


def test_verdict_where_naive_makes_no_error(case: tuple[Backtest, pd.DataFrame]) -> None:
    result, _ = case
    forecasts = result.forecasts.assign(naive=result.forecasts["y"])
    exact = dataclasses.replace(result, forecasts=forecasts)
    assert verdict(exact).startswith("The network cannot be compared")


def test_a_report_without_intervals_says_so(tmp_path: Path) -> None:
    walk = pd.Series(np.random.default_rng(0).normal(size=60).cumsum(), name="walk")
    forecaster = Forecaster(horizon=1, epochs=1, levels=())
    result = forecaster.backtest(walk)
    told = report(tmp_path, result, forecaster.fit(walk).predict())
    assert "The held-out forecasts have no intervals: none were asked for." in told.words
    assert "nan" not in told.words
    assert "seasonal naive" not in told.words


def test_two_reports_of_the_same_are_the_same(
    case: tuple[Backtest, pd.DataFrame], page: Page, tmp_path: Path
) -> None:
    assert report(tmp_path, *case).text == page.text


def test_a_picture_cannot_break_out_of_its_label() -> None:
    assert 'aria-label="&#34;&gt;"' in inline_svg(Figure(), '">', "x")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1234567.0, "1,234,567"),
        (1e-9, "1e-09"),
        (3e20, "3e+20"),
        (float("nan"), "-"),
        (float("inf"), "infinite"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text
