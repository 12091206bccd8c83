"""Peak memory of a step on torch."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from kerasrnn.benchmark.native_scratch import native_scratch
from kerasrnn.kernels import torch_memory


def peak_memory(step: Callable[[], Any], device: str) -> int:
    """Return the most bytes that a step holds at once, above what was held before.

    On a CPU this is the running sum of the profiler's events of torch's allocator, the
    same in every run, with what the native kernel takes past it; what other libraries take is
    not seen.
    """
    step()
    if device == "cuda":
        return cuda_peak(step)
    torch_memory.clear()  # what a layer has kept for this step counts too
    with quiet_profiler(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        step()
    return max(accumulate(allocations(seen), initial=0)) + native_scratch(step)


def allocations(seen: profile) -> list[int]:
    """Return the bytes of every allocation, negative where memory is given back."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        with quiet_profiler():
            seen.export_chrome_trace(str(path))
        events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    own = [event for event in events if event.get("name") == "[memory]"]
    return [event["args"]["Bytes"] for event in sorted(own, key=lambda event: event["ts"])]


def cuda_peak(step: Callable[[], Any]) -> int:
    """Return the same from the counters of the CUDA allocator."""
    torch.cuda.synchronize()
    start = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    step()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - start


@contextmanager
def quiet_profiler() -> Iterator[None]:
    """Keep the profiler's own log, which has no switch, away from standard error."""
    saved = os.dup(2)
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
