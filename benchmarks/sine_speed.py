"""Time the sine program in plain torch beside `kerasrnn sine`, as whole processes.

    python benchmarks/sine_speed.py --repeat 3 --output benchmarks/results/sine_speed.json

runs `benchmarks/sine_torch.py` and `kerasrnn sine --recipe classic` on both backends in turn,
each with the same number of threads, and prints the median of the wall time from start to
exit, and its ratio to that of ours: above 1, ours is faster.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from kerasrnn.benchmark.machine import cores, load, machine

TEACHING = Path(__file__).with_name("sine_torch.py")
OURS = {backend: f"kerasrnn sine on {backend}" for backend in ("torch", "jax")}
PLAIN = "torch script"


def commands(iterations: int, folder: Path) -> dict[str, list[str]]:
    """Return what is timed, by name."""
    python, steps = sys.executable, ["--iterations", str(iterations)]
    ours = [python, "-m", "kerasrnn", "sine", "--recipe", "classic", *steps]
    return {
        PLAIN: [python, str(TEACHING), *steps, "--output", str(folder / "torch.png")],
        **{
            name: [*ours, "--backend", backend, "--output", str(folder / backend)]
            for backend, name in OURS.items()
        },
    }


def seconds(command: list[str], threads: int) -> float:
    """Run a process to its end and return its wall time."""
    limits = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"), str(threads))
    start = time.perf_counter()
    subprocess.run(command, env={**os.environ, **limits}, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Time all programs in turn, print the table, and write it where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=3, help="runs of each program; 3")
    parser.add_argument("--iterations", type=int, default=6000, help="training steps; 6000")
    parser.add_argument("--threads", type=int, default=cores(), help="of every process")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the numbers as JSON")
    options = parser.parse_args()

    load_before = load()
    with tempfile.TemporaryDirectory() as folder:
        programs = commands(options.iterations, Path(folder))
        times: dict[str, list[float]] = {name: [] for name in programs}
        for number in range(options.repeat):
            for name, command in programs.items():
                times[name].append(seconds(command, options.threads))
                print(f"run {number + 1}: {name} {times[name][-1]:.2f} s", file=sys.stderr)

    ratios = {
        name: median(a / b for a, b in zip(times[PLAIN], times[name], strict=True))
        for name in OURS.values()
    }
    print(f"{options.iterations} iterations, {options.threads} threads, median of {options.repeat}")
    for name, own in times.items():
        ratio = f"  {PLAIN} takes {ratios[name]:.2f} times as long" if name in ratios else ""
        print(f"{name:24s} {median(own):7.2f} s{ratio}")
    if options.output:
        used = dict.fromkeys(("torch", "xla"), options.threads)
        content = {
            # Each program ran on its own backend, whatever this process has.
            "machine": {k: v for k, v in machine(used, load_before).items() if k != "backend"},
            "iterations": options.iterations,
            "seconds": times,
            "ratios": ratios,
        }
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
