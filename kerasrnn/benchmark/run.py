"""The whole benchmark, from cases to what is written."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kerasrnn.benchmark.cases import Case
from kerasrnn.benchmark.contestants import left_out, peers
from kerasrnn.benchmark.growth import KINDS, QUICK_SWEEPS, SWEEPS, Growth, run_growth
from kerasrnn.benchmark.machine import load, machine
from kerasrnn.benchmark.table import FULL, QUICK, run_cases, summaries

GROWTH_SECONDS = {True: 15.0, False: 120.0}


@dataclass(frozen=True)
class Results:
    """All that was measured.

    Attributes:
        quick: Whether it was the short run.
        machine: See `machine.machine`.
        left_out: Peers that are not installed, with the reason.
        cases: See `table.run_cases`.
        summary: See `table.summaries`.
        growth: See `growth.run_growth`.
    """

    quick: bool
    machine: dict[str, Any]
    left_out: dict[str, str]
    cases: list[dict[str, Any]]
    summary: dict[str, Any]
    growth: list[Growth]

    @property
    def peers(self) -> list[str]:
        """The peers that took part."""
        return [peer for peer in peers() if peer not in self.left_out]

    @property
    def title(self) -> str:
        """Backend, processor and threads, in a line."""
        threads = ", ".join(f"{name} {count}" for name, count in self.machine["threads"].items())
        return f"{self.machine['backend']} on {self.machine['processor']}; threads: {threads}"

    def content(self) -> dict[str, Any]:
        """Return what `bench.json` holds."""
        return asdict(self)


def run(
    cases: Sequence[Case], quick: bool, threads: dict[str, int], tell: Callable[[str], None]
) -> Results:
    """Run cases, and growth of those kinds among them that it is made for.

    Args:
        cases: What to run, the small ones first.
        quick: Fewer rounds and sizes.
        threads: Those of each framework, to be reported.
        tell: Is told what begins; `steps` says how often.
    """
    load_before = load()
    results = run_cases(cases, QUICK if quick else FULL, tell)
    grown = run_growth(
        growing_kinds(cases, quick),
        QUICK_SWEEPS if quick else SWEEPS,
        GROWTH_SECONDS[quick],
        tell,
    )
    facts = machine(threads, load_before)
    return Results(quick, facts, left_out(), results, summaries(results), grown)


def growing_kinds(cases: Sequence[Case], quick: bool) -> list[str]:
    """Return the kinds whose growth is measured: LSTM and GRU, quickly only one of them."""
    chosen = {case.kind for case in cases}
    kinds = [kind for kind in KINDS if kind in chosen] or sorted(chosen)
    return kinds[:1] if quick else kinds


def steps(cases: Sequence[Case], quick: bool) -> int:
    """Return how often `run` tells what begins."""
    return len(cases) + len(growing_kinds(cases, quick)) * len(SWEEPS)
