"""Progress bars for `fit` and for a run of many steps, on a terminal only."""

from typing import Self

import keras
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn


class ProgressBar(keras.callbacks.Callback):
    """Show epochs, loss and remaining time on standard error while a model is trained.

    Args:
        title: What is being done; where a call trains twice, what this training is for.
        quiet: Show nothing.
    """

    def __init__(self, title: str, quiet: bool = False) -> None:
        super().__init__()
        console = Console(stderr=True)
        self.progress = Progress(
            TextColumn(title),
            BarColumn(),
            TextColumn("epoch {task.completed}/{task.total}{task.description}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Show the bar."""
        self.progress.start()
        self.task = self.progress.add_task("", total=self.params["epochs"])

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Move on by one epoch."""
        loss = f"  loss {(logs or {})['loss']:.4f}"
        self.progress.update(self.task, completed=epoch + 1, description=loss)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Take the bar away."""
        self.progress.stop()


class StepBar:
    """Show on standard error which of so many steps is being done.

    Args:
        total: Number of steps.
        quiet: Show nothing.
    """

    def __init__(self, total: int, quiet: bool = False) -> None:
        console = Console(stderr=True)
        self.progress = Progress(
            BarColumn(),
            TextColumn("{task.completed}/{task.total}  {task.description}"),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
            # Drawing takes time from what is measured.
            auto_refresh=False,
        )
        self.task = self.progress.add_task("", total=total)
        self.begun = 0

    def tell(self, description: str) -> None:
        """Name the step that begins."""
        self.progress.update(self.task, completed=self.begun, description=description, refresh=True)
        self.begun += 1

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()
