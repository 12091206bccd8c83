"""Windows are cut by their rows, come in a new order in every pass, and are never all copied."""

import tracemalloc
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasrnn.forecasting import Forecaster
from kerasrnn.forecasting.windows import Rows, WindowBatches, spread_out, window_starts

lengths_of_series = st.lists(st.integers(1, 12), min_size=1, max_size=4)
seeds = st.integers(0, 2**32 - 1)


def random_rows(seed: int, lengths: list[int]) -> Rows:
    """Return rows of which no two numbers are alike."""
    rng = np.random.default_rng(seed)
    count = sum(lengths)
    return Rows(
        values=rng.normal(size=count).astype("float32"),
        past=rng.normal(size=(count, 2)).astype("float32"),
        future=rng.normal(size=(count, 1)).astype("float32"),
        static=rng.normal(size=(len(lengths), 3)).astype("float32"),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        positions=np.concatenate([rng.integers(0, 99) + np.arange(n) for n in lengths]),
    )


@given(lengths_of_series, st.integers(1, 6), st.integers(1, 4), seeds)
def test_starts_are_those_of_a_hand_loop(
    lengths: list[int], length: int, stride: int, seed: int
) -> None:
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    skip, drop = np.random.default_rng(seed).integers(0, 5, (2, len(lengths)))
    for skipped, dropped in ((skip, drop), (0, 0), (skip, 2), (1, drop)):
        expected = [
            row
            for (first, end), s, d in zip(
                pairwise(offsets),
                np.broadcast_to(skipped, len(lengths)),
                np.broadcast_to(dropped, len(lengths)),
                strict=True,
            )
            for row in range(first, end)
            if row >= first + s and row + length <= end - d
            if (end - d - length - row) % stride == 0  # counted from the last one
        ]
        starts = window_starts(offsets, length, skip=skipped, drop=dropped, stride=stride)
        assert starts.tolist() == expected


@given(lengths_of_series, st.integers(1, 4), st.integers(1, 3), seeds)
def test_windows_are_those_of_a_hand_loop(
    lengths: list[int], look_back: int, horizon: int, seed: int
) -> None:
    rows = random_rows(seed, lengths)
    starts = window_starts(rows.offsets, look_back + horizon)
    inputs = rows.inputs(starts, look_back, horizon)
    targets = rows.targets(starts, look_back, horizon)
    assert inputs["window"].shape == (len(starts), look_back)
    assert targets.shape == (len(starts), horizon)
    for window, start in enumerate(starts):
        series = int((rows.offsets[1:] <= start).sum())
        assert inputs["series"][window].tolist() == [series]
        assert inputs["position"][window].tolist() == [rows.positions[start]]
        assert (inputs["static"][window] == rows.static[series]).all()
        for step in range(look_back + horizon):
            assert (inputs["future"][window, step] == rows.future[start + step]).all()
            if step < look_back:
                assert inputs["window"][window, step] == rows.values[start + step]
                assert (inputs["past"][window, step] == rows.past[start + step]).all()
            else:
                assert targets[window, step - look_back] == rows.values[start + step]


@given(lengths_of_series, st.integers(1, 3), seeds)
def test_rows_ahead_are_added_to_the_end_of_each_series(
    lengths: list[int], steps: int, seed: int
) -> None:
    rows = random_rows(seed, lengths)
    count = len(lengths)
    future = np.random.default_rng(seed + 1).normal(size=(count, steps, 1)).astype("float32")
    positions = np.arange(1000, 1000 + count * steps).reshape(count, steps)
    longer = rows.extended(steps, future, positions)
    assert np.diff(longer.offsets).tolist() == [n + steps for n in lengths]
    for i, (first, end) in enumerate(pairwise(longer.offsets)):
        own = slice(rows.offsets[i], rows.offsets[i + 1])
        for name, ahead in (("future", future[i]), ("positions", positions[i])):
            expected = np.concatenate([getattr(rows, name)[own], ahead])
            assert (getattr(longer, name)[first:end] == expected).all()
        for name in ("values", "past"):
            got = getattr(longer, name)[first:end]
            assert (got[:-steps] == getattr(rows, name)[own]).all()
            assert np.isnan(got[-steps:]).all()


@given(st.integers(1, 300), st.integers(1, 50))
def test_starts_are_thinned_evenly(count: int, most: int) -> None:
    chosen = spread_out(np.arange(100, 100 + count), most)
    assert len(chosen) == min(count, most)
    assert chosen[0] == 100
    assert len(chosen) == 1 or chosen[-1] == 99 + count
    steps = np.diff(chosen)
    assert len(steps) == 0 or (steps.min() >= 1 and np.ptp(steps) <= 1)


def new_batches(count: int = 23, batch_size: int = 4, seed: int | None = 5) -> WindowBatches:
    rows = random_rows(0, [count + 4])
    starts = window_starts(rows.offsets, 5)
    return WindowBatches(rows, starts, 3, 2, batch_size, ["window", "past"], seed=seed)


def batches_of_a_pass(batches: WindowBatches) -> list[tuple[dict[str, np.ndarray], np.ndarray]]:
    return [batches[i] for i in range(batches.num_batches)]


def starts_of_a_pass(batches: WindowBatches) -> list[int]:
    """Return where the windows of a pass start, found by their first values."""
    row = {value: i for i, value in enumerate(batches.rows.values.tolist())}
    windows = [inputs["window"] for inputs, _ in batches_of_a_pass(batches)]
    return [row[value] for value in np.concatenate(windows)[:, 0].tolist()]


@pytest.mark.parametrize(("count", "batch_size"), [(23, 4), (24, 4), (3, 4), (4, 1)])
def test_pass_brings_no_window_twice_in_batches_of_one_shape(count: int, batch_size: int) -> None:
    batches = new_batches(count, batch_size)
    size = min(count, batch_size)
    seen: set[int] = set()
    for number in range(12):
        assert batches.number == number
        shapes = {
            (inputs["window"].shape, inputs["past"].shape, targets.shape)
            for inputs, targets in batches_of_a_pass(batches)
        }
        assert shapes == {((size, 3), (size, 3, 2), (size, 2))}
        starts = starts_of_a_pass(batches)
        assert len(set(starts)) == len(starts) == count // size * size
        seen |= set(starts)
        batches.on_epoch_end()
    assert seen == set(range(count))  # other windows are left out each time


def test_order_depends_on_seed_and_pass_alone() -> None:
    batches, orders = new_batches(), []
    for number in range(4):
        orders.append(starts_of_a_pass(batches))
        fresh = new_batches()
        fresh.set_pass(number)
        assert starts_of_a_pass(fresh) == orders[-1]
        batches.on_epoch_end()
    other = starts_of_a_pass(new_batches(seed=6))
    in_order = list(range(len(other)))
    different = [*orders, other, in_order]
    assert len({tuple(order) for order in different}) == len(different)


def test_without_a_seed_all_windows_come_in_their_own_order() -> None:
    batches = new_batches(seed=None)
    for _ in range(2):
        assert starts_of_a_pass(batches) == list(range(23))
        assert [len(targets) for _, targets in batches_of_a_pass(batches)] == [4] * 5 + [3]
        batches.on_epoch_end()


def test_batch_holds_what_the_network_has_inputs_for() -> None:
    inputs, _ = new_batches()[0]
    assert list(inputs) == ["window", "past"]


def test_fit_never_holds_all_windows(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Training is one pass over the batches here; all else is what `fit` does."""
    count, look_back, batch_size = 200_000, 96, 1024
    passed: list[int] = []

    def one_pass(model: Any, design: Any, *both: WindowBatches, **_: Any) -> dict[str, list[float]]:
        passed.extend(len(half[i][1]) for half in both[:2] for i in range(half.num_batches))
        return {"loss": [1.0]}

    monkeypatch.setattr("kerasrnn.forecasting.forecaster.train", one_pass)
    series = pd.Series(rng.normal(size=count))
    arguments: dict[str, Any] = {"horizon": 4, "look_back": look_back, "model": "rnn", "units": 2}
    tracemalloc.start()
    Forecaster(**arguments, levels=(), batch_size=batch_size).fit(series)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    windows = count - look_back - 4 + 1
    assert windows - batch_size < sum(passed) + 3 <= windows  # 3 lie between both sets
    assert peak < windows * look_back * 4 / 3
