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
    [lambda: "torch_uniform", lambda: kerasrnn.TorchUniform(5), lambda: "glorot_uniform"],
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
    with pytest.raises(ValueError, match="fan must be a positive integer. Got 0"):
        kerasrnn.TorchUniform(0)


def test_torch_uniform_comes_back_from_its_config() -> None:
    initializer = kerasrnn.TorchUniform(7, seed=3)
    again = keras.initializers.deserialize(keras.initializers.serialize(initializer))
    assert again.get_config() == {"fan": 7, "seed": 3}
    assert (to_numpy(again((2, 3))) == to_numpy(initializer((2, 3)))).all()
