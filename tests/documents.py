"""Find the examples in README, docs and docstrings, and run them."""

import doctest
import importlib
import pkgutil
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np

import kerasrnn
from kerasrnn.forecasting import air_passengers

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("**/*.md"))]


def code_blocks(language: str) -> Iterator[tuple[str, str]]:
    """Yield every fenced block of a language with its place."""
    for page in PAGES:
        blocks = re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.M | re.S)
        for number, block in enumerate(blocks):
            yield f"{page.name}:{number}", block


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
    test.globs.update(names)
    report: list[str] = []
    results = doctest.DocTestRunner().run(test, out=report.append)
    assert results.attempted > 0
    assert results.failed == 0, "".join(report)
