"""Checkpoints of the sine program: broken off and gone on with, the run ends the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import pytest

from kerasrnn.forecasting import DataError, sine
from kerasrnn.forecasting.sine import SineRun, new_model, train
from tests.sines import everything


@pytest.mark.parametrize("options", [{}, {"init": "small", "clip": 0.1}])
def test_resumed_classic_run_ends_where_the_whole_one_does(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    path = tmp_path / "folder" / "sine.keras"
    whole = train(SineRun(iterations=200, **options), report=False)
    half = train(SineRun(iterations=100, **options), path, report=False)
    resumed = train(SineRun(iterations=200, **options), path, report=False)
    assert everything(half) != everything(whole) == everything(resumed)
    again = train(SineRun(iterations=200, **options), path, report=False)  # nothing is left to do
    assert everything(again) == everything(whole)
    assert [file.name for file in path.parent.iterdir()] == ["sine.keras"]


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Save every 100 iterations, and break off at the end of some 100."""

    def arm(at: int) -> None:
        def report(self: sine.LossReport, epoch: int, logs: dict[str, float] | None = None) -> None:
            if epoch + 1 == at:
                raise KeyboardInterrupt

        def checkpoint(self: sine.Checkpoint, epoch: int, logs: Any = None) -> None:
            self.save()

        monkeypatch.setattr(sine.LossReport, "on_epoch_end", report)
        monkeypatch.setattr(sine.Checkpoint, "on_epoch_end", checkpoint)

    return arm


@pytest.mark.parametrize("recipe", ["classic", "improved"])
def test_interrupted_run_goes_on_bit_for_bit(
    tmp_path: Path, recipe: str, interrupt: Callable[[int], None]
) -> None:
    run, path = SineRun(recipe, iterations=300), tmp_path / "sine.keras"
    whole = train(run, report=False)
    interrupt(2)
    with pytest.raises(KeyboardInterrupt):
        train(run, path)
    assert int(keras.saving.load_model(path).optimizer.iterations) == 100
    assert everything(train(run, path, report=False)) == everything(whole)


def test_checkpoint_is_written_every_1000_iterations_and_at_the_end(tmp_path: Path) -> None:
    class Counting(sine.Checkpoint):
        count = 0

        def save(self) -> None:
            self.count += 1

    checkpoint, counts = Counting(tmp_path / "sine.keras"), []
    for epoch in range(20):
        checkpoint.on_epoch_end(epoch)
        counts.append(checkpoint.count)
    assert counts == [0] * 9 + [1] * 10 + [2]
    checkpoint.on_train_end()
    assert checkpoint.count == 3


def test_failed_save_leaves_the_old_checkpoint_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: keras.Model, path: Path) -> None:
        path.write_text("half a fi")
        raise OSError("disk full")

    (tmp_path / "sine.keras").write_text("old")
    checkpoint = sine.Checkpoint(tmp_path / "sine.keras")
    checkpoint.set_model(new_model(SineRun()))
    monkeypatch.setattr(keras.Model, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        checkpoint.save()
    assert (tmp_path / "sine.keras").read_text() == "old"


def write_checkpoint(run: SineRun, path: Path) -> None:
    """Write the checkpoint of a run that has only begun."""
    model = new_model(run)
    model.optimizer.build(model.trainable_variables)
    model.save(path)


OTHERS = {
    "seed": SineRun(iterations=200, seed=1),
    "init": SineRun(iterations=200, init="small"),
    "clip": SineRun(iterations=200, clip=1.0),
    "recipe": SineRun("improved", iterations=200),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_checkpoint_of_another_run_is_refused(tmp_path: Path, other: SineRun) -> None:
    path = tmp_path / "sine.keras"
    write_checkpoint(SineRun(iterations=200), path)
    with pytest.raises(
        DataError, match=f"sine_classic_default_seed_0, this run is {other.model_name};"
    ):
        train(other, path)


def test_improved_checkpoint_of_another_length_is_refused(tmp_path: Path) -> None:
    """Its learning rate and noise depend on the length."""
    path = tmp_path / "sine.keras"
    write_checkpoint(SineRun("improved", iterations=200), path)
    with pytest.raises(DataError, match=r"of_200, this run is .*of_300;"):
        train(SineRun("improved", iterations=300), path)


def test_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sine.keras"
    path.write_text("no model")
    with pytest.raises(DataError, match=r"^checkpoint .*sine\.keras is not a whole .keras file"):
        train(SineRun(), path)
    assert path.read_text() == "no model"
