"""Weights and states to and from `torch.nn`, and weights from `keras.layers`.

Reading needs no torch: a module is only asked for its attributes and its
`state_dict`, and a mapping of NumPy arrays serves as well. Weights go over bit for bit;
a warning says where the target's dtype cannot hold them.

`torch.nn` names the weights of layer k `weight_ih_lk`, `weight_hh_lk`, `bias_ih_lk`,
`bias_hh_lk` and `weight_hr_lk`, with `_reverse` behind those of the reverse direction
and nothing behind those of a cell. It stores matrices as (gates * units, features) and
orders a GRU's gates r, z, n, where Keras and this package have z, r, n.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasrnn.cells import Cell, GRUCell, LSTMCell, RNNCell
from kerasrnn.layers import GRU, LSTM, RNN, Recurrent
from kerasrnn.types import Tensor

TORCH_TO_OURS: dict[str, type[Any]] = {
    cls.__name__: cls for cls in (RNN, LSTM, GRU, RNNCell, LSTMCell, GRUCell)
}
KERAS_TO_OURS: dict[type[Any], type[Any]] = {
    keras.layers.SimpleRNNCell: RNN,
    keras.layers.LSTMCell: LSTM,
    keras.layers.GRUCell: GRU,
}
# Arguments of torch.nn's layers that are called the same here.
SHARED_WITH_TORCH = ("num_layers", "bidirectional", "batch_first", "dropout")


def from_torch(module: Any, **options: Any) -> Any:
    """Make a built layer or cell with the weights of a `torch.nn` module.

    >>> layer = kerasrnn.from_torch(torch.nn.GRU(10, 20), return_sequences=True)
    >>> tuple(layer(keras.ops.ones((5, 3, 10))).shape)  # time-major, as in torch.nn
    (5, 3, 20)

    Args:
        module: A `torch.nn.RNN`, `LSTM`, `GRU`, `RNNCell`, `LSTMCell` or `GRUCell`.
        **options: Options that `torch.nn` does not have or that are to differ, such as
            `return_sequences`, `return_state`, `dtype` (default: the module's) or
            `implementation`.

    Returns:
        The layer or cell of the same name.

    Raises:
        TypeError: the module is none of these.
    """
    kind = type(module).__name__
    if kind not in TORCH_TO_OURS:
        raise TypeError(f"from_torch takes a torch.nn {', '.join(TORCH_TO_OURS)}. Got {kind}.")
    state_dict = module.state_dict()
    dtype = str(next(iter(state_dict.values())).dtype).removeprefix("torch.")
    config = {"units": module.hidden_size, "use_bias": module.bias, "dtype": dtype}
    if not kind.endswith("Cell"):
        config |= {name: getattr(module, name) for name in SHARED_WITH_TORCH}
    if kind == "LSTM":
        config["proj_size"] = module.proj_size
    if kind.startswith("RNN"):
        config["nonlinearity"] = module.nonlinearity
    layer = TORCH_TO_OURS[kind](**{**config, **options})
    build(layer, module.input_size)
    load_torch_state_dict(layer, state_dict)
    return layer


def to_torch(layer: Any) -> Any:
    """Make a `torch.nn` module with the weights of a built layer or cell.

    Returns:
        The `torch.nn` module of the same name, in the dtype of the layer's weights.

    Raises:
        TypeError: the layer is none of this package.
        ValueError: the layer is not built, or has an option that `torch.nn` lacks and
            that changes its values.
        ImportError: torch is not installed.
    """
    import torch

    if type(layer).__name__ not in TORCH_TO_OURS:
        raise TypeError(
            f"to_torch takes one of {', '.join(TORCH_TO_OURS)}. Got {type(layer).__name__}."
        )
    refuse_for_torch(layer)
    state_dict = torch_state_dict(layer)
    config = {"bias": layer.use_bias, "dtype": getattr(torch, layer.variable_dtype)}
    if isinstance(layer, Recurrent):
        config |= {name: getattr(layer, name) for name in SHARED_WITH_TORCH}
    if isinstance(layer, LSTM):
        config["proj_size"] = layer.proj_size
    if isinstance(layer, (RNN, RNNCell)):
        config["nonlinearity"] = layer.nonlinearity
    module = getattr(torch.nn, type(layer).__name__)(layer.input_size, layer.units, **config)
    module.load_state_dict({name: torch.tensor(array) for name, array in state_dict.items()})
    return module


def torch_state_dict(layer: Any) -> dict[str, np.ndarray]:
    """Return a built layer's or cell's weights under `torch.nn`'s names and shapes.

    Raises:
        ValueError: the layer is not built.
    """
    require_built(layer)
    arrays = {}
    for cell, suffix in named_cells(layer):
        arrays[f"weight_ih{suffix}"] = swap_gates(cell, to_numpy(cell.kernel)).T
        arrays[f"weight_hh{suffix}"] = swap_gates(cell, to_numpy(cell.recurrent_kernel)).T
        if cell.bias is not None:
            bias = swap_gates(cell, to_numpy(cell.bias))
            arrays[f"bias_ih{suffix}"], arrays[f"bias_hh{suffix}"] = bias
        if getattr(cell, "proj_size", 0):
            arrays[f"weight_hr{suffix}"] = to_numpy(cell.projection_kernel).T
    return arrays


def load_torch_state_dict(layer: Any, state_dict: Mapping[str, Any]) -> None:
    """Set a built layer's or cell's weights from `torch.nn`'s names and shapes.

    Args:
        layer: A built layer or cell of this package.
        state_dict: NumPy arrays or tensors. All names must fit, none may be left over.

    Raises:
        ValueError: the layer is not built, a name is missing or left over, or a shape
            does not fit.
    """
    arrays = {name: to_numpy(value) for name, value in state_dict.items()}
    expected = {name: array.shape for name, array in torch_state_dict(layer).items()}
    if arrays.keys() != expected.keys():
        raise ValueError(
            f"{layer.name} needs the entries {sorted(expected)}. Missing: "
            f"{sorted(expected.keys() - arrays.keys())}; left over: "
            f"{sorted(arrays.keys() - expected.keys())}. Check num_layers, bidirectional, "
            "use_bias and proj_size, and strip any prefix from the names."
        )
    for name, shape in expected.items():
        if arrays[name].shape != shape:
            raise ValueError(
                f"{layer.name} needs {name!r} of shape {shape}. Got {arrays[name].shape}."
            )
    for cell, suffix in named_cells(layer):
        assign(cell.kernel, swap_gates(cell, arrays[f"weight_ih{suffix}"].T))
        assign(cell.recurrent_kernel, swap_gates(cell, arrays[f"weight_hh{suffix}"].T))
        if cell.bias is not None:
            bias = np.stack([arrays[f"bias_ih{suffix}"], arrays[f"bias_hh{suffix}"]])
            assign(cell.bias, swap_gates(cell, bias))
        if getattr(cell, "proj_size", 0):
            assign(cell.projection_kernel, arrays[f"weight_hr{suffix}"].T)


def states_to_torch(layer: Recurrent, states: Sequence[Tensor]) -> Any:
    """Stack flat states into `torch.nn`'s form.

    Args:
        layer: The layer that the states belong to.
        states: Flat list, as `return_state` gives it.

    Returns:
        `h` of shape (num_layers * directions, batch, units), or for an LSTM `(h, c)`;
        tensors of the running backend.

    Raises:
        ValueError: the number of states is wrong.
    """
    if len(states) != len(layer.state_size):
        raise ValueError(
            f"{layer.name} has {len(layer.state_size)} states of sizes {layer.state_size}. "
            f"Got {len(states)}."
        )
    if isinstance(layer, LSTM):
        return ops.stack(states[::2]), ops.stack(states[1::2])
    return ops.stack(states)


def states_from_torch(layer: Recurrent, states: Any) -> list[Tensor]:
    """Take `torch.nn`'s `h`, or `(h, c)` for an LSTM, apart into flat states.

    Raises:
        ValueError: the number of layers and directions is wrong.
    """
    if isinstance(layer, LSTM) and not (isinstance(states, (list, tuple)) and len(states) == 2):
        raise ValueError(f"{layer.name} needs the pair (h, c). Got {type(states).__name__}.")
    stacked = [
        part if keras.backend.is_keras_tensor(part) else ops.convert_to_tensor(to_backend(part))
        for part in (states if isinstance(layer, LSTM) else [states])
    ]
    if any(part.shape[0] != len(layer.cells) for part in stacked):
        raise ValueError(
            f"{layer.name} needs states of shape ({len(layer.cells)}, batch, size). Got "
            f"{[tuple(part.shape) for part in stacked]}."
        )
    return [part[index] for index in range(len(layer.cells)) for part in stacked]


def from_keras(source: Any, **options: Any) -> Any:
    """Make a built layer with the weights of a recurrent layer of Keras's own.

    Keras has one bias where this package has two; the second starts at zero.

    >>> source = keras.layers.Bidirectional(keras.layers.GRU(20, return_sequences=True))
    >>> source.build((None, None, 10))
    >>> layer = kerasrnn.from_keras(source)
    >>> tuple(layer(keras.ops.ones((3, 5, 10))).shape)
    (3, 5, 40)

    Args:
        source: A built `SimpleRNN`, `LSTM` or `GRU`, a `Bidirectional` of one, a
            `StackedRNNCells` of their cells, or a `keras.layers.RNN` around such cells.
        **options: Options that are to differ from the source's.

    Returns:
        An `RNN`, `LSTM` or `GRU` with the same outputs.

    Raises:
        TypeError: the source is none of these.
        ValueError: the source is not built, or has an option that this package lacks.
    """
    if isinstance(source, (Recurrent, Cell)):
        raise TypeError(f"{source.name} is a layer of kerasrnn already.")
    forward, cells = keras_cells(source)
    first = cells[0]
    if type(first) not in KERAS_TO_OURS:
        raise TypeError(
            "from_keras takes a SimpleRNN, LSTM or GRU, a Bidirectional or StackedRNNCells of "
            f"them. Got {type(source).__name__} of {type(first).__name__}."
        )
    bidirectional = isinstance(source, keras.layers.Bidirectional)
    shared = shared_cell_options(cells)
    config: dict[str, Any] = {
        **shared,
        "num_layers": len(cells) // (2 if bidirectional else 1),
        "bidirectional": bidirectional,
        "dtype": source.dtype_policy,
        "trainable": source.trainable,
        "seed": getattr(first, "seed", None),
        "activity_regularizer": getattr(source, "activity_regularizer", None),
        **layer_options(forward),
    }
    layer = KERAS_TO_OURS[type(first)](**{**config, **options})
    if not all(cell.built for cell in cells):
        raise ValueError(f"{source.name} is not built: call it, or call build(shape), first.")
    carried = getattr(forward, "states", None)
    build(layer, first.kernel.shape[0], carried[0].shape[0] if carried else None)
    for ours, theirs in zip(layer.cells, cells, strict=True):
        copy_keras_cell(ours, theirs)
    return layer


def keras_cells(source: Any) -> tuple[Any, list[Any]]:
    """Return Keras's layer that holds the options, if any, and its cells in our order."""
    if isinstance(source, keras.layers.Bidirectional):
        refuse_odd_bidirectional(source)
        both = source.forward_layer, source.backward_layer
        return source.forward_layer, [cell for layer in both for cell in keras_cells(layer)[1]]
    if isinstance(source, keras.layers.StackedRNNCells):
        return None, list(source.cells)
    cell = getattr(source, "cell", source)
    return source, keras_cells(cell)[1] if hasattr(cell, "cells") else [cell]


def refuse_odd_bidirectional(source: Any) -> None:
    """Raise where a Bidirectional is not the one of `torch.nn`."""
    if source.merge_mode != "concat":
        raise ValueError(f"from_keras needs merge_mode='concat'. Got {source.merge_mode!r}.")
    if source.forward_layer.go_backwards:
        raise ValueError("from_keras needs a forward layer that does not go backwards.")
    if len(keras_cells(source.forward_layer)[1]) > 1:
        raise ValueError("from_keras needs a Bidirectional around a single recurrent layer.")


def shared_cell_options(cells: Sequence[Any]) -> dict[str, Any]:
    """Return the options of Keras's cells in our names, which must all be the same."""
    options = [cell_options(cell) for cell in cells]
    if any(type(cell) is not type(cells[0]) for cell in cells) or any(
        other != options[0] for other in options
    ):
        raise ValueError(
            "from_keras needs cells of one kind with the same options. Got "
            f"{[f'{type(cell).__name__}({cell.units})' for cell in cells]} with {options}."
        )
    return {
        **options[0],
        **{
            name: getattr(cells[0], name)
            for weight in ("kernel", "recurrent", "bias")
            for name in (f"{weight}_regularizer", f"{weight}_constraint")
        },
    }


def cell_options(cell: Any) -> dict[str, Any]:
    """Return the options of one of Keras's cells in our names."""
    activation = keras.activations.serialize(cell.activation)
    recurrent = keras.activations.serialize(
        getattr(cell, "recurrent_activation", keras.ops.sigmoid)
    )
    plain = isinstance(cell, keras.layers.SimpleRNNCell)
    allowed = ("tanh", "relu") if plain else ("tanh",)
    if activation not in allowed or recurrent != "sigmoid":
        raise ValueError(
            f"from_keras needs activation {' or '.join(map(repr, allowed))} and "
            f"recurrent_activation 'sigmoid'. Got {activation!r} and {recurrent!r}."
        )
    options = {
        "units": cell.units,
        "use_bias": cell.use_bias,
        "input_dropout": cell.dropout,
        "recurrent_dropout": cell.recurrent_dropout,
    }
    if plain:
        options["nonlinearity"] = activation
    if isinstance(cell, keras.layers.GRUCell):
        options["reset_after"] = cell.reset_after
    return options


def layer_options(layer: Any) -> dict[str, Any]:
    """Return the options of one of Keras's layers that are called the same here."""
    names = ("return_sequences", "return_state", "go_backwards", "stateful", "zero_output_for_mask")
    return {name: getattr(layer, name) for name in names if hasattr(layer, name)}


def copy_keras_cell(ours: Cell, theirs: Any) -> None:
    """Copy the weights of one of Keras's cells."""
    assign(ours.kernel, to_numpy(theirs.kernel))
    assign(ours.recurrent_kernel, to_numpy(theirs.recurrent_kernel))
    if theirs.use_bias:
        bias = to_numpy(theirs.bias)
        assign(ours.bias, bias if bias.ndim == 2 else np.stack([bias, np.zeros_like(bias)]))


def refuse_for_torch(layer: Any) -> None:
    """Raise where a `torch.nn` module would compute something else."""
    lacking = {
        "reset_after": getattr(layer, "reset_after", True) is False,
        "proj_size": isinstance(layer, LSTMCell) and layer.proj_size > 0,
        **{
            name: bool(getattr(layer, name, False))
            for name in ("input_dropout", "recurrent_dropout", "go_backwards", "stateful")
        },
    }
    if found := [f"{name}={getattr(layer, name)}" for name, lacks in lacking.items() if lacks]:
        raise ValueError(
            f"torch.nn.{type(layer).__name__} has no {', '.join(found)}. The weights alone can "
            "be had from torch_state_dict."
        )


def named_cells(layer: Any) -> Iterator[tuple[Cell, str]]:
    """Yield every cell with what `torch.nn` puts behind the names of its weights."""
    if isinstance(layer, Cell):
        yield layer, ""
        return
    for index, cell in enumerate(layer.cells):
        depth, direction = divmod(index, layer.num_directions)
        yield cell, f"_l{depth}{'_reverse' * direction}"


def swap_gates(cell: Cell, array: np.ndarray) -> np.ndarray:
    """Change a GRU's gates on the last axis from z, r, n to r, z, n, or back."""
    if not isinstance(cell, GRUCell):
        return array
    first, second, new = np.split(array, 3, axis=-1)
    return np.concatenate([second, first, new], axis=-1)


def build(layer: Any, input_size: int, batch_size: int | None = None) -> None:
    """Build a layer or cell for a number of features."""
    layer.build((batch_size, *[None] * isinstance(layer, Recurrent), input_size))


def require_built(layer: Any) -> None:
    """Raise where a layer has no weights yet."""
    if not layer.built:
        raise ValueError(f"{layer.name} is not built: call it, or call build(shape), first.")


def assign(variable: keras.Variable, array: np.ndarray) -> None:
    """Set a variable, and warn where its dtype cannot hold the numbers."""
    variable.assign(array)
    held = to_numpy(variable)
    if not np.array_equal(held.astype(array.dtype), array, equal_nan=True):
        warnings.warn(
            f"{variable.path} holds {variable.dtype}, which rounds the {array.dtype} numbers it "
            f"was given; pass dtype={str(array.dtype)!r} to keep them.",
            stacklevel=4,
        )


def to_numpy(value: Any) -> np.ndarray:
    """Return a copy of an array, variable or torch tensor as a NumPy array.

    bfloat16 becomes float32, which holds its numbers exactly.

    A copy, for torch's arrays share memory with its parameters, and JAX may go on using
    the memory of an array that it is given.
    """
    if isinstance(value, keras.Variable):
        value = value.value
    if hasattr(value, "detach"):  # a torch tensor, on whichever backend
        value = value.detach().cpu()
        if str(value.dtype) == "torch.bfloat16":  # NumPy itself has no such type
            value = value.float()
        value = value.numpy()
    array = np.array(value)
    return array.astype("float32") if array.dtype.name == "bfloat16" else array


def to_backend(value: Any) -> Any:
    """Return a torch tensor as an array where the backend is another one."""
    foreign = hasattr(value, "detach") and keras.backend.backend() != "torch"
    return to_numpy(value) if foreign else value
