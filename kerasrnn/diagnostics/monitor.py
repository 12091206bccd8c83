"""Watch gradients through time while a model is trained."""

from __future__ import annotations

import csv
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasrnn.diagnostics.flow import MEASURES, GradientFlow, check_call, gradient_flow
from kerasrnn.diagnostics.probe import require_sequences

COLUMNS = ("epoch", "name", "step", *MEASURES)
VANISHED = {
    "RNN": 'start from recurrent_initializer="orthogonal", or use an LSTM or a GRU, whose gates '
    "can learn to keep a state",
    "LSTM": "start with its forget gate open, by unit_forget_bias=True or a greater bias, or make "
    "the sequences shorter; training may open the gate, too",
    "GRU": "make the sequences shorter; training may open its update gate, too",
}
CLIP = "clip gradients with clipnorm=1.0 in the optimizer, or lower the learning rate"
EXPLODED = {
    "RNN": f'{CLIP}, or start from recurrent_initializer="orthogonal"',
    "LSTM": CLIP,
    "GRU": CLIP,
}


class GradientMonitor(keras.callbacks.Callback):
    """Measure the gradient flow of a model after each epoch, and warn where it is lost.

    A second `fit` starts anew, and writes the file anew.

    >>> layers = [kerasrnn.LSTM(4), keras.layers.Dense(1)]
    >>> model = keras.Sequential(layers)
    >>> model.compile("adam", "mse")
    >>> x, y = np.ones((8, 10, 2)), np.ones((8, 1))
    >>> monitor = GradientMonitor(x[:4], y[:4])
    >>> history = model.fit(x, y, epochs=2, verbose=0, callbacks=[monitor])
    >>> [flow.gradients.shape for flow in monitor.flows]
    [(1, 10), (1, 10)]

    Args:
        x, y: A few sequences with their targets, on which it is measured.
        every: Epochs from one measurement to the next. Default 1.
        vanishing: A largest singular value of dh_T/dh_1, or of an LSTM's dC_T/dC_1 where that
            is larger, below this counts as vanished. Default 1e-4.
        exploding: One above this counts as exploded. Default 1e4.
        path: CSV file that gets a row for each epoch, cell and step, from the first
            measurement on. Default: none is written.
        log_dir: Folder in which TensorBoard finds, for each cell, the norms of dL/dh_1 and
            dL/dh_T and the largest singular values of dh_T/dh_1 and dC_T/dC_1 after each
            epoch. Needs the extra `tensorboard`. Default: none is written.

    Attributes:
        flows: One `GradientFlow` for each measurement of the last `fit`.
        epochs: The epochs after which they were made.
    """

    def __init__(
        self,
        x: Any,
        y: Any = None,
        *,
        every: int = 1,
        vanishing: float = 1e-4,
        exploding: float = 1e4,
        path: str | Path | None = None,
        log_dir: str | Path | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(every, int) or every < 1:
            raise ValueError(f"every must be a number of epochs, at least 1. Got {every!r}.")
        if not 0 <= vanishing < exploding:
            raise ValueError(
                f"vanishing must be below exploding. Got {vanishing:g} and {exploding:g}."
            )
        require_sequences(x)
        self.x, self.y, self.every = x, y, every
        self.vanishing, self.exploding = vanishing, exploding
        self.path = None if path is None else Path(path)
        if self.path is not None and not self.path.parent.is_dir():
            raise ValueError(f"path: there is no folder {self.path.parent}. Make it first.")
        self.board = None if log_dir is None else summary_writer(log_dir)
        self.flows: list[GradientFlow] = []
        self.epochs: list[int] = []
        self.told: set[tuple[str, str]] = set()

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Start anew, with a model that can be measured."""
        if self.model.built:
            check_call(self.model, self.x, self.y)
        self.flows, self.epochs, self.told = [], [], set()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Measure, where the time has come."""
        if epoch % self.every:
            return
        flow = gradient_flow(self.model, self.x, self.y)
        self.flows.append(flow)
        self.epochs.append(epoch)
        if self.path is not None:
            self.write(epoch, flow)
        if self.board is not None:
            self.log(epoch, flow)
        for i, name in enumerate(flow.names):
            if np.isnan(flow.hidden[i]).all():  # no row has a valid step
                continue
            _, last = ends(flow, i)
            # An LSTM's cell state may remember what its hidden state does not.
            reach = float(np.nanmax([flow.hidden[i, last], flow.cell[i, last]]))
            if reach < self.vanishing:
                self.tell(name, "vanish", reach, VANISHED[flow.kinds[i]])
            elif reach > self.exploding:
                self.tell(name, "explode", reach, EXPLODED[flow.kinds[i]])

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Finish the file for TensorBoard."""
        if self.board is not None:
            self.board.close()

    def tell(self, name: str, verb: str, reach: float, remedy: str) -> None:
        """Warn, once for each cell and kind."""
        if (name, verb) not in self.told:
            self.told.add((name, verb))
            warnings.warn(
                f"gradients {verb} in {name}: a change of its first state reaches the last one "
                f"{reach:.1e} times as large; {remedy}",
                stacklevel=2,
            )

    def write(self, epoch: int, flow: GradientFlow) -> None:
        """Add the rows of a measurement to the file."""
        assert self.path is not None
        first = len(self.flows) == 1
        with self.path.open("w" if first else "a", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            if first:
                table.writerow(COLUMNS)
            for i, name in enumerate(flow.names):
                columns = [getattr(flow, attribute)[i] for attribute in MEASURES.values()]
                for step, numbers in enumerate(zip(*columns, strict=True), start=1):
                    cells = ["" if np.isnan(number) else repr(float(number)) for number in numbers]
                    table.writerow([epoch, name, step, *cells])

    def log(self, epoch: int, flow: GradientFlow) -> None:
        """Hand what TensorBoard shows of a measurement to it."""
        assert self.board is not None
        for i, name in enumerate(flow.names):
            if np.isnan(flow.hidden[i]).all():
                continue
            tag = name.replace(", ", "/").replace(" ", "_")
            first, last = ends(flow, i)
            measures = {
                "dL_dh_1": flow.gradients[i, first],
                "dL_dh_T": flow.gradients[i, last],
                "dh_T_dh_1": flow.hidden[i, last],
                "dC_T_dC_1": flow.cell[i, last],
            }
            for measure, number in measures.items():
                if not np.isnan(number):
                    self.board.add_scalar(f"{tag}/{measure}", number, epoch)


def ends(flow: GradientFlow, cell: int) -> tuple[int, int]:
    """Return the columns of the first and the last step that a cell takes."""
    end = int(np.flatnonzero(~np.isnan(flow.hidden[cell]))[-1])
    return (end, 0) if flow.reverse[cell] else (0, end)


def summary_writer(log_dir: str | Path) -> Any:
    """Return what writes for TensorBoard.

    Raises:
        ImportError: tensorboardX is not installed.
    """
    if find_spec("tensorboardX") is None:
        raise ImportError('log_dir needs tensorboardX: pip install "kerasrnn[tensorboard]"')
    from tensorboardX import SummaryWriter

    return SummaryWriter(str(log_dir))
