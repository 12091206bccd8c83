import dataclasses
import itertools
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kerasrnn.forecasting import Backtest, DataError, Forecaster, air_passengers
from kerasrnn.forecasting.plotting import (
    SHOWN_SERIES,
    figure_of,
    literal,
    plot_error_by_horizon,
    plot_folds,
    plot_forecast,
    plot_residuals,
    plot_training,
    save,
    time_axis,
)
from tests.forecasters import small

Case = tuple[Backtest, pd.DataFrame]
NAMES = ["<b>", "cost $a$ & $b", "日本語", *(f"shop {n}" for n in range(3, 8))]


def scored(forecaster: Forecaster, data: pd.DataFrame | pd.Series, folds: int) -> Case:
    result = forecaster.backtest(data, folds=folds)
    return result, forecaster.fit(data).predict()


@pytest.fixture(scope="module")
def single() -> Case:
    forecaster = Forecaster(horizon=6, epochs=2, levels=(80, 95))
    return scored(forecaster, air_passengers(), 3)


@pytest.fixture(scope="module")
def panel() -> Case:
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=90, freq="D", tz="Europe/Berlin")
    wave = np.sin(np.arange(90) * 2 * np.pi / 7)
    series = [
        pd.DataFrame({"unique_id": name, "ds": days, "y": wave + n + 0.1 * rng.normal(size=90)})
        for n, name in enumerate(NAMES)
    ]
    return scored(Forecaster(horizon=7, epochs=1), pd.concat(series), 2)


@pytest.fixture(scope="module")
def numbered() -> Case:
    walk = pd.Series(np.random.default_rng(0).normal(size=60).cumsum(), name="walk")
    return scored(Forecaster(horizon=1, epochs=1, levels=()), walk, 2)


@pytest.fixture(params=["single", "panel", "numbered"])
def case(request: pytest.FixtureRequest) -> Case:
    return request.getfixturevalue(request.param)


def titles(figure: Figure) -> list[str]:
    return [axes.get_title("left") for axes in figure.axes]


def line(figure: Figure, color: str, panel: int = 0) -> np.ndarray:
    (found,) = [one.get_ydata() for one in figure.axes[panel].lines if one.get_color() == color]
    return np.asarray(found, float)


@pytest.mark.parametrize("width", [10.0, 4.6])
def test_every_picture_is_written_without_a_warning(
    case: Case, width: float, tmp_path: Path
) -> None:
    result, forecast = case
    figures = [
        plot_forecast(result, forecast, width=width),
        plot_folds(result, width=width),
        plot_error_by_horizon(result, width=width),
        plot_residuals(result, width=width),
        plot_training(result.forecaster.losses_, width=width),
    ]
    for number, figure in enumerate(figures):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            save(figure, tmp_path / f"{number}.svg")
        assert "<svg" in (tmp_path / f"{number}.svg").read_text(encoding="utf-8")
        inside(figure)


def inside(figure: Figure) -> None:
    """Assert that no title or label is cut off at an edge of the figure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        figure.draw_without_rendering()
    page = figure.bbox
    for axes in figure.axes:
        for text in (axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label):
            box = text.get_window_extent()
            assert box.x0 >= page.x0, text
            assert box.x1 <= page.x1, text
            assert box.y0 >= page.y0, text
            assert box.y1 <= page.y1, text


def test_png_is_written(single: Case, tmp_path: Path) -> None:
    save(plot_forecast(*single), tmp_path / "forecast.png")
    assert (tmp_path / "forecast.png").read_bytes().startswith(b"\x89PNG")


def test_a_forecast_is_drawn_from_the_last_value_on(single: Case) -> None:
    result, forecast = single
    drawn = line(plot_forecast(result, forecast), "#1b7f5c")
    np.testing.assert_array_equal(drawn[0], result.panel.series(0).iloc[-1])
    np.testing.assert_array_equal(drawn[1:], forecast["forecast"])


def test_the_last_fold_is_drawn_beside_the_forecast(single: Case) -> None:
    result, forecast = single
    drawn = line(plot_forecast(result, forecast), "#e07a1f")
    np.testing.assert_array_equal(drawn[1:], result.forecasts["network"].iloc[-6:])


def test_every_fold_is_drawn(single: Case) -> None:
    result, _ = single
    (axes,) = plot_folds(result).axes
    folds = [one.get_ydata()[1:] for one in axes.lines if one.get_color() == "#e07a1f"]
    np.testing.assert_array_equal(np.concatenate(folds), result.forecasts["network"])


def test_filled_values_are_dotted() -> None:
    series = air_passengers().astype(float)
    # Two in a row, and one value left between two gaps, of which the last fold shows the latter.
    series.iloc[[100, 101, 120, 122]] = np.nan
    result = Forecaster(horizon=3, epochs=1, levels=()).backtest(series, fill="linear")
    figure = plot_folds(result)
    drawn, dotted, alone, *_ = figure.axes[0].lines
    np.testing.assert_array_equal(drawn.get_ydata(), series.iloc[-len(drawn.get_ydata()) :])
    assert np.isfinite(dotted.get_ydata()).all()
    assert dotted.get_linestyle() == ":"
    np.testing.assert_array_equal(alone.get_ydata(), series.iloc[[121]])
    assert "filled in" in legend_texts(figure)


def test_without_gaps_no_key_speaks_of_filling(single: Case) -> None:
    assert "filled in" not in legend_texts(plot_folds(single[0]))


def legend_texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_intervals_are_shaded_to_their_ends(single: Case) -> None:
    result, forecast = single
    (axes,) = plot_forecast(result, forecast).axes
    widest = [shade.get_paths()[0].vertices[:, 1].max() for shade in axes.collections]
    assert len(widest) == 4
    assert forecast["forecast-hi-95"].max() in widest
    assert forecast["forecast-hi-80"].max() in widest


def test_infinite_intervals_are_left_out(single: Case, tmp_path: Path) -> None:
    result, forecast = single
    endless = forecast.assign(**{"forecast-hi-95": np.inf, "forecast-lo-95": -np.inf})
    figure = plot_forecast(result, endless)
    save(figure, tmp_path / "forecast.svg")
    assert np.isfinite(figure.axes[0].get_ylim()).all()


def test_of_many_series_six_are_drawn_from_the_first_to_the_last(panel: Case) -> None:
    result, forecast = panel
    drawn = titles(plot_forecast(result, forecast))
    assert len(drawn) == SHOWN_SERIES
    assert [drawn[0], drawn[-1]] == ["<b>", "shop 7"]
    assert titles(plot_folds(result)) == drawn


def test_series_are_chosen_by_name(panel: Case) -> None:
    result, forecast = panel
    figure = plot_forecast(result, forecast, ["shop 5", "<b>"])
    assert titles(figure) == ["shop 5", "<b>"]
    of_shop = forecast[forecast["unique_id"] == "shop 5"]
    np.testing.assert_array_equal(line(figure, "#1b7f5c")[1:], of_shop["forecast"])
    assert titles(plot_folds(result, ["日本語"])) == ["Held-out forecasts of y"]


def test_an_unknown_series_is_refused(panel: Case) -> None:
    with pytest.raises(DataError, match="there is no series 'shop 9'; did you mean"):
        plot_folds(panel[0], ["shop 9"])


def test_error_by_horizon_shows_every_forecast(single: Case) -> None:
    result, _ = single
    (axes,) = plot_error_by_horizon(result).axes
    drawn = {one.get_label(): one.get_ydata() for one in axes.lines}
    assert set(drawn) == {"network", "naive", "seasonal naive", "drift"}
    np.testing.assert_array_equal(drawn["seasonal naive"], result.by_horizon["seasonal_naive"])


def test_without_a_season_naive_is_drawn_once(numbered: Case) -> None:
    (axes,) = plot_error_by_horizon(numbered[0]).axes
    assert {one.get_label() for one in axes.lines} == {"network", "naive", "drift"}


def test_residuals_are_actual_minus_forecast(single: Case) -> None:
    result, _ = single
    figure = plot_residuals(result)
    drawn = figure.axes[0].collections[0].get_offsets()[:, 1]
    expected = result.forecasts["y"] - result.forecasts["network"]
    np.testing.assert_allclose(drawn, expected)
    np.testing.assert_allclose(
        figure.axes[2].lines[0].get_ydata(), expected.groupby(result.forecasts["step"]).mean()
    )


def test_residuals_of_many_series_count_in_naive_errors(panel: Case) -> None:
    result, _ = panel
    drawn = plot_residuals(result).axes[0].collections[0].get_offsets()[:, 1]
    expected = result.by_series.xs("network", level="model")["mase"].mean()
    np.testing.assert_allclose(np.abs(drawn).mean(), expected)


def test_errors_by_step_are_shaded_where_there_are_many(single: Case, panel: Case) -> None:
    few, many = (plot_residuals(case[0]).axes[2] for case in (single, panel))
    assert (few.get_xlabel(), len(few.collections)) == ("steps ahead", 0)
    assert (many.get_xlabel(), len(many.collections)) == ("steps ahead; shaded: middle 80 %", 1)


def test_one_fold_has_no_picture_by_step(single: Case) -> None:
    result, _ = single
    last = result.forecasts[result.forecasts["cutoff"] == result.forecasts["cutoff"].max()]
    figure = plot_residuals(dataclasses.replace(result, forecasts=last))
    assert titles(figure) == ["Errors over time", "How often"]


def test_a_single_held_out_value_is_drawn(numbered: Case) -> None:
    times = pd.date_range("2024-01-01", periods=60, name="day")
    values = numbered[0].panel.values
    result, forecast = scored(small(horizon=1), pd.Series(values, times, name="walk"), 1)
    figure = plot_residuals(result)
    assert titles(figure) == ["Errors over time"]
    assert labels(figure.axes[0]) == ["2024-02-29"]
    (axes,) = plot_forecast(result, forecast).axes
    assert min(axes.lines[0].get_xdata(orig=True)) == np.datetime64("2024-01-30")
    for drawn in (plot_forecast(result, forecast), plot_folds(result)):
        np.testing.assert_array_equal(line(drawn, "#e07a1f")[1:], result.forecasts["network"])


def test_errors_that_are_not_finite_leave_an_empty_picture(single: Case) -> None:
    result, _ = single
    nothing = result.forecasts.assign(network=np.nan)
    figure = plot_residuals(dataclasses.replace(result, forecasts=nothing))
    assert titles(figure) == ["Errors over time"]


def test_the_unit_stands_beside_the_first_panel_of_each_line(panel: Case) -> None:
    result, forecast = panel
    for figure in (plot_forecast(result, forecast), plot_folds(result)):
        assert [axes.get_ylabel() for axes in figure.axes] == ["y", "", "y", "", "y", ""]
    narrow = plot_folds(result, ["<b>", "shop 7"], width=4.6)
    assert [axes.get_ylabel() for axes in narrow.axes] == ["y", "y"]


def labels(axes: Axes) -> list[str]:
    """Return the labels below a panel."""
    axes.get_figure().draw_without_rendering()
    return [label.get_text() for label in axes.get_xticklabels()]


SIZES = [(3, 10.0), (2, 10.0), (1, 10.0), (1, 4.6), (1, 2.0)]
STRETCHES = {
    "12 months": ("MS", 12),
    "48 hours": ("h", 48),
    "10 minutes": ("min", 10),
    "14 days": ("D", 14),
    "7 hours": ("h", 7),
    "12 working days over the end of a month": ("B", 12),
    "8 quarters": ("QS", 8),
    "3 days": ("D", 3),
    "365 minutes": ("min", 365),
}


@pytest.mark.parametrize(("columns", "width"), SIZES)
@pytest.mark.parametrize(("frequency", "rows"), STRETCHES.values(), ids=STRETCHES)
def test_dates_below_a_panel_do_not_crowd(
    frequency: str, rows: int, columns: int, width: float
) -> None:
    times = pd.date_range("2024-02-20 08:00", periods=rows, freq=frequency).to_numpy()
    figure, (axes, *_) = figure_of(columns, width, columns)
    axes.plot(times, np.arange(rows))
    time_axis(axes, times)
    figure.draw_without_rendering()
    shown = [label for label in axes.get_xticklabels() if label.get_text()]
    assert len(shown) >= 2
    boxes = [label.get_window_extent() for label in shown]
    assert all(after.x0 - before.x1 >= 5 for before, after in itertools.pairwise(boxes))


def test_few_times_are_labelled_each_and_no_times_between() -> None:
    _, (axes,) = figure_of(1, 10.0)
    times = pd.date_range("2024-03-18", periods=3).to_numpy()
    axes.plot(times, [1, 2, 3])
    time_axis(axes, np.repeat(times, 2))
    assert labels(axes) == ["18", "19", "20"]


def test_dates_are_thinned_to_those_that_begin_a_year_or_month() -> None:
    _, (axes,) = figure_of(1, 4.6)
    times = pd.date_range("1958-01-01", periods=36, freq="MS").to_numpy()
    axes.plot(times, np.arange(36))
    time_axis(axes, times)
    assert labels(axes) == ["1958", "1959", "1960", "1961"]


def test_one_step_ahead_has_no_picture_by_step(numbered: Case) -> None:
    assert titles(plot_residuals(numbered[0])) == ["Errors over time", "How often"]


def test_training_marks_the_best_pass() -> None:
    (axes,) = plot_training({"loss": [3.0, 2.0, 1.0], "val_loss": [3.0, 1.5, np.nan]}).axes
    drawn = {one.get_label(): one for one in axes.lines}
    assert drawn["best pass"].get_xydata().tolist() == [[2.0, 1.5]]
    assert drawn["training"].get_ydata().tolist() == [3.0, 2.0, 1.0]


def test_losses_over_orders_of_magnitude_have_a_log_scale() -> None:
    (axes,) = plot_training({"loss": [100.0, 1.0]}).axes
    assert axes.get_yscale() == "log"


def test_labels_are_short_and_no_formulas() -> None:
    assert literal("a\nb\x00$c$") == r"a b \$c\$"
    assert len(literal("long" * 20)) == 30
