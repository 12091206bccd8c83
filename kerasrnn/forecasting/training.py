"""Train a forecasting network: loss, early stopping, checkpoints that go on bit for bit."""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
import zipfile
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
from keras import ops

from kerasrnn.forecasting.errors import DataError
from kerasrnn.forecasting.models import Design
from kerasrnn.forecasting.outputs import check_directory
from kerasrnn.forecasting.progress import ProgressBar
from kerasrnn.forecasting.windows import WindowBatches
from kerasrnn.types import Tensor

LOSSES = ("mse", "mae", "huber")


@dataclass(frozen=True)
class Training:
    """How a network is trained.

    Attributes:
        epochs: Most passes over the training windows.
        learning_rate: Of Adam; it falls to 0 along a cosine.
        patience: Passes without a better validation loss after which training stops.
        loss: `"mse"`, `"mae"` or `"huber"`; with quantiles always the pinball loss.
        max_time: Seconds after which no further pass begins.
        checkpoint: Directory that keeps the state after each pass.
        title: What is shown on the progress bar.
        quiet: Show no progress bar.
    """

    epochs: int
    learning_rate: float
    patience: int
    loss: str
    max_time: float | None = None
    checkpoint: Path | None = None
    title: str = "training"
    quiet: bool = True


def train(
    model: keras.Model,
    design: Design,
    batches: WindowBatches,
    validation: WindowBatches | None,
    training: Training,
) -> dict[str, list[float]]:
    """Fit a network, and leave it with its best weights.

    Args:
        model: See `kerasrnn.forecasting.models.forecast_model`.
        design: What it was built from.
        batches: Training windows.
        validation: Windows that early stopping looks at. Default: the training loss decides.
        training: How to train.

    Returns:
        The loss after each pass under `"loss"` and `"val_loss"`, of a member on average, of
        errors in multiples of the base forecast's.

    Raises:
        DataError: the checkpoint belongs to another run.
    """
    steps = training.epochs * batches.num_batches
    decay = keras.optimizers.schedules.CosineDecay(training.learning_rate, steps)
    # One with the same layers is compiled, so that what is saved knows nothing of its training.
    network = keras.Model(model.input, model.output)
    network.compile(keras.optimizers.Adam(decay, clipnorm=1.0), MemberLoss(training.loss, design))
    monitor = "val_loss" if validation is not None else "loss"
    stopping = keras.callbacks.EarlyStopping(
        monitor, patience=training.patience, mode="min", restore_best_weights=True
    )
    callbacks: list[keras.callbacks.Callback] = [Reseeding(batches.seed), stopping]
    checkpoint = None
    if training.checkpoint is not None:
        identity = identity_of(training, design, batches, validation)
        checkpoint = Checkpoint(training.checkpoint, network, stopping, identity)
        # After early stopping, for it keeps what that knows.
        callbacks.append(checkpoint)
    if training.max_time is not None:
        callbacks.append(TimeBudget(training.max_time))
    callbacks.append(ProgressBar(training.title, training.quiet))
    start = 0 if checkpoint is None else checkpoint.start
    if checkpoint is not None and (checkpoint.stopped or start >= training.epochs):
        checkpoint.restore_best()
    else:
        batches.set_pass(start)
        network.fit(
            batches,
            validation_data=validation,
            epochs=training.epochs,
            initial_epoch=start,
            shuffle=False,
            verbose=0,
            callbacks=callbacks,
        )
    history = network.history.history if checkpoint is None else checkpoint.history
    return {
        name: [float(loss) / design.num_members for loss in losses]
        for name, losses in history.items()
    }


class MemberLoss(keras.losses.Loss):
    """The loss of all members together, summed so that each takes the steps it would alone.

    Args:
        kind: `"mse"`, `"mae"` or `"huber"`; with quantiles it is the pinball loss.
        design: What the network was built from.
    """

    def __init__(self, kind: str, design: Design) -> None:
        super().__init__(name="loss")
        self.pointwise = {"mse": ops.square, "mae": ops.abs, "huber": huber}[kind]
        self.design = design
        self.scale = math.sqrt(design.scaling.loss_scale)

    def call(self, target: Tensor, forecast: Tensor) -> Tensor:
        """Return the loss of each window.

        Args:
            target: (batch, horizon).
            forecast: (batch, members, horizon, quantiles); members and quantiles may be missing.
        """
        if self.design.num_members > 1:
            target = target[:, None]
        if self.design.quantiles:
            target = target[..., None]
        error = (target - forecast) / self.scale
        if self.design.quantiles:
            losses = pinball(error, self.design.quantiles)
        else:
            losses = self.pointwise(error)
        axes = tuple(range(1, len(losses.shape)))
        return self.design.num_members * ops.mean(losses, axis=axes)


def huber(error: Tensor) -> Tensor:
    """Return the square of small errors and, from 1 on, a multiple of their size."""
    size = ops.abs(error)
    return ops.where(size < 1, 0.5 * size**2, size - 0.5)


def pinball(error: Tensor, quantiles: tuple[float, ...]) -> Tensor:
    """Return the pinball loss of errors (..., quantiles), actual minus forecast.

    Source: Koenker and Bassett 1978.
    """
    share = ops.convert_to_tensor(quantiles, error.dtype)
    return ops.maximum(error * share, error * (share - 1))


class Reseeding(keras.callbacks.Callback):
    """Seed the backend anew before each pass.

    On torch Keras draws dropout from torch's own generator, whose state no checkpoint could
    keep: so it depends on seed and pass alone.

    Args:
        seed: Of the run.
    """

    def __init__(self, seed: int | None) -> None:
        super().__init__()
        self.seed = seed

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        drawn = np.random.default_rng((self.seed or 0, epoch)).integers(2**32)
        keras.utils.set_random_seed(int(drawn))


class TimeBudget(keras.callbacks.Callback):
    """Stop after the pass in which the time is up.

    Args:
        seconds: The time that there is, from the start of the training.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.until = time.monotonic() + self.seconds

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if time.monotonic() >= self.until:
            self.model.stop_training = True


class Checkpoint(keras.callbacks.Callback):
    """Keep all that a training needs to go on as if it had never been interrupted.

    One file, written anew after each pass: weights, states of the random generators and of
    the optimizer, the best weights, and what early stopping has counted.

    Args:
        directory: Where the file is.
        model: The network, compiled.
        stopping: The callback for early stopping.
        identity: Of the run; see `identity_of`.

    Raises:
        DataError: the file belongs to another run, is not whole, or cannot be written.
    """

    def __init__(
        self,
        directory: Path,
        model: keras.Model,
        stopping: keras.callbacks.EarlyStopping,
        identity: str,
    ) -> None:
        super().__init__()
        check_directory(directory, "checkpoint")
        self.path = directory / "training.npz"
        self.identity = identity
        self.stopping = stopping
        self.network = model
        self.start, self.stopped = 0, False
        self.history: dict[str, list[float]] = {}
        self.state: dict[str, np.ndarray] | None = None
        if self.path.exists():
            self.state = self.read()

    def read(self) -> dict[str, np.ndarray]:
        """Read the file, and check that it belongs to this run."""
        try:
            with self.path.open("rb") as file, np.load(file) as arrays:
                state = dict(arrays)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(
                f"{self.path} is not a whole checkpoint ({error}); remove it to start anew"
            ) from None
        if "told" not in state:
            raise DataError(f"{self.path} is no checkpoint; name another directory")
        told = json.loads(str(state["told"]))
        if told["identity"] != self.identity:
            raise DataError(
                f"{self.path} is the checkpoint of other data, arguments or versions; name another "
                "directory, or remove it to start anew"
            )
        self.told = told
        self.start, self.history = told["epochs"], told["history"]
        self.stopped = told["stopped"]
        return state

    def variables(self) -> list[keras.Variable]:
        """Return all that changes in a training."""
        optimizer = self.network.optimizer
        if not optimizer.built:
            optimizer.build(self.network.trainable_variables)
        return [*self.network.variables, *optimizer.variables]

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Go on from the file; early stopping has just forgotten what it knew."""
        if self.state is None:
            return
        for number, variable in enumerate(self.variables()):
            variable.assign(self.state[f"variable_{number}"])
        self.stopping.wait = self.told["wait"]
        self.stopping.best = self.told["best"]
        self.stopping.best_epoch = self.told["best_epoch"]
        self.stopping.best_weights = self.best_weights()

    def best_weights(self) -> list[np.ndarray]:
        """Return the best weights in the file."""
        assert self.state is not None
        return [self.state[f"best_{n}"] for n in range(len(self.network.get_weights()))]

    def restore_best(self) -> None:
        """Give the network the best weights in the file."""
        self.network.set_weights(self.best_weights())

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the file; an interrupt leaves the old one or the new one, whole."""
        for name, loss in (logs or {}).items():
            self.history.setdefault(name, []).append(float(loss))
        told = {
            "identity": self.identity,
            "epochs": epoch + 1,
            "history": self.history,
            "wait": self.stopping.wait,
            "best": float(self.stopping.best),
            "best_epoch": self.stopping.best_epoch,
            "stopped": self.stopping.wait >= self.stopping.patience,
        }
        arrays = {f"variable_{n}": ops.convert_to_numpy(v) for n, v in enumerate(self.variables())}
        best = self.stopping.best_weights or self.network.get_weights()
        arrays |= {f"best_{n}": np.asarray(weight) for n, weight in enumerate(best)}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        with partial.open("wb") as file:
            np.savez(file, told=json.dumps(told), **arrays)
        os.replace(partial, self.path)


def identity_of(
    training: Training, design: Design, batches: WindowBatches, validation: WindowBatches | None
) -> str:
    """Return a digest of all that a training depends on."""
    backend = keras.backend.backend()
    settings = asdict(training)
    for name in ("max_time", "checkpoint", "title", "quiet"):
        del settings[name]
    digest = hashlib.sha256(
        json.dumps(
            [
                settings,
                asdict(design),
                [batches.look_back, batches.horizon, batches.batch_size, batches.seed],
                [backend, *map(version, ("kerasrnn", "keras", backend))],
                [keras.config.dtype_policy().name, keras.config.floatx()],
            ],
            sort_keys=True,
        ).encode()
    )
    rows = batches.rows
    arrays = (rows.values, rows.past, rows.future, rows.static, rows.offsets, rows.positions)
    starts = batches.starts[:0] if validation is None else validation.starts
    for array in (*arrays, batches.starts, starts):
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def default_epochs(steps_per_epoch: int, usual: int = 400, most: int = 1500) -> int:
    """Return the passes that make about 400 steps, at least 10, or else 1500 steps."""
    passes = max(10, round(usual / steps_per_epoch))
    return max(1, min(passes, math.ceil(most / steps_per_epoch)))
