"""Which arguments a forecaster takes, and what it says about others."""

import inspect
from typing import Any

import numpy as np
import pytest

from kerasrnn.forecasting import DataError, Forecaster
from kerasrnn.forecasting.arguments import OPTIONAL
from tests.forecasters import drawn, small
from tests.tables import seasonal_series

COUNTS = ["horizon", "look_back", "units", "num_layers", "segment", "season", "cycle"]


COUNTS += ["num_members", "epochs", "stride", "batch_size", "patience"]


REFUSED: list[tuple[dict[str, Any], str]] = [
    *(({name: 0}, f"{name} must be at least 1. Got 0.") for name in COUNTS),
    *(
        ({name: "cnn"}, f"{name} must be one of {known}. Got 'cnn'.")
        for name, known in {
            "model": "rnn, lstm, gru, encoder_decoder, segment",
            "cell": "rnn, lstm, gru",
            "strategy": "direct, recursive",
            "series_scale": "naive, deviation",
            "loss": "mse, mae, huber",
            "intervals": "conformal, quantile, dropout",
        }.items()
    ),
    *(({name: "8"}, f"{name} must be a whole number. Got '8'.") for name in COUNTS),
    ({"horizon": 2.5}, "horizon must be a whole number. Got 2.5."),
    ({"horizon": True}, "horizon must be a whole number. Got True."),
    ({"seed": 1.0}, "seed must be a whole number. Got 1.0."),
    ({"seed": 2**32}, "seed must be at most 4294967295. Got 4294967296."),
    ({"validation": 3.5}, "validation must be a whole number. Got 3.5."),
    ({"dropout": "0.2"}, "dropout must be a number. Got '0.2'."),
    ({"learning_rate": np.inf}, "learning_rate must be a number. Got inf."),
    ({"levels": 80}, "levels must be percentages such as (80, 95). Got 80."),
    ({"levels": "80"}, "levels must be percentages such as (80, 95). Got '80'."),
    ({"levels": ("80",)}, "levels must be a number. Got '80'."),
    ({"normalization": "minmax"}, "normalization must be one of"),
    ({"dropout": 1.0}, "dropout must be from 0 to below 1. Got 1."),
    ({"dropout": -0.1}, "dropout must be from 0 to below 1. Got -0.1."),
    ({"learning_rate": 0.0}, "learning_rate must be above 0. Got 0."),
    ({"levels": (80, 0)}, "levels must be above 0 and at most 99.9 percent. Got 0."),
    ({"levels": (100,)}, "levels must be above 0 and at most 99.9 percent. Got 100."),
    ({"intervals": "dropout", "dropout": 0.0}, "intervals dropout needs a dropout above 0"),
    ({"validation": 2}, "validation must be 0 or at least the horizon, 3. Got 2."),
    ({"validation": -1, "strategy": "recursive"}, "validation must be"),
    ({"max_time": 0.0}, "max_time must be"),
    ({"seed": -1}, "seed must be"),
    ({"calendar": ("hours",)}, "calendar must be some of"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED, ids=lambda value: str(value)[:40])
def test_arguments_out_of_range_are_refused_in_one_line(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError) as error:
        small(**arguments)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"units": None}, "units must be given. Got None."),
        ({"calendar": None}, "calendar must be given. Got None."),
        ({"bidirectional": "no"}, "bidirectional must be True or False. Got 'no'."),
        ({"quiet": 1}, "quiet must be True or False. Got 1."),
    ],
)
def test_none_and_words_are_no_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as error:
        small(**arguments)
    assert str(error.value) == message


def test_optional_arguments_are_those_that_are_none_by_default() -> None:
    parameters = inspect.signature(Forecaster).parameters
    assert sorted(OPTIONAL) == sorted(n for n, p in parameters.items() if p.default is None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"model": "segment", "segment": 7},
            r"^[^\n]*segment of 7 steps needs a look-back [^\n]*$",
        ),
        ({"validation": 35}, "^validation 35 leaves no window of 9 rows to train on$"),
        ({"normalization": "log"}, r"^[^\n]*normalization[^\n]*$"),
        ({"normalization": "seasonal", "season": 7}, r"^[^\n]*normalization[^\n]*$"),
        ({"normalization": "shifted", "season": 6}, r"^[^\n]*normalization[^\n]*$"),
    ],
)
def test_arguments_that_the_data_do_not_allow_are_refused_in_one_line(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        small(**options).fit(seasonal_series(40) - 50)


def test_numbers_of_numpy_are_arguments_as_others_are() -> None:
    forecaster = small(horizon=np.int64(3), dropout=np.float32(0.1), levels=np.array([50, 80]))
    forecast = drawn(forecaster, seasonal_series(60)).predict()
    assert list(forecast.columns)[1::2] == ["forecast-lo-50", "forecast-lo-80"]
    assert len(forecast) == 3


def test_forecaster_is_shown_by_what_is_not_usual() -> None:
    assert repr(Forecaster()) == "Forecaster()"
    shown = "Forecaster(horizon=24, model='lstm', levels=(80, 95))"
    assert repr(Forecaster(24, model="lstm", levels=(80, 95))) == shown
