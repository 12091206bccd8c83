"""Operations that `keras.ops` (3.15) rounds to float32 where it is given float64."""

import keras
from keras import ops

from kerasrnn.types import Tensor


def matmul(left: Tensor, right: Tensor) -> Tensor:
    """Multiply matrices; `keras.ops.matmul` rounds float64 on the torch backend."""
    return ops.convert_to_tensor(left) @ ops.convert_to_tensor(right)


def tanh(x: Tensor) -> Tensor:
    """Take the hyperbolic tangent; `keras.ops.tanh` rounds float64 on the JAX backend."""
    rounded = keras.backend.backend() == "jax" and x.dtype == "float64"
    if not rounded:
        return ops.tanh(x)
    x = ops.clip(x, -20.0, 20.0)  # beyond, tanh is 1 in float64
    return x - ops.tanh_shrink(x)  # x - (x - tanh x)
