"""Training gives the losses of the original torch programs, iteration by iteration."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import keras
import numpy as np
import pytest
import torch
from keras.src.backend.common import dtypes

import kerasrnn
from kerasrnn.forecasting import air_passengers
from kerasrnn.forecasting.classic import TRAINING_SHARE, classic_model, scaled_windows
from kerasrnn.forecasting.sine import classic_batches, sine_model
from kerasrnn.forecasting.torch_defaults import TORCH_EPSILON

Batch = tuple[np.ndarray, np.ndarray]


class SineProgram(torch.nn.Module):
    """The sine program's network; the state goes from one iteration into the next."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent = torch.nn.RNN(1, 16, batch_first=True)
        self.linear = torch.nn.Linear(16, 1)
        self.state: torch.Tensor | None = None

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        hidden, state = self.recurrent(inputs, self.state)
        self.state = state.detach()
        return self.linear(hidden)


class CsvProgram(torch.nn.Module):
    """The CSV program's network: all windows are one sequence of a batch of one."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent = torch.nn.LSTM(2, 4, 2)
        self.linear = torch.nn.Linear(4, 1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.linear(self.recurrent(inputs)[0])


def sine_batches() -> Iterator[Batch]:
    yield from classic_batches(seed=0)


def csv_batches() -> Iterator[Batch]:
    windows, targets, _ = scaled_windows(air_passengers().to_numpy("float64"), look_back=2)
    count = int(len(windows) * TRAINING_SHARE)
    while True:
        yield windows[:count], targets[:count]


def sine_network() -> keras.Model:
    return sine_model(batch_size=1, stateful=True)


PROGRAMS = {
    "sine": (SineProgram, sine_network, sine_batches),
    "csv": (CsvProgram, classic_model, csv_batches),
}


def torch_losses(program: Any, batches: Iterator[Batch], optimizer: Any) -> list[float]:
    losses = []
    for inputs, targets in batches:
        loss = torch.nn.functional.mse_loss(program(torch.tensor(inputs)), torch.tensor(targets))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def our_losses(model: keras.Model, batches: Iterator[Batch], iterations: int) -> list[float]:
    history = model.fit(
        (batch for batch in batches),
        steps_per_epoch=1,
        epochs=iterations,
        shuffle=False,
        verbose=0,
    )
    return history.history["loss"]


def copy_weights(program: Any, model: keras.Model) -> None:
    layer = next(layer for layer in model.layers if hasattr(layer, "cells"))
    kerasrnn.load_torch_state_dict(layer, program.recurrent.state_dict())
    linear = {name: value.numpy().copy() for name, value in program.linear.state_dict().items()}
    model.get_layer("linear").set_weights([linear["weight"].T, linear["bias"]])


@pytest.fixture
def float64(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make Keras compute in float64 throughout.

    Keras rounds float64 to float32 in some operations (3.15: matmul on torch, mean on both
    backends), its Dense layer, losses and metrics included. The rounding is switched off
    here, for it would hide differences of our own making.
    """
    monkeypatch.setitem(dtypes.BIT64_TO_BIT32_DTYPE, "float64", "float64")
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


def compare(name: str, dtype: str, iterations: int, optimizers: tuple[Any, Any]) -> np.ndarray:
    """Return the relative differences between the losses of both programs."""
    make_program, make_model, make_batches = PROGRAMS[name]
    torch.manual_seed(0)
    program = make_program().to(getattr(torch, dtype))
    model = make_model()
    copy_weights(program, model)
    ours, theirs = optimizers
    model.compile(ours, "mse")
    expected = torch_losses(
        program, islice(make_batches(), iterations), theirs(program.parameters())
    )
    actual = our_losses(model, islice(make_batches(), iterations), iterations)
    assert len(actual) == len(expected) == iterations
    assert expected[-1] < expected[0]
    return np.abs(np.array(actual) - expected) / np.array(expected)


@pytest.mark.parametrize("name", PROGRAMS)
def test_sgd_in_float64(name: str, float64: None) -> None:
    optimizers = (keras.optimizers.SGD(0.05), lambda p: torch.optim.SGD(p, 0.05))
    assert compare(name, "float64", 200, optimizers).max() < 1e-9


@pytest.mark.parametrize("name", PROGRAMS)
def test_adam_in_float32(name: str) -> None:
    optimizers = (
        keras.optimizers.Adam(1e-2, epsilon=TORCH_EPSILON),
        lambda p: torch.optim.Adam(p, 1e-2),
    )
    assert compare(name, "float32", 100, optimizers).max() < 1e-3
