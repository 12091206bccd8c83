"""The kerasrnn command: bench, explain, forecast, sine.

Results go to standard output, progress and warnings to standard error. The exit status
is 0 on success and 2 on bad input, which is told in one line.
"""

import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import keras
import numpy as np
import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

import kerasrnn
from kerasrnn.forecasting.backtest import HoldOut, hold_out
from kerasrnn.forecasting.classic import EPOCHS, Classic, run_classic
from kerasrnn.forecasting.data import (
    DataError,
    Reading,
    air_passengers,
    one_line,
    read_csv,
    require_positive,
    season_length,
)
from kerasrnn.forecasting.forecaster import Forecaster
from kerasrnn.forecasting.outputs import check_directory, staged, write_json
from kerasrnn.forecasting.plotting import plot_classic, plot_forecast, plot_sine, save
from kerasrnn.forecasting.progress import ProgressBar, StepBar
from kerasrnn.forecasting.sine import STARTS, SineRun, curve, generate, train

app = typer.Typer(
    help="Recurrent networks of torch.nn as Keras layers, and forecasts from a CSV file.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

FORECAST_FILES = ("forecast.csv", "forecast.png", "metrics.json", "model.keras")
SINE_FILES = ("sine.png", "metrics.json", "model.keras")
BENCH_FILES = ("bench.json", "bench.png", "growth.png")

BackendOption = Annotated[
    Literal["jax", "torch"] | None,
    typer.Option(help="Keras backend. Default: KERAS_BACKEND, else jax or torch."),
]
SeedOption = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Governs all that is random.")]
OutputOption = Annotated[Path, typer.Option(metavar="DIR", help="Directory for what is written.")]
QuietOption = Annotated[bool, typer.Option("--quiet", help="Print only errors and warnings.")]


def main() -> None:
    """Run the command; bad input is told in one line."""
    try:
        app()
    except DataError as error:
        print(f"kerasrnn: {error}", file=sys.stderr)
        sys.exit(2)


@app.command()
def forecast(
    file: Annotated[
        Path | None,
        typer.Argument(help="CSV file. Default: monthly airline passengers, 1949 to 1960."),
    ] = None,
    target: Annotated[str | None, typer.Option(help="Column to forecast.")] = None,
    time: Annotated[str | None, typer.Option(help="Column of times.")] = None,
    look_back: Annotated[int | None, typer.Option(help="Steps that the network sees.")] = None,
    horizon: Annotated[
        int | None, typer.Option(help="Steps to forecast, and to hold out; 12.")
    ] = None,
    model: Annotated[
        Literal["rnn", "lstm", "gru"] | None, typer.Option(help="Kind of network; gru.")
    ] = None,
    units: Annotated[int | None, typer.Option(help="Units of each layer; 32.")] = None,
    num_layers: Annotated[int | None, typer.Option(help="Recurrent layers; 1.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Most passes over the data.")] = None,
    season: Annotated[
        int | None, typer.Option(help="Steps in a season. Default: from the frequency.")
    ] = None,
    recipe: Annotated[
        Literal["default", "classic"], typer.Option(help="classic: the original teaching program.")
    ] = "default",
    fill: Annotated[
        Literal["linear", "previous", "drop"] | None,
        typer.Option(help="What to do about missing values."),
    ] = None,
    sort: Annotated[bool, typer.Option("--sort", help="Sort rows by time.")] = False,
    duplicates: Annotated[
        Literal["first", "last", "mean"] | None,
        typer.Option(help="What to keep of rows with the same time."),
    ] = None,
    dates: Annotated[
        Literal["day-first", "month-first"] | None,
        typer.Option(help="How dates such as 01/02/2020 are meant."),
    ] = None,
    encoding: Annotated[str, typer.Option(help="Encoding of the file.")] = "utf-8",
    backend: BackendOption = None,
    seed: SeedOption = 0,
    output: OutputOption = Path("forecast"),
    quiet: QuietOption = False,
) -> None:
    """Forecast a column of a CSV file with a recurrent network.

    Writes forecast.csv, forecast.png, metrics.json and model.keras.
    """
    require_backend(backend)
    check_directory(output)
    reading = Reading(target, time, encoding, fill, sort, duplicates, dates)
    series = air_passengers() if file is None else read_csv(file, reading)
    chosen = {
        name: value
        for name, value in {
            "horizon": horizon,
            "look_back": look_back,
            "model": model,
            "units": units,
            "num_layers": num_layers,
            "epochs": epochs,
        }.items()
        if value is not None
    }
    source = "built-in air passengers" if file is None else str(file)
    try:
        if recipe == "classic":
            if horizon is not None:
                raise DataError("--recipe classic predicts one step ahead; leave --horizon out")
            forecast_classic(series, source, season, chosen, seed, output, quiet)
        else:
            forecast_default(series, source, season, chosen, seed, output, quiet)
    except DataError as error:
        raise DataError(f"{source}: {error}") from None


def forecast_default(
    series: pd.Series,
    source: str,
    season: int | None,
    chosen: dict[str, Any],
    seed: int,
    output: Path,
    quiet: bool,
) -> None:
    """Hold out the last rows and score them, then fit all rows and forecast."""
    forecaster = Forecaster(season=season, seed=seed, quiet=quiet, **chosen)
    held_out = hold_out(forecaster, series)
    ahead = forecaster.fit(series).predict()
    settings = {
        **forecaster.get_params(),
        "look_back": forecaster.look_back_,
        "season": forecaster.season_,
        "epochs": forecaster.epochs_,
        "base": forecaster.scaling_.base,
        "log": forecaster.scaling_.log,
    }
    with staged(output) as folder:
        ahead.rename_axis("ds").to_csv(folder / "forecast.csv")
        save(plot_forecast(series, held_out, ahead), folder / "forecast.png")
        write_metrics(folder, source, series, held_out, settings)
        forecaster.model_.save(folder / "model.keras")
    if not quiet:
        print(f"{source}: {describe(series)}\n")
        first, last = held_out.actual.index[[0, -1]]
        print_scores(
            f"Held-out rows {time_name(first)} to {time_name(last)}",
            held_out.scores,
            held_out.skill,
        )
        print("\nForecast")
        print(ahead.to_frame().rename_axis("").to_string(header=False))
        print_files(output, FORECAST_FILES)
    warn_without_skill(held_out.skill)


def forecast_classic(
    series: pd.Series,
    source: str,
    season: int | None,
    chosen: dict[str, Any],
    seed: int,
    output: Path,
    quiet: bool,
) -> None:
    """Run the classic program; its forecast is one step ahead, over the whole series."""
    require_positive(season=season)
    season = season or season_length(series.index)
    bar = ProgressBar("training lstm", quiet)
    classic = run_classic(series, season, seed=seed, callbacks=[bar], **chosen)
    settings = {"recipe": "classic", "look_back": classic.look_back, "seed": seed, "season": season}
    settings |= {"epochs": EPOCHS, **chosen}
    with staged(output) as folder:
        classic.prediction.rename_axis("ds").to_csv(folder / "forecast.csv")
        save(plot_classic(series, classic), folder / "forecast.png")
        write_metrics(folder, source, series, classic, settings)
        classic.model.save(folder / "model.keras")
    if not quiet:
        print(f"{source}: {describe(series)}\n")
        print_scores(
            f"One step ahead after the first {classic.training_rows} rows",
            classic.scores,
            classic.skill,
        )
        print_files(output, FORECAST_FILES)
    warn_without_skill(classic.skill)


@app.command()
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


@app.command()
def explain(
    file: Annotated[
        Path | None, typer.Argument(help="A saved .keras model. Default: the three layers.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Rows in a batch.")] = None,
    time_steps: Annotated[int | None, typer.Option(min=1, help="Steps in a sequence.")] = None,
    masked: Annotated[bool, typer.Option("--masked", help="With a mask.")] = False,
    training: Annotated[bool, typer.Option("--training", help="In training.")] = False,
    device: Annotated[
        Literal["cpu", "gpu"] | None, typer.Option(help="Default: the one there is.")
    ] = None,
    dtype: Annotated[
        Literal["float16", "bfloat16", "float32", "float64"] | None,
        typer.Option(help="Type to compute in. Default: the model's."),
    ] = None,
    backend: BackendOption = None,
) -> None:
    """Say which kernel runs each recurrent layer, and why no faster one does."""
    require_backend(backend)
    facts: dict[str, Any] = {
        "batch_size": batch_size,
        "time_steps": time_steps,
        "masked": masked,
        "training": training,
        "device": device,
        "dtype": dtype,
    }
    try:
        for layer in [load_model(file)] if file else default_layers():
            print(kerasrnn.explain(layer, **facts))
    except ValueError as error:
        raise DataError(one_line(error)) from None


@app.command()
def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="Small shapes and few rounds, in under a minute.")
    ] = False,
    cases: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only cases with this text in their name.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of torch. Default: one for each core.")
    ] = None,
    backend: BackendOption = None,
    output: OutputOption = Path("bench"),
    quiet: QuietOption = False,
) -> None:
    """Time the layers beside torch.nn, keras.layers and, on JAX, flax.nnx.

    Writes bench.json, bench.png and growth.png.
    """
    # Here, for its peers take long to import.
    from kerasrnn.benchmark.cases import all_cases, matching, quick_cases
    from kerasrnn.benchmark.contestants import left_out
    from kerasrnn.benchmark.machine import cores, load, use_threads
    from kerasrnn.benchmark.plots import plot_growth, plot_ratios
    from kerasrnn.benchmark.report import ratio_table, worst_cells
    from kerasrnn.benchmark.run import run, steps

    require_backend(backend)
    check_directory(output)
    known = quick_cases() if quick else all_cases()
    chosen = matching(known, cases or "")
    if not chosen:
        raise DataError(f"--cases {cases!r} is in no name; they are such as {known[-1].name!r}")
    used = use_threads(threads)
    if threads is not None and "torch" not in used:
        raise DataError("--threads sets the threads of torch, which is not installed")
    for peer, reason in left_out().items():
        print(f"kerasrnn: warning: {peer} is left out; {reason}", file=sys.stderr)
    if (busy := load()) > cores() / 2:
        print(
            f"kerasrnn: warning: other programs keep this machine busy (load {busy:.1f}), and "
            "spoil the times",
            file=sys.stderr,
        )
    with StepBar(steps(chosen, quick), quiet) as bar:
        results = run(chosen, quick, used, bar.tell)
    with staged(output) as folder:
        save(plot_ratios(results.cases, results.title), folder / "bench.png")
        save(plot_growth(results.growth, results.title), folder / "growth.png")
        write_json(folder / "bench.json", results.content())
    if not quiet:
        print(results.title)
        # A table cut to a narrow terminal would lose its numbers.
        table = ratio_table(results.cases, results.summary, results.peers)
        Console(width=max(Console().width, 150)).print(table)
        print("\n".join(["", *worst_cells(results.summary)]))
        print_files(output, BENCH_FILES)


def default_layers() -> list[keras.Layer]:
    """Return a small layer of each kind."""
    layers = [cls(8, name=cls.__name__) for cls in (kerasrnn.RNN, kerasrnn.LSTM, kerasrnn.GRU)]
    for layer in layers:
        layer.build((None, None, 1))
    return layers


def load_model(file: Path) -> keras.Model:
    """Load a saved model, or say why not."""
    if not file.is_file():
        raise DataError(f"{file} is no file; name a .keras file")
    if not zipfile.is_zipfile(file):
        raise DataError(f"{file} is not a whole .keras file; save the model again")
    return keras.saving.load_model(file)


def require_backend(backend: str | None) -> None:
    """Raise where Keras was started on another backend than `--backend` asks for."""
    if backend is not None and backend != keras.backend.backend():
        raise DataError(
            f"--backend {backend}: Keras already runs on {keras.backend.backend()}; set "
            f"KERAS_BACKEND={backend} before it is imported"
        )


def write_metrics(
    folder: Path,
    source: str,
    series: pd.Series,
    result: HoldOut | Classic,
    settings: dict[str, Any],
) -> None:
    """Write the scores of the network and of both naive forecasts."""
    content = {
        **{str(name): row.to_dict() for name, row in result.scores.iterrows()},
        "skill": result.skill,
        "source": source,
        "target": str(series.name),
        "rows": len(series),
        "settings": settings,
        **versions(),
    }
    write_json(folder / "metrics.json", content)


def versions() -> dict[str, Any]:
    """Return what the numbers were made with."""
    return {
        "backend": keras.backend.backend(),
        "versions": {"kerasrnn": kerasrnn.__version__, "keras": keras.__version__},
    }


def describe(series: pd.Series) -> str:
    """Say what a series is, in a line."""
    index = series.index
    first, last = time_name(index[0]), time_name(index[-1])
    text = f"{len(series)} rows of {series.name!r}, {first} to {last}"
    if isinstance(index, pd.DatetimeIndex) and index.freq is None:
        text += "; the times are not evenly spaced: rows are taken as equal steps, and without a "
        text += "season unless --season names one"
    return text


def time_name(time: Any) -> str:
    """Return a time as text, without a time of day where that is midnight."""
    if isinstance(time, pd.Timestamp) and time == time.normalize():
        return str(time.date())
    return str(time)


def print_scores(title: str, scores: pd.DataFrame, skill: float) -> None:
    """Print the scores as a table, and the skill."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None)
    table.add_column("")
    for metric in scores.columns:
        table.add_column(metric.upper(), justify="right")
    for name, row in scores.iterrows():
        table.add_row(str(name).replace("_", " "), *(f"{value:.4g}" for value in row))
    Console().print(table)
    print(f"skill {skill:+.3f} (1 - RMSE / RMSE of the better naive forecast)")


def print_files(output: Path, names: Sequence[str]) -> None:
    """Name what was written."""
    print("\nwrote " + ", ".join(str(output / name) for name in names))


def warn_without_skill(skill: float) -> None:
    """Say plainly where the network is of no use."""
    if not skill > 0:
        print(
            f"kerasrnn: warning: skill {skill:+.3f}: the network does not beat the naive "
            "forecasts here; use the better of those",
            file=sys.stderr,
        )
