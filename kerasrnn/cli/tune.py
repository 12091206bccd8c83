"""kerasrnn tune: search for better arguments."""

from pathlib import Path
from typing import Annotated

import typer

from kerasrnn.cli.options import (
    BackendOption,
    FileArgument,
    ForecasterOptions,
    OutputOption,
    QuietOption,
    ReadingOptions,
    SeedOption,
    data_and_source,
    expanded,
    make_forecaster,
    require_backend,
)
from kerasrnn.cli.printing import describe, print_backtest, print_files, versions, warn
from kerasrnn.forecasting.backtest import backtest
from kerasrnn.forecasting.data.reading import read
from kerasrnn.forecasting.errors import DataError
from kerasrnn.forecasting.outputs import check_directory, staged, write_json
from kerasrnn.forecasting.plotting import save


@expanded
def tune(
    *,
    file: FileArgument = None,
    reading: ReadingOptions,
    options: ForecasterOptions,
    trials: Annotated[int, typer.Option(help="Sets of arguments to try, in all.")] = 20,
    folds: Annotated[int, typer.Option(help="Origins that each is scored from.")] = 3,
    study: Annotated[
        Path | None, typer.Option(help="SQLite file that keeps the trials, to go on from.")
    ] = None,
    backend: BackendOption = None,
    seed: SeedOption = 0,
    output: OutputOption = Path("tune"),
    quiet: QuietOption = False,
) -> None:
    """Search for better arguments, without a look at the last rows.

    The last rows are held out: the best arguments are scored on them once, at the end. --max-time
    is the time of the whole search. Writes trials.csv, tuning.png and best.json.
    """
    from kerasrnn.forecasting.tuning import tune as search

    require_backend(backend)
    check_directory(output)
    data, source = data_and_source(file)
    panel = read(data, **reading.chosen())
    if options.checkpoint is not None:
        raise DataError("tune keeps its trials with --study; leave --checkpoint out")
    forecaster = make_forecaster(options, seed, True)
    max_time, forecaster.max_time = forecaster.max_time, None
    try:
        tuning = search(
            forecaster,
            panel.until(forecaster.horizon),
            trials=trials,
            folds=folds,
            study=study,
            max_time=max_time,
            quiet=quiet,
        )
        result = backtest(tuning.forecaster, panel)
    except DataError as error:
        raise DataError(f"{source}: {error}") from None
    with staged(output) as folder:
        tuning.trials.to_csv(folder / "trials.csv", index=False)
        save(tuning.plot(), folder / "tuning.png")
        best = {
            "arguments": tuning.forecaster.get_params(),
            "error": tuning.best_error,
            "error_of_start": tuning.start_error,
            "metric": result.metric,
            "held_out_skill": result.skill,
            "source": source,
            **versions(),
        }
        write_json(folder / "best.json", best)
        names = sorted(path.name for path in folder.iterdir())
    if not quiet:
        print(f"{source}: {describe(panel)}\n")
        print(
            f"{result.metric.upper()} over {folds} origins: {tuning.start_error:.4g} at the start, "
            f"{tuning.best_error:.4g} with the best arguments"
        )
        start = forecaster.get_params()
        for name, value in tuning.forecaster.get_params().items():
            if value != start[name]:
                print(f"  --{name.replace('_', '-')} {value}")
        print("\nOn the rows that no trial has seen:")
        print_backtest(result)
        print_files(output, names)
    warn(result.remarks)
