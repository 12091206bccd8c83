"""Time on a CUDA device by its own events."""

import torch

from kerasrnn.benchmark.timing import Contestant


def cuda_clock(contestant: Contestant, action: str, repetitions: int) -> float:
    """Return the mean time of calls that are queued one after the other."""
    step = getattr(contestant, action)
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    start.record()
    for _ in range(repetitions):
        step()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1e3 / repetitions
