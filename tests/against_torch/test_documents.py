"""The examples that are about torch run, and README maps all of torch.nn's arguments."""

import inspect
import re
from pathlib import Path

import pytest
import torch

from tests.documents import (
    ROOT,
    code_blocks,
    doctests,
    needs_torch,
    run_block,
    run_doctest,
    source_of,
)

BLOCKS = {name: block for name, block in code_blocks("python") if needs_torch(block)}
DOCTESTS = {test.name: test for test in doctests() if needs_torch(source_of(test))}


def test_there_are_examples_to_run() -> None:
    assert BLOCKS
    assert DOCTESTS


@pytest.mark.parametrize("name", BLOCKS)
def test_code_block_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_block(name, BLOCKS[name])


@pytest.mark.parametrize("name", DOCTESTS)
def test_docstring(name: str) -> None:
    run_doctest(DOCTESTS[name], torch=torch)


@pytest.mark.parametrize("layer", ["RNN", "LSTM", "GRU"])
def test_every_argument_of_torch_is_in_the_table(layer: str) -> None:
    # The layers take *args; their base class names the arguments.
    parameters = inspect.signature(torch.nn.RNNBase.__init__).parameters
    section = (ROOT / "README.md").read_text().split("## From torch.nn")[1].split("\n## ")[0]
    names = set(re.findall(r"`(\w+)`", section))
    assert set(parameters) - {"self", "mode"} <= names
    assert {"nonlinearity", "proj_size"} <= names
    documented = set(re.findall(r"^\s+(\w+): ", getattr(torch.nn, layer).__doc__ or "", re.M))
    assert documented & names
