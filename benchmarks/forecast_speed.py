"""Time the training of one forecasting network here and in plain torch.

    python benchmarks/forecast_speed.py --data ETTh1.csv

trains a GRU of 64 units with a look-back of 96 hours on all seven columns of the table, in
batches of 256 windows: in plain torch, and by `Forecaster` on torch and on JAX. Every
contestant runs in processes of its own, in turn, with a thread for each core. Printed are
windows a second, the median of all rounds and the ratio to plain torch; `--output
benchmarks/results/forecast_speed.json` keeps every round, with machine and versions. What is
measured is `fit` from its second pass on (the first one traces and compiles), data gathering
included.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

LOOK_BACK, HORIZON, UNITS, BATCH = 96, 96, 64, 256
ROWS = 8640
CONTESTANTS = ("plain torch", "kerasrnn torch", "kerasrnn jax")


def table(path: Path):
    """Return the training rows, brought to mean 0 and deviation 1."""
    import pandas as pd

    rows = pd.read_csv(path, index_col=0, parse_dates=True).iloc[:ROWS]
    return (rows - rows.mean()) / rows.std(ddof=0)


def plain_torch(path: Path, passes: int) -> float:
    """Return windows a second of a training loop as one would write it in torch."""
    import numpy as np
    import torch

    values = torch.tensor(table(path).to_numpy("float32").T)
    windows = values.unfold(1, LOOK_BACK + HORIZON, 1).reshape(-1, LOOK_BACK + HORIZON)

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = torch.nn.GRU(1, UNITS, batch_first=True)
            self.dropout = torch.nn.Dropout(0.2)
            self.linear = torch.nn.Linear(UNITS, HORIZON)

        def forward(self, window: torch.Tensor) -> torch.Tensor:
            last = window[:, -1:]
            _, hidden = self.gru((window - last)[:, :, None])
            return last + self.linear(self.dropout(hidden[0]))

    torch.manual_seed(0)
    network = Network()
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    steps = len(windows) // BATCH
    for number in range(passes + 1):
        if number == 1:
            start = time.perf_counter()
        order = torch.from_numpy(np.random.default_rng(number).permutation(len(windows)))
        for step in range(steps):
            batch = windows[order[step * BATCH : (step + 1) * BATCH]]
            optimizer.zero_grad()
            forecast = network(batch[:, :LOOK_BACK])
            loss = torch.nn.functional.mse_loss(forecast, batch[:, LOOK_BACK:])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
    return passes * steps * BATCH / (time.perf_counter() - start)


def ours(path: Path, passes: int) -> float:
    """Return windows a second of `Forecaster.fit`, from its second pass on."""
    import keras

    from kerasrnn.forecasting import Forecaster, progress

    ends: list[float] = []

    class Clock(progress.ProgressBar):
        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            ends.append(time.perf_counter())

    from kerasrnn.forecasting import training

    training.ProgressBar = Clock
    forecaster = Forecaster(
        horizon=HORIZON,
        look_back=LOOK_BACK,
        units=UNITS,
        normalization="last",
        batch_size=BATCH,
        epochs=passes + 1,
        validation=0,
        levels=(),
    ).fit(table(path))
    windows = 7 * (ROWS - LOOK_BACK - HORIZON + 1) // BATCH * BATCH
    assert keras.backend.backend() in sys.argv[2]
    assert forecaster.epochs_ == passes + 1
    return passes * windows / (ends[-1] - ends[0])


def speed(contestant: str, path: Path, passes: int, threads: int) -> float:
    """Return windows a second of a process of its own."""
    command = [sys.executable, __file__, "--only", contestant, str(path), str(passes)]
    environment = os.environ | {"KERAS_BACKEND": contestant.split()[-1]}
    environment |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"), str(threads))
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def compare(options: argparse.Namespace) -> None:
    """Run all contestants in turn, print the medians, and write all where that is asked for."""
    # Not above: it brings Keras, which the process of plain torch is to run without.
    from kerasrnn.benchmark.machine import cores, load, machine

    threads, load_before = cores(), load()
    speeds: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    for _ in range(options.rounds):
        for name in CONTESTANTS:
            speeds[name].append(round(speed(name, options.data, options.passes, threads), 1))
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    for name, median in medians.items():
        print(f"{name:16} {median:8.0f} windows/s  {median / medians['plain torch']:.2f}")
    if options.output:
        used = machine(dict.fromkeys(("torch", "xla"), threads), load_before)
        del used["backend"]  # each contestant has its own
        content = {"machine": used, "passes": options.passes, "windows a second": speeds}
        options.output.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Run all contestants, or one of them."""
    if len(sys.argv) > 2 and sys.argv[1] == "--only":
        path, passes = Path(sys.argv[3]), int(sys.argv[4])
        print((plain_torch if sys.argv[2] == "plain torch" else ours)(path, passes))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--passes", type=int, default=1)
    parser.add_argument("--output", type=Path)
    compare(parser.parse_args())


if __name__ == "__main__":
    main()
