"""The results as text: a table for people, and the same in Markdown."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from kerasrnn.benchmark.timing import OURS, geometric_mean

SHORT = {"inference": "infer", "training": "train"}
MISSING = "-"


def headings(peers: Sequence[str]) -> list[str]:
    """Return the heads of all columns."""
    heads = ["case"]
    for short in SHORT.values():
        heads += [f"{short} ms", *(f"{peer} {short}" for peer in peers)]
    return [*heads, "MB", "of torch.nn"]


def rows(results: Sequence[dict[str, Any]], peers: Sequence[str]) -> list[list[str]]:
    """Return a row of text for each case."""
    return [[one["name"], *cells(one, peers), *memory_cells(one["memory"])] for one in results]


def cells(result: dict[str, Any], peers: Sequence[str]) -> list[str]:
    """Return our time and the ratios of a case, of both passes."""
    found = []
    for action in SHORT:
        ratios = result[action]["ratios"]
        found.append(f"{result[action]['contestants'][OURS]['median_s'] * 1e3:.3g}")
        found += [f"{ratios[p]['median']:.2f}" if p in ratios else MISSING for p in peers]
    return found


def memory_cells(memory: dict[str, Any]) -> list[str]:
    """Return our peak in MB, and its ratio to that of torch.nn."""
    ratio = memory.get("ours_to_torch.nn")
    return [
        f"{memory['peak_bytes'][OURS] / 1e6:.3g}",
        MISSING if ratio is None else f"{ratio:.2f}",
    ]


def footers(
    results: Sequence[dict[str, Any]], summaries: dict[str, Any], peers: Sequence[str]
) -> list[list[str]]:
    """Return the rows of geometric means and of worst cells."""
    means, worst = ["geometric mean"], ["worst"]
    for action in SHORT:
        own = summaries[action]
        means += ["", *(f"{own[p]['geometric_mean']:.2f}" if p in own else MISSING for p in peers)]
        worst += ["", *(f"{own[p]['worst']['ratio']:.2f}" if p in own else MISSING for p in peers)]
    shares = [one["memory"].get("ours_to_torch.nn") for one in results]
    known = [share for share in shares if share is not None]
    means += ["", f"{geometric_mean(known):.2f}" if known else MISSING]
    worst += ["", f"{max(known):.2f}" if known else MISSING]
    return [means, worst]


def ratio_table(
    results: Sequence[dict[str, Any]], summaries: dict[str, Any], peers: Sequence[str]
) -> Table:
    """Return the table that the command prints."""
    table = Table(box=None, pad_edge=False, caption=caption(), caption_justify="left")
    for index, head in enumerate(headings(peers)):
        table.add_column(head, justify="right" if index else "left", no_wrap=index == 0)
    for row in rows(results, peers):
        table.add_row(*row)
    table.add_section()
    for row in footers(results, summaries, peers):
        table.add_row(*row, style="bold")
    return table


def markdown_table(
    results: Sequence[dict[str, Any]], summaries: dict[str, Any], peers: Sequence[str]
) -> str:
    """Return the same table in Markdown."""
    heads = headings(peers)
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows(results, peers)]
    lines += footers(results, summaries, peers)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + f"\n\n{caption()}\n"


def caption() -> str:
    """Say how the table is read."""
    return (
        f"Columns of a peer: its time over that of {OURS}; above 1, {OURS} is faster. "
        f"MB: peak memory of a training step of {OURS}, and its share of torch.nn's."
    )


def worst_cells(summaries: dict[str, Any]) -> list[str]:
    """Name the case in which each peer comes off best."""
    return [
        f"worst against {peer}, {action}: {one['worst']['ratio']:.2f} at {one['worst']['case']}"
        for action, own in summaries.items()
        for peer, one in own.items()
    ]
