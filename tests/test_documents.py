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

import kerasrnn
from kerasrnn.layers import Options
from tests.documents import (
    PAGES,
    ROOT,
    code_blocks,
    doctests,
    name_of,
    needs_torch,
    run_block,
    run_command,
    run_doctest,
    shell_lines,
    source_of,
)

# Those of this page go on from each other, and are run with its commands.
BLOCKS = {name: block for name, block in code_blocks("python") if "forecasting.md" not in name}
DOCTESTS = {test.name: test for test in doctests()}


def without_torch(sources: dict[str, str]) -> list[str]:
    return [name for name, source in sources.items() if not needs_torch(source)]


@pytest.mark.parametrize("name", without_torch(BLOCKS))
def test_code_block_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_block(name, BLOCKS[name])


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


@pytest.mark.parametrize("name", ["forecasting.md", "recipes.md", "forgetting.md"])
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
            run_command(line)
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
        run_command(line)


# The lines of README go on from each other, as do those of this page with its Python blocks.
OTHER_PAGES = [page for page in PAGES if page.name not in ("README.md", "forecasting.md")]


@pytest.mark.parametrize("page", OTHER_PAGES, ids=name_of)
def test_shell_lines_run_or_name_what_is_there(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for line in shell_lines(page):
        if line.startswith("kerasrnn "):
            run_command(line)
            continue
        words = [word for word in shlex.split(line, comments=True) if "KERAS_BACKEND=" not in word]
        known = {"nox": 0, "python": 1, "python3": 1, ".venv/bin/pip": 1, "mkdocs": 1}
        assert words[0] in known, line
        if words[0] == "nox":
            (session,) = re.findall(r"^\w+", words[words.index("-s") + 1])
            assert f"\ndef {session}(" in (ROOT / "noxfile.py").read_text()
        elif words[1].endswith(".py") and not words[1].startswith("benchmarks/"):
            assert (ROOT / words[1]).exists(), line
        elif words[1].endswith(".py"):
            # The sdist comes without the benchmarks.
            assert not (ROOT / "benchmarks").exists() or (ROOT / words[1]).exists(), line


def test_ci_runs_the_readmes_second_command() -> None:
    lines = shell_lines(ROOT / "README.md")
    commands = [line for line in lines if line.startswith("python3 -m venv")]
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


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_and_pictures_exist(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", text):
        if "://" in target:
            continue
        found = page.parent / target
        if found.suffix == ".ipynb":  # made from its example when the site is built
            found = ROOT / "examples" / f"{found.stem}.py"
        assert found.exists(), target


def test_every_page_has_a_name_and_a_title_of_its_own() -> None:
    menu = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").split("\nnav:\n")[1]
    pages = re.findall(r"- (?:(.+): )?(\S+\.md)$", menu, re.M)
    assert len(pages) > 30
    texts = [(ROOT / "docs" / page).read_text(encoding="utf-8") for _, page in pages]
    titles = [re.findall(r"^# (.+)$", text, re.M)[0] for text in texts]
    for named in ([name for name, _ in pages], titles):
        assert sorted(named) == sorted(set(named))


def arguments_of(cls: type) -> set[str]:
    """Return the names of all arguments, those that are passed on to a base class too."""
    names = {name for base in cls.__mro__[:2] for name in inspect.signature(base).parameters}
    return names - {"options", "kwargs", "cell_options", "args"} | {"name", "dtype", "trainable"}


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"])
def test_page_of_a_layer_has_all_of_its_arguments(kind: str) -> None:
    name = "cells" if kind.endswith("Cell") else kind.lower()
    page = (ROOT / "docs" / "layers" / f"{name}.md").read_text(encoding="utf-8")
    for shared in re.findall(r'^--8<-- "(.+)"$', page, re.M):
        page += (ROOT / shared).read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+?) \|", page, re.M)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    wanted = arguments_of(getattr(kerasrnn, kind))
    if not kind.endswith("Cell"):
        wanted |= set(Options.__annotations__)
        wanted |= set(inspect.signature(kerasrnn.LSTM.call).parameters) - {"self"}
        wanted -= {"sequences_mask"}  # Keras's own way to hand over a mask
    assert wanted - named == set()
