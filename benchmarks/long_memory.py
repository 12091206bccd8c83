"""How long RNN, LSTM and GRU remember, once trained: the adding problem and the copy task.

    KERAS_BACKEND=jax python benchmarks/long_memory.py

Every network sees the same number of fresh sequences, whatever their length, and no setting is
tuned for one of the three. Scores are those of sequences never trained on: the share of sums that
are right within 0.1, and the share of copied symbols that are right. Writes results/long_memory.csv
after each network, and goes on from there when it is started again. `--draw FILE` draws the table.
"""

import argparse
import warnings
from collections.abc import Iterator
from pathlib import Path

import kerasrnn  # isort: skip  (picks the backend)
import keras
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from kerasrnn.datasets import adding_problem, copy_task

RESULTS = Path(__file__).parent / "results" / "long_memory.csv"
KINDS = {"RNN": kerasrnn.RNN, "LSTM": kerasrnn.LSTM, "GRU": kerasrnn.GRU}
UNITS, BATCH, STEPS, SEEDS, HELD_OUT = 64, 64, 3000, 3, 1000
LENGTHS = {"adding": (10, 25, 50, 100, 200), "copy": (5, 10, 25, 50, 100)}
COPIED, SYMBOLS = 3, 8
STYLES = {
    "RNN": {"color": "#e07a1f", "marker": "o"},
    "LSTM": {"color": "#1b7f5c", "marker": "s"},
    "GRU": {"color": "#4c6fb1", "marker": "^"},
}
# Without memory: to say 1, which sums of two numbers from 0 to 1 are often close to; or to guess.
CHANCE = {"adding": 1 - 0.9**2, "copy": 1 / SYMBOLS}
# Keras says of every generator that it is not shuffled; these sequences are new each time.
warnings.filterwarnings("ignore", message="`shuffle=True` was passed")


def sequences(task: str, samples: int, length: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return sequences of a task, of that many terms, or with that delay."""
    if task == "adding":
        return adding_problem(samples, length, seed=seed)
    x, y = copy_task(samples, length, length=COPIED, symbols=SYMBOLS, seed=seed)
    return x, y[:, :, None]


def batches(task: str, length: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield a batch of new sequences each time; seeds from 1 on are theirs, 0 is held out."""
    for number in range(1 + seed * STEPS, 1 + (seed + 1) * STEPS):
        yield sequences(task, BATCH, length, number)


def network(task: str, kind: str) -> keras.Model:
    """Return a network that starts as is usual for long sequences."""
    options = {"recurrent_initializer": "orthogonal", "return_sequences": task == "copy"}
    if kind == "LSTM":
        options["unit_forget_bias"] = True
    features, outputs = (2, 1) if task == "adding" else (SYMBOLS + 2, SYMBOLS + 1)
    inputs = keras.Input((None, features))
    model = keras.Model(inputs, keras.layers.Dense(outputs)(KINDS[kind](UNITS, **options)(inputs)))
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    rate = keras.optimizers.schedules.CosineDecay(4e-3, STEPS)
    model.compile(keras.optimizers.Adam(rate, clipnorm=1.0), "mse" if task == "adding" else entropy)
    return model


def score(task: str, kind: str, length: int, seed: int) -> float:
    """Train a network, and return its accuracy on sequences held out."""
    keras.utils.set_random_seed(seed)
    model = network(task, kind)
    model.fit(batches(task, length, seed), steps_per_epoch=STEPS, epochs=1, verbose=0)
    x, y = sequences(task, HELD_OUT, length, 0)
    found = model.predict(x, batch_size=100, verbose=0)
    if task == "adding":
        return float(np.mean(np.abs(found - y) < 0.1))
    return float(np.mean(found.argmax(axis=-1)[:, -COPIED:] == y[:, -COPIED:, 0]))


def measure() -> None:
    """Measure what the table of results lacks."""
    rows = pd.read_csv(RESULTS).to_dict("records") if RESULTS.exists() else []
    done = {(row["task"], row["length"], row["layer"], row["seed"]) for row in rows}
    places = [
        (task, length, kind, seed)
        for seed in range(SEEDS)
        for task, lengths in LENGTHS.items()
        for length in lengths
        for kind in KINDS
    ]
    for task, length, kind, seed in places:
        if (task, length, kind, seed) in done:
            continue
        accuracy = score(task, kind, length, seed)
        row = {"task": task, "length": length, "layer": kind, "seed": seed, "accuracy": accuracy}
        rows.append(row)
        pd.DataFrame(rows).to_csv(RESULTS, index=False)
        print(*row.values(), flush=True)


def draw() -> Figure:
    """Draw the table: medians of the seeds, from the least to the best of them."""
    table = pd.read_csv(RESULTS)
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    labels = {
        "adding": ("Adding problem", "length of the sequence", "sums right within 0.1, %"),
        "copy": ("Copy task", "steps between symbols and their copy", "symbols right, %"),
    }
    for axes, (task, (title, steps, share)) in zip(panels, labels.items(), strict=True):
        for kind, style in STYLES.items():
            chosen = table[(table["task"] == task) & (table["layer"] == kind)]
            scores = 100 * chosen.groupby("length")["accuracy"].agg(["min", "median", "max"])
            axes.plot(
                scores.index,
                scores["median"],
                style["marker"] + "-",
                color=style["color"],
                label=kind,
            )
            axes.fill_between(
                scores.index, scores["min"], scores["max"], color=style["color"], alpha=0.15
            )
        axes.axhline(100 * CHANCE[task], color="#7b8794", linestyle=":", label="without memory")
        axes.set_xscale("log")
        axes.set_xticks(LENGTHS[task], map(str, LENGTHS[task]))
        axes.minorticks_off()
        axes.set(xlabel=steps, ylabel=share, ylim=(0, 103))
        axes.set_title(title, loc="left", weight="bold")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False)
    return figure


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draw", type=Path, help="draw the table there, and measure nothing")
    file = parser.parse_args().draw
    if file is None:
        measure()
    else:
        draw().savefig(file, dpi=120)
