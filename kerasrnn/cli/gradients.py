"""kerasrnn gradients: how far gradients reach in an RNN, an LSTM and a GRU."""

from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
import pandas as pd
import typer

import kerasrnn
from kerasrnn.cli.options import (
    BackendOption,
    OutputOption,
    QuietOption,
    SeedOption,
    require_backend,
)
from kerasrnn.cli.printing import print_files
from kerasrnn.diagnostics import GradientFlow, gradient_flow, memory_length, plot_gradient_flow
from kerasrnn.diagnostics.flow import MEASURES
from kerasrnn.forecasting.errors import DataError, require_number, require_positive, require_whole
from kerasrnn.forecasting.outputs import check_directory, staged
from kerasrnn.forecasting.plotting import save
from kerasrnn.forecasting.wording import counted
from kerasrnn.layers import Recurrent

BATCH, FEATURES = 8, 8
FILES = ("gradients.csv", "gradients.png")


def gradients(
    length: Annotated[int, typer.Option(help="Steps of the sequences.")] = 100,
    scale: Annotated[
        float,
        typer.Option(
            help="Singular values of each gate's recurrent weights, which are orthogonal."
        ),
    ] = 1.0,
    units: Annotated[int, typer.Option(help="Units of each layer.")] = 32,
    remember: Annotated[
        bool, typer.Option("--remember", help="Start the LSTM's forget gate open (bias 1).")
    ] = False,
    backend: BackendOption = None,
    seed: SeedOption = 0,
    output: OutputOption = Path("gradients"),
    quiet: QuietOption = False,
) -> None:
    """Draw how gradients vanish or explode in layers that were not trained, on noise.

    Writes gradients.csv and gradients.png.
    """
    require_backend(backend)
    check_directory(output)
    require_positive(units=units)
    require_whole("length", length, least=2)
    require_number("scale", scale)
    if scale < 0:
        raise DataError(f"--scale must be at least 0. Got {scale:g}.")
    noise = np.random.default_rng(seed).normal(size=(BATCH, length, FEATURES)).astype("float32")
    layers: dict[str, Recurrent] = {}
    for kind in (kerasrnn.RNN, kerasrnn.LSTM, kerasrnn.GRU):
        keras.utils.set_random_seed(seed)
        options: dict[str, Any] = {"unit_forget_bias": remember} if kind is kerasrnn.LSTM else {}
        layers[kind.__name__] = layer = kind(units, **options)
        layer.build(noise.shape)
        start_orthogonal(layer, scale, seed)
    flows = {name: gradient_flow(layer, noise) for name, layer in layers.items()}
    with staged(output) as folder:
        save(plot_gradient_flow(flows), folder / "gradients.png")
        table(flows).to_csv(folder / "gradients.csv", index=False)
    if not quiet:
        for name, flow in flows.items():
            remembered = memory_length(layers[name], noise)
            more, steps = ("more than ", length - 1) if remembered is None else ("", remembered)
            print(
                f"{name:5} a change of h_1 is {flow.hidden[0, -1]:.1e} times as large at step "
                f"{length}, and below 1 % after {more}{counted(steps, 'step')}"
            )
        print_files(output, FILES)


def start_orthogonal(layer: Recurrent, scale: float, seed: int) -> None:
    """Give each gate recurrent weights that make every vector `scale` times as long.

    Keras's "orthogonal" does so for all gates of a cell together, and each of them shortens.
    """
    rng = np.random.default_rng(seed)
    for cell in layer.cells:
        units, width = cell.recurrent_kernel.shape
        gates = [np.linalg.qr(rng.normal(size=(units, units)))[0] for _ in range(width // units)]
        cell.recurrent_kernel.assign(scale * np.concatenate(gates, axis=1))


def table(flows: dict[str, GradientFlow]) -> pd.DataFrame:
    """Return all numbers, a row for each layer and step."""
    parts = [
        pd.DataFrame(
            {
                "layer": name,
                "step": np.arange(1, flow.hidden.shape[1] + 1),
                **{column: getattr(flow, attribute)[0] for column, attribute in MEASURES.items()},
            }
        )
        for name, flow in flows.items()
    ]
    return pd.concat(parts, ignore_index=True)
