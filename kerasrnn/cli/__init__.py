"""The kerasrnn command: backtest, bench, explain, forecast, gradients, predict, sine, tune.

Results go to standard output, progress and warnings to standard error. The exit status
is 0 on success and 2 on bad input, which is told in one line.
"""

import os
import signal
import sys
from itertools import pairwise

import typer

from kerasrnn.backend import INTERRUPTED
from kerasrnn.cli.backtest import backtest
from kerasrnn.cli.bench import bench
from kerasrnn.cli.explain import explain
from kerasrnn.cli.forecast import forecast
from kerasrnn.cli.gradients import gradients
from kerasrnn.cli.predict import predict
from kerasrnn.cli.sine import sine
from kerasrnn.cli.tune import tune
from kerasrnn.forecasting.errors import DataError

app = typer.Typer(
    help="Recurrent networks of torch.nn as Keras layers, and forecasts from a CSV file.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for command in (forecast, predict, backtest, tune, sine, gradients, explain, bench):
    app.command()(command)

# What lets a command go on after an interrupt.
RESUMED_BY = {"forecast": "checkpoint", "backtest": "checkpoint", "tune": "study"}
RESUMED_BY |= {"sine": "checkpoint"}


def run() -> None:
    """Run the command in a process of its own, which an interrupt ends at once.

    The interpreter's own way out would crash now and then, where JAX still computes.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        main()
    except SystemExit as end:
        if end.code == INTERRUPTED:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(INTERRUPTED)
        raise


def main() -> None:
    """Run the command; bad input and an interrupt are told in one line."""
    try:
        app()
    except DataError as error:
        print(f"kerasrnn: {error.message}", file=sys.stderr)
        sys.exit(2)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            print(f"kerasrnn: interrupted{way_on()}", file=sys.stderr)
        raise


def way_on() -> str:
    """Say how a command that was interrupted goes on."""
    command, *arguments = sys.argv[1:]
    # The classic forecast keeps no checkpoint.
    classic = "--recipe=classic" in arguments or ("--recipe", "classic") in pairwise(arguments)
    if command not in RESUMED_BY or (command == "forecast" and classic):
        return ""
    option = f"--{RESUMED_BY[command]}"
    if any(word.split("=")[0] == option for word in arguments):
        return "; the same command goes on from there"
    return f"; with {option} the same command would go on from there"
