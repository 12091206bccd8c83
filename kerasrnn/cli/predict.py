"""kerasrnn predict: forecast again from a saved forecaster."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from kerasrnn.cli.options import BackendOption, OutputOption, QuietOption, require_backend
from kerasrnn.cli.printing import describe, print_files, print_forecast
from kerasrnn.forecasting.forecaster import Forecaster
from kerasrnn.forecasting.outputs import check_directory, staged


def predict(
    directory: Annotated[
        Path, typer.Argument(help="Saved forecaster, such as forecast/forecaster.")
    ],
    update: Annotated[
        Path | None, typer.Option(help="File of rows that came after those of the fit.")
    ] = None,
    future: Annotated[
        Path | None, typer.Option(help="File of rows that follow, with covariates known ahead.")
    ] = None,
    horizon: Annotated[
        int | None, typer.Option(help="Steps to forecast. Default: as trained.")
    ] = None,
    fill: Annotated[
        Literal["linear", "previous", "zero", "seasonal"] | None,
        typer.Option(help="What to do about missing values and missing rows in these files."),
    ] = None,
    sort: Annotated[bool, typer.Option("--sort", help="Sort their rows by time.")] = False,
    duplicates: Annotated[
        Literal["first", "last", "mean"] | None,
        typer.Option(help="What to keep of rows with the same time."),
    ] = None,
    dates: Annotated[
        Literal["day-first", "month-first"] | None,
        typer.Option(help="How dates such as 01/02/2020 are meant."),
    ] = None,
    encoding: Annotated[str, typer.Option(help="Encoding of these files.")] = "utf-8",
    backend: BackendOption = None,
    output: OutputOption = Path("prediction"),
    quiet: QuietOption = False,
) -> None:
    """Forecast from a saved forecaster, with new rows but without training again.

    Writes forecast.csv, and with --update the forecaster with its new rows.
    """
    require_backend(backend)
    check_directory(output)
    forecaster = Forecaster.load(directory)
    how: dict[str, Any] = {"fill": fill, "sort": sort, "duplicates": duplicates}
    how |= {"dates": dates, "encoding": encoding}
    if update is not None:
        forecaster.update(update, **how)
    ahead = forecaster.predict(horizon, future=future, **(how if future else {}))
    with staged(output) as folder:
        forecaster.forecast_table(ahead).to_csv(folder / "forecast.csv", index=False)
        if update is not None:
            forecaster.save(folder / "forecaster")
        names = sorted(path.name for path in folder.iterdir())
    if not quiet:
        print(f"{directory}: {describe(forecaster.history_)}")
        print_forecast(ahead)
        print_files(output, names)
