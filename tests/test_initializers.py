"""The initial weights: torch's bounds, and no two weights alike."""

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kerasrnn
from tests.making import KINDS
from tests.running import to_numpy


@given(fan=st.integers(1, 1000))
def test_torch_uniform_fills_its_bounds(fan: int) -> None:
    bound = fan**-0.5
    drawn = to_numpy(kerasrnn.TorchUniform(fan, seed=fan)((200, 200), dtype="float64"))
    assert -bound <= drawn.min() < -0.999 * bound
    assert 0.999 * bound < drawn.max() <= bound
    # 6 standard errors of the mean, and of the variance, of 40000 uniform draws.
    assert abs(drawn.mean()) < 6 * bound / 3**0.5 / 200
    assert abs(drawn.var() / (bound**2 / 3) - 1) < 6 * 0.8**0.5 / 200


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "initializer",
    [
        lambda: "torch_uniform",
        lambda: "glorot_uniform",
        lambda: kerasrnn.TorchUniform(5),
        lambda: kerasrnn.TorchUniform(5, seed=keras.random.SeedGenerator(1)),
        lambda: keras.initializers.RandomNormal(),
        lambda: keras.initializers.RandomNormal(seed=keras.random.SeedGenerator(1)),
    ],
    ids=[
        "torch_uniform",
        "glorot_uniform",
        "TorchUniform",
        "TorchUniform, seed generator",
        "RandomNormal",
        "RandomNormal, seed generator",
    ],
)
def test_every_weight_of_a_stack_starts_differently(kind: str, initializer: Any) -> None:
    shared = initializer()
    layer = getattr(kerasrnn, kind)(
        5,
        num_layers=2,
        bidirectional=True,
        kernel_initializer=shared,
        recurrent_initializer=shared,
        bias_initializer=shared,
    )
    layer.build((None, None, 5))
    starts = [to_numpy(variable)[:2, :5] for variable in layer.trainable_variables]
    assert len(starts) == 12
    for i, one in enumerate(starts):
        assert not any((one == other).any() for other in starts[:i])


def test_initial_weights_are_reproducible() -> None:
    def draw(seed: int) -> list[np.ndarray]:
        keras.utils.set_random_seed(seed)
        layer = kerasrnn.LSTM(4, num_layers=2)
        layer.build((None, None, 3))
        return layer.get_weights()

    first, again, other = draw(1), draw(1), draw(2)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert all((a != b).all() for a, b in zip(first, other, strict=True))


def test_default_weights_lie_within_the_bound_of_the_units() -> None:
    layer = kerasrnn.LSTM(64, proj_size=8)
    layer.build((None, None, 30))
    for variable in layer.trainable_variables:
        assert 0.9 / 8 < np.abs(to_numpy(variable)).max() <= 1 / 8, variable.path


def test_unit_forget_bias_sets_the_forget_gate_alone() -> None:
    layer = kerasrnn.LSTM(5, num_layers=2, unit_forget_bias=True)
    layer.build((None, None, 3))
    for cell in layer.cells:
        i, f, g, o = np.split(to_numpy(cell.bias), 4, axis=-1)
        assert (f == [[1] * 5, [0] * 5]).all()
        assert (np.abs([i, g, o]) > 0).all()
        assert (np.abs([i, g, o]) <= 5**-0.5).all()


def test_fan_must_be_positive() -> None:
    with pytest.raises(ValueError, match=r"fan must be a positive integer. Got 0"):
        kerasrnn.TorchUniform(0)


def test_torch_uniform_comes_back_from_its_config() -> None:
    initializer = kerasrnn.TorchUniform(7, seed=3)
    again = keras.initializers.deserialize(keras.initializers.serialize(initializer))
    assert again.get_config() == {"fan": 7, "seed": 3}
    assert (to_numpy(again((2, 3))) == to_numpy(initializer((2, 3)))).all()


class Counting(keras.initializers.Initializer):
    """An initializer as a user writes one: with an argument, without a configuration."""

    def __init__(self, start: float) -> None:
        self.start = start

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        numbers = self.start + np.arange(np.prod(shape)).reshape(shape)
        return keras.ops.convert_to_tensor(numbers, dtype)


@pytest.mark.parametrize(
    "initializer",
    [
        Counting(3.0),
        keras.initializers.Identity(0.5),
        keras.initializers.Constant(0.25),
        keras.initializers.OrthogonalInitializer(gain=2.0, seed=1),
        lambda shape, dtype=None: 2 * keras.ops.ones(shape, dtype),
    ],
    ids=["without a configuration", "identity", "constant", "orthogonal", "function"],
)
def test_weights_start_as_the_given_initializer_says(initializer: Any) -> None:
    cell = kerasrnn.RNNCell(4, recurrent_initializer=initializer)
    cell.build((None, 3))
    assert (to_numpy(cell.recurrent_kernel) == to_numpy(initializer((4, 4), "float32"))).all()
