"""One layer in one direction on JAX, with a backward pass written by hand.

Only what depends on the state stays in the two loops over time; the input's product and
those of the weights' gradients are one large product each. The loops write into the
arrays that they read from, as far as XLA lets them: on a CPU, memory that XLA has to ask
the system for anew at every call costs as much as the arithmetic.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax

from kerasrnn.kernels.jax_steps import STEPS, Left, Rows
from kerasrnn.kernels.stack import Weights

# From so many weights on, copying them together costs more than one product instead of two
# saves.
JOINT = 1 << 20


class Spec(NamedTuple):
    """What is fixed while a loop is compiled.

    Attributes:
        mode: Name of the equations.
        reverse: Whether the last step is processed first.
        sequence: Whether the outputs of all steps are wanted.
    """

    mode: str
    reverse: bool
    sequence: bool


class Given(NamedTuple):
    """The arrays from which a direction is computed.

    Attributes:
        weights: The cell's.
        inputs: (time, batch, features).
        states: Initial states, (batch, size) each.
        mask: Boolean (time, batch), or None.
        dropout: Factors on the hidden state where it enters the product, or None.
    """

    weights: Weights
    inputs: Array
    states: Rows
    mask: Array | None
    dropout: Array | None


class Kept(NamedTuple):
    """What the forward loop leaves to the backward one, each of time + 1 rows.

    The row of a step is that of the state from which it starts; one row is left over,
    that of the final state.

    Attributes:
        inputs: With zeros in the row left over.
        mask: True in the row left over.
        rows: The mode's buffers; zeros in the row left over.
        states: All states, the initial and the final one included.
    """

    inputs: Array
    mask: Array | None
    rows: Rows
    states: Rows


# Outputs of all steps where wanted, else None; final states.
Result = tuple[Array | None, Rows]


def compute(spec: Spec, given: Given) -> Result:
    """Run a direction and keep nothing; JAX differentiates it by itself, any number of times."""
    steps = STEPS[spec.mode]
    weights = given.weights
    kernels = [weights.kernel, weights.recurrent_kernel]
    joint = weights
    is_joint = steps.joint and sum(kernel.size for kernel in kernels) < JOINT
    if is_joint:
        joint = weights._replace(recurrent_kernel=jnp.concatenate(kernels))

    def step(states: Rows, at: tuple[Array, Array | None]) -> tuple[Rows, Array | None]:
        inputs, mask = at
        hidden = entering(states[0], given.dropout)
        if is_joint:
            zeros = tuple(jnp.zeros((), inputs.dtype) for _ in range(3))
            both = jnp.concatenate([inputs, hidden], axis=-1)
            new, _ = steps.advance(joint, zeros, states, both)
        else:
            new, _ = steps.advance(weights, steps.project(inputs, weights), states, hidden)
        new = carried_over(mask, new, states)
        return new, new[0] if spec.sequence else None

    final, outputs = lax.scan(step, given.states, (given.inputs, given.mask), reverse=spec.reverse)
    return outputs, final


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def direction(spec: Spec, given: Given) -> Result:
    """Run a direction; the backward pass is that of this file."""
    return compute(spec, given)


def forward(spec: Spec, given: Given) -> tuple[Result, tuple[Given, Kept]]:
    """Run a direction and keep what the backward pass needs."""
    result, kept = keep(spec, given)
    return result, (given, kept)


def backward(spec: Spec, residuals: tuple[Given, Kept], grads: Result) -> tuple[Given]:
    """Return the gradients of everything given."""
    given, kept = residuals
    weights, inputs, states = gradients(spec, given, kept, grads)
    dropout = None if given.dropout is None else jnp.zeros_like(given.dropout)
    return (Given(weights, inputs, states, no_gradient(given.mask), dropout),)


direction.defvjp(forward, backward)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def keep(spec: Spec, given: Given) -> tuple[Result, Kept]:
    """Run the forward loop."""
    steps, time = STEPS[spec.mode], given.inputs.shape[0]
    start, by = (time, -1) if spec.reverse else (0, 1)
    inputs, mask = padded(given.inputs, spec, 0), padded(given.mask, spec, True)
    rows = steps.project(inputs, given.weights)
    held = tuple(put(jnp.zeros((time + 1, *s.shape), s.dtype), s, start) for s in given.states)

    def body(index: int, carry: tuple[Rows, Rows, Rows, Rows]) -> tuple[Rows, Rows, Rows, Rows]:
        states, at, rows, held = carry
        row = start + by * index
        new, left = steps.advance(given.weights, at, states, entering(states[0], given.dropout))
        new = carried_over(None if mask is None else take(mask, row), new, states)
        rows = put_all(rows, left, row)
        held = put_all(held, new, row + by)
        # Read a step ahead, and from what was just written, or XLA copies all of it.
        return new, tuple(take(buffer, row + by) for buffer in rows), rows, held

    first = tuple(take(buffer, start) for buffer in rows)
    states, _, rows, held = lax.fori_loop(0, time, body, (given.states, first, rows, held))
    outputs = None
    if spec.sequence:
        outputs = held[0][:-1] if spec.reverse else held[0][1:]
    return (outputs, states), Kept(inputs, mask, rows, held)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def gradients(spec: Spec, given: Given, kept: Kept, grads: Result) -> tuple[Weights, Array, Rows]:
    """Run the backward loop; return the gradients of weights, inputs and initial states."""
    steps, time = STEPS[spec.mode], given.inputs.shape[0]
    last, by = (0, 1) if spec.reverse else (time, -1)
    grad_outputs, grad_states = grads
    before = kept.states[steps.reads]

    def ahead(rows: Rows, row: Any) -> tuple[Rows, Array | None, Array]:
        return (
            tuple(take(buffer, row) for buffer in rows),
            None if grad_outputs is None else take(grad_outputs, row - spec.reverse),
            take(before, row),
        )

    def body(index: int, carry: Any) -> Any:
        (grads, after), (at, grad_output, state), rows = carry
        row = last + by * (index + 1)
        if grad_output is not None:
            grads = (grads[0] + grad_output, *grads[1:])
        mask = None if kept.mask is None else take(kept.mask, row)
        passing = tuple(jnp.zeros_like(grad) for grad in grads)
        through = carried_over(mask, grads, passing)
        new, left, into = steps.retreat(given.weights, at, state, after, through)
        new = (new[0] + entering(into, given.dropout), *new[1:])
        if mask is not None:
            new = tuple(n + jnp.where(mask[:, None], 0, g) for n, g in zip(new, grads, strict=True))
        rows = put_all(rows, left, row)
        return (new, state), ahead(rows, row + by), rows

    carry = ((grad_states, take(before, last)), ahead(kept.rows, last + by), kept.rows)
    ((grad_states, _), _, rows) = lax.fori_loop(0, time, body, carry)
    entered = entering(kept.states[0], given.dropout)
    weights = steps.weight_gradients(given.weights, kept.inputs, entered, rows)
    return weights, input_gradient(spec, given, rows), grad_states


def input_gradient(spec: Spec, given: Given, rows: Rows) -> Array:
    """Return the gradient of the inputs from what the backward loop left."""

    def project(inputs: Array) -> Rows:
        return STEPS[spec.mode].project(inputs, given.weights)

    steps = slice(1, None) if spec.reverse else slice(None, -1)
    _, transpose = jax.vjp(project, given.inputs)
    return transpose(tuple(buffer[steps] for buffer in rows))[0]


def differentiate_keep(spec: Spec, given: Given, grads: tuple[Result, Kept]) -> tuple[Given]:
    """Differentiate `compute` in place of `keep`: nothing flows back through what is kept."""
    _, transpose = jax.vjp(partial(compute, spec), given)
    return transpose(grads[0])


def differentiate_gradients(
    spec: Spec, given_kept_grads: tuple[Given, Kept, Result], grads: tuple[Weights, Array, Rows]
) -> tuple[Given, Kept, Result]:
    """Differentiate the gradients of `compute` in place of `gradients`."""
    given, kept, outer = given_kept_grads

    def plain(given: Given, outer: Result) -> tuple[Weights, Array, Rows]:
        _, transpose = jax.vjp(partial(compute, spec), given)
        (found,) = transpose(outer)
        return found.weights, found.inputs, found.states

    _, transpose = jax.vjp(plain, given, outer)
    by_given, by_outer = transpose(grads)
    by_kept = jax.tree.map(jnp.zeros_like, kept)._replace(mask=no_gradient(kept.mask))
    return by_given, by_kept, by_outer


# The loops that write in place would store all of their arrays at every step if JAX were
# to differentiate them once more.
keep.defvjp(lambda spec, given: (keep(spec, given), given), differentiate_keep)
gradients.defvjp(lambda spec, *given: (gradients(spec, *given), given), differentiate_gradients)


def entering(hidden: Array, dropout: Array | None) -> Array:
    """Apply recurrent dropout, where there is any."""
    return hidden if dropout is None else hidden * dropout


def carried_over(mask: Array | None, new: Rows, states: Rows) -> Rows:
    """Return the new states, but the old ones in the rows that the mask leaves out."""
    if mask is None:
        return new
    return tuple(jnp.where(mask[:, None], n, s) for n, s in zip(new, states, strict=True))


def padded(sequence: Array | None, spec: Spec, value: Any) -> Array | None:
    """Add a row for the final state: before the first step in reverse, else after the last."""
    if sequence is None:
        return None
    row = jnp.full((1, *sequence.shape[1:]), value, sequence.dtype)
    return jnp.concatenate([row, sequence] if spec.reverse else [sequence, row])


def no_gradient(mask: Array | None) -> Any:
    """Return what JAX takes as the gradient of a boolean array."""
    return None if mask is None else jnp.zeros(mask.shape, jax.dtypes.float0)


def take(buffer: Array, row: Any) -> Array:
    """Read a row."""
    return lax.dynamic_index_in_dim(buffer, row, 0, keepdims=False)


def put(buffer: Array, value: Array, row: Any) -> Array:
    """Write a row."""
    return lax.dynamic_update_index_in_dim(buffer, value, row, 0)


def put_all(buffers: Rows, values: Left, row: Any) -> Rows:
    """Write a row of each buffer, but where None is given."""
    return tuple(
        buffer if value is None else put(buffer, value, row)
        for buffer, value in zip(buffers, values, strict=True)
    )
