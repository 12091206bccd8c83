"""Learn three sine curves point by point, then draw them from their first point alone.

The classic recipe is a well-known teaching program: one curve an iteration, the hidden
state carried from each curve into the next, a constant learning rate. Its generated
curves are poor, for the first step must tell by the first value alone which curve it
is on, has one 49th of the loss, and starts from whatever state the last curve left.

The improved recipe trains on all three curves from a zero state, weighs the first step
more, lets the learning rate decay, and adds a little noise, which teaches the network to
correct its own errors. It learns these three curves, not sine curves in general.
"""

import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import keras
import numpy as np

from kerasrnn.forecasting.errors import DataError, one_line
from kerasrnn.forecasting.torch_defaults import TORCH_EPSILON, torch_linear
from kerasrnn.layers import RNN

STARTS = (0, 1, 2)
POINTS = 50
STEPS = POINTS - 1
REPORT_EVERY = 100

RECIPES = ("classic", "improved")
ITERATIONS = {"classic": 6000, "improved": 3000}
INITS = ("default", "small")

FIRST_STEP_WEIGHT = 20.0
NOISE = 0.01


@dataclass(frozen=True)
class SineRun:
    """What one run is to do.

    Attributes:
        recipe: `"classic"` or `"improved"`.
        init: `"default"`, as in `torch.nn`, or `"small"`: every weight of the RNN drawn
            from N(0, 0.001).
        clip: Largest norm of a gradient: for each weight in the classic recipe (default:
            no clipping), for all together in the improved one (default 0.1).
        iterations: Training steps, a multiple of 100. Default 6000 or 3000.
        seed: Governs initial weights, data order and noise.
    """

    recipe: str = "classic"
    init: str = "default"
    clip: float | None = None
    iterations: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, known in (("recipe", self.recipe, RECIPES), ("init", self.init, INITS)):
            if value not in known:
                raise DataError(f"--{name} must be one of {', '.join(known)}. Got {value!r}.")
        if self.total < REPORT_EVERY or self.total % REPORT_EVERY:
            raise DataError(f"--iterations must be a multiple of {REPORT_EVERY}. Got {self.total}.")
        if self.clip is not None and not self.clip > 0:
            raise DataError(f"--clip must be above 0. Got {self.clip:g}.")

    @property
    def total(self) -> int:
        """Number of training steps."""
        return ITERATIONS[self.recipe] if self.iterations is None else self.iterations

    @property
    def model_name(self) -> str:
        """Name of the model, by which a checkpoint is recognised."""
        schedule = f"_of_{self.total}" if self.recipe == "improved" else ""
        clip = "" if self.clip is None else f"_clip_{self.clip:g}"
        return f"sine_{self.recipe}_{self.init}{clip}_seed_{self.seed}{schedule}"


def curve_times(start: float) -> np.ndarray:
    """Return the 50 points in time of a curve."""
    return np.linspace(start, start + 10, POINTS)


def curve(start: float) -> np.ndarray:
    """Return the 50 values of a curve."""
    return np.sin(curve_times(start))


def classic_batches(seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield without end a curve drawn at random: inputs and targets (1, 49, 1)."""
    rng = np.random.default_rng(seed)
    while True:
        values = curve(rng.choice(STARTS))[None, :, None].astype(keras.config.floatx())
        yield values[:, :-1], values[:, 1:]


def improved_batches(
    seed: int, iterations: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield all three curves with fading noise: inputs, targets (3, 49, 1), weights (3, 49)."""
    rng = np.random.default_rng(seed)
    values = np.stack([curve(start) for start in STARTS])[..., None]
    weights = np.ones((len(STARTS), STEPS))
    weights[:, 0] = FIRST_STEP_WEIGHT
    for iteration in range(iterations):
        noise = rng.normal(0, NOISE * (1 - iteration / iterations), (len(STARTS), STEPS, 1))
        noise[:, 0] = 0  # the first point alone tells the curves apart
        batch = (values[:, :-1] + noise, values[:, 1:], weights)
        yield tuple(array.astype(keras.config.floatx()) for array in batch)  # type: ignore[misc]


def sine_model(
    batch_size: int | None = None,
    stateful: bool = False,
    init: str = "default",
    name: str | None = None,
) -> keras.Model:
    """Build the network of the sine program: RNN of 16 units, then linear.

    Args:
        batch_size: Curves in a batch; must be known for a stateful network.
        stateful: Carry the state from batch to batch.
        init: `"default"`, as in `torch.nn`, or `"small"`: N(0, 0.001) in the RNN.
        name: Name of the model.

    Returns:
        A model from values (batch, time, 1) to the values that follow, same shape.
    """
    small = {
        f"{weight}_initializer": keras.initializers.RandomNormal(stddev=0.001)
        for weight in ("kernel", "recurrent", "bias")
    }
    weights = small if init == "small" else {}
    values = keras.Input(batch_shape=(batch_size, None, 1), name="values")
    hidden = RNN(16, return_sequences=True, stateful=stateful, name="rnn", **weights)(values)
    following = torch_linear(16, 1)(hidden)
    return keras.Model(values, following, name=name)


def new_model(run: SineRun) -> keras.Model:
    """Build and compile the network of a recipe."""
    keras.utils.set_random_seed(run.seed)
    if run.recipe == "classic":
        model = sine_model(batch_size=1, stateful=True, init=run.init, name=run.model_name)
        optimizer = keras.optimizers.Adam(1e-2, epsilon=TORCH_EPSILON, clipnorm=run.clip)
    else:
        model = sine_model(init=run.init, name=run.model_name)
        decay = keras.optimizers.schedules.CosineDecay(0.05, run.total)
        optimizer = keras.optimizers.Adam(decay, beta_2=0.99, global_clipnorm=run.clip or 0.1)
    model.compile(optimizer, "mse")
    return model


def train(run: SineRun, checkpoint: Path | None = None, report: bool = True) -> keras.Model:
    """Train a network, from the start or from a checkpoint.

    Args:
        run: What to do.
        checkpoint: A `.keras` file. Where it exists, training goes on from it, and ends
            bit for bit where it would have ended without the break. It is written every
            1000 iterations and at the end.
        report: Print the mean loss of every 100 iterations.

    Raises:
        DataError: the checkpoint was written by another run.
    """
    model = resume(run, checkpoint) if checkpoint and checkpoint.exists() else new_model(run)
    done = int(model.optimizer.iterations)
    if done > run.total:
        raise DataError(
            f"--checkpoint {checkpoint} has {done} iterations, more than the {run.total} asked "
            "for; ask for more, or name another file"
        )
    batches: Iterator[Any] = (
        classic_batches(run.seed)
        if run.recipe == "classic"
        else improved_batches(run.seed, run.total)
    )
    callbacks: list[keras.callbacks.Callback] = [LossReport()] if report else []
    if checkpoint:
        callbacks.append(Checkpoint(checkpoint))
    if keras.backend.backend() == "jax":
        model.steps_per_execution = REPORT_EVERY  # torch takes one step at a time
    if done < run.total:
        model.fit(
            (batch for batch in islice(batches, done, None)),  # Keras takes true generators only
            steps_per_epoch=REPORT_EVERY,
            initial_epoch=done // REPORT_EVERY,
            epochs=run.total // REPORT_EVERY,
            shuffle=False,
            verbose=0,
            callbacks=callbacks,
        )
    return model


def resume(run: SineRun, checkpoint: Path) -> keras.Model:
    """Load a checkpoint, or say that it belongs to another run."""
    if not zipfile.is_zipfile(checkpoint):
        raise DataError(f"--checkpoint {checkpoint} is not a whole .keras file; remove it")
    try:
        model = keras.saving.load_model(checkpoint)
    except (ValueError, OSError, TypeError) as error:
        raise DataError(f"--checkpoint {checkpoint}: {one_line(error)}; remove it") from None
    if model.name != run.model_name:
        raise DataError(
            f"--checkpoint {checkpoint} holds {model.name}, this run is {run.model_name}; give "
            "the same options, or name another file"
        )
    return model


def generate(model: keras.Model, first: float, steps: int = STEPS) -> np.ndarray:
    """Draw a curve from its first value by feeding predictions back.

    A model trained with its state carried over goes on from that state, as the classic
    program does; the other starts from zeros.

    Returns:
        (steps,), the values after the first.
    """
    trained = model.get_layer("rnn")
    feedback = sine_model(batch_size=1, stateful=True)
    feedback.set_weights(model.get_weights())
    if trained.stateful:
        feedback.get_layer("rnn").reset_state(trained.carried.tensors(trained.compute_dtype))
    point = np.full((1, 1, 1), first, keras.config.floatx())
    values = []
    for _ in range(steps):
        point = feedback.predict_on_batch(point)
        values.append(float(point[0, 0, 0]))
    return np.array(values)


class LossReport(keras.callbacks.Callback):
    """Print the mean loss of every 100 iterations."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Print one line."""
        if logs:
            print(f"iteration {(epoch + 1) * REPORT_EVERY:5d}  loss {logs['loss']:.6f}", flush=True)


class Checkpoint(keras.callbacks.Callback):
    """Save model, optimizer and carried state every 1000 iterations and at the end."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Save where the time has come."""
        if (epoch + 1) * REPORT_EVERY % 1000 == 0:
            self.save()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Save the end."""
        self.save()

    def save(self) -> None:
        """Replace the file in one step, so that a break leaves the old one whole."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_name(f".{self.path.stem}.new.keras")
        self.model.save(new)
        os.replace(new, self.path)
