"""How far gradients reach back through time, and how far a state is felt ahead."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasrnn.diagnostics.autodiff import vjp
from kerasrnn.diagnostics.probe import Place, Probe, Step, joined, probed, recurrent_layers
from kerasrnn.layers import Recurrent
from kerasrnn.types import Tensor

# Columns of a file, each with the attribute of a GradientFlow that it holds.
MEASURES = {
    "gradient": "gradients",
    "hidden": "hidden",
    "cell": "cell",
    "hidden_norm": "hidden_norms",
    "cell_norm": "cell_norms",
}
# How many values of gates are differentiated at once, which bounds the memory.
MOST_VALUES = 2**23
EXACT_SIZE = 64
POWER_ITERATIONS, POWER_TOLERANCE = 200, 1e-10


@dataclass(frozen=True, eq=False)
class GradientFlow:
    """How gradients flow through every cell of a layer or a model.

    A row for each cell: layer by layer and direction by direction; a column for each step of
    the sequence, in the order of time, NaN behind the end of sequences shorter than others.

    Attributes:
        names: Of the cells, such as `"lstm"`, or `"lstm, layer 1, reverse"`.
        kinds: Of their layers: `"RNN"`, `"LSTM"` or `"GRU"`.
        reverse: Which cells take the sequence from its end; h_1 is their state at its last step.
        loss: The loss.
        gradients: (cells, time) norms of dL/dh_t over the batch and the units, of all that
            h_t brings about, in this cell and in those above it; all infinite where the loss or
            any state has grown beyond all numbers, for no gradient means anything then.
        hidden: (cells, time) largest singular values of dh_t/dh_1, the product of the Jacobians
            of all steps from the first one taken, averaged over the batch; infinite from where
            they, or the states themselves, have grown beyond all numbers. Rows without a valid
            step are left out.
        cell: (cells, time) the same of an LSTM's dC_t/dC_1; NaN for other cells.
        hidden_norms: (cells, time) Frobenius norms of dh_t/dh_1, averaged over the batch.
        cell_norms: (cells, time) the same of an LSTM's dC_t/dC_1; NaN for other cells.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    reverse: tuple[bool, ...]
    loss: float
    gradients: np.ndarray
    hidden: np.ndarray
    cell: np.ndarray
    hidden_norms: np.ndarray
    cell_norms: np.ndarray


def gradient_flow(
    layer_or_model: keras.Layer,
    x: Any,
    y: Any = None,
    *,
    loss: Callable[[Any, Any], Tensor] | None = None,
) -> GradientFlow:
    """Measure how gradients reach back through time.

    >>> flow = gradient_flow(kerasrnn.LSTM(4), keras.ops.ones((2, 10, 3)))
    >>> flow.names, flow.gradients.shape
    (('lstm',), (1, 10))
    >>> flow.hidden[:, 0], flow.cell[:, 0]
    (array([1.]), array([1.]))

    The Jacobian of a step is taken row by row, as vector-Jacobian products of the cell's own
    equations, and multiplied in float64. That of an LSTM is of h and C together; dh_t/dh_1 and
    dC_t/dC_1 are blocks of the product, which hold every way from the one to the other. Time
    grows with the cube of the units, memory with their square.

    A stateful layer starts from the states that it carries, and carries the same ones afterwards.
    Where layers compute in less precision than that of their weights (mixed precision), all is
    measured in that of the weights.

    Args:
        layer_or_model: An RNN, LSTM or GRU, or a model of some; not trained by this.
        x: Inputs of the layer, (batch, time, features), or of the model.
        y: Targets. Default: the loss is the sum of the values put out last, averaged over the
            batch; of a model, of all its outputs (batch, ...), and of outputs (batch, time,
            features) their last step.
        loss: From targets and outputs to a scalar. Default: that of a compiled model, or the
            mean squared error.

    Raises:
        ValueError: there is no recurrent layer, or one that is called twice or shares its name;
            or there is no sequence in `x`, or no step.
        NotImplementedError: the backend is neither torch nor JAX.

    Source: Pascanu, Mikolov, Bengio 2013, On the difficulty of training recurrent neural
    networks, equations (4) to (6); Hochreiter and Schmidhuber 1997.
    """
    layers = recurrent_layers(layer_or_model, x)
    steps = recorded_steps(layer_or_model, layers, x)
    total = scalar_loss(layer_or_model, y, loss)
    value, gradients = loss_gradients(layer_or_model, layers, x, total, steps)
    products = [
        norms_of_products(layer_of(layers, place).cells[place.number], taken)
        for place, taken in steps.items()
    ]
    reverse = tuple(is_reverse(layers, place) for place in steps)
    in_time = [
        rows[:, ::-1] if flip else rows for rows, flip in zip(products, reverse, strict=True)
    ]
    hidden, cell, hidden_norms, cell_norms = map(together, zip(*in_time, strict=True))
    return GradientFlow(
        names=tuple(name_of(layers, place) for place in steps),
        kinds=tuple(kind_of(layers, place) for place in steps),
        reverse=reverse,
        loss=value,
        gradients=together(gradients),
        hidden=hidden,
        cell=cell,
        hidden_norms=hidden_norms,
        cell_norms=cell_norms,
    )


def check_call(of: keras.Layer, x: Any, y: Any) -> None:
    """Raise what a measurement would raise for these inputs and targets."""
    with probed(of, recurrent_layers(of), Probe()):
        scalar_loss(of, y, None)(of(x))


def recorded_steps(of: keras.Layer, layers: list[Recurrent], x: Any) -> dict[Place, list[Step]]:
    """Return all steps that each cell of these layers takes on inputs."""
    probe = Probe()
    with probed(of, layers, probe):
        of(x)
    return probe.steps


def scalar_loss(
    of: keras.Layer, y: Any, loss: Callable[[Any, Any], Tensor] | None
) -> Callable[[Any], Tensor]:
    """Return what makes a scalar of a layer's or model's outputs."""
    if y is None:
        return lambda outputs: sum(
            ops.sum(last) / last.shape[0] for last in last_outputs(of, outputs)
        )
    targets = keras.tree.map_structure(ops.convert_to_tensor, y)
    if loss is None and isinstance(of, keras.Model) and of.compiled:
        return lambda outputs: of.compute_loss(y=targets, y_pred=outputs)
    measure = loss or keras.losses.MeanSquaredError()
    return lambda outputs: measure(targets, outputs)


def last_outputs(of: keras.Layer, outputs: Any) -> list[Tensor]:
    """Return what is put out last: the last step taken, where there are outputs of every step."""
    if not isinstance(of, Recurrent):
        return [one[:, -1] if len(one.shape) == 3 else one for one in keras.tree.flatten(outputs)]
    if not of.return_sequences:
        return [outputs]
    outputs = outputs if of.batch_first else ops.swapaxes(outputs, 0, 1)
    size = outputs.shape[-1] // of.num_directions
    # A reverse direction takes the first step last.
    ends = [outputs[:, -1, :size], outputs[:, 0, size:]]
    return ends[: of.num_directions]


def loss_gradients(
    of: keras.Layer,
    layers: list[Recurrent],
    x: Any,
    total: Callable[[Any], Tensor],
    steps: dict[Place, list[Step]],
) -> tuple[float, list[np.ndarray]]:
    """Return the loss, and for each cell the norms (time,) of its gradients by hidden states.

    Zeros are added to the hidden states; the loss is differentiated by these.
    """
    places = list(steps)
    hidden = [taken[0].states[0] for taken in steps.values()]
    zeros = [
        ops.zeros((len(taken), *first.shape), first.dtype)
        for taken, first in zip(steps.values(), hidden, strict=True)
    ]

    def loss_of(additions: list[Tensor]) -> Tensor:
        probe = Probe(dict(zip(places, additions, strict=True)))
        with probed(of, layers, probe):
            outputs = of(x)
            returns_states = isinstance(of, Recurrent) and of.return_state
            return total(outputs[0] if returns_states else outputs)

    value, pull = vjp(loss_of, zeros)
    gradients = [to_float64(one) for one in pull(np.ones((), "float64"))]
    in_time = [
        row[::-1] if layer_of(layers, place).go_backwards else row
        for place, row in zip(places, map(norms_by_step, gradients), strict=True)
    ]
    result = float(to_float64(value))
    every = [step for taken in steps.values() for step in taken]
    if not np.isfinite(result) or not all(has_finite_states(step).all() for step in every):
        in_time = [np.full_like(row, np.inf) for row in in_time]
    return result, in_time


def norms_by_step(gradients: np.ndarray) -> np.ndarray:
    """Return the norms (time,) of gradients (time, batch, size)."""
    with np.errstate(over="ignore"):
        return np.sqrt((gradients**2).sum(axis=(1, 2)))


def together(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Return rows (cells, time) of cells whose sequences may differ in length, NaN behind them."""
    table = np.full((len(rows), max(map(len, rows))), np.nan)
    for whole, row in zip(table, rows, strict=True):
        whole[: len(row)] = row
    return table


def norms_of_products(cell: Any, steps: list[Step]) -> np.ndarray:
    """Return norms (4, time) of dh_k/dh_1 and dC_k/dC_1, steps as they are taken.

    The rows are the largest singular values of both, then the Frobenius norms of both.
    """
    sizes = cell.state_size
    ends = np.cumsum([0, *sizes])
    states = [slice(*pair) for pair in pairwise(ends)]
    norms = np.full((2, 2, len(steps)), np.nan)
    for number, product in enumerate(jacobian_products(cell, steps)):
        for i, state in enumerate(states):
            part = product[:, state, state]
            norms[0, i, number] = mean(largest_singular_value(part))
            norms[1, i, number] = mean(frobenius_norm(part))
    return norms.reshape(4, -1)


def jacobian_products(cell: Any, steps: list[Step]) -> Iterator[np.ndarray]:
    """Yield the Jacobian (rows, sizes, sizes) of the states after each step by the first ones.

    Rows of the batch without a valid step are left out. Where states or products have grown
    beyond all numbers it is infinite: it means nothing there.
    """
    rows = has_valid_steps(steps)
    product = np.repeat(np.eye(sum(cell.state_size))[None], rows.sum(), axis=0)
    yield product
    for step, jacobian in zip(steps[1:], step_jacobians(cell, steps[1:]), strict=True):
        with np.errstate(over="ignore", invalid="ignore"):
            product = jacobian[rows] @ product
        product[~has_finite_states(step)[rows]] = np.inf
        yield product


def step_jacobians(cell: Any, steps: list[Step]) -> Iterator[np.ndarray]:
    """Yield the Jacobian (batch, sizes, sizes) of each step, many steps differentiated at once."""
    size = sum(cell.state_size)
    count = max(1, MOST_VALUES // (size * math.prod(steps[0].projected.shape))) if steps else 1
    for first in range(0, len(steps), count):
        taken = steps[first : first + count]
        jacobians = jacobians_of_rows(cell, joined(taken))
        yield from jacobians.reshape(len(taken), -1, size, size)


def jacobians_of_rows(cell: Any, step: Step) -> np.ndarray:
    """Return the Jacobian (rows, sizes, sizes) of each row: new states by old ones."""
    total, count = sum(cell.state_size), step.states[0].shape[0]
    repeated = joined([step] * total)

    def advance(states: list[Tensor]) -> Tensor:
        return ops.concatenate(repeated.advance(cell, states), axis=-1)

    _, pull = vjp(advance, repeated.states)
    # One row of each Jacobian for each copy.
    rows = np.repeat(np.eye(total), count, axis=0)
    parts = [to_float64(part) for part in pull(rows)]
    jacobians = np.concatenate(parts, axis=-1).reshape(total, count, total)
    return np.swapaxes(jacobians, 0, 1)


def has_valid_steps(steps: list[Step]) -> np.ndarray:
    """Say for each row of the batch whether any of its steps counts."""
    masks = [ops.convert_to_numpy(step.kept)[:, 0] for step in steps if step.kept is not None]
    return np.any(masks, axis=0) if masks else np.ones(steps[0].states[0].shape[0], bool)


def has_finite_states(step: Step) -> np.ndarray:
    """Say for each row of the batch whether its states before a step are finite."""
    states = np.concatenate([to_float64(state) for state in step.states], axis=-1)
    return np.isfinite(states).all(axis=-1)


def mean(values: np.ndarray) -> float:
    """Return the mean over the batch: infinite beyond all numbers, NaN where there is none."""
    with np.errstate(over="ignore"):
        return float(values.mean()) if len(values) else float("nan")


def frobenius_norm(matrices: np.ndarray) -> np.ndarray:
    """Return the Frobenius norm of each matrix (batch, size, size)."""
    with np.errstate(over="ignore"):
        norms = np.linalg.norm(matrices, axis=(1, 2))
    return np.where(np.isnan(norms), np.inf, norms)


def largest_singular_value(matrices: np.ndarray) -> np.ndarray:
    """Return the largest singular value of each matrix (batch, size, size).

    By decomposition for small ones, else by power iteration on the matrix and its transpose;
    infinite where the matrix has grown beyond all numbers.
    """
    finite = np.isfinite(matrices).all(axis=(1, 2))
    if not finite.all():
        values = np.full(len(matrices), np.inf)
        values[finite] = largest_singular_value(matrices[finite])
        return values
    size = matrices.shape[-1]
    if size <= EXACT_SIZE:
        return np.linalg.norm(matrices, 2, axis=(1, 2))
    vectors = np.random.default_rng(0).normal(size=(len(matrices), size, 1))
    before = np.zeros(len(matrices))
    for _ in range(POWER_ITERATIONS):
        vectors = np.swapaxes(matrices, 1, 2) @ (matrices @ vectors)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = vectors / np.where(lengths > 0, lengths, 1)
        values = np.sqrt(lengths[:, 0, 0])
        if np.allclose(values, before, rtol=POWER_TOLERANCE, atol=0):
            break
        before = values
    return np.linalg.norm(matrices @ vectors, axis=(1, 2))


def layer_of(layers: list[Recurrent], place: Place) -> Recurrent:
    """Return the layer of a cell."""
    return next(layer for layer in layers if layer.name == place.layer)


def is_reverse(layers: list[Recurrent], place: Place) -> bool:
    """Say whether a cell takes the sequence from its end on."""
    layer = layer_of(layers, place)
    return (place.number % layer.num_directions == 1) != layer.go_backwards


def name_of(layers: list[Recurrent], place: Place) -> str:
    """Name a cell: by its layer, and where that has several, by its place in it."""
    layer = layer_of(layers, place)
    depth, direction = divmod(place.number, layer.num_directions)
    return layer.name + f", layer {depth}" * (layer.num_layers > 1) + ", reverse" * (direction == 1)


def kind_of(layers: list[Recurrent], place: Place) -> str:
    """Return the kind of a cell's layer; that of a subclass is the layer of ours below it."""
    layer = layer_of(layers, place)
    return next(cls.__name__ for cls in type(layer).__mro__ if Recurrent in cls.__bases__)


def to_float64(tensor: Any) -> np.ndarray:
    """Return a tensor in double precision."""
    return ops.convert_to_numpy(tensor).astype("float64")
