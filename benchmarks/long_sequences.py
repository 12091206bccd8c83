"""Measure what checkpoints save on long sequences, in memory and time.

    KERAS_BACKEND=torch python benchmarks/long_sequences.py
    KERAS_BACKEND=jax python benchmarks/long_sequences.py

prints, for an LSTM of 32 units on 8 rows of 4 features that puts out its last state only,
the peak memory and the time of a training step. Memory is measured as in `kerasrnn bench`.
"""

import time
from dataclasses import dataclass
from statistics import median
from typing import Any

import keras
import numpy as np

import kerasrnn
from kerasrnn.benchmark.cases import Case
from kerasrnn.benchmark.contestants import keras_contestant

TIMES = (1000, 2500, 10000)
ROUNDS = 5


@dataclass(frozen=True)
class LastOutput(Case):
    """A case in which only the last output is wanted."""

    def gradient(self) -> np.ndarray:
        """Return the gradient of the last output."""
        return super().gradient()[:, -1]


def contestant(case: Case, every: Any) -> Any:
    """Make a layer with or without checkpoints, ready to run."""
    layer = kerasrnn.LSTM(case.units, checkpoint_every=every)
    layer.build((case.batch, case.time, case.features))
    return keras_contestant(str(every), layer, case, "cpu")


def seconds(one: Any) -> float:
    """Return the median time of a training step."""
    one.wait(one.train())
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        one.wait(one.train())
        times.append(time.perf_counter() - start)
    return median(times)


def main() -> None:
    """Print a row for each length."""
    print(f"LSTM on {keras.backend.backend()}: MB and seconds of a training step")
    print(f"{'steps':>6s}{'every step':>20s}{'sqrt':>20s}{'inputs':>10s}")
    for steps in TIMES:
        case = LastOutput("LSTM", 8, steps, 4, 32)
        row = ""
        for every in (None, "sqrt"):
            one = contestant(case, every)
            row += f"{one.peak_memory() / 1e6:9.2f} MB {seconds(one):5.2f} s"
        print(f"{steps:6d}{row}{case.inputs().nbytes / 1e6:7.2f} MB", flush=True)


if __name__ == "__main__":
    main()
