"""cuDNN's LSTM on JAX.

It has neither a rule for `jax.vmap` nor a second derivative; `implementation="jax_scan"`
has both.
"""

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.experimental import rnn

from kerasrnn.cells import Cell
from kerasrnn.kernels import jax_scan
from kerasrnn.kernels.call import Call
from kerasrnn.kernels.jax_scan import Factors, Outcome
from kerasrnn.kernels.stack import Dropouts, Weights, weights_of


def why_not(call: Call) -> str | None:
    """Return why this kernel cannot run a call."""
    reasons = {
        "it needs a GPU": call.device != "gpu",
        f"cuDNN has an LSTM on JAX only, no {call.mode}": call.mode != "lstm",
        f"it computes in float32 only, not in {call.dtype}": call.dtype != "float32",
        "it has no projection (proj_size)": call.proj_size > 0,
        "it has no recurrent dropout": call.recurrent_dropout,
        "its two directions take the same inputs, and input_dropout drops other features in each": (
            call.input_dropout and call.num_directions == 2
        ),
        "it stores every step (checkpoint_every)": call.checkpoint_every is not None,
    }
    for reason, holds in reasons.items():
        if holds:
            return reason
    return None if is_nvidia() else "the GPU is not NVIDIA's"


def is_nvidia() -> bool:
    """Say whether JAX's GPUs run cuDNN; where there are none, none speaks against it."""
    device = jax.devices()[0]
    return device.platform != "gpu" or "rocm" not in device.client.platform_version.lower()


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
    """Run every layer and direction, compiled once for a call and its shapes.

    cuDNN takes lengths, not masks: others than padding on the right run in `jax_scan`,
    which is decided when the values of the mask are there.
    """
    if mask is None:
        return in_cudnn(call, weights, inputs, states, mask, factors)
    return lax.cond(
        jnp.all(mask[1:] <= mask[:-1]),
        partial(in_cudnn, call),
        partial(jax_scan.stack, call),
        *(weights, inputs, states, mask, factors),
    )


def in_cudnn(
    call: Call,
    weights: list[list[Weights]],
    inputs: Array,
    states: list[Array],
    mask: Array | None,
    factors: tuple[Factors, Factors, Factors],
) -> Outcome:
    """Run the stack at once, or layer by layer where dropout acts in between."""
    by_input, _, between = factors
    depth = 1 if call.dropout or call.input_dropout else len(weights)
    count = depth * call.num_directions
    final: list[Array] = []
    for first in range(0, len(weights), depth):
        cell = first * call.num_directions
        dropped = by_input[cell]
        inputs = inputs if dropped is None else inputs * dropped
        own = states[2 * cell : 2 * (cell + count)]
        inputs, last = layers(weights[first : first + depth], inputs, own, mask)
        final.extend(last)
        if first + depth < len(weights) and between[first] is not None:
            inputs = inputs * between[first]
    return inputs if call.return_sequences else None, final


def layers(
    weights: list[list[Weights]], inputs: Array, states: list[Array], mask: Array | None
) -> tuple[Array, list[Array]]:
    """Run layers between which nothing acts."""
    time, batch, features = inputs.shape
    units, bidirectional = states[0].shape[-1], len(weights[0]) == 2
    lengths = jnp.full(batch, time) if mask is None else mask.sum(axis=0)
    outputs, hidden, cell = rnn.lstm(
        inputs.swapaxes(0, 1),
        jnp.stack(states[::2]),
        jnp.stack(states[1::2]),
        flat_weights(weights),
        # A row without any step runs one, which is thrown away below.
        jnp.maximum(lengths, 1).astype(jnp.int32),
        features,
        units,
        len(weights),
        0.0,
        bidirectional,
    )
    final = [state for pair in zip(hidden, cell, strict=True) for state in pair]
    if mask is None:
        return outputs.swapaxes(0, 1), final
    some = (lengths > 0)[:, None]
    final = [jnp.where(some, new, old) for new, old in zip(final, states, strict=True)]
    # At padded steps, one direction has come to its end, the other has yet to begin.
    padding = [final[-4], states[-2]] if bidirectional else [final[-2]]
    return jnp.where(
        mask[..., None], outputs.swapaxes(0, 1), jnp.concatenate(padding, axis=-1)
    ), final


def flat_weights(weights: list[list[Weights]]) -> Array:
    """Return all kernels, cell by cell, and then all biases, as cuDNN lays them out."""
    cells = [own for directions in weights for own in directions]
    kernels = [kernel.T.ravel() for own in cells for kernel in (own.kernel, own.recurrent_kernel)]
    biases = [
        jnp.zeros(2 * own.kernel.shape[1], own.kernel.dtype)
        if own.bias is None
        else own.bias.ravel()
        for own in cells
    ]
    return jnp.concatenate([*kernels, *biases])
