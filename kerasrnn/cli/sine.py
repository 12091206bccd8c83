"""kerasrnn sine: learn sine curves."""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer

from kerasrnn.cli.options import (
    BackendOption,
    OutputOption,
    QuietOption,
    SeedOption,
    require_backend,
)
from kerasrnn.cli.printing import print_files, versions
from kerasrnn.forecasting.errors import DataError
from kerasrnn.forecasting.outputs import check_directory, staged, write_json
from kerasrnn.forecasting.plotting import plot_sine, save
from kerasrnn.forecasting.sine import STARTS, SineRun, curve, generate, train

SINE_FILES = ("sine.png", "metrics.json", "model.keras")


def sine(
    recipe: Annotated[
        Literal["classic", "improved"], typer.Option(help="classic: the original teaching program.")
    ] = "classic",
    init: Annotated[
        Literal["default", "small"],
        typer.Option(help="small: every weight of the RNN from N(0, 0.001)."),
    ] = "default",
    clip: Annotated[float | None, typer.Option(help="Largest norm of a gradient.")] = None,
    iterations: Annotated[
        int | None, typer.Option(help="Training steps; 6000 classic, 3000 improved.")
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Go on from this .keras file if it exists; write it."),
    ] = None,
    backend: BackendOption = None,
    seed: SeedOption = 0,
    output: OutputOption = Path("sine"),
    quiet: QuietOption = False,
) -> None:
    """Learn sine curves, and draw each from its first point alone.

    Writes sine.png, metrics.json and model.keras.
    """
    require_backend(backend)
    check_directory(output)
    if checkpoint is not None:
        check_directory(checkpoint.parent)
        if checkpoint.suffix != ".keras":
            raise DataError(f"--checkpoint {checkpoint}: the name must end in .keras")
    run = SineRun(recipe, init, clip, iterations, seed)
    model = train(run, checkpoint, report=not quiet)
    generated = {start: generate(model, float(curve(start)[0])) for start in STARTS}
    errors = {
        start: float(np.sqrt(np.mean((values - curve(start)[1:]) ** 2)))
        for start, values in generated.items()
    }
    with staged(output) as folder:
        save(plot_sine(generated, errors), folder / "sine.png")
        settings = {"recipe": run.recipe, "init": run.init, "clip": clip, "iterations": run.total}
        rmse = {f"start_{start}": error for start, error in errors.items()}
        write_json(
            folder / "metrics.json",
            {"generated_rmse": rmse, **settings, "seed": seed, **versions()},
        )
        model.save(folder / "model.keras")
    if not quiet:
        for start, error in errors.items():
            print(f"generated from {curve(start)[0]:.4f}: RMSE {error:.4f} over 49 points")
        print_files(output, SINE_FILES)
