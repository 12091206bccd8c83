"""kerasrnn predict: forecast again from a saved forecaster."""

from pathlib import Path
from typing import Annotated

import typer

from kerasrnn.cli.options import (
    BackendOption,
    CellOptions,
    OutputOption,
    QuietOption,
    expanded,
    require_backend,
)
from kerasrnn.cli.printing import describe, print_files, print_forecast, warn
from kerasrnn.forecasting.diagnosis import far_ahead
from kerasrnn.forecasting.errors import DataError
from kerasrnn.forecasting.forecaster import Forecaster
from kerasrnn.forecasting.outputs import check_apart, check_directory, forecast_table, staged


@expanded
def predict(
    *,
    directory: Annotated[
        Path, typer.Argument(help="Saved forecaster, such as forecast/forecaster.")
    ],
    update: Annotated[
        Path | None, typer.Option(help="File of rows that came after those of the fit.")
    ] = None,
    future_file: Annotated[
        Path | None,
        typer.Option(help="Rows that follow, with the covariates known ahead. Default: UPDATE."),
    ] = None,
    horizon: Annotated[
        int | None, typer.Option(help="Steps to forecast. Default: as trained.")
    ] = None,
    reading: CellOptions,
    backend: BackendOption = None,
    output: OutputOption = Path("prediction"),
    quiet: QuietOption = False,
) -> None:
    """Forecast from a saved forecaster, with new rows but without training again.

    Files are read as that of the fit was, but for the options given. Writes forecast.csv, and
    with --update the forecaster with its new rows.
    """
    require_backend(backend)
    check_directory(output)
    check_apart(output, update, future_file)
    forecaster = Forecaster.load(directory)
    options = reading.chosen()
    if update is None and future_file is None:
        for name in options:
            raise DataError(
                f"--{name} says how to read --update and --future-file; give one of these"
            )
    if update is not None:
        forecaster.update(update, **options)
    # A table that grows may hold what follows, too.
    known = future_file or (update if forecaster.history_.columns.future else None)
    ahead = forecaster.predict(horizon, future=known, **(options if known else {}))
    with staged(output) as folder:
        forecast_table(ahead).to_csv(folder / "forecast.csv", index=False)
        if update is not None:
            forecaster.save(folder / "forecaster")
        names = sorted(path.name for path in folder.iterdir())
    if not quiet:
        print(f"{directory}: {describe(forecaster.history_)}")
        print_forecast(ahead)
        print_files(output, names)
    rows = int(forecaster.history_.lengths.max())
    warn(far_ahead(horizon or forecaster.horizon, rows))
