"""Run recurrent layers step by step, so that each of their states can be seen and moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from kerasrnn.cells import Cell
from kerasrnn.kernels.call import Call
from kerasrnn.kernels.explanation import recurrent_layers_of
from kerasrnn.kernels.stack import Dropouts, run_stack
from kerasrnn.layers import Recurrent
from kerasrnn.types import Tensor


class Place(NamedTuple):
    """A cell of a layer: its number counts layer by layer, direction by direction."""

    layer: str
    number: int


@dataclass(frozen=True)
class Step:
    """One step of a cell.

    Attributes:
        projected: (batch, gates) the inputs' part of the gates.
        states: Before the step, each (batch, size).
        kept: (batch, 1), whether the step counts; None without a mask.
        dropout: Factors on the hidden state, see `kerasrnn.cells.Cell.step`; None for none.
    """

    projected: Tensor
    states: list[Tensor]
    kept: Tensor | None
    dropout: Tensor | None

    def advance(self, cell: Cell, states: list[Tensor]) -> list[Tensor]:
        """Return the states after the step, from any states before it."""
        new = cell.step(self.projected, states, self.dropout)
        if self.kept is None:
            return new
        return [ops.where(self.kept, a, b) for a, b in zip(new, states, strict=True)]


def joined(steps: Sequence[Step]) -> Step:
    """Return steps of one cell as a single one, with all their rows."""
    return Step(
        ops.concatenate([step.projected for step in steps]),
        [ops.concatenate(parts) for parts in zip(*(step.states for step in steps), strict=True)],
        *(
            None
            if getattr(steps[0], name) is None
            else ops.concatenate([getattr(step, name) for step in steps])
            for name in ("kept", "dropout")
        ),
    )


class Probe:
    """What replaces the kernels of some layers for a while.

    Args:
        additions: For each place, (time, batch, output size) to add to its hidden states.
            Default: nothing.

    Attributes:
        steps: For each place its steps, in the order in which it takes them.
    """

    def __init__(self, additions: Mapping[Place, Tensor] | None = None) -> None:
        self.additions = additions or {}
        self.steps: dict[Place, list[Step]] = {}

    def run(
        self,
        layer: Recurrent,
        call: Call,
        cells: Sequence[Sequence[Cell]],
        inputs: Tensor,
        states: Sequence[Tensor],
        mask: Tensor | None,
        dropouts: Dropouts,
    ) -> tuple[Tensor, list[Tensor]]:
        """Run a stack; see `kerasrnn.kernels.stack.run_stack` for shapes."""
        return run_stack(partial(self.run_cell, layer), cells, inputs, states, mask, dropouts)

    def run_cell(
        self,
        layer: Recurrent,
        cell: Cell,
        inputs: Tensor,
        states: list[Tensor],
        mask: Tensor | None,
        dropout: Tensor | None,
        reverse: bool,
    ) -> tuple[Tensor, list[Tensor]]:
        """Run one cell over time."""
        number = next(i for i, one in enumerate(layer.cells) if one is cell)
        place = Place(layer.name, number)
        if place in self.steps:
            raise ValueError(
                f"{layer.name} is called more than once in the model. Gradients can be measured "
                "of layers that are called once; give each place a layer of its own."
            )
        projected, added = cell.project(inputs), self.additions.get(place)
        time = projected.shape[0]
        steps, outputs = [], [None] * time
        for t in reversed(range(time)) if reverse else range(time):
            kept = None if mask is None else step_of(mask, t)[:, None]
            steps.append(Step(step_of(projected, t), states, kept, dropout))
            states = steps[-1].advance(cell, states)
            if added is not None:
                states = [states[0] + step_of(added, t), *states[1:]]
            outputs[t] = states[0]
        self.steps[place] = steps
        return ops.stack(outputs), states


def step_of(sequence: Tensor, t: int) -> Tensor:
    """Return the (batch, size) of a step of (time, batch, size).

    The step is data: JAX would compile indices that are numbers one by one.
    """
    return ops.take(sequence, ops.convert_to_tensor(t), axis=0)


def recurrent_layers(of: keras.Layer, x: Any = None) -> list[Recurrent]:
    """Return a layer, or those of a model, wherever they are in it.

    Args:
        of: The layer or model.
        x: What it is measured on, and built for where it is not yet. Default: it is taken as it
            is.

    Raises:
        ValueError: there are none, or one that cannot be measured, or `x` is empty.
    """
    if x is not None:
        require_sequences(x)
    if x is not None and isinstance(of, keras.Layer) and not of.built:
        of(keras.tree.map_structure(symbolic, x))  # stateful layers take no step
    found = recurrent_layers_of(of)
    if not found:
        raise ValueError(f"expected an RNN, LSTM or GRU of kerasrnn, or a model of some. Got {of}.")
    for number, layer in enumerate(found):
        if layer.name in [other.name for other in found[:number]]:
            raise ValueError(f"two layers are named {layer.name}; give each a name of its own.")
    return found


def require_sequences(x: Any) -> None:
    """Raise where a batch has no rows, or its sequences no steps."""
    shapes = [tuple(np.shape(one)) for one in keras.tree.flatten(x)]
    for shape in shapes:
        if 0 in shape[:2]:
            raise ValueError(
                f"expected sequences: at least one, of at least one step. Got {shape}."
            )


def symbolic(values: Any) -> keras.KerasTensor:
    """Return what stands for values while layers are built."""
    tensor = ops.convert_to_tensor(values)
    return keras.KerasTensor(tensor.shape, keras.backend.standardize_dtype(tensor.dtype))


@contextmanager
def probed(of: keras.Layer, layers: Sequence[Recurrent], probe: Probe) -> Iterator[None]:
    """Let a probe run these layers of a model, in the precision of its weights.

    Its metrics, losses and carried states stay as they are.
    """
    # Regularizers are given only the values that are named here.
    values = [(variable, variable.value) for variable in of.variables]
    usual = [layer.runner for layer in layers]
    for layer in layers:
        layer.runner = partial(probe.run, layer)
    try:
        with keras.StatelessScope(values, collect_losses=True), precise(of):
            yield
    finally:
        for layer, runner in zip(layers, usual, strict=True):
            layer.runner = runner


@contextmanager
def precise(of: keras.Layer) -> Iterator[None]:
    """Let every layer of a model compute in the precision of its weights."""
    mixed = [one for one in of._flatten_layers() if one.compute_dtype != one.variable_dtype]
    # The property would change a map of policies in place.
    usual = [layer._dtype_policy for layer in mixed]
    for layer in mixed:
        layer._dtype_policy = keras.DTypePolicy(layer.variable_dtype)
    try:
        yield
    finally:
        for layer, policy in zip(mixed, usual, strict=True):
            layer._dtype_policy = policy
