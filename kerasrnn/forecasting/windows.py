"""Gather the windows that a network sees, by their rows, so that no copy of all is made."""

from __future__ import annotations

from dataclasses import dataclass, replace

import keras
import numpy as np


@dataclass(frozen=True)
class Rows:
    """The rows of all series, one under another, as the network sees them.

    Attributes:
        values: (rows,), scaled.
        past: (rows, P) covariates that are known up to now.
        future: (rows, F) covariates that are known ahead, calendar features among them.
        static: (series, S).
        offsets: (series + 1,); series i has the rows `offsets[i]:offsets[i + 1]`.
        positions: (rows,) steps since the earliest time of all series.
    """

    values: np.ndarray
    past: np.ndarray
    future: np.ndarray
    static: np.ndarray
    offsets: np.ndarray
    positions: np.ndarray

    def series_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the number of the series that each row belongs to."""
        return np.searchsorted(self.offsets, rows, side="right") - 1

    def inputs(self, starts: np.ndarray, look_back: int, horizon: int) -> dict[str, np.ndarray]:
        """Return what a network is given for windows that start at these rows.

        Args:
            starts: (windows,) rows. Where there are covariates known ahead, the horizon's rows
                must be there too; steps past the end repeat the last row.
            look_back: Steps of a window.
            horizon: Steps after it.
        """
        rows = starts[:, None] + np.arange(look_back)
        series = self.series_of(starts)
        inputs = {"window": self.values[rows]}
        if self.past.shape[1]:
            inputs["past"] = self.past[rows]
        if self.future.shape[1]:
            ahead = starts[:, None] + np.arange(look_back + horizon)
            inputs["future"] = self.future[np.minimum(ahead, len(self.future) - 1)]
        if self.static.shape[1]:
            inputs["static"] = self.static[series]
        inputs["series"] = series[:, None].astype("int32")
        inputs["position"] = self.positions[starts][:, None].astype("int32")
        return inputs

    def targets(self, starts: np.ndarray, look_back: int, horizon: int) -> np.ndarray:
        """Return the values (windows, horizon) that follow windows which start at these rows."""
        return self.values[starts[:, None] + np.arange(look_back, look_back + horizon)]

    def extended(self, steps: int, future: np.ndarray, positions: np.ndarray) -> Rows:
        """Return the rows with `steps` more at the end of each series, whose values are unknown.

        Args:
            steps: Number of rows.
            future: (series, steps, F).
            positions: (series, steps).
        """
        ends = np.repeat(self.offsets[1:], steps)
        return replace(
            self,
            values=np.insert(self.values, ends, np.nan),
            past=np.insert(self.past, ends, np.nan, axis=0),
            future=np.insert(self.future, ends, future.reshape(len(ends), -1), axis=0),
            offsets=self.offsets + steps * np.arange(len(self.offsets)),
            positions=np.insert(self.positions, ends, positions.ravel()),
        )


def window_starts(
    offsets: np.ndarray,
    length: int,
    *,
    skip: np.ndarray | int = 0,
    drop: np.ndarray | int = 0,
    stride: int = 1,
) -> np.ndarray:
    """Return the first row of every stretch of `length` rows that lies in one series.

    >>> window_starts(np.array([0, 5, 7]), length=3).tolist()
    [0, 1, 2]
    >>> window_starts(np.array([0, 5, 7]), length=2, drop=1).tolist()
    [0, 1, 2]

    Args:
        offsets: (series + 1,); see `Rows`.
        length: Rows of a stretch.
        skip: Rows left out at the start of each series, one number or one for each.
        drop: Rows left out at the end of each series.
        stride: Rows from one start to the next, counted back from the last one of each series.
    """
    first = offsets[:-1] + skip
    last = offsets[1:] - drop - length
    counts = np.maximum((last - first) // stride + 1, 0)
    before = np.concatenate([[0], np.cumsum(counts)])
    steps_back = np.repeat(before[1:], counts) - 1 - np.arange(before[-1])
    return np.repeat(last, counts) - stride * steps_back


def last_windows(
    offsets: np.ndarray, look_back: int, horizon: int, held_out: np.ndarray
) -> np.ndarray:
    """Return the first rows of the windows whose horizon lies in the last rows of a series.

    >>> last_windows(np.array([0, 9]), look_back=3, horizon=2, held_out=np.array([3])).tolist()
    [3, 4]

    Args:
        offsets: (series + 1,); see `Rows`.
        look_back: Steps of a window, which may lie before those rows.
        horizon: Steps after it.
        held_out: (series,) how many the last rows are; 0 for no window of a series.
    """
    lengths = np.diff(offsets)
    skip = np.where(held_out > 0, np.maximum(lengths - held_out - look_back, 0), lengths)
    return window_starts(offsets, look_back + horizon, skip=skip)


def spread_out(starts: np.ndarray, most: int) -> np.ndarray:
    """Return at most so many of the starts, evenly spread."""
    if len(starts) <= most:
        return starts
    return starts[np.linspace(0, len(starts) - 1, most).round().astype(int)]


class WindowBatches(keras.utils.PyDataset):
    """Batches of windows for `fit`, drawn in a new order in every pass.

    A pass leaves out the windows that do not fill a batch, other ones each time, so that
    every batch has the same shape.

    Args:
        rows: What windows are cut from.
        starts: (windows,) first row of each.
        look_back, horizon: Steps seen and forecast.
        batch_size: Windows in a batch; fewer where there are fewer windows.
        names: The inputs that the network has.
        seed: Governs the order; without one the windows come in their own order, all of them.
    """

    def __init__(
        self,
        rows: Rows,
        starts: np.ndarray,
        look_back: int,
        horizon: int,
        batch_size: int,
        names: list[str],
        seed: int | None = None,
    ) -> None:
        super().__init__()
        self.rows, self.starts = rows, starts
        self.look_back, self.horizon = look_back, horizon
        self.batch_size = min(batch_size, len(starts))
        self.names = names
        self.seed = seed
        self.set_pass(0)

    @property
    def num_batches(self) -> int:
        """Number of batches in a pass."""
        whole, rest = divmod(len(self.starts), self.batch_size)
        return whole + (rest > 0 and self.seed is None)

    def set_pass(self, number: int) -> None:
        """Draw the order of a pass; it depends on seed and number alone."""
        self.number = number
        count = len(self.starts)
        if self.seed is None:
            self.order = np.arange(count)
        else:
            self.order = np.random.default_rng((self.seed, number)).permutation(count)

    def __getitem__(self, index: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        starts = self.starts[chosen]
        inputs = self.rows.inputs(starts, self.look_back, self.horizon)
        return (
            {name: inputs[name] for name in self.names},
            self.rows.targets(starts, self.look_back, self.horizon),
        )

    def on_epoch_end(self) -> None:
        self.set_pass(self.number + 1)
