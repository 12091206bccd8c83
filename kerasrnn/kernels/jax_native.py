"""The native kernel on JAX, called by XLA on the CPU's arrays and its own threads."""

import re
from collections.abc import Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jaxlib
import numpy as np
from jax import Array
from jax.custom_derivatives import SymbolicZero

from kerasrnn.cells import Cell
from kerasrnn.kernels import jax_scan
from kerasrnn.kernels.call import Call
from kerasrnn.kernels.native import MODES, native, why_not_native
from kerasrnn.kernels.stack import Dropouts, Weights, weights_of

WITHOUT_XLA = (
    "the native kernel was built without jaxlib's headers; install kerasrnn again with jaxlib"
)


class Spec(NamedTuple):
    """The static facts of a run."""

    call: Call
    time: int
    batch: int
    features: int

    @property
    def numbers(self) -> tuple[int, ...]:
        """The facts in the order in which the kernel takes them."""
        call = self.call
        return (
            MODES.index(call.mode),
            call.num_layers,
            call.num_directions,
            self.time,
            self.batch,
            self.features,
            call.units,
            call.proj_size,
            call.use_bias,
            call.return_sequences,
            0 if call.checkpoint_every is None else call.segment(self.time),
        )

    @property
    def outputs(self) -> tuple[int, int, int]:
        """Shape of the outputs."""
        size = self.call.proj_size or self.call.units
        return self.batch, self.time, self.call.num_directions * size


class Given(NamedTuple):
    """The arrays of a run; inputs and mask are (batch, time, ...)."""

    inputs: Array
    mask: Array | None
    states: list[Array]
    weights: list[list[Weights]]


# Final states, and the outputs where they are wanted.
Result = tuple[list[Array], Array | None]


def why_not(call: Call) -> str | None:
    """Return why this kernel cannot run a call."""
    reason = why_not_native(call)
    if reason is not None:
        return reason
    if not hasattr(native(), "xla_handlers"):
        return WITHOUT_XLA
    if version_of(native().JAXLIB) > version_of(jaxlib.__version__):
        return (
            f"it was built for jaxlib {native().JAXLIB} and later, and {jaxlib.__version__} is "
            "installed; pip install --no-build-isolation builds it for that one"
        )
    if call.compiling:
        return "it cannot be exported for any size"
    if jax.device_count("cpu") > 1:
        return "it does not part its work over several devices"
    return None


def version_of(text: str) -> tuple[int, ...]:
    """Return the numbers of a version."""
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


def run(
    call: Call,
    cells: Sequence[Sequence[Cell]],
    inputs: Array,
    states: Sequence[Array],
    mask: Array | None,
    dropouts: Dropouts,
) -> tuple[Array | None, list[Array]]:
    """Run a stack; see `kerasrnn.kernels.stack.run_stack` for shapes.

    Without `call.return_sequences` the outputs are None.
    """
    register()
    time, batch, features = inputs.shape
    # Layers take batch-first inputs: XLA drops this transposition together with the layer's own.
    given = Given(
        jnp.swapaxes(inputs, 0, 1),
        None if mask is None else jnp.swapaxes(mask, 0, 1),
        list(states),
        [[weights_of(cell) for cell in directions] for directions in cells],
    )
    finals, outputs = jitted(Spec(call, time, batch, features), given)
    return (None if outputs is None else jnp.swapaxes(outputs, 0, 1)), finals


@cache
def register() -> None:
    """Make the native passes known to XLA."""
    for name, handler in native().xla_handlers().items():
        jax.ffi.register_ffi_target(name, handler, platform="cpu")


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def stack(spec: Spec, given: Given) -> Result:
    """Run a stack, keeping nothing."""
    found = call_native("forward", spec, given, result_like(spec, given), keeps=False)
    return parted(spec, found)


jitted = jax.jit(stack, static_argnums=0, inline=True)


def forward(spec: Spec, given: Given) -> tuple[Result, Any]:
    """Run a stack and keep what the backward pass needs."""
    wants_inputs = given.inputs.perturbed
    values = jax.tree.map(lambda leaf: leaf.value, given, is_leaf=lambda a: hasattr(a, "perturbed"))
    (finals, outputs), reserve = keep(spec, values)
    # Arrays and the structure that holds them can go along, flags cannot: () is a flag.
    return (finals, outputs), (values, outputs, reserve, None if wants_inputs else ())


def backward(spec: Spec, kept: Any, grads: Result) -> tuple[Given]:
    """Return the gradients of everything given."""
    given, outputs, reserve, flag = kept
    grads = jax.tree.map(filled, grads, is_leaf=lambda a: isinstance(a, SymbolicZero))
    found = gradients(spec, flag is None, given, outputs, reserve, grads)
    return (found._replace(mask=no_gradient(given.mask)),)


stack.defvjp(forward, backward, symbolic_zeros=True)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def keep(spec: Spec, given: Given) -> tuple[Result, Array]:
    """Run the forward pass of training; returns what it keeps, too."""
    dtype = given.inputs.dtype
    description = native().Stack(*spec.numbers)
    size = description.reserve_size_double if dtype == "float64" else description.reserve_size
    like = [*result_like(spec, given), jax.ShapeDtypeStruct((size(),), dtype)]
    *found, reserve = call_native("forward", spec, given, like, keeps=True)
    return parted(spec, found), reserve


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def gradients(
    spec: Spec, wants_inputs: bool, given: Given, outputs: Any, reserve: Array, grads: Result
) -> Given:
    """Run the backward pass; returns zeros for inputs whose gradient is not wanted."""
    wanted = [given.inputs] if wants_inputs else []
    like = [alike(a) for a in jax.tree.leaves((reserve, wanted, given.states, given.weights))]
    others = jax.tree.leaves((outputs, grads[0], grads[1]))
    _, *found = call_native(
        "backward", spec, given, like, reserve, *others, wants_inputs=wants_inputs
    )
    inputs = found.pop(0) if wants_inputs else jnp.zeros_like(given.inputs)
    count = len(given.states)
    weights = jax.tree.unflatten(jax.tree.structure(given.weights), found[count:])
    return Given(inputs, None, found[:count], weights)


def pure(spec: Spec, given: Given) -> Result:
    """Run the same stack in JAX's own operations, for derivatives of derivatives."""
    nothing = [None] * (spec.call.num_layers * spec.call.num_directions)
    mask = None if given.mask is None else jnp.swapaxes(given.mask, 0, 1)
    inputs = jnp.swapaxes(given.inputs, 0, 1)
    factors = (nothing, nothing, nothing)
    outputs, finals = jax_scan.stack(spec.call, given.weights, inputs, given.states, mask, factors)
    return finals, None if outputs is None else jnp.swapaxes(outputs, 0, 1)


def pure_gradients(spec: Spec, given: Given, grads: Result) -> Given:
    """Return the gradients in JAX's own operations."""
    mask = given.mask
    _, pull = jax.vjp(lambda part: pure(spec, part._replace(mask=mask)), given._replace(mask=None))
    return pull(grads)[0]


def keep_forward(spec: Spec, given: Given) -> tuple[tuple[Result, Array], Given]:
    """Run the forward pass of training, to be differentiated."""
    return keep(spec, given), given


def keep_backward(spec: Spec, given: Given, grads: tuple[Result, Array]) -> tuple[Given]:
    """Return the gradients of everything given; nothing depends on what is kept by itself."""
    found = pure_gradients(spec, given, grads[0])
    return (found._replace(mask=no_gradient(given.mask)),)


keep.defvjp(keep_forward, keep_backward)


def gradients_forward(
    spec: Spec, wants_inputs: bool, given: Given, outputs: Any, reserve: Array, grads: Result
) -> tuple[Given, Any]:
    """Run the backward pass, to be differentiated."""
    found = gradients(spec, wants_inputs, given, outputs, reserve, grads)
    return found, (given, outputs, reserve, grads)


def gradients_backward(spec: Spec, wants_inputs: bool, kept: Any, grads: Given) -> tuple[Any, ...]:
    """Return the derivatives of gradients, as those of what is given and theirs."""
    given, outputs, reserve, first = kept
    mask = given.mask

    def again(part: Given, first: Result) -> Given:
        found = pure_gradients(spec, part._replace(mask=mask), first)
        return found if wants_inputs else found._replace(inputs=jnp.zeros_like(found.inputs))

    _, pull = jax.vjp(again, given._replace(mask=None), first)
    by_given, by_first = pull(grads)
    zeros = jax.tree.map(jnp.zeros_like, (outputs, reserve))
    return by_given._replace(mask=no_gradient(mask)), *zeros, by_first


gradients.defvjp(gradients_forward, gradients_backward)


def no_gradient(mask: Array | None) -> Any:
    """Return what stands for the gradient of a boolean array."""
    return None if mask is None else np.zeros(mask.shape, jax.dtypes.float0)


def filled(gradient: Any) -> Array:
    """Return a gradient as an array, also where it is zero."""
    if isinstance(gradient, SymbolicZero):
        return jnp.zeros(gradient.shape, gradient.dtype)
    return gradient


def alike(array: Array) -> jax.ShapeDtypeStruct:
    """Return the shape and type of an array."""
    return jax.ShapeDtypeStruct(array.shape, array.dtype)


def result_like(spec: Spec, given: Given) -> list[jax.ShapeDtypeStruct]:
    """Return shapes and types of the final states, and of the outputs where they are wanted."""
    finals = [alike(state) for state in given.states]
    if not spec.call.return_sequences:
        return finals
    return [*finals, jax.ShapeDtypeStruct(spec.outputs, given.inputs.dtype)]


def parted(spec: Spec, found: Sequence[Array]) -> Result:
    """Return final states, and the outputs or None."""
    if not spec.call.return_sequences:
        return list(found), None
    return list(found[:-1]), found[-1]


def call_native(
    name: str, spec: Spec, given: Given, like: Any, *others: Array, **flags: bool
) -> list[Array]:
    """Call a native pass; the backward pass first takes, and overwrites, what was kept."""
    call = jax.ffi.ffi_call(
        f"kerasrnn_{name}_{given.inputs.dtype}",
        like,
        vmap_method="sequential",
        input_output_aliases={0: 0} if name == "backward" else {},
    )
    numbers = np.array(spec.numbers, np.int64)
    operands = [*others[:1], *jax.tree.leaves(given), *others[1:]]
    return list(call(*operands, stack=numbers, masked=given.mask is not None, **flags))
