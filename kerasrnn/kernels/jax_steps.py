"""One time step of every mode on JAX, forward and backward by hand.

A step of the loops in `jax_loop` reads one row of each of the mode's buffers and leaves
other values in its place: forward, the input's part of the gates gives way to the gates;
backward, the gates give way to their gradients. So the large arrays exist once.
"""

from collections.abc import Sequence
from typing import Protocol

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from kerasrnn.kernels.stack import Weights

Rows = tuple[Array, ...]
Left = tuple[Array | None, ...]  # None where a row is to stay as it is
# On a CPU, XLA has a better product for small results that are summed over two axes, and
# for large ones that are summed over one.
LARGE_SUM = 1 << 14
HALF = (jnp.dtype(jnp.float16), jnp.dtype(jnp.bfloat16))


class Steps(Protocol):
    """The equations of one mode.

    Attributes:
        joint: Whether the input and the hidden state may enter as one matrix product.
        reads: Which of the states the backward step reads.
    """

    joint: bool
    reads: int

    def project(self, inputs: Array, weights: Weights) -> Rows:
        """Return the buffers (..., size), holding what the inputs (..., features) give."""
        ...

    def advance(
        self, weights: Weights, rows: Rows, states: Rows, entering: Array
    ) -> tuple[Rows, Left]:
        """Return the new states, and the rows to keep for the backward step.

        `entering` is the hidden state, after recurrent dropout.
        """
        ...

    def retreat(
        self, weights: Weights, rows: Rows, before: Array, after: Array, grads: Rows
    ) -> tuple[Rows, Left, Array]:
        """Return a step's gradients.

        Args:
            weights: The cell's.
            rows: What `advance` kept.
            before, after: The state that `reads` names, around the step.
            grads: Gradients of the new states.

        Returns:
            Gradients of the states from which the step starts, but for the hidden
            state's way through the product, the rows to leave in the buffers, and the
            gradient of `entering`.
        """
        ...

    def weight_gradients(
        self, weights: Weights, inputs: Array, entering: Array, rows: Rows
    ) -> Weights:
        """Return the gradients of the weights from all rows that `retreat` left."""
        ...


class RNNSteps:
    """One buffer, of activations."""

    joint = False
    reads = 0

    def __init__(self, relu: bool) -> None:
        self.relu = relu

    def project(self, inputs: Array, weights: Weights) -> Rows:
        return (product(inputs, weights.kernel),)

    def advance(
        self, weights: Weights, rows: Rows, states: Rows, entering: Array
    ) -> tuple[Rows, Left]:
        sums = plus_bias(rows[0] + product(entering, weights.recurrent_kernel), weights)
        hidden = jnp.maximum(sums, 0) if self.relu else jnp.tanh(sums)
        return (hidden,), (hidden,)

    def retreat(
        self, weights: Weights, rows: Rows, before: Array, after: Array, grads: Rows
    ) -> tuple[Rows, Left, Array]:
        (activated,), (grad_hidden,) = rows, grads
        if self.relu:
            grad = jnp.where(activated > 0, grad_hidden, 0)
        else:
            grad = grad_hidden * (1 - activated * activated)
        entering = product(grad, weights.recurrent_kernel.T)
        return (jnp.zeros_like(grad),), (grad,), entering

    def weight_gradients(
        self, weights: Weights, inputs: Array, entering: Array, rows: Rows
    ) -> Weights:
        return gradients_of_one_product(weights, inputs, entering, rows[0])


class LSTMSteps:
    """Buffers: gates; with projection also the hidden state before it, and its gradient."""

    joint = True
    reads = 1

    def project(self, inputs: Array, weights: Weights) -> Rows:
        gates = product(inputs, weights.kernel)
        if weights.projection_kernel is None:
            return (gates,)
        lead, sizes = inputs.shape[:-1], weights.projection_kernel.shape
        return (gates, *(jnp.zeros((*lead, size), gates.dtype) for size in sizes))

    def advance(
        self, weights: Weights, rows: Rows, states: Rows, entering: Array
    ) -> tuple[Rows, Left]:
        sums = plus_bias(rows[0] + product(entering, weights.recurrent_kernel), weights)
        gates = activate(sums, (True, True, False, True))
        i, f, g, o = jnp.split(gates, 4, axis=-1)
        cell = f * states[1] + i * g
        hidden = o * jnp.tanh(cell)
        if weights.projection_kernel is None:
            return (hidden, cell), (gates,)
        projected = product(hidden, weights.projection_kernel)
        return (projected, cell), (gates, hidden, None)

    def retreat(
        self, weights: Weights, rows: Rows, before: Array, after: Array, grads: Rows
    ) -> tuple[Rows, Left, Array]:
        grad_output, grad_cell = grads
        grad_hidden = grad_output
        if weights.projection_kernel is not None:
            grad_hidden = product(grad_output, weights.projection_kernel.T)
        i, f, g, o = jnp.split(rows[0], 4, axis=-1)
        tanh = jnp.tanh(after)
        grad_cell = grad_cell + grad_hidden * o * (1 - tanh * tanh)
        gates = jnp.concatenate(
            [
                grad_cell * g * i * (1 - i),
                grad_cell * before * f * (1 - f),
                grad_cell * i * (1 - g * g),
                grad_hidden * tanh * o * (1 - o),
            ],
            axis=-1,
        )
        kept = (gates,) if weights.projection_kernel is None else (gates, None, grad_output)
        entering = product(gates, weights.recurrent_kernel.T)
        return (jnp.zeros_like(grad_output), grad_cell * f), kept, entering

    def weight_gradients(
        self, weights: Weights, inputs: Array, entering: Array, rows: Rows
    ) -> Weights:
        found = gradients_of_one_product(weights, inputs, entering, rows[0])
        if weights.projection_kernel is None:
            return found
        return found._replace(projection_kernel=summed_product(rows[1], rows[2]))


class GRUAfterSteps:
    """Buffers: gates z and r; candidate n; the recurrent product's part in n."""

    joint = False
    reads = 0

    def project(self, inputs: Array, weights: Weights) -> Rows:
        return project_gru(inputs, weights)

    def advance(
        self, weights: Weights, rows: Rows, states: Rows, entering: Array
    ) -> tuple[Rows, Left]:
        units = states[0].shape[-1]
        recurrent = product(entering, weights.recurrent_kernel)
        zr, n, inner = rows[0] + recurrent[..., : 2 * units], rows[1], recurrent[..., 2 * units :]
        if weights.bias is not None:
            zr = zr + (weights.bias[0] + weights.bias[1])[: 2 * units]
            n, inner = n + weights.bias[0, 2 * units :], inner + weights.bias[1, 2 * units :]
        zr = activate(zr, (True, True))
        z, r = jnp.split(zr, 2, axis=-1)
        n = jnp.tanh(n + r * inner)
        return ((1 - z) * n + z * states[0],), (zr, n, inner)

    def retreat(
        self, weights: Weights, rows: Rows, before: Array, after: Array, grads: Rows
    ) -> tuple[Rows, Left, Array]:
        (zr, n, inner), (grad,) = rows, grads
        z, r = jnp.split(zr, 2, axis=-1)
        grad_n = grad * (1 - z) * (1 - n * n)
        grad_z = grad * (before - n) * z * (1 - z)
        grad_r = grad_n * inner * r * (1 - r)
        gates = jnp.concatenate([grad_z, grad_r, grad_n * r], axis=-1)
        entering = product(gates, weights.recurrent_kernel.T)
        split = 2 * z.shape[-1]
        return (grad * z,), (gates[..., :split], grad_n, gates[..., split:]), entering

    def weight_gradients(
        self, weights: Weights, inputs: Array, entering: Array, rows: Rows
    ) -> Weights:
        zr, n, inner = rows
        return gradients_gru(weights, inputs, (entering, entering), zr, n, inner)


class GRUBeforeSteps:
    """Buffers: gates z and r; candidate n; the hidden state after the reset."""

    joint = False
    reads = 0

    def project(self, inputs: Array, weights: Weights) -> Rows:
        return project_gru(inputs, weights)

    def advance(
        self, weights: Weights, rows: Rows, states: Rows, entering: Array
    ) -> tuple[Rows, Left]:
        kernel_zr, kernel_n = split_gru(weights.recurrent_kernel)
        zr, n = rows[0] + product(entering, kernel_zr), rows[1]
        if weights.bias is not None:
            bias_zr, bias_n = split_gru(weights.bias[0] + weights.bias[1])
            zr, n = zr + bias_zr, n + bias_n
        zr = activate(zr, (True, True))
        z, r = jnp.split(zr, 2, axis=-1)
        reset = r * entering
        n = jnp.tanh(n + product(reset, kernel_n))
        return ((1 - z) * n + z * states[0],), (zr, n, reset)

    def retreat(
        self, weights: Weights, rows: Rows, before: Array, after: Array, grads: Rows
    ) -> tuple[Rows, Left, Array]:
        (zr, n, reset), (grad,) = rows, grads
        kernel_zr, kernel_n = split_gru(weights.recurrent_kernel)
        z, r = jnp.split(zr, 2, axis=-1)
        grad_n = grad * (1 - z) * (1 - n * n)
        grad_reset = product(grad_n, kernel_n.T)
        grad_z = grad * (before - n) * z * (1 - z)
        grad_zr = jnp.concatenate([grad_z, grad_reset * reset * (1 - r)], axis=-1)
        entering = grad_reset * r + product(grad_zr, kernel_zr.T)
        return (grad * z,), (grad_zr, grad_n, None), entering

    def weight_gradients(
        self, weights: Weights, inputs: Array, entering: Array, rows: Rows
    ) -> Weights:
        zr, n, reset = rows
        return gradients_gru(weights, inputs, (entering, reset), zr, n, n)


STEPS: dict[str, Steps] = {
    "rnn_tanh": RNNSteps(relu=False),
    "rnn_relu": RNNSteps(relu=True),
    "lstm": LSTMSteps(),
    "gru": GRUAfterSteps(),
    "gru_reset_before": GRUBeforeSteps(),
}


def accumulated(dtype: jnp.dtype) -> jnp.dtype:
    """Return the type in which products of a type are summed."""
    return jnp.dtype(jnp.float32) if dtype in HALF else dtype


def product(left: Array, right: Array) -> Array:
    """Multiply matrices, summing 16-bit ones in float32."""
    wide = accumulated(left.dtype)
    return jnp.dot(left, right, preferred_element_type=wide).astype(left.dtype)


def summed_product(left: Array, right: Array) -> Array:
    """Multiply (time, batch, m) and (time, batch, n) to (m, n), summed over both."""
    if left.shape[-1] * right.shape[-1] >= LARGE_SUM:
        return product(flat(left).T, flat(right))
    both = (((0, 1), (0, 1)), ((), ()))
    wide = accumulated(left.dtype)
    return lax.dot_general(left, right, both, preferred_element_type=wide).astype(left.dtype)


def summed(rows: Array) -> Array:
    """Sum over time and batch; as a product, XLA does it several times faster."""
    return product(jnp.ones((1, rows.shape[0] * rows.shape[1]), rows.dtype), flat(rows))[0]


def flat(rows: Array) -> Array:
    """Join the axes of time and batch."""
    return rows.reshape(-1, rows.shape[-1])


def activate(sums: Array, sigmoids: Sequence[bool]) -> Array:
    """Apply sigmoid or tanh to each of the gates, all in one pass.

    sigmoid(x) = tanh(x / 2) / 2 + 1 / 2
    """
    units = sums.shape[-1] // len(sigmoids)
    scale = np.repeat(np.where(sigmoids, 0.5, 1.0), units).astype(sums.dtype)
    return jnp.tanh(sums * scale) * scale + (1 - scale)


def plus_bias(sums: Array, weights: Weights) -> Array:
    """Add both biases, where there are any."""
    return sums if weights.bias is None else sums + (weights.bias[0] + weights.bias[1])


def split_gru(columns: Array) -> tuple[Array, Array]:
    """Split columns z, r, n into those of the gates z, r and of the candidate n."""
    split = columns.shape[-1] // 3 * 2
    return columns[..., :split], columns[..., split:]


def project_gru(inputs: Array, weights: Weights) -> Rows:
    """Return the buffers of z and r, of n, and one more, of zeros."""
    if inputs.ndim == 2:
        zr, n = split_gru(product(inputs, weights.kernel))
    else:  # a large product is too large to be copied apart
        zr, n = (product(inputs, kernel) for kernel in split_gru(weights.kernel))
    return zr, n, jnp.zeros_like(n)


def gradients_of_one_product(
    weights: Weights, inputs: Array, entering: Array, gates: Array
) -> Weights:
    """Return the weights' gradients where both products go into the same sum."""
    bias = None if weights.bias is None else jnp.broadcast_to(summed(gates), weights.bias.shape)
    return Weights(summed_product(inputs, gates), summed_product(entering, gates), bias, None)


def gradients_gru(
    weights: Weights, inputs: Array, entering: Rows, zr: Array, n: Array, inner: Array
) -> Weights:
    """Return the weights' gradients; `entering` went into the gates, and into `inner`."""
    bias = None
    if weights.bias is not None:
        gates, last = summed(zr), summed(n)
        own = last if inner is n else summed(inner)
        bias = jnp.stack([jnp.concatenate([gates, last]), jnp.concatenate([gates, own])])
    kernel = [summed_product(inputs, zr), summed_product(inputs, n)]
    recurrent = [summed_product(entering[0], zr), summed_product(entering[1], inner)]
    return Weights(
        jnp.concatenate(kernel, axis=-1), jnp.concatenate(recurrent, axis=-1), bias, None
    )
