"""The progress bars, on a terminal that keeps what it is shown."""

import io
from typing import Any

import pytest
from rich.console import Console

from kerasrnn.forecasting import progress
from kerasrnn.forecasting.progress import ProgressBar, StepBar


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Put a terminal of paper in place of standard error."""
    paper = io.StringIO()

    def console(**_: Any) -> Console:
        return Console(file=paper, force_terminal=True, width=100, color_system=None)

    monkeypatch.setattr(progress, "Console", console)
    return paper


def shown(terminal: io.StringIO, bar: ProgressBar) -> str:
    """Return what the bar shows now."""
    terminal.seek(0)
    terminal.truncate()
    bar.progress.refresh()
    return terminal.getvalue()


def test_the_loss_is_shown_once_there_is_one(terminal: io.StringIO) -> None:
    bar = ProgressBar("training gru")
    bar.set_params({"epochs": 7})
    bar.on_train_begin()
    first = shown(terminal, bar)
    assert "training gru" in first
    assert "epoch 0/7" in first
    assert "loss" not in first
    bar.on_epoch_end(0, {"loss": 0.5})
    assert "epoch 1/7  loss 0.5000" in shown(terminal, bar)
    bar.on_train_end()


@pytest.mark.parametrize("bar", [ProgressBar("training gru", quiet=True), StepBar(3, quiet=True)])
def test_a_quiet_bar_shows_nothing(bar: ProgressBar | StepBar) -> None:
    assert bar.progress.disable


def test_nothing_is_shown_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with StepBar(2) as bar:
        bar.tell("origin 1 of 2")
    assert capsys.readouterr() == ("", "")


def test_steps_are_named(terminal: io.StringIO) -> None:
    with StepBar(2) as bar:
        bar.tell("origin 1 of 2")
        bar.tell("origin 2 of 2")
    assert "0/2  origin 1 of 2" in terminal.getvalue()
    assert "1/2  origin 2 of 2" in terminal.getvalue()
