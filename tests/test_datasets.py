"""The long-memory tasks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasrnn.datasets import adding_problem, copy_task


@given(st.integers(1, 20), st.integers(2, 40), st.integers(0, 2**32 - 1))
def test_two_numbers_are_marked_and_added(samples: int, length: int, seed: int) -> None:
    x, y = adding_problem(samples, length, seed=seed)
    assert (x.shape, y.shape) == ((samples, length, 2), (samples, 1))
    assert x.dtype == y.dtype == np.float32
    numbers, marks = x[..., 0], x[..., 1]
    assert ((numbers >= 0) & (numbers < 1)).all()
    assert (marks[:, : length // 2].sum(axis=1) == 1).all()
    assert (marks[:, length // 2 :].sum(axis=1) == 1).all()
    assert (marks == marks.astype(bool)).all()
    expected = [number[mark == 1].sum() for number, mark in zip(numbers, marks, strict=True)]
    np.testing.assert_allclose(y[:, 0], expected, rtol=1e-6)


def test_the_mean_of_the_sum_is_off_by_a_sixth() -> None:
    _, y = adding_problem(20_000, 30)
    assert np.mean((y - 1) ** 2) == pytest.approx(1 / 6, abs=0.003)


@given(st.integers(1, 9), st.integers(1, 20), st.integers(1, 8), st.integers(2, 9))
def test_symbols_are_wanted_after_the_signal(
    samples: int, delay: int, length: int, symbols: int
) -> None:
    x, y = copy_task(samples, delay, length=length, symbols=symbols)
    steps = delay + 2 * length
    assert (x.shape, y.shape) == ((samples, steps, symbols + 2), (samples, steps))
    assert (x.sum(axis=-1) == 1).all()
    seen = x.argmax(axis=-1)
    assert (seen[:, :length] == y[:, -length:]).all()
    assert (seen[:, :length] < symbols).all()
    assert (y[:, :-length] == symbols).all()
    assert (np.flatnonzero(seen[0] == symbols + 1) == [steps - length - 1]).all()
    rest = np.delete(seen, [*range(length), steps - length - 1], axis=1)
    assert (rest == symbols).all()


def test_seed_governs_everything() -> None:
    for make, size in ((adding_problem, 30), (copy_task, 5)):
        first, again, other = (make(4, size, seed=seed) for seed in (1, 1, 2))
        assert all((a == b).all() for a, b in zip(first, again, strict=True))
        assert (first[0] != other[0]).any()


@pytest.mark.parametrize(
    ("make", "sizes", "message"),
    [
        (
            adding_problem,
            {"samples": 3, "length": 1},
            "length must be a whole number, at least 2. Got 1.",
        ),
        (
            adding_problem,
            {"samples": 0, "length": 5},
            "samples must be a whole number, at least 1. Got 0.",
        ),
        (adding_problem, {"samples": 2.5, "length": 5}, "samples must be a whole number"),
        (copy_task, {"samples": 3, "delay": 0}, "delay must be a whole number, at least 1. Got 0."),
        (
            copy_task,
            {"samples": 3, "delay": 1, "symbols": 1},
            "symbols must be a whole number, at least 2. Got 1.",
        ),
    ],
)
def test_sizes_that_make_no_task_are_refused(make, sizes, message) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=message):
        make(**sizes)
