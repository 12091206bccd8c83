"""kerasrnn predict: forecast again from a saved forecaster."""

from pathlib import Path
from typing import Annotated

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
    backend: BackendOption = None,
    output: OutputOption = Path("forecast"),
    quiet: QuietOption = False,
) -> None:
    """Forecast from a saved forecaster, with new rows but without training again.

    Writes forecast.csv, and with --update the forecaster with its new rows.
    """
    require_backend(backend)
    check_directory(output)
    forecaster = Forecaster.load(directory)
    if update is not None:
        forecaster.update(update)
    ahead = forecaster.predict(horizon, future=future)
    with staged(output) as folder:
        forecaster.forecast_table(ahead).to_csv(folder / "forecast.csv", index=False)
        if update is not None:
            forecaster.save(folder / "forecaster")
        names = sorted(path.name for path in folder.iterdir())
    if not quiet:
        print(f"{directory}: {describe(forecaster.history_)}")
        print_forecast(ahead)
        print_files(output, names)
