"""Every mode on JAX, on any device: loops over time with a backward pass written by hand."""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax

from kerasrnn.cells import Cell
from kerasrnn.kernels.call import Call
from kerasrnn.kernels.jax_loop import Given, Result, Spec, direction
from kerasrnn.kernels.jax_steps import STEPS, accumulated
from kerasrnn.kernels.stack import Dropouts, Weights, weights_of

Factors = list[Array | None]
Outcome = tuple[Array | None, list[Array]]


def why_not(call: Call) -> str | None:
    """Return why this kernel cannot run a call."""
    if call.mode not in STEPS:
        return f"it does not know the mode {call.mode}"
    return None


def run(
    call: Call,
    cells: Sequence[Sequence[Cell]],
    inputs: Array,
    states: Sequence[Array],
    mask: Array | None,
    dropouts: Dropouts,
) -> Outcome:
    """Run a stack; see `kerasrnn.kernels.stack.run_stack` for shapes.

    Without `call.return_sequences` the outputs are None.
    """
    weights = [[weights_of(cell) for cell in directions] for directions in cells]
    factors = (list(dropouts.inputs), list(dropouts.recurrent), list(dropouts.between))
    return stack(call, weights, inputs, list(states), mask, factors)


@partial(jax.jit, static_argnums=0, inline=True)
def stack(
    call: Call,
    weights: list[list[Weights]],
    inputs: Array,
    states: list[Array],
    mask: Array | None,
    factors: tuple[Factors, Factors, Factors],
) -> Outcome:
    """Run every layer and direction, compiled once for a call and its shapes."""
    # Gradients are added up over segments in this type.
    wide = accumulated(inputs.dtype)
    weights = jax.tree.map(lambda weight: weight.astype(wide), weights)
    by_input, recurrent, between = factors
    count = len(states) // len(by_input)
    final: list[Array] = []
    outputs, index = None, 0
    for depth, layer in enumerate(weights):
        top = depth + 1 == len(weights)
        found = []
        for order, own in enumerate(layer):
            dropped = inputs if by_input[index] is None else inputs * by_input[index]
            start = tuple(states[index * count : (index + 1) * count])
            spec = Spec(call.mode, order == 1, call.return_sequences or not top)
            given = Given(own, dropped, start, mask, recurrent[index])
            output, last = in_segments(spec, given, call)
            found.append(output)
            final.extend(last)
            index += 1
        outputs = joined(found)
        if not top and outputs is not None:
            inputs = outputs if between[depth] is None else outputs * between[depth]
    return outputs, final


def joined(outputs: Factors) -> Array | None:
    """Join the outputs of a layer's directions."""
    found = [output for output in outputs if output is not None]
    return jnp.concatenate(found, axis=-1) if len(found) > 1 else (found[0] if found else None)


def in_segments(spec: Spec, given: Given, call: Call) -> Result:
    """Run a direction, storing for training the state at each segment's start only."""
    time = given.inputs.shape[0]
    if call.checkpoint_every is None:
        return direction(spec, narrowed(given))
    length = call.segment(time)
    whole = time - time % length
    ends = [(whole, time), (0, whole)] if spec.reverse else [(0, whole), (whole, time)]
    outputs: list[Array | None] = []
    states = given.states
    for start, end in ends:
        if start < end:
            part = cut(given._replace(states=states), start, end)
            output, states = segments(spec, part, length)
            outputs.append(output)
    return joined_in_time(outputs, spec), states


def segments(spec: Spec, given: Given, length: int) -> Result:
    """Run a whole number of segments, or a single shorter one."""
    time = given.inputs.shape[0]
    count = max(1, time // length)

    def split(sequence: Array | None) -> Array | None:
        if sequence is None:
            return None
        return sequence.reshape(count, time // count, *sequence.shape[1:])

    @jax.checkpoint
    def segment(given: Given) -> Result:
        return direction(spec, narrowed(given))

    def step(states: tuple[Array, ...], at: tuple[Array, Array | None]) -> Result:
        inputs, mask = at
        outputs, states = segment(given._replace(states=states, inputs=inputs, mask=mask))
        return states, outputs

    sequences = (split(given.inputs), split(given.mask))
    states, outputs = lax.scan(step, given.states, sequences, reverse=spec.reverse)
    if outputs is not None:
        outputs = outputs.reshape(time, *outputs.shape[2:])
    return outputs, states


def narrowed(given: Given) -> Given:
    """Return what is given with the weights in the type of the inputs."""
    dtype = given.inputs.dtype
    return given._replace(weights=jax.tree.map(lambda w: w.astype(dtype), given.weights))


def cut(given: Given, start: int, end: int) -> Given:
    """Return the steps from start to end."""
    mask = None if given.mask is None else given.mask[start:end]
    return given._replace(inputs=given.inputs[start:end], mask=mask)


def joined_in_time(outputs: Factors, spec: Spec) -> Array | None:
    """Join the outputs of consecutive steps, given in the order of processing."""
    found = [output for output in outputs if output is not None]
    if len(found) < 2:
        return found[0] if found else None
    return jnp.concatenate(found[::-1] if spec.reverse else found)
