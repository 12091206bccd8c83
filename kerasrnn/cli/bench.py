"""kerasrnn bench: times beside torch.nn, keras.layers and flax.nnx."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from kerasrnn.cli.options import BackendOption, OutputOption, QuietOption, require_backend
from kerasrnn.cli.printing import print_files
from kerasrnn.forecasting.errors import DataError
from kerasrnn.forecasting.outputs import check_directory, staged, write_json
from kerasrnn.forecasting.plotting import save
from kerasrnn.forecasting.progress import StepBar

BENCH_FILES = ("bench.json", "bench.png", "growth.png")


def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="Small shapes and few rounds, in under a minute.")
    ] = False,
    cases: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Only cases with this text in their name.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of torch. Default: one for each core.")
    ] = None,
    backend: BackendOption = None,
    output: OutputOption = Path("bench"),
    quiet: QuietOption = False,
) -> None:
    """Time the layers beside torch.nn, keras.layers and, on JAX, flax.nnx.

    Writes bench.json, bench.png and growth.png.
    """
    # Here, for its peers take long to import.
    from kerasrnn.benchmark.cases import all_cases, matching, quick_cases
    from kerasrnn.benchmark.contestants import left_out
    from kerasrnn.benchmark.machine import cores, load, use_threads
    from kerasrnn.benchmark.plots import plot_growth, plot_ratios
    from kerasrnn.benchmark.report import ratio_table, worst_cells
    from kerasrnn.benchmark.run import run, steps

    require_backend(backend)
    check_directory(output)
    known = quick_cases() if quick else all_cases()
    chosen = matching(known, cases or "")
    if not chosen:
        raise DataError(f"--cases {cases!r} is in no name; they are such as {known[-1].name!r}")
    used = use_threads(threads)
    if threads is not None and "torch" not in used:
        raise DataError("--threads sets the threads of torch, which is not installed")
    for peer, reason in left_out().items():
        print(f"kerasrnn: warning: {peer} is left out; {reason}", file=sys.stderr)
    if (busy := load()) > cores() / 2:
        print(
            f"kerasrnn: warning: other programs keep this machine busy (load {busy:.1f}), and "
            "spoil the times",
            file=sys.stderr,
        )
    with StepBar(steps(chosen, quick), quiet) as bar:
        results = run(chosen, quick, used, bar.tell)
    with staged(output) as folder:
        save(plot_ratios(results.cases, results.title), folder / "bench.png")
        save(plot_growth(results.growth, results.title), folder / "growth.png")
        write_json(folder / "bench.json", results.content())
    if not quiet:
        print(results.title)
        # A table cut to a narrow terminal would lose its numbers.
        table = ratio_table(results.cases, results.summary, results.peers)
        Console(width=max(Console().width, 150)).print(table)
        print("\n".join(["", *worst_cells(results.summary)]))
        print_files(output, BENCH_FILES)
