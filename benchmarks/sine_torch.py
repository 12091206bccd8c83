"""The sine program in plain torch, as a teaching script writes it.

    python benchmarks/sine_torch.py --output sine_torch.png

trains on one curve at a time and carries the hidden state from each into the next, prints
the loss every 100 iterations, then draws 49 points from the first one alone.
`benchmarks/sine_speed.py` times it beside `kerasrnn sine --recipe classic`.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from matplotlib import pyplot as plt
from torch import nn

POINTS = 50
HIDDEN = 16


class Network(nn.Module):
    """An RNN and a linear layer on its hidden state."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.RNN(1, HIDDEN, batch_first=True)
        self.linear = nn.Linear(HIDDEN, 1)

    def forward(
        self, inputs: torch.Tensor, hidden: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the next point after every step, and the last hidden state."""
        outputs, hidden = self.rnn(inputs, hidden)
        return self.linear(outputs), hidden


def main() -> None:
    """Train, generate, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("sine_torch.png"), metavar="FILE")
    parser.add_argument("--iterations", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)

    network = Network()
    criterion = nn.MSELoss()
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    hidden = torch.zeros(1, 1, HIDDEN)
    for iteration in range(1, options.iterations + 1):
        start = int(rng.integers(3))
        curve = np.sin(np.linspace(start, start + 10, POINTS)).astype("float32")
        inputs = torch.from_numpy(curve[:-1]).view(1, POINTS - 1, 1)
        targets = torch.from_numpy(curve[1:]).view(1, POINTS - 1, 1)
        outputs, hidden = network(inputs, hidden)
        hidden = hidden.detach()
        loss = criterion(outputs, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if iteration % 100 == 0:
            print(f"iteration {iteration:5d}  loss {loss.item():.6f}", flush=True)

    start = int(rng.integers(3))
    times = np.linspace(start, start + 10, POINTS)
    curve = np.sin(times)
    point = torch.full((1, 1, 1), float(curve[0]))
    generated = []
    with torch.no_grad():
        for _ in range(POINTS - 1):
            point, hidden = network(point, hidden)
            generated.append(point.item())

    plt.switch_backend("agg")
    plt.scatter(times, curve, s=60, label="true")
    plt.scatter(times[1:], generated, s=14, label="generated")
    plt.legend()
    plt.savefig(options.output)


if __name__ == "__main__":
    main()
