"""What is timed: kinds of layers and shapes of their inputs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

KINDS = ("RNN", "LSTM", "GRU")
# (batch, time, features, units)
SHAPES = (
    (1, 49, 1, 16),
    (32, 50, 8, 32),
    (128, 24, 7, 64),
    (64, 100, 64, 128),
    (32, 128, 256, 256),
    (64, 64, 512, 512),
)
QUICK_SHAPES = SHAPES[:3]


@dataclass(frozen=True)
class Case:
    """One layer and the shape of its input.

    Attributes:
        kind: `"RNN"`, `"LSTM"` or `"GRU"`.
        batch, time, features, units: Sizes.
        num_layers: Layers in the stack.
        bidirectional: Whether each layer runs in both directions.
        masked: Whether rows end early, in padding.
        proj_size: Size of an LSTM's projected hidden state; 0 for no projection.
    """

    kind: str
    batch: int
    time: int
    features: int
    units: int
    num_layers: int = 1
    bidirectional: bool = False
    masked: bool = False
    proj_size: int = 0

    @property
    def name(self) -> str:
        """Kind, options and sizes, as the table shows them."""
        options = [
            f" x{self.num_layers}" if self.num_layers > 1 else "",
            " bidirectional" if self.bidirectional else "",
            " masked" if self.masked else "",
            f" projected to {self.proj_size}" if self.proj_size else "",
        ]
        sizes = f"({self.batch},{self.time},{self.features},{self.units})"
        return f"{self.kind}{''.join(options)} {sizes}"

    def inputs(self) -> np.ndarray:
        """Return float32 (batch, time, features), the same ones each time."""
        rng = np.random.default_rng(0)
        return rng.normal(size=(self.batch, self.time, self.features)).astype("float32")

    def gradient(self) -> np.ndarray:
        """Return the gradient of the outputs in training, (batch, time, output size)."""
        size = (1 + self.bidirectional) * (self.proj_size or self.units)
        rng = np.random.default_rng(2)
        return rng.normal(size=(self.batch, self.time, size)).astype("float32")

    def lengths(self) -> np.ndarray | None:
        """Return the number of valid steps of each row, the first row full; None unmasked."""
        if not self.masked:
            return None
        lengths = np.random.default_rng(1).integers(1, self.time + 1, self.batch)
        lengths[0] = self.time
        return lengths

    def mask(self) -> np.ndarray | None:
        """Return a boolean (batch, time), False in the padding; None unmasked."""
        lengths = self.lengths()
        return None if lengths is None else np.arange(self.time) < lengths[:, None]


def all_cases() -> list[Case]:
    """Return every case, the small shapes first."""
    plain = [Case(kind, *shape) for shape in SHAPES for kind in KINDS]
    long = Case("LSTM", 64, 100, 64, 128)
    stacks = [Case("LSTM", 32, 50, 8, 32), Case("LSTM", 32, 100, 64, 128)]
    return [
        *plain,
        *(replace(case, num_layers=2, bidirectional=True) for case in stacks),
        replace(long, masked=True),
        replace(long, proj_size=64),
    ]


def quick_cases() -> list[Case]:
    """Return the three smallest shapes of each kind."""
    return [Case(kind, *shape) for shape in QUICK_SHAPES for kind in KINDS]


def matching(cases: Sequence[Case], text: str) -> list[Case]:
    """Return the cases whose name has a text in it, in any case of its letters."""
    return [case for case in cases if text.lower() in case.name.lower()]
