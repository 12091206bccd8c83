"""Hold training steps of large LSTMs against the processor's fused multiply-add peak.

    KERAS_BACKEND=torch python benchmarks/peak.py
    KERAS_BACKEND=jax python benchmarks/peak.py

Needs g++. The peak and the steps are measured in turn, and medians are printed.
"""

import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import keras

from kerasrnn.benchmark.cases import Case
from kerasrnn.benchmark.contestants import keras_contestant
from kerasrnn.benchmark.keras_layers import our_layer
from kerasrnn.benchmark.machine import cores, processor

CASES = (Case("LSTM", 64, 64, 512, 512), Case("LSTM", 32, 128, 256, 256))
ROUNDS, STEPS = 7, 5


def operations(case: Case) -> int:
    """Return the additions and multiplications in the products of a training step."""
    rows, gates = case.batch * case.time, 4 * case.units
    forward = 2 * rows * (case.features + case.units) * gates
    through_time = 2 * rows * case.units * gates
    return 2 * forward + through_time


def rate(one: Any, case: Case) -> float:
    """Return operations per second over a few steps."""
    one.wait(one.train())
    start = time.perf_counter()
    for _ in range(STEPS):
        one.wait(one.train())
    return STEPS * operations(case) / (time.perf_counter() - start)


def main() -> None:
    """Print the peak, and the share of it that each case reaches."""
    layers = [our_layer(case) for case in CASES]
    runners = [
        keras_contestant("ours", layer, case, "cpu")
        for layer, case in zip(layers, CASES, strict=True)
    ]
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "peak"
        source = Path(__file__).with_suffix(".cpp")
        subprocess.run(
            ["g++", "-O3", "-march=native", "-pthread", "-o", program, source], check=True
        )
        peaks: list[float] = []
        rates: list[list[float]] = [[] for _ in CASES]
        for _ in range(ROUNDS):
            said = subprocess.run(
                [program, str(cores())], check=True, capture_output=True, text=True
            )
            peaks.append(float(said.stdout))
            for found, one, case in zip(rates, runners, CASES, strict=True):
                found.append(rate(one, case))
    peak = median(peaks)
    print(f"{keras.backend.backend()} on {processor()}")
    print(f"peak of {cores()} threads: {peak / 1e9:.0f} GFLOP/s")
    for found, case in zip(rates, CASES, strict=True):
        print(f"{case.name}: {median(found) / 1e9:.0f} GFLOP/s, {median(found) / peak:.0%}")


if __name__ == "__main__":
    main()
