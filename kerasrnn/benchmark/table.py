"""Run the cases: ratios of times, and peak memory."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from kerasrnn.benchmark.cases import Case
from kerasrnn.benchmark.contestants import check_same, contestants_of
from kerasrnn.benchmark.keras_layers import kernel
from kerasrnn.benchmark.timing import (
    OURS,
    Clock,
    Contestant,
    Race,
    first_calls,
    race,
    summary,
    wall_clock,
)

ACTIONS = {"inference": "infer", "training": "train"}


@dataclass(frozen=True)
class Effort:
    """How much time is spent.

    Attributes:
        seconds: For all cases together; each gets an equal share of what is left.
        rounds: The least and greatest number of rounds of a case and pass.
    """

    seconds: float
    rounds: tuple[int, int]


FULL = Effort(300, (3, 31))
QUICK = Effort(25, (3, 11))


def run_cases(
    cases: Sequence[Case],
    effort: Effort,
    tell: Callable[[str], None],
    device: str = "cpu",
    without: tuple[str, ...] = (),
    clock: Clock = wall_clock,
) -> list[dict[str, Any]]:
    """Run all cases and return what `bench.json` holds of them.

    Args:
        cases: What to run, the small ones first: they leave time to the others.
        effort: How long.
        tell: Is told each case as it begins.
        device: See `contestants_of`.
        without: See `contestants_of`.
        clock: How one block is timed.
    """
    end = time.perf_counter() + effort.seconds
    results = []
    for done, case in enumerate(cases):
        tell(case.name)
        share = (end - time.perf_counter()) / (len(cases) - done)
        results.append(run_case(case, Effort(share, effort.rounds), device, without, clock))
    return results


def run_case(
    case: Case, effort: Effort, device: str, without: tuple[str, ...], clock: Clock
) -> dict[str, Any]:
    """Run one case, inference before training, and then its memory."""
    end = time.perf_counter() + effort.seconds
    layer, contestants = contestants_of(case, device, without)
    result: dict[str, Any] = {"name": case.name, **asdict(case)}
    for left, (title, action) in zip((2, 1), ACTIONS.items(), strict=True):
        first = first_calls(contestants, action)
        check_same(contestants, action, case)
        share = (end - time.perf_counter()) / left
        run = race(contestants, action, first, share, effort.rounds, clock)
        result[title] = {**kernel(layer, case, title == "training"), **described(run)}
    result["memory"] = memory(contestants)
    return result


def described(run: Race) -> dict[str, Any]:
    """Return the numbers of a race."""
    seconds = run.seconds()
    return {
        "contestants": {
            name: {
                "median_s": seconds[name],
                "first_call_s": run.first_call[name],
                "repetitions": run.repetitions[name],
                "rounds_s": times,
            }
            for name, times in run.rounds.items()
        },
        "ratios": {name: asdict(ratio) for name, ratio in run.ratios().items()},
    }


def memory(contestants: Sequence[Contestant]) -> dict[str, Any]:
    """Return the peak of a training step of everyone, and ours over torch.nn's."""
    peaks = {one.name: one.peak_memory() for one in contestants}
    result: dict[str, Any] = {"peak_bytes": peaks}
    if peaks.get("torch.nn"):
        result["ours_to_torch.nn"] = peaks[OURS] / peaks["torch.nn"]
    return result


def summaries(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return geometric means and worst cells of both passes."""
    return {
        title: summary(
            {
                one["name"]: {peer: r["median"] for peer, r in one[title]["ratios"].items()}
                for one in results
            }
        )
        for title in ACTIONS
    }
