"""Race contestants against each other in interleaved rounds."""

import gc
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Protocol

import numpy as np

OURS = "kerasrnn"
# A block of repetitions lasts at least this many seconds.
BLOCK = 2e-3
# Thread pools spin for a moment after their work; the next contestant must not pay for it.
PAUSE = 2e-3


class Contestant(Protocol):
    """One implementation of a case, ready to run."""

    name: str

    def infer(self) -> Any:
        """Run forward only."""

    def train(self) -> Any:
        """Run forward and back; return outputs and the gradients by all weights."""

    def wait(self, result: Any) -> None:
        """Return when the device has computed a result."""

    def outputs(self) -> np.ndarray:
        """Run forward and return the outputs of all steps."""

    def gradient_norm(self) -> float:
        """Run a training step and return the norm of all gradients together."""

    def peak_memory(self) -> int:
        """Return the bytes that a training step holds at its peak, above its start."""


# Runs a contestant's pass ("infer" or "train") so many times; returns seconds for one.
Clock = Callable[[Contestant, str, int], float]


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of some numbers."""

    median: float
    lower_quartile: float
    upper_quartile: float


@dataclass(frozen=True)
class Race:
    """What a race of one case and pass gave, in seconds.

    Attributes:
        first_call: The first call of each contestant, tracing and compilation included.
        repetitions: How many calls a block had.
        rounds: For each contestant, the time of one call in every round.
    """

    first_call: dict[str, float]
    repetitions: dict[str, int]
    rounds: dict[str, list[float]]

    def seconds(self) -> dict[str, float]:
        """Return the median over rounds, of each contestant."""
        return {name: median(times) for name, times in self.rounds.items()}

    def ratios(self) -> dict[str, Spread]:
        """Return each peer's time over ours, compared round by round."""
        return {
            name: spread(np.divide(times, self.rounds[OURS]))
            for name, times in self.rounds.items()
            if name != OURS
        }


def spread(values: Sequence[float] | np.ndarray) -> Spread:
    """Return median and quartiles."""
    lower, middle, upper = np.quantile(values, [0.25, 0.5, 0.75])
    return Spread(float(middle), float(lower), float(upper))


def geometric_mean(values: Sequence[float]) -> float:
    """Return the mean in which a half and a double cancel out."""
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def wall_clock(contestant: Contestant, action: str, repetitions: int) -> float:
    """Return the median time of single calls, each waited for."""
    step, times = getattr(contestant, action), []
    for _ in range(repetitions):
        start = time.perf_counter()
        contestant.wait(step())
        times.append(time.perf_counter() - start)
    return median(times)


def first_calls(contestants: Sequence[Contestant], action: str) -> dict[str, float]:
    """Return the time of each one's first call, tracing and compilation included."""
    return {one.name: wall_clock(one, action, 1) for one in contestants}


def race(
    contestants: Sequence[Contestant],
    action: str,
    first_call: dict[str, float],
    seconds: float,
    rounds: tuple[int, int],
    clock: Clock = wall_clock,
) -> Race:
    """Time all contestants in turn, round after round.

    Args:
        contestants: At least one, all of the same case.
        action: `"infer"` or `"train"`.
        first_call: What `first_calls` gave, to go into the result.
        seconds: No round begins later than this after the start, warm-up included.
        rounds: The least and the greatest number of rounds, whatever the time.
        clock: How one block is timed.
    """
    least, most = rounds
    deadline = time.perf_counter() + seconds
    repetitions = {one.name: warm_up(one, action, clock) for one in contestants}
    times: dict[str, list[float]] = {one.name: [] for one in contestants}
    gc.collect()
    for number in range(most):
        if number >= least and time.perf_counter() > deadline:
            break
        turn = number % len(contestants)
        for one in (*contestants[turn:], *contestants[:turn]):
            time.sleep(PAUSE)
            times[one.name].append(clock(one, action, repetitions[one.name]))
    return Race(first_call, repetitions, times)


def warm_up(contestant: Contestant, action: str, clock: Clock) -> int:
    """Run a contestant until it is warm; return how many calls make a block."""
    once = clock(contestant, action, 1)
    if once < 10 * BLOCK:
        # A call that something else held up must not pass for a slow one.
        once = min(clock(contestant, action, 1) for _ in range(3))
    if once >= BLOCK:
        return 1
    return calls_in_block(clock(contestant, action, calls_in_block(once)))


def calls_in_block(seconds: float) -> int:
    """Return how many calls of so many seconds last for a block."""
    return math.ceil(BLOCK / max(seconds, 1e-7))


def summary(ratios: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, Any]]:
    """Return each peer's geometric mean over all cases and its least ratio.

    Args:
        ratios: For each case, the ratio of each peer that took part.
    """
    peers = dict.fromkeys(peer for row in ratios.values() for peer in row)
    result: dict[str, dict[str, Any]] = {}
    for peer in peers:
        own = {case: row[peer] for case, row in ratios.items() if peer in row}
        worst = min(own, key=own.__getitem__)
        result[peer] = {
            "cases": len(own),
            "geometric_mean": geometric_mean(list(own.values())),
            "worst": {"case": worst, "ratio": own[worst]},
        }
    return result
