"""kerasrnn forecast: from a file to a forecast, beside naive forecasts."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from kerasrnn.cli.options import (
    BackendOption,
    ClassicalOption,
    FileArgument,
    FoldsOption,
    ForecasterOptions,
    OutputOption,
    PicturesOption,
    QuietOption,
    ReadingOptions,
    RefitOption,
    SeedOption,
    StepOption,
    data_and_source,
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
from kerasrnn.forecasting.backtest import backtest
from kerasrnn.forecasting.classic import EPOCHS, run_classic
from kerasrnn.forecasting.data.frequency import season_length
from kerasrnn.forecasting.data.panel import Panel
from kerasrnn.forecasting.data.reading import read
from kerasrnn.forecasting.diagnosis import without_skill
from kerasrnn.forecasting.errors import DataError, require_positive
from kerasrnn.forecasting.outputs import check_directory, staged, write_json
from kerasrnn.forecasting.plotting import plot_classic, plot_forecast, save
from kerasrnn.forecasting.progress import ProgressBar
from kerasrnn.forecasting.report import write_report

FUTURE_READING = ("fill", "sort", "duplicates", "dates", "encoding")
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
    step: StepOption = None,
    refit: RefitOption = False,
    classical: ClassicalOption = False,
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

    Writes forecast.csv, report.html, metrics.json, pictures, and the fitted forecaster.
    """
    require_backend(backend)
    check_directory(output)
    data, source = data_and_source(file)
    chosen = reading.chosen()
    panel = read(data, **chosen)
    if future_file is not None and not panel.columns.future:
        raise DataError("--future-file holds covariates known ahead; name them with --future")
    try:
        if recipe == "classic":
            forecast_classic(panel, source, options.chosen(), seed, output, quiet)
            return
        forecaster = make_forecaster(options, seed, quiet)
        result = backtest(
            forecaster,
            panel,
            folds=folds,
            step=step,
            refit=refit,
            classical=classical,
            quiet=quiet or folds == 1,
        )
        forecaster.fit(panel)
        known = (future_file or file) if panel.columns.future else None
        how = {name: chosen[name] for name in FUTURE_READING} if panel.columns.future else {}
        ahead = forecaster.predict(future=known, **how)
    except DataError as error:
        raise DataError(f"{source}: {error}") from None
    settings = {**forecaster.get_params(), **forecaster.fitted_settings()}
    with staged(output) as folder:
        forecaster.forecast_table(ahead).to_csv(folder / "forecast.csv", index=False)
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
        names = sorted(path.name for path in folder.iterdir())
    if not quiet:
        print(f"{source}: {describe(panel)}\n")
        print_backtest(result)
        print_forecast(ahead)
        print_files(output, names)
    warn(result.remarks)


def forecast_classic(
    panel: Panel, source: str, chosen: dict[str, Any], seed: int, output: Path, quiet: bool
) -> None:
    """Run the classic program; its forecast is one step ahead, over the whole series."""
    if panel.num_series > 1:
        raise DataError("--recipe classic knows one series; choose one with --target")
    if "horizon" in chosen:
        raise DataError("--recipe classic predicts one step ahead; leave --horizon out")
    for name in sorted(set(chosen) - CLASSIC_ARGUMENTS):
        raise DataError(f"--recipe classic has no --{name.replace('_', '-')}; leave it out")
    if chosen.get("model") in ("encoder_decoder", "segment"):
        raise DataError("--recipe classic has --model rnn, lstm and gru")
    series = panel.series(0)
    given = chosen.pop("season", None)
    require_positive(season=given)
    season = given or season_length(panel.frequency)
    bar = ProgressBar("training lstm", quiet)
    classic = run_classic(series, season, seed=seed, callbacks=[bar], **chosen)
    settings = {"recipe": "classic", "look_back": classic.look_back, "seed": seed, "season": season}
    settings |= {"epochs": EPOCHS, **chosen}
    with staged(output) as folder:
        classic.prediction.rename_axis("ds").to_csv(folder / "forecast.csv")
        save(plot_classic(series, classic), folder / "forecast.png")
        write_json(
            folder / "metrics.json",
            {
                **{str(name): row.to_dict() for name, row in classic.scores.iterrows()},
                "skill": classic.skill,
                "source": source,
                "target": str(series.name),
                "rows": len(series),
                "settings": settings,
                **versions(),
            },
        )
        classic.model.save(folder / "model.keras")
    if not quiet:
        print(f"{source}: {describe(panel)}\n")
        print_scores(
            f"One step ahead after the first {classic.training_rows} rows",
            classic.scores,
            classic.skill,
        )
        print_files(output, ["forecast.csv", "forecast.png", "metrics.json", "model.keras"])
    warn(without_skill(classic.skill))
