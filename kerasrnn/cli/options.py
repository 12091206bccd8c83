"""Options that commands share."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import keras
import pandas as pd
import typer

from kerasrnn.backend import PREFERENCE
from kerasrnn.forecasting.data.reading import air_passengers
from kerasrnn.forecasting.errors import DataError
from kerasrnn.forecasting.forecaster import Forecaster
from kerasrnn.kernels import disabled_kernels

BackendOption = Annotated[
    Literal["jax", "torch"] | None,
    typer.Option(help="Keras backend. Default: KERAS_BACKEND, else jax or torch."),
]
SeedOption = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Governs all that is random.")]
OutputOption = Annotated[Path, typer.Option(metavar="DIR", help="Directory for what is written.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Print only errors and warnings.")]
FileArgument = Annotated[
    Path | None,
    typer.Argument(
        help="CSV, TSV or Parquet file. Default: monthly airline passengers, 1949 to 1960."
    ),
]
FoldsOption = Annotated[
    int, typer.Option(help="Origins in the past from which forecasts are scored.")
]
PicturesOption = Annotated[Literal["png", "svg"], typer.Option(help="Format of the pictures.")]


def text(help_: str, metavar: str | None = None) -> Any:
    """Return a typer option with this help."""
    return typer.Option(help=help_, metavar=metavar)


@dataclass(frozen=True)
class ColumnOptions:
    """Which columns of a table are what."""

    target: Annotated[str | None, text("Column to forecast.")] = None
    time: Annotated[str | None, text("Column of times.")] = None
    unique_id: Annotated[str | None, text("Column that names the series of each row.")] = None
    wide: Annotated[
        bool, typer.Option("--wide", help="Every column but the times is a series.")
    ] = False
    past: Annotated[
        list[str] | None, text("Covariates known up to now: columns, commas between.", "NAMES")
    ] = None
    future: Annotated[
        list[str] | None, text("Covariates known ahead, commas between.", "NAMES")
    ] = None
    static: Annotated[
        list[str] | None, text("Covariates of a whole series, commas between.", "NAMES")
    ] = None
    frequency: Annotated[
        str | None, text("Step between rows, such as h, D or MS. Default: inferred.")
    ] = None


@dataclass(frozen=True)
class CellOptions:
    """How rows and cells are to be read, of whichever file of the series."""

    fill: Annotated[
        Literal["linear", "previous", "zero", "seasonal", "drop"] | None,
        text("What to do about missing values and missing rows."),
    ] = None
    sort: Annotated[bool, typer.Option("--sort", help="Sort rows by time.")] = False
    duplicates: Annotated[
        Literal["first", "last", "mean"] | None, text("What to keep of rows with the same time.")
    ] = None
    dates: Annotated[
        Literal["day-first", "month-first"] | None, text("How dates such as 01/02/2020 are meant.")
    ] = None
    decimal: Annotated[Literal[".", ","] | None, text("Decimal sign of numbers.")] = None
    thousands: Annotated[str | None, text("Sign between groups of three digits.", "SIGN")] = None
    encoding: Annotated[str | None, text("Encoding of the file; utf-8.")] = None

    def chosen(self) -> dict[str, Any]:
        """Return the attributes of a `Reading` that were given."""
        return given(self)


@dataclass(frozen=True)
class ReadingOptions(CellOptions, ColumnOptions):
    """How a file is to be read; see `kerasrnn.forecasting.data.reading.Reading`."""

    def chosen(self) -> dict[str, Any]:
        """Return the attributes of a `Reading` that were given."""
        options = given(self)
        for name in {"past", "future", "static"} & options.keys():
            options[name] = split_names(",".join(options[name]))
        return options


@dataclass(frozen=True)
class ForecasterOptions:
    """What is to be trained; see `kerasrnn.forecasting.Forecaster`."""

    horizon: Annotated[int | None, text("Steps to forecast, and to hold out; 12.")] = None
    look_back: Annotated[int | None, text("Steps that the network sees.")] = None
    model: Annotated[
        Literal["rnn", "lstm", "gru", "encoder_decoder", "segment"] | None,
        text("Kind of network; gru."),
    ] = None
    cell: Annotated[
        Literal["rnn", "lstm", "gru"] | None, text("Layer in the last two models; gru.")
    ] = None
    strategy: Annotated[
        Literal["direct", "recursive"] | None,
        text("All steps at once, or one that is fed back; direct."),
    ] = None
    units: Annotated[int | None, text("Units of each layer; 32.")] = None
    num_layers: Annotated[int | None, text("Recurrent layers; 1.")] = None
    bidirectional: Annotated[
        bool, typer.Option("--bidirectional", help="Run the encoder in both directions.")
    ] = False
    dropout: Annotated[float | None, text("Share dropped in training; 0.2.")] = None
    segment: Annotated[int | None, text("Steps that are one step of the network; 1.")] = None
    normalization: Annotated[
        str | None,
        text("auto, standard, last, mean, window, seasonal, shifted, mix, difference, log,last."),
    ] = None
    series_scale: Annotated[
        Literal["naive", "deviation"] | None, text("What each series is divided by; naive.")
    ] = None
    season: Annotated[int | None, text("Steps in a season. Default: from the frequency.")] = None
    cycle: Annotated[int | None, text("Steps of a cycle to learn for each series.")] = None
    embed_series: Annotated[
        bool, typer.Option("--embed-series", help="Let the network see which series it is.")
    ] = False
    calendar: Annotated[
        str | None, text("Features of times: hour,weekday,monthday,month,yearday.", "NAMES")
    ] = None
    loss: Annotated[Literal["mse", "mae", "huber"] | None, text("What is minimized; mse.")] = None
    levels: Annotated[
        str | None, text("Prediction intervals in percent, such as 80,95, or none; 80.")
    ] = None
    intervals: Annotated[
        Literal["conformal", "quantile", "dropout"] | None,
        text("How intervals are made; conformal."),
    ] = None
    num_members: Annotated[int | None, text("Networks to train and average; 1.")] = None
    epochs: Annotated[int | None, text("Most passes over the data.")] = None
    stride: Annotated[int | None, text("Rows between windows to train on; 1.")] = None
    batch_size: Annotated[int | None, text("Windows in a batch; 32 or 256.")] = None
    learning_rate: Annotated[float | None, text("At the start; 0.003.")] = None
    patience: Annotated[int | None, text("Passes without gain before training stops; 25.")] = None
    validation: Annotated[
        int | None, text("Rows at the end that early stopping looks at. Default: a tenth.")
    ] = None
    max_time: Annotated[
        float | None,
        text(
            "Seconds after which no further pass begins, in each training: one for every fit, "
            "and a second one where its intervals need it."
        ),
    ] = None
    checkpoint: Annotated[
        Path | None,
        text("Keep the training's state here, and go on from it after an interrupt.", "DIR"),
    ] = None

    def chosen(self) -> dict[str, Any]:
        """Return the arguments of the forecaster that were given."""
        options = given(self)
        for name in {"normalization", "calendar"} & options.keys():
            options[name] = split_names(options[name])
        if "levels" in options:
            options["levels"] = parse_levels(options["levels"])
        return options


@dataclass(frozen=True)
class ScoringOptions:
    """How forecasts are scored; see `kerasrnn.forecasting.backtest.backtest`."""

    step: Annotated[int | None, text("Rows between two origins. Default: the horizon.")] = None
    refit: Annotated[bool, typer.Option("--refit", help="Train anew at each origin.")] = False
    classical: Annotated[
        bool, typer.Option("--classical", help="Score ETS, Theta and ARIMA too, of statsforecast.")
    ] = False

    def chosen(self) -> dict[str, Any]:
        """Return the arguments of `backtest`."""
        return dataclasses.asdict(self)


def given(group: Any) -> dict[str, Any]:
    """Return the options of a group that were given."""
    options = dataclasses.asdict(group)
    return {k: v for k, v in options.items() if v is not None and v is not False and v != []}


def split_names(names: str) -> tuple[str, ...]:
    """Split names at commas."""
    return tuple(name.strip() for name in names.split(",")) if names else ()


def parse_levels(levels: str) -> tuple[float, ...]:
    """Read levels such as 80,95; none for no intervals."""
    if levels == "none":
        return ()
    try:
        return tuple(float(level) for level in levels.split(","))
    except ValueError:
        raise DataError(
            f"--levels must be percentages such as 80,95, or none. Got {levels!r}."
        ) from None


def expanded(command: Callable[..., None]) -> Callable[..., None]:
    """Replace parameters that are dataclasses of options by the options themselves."""
    hints = get_type_hints(command, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if dataclasses.is_dataclass(kind)}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        if name not in groups:
            parameters.append(parameter.replace(annotation=hints[name]))
            continue
        types = get_type_hints(groups[name], include_extras=True)
        for field in dataclasses.fields(groups[name]):
            parameters.append(
                inspect.Parameter(
                    field.name,
                    inspect.Parameter.KEYWORD_ONLY,
                    default=field.default,
                    annotation=types[field.name],
                )
            )

    @functools.wraps(command)
    def run(**given: Any) -> None:
        collected = {
            name: kind(**{f.name: given.pop(f.name) for f in dataclasses.fields(kind)})  # type: ignore[operator]
            for name, kind in groups.items()
        }
        command(**collected, **given)

    keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters]
    run.__signature__ = inspect.Signature(keyword)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in keyword}
    return run


def require_backend(backend: str | None) -> None:
    """Raise where the backend is another one than `--backend` asks for, or cannot be used."""
    running = keras.backend.backend()
    if backend is not None and backend != running:
        raise DataError(
            f"--backend {backend}: Keras already runs on {running}; set "
            f"KERAS_BACKEND={backend} before it is imported"
        )
    if running not in PREFERENCE:
        raise DataError(
            f"the kerasrnn command runs on {' and '.join(PREFERENCE)}, and Keras was started on "
            f"{running}; give --backend or set KERAS_BACKEND"
        )
    try:
        disabled_kernels()
    except ValueError as error:
        raise DataError(str(error)) from None


def data_and_source(file: Path | None) -> tuple[Path | pd.Series, str]:
    """Return what to read, and what it is called."""
    if file is None:
        return air_passengers(), "built-in air passengers"
    return file, str(file)


@contextmanager
def errors_of(source: str) -> Iterator[None]:
    """Name the data in errors that speak of them."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{source}: {error.message}") from None


def make_forecaster(options: ForecasterOptions, seed: int, quiet: bool) -> Forecaster:
    """Return the forecaster that was asked for."""
    return Forecaster(**options.chosen(), seed=seed, quiet=quiet)
