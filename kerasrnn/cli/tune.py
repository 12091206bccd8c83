"""kerasrnn tune: search for better arguments."""

import math
from pathlib import Path
from typing import Annotated, Any

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
    errors_of,
    expanded,
    make_forecaster,
    require_backend,
)
from kerasrnn.cli.printing import (
    as_option,
    describe,
    print_backtest,
    print_files,
    versions,
    warn,
)
from kerasrnn.forecasting.backtest import Backtest, backtest, long_enough
from kerasrnn.forecasting.data.panel import Panel
from kerasrnn.forecasting.errors import DataError, require_positive
from kerasrnn.forecasting.forecaster import Forecaster
from kerasrnn.forecasting.metrics import NETWORK
from kerasrnn.forecasting.outputs import check_apart, check_directory, staged, write_json
from kerasrnn.forecasting.plotting import save
from kerasrnn.forecasting.tuning import Tuning
from kerasrnn.forecasting.tuning import tune as search
from kerasrnn.forecasting.wording import counted, number


@expanded
def tune(
    *,
    file: FileArgument = None,
    reading: ReadingOptions,
    options: ForecasterOptions,
    trials: Annotated[int, typer.Option(help="Sets of arguments to try, in all.")] = 20,
    folds: Annotated[int, typer.Option(help="Origins that each is scored from.")] = 3,
    study: Annotated[
        Path | None,
        typer.Option(
            help="SQLite file that keeps the trials; without it an interrupted search cannot be "
            "gone on with."
        ),
    ] = None,
    backend: BackendOption = None,
    seed: SeedOption = 0,
    output: OutputOption = Path("tune"),
    quiet: QuietOption = False,
) -> None:
    """Search for better arguments, without a look at the last rows.

    The last rows are held out: the best arguments are scored on them once, at the end, beside
    those that the search began with. --max-time is the time of the search alone. Writes
    trials.csv, tuning.png and best.json.
    """
    require_backend(backend)
    check_directory(output)
    check_apart(output, file, study)
    require_positive(trials=trials, folds=folds)
    if options.checkpoint is not None:
        raise DataError("tune keeps its trials with --study; leave --checkpoint out")
    forecaster = make_forecaster(options, seed, True)
    data, source = data_and_source(file)
    panel = forecaster.read(data, **reading.chosen())
    max_time, forecaster.max_time = forecaster.max_time, None
    with errors_of(source):
        known = long_enough(panel, forecaster.horizon, forecaster.horizon).until(forecaster.horizon)
    tuning = search(
        forecaster,
        known,
        trials=trials,
        folds=folds,
        study=study,
        max_time=max_time,
        quiet=quiet,
    )
    with errors_of(source):
        result = backtest(tuning.forecaster, panel)
        start = score_start(forecaster, panel, tuning, result)
    with staged(output) as folder:
        tuning.trials.to_csv(folder / "trials.csv", index=False)
        save(tuning.plot(), folder / "tuning.png")
        write_json(folder / "best.json", outcome(tuning, result, start, source))
        names = sorted(path.name for path in folder.iterdir())
    if not quiet:
        print(f"{source}: {describe(panel)}\n")
        print_outcome(tuning, result, start, folds)
        print_files(output, names)
    warn([*result.remarks, *without_gain(result, start)])


def score_start(
    forecaster: Forecaster, panel: Panel, tuning: Tuning, result: Backtest
) -> Backtest | None:
    """Return the start's backtest on the held-out rows, or none where it cannot be run.

    Args:
        forecaster: The start.
        panel: All rows.
        tuning: What the search found.
        result: The backtest of the best arguments, which may be the start's own.
    """
    if not math.isfinite(tuning.start_error):
        return None
    return backtest(forecaster, panel) if tuning.changes else result


def held_out_error(result: Backtest) -> float:
    """Return the network's error on the held-out rows, in the metric of the search."""
    return float(result.scores[result.metric][NETWORK])


def outcome(
    tuning: Tuning, result: Backtest, start: Backtest | None, source: str
) -> dict[str, Any]:
    """Return what best.json holds."""
    return {
        "arguments": tuning.forecaster.get_params(),
        "error": tuning.best_error,
        "error_of_start": tuning.start_error,
        "metric": result.metric,
        "held_out_error": held_out_error(result),
        "held_out_error_of_start": None if start is None else held_out_error(start),
        "held_out_skill": result.skill,
        "held_out_skill_of_start": None if start is None else start.skill,
        "source": source,
        **versions(),
    }


def print_outcome(tuning: Tuning, result: Backtest, start: Backtest | None, folds: int) -> None:
    """Print the errors of the start and of the best arguments, those arguments, and scores."""
    metric = result.metric.upper()
    print(
        f"{metric} over {counted(folds, 'origin')}: {number(tuning.start_error)} at the start, "
        f"{number(tuning.best_error)} with the best arguments"
    )
    if tuning.changes:
        print("Best arguments, to be given to kerasrnn forecast beside yours:")
    else:
        print("No arguments were better than the start.")
    for name, value in tuning.changes.items():
        print(f"  {as_option(name, value)}")
    print("\nOn the rows that no trial has seen, with the best arguments:")
    print_backtest(result)
    if start is not None and start is not result:
        print(
            f"{metric} of the start on these rows: {number(held_out_error(start))}, "
            f"skill {start.skill:+.3f}"
        )


def without_gain(result: Backtest, start: Backtest | None) -> tuple[str, ...]:
    """Return a sentence where the start does as well on the held-out rows, or better."""
    if start is None or start is result:
        return ()
    error, before = held_out_error(result), held_out_error(start)
    if not error >= before:
        return ()
    return (
        f"on the rows that no trial has seen, the {result.metric.upper()} of the start is "
        f"{number(before)} and that of the best arguments {number(error)}: the search did not "
        "help there",
    )
