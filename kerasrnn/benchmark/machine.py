"""On what the times were taken."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras

PACKAGES = ("kerasrnn", "keras", "torch", "jax", "jaxlib", "flax", "numpy")


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load() -> float:
    """Return how many processes have wanted to run in the last minute; 0 where none tells."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def processor() -> str:
    """Return the processor's name, as far as the system tells it."""
    path = Path("/proc/cpuinfo")
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def use_threads(threads: int | None) -> dict[str, int]:
    """Fix the threads of each framework that will run; return how many each has.

    XLA makes its threads when it starts, one for every core, or as many as the environment
    variable NPROC says.
    """
    used = {}
    if find_spec("torch"):
        from kerasrnn.benchmark.torch_contestants import set_threads

        used["torch"] = threads or cores()
        set_threads(used["torch"])
    if keras.backend.backend() == "jax":
        used["xla"] = int(os.environ.get("NPROC") or cores())
    return used


def versions() -> dict[str, str]:
    """Return the versions of the packages that are installed."""
    found = {one.name: one.version for one in distributions()}
    return {name: found[name] for name in PACKAGES if name in found}


def machine(threads: dict[str, int], load_before: float) -> dict[str, Any]:
    """Return processor, system, versions, threads, the date, and the load before the start."""
    return {
        "processor": processor(),
        "cores": cores(),
        "threads": threads,
        "load_before": load_before,
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": versions(),
        "backend": keras.backend.backend(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
