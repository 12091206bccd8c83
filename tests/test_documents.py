"""Every example in README, docs and docstrings runs; the test command is the one in README."""

import doctest
import inspect
import re
import shlex
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from kerasrnn.cli import app
from tests.documents import (
    ROOT,
    code_blocks,
    doctests,
    needs_torch,
    run_doctest,
    source_of,
)

# Those of this page go on from each other, and are run with its commands.
BLOCKS = {
    name: block for name, block in code_blocks("python") if not name.startswith("forecasting.md")
}
SHELL = [line for _, block in code_blocks("sh") for line in block.splitlines()]
DOCTESTS = {test.name: test for test in doctests()}


def without_torch(sources: dict[str, str]) -> list[str]:
    return [name for name, source in sources.items() if not needs_torch(source)]


@pytest.mark.parametrize("name", without_torch(BLOCKS))
def test_code_block_runs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(BLOCKS[name], name, "exec"), {})
    if "print(" in BLOCKS[name]:
        assert capsys.readouterr().out


@pytest.mark.parametrize(
    "name", without_torch({name: source_of(test) for name, test in DOCTESTS.items()})
)
def test_docstring(name: str) -> None:
    from kerasrnn.forecasting.baselines import naive, seasonal_naive

    run_doctest(DOCTESTS[name], naive=naive, seasonal_naive=seasonal_naive)


def test_there_are_examples_to_run() -> None:
    assert len(BLOCKS) >= 4
    assert len(DOCTESTS) >= 10
    assert all(isinstance(test, doctest.DocTest) for test in DOCTESTS.values())


def page_blocks(page: Path) -> list[tuple[str, str]]:
    """Return the language and text of a page's Python and shell blocks."""
    return re.findall(r"^```(python|sh)\n(.*?)^```", page.read_text(), re.M | re.S)


@pytest.mark.parametrize("name", ["forecasting.md", "recipes.md"])
def test_every_picture_is_made_by_a_command_of_its_page(name: str) -> None:
    page = ROOT / "docs" / name
    folders = re.findall(r"^kerasrnn .*--output (\S+)", page.read_text(), re.M)
    pictures = re.findall(r"\]\(images/([^/)]+)/[^)]+\)", page.read_text())
    assert pictures
    assert set(pictures) <= set(folders)


def test_page_from_csv_to_forecast_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its blocks in their order, with less training than a reader would have."""
    monkeypatch.chdir(tmp_path)
    for language, block in page_blocks(ROOT / "docs" / "forecasting.md"):
        if language == "python":
            exec(compile(block.replace("epochs=20", "epochs=1"), "forecasting.md", "exec"), {})
            continue
        for line in block.splitlines():
            arguments = shlex.split(line, comments=True)[1:]
            if arguments[0] in ("forecast", "backtest"):
                arguments += ["--epochs", "1", "--units", "4"]
            if arguments[0] == "tune":
                arguments[arguments.index("--trials") + 1] = "2"
            result = CliRunner().invoke(app, arguments)
            assert result.exit_code == 0, (line, result.output, result.exception)
    pictures = re.findall(r"\]\(images/([^)]+)\)", (ROOT / "docs" / "forecasting.md").read_text())
    assert all((tmp_path / picture).stat().st_size > 10_000 for picture in pictures)


def test_commands_run_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines of README with the command itself, in a folder with a sales.csv."""
    monkeypatch.chdir(tmp_path)
    days = pd.date_range("2024-01-01", periods=200)
    units = 100 + 10 * np.sin(np.arange(200) * 2 * np.pi / 7) + np.arange(200) * 0.1
    pd.DataFrame({"day": days, "store": "a", "units": units}).to_csv("sales.csv", index=False)
    blocks = [block for name, block in code_blocks("sh") if name.startswith("README.md")]
    lines = [line for line in "\n".join(blocks).splitlines() if line.startswith("kerasrnn ")]
    assert len(lines) >= 4
    for line in lines:
        arguments = shlex.split(line, comments=True)[1:]
        if arguments[0] == "bench":
            arguments += ["--cases", "GRU (1,"]  # one case is enough to see it run
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, (line, result.output, result.exception)


def test_ci_runs_the_readmes_second_command() -> None:
    commands = [line for line in SHELL if line.startswith("python3 -m venv")]
    assert len(commands) == 2
    assert commands[1] == (ROOT / ".ci" / "run").read_text().splitlines()[-1]


def test_first_screen_shows_the_layer_in_35_lines() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    assert next(i for i, line in enumerate(lines) if line.startswith("model.fit(")) < 35


@pytest.mark.parametrize("layer", ["SimpleRNN", "LSTM", "GRU"])
def test_every_argument_of_keras_is_in_the_table(layer: str) -> None:
    cls = getattr(keras.layers, layer)
    parameters = [
        *inspect.signature(cls.__init__).parameters,
        *inspect.signature(cls.call).parameters,
    ]
    section = (ROOT / "README.md").read_text().split("## From keras.layers")[1]
    names = set(re.findall(r"`(\w+)`", section))
    assert set(parameters) - {"self", "kwargs"} <= names


def test_links_and_pictures_exist() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("[fr]*.md")):
        targets = re.findall(r"\]\(([^)#]+)\)", page.read_text())
        assert targets
        for target in targets:
            assert (page.parent / target).exists(), target
