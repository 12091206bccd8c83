"""Who takes part in a case."""

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import keras
import numpy as np

from kerasrnn.benchmark.cases import Case
from kerasrnn.benchmark.keras_layers import keras_layer, our_layer
from kerasrnn.benchmark.timing import OURS, Contestant
from kerasrnn.interop import load_torch_state_dict

# Relative to the largest value of torch.nn.
TOLERANCE = 1e-4
REMEDY = "pip install 'kerasrnn[bench]'"


class MismatchError(RuntimeError):
    """Ours and torch.nn do not compute the same thing, so that no time means anything."""


def peers() -> list[str]:
    """Return the names of all who can take part on the running backend."""
    return ["torch.nn", "keras.layers", *(["flax.nnx"] if on_jax() else [])]


def left_out() -> dict[str, str]:
    """Return the peers that are not installed, each with the reason."""
    modules = {"torch.nn": "torch", "flax.nnx": "flax"}
    return {
        peer: f"{modules[peer]} is not installed: {REMEDY}"
        for peer in peers()
        if peer in modules and not find_spec(modules[peer])
    }


def contestants_of(
    case: Case, device: str = "cpu", without: tuple[str, ...] = ()
) -> tuple[Any, list[Contestant]]:
    """Make the contestants of a case, ours first, with the weights of torch.nn.

    Args:
        case: What to run.
        device: Where torch runs, `"cpu"` or `"cuda"`; JAX runs on its default device.
        without: Peers that are to stay away, besides those that are not installed.

    Returns:
        Our layer and the list of contestants.
    """
    absent = {*without, *left_out()}
    layer, theirs = our_layer(case), keras_layer(case)
    contestants: list[Contestant] = []
    if "torch.nn" not in absent:
        from kerasrnn.benchmark.torch_contestants import torch_module, torch_nn

        module = torch_module(case, device)
        load_torch_state_dict(layer, module.state_dict())
        contestants.append(torch_nn(case, module, device))
    # After its weights were loaded: arrays of JAX are taken as they are now.
    contestants.insert(0, keras_contestant(OURS, layer, case, device))
    if theirs is not None and "keras.layers" not in absent:
        contestants.append(keras_contestant("keras.layers", theirs, case, device))
    if on_jax() and "flax.nnx" not in absent:
        from kerasrnn.benchmark.jax_flax import flax_nnx

        contestants.extend(filter(None, [flax_nnx(case)]))
    return layer, contestants


def on_jax() -> bool:
    """Say whether Keras runs on JAX."""
    return keras.backend.backend() == "jax"


def keras_contestant(name: str, layer: Any, case: Case, device: str) -> Contestant:
    """Enter a Keras layer as one runs it on the backend: compiled on JAX, eager on torch."""
    if on_jax():
        from kerasrnn.benchmark.jax_contestants import keras_on_jax

        return keras_on_jax(name, layer, case)
    from kerasrnn.benchmark.torch_contestants import keras_on_torch

    return keras_on_torch(name, layer, case, device)


def check_same(contestants: Sequence[Contestant], action: str, case: Case) -> None:
    """Hold ours against torch.nn, if that takes part: outputs, or the norm of all gradients.

    Raises:
        MismatchError: they differ.
    """
    named = {one.name: one for one in contestants}
    if "torch.nn" not in named:
        return
    what = {"infer": "outputs", "train": "gradient_norm"}[action]
    ours, theirs = (np.asarray(getattr(named[name], what)()) for name in (OURS, "torch.nn"))
    error = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
    if not error <= TOLERANCE:
        raise MismatchError(
            f"{case.name}: with the same weights the {what} of {OURS} and of torch.nn differ by "
            f"{error:.1e}, relative to the largest; at most {TOLERANCE:.0e} was expected."
        )
