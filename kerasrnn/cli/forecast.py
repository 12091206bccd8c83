"""kerasrnn forecast: from a file to a forecast, beside naive forecasts."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
import typer

from kerasrnn.cli.options import (
    BackendOption,
    FileArgument,
    FoldsOption,
    ForecasterOptions,
    OutputOption,
    PicturesOption,
    QuietOption,
    ReadingOptions,
    ScoringOptions,
    SeedOption,
    data_and_source,
    errors_of,
    expanded,
    make_forecaster,
    require_backend,
)
from kerasrnn.cli.printing import (
    describe,
    print_backtest,
    print_files,
    print_forecast,
    print_scores,
    versions,
    warn,
)
from kerasrnn.cli.writing import write_backtest
from kerasrnn.forecasting.backtest import Backtest, backtest
from kerasrnn.forecasting.classic import EPOCHS, run_classic
from kerasrnn.forecasting.data.ahead import future_values
from kerasrnn.forecasting.data.panel import Panel
from kerasrnn.forecasting.diagnosis import without_skill
from kerasrnn.forecasting.errors import DataError, option_name, require_positive
from kerasrnn.forecasting.forecaster import Forecaster
from kerasrnn.forecasting.outputs import (
    check_apart,
    check_directory,
    forecast_table,
    staged,
    write_json,
)
from kerasrnn.forecasting.plotting import plot_classic, plot_forecast, save
from kerasrnn.forecasting.progress import ProgressBar
from kerasrnn.forecasting.report import write_report

CLASSIC_ARGUMENTS = {"look_back", "model", "units", "num_layers", "epochs", "season"}


@expanded
def forecast(
    *,
    file: FileArgument = None,
    reading: ReadingOptions,
    options: ForecasterOptions,
    future_file: Annotated[
        Path | None,
        typer.Option(help="Rows that follow, with the covariates known ahead. Default: FILE."),
    ] = None,
    folds: FoldsOption = 1,
    scoring: ScoringOptions,
    recipe: Annotated[
        Literal["default", "classic"], typer.Option(help="classic: the original teaching program.")
    ] = "default",
    pictures: PicturesOption = "png",
    backend: BackendOption = None,
    seed: SeedOption = 0,
    output: OutputOption = Path("forecast"),
    quiet: QuietOption = False,
) -> None:
    """Forecast one series, or many, with a recurrent network.

    Writes forecast.csv, report.html, backtest.csv, scores.csv, metrics.json, pictures, and the
    fitted forecaster.
    """
    require_backend(backend)
    check_directory(output)
    check_apart(output, file, future_file)
    require_positive(folds=folds, step=scoring.step)
    if recipe == "classic":
        require_classic(options, reading, scoring, folds)
    forecaster = make_forecaster(options, seed, quiet)
    data, source = data_and_source(file)
    panel = forecaster.read(data, **reading.chosen())
    if future_file is not None and not panel.columns.future:
        raise DataError("--future-file holds covariates known ahead; name them with --future")
    if recipe == "classic":
        with errors_of(source):
            forecast_classic(panel, source, options.chosen(), seed, output, pictures, quiet)
        return
    known = (future_file or file) if panel.columns.future else None
    if known is not None:  # what is missing there is better told before the training
        future_values(known, panel, forecaster.horizon)
    with errors_of(source):
        result = backtest(
            forecaster, panel, folds=folds, quiet=quiet or folds == 1, **scoring.chosen()
        )
        forecaster.fit(panel)
    ahead = forecaster.predict(future=known)
    names = write_forecast(output, forecaster, result, ahead, source, pictures)
    if not quiet:
        print(f"{source}: {describe(panel)}\n")
        print_backtest(result)
        print_forecast(ahead)
        print_files(output, names)
    warn(result.remarks)


def write_forecast(
    output: Path,
    forecaster: Forecaster,
    result: Backtest,
    ahead: pd.DataFrame,
    source: str,
    pictures: str,
) -> list[str]:
    """Write all that there is to know about a forecast; return the names of the files."""
    settings = {**forecaster.get_params(), **forecaster.fitted_settings()}
    with staged(output) as folder:
        forecast_table(ahead).to_csv(folder / "forecast.csv", index=False)
        save(plot_forecast(result, ahead), folder / f"forecast.{pictures}")
        write_backtest(folder, result, source, settings, pictures)
        write_report(
            folder / "report.html",
            result,
            ahead,
            source=source,
            settings=settings,
            versions=versions(),
        )
        forecaster.save(folder / "forecaster")
        return sorted(path.name for path in folder.iterdir())


def require_classic(
    options: ForecasterOptions, reading: ReadingOptions, scoring: ScoringOptions, folds: int
) -> None:
    """Raise where something is asked for that the classic program does not have."""
    if options.horizon is not None:
        raise DataError("--recipe classic predicts one step ahead; leave --horizon out")
    covariates = {name for name in ("past", "future", "static") if getattr(reading, name)}
    scored = {name for name, value in scoring.chosen().items() if value}
    asked = {*options.chosen(), *covariates, *scored, *(["folds"] if folds > 1 else [])}
    for name in sorted(asked - CLASSIC_ARGUMENTS):
        raise DataError(f"--recipe classic has no {option_name(name)}; leave it out")
    if options.model in ("encoder_decoder", "segment"):
        raise DataError("--recipe classic has --model rnn, lstm and gru")


def forecast_classic(
    panel: Panel,
    source: str,
    chosen: dict[str, Any],
    seed: int,
    output: Path,
    pictures: str,
    quiet: bool,
) -> None:
    """Run the classic program; its forecast is one step ahead, over the whole series."""
    if panel.num_series > 1:
        raise DataError("--recipe classic knows one series; choose one with --target")
    series = panel.series(0)
    season = panel.season
    chosen = {name: value for name, value in chosen.items() if name != "season"}
    bar = ProgressBar(f"training {chosen.get('model', 'lstm')}", quiet)
    classic = run_classic(
        series, season, seed=seed, observed=panel.observed, callbacks=[bar], **chosen
    )
    settings = {"recipe": "classic", "look_back": classic.look_back, "seed": seed, "season": season}
    settings |= {"epochs": EPOCHS, **chosen}
    with staged(output) as folder:
        classic.prediction.rename_axis("ds").to_csv(folder / "forecast.csv")
        save(plot_classic(series, classic), folder / f"forecast.{pictures}")
        write_json(
            folder / "metrics.json",
            {
                **{str(name): row.to_dict() for name, row in classic.scores.iterrows()},
                "skill": classic.skill,
                "source": source,
                "target": str(series.name),
                "rows": len(series),
                "filled": panel.num_filled,
                "settings": settings,
                **versions(),
            },
        )
        classic.model.save(folder / "model.keras")
        names = sorted(path.name for path in folder.iterdir())
    if not quiet:
        print(f"{source}: {describe(panel)}\n")
        print_scores(
            f"One step ahead after the first {classic.training_rows} rows",
            classic.scores,
            classic.skill,
        )
        print_files(output, names)
    warn(without_skill(classic.skill))
