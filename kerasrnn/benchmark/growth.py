"""How the time of a training step grows with time steps, units and batch."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kerasrnn.benchmark.cases import Case
from kerasrnn.benchmark.contestants import contestants_of
from kerasrnn.benchmark.timing import first_calls, race

# For each axis the case that it varies and the sizes that it takes.
Sweeps = Mapping[str, tuple[Case, Sequence[int]]]
SWEEPS: Sweeps = {
    "time": (Case("LSTM", 8, 0, 8, 32), (64, 256, 1024, 4096, 16384)),
    "units": (Case("LSTM", 32, 32, 32, 0), (16, 64, 256, 1024)),
    "batch": (Case("LSTM", 0, 32, 32, 64), (1, 8, 64, 512)),
}
QUICK_SWEEPS: Sweeps = {axis: (case, sizes[:2]) for axis, (case, sizes) in SWEEPS.items()}
KINDS = ("LSTM", "GRU")
ROUNDS = (2, 7)


@dataclass
class Growth:
    """The times of one kind of layer along one axis.

    Attributes:
        kind, axis: `"LSTM"` or `"GRU"`; `"time"`, `"units"` or `"batch"`.
        fixed: The other sizes.
        sizes: What was tried.
        seconds: For each contestant the time at each size, None where it was skipped.
        skipped: For each contestant that dropped out, why.
    """

    kind: str
    axis: str
    fixed: dict[str, int]
    sizes: list[int]
    seconds: dict[str, list[float | None]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


def run_growth(
    kinds: Sequence[str],
    sweeps: Sweeps,
    seconds: float,
    tell: Callable[[str], None],
    cap: float = 0.3,
) -> list[Growth]:
    """Run all sweeps of all kinds.

    Args:
        kinds: Kinds of layers.
        sweeps: What to vary.
        seconds: For all together; each sweep gets an equal share of what is left.
        tell: Is told each sweep as it begins.
        cap: A contestant that takes longer than this many seconds a step runs no larger size.
    """
    end = time.perf_counter() + seconds
    plan = [
        (replace(case, kind=kind), axis, sizes)
        for kind in kinds
        for axis, (case, sizes) in sweeps.items()
    ]
    grown = []
    for done, (case, axis, sizes) in enumerate(plan):
        tell(f"{case.kind} by {axis}")
        share = (end - time.perf_counter()) / (len(plan) - done)
        grown.append(grow(case, axis, sizes, share, cap))
    return grown


def grow(case: Case, axis: str, sizes: Sequence[int], seconds: float, cap: float) -> Growth:
    """Run one sweep, and leave out who has become too slow."""
    others = ("batch", "time", "features", "units")
    fixed = {name: getattr(case, name) for name in others if name != axis}
    growth = Growth(case.kind, axis, fixed, list(sizes))
    end = time.perf_counter() + seconds
    for index, size in enumerate(sizes):
        if index and time.perf_counter() > end:
            for name in growth.seconds:
                growth.skipped.setdefault(name, f"no time was left for {axis} {size} and above")
            break
        changed: dict[str, Any] = {axis: size}
        sized = replace(case, **changed)
        _, contestants = contestants_of(sized, without=tuple(growth.skipped))
        running = [one for one in contestants if one.name not in growth.skipped]
        if not running:
            break
        share = (end - time.perf_counter()) / (len(sizes) - index)
        first = first_calls(running, "train")
        record(growth, index, race(running, "train", first, share, ROUNDS).seconds(), cap)
    for times in growth.seconds.values():
        times.extend([None] * (len(sizes) - len(times)))
    return growth


def record(growth: Growth, index: int, times: dict[str, float], cap: float) -> None:
    """Note the times at one size, and who is to run no larger one."""
    size = growth.sizes[index]
    for name, seconds in times.items():
        growth.seconds.setdefault(name, [None] * index).append(seconds)
        if seconds > cap:
            growth.skipped[name] = (
                f"took {seconds:.2f} s at {growth.axis} {size}, above the cap of {cap:g} s"
            )
