"""The kerasrnn command: backtest, bench, explain, forecast, predict, sine, tune.

Results go to standard output, progress and warnings to standard error. The exit status
is 0 on success and 2 on bad input, which is told in one line.
"""

import sys

import typer

from kerasrnn.cli.backtest import backtest
from kerasrnn.cli.bench import bench
from kerasrnn.cli.explain import explain
from kerasrnn.cli.forecast import forecast
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
for command in (forecast, predict, backtest, tune, sine, explain, bench):
    app.command()(command)


def main() -> None:
    """Run the command; bad input is told in one line."""
    try:
        app()
    except DataError as error:
        print(f"kerasrnn: {error}", file=sys.stderr)
        sys.exit(2)
