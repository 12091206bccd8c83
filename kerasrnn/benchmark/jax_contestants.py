"""Contestants that run on JAX, compiled: Keras layers on the JAX backend."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kerasrnn.benchmark.cases import Case
from kerasrnn.benchmark.native_scratch import native_scratch


class JaxContestant:
    """A pure function and its weights.

    Args:
        name: As the table shows it.
        apply: Takes weights, then what is in `arguments`; returns the outputs of all steps.
        weights: What to differentiate by.
        arguments: What else the compiled function takes.
        gradient: Of the outputs.
    """

    def __init__(
        self,
        name: str,
        apply: Callable[..., Any],
        weights: Any,
        arguments: tuple[Any, ...],
        gradient: np.ndarray,
    ) -> None:
        def train(weights: Any, gradient: Any, *arguments: Any) -> Any:
            outputs, transpose = jax.vjp(lambda weights: apply(weights, *arguments), weights)
            return outputs, transpose(gradient)[0]

        self.name = name
        self.compiled_infer = jax.jit(apply)
        self.compiled_train = jax.jit(train)
        self.arguments = (weights, *arguments)
        self.gradient = jnp.asarray(gradient)
        self.training_arguments = (weights, self.gradient, *arguments)

    def infer(self) -> Any:
        """Run forward."""
        return self.compiled_infer(*self.arguments)

    def train(self) -> Any:
        """Return the outputs, and the gradients by all weights from theirs."""
        return self.compiled_train(*self.training_arguments)

    def wait(self, result: Any) -> None:
        """Return when a result is there."""
        jax.block_until_ready(result)

    def outputs(self) -> np.ndarray:
        """Return the outputs of all steps."""
        return np.asarray(self.infer())

    def gradient_norm(self) -> float:
        """Return the norm of all gradients together; the order of weights is no matter."""
        found = (np.asarray(g, "float64") for g in jax.tree.leaves(self.train()[1]))
        return float(sum(np.square(g).sum() for g in found)) ** 0.5

    def peak_memory(self) -> int:
        """Return what XLA sets aside for temporaries and results, and the native kernel's own."""
        analysis = self.compiled_train.lower(*self.training_arguments).compile().memory_analysis()
        own = native_scratch(lambda: self.wait(self.train()))
        return int(analysis.temp_size_in_bytes + analysis.output_size_in_bytes) + own


def keras_on_jax(name: str, layer: Any, case: Case) -> JaxContestant:
    """Enter a built Keras layer through `stateless_call`."""

    def apply(weights: Any, state: Any, inputs: Any, mask: Any) -> Any:
        options = {} if mask is None else {"mask": mask}
        return layer.stateless_call(weights, state, inputs, **options)[0]

    mask = case.mask()
    arguments = (
        [variable.value for variable in layer.non_trainable_variables],
        jnp.asarray(case.inputs()),
        None if mask is None else jnp.asarray(mask),
    )
    weights = [variable.value for variable in layer.trainable_variables]
    return JaxContestant(name, apply, weights, arguments, case.gradient())
