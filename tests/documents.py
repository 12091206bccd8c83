"""Find the examples in README, docs and docstrings, and run them."""

import contextlib
import doctest
import importlib
import io
import pkgutil
import re
import shlex
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
from typer.testing import CliRunner

import kerasrnn
from kerasrnn.cli import app
from kerasrnn.forecasting import air_passengers

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("**/*.md"))]


def name_of(page: Path) -> str:
    """Name a page by its place."""
    return page.relative_to(ROOT).as_posix()


def fenced_blocks(page: Path, language: str) -> list[tuple[str, str]]:
    """Return each block of a language in a page, and what the page says that it prints, or ""."""
    pattern = rf"^```{language}\n(.*?)^```\n(?:```text\n(.*?)^```)?"
    blocks = re.findall(pattern, page.read_text(encoding="utf-8"), re.M | re.S)
    # What only shows a file of the repository is run by that file's own tests.
    return [(source, printed) for source, printed in blocks if not source.startswith("--8<--")]


def code_blocks(language: str) -> Iterator[tuple[str, str]]:
    """Yield every fenced block of a language with its place."""
    for page in PAGES:
        for number, (block, _) in enumerate(fenced_blocks(page, language)):
            yield f"{name_of(page)}:{number}", block


@cache
def printed_by_blocks() -> dict[str, str]:
    """Return what pages say that their Python blocks print, by the blocks' places."""
    return {
        f"{name_of(page)}:{number}": printed
        for page in PAGES
        for number, (_, printed) in enumerate(fenced_blocks(page, "python"))
        if printed
    }


def run_block(name: str, source: str) -> str:
    """Run a block as a program of its own, and return what it printed."""
    keras.utils.clear_session()  # names of layers count from the start
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(compile(source, name, "exec"), {"__name__": "__main__"})
    printed = out.getvalue()
    assert printed or "print(" not in source
    shown = printed_by_blocks().get(name, printed)
    assert printed == shown
    return printed


def doctests() -> Iterator[doctest.DocTest]:
    """Yield every docstring's examples."""
    names = {"keras": keras, "kerasrnn": kerasrnn, "np": np, "air_passengers": air_passengers}
    finder = doctest.DocTestFinder(exclude_empty=True)
    for module_name in module_names():
        module = importlib.import_module(module_name)
        for found in finder.find(module, extraglobs=names):
            if found.examples:
                yield found


def module_names() -> list[str]:
    """Return all modules but the one that runs the command, and those that cannot run here."""
    found = [module.name for module in pkgutil.walk_packages(kerasrnn.__path__, "kerasrnn.")]
    return ["kerasrnn", *(n for n in found if n != "kerasrnn.__main__" and frameworks_are_there(n))]


def frameworks_are_there(module: str) -> bool:
    """Say whether the frameworks in a module's name are installed."""
    words = module.rsplit(".", 1)[-1].split("_")
    return all(find_spec(word) for word in words if word in ("torch", "jax", "flax"))


def needs_torch(source: str) -> bool:
    """Say whether an example is about torch."""
    return "torch." in source


def source_of(test: doctest.DocTest) -> str:
    return "".join(example.source for example in test.examples)


def run_doctest(test: doctest.DocTest, **names: object) -> None:
    """Run a docstring's examples, and fail where one differs."""
    keras.utils.clear_session()  # names of layers count from the start
    test.globs.update(names)
    report: list[str] = []
    results = doctest.DocTestRunner().run(test, out=report.append)
    assert results.attempted > 0
    assert results.failed == 0, "".join(report)


def shell_lines(page: Path) -> list[str]:
    """Return the lines of a page's shell blocks."""
    return [line for block, _ in fenced_blocks(page, "sh") for line in block.splitlines() if line]


def quickly(line: str) -> list[str]:
    """Return the arguments of a `kerasrnn` line, with less work than a reader would have."""
    arguments = shlex.split(line, comments=True)[1:]
    if arguments[0] in ("forecast", "backtest"):
        arguments += ["--epochs", "1", "--units", "4"]
    if arguments[0] == "sine":
        arguments += ["--iterations", "100"]
    if arguments[0] == "gradients":
        arguments += ["--length", "10"]
    if arguments[0] == "bench":
        arguments += ["--cases", "GRU (1,"]  # one case is enough to see it run
    if "--trials" in arguments:
        arguments[arguments.index("--trials") + 1] = "2"
    return arguments


def run_command(line: str) -> None:
    """Run a `kerasrnn` line here, and fail where it does."""
    result = CliRunner().invoke(app, quickly(line))
    assert result.exit_code == 0, (line, result.output, result.exception)
