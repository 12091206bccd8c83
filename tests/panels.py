"""Panels of random rows, and what it takes to compare them."""

import numpy as np
import pandas as pd

from kerasrnn.forecasting.data.options import Reading
from kerasrnn.forecasting.data.panel import Columns, Panel


def random_panel(seed: int, freq: str | None = "MS", series: int = 4) -> Panel:
    """Return series of unequal lengths and starts, with all kinds of covariates."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 20, series)
    starts = rng.integers(0, 10, series)
    rows = np.concatenate([np.arange(a, a + n) for a, n in zip(starts, lengths, strict=True)])
    times = pd.Index(rows, name="ds")
    if freq is not None:
        times = pd.DatetimeIndex(
            pd.date_range("2020-01-01", periods=40, freq=freq, name="ds")[rows]
        )
    panel = Panel(
        ids=tuple(f"s{i}" for i in range(series)),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        times=times,
        values=rng.normal(size=len(rows)),
        past=rng.normal(size=(len(rows), 2)),
        future=rng.normal(size=(len(rows), 1)),
        given=rng.random((len(rows), 4)) < 0.8,
        static=pd.DataFrame({"size": rng.normal(size=series), "kind": list("abcdefgh"[:series])}),
        columns=Columns("unique_id", "ds", "y", ("a", "b"), ("c",), ("size", "kind")),
        frequency=1 if freq is None else pd.tseries.frequencies.to_offset(freq),
        form="long",
        reading=Reading(fill="previous"),
    )
    return panel.until(0)  # with what was not given filled in


def everything(panel: Panel) -> pd.DataFrame:
    """Return all rows, and which values were given."""
    given = {f"given {i}": column for i, column in enumerate(panel.given.T)}
    return panel.to_frame().assign(**given)


def equal(panel: Panel, other: Panel) -> None:
    """Hold that two panels are alike."""
    pd.testing.assert_frame_equal(everything(panel), everything(other))
    pd.testing.assert_frame_equal(panel.static, other.static)
    assert panel.ids == other.ids
    assert (panel.frequency, panel.columns) == (other.frequency, other.columns)
