"""kerasrnn explain: which kernel runs, and why."""

import zipfile
from pathlib import Path
from typing import Annotated, Any, Literal

import keras
import typer

import kerasrnn
from kerasrnn.cli.options import BackendOption, require_backend
from kerasrnn.forecasting.errors import DataError, one_line
from kerasrnn.forecasting.saving import NETWORK, inside
from kerasrnn.forecasting.wording import shortened

LONGEST_REASON = 200


def explain(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="A saved .keras model, or directory of a forecaster. Default: the three layers."
        ),
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


def default_layers() -> list[keras.Layer]:
    """Return a small layer of each kind."""
    layers = [cls(8, name=cls.__name__) for cls in (kerasrnn.RNN, kerasrnn.LSTM, kerasrnn.GRU)]
    for layer in layers:
        layer.build((None, None, 1))
    return layers


def load_model(file: Path) -> keras.Model:
    """Load a saved model, or say why not."""
    if file.is_dir():
        directory, file = file, file / NETWORK
        if not file.is_file():
            raise DataError(
                f"{directory} holds no {NETWORK}; name a .keras file or a saved forecaster"
                + inside(directory, NETWORK)
            )
    if not file.is_file():
        raise DataError(f"{file} is no file; name a .keras file")
    if file.suffix != ".keras":
        raise DataError(f"{file} is no .keras file")
    if not zipfile.is_zipfile(file):
        raise DataError(f"{file} is not a whole .keras file; save the model again")
    try:
        return keras.saving.load_model(file)
    except (KeyError, OSError, TypeError, ValueError) as error:
        # Keras appends the whole configuration.
        reason = shortened(one_line(error), LONGEST_REASON)
        raise DataError(
            f"{file} cannot be loaded ({reason}); what needs code of its own is explained in "
            "Python, by kerasrnn.explain(model)"
        ) from None
