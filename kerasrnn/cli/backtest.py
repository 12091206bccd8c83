"""kerasrnn backtest: score forecasts from origins in the past."""

from pathlib import Path

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
from kerasrnn.cli.printing import describe, print_backtest, print_files, warn
from kerasrnn.cli.writing import write_backtest
from kerasrnn.forecasting.backtest import backtest as score
from kerasrnn.forecasting.errors import require_positive
from kerasrnn.forecasting.outputs import check_apart, check_directory, staged


@expanded
def backtest(
    *,
    file: FileArgument = None,
    reading: ReadingOptions,
    options: ForecasterOptions,
    folds: FoldsOption = 5,
    scoring: ScoringOptions,
    pictures: PicturesOption = "png",
    backend: BackendOption = None,
    seed: SeedOption = 0,
    output: OutputOption = Path("backtest"),
    quiet: QuietOption = False,
) -> None:
    """Score forecasts from origins in the past, beside naive ones.

    Writes backtest.csv, scores.csv, metrics.json and pictures.
    """
    require_backend(backend)
    check_directory(output)
    check_apart(output, file)
    require_positive(folds=folds, step=scoring.step)
    forecaster = make_forecaster(options, seed, True)
    data, source = data_and_source(file)
    panel = forecaster.read(data, **reading.chosen())
    with errors_of(source):
        result = score(forecaster, panel, folds=folds, quiet=quiet, **scoring.chosen())
    settings = {**forecaster.get_params(), **result.forecaster.fitted_settings()}
    with staged(output) as folder:
        write_backtest(folder, result, source, settings, pictures)
        names = sorted(path.name for path in folder.iterdir())
    if not quiet:
        print(f"{source}: {describe(panel)}\n")
        print_backtest(result)
        print_files(output, names)
    warn(result.remarks)
