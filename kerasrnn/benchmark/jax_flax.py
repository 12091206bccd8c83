"""The peer from flax: layers of nnx, compiled as a pure function."""

from typing import Any

import jax.numpy as jnp
from flax import nnx

from kerasrnn.benchmark.cases import Case
from kerasrnn.benchmark.jax_contestants import JaxContestant

CELLS = {"RNN": nnx.SimpleCell, "LSTM": nnx.OptimizedLSTMCell, "GRU": nnx.GRUCell}


def flax_layers(case: Case) -> list[Any]:
    """Return the layers of a stack, each in one or both directions."""
    rngs = nnx.Rngs(0)

    def one(features: int) -> Any:
        return nnx.RNN(CELLS[case.kind](features, case.units, rngs=rngs), rngs=rngs)

    directions = 2 if case.bidirectional else 1
    sizes = [case.features] + [directions * case.units] * (case.num_layers - 1)
    if case.bidirectional:
        return [nnx.Bidirectional(one(size), one(size), rngs=rngs) for size in sizes]
    return [one(size) for size in sizes]


def flax_nnx(case: Case) -> JaxContestant | None:
    """Enter nnx; None where it has no such layer."""
    if case.proj_size:
        return None
    graph, weights, rest = nnx.split(nnx.List(flax_layers(case)), nnx.Param, ...)

    def apply(weights: Any, rest: Any, outputs: Any, lengths: Any) -> Any:
        for layer in nnx.merge(graph, weights, rest):
            # Fresh rngs: those of the layers may not change under differentiation.
            outputs = layer(outputs, seq_lengths=lengths, rngs=nnx.Rngs(0))
        if lengths is not None:
            # nnx runs on through the padding; torch.nn gives zeros there.
            valid = jnp.arange(case.time) < lengths[:, None]
            outputs = jnp.where(valid[..., None], outputs, 0)
        return outputs

    lengths = case.lengths()
    inputs = jnp.asarray(case.inputs())
    arguments = (rest, inputs, None if lengths is None else jnp.asarray(lengths))
    return JaxContestant("flax.nnx", apply, weights, arguments, case.gradient())
