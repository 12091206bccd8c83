"""The JAX kernels under JAX's own transformations, in segments, in 16 bits and on cuDNN."""

from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest

from kerasrnn.kernels import KERNELS
from tests.making import MODES, built, new_layer, random_states, randomized
from tests.processes import in_process
from tests.running import Run, assert_close, run, to_numpy

FEATURES, UNITS, BATCH, TIME = 2, 3, 4, 10
ALL = {"return_sequences": True, "return_state": True}
RNG = np.random.default_rng(5)
MASKS = {
    "unmasked": None,
    "holes": RNG.random((BATCH, TIME)) < 0.6,
    "padded right": np.arange(TIME) < np.array([[TIME], [4], [1], [0]]),
}


def layer_of(mode: str, implementation: str, **options: Any) -> Any:
    options = {**ALL, "dtype": "float64", "implementation": implementation, **options}
    return built(new_layer(mode, UNITS, **options), FEATURES)


def refused(mode: str, name: str) -> bool:
    """Say whether a kernel refuses a mode, and hold it to its reason."""
    reason = KERNELS[name].why_not(layer_of(mode, "auto").describe_call(BATCH, TIME))
    if reason is None:
        return False
    with pytest.raises(ValueError, match="cannot run this layer") as caught:
        layer_of(mode, name)(np.zeros((BATCH, TIME, FEATURES)))
    assert reason in str(caught.value)
    return True


def numbers(layer: Any, rng: np.random.Generator) -> tuple[Any, list[Any], list[Any]]:
    """Draw inputs, initial states and the cotangents of all outputs."""
    inputs, states = rng.normal(size=(BATCH, TIME, FEATURES)), random_states(layer, BATCH, rng)
    dry = layer(inputs, initial_state=states)
    return inputs, states, [rng.normal(size=output.shape) for output in dry]


def in_float32(arrays: Any) -> Any:
    return keras.tree.map_structure(lambda array: array.astype("float32"), arrays)


def assert_same_run(ours: Run, theirs: Run) -> None:
    for one, other in zip(ours.outputs, theirs.outputs, strict=True):
        assert_close(one, other, "float64", "output")
    for one, other in zip(gradients_of(ours), gradients_of(theirs), strict=True):
        assert_close(one, other, "float64", "gradient")


def gradients_of(found: Run) -> list[np.ndarray]:
    return [found.input_gradient, *found.state_gradients, *found.weight_gradients.values()]


def stateless(layer: Any) -> Any:
    """Return the layer as a function of its weights, inputs and states."""

    def outputs(weights: Any, inputs: Any, states: Any, **kwargs: Any) -> Any:
        return layer.stateless_call(weights, [], inputs, initial_state=states, **kwargs)[0]

    return outputs


def weights_of(layer: Any) -> list[Any]:
    return [variable.value for variable in layer.trainable_variables]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["jax_scan", "jax_native"])
def test_second_derivative_is_that_of_the_reference(
    name: str, mode: str, rng: np.random.Generator
) -> None:
    import jax

    if refused(mode, name):
        return

    found = []
    mask = keras.ops.convert_to_tensor(MASKS["holes"])
    for implementation in (name, "reference"):
        layer = layer_of(mode, implementation, bidirectional=True)
        if not found:
            inputs, states, cotangents = numbers(layer, rng)
        outputs, arguments = stateless(layer), (weights_of(layer), inputs, states)

        def norm(*arguments: Any, outputs: Any = outputs, drawn: Any = cotangents) -> Any:
            def loss(*arguments: Any) -> Any:
                pairs = zip(outputs(*arguments, mask=mask), drawn, strict=True)
                return sum((output * c).sum() for output, c in pairs)

            by_all = jax.grad(loss, argnums=(0, 1, 2))(*arguments)
            return sum((leaf**2).sum() for leaf in jax.tree.leaves(by_all))

        found.append(jax.tree.leaves(jax.jit(jax.grad(norm, argnums=(0, 1, 2)))(*arguments)))
    for one, other in zip(*found, strict=True):
        assert_close(one, other, "float64", "second derivative")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["jax_scan", "jax_native"])
def test_checks_of_jax_in_second_order(name: str, mode: str, rng: np.random.Generator) -> None:
    from jax.test_util import check_grads

    if refused(mode, name):
        return
    layer = layer_of(mode, name)
    inputs, states, _ = numbers(layer, rng)
    outputs = stateless(layer)
    arguments = (weights_of(layer), inputs[:, :3], states)
    check_grads(outputs, arguments, order=2, modes=["rev"], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("over", ["inputs", "weights"])
@pytest.mark.parametrize("name", ["jax_scan", "jax_native"])
def test_vmap_is_a_loop(name: str, mode: str, over: str, rng: np.random.Generator) -> None:
    import jax
    import jax.numpy as jnp

    if refused(mode, name):
        return
    layer = layer_of(mode, name, bidirectional=True)
    inputs, states, cotangents = numbers(layer, rng)
    outputs = stateless(layer)
    mask = keras.ops.convert_to_tensor(MASKS["holes"])

    def loss(weights: Any, inputs: Any) -> Any:
        pairs = zip(outputs(weights, inputs, states, mask=mask), cotangents, strict=True)
        return sum((output * c).sum() for output, c in pairs)

    def several(tree: Any) -> Any:
        return jax.tree.map(lambda leaf: jnp.stack([leaf, 0.5 * leaf, -leaf]), tree)

    weights, inputs = weights_of(layer), jnp.asarray(inputs)
    axes = (None, 0) if over == "inputs" else (0, None)
    weights, inputs = (weights, several(inputs)) if over == "inputs" else (several(weights), inputs)
    gradient = jax.value_and_grad(loss, argnums=(0, 1))
    mapped = jax.jit(jax.vmap(gradient, axes))(weights, inputs)
    for index in range(3):
        one = gradient(
            *(
                jax.tree.map(lambda leaf: leaf[index], tree) if axis == 0 else tree  # noqa: B023
                for axis, tree in zip(axes, (weights, inputs), strict=True)
            )
        )
        for whole, single in zip(jax.tree.leaves(mapped), jax.tree.leaves(one), strict=True):
            assert_close(whole[index], single, "float64", "mapped")


@pytest.mark.parametrize("mode", MODES)
def test_jax_checkpoint_changes_nothing(mode: str, rng: np.random.Generator) -> None:
    import jax

    layer = layer_of(mode, "jax_scan")
    inputs, states, _ = numbers(layer, rng)

    def loss(weights: Any) -> Any:
        return sum((output**2).sum() for output in stateless(layer)(weights, inputs, states))

    plain = jax.grad(loss)(weights_of(layer))
    again = jax.grad(jax.checkpoint(loss))(weights_of(layer))
    for one, other in zip(again, plain, strict=True):
        assert_close(one, other, "float64", "gradient")


@pytest.mark.parametrize("mode", MODES)
def test_second_eager_call_compiles_nothing(mode: str, rng: np.random.Generator) -> None:
    from kerasrnn.kernels import jax_scan

    layer = layer_of(mode, "jax_scan", num_layers=2)
    inputs, states, _ = numbers(layer, rng)
    compiled = jax_scan.stack._cache_size()
    assert compiled > 0
    for _ in range(3):
        layer(inputs + 1, initial_state=states)
    assert jax_scan.stack._cache_size() == compiled


@pytest.mark.parametrize(
    ("mode", "mask", "every"),
    [
        *((mode, "holes", every) for mode in MODES for every in (3, "sqrt")),
        *(("lstm", mask, every) for mask in MASKS for every in (1, 7, TIME + 5)),
    ],
)
def test_checkpoints_change_nothing(
    mode: str, mask: str, every: Any, rng: np.random.Generator
) -> None:
    options = {"bidirectional": True}
    layer = layer_of(mode, "jax_scan", **options, checkpoint_every=every)
    inputs, states, cotangents = numbers(layer, rng)
    given = MASKS[mask]
    kwargs = {} if given is None else {"mask": keras.ops.convert_to_tensor(given)}
    plain = layer_of(mode, "jax_scan", **options)
    ours, theirs = (run(one, inputs, states, cotangents, **kwargs) for one in (layer, plain))
    assert_same_run(ours, theirs)


def temporary_memory(time: int, every: Any) -> int:
    """Return the bytes that a training step takes beside its arguments and results."""
    import jax
    import jax.numpy as jnp

    options = {"implementation": "jax_scan", "checkpoint_every": every}
    layer = built(new_layer("lstm", 32, **options), 4)

    def loss(weights: Any, inputs: Any) -> Any:
        return (layer.stateless_call(weights, [], inputs)[0] ** 2).sum()

    step = jax.jit(jax.grad(loss)).lower(weights_of(layer), jnp.zeros((8, time, 4)))
    return step.compile().memory_analysis().temp_size_in_bytes


def test_memory_of_checkpoints_grows_with_the_root() -> None:
    """Beside the inputs' copy in time-major order, that is."""
    inputs = 3 * 8 * 4 * 4
    short, long = (temporary_memory(time, "sqrt") - time * inputs for time in (1000, 9000))
    assert long < 5 * short
    assert temporary_memory(9000, "sqrt") < temporary_memory(9000, None) / 5


@pytest.mark.parametrize(("dtype", "tolerance"), [("bfloat16", 0.05), ("float16", 0.02)])
@pytest.mark.parametrize("mode", MODES)
def test_sixteen_bits_are_near_float32(
    mode: str, dtype: str, tolerance: float, rng: np.random.Generator
) -> None:
    import jax

    found = []
    for policy in (f"mixed_{dtype}", "float32"):
        layer = layer_of(mode, "jax_scan", bidirectional=True, dtype=policy)
        inputs, states, _ = numbers(layer, np.random.default_rng(2))
        inputs = 0.5 * inputs

        def loss(weights: Any, inputs: Any, layer: Any = layer, states: Any = states) -> Any:
            outputs = stateless(layer)(weights, inputs, states)
            assert {str(output.dtype) for output in outputs} == {layer.compute_dtype}
            return sum((output.astype("float32") ** 2).mean() for output in outputs)

        found.append(jax.grad(loss, argnums=(0, 1))(weights_of(layer), inputs.astype("float32")))
    for near, exact in zip(*map(jax.tree.leaves, found), strict=True):
        error = np.abs(to_numpy(near).astype("float32") - to_numpy(exact)).max()
        assert error < tolerance * np.abs(to_numpy(exact)).max()


@pytest.fixture
def substituted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Have JAX's own reference stand in for cuDNN, and a GPU seem to be there."""
    from jax.experimental import rnn

    from kerasrnn.kernels import jax_cudnn

    calls: list[tuple[int, ...]] = []

    def lstm(x: Any, h: Any, c: Any, weights: Any, lengths: Any, *sizes: Any) -> Any:
        features, units, layers, dropout, bidirectional = sizes
        calls.append(x.shape)
        parts = rnn.unpack_lstm_weights(weights, features, units, layers, bidirectional)
        return rnn.lstm_ref(
            x, h, c, *parts, lengths, features, units, layers, dropout, bidirectional
        )

    monkeypatch.setattr(rnn, "lstm", lstm)
    monkeypatch.setattr(jax_cudnn, "is_nvidia", lambda: True)
    monkeypatch.setattr("kerasrnn.layers.device_of", lambda _: "gpu")
    jax_cudnn.stack.clear_cache()
    return calls


CUDNN_CASES: dict[str, dict[str, Any]] = {
    "one layer": {},
    "without bias": {"use_bias": False},
    "two directions": {"bidirectional": True},
    "stack": {"num_layers": 3, "bidirectional": True},
    "last output": {"num_layers": 2, "return_sequences": False},
    "between": {"num_layers": 3, "dropout": 0.4, "bidirectional": True},
    "input dropout": {"num_layers": 2, "dropout": 0.4, "input_dropout": 0.3},
}


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS.keys())
@pytest.mark.parametrize("options", CUDNN_CASES.values(), ids=CUDNN_CASES.keys())
def test_cudnn_gives_the_values_of_the_reference(
    options: dict[str, Any],
    mask: Any,
    substituted: list[tuple[int, ...]],
    rng: np.random.Generator,
) -> None:
    drawn = numbers(layer_of("lstm", "reference", **options, dtype="float32"), rng)
    inputs, states, cotangents = in_float32(drawn)
    kwargs = {} if mask is None else {"mask": keras.ops.convert_to_tensor(mask)}
    found = []
    for name in ("jax_cudnn", "reference"):
        layer = layer_of("lstm", name, **options, seed=3, dtype="float32")
        found.append(run(layer, inputs, states, cotangents, **kwargs, training=True))
    ours, theirs = found
    layerwise = bool({"dropout", "input_dropout"} & options.keys())
    assert len(substituted) % (options.get("num_layers", 1) if layerwise else 1) == 0
    assert substituted
    for one, other in zip(ours.outputs, theirs.outputs, strict=True):
        assert_close(one, other, "float32", "output")
    for one, other in zip(gradients_of(ours), gradients_of(theirs), strict=True):
        assert_close(one, other, "float32", "gradient")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"device": "cpu"}, "needs a GPU"),
        ({"mode": "gru"}, "no gru"),
        ({"dtype": "bfloat16"}, "float32 only, not in bfloat16"),
        ({"proj_size": 2}, "no projection"),
        ({"recurrent_dropout": True}, "no recurrent dropout"),
        ({"input_dropout": True, "num_directions": 2}, "input_dropout drops other features"),
        ({"checkpoint_every": 3}, "checkpoint_every"),
    ],
)
def test_cudnn_says_what_it_cannot_do(
    changes: dict[str, Any], reason: str, substituted: list[Any]
) -> None:
    layer = layer_of("lstm", "auto", dtype="float32")
    call = layer.describe_call(BATCH, TIME)
    assert call.device == "gpu"
    assert KERNELS["jax_cudnn"].why_not(call) is None
    assert reason in KERNELS["jax_cudnn"].why_not(replace(call, **changes))


def test_unknown_mode_is_refused() -> None:
    call = replace(layer_of("lstm", "auto").describe_call(BATCH, TIME), mode="other")
    assert "other" in KERNELS["jax_scan"].why_not(call)


@pytest.mark.parametrize("mode", ["gru", "lstm_projected"])
def test_sixteen_bits_add_up_many_segments(mode: str) -> None:
    import jax

    x = np.random.default_rng(0).normal(size=(2, 1000, 2)).astype("float32")
    gradients = []
    for policy in ("mixed_bfloat16", "float32"):
        layer = built(new_layer(mode, 3, dtype=policy, checkpoint_every=1), 2)
        randomized(layer, 0.3)

        def loss(weights: Any, layer: Any = layer) -> Any:
            outputs = layer.stateless_call(weights, [], x)[0]
            return (outputs.astype("float32") ** 2).sum()

        gradients.append(jax.jit(jax.grad(loss))([v.value for v in layer.trainable_variables]))
    for half, full in zip(*gradients, strict=True):
        assert np.abs(np.asarray(half - full)).max() < 0.05 * np.abs(np.asarray(full)).max()


def test_several_devices_have_another_kernel() -> None:
    program = (
        "import kerasrnn\nlayer = kerasrnn.GRU(4)\nlayer.build((None, 5, 3))\n"
        "print(kerasrnn.explain(layer))"
    )
    said = in_process(program, XLA_FLAGS="--xla_force_host_platform_device_count=2")
    assert "jax_scan" in said
    assert "over several devices" in said


def test_a_newer_jaxlib_at_build_time_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    import jaxlib

    layer = layer_of("gru", "auto")
    monkeypatch.setattr(jaxlib, "__version__", "0.4.38")
    reason = KERNELS["jax_native"].why_not(layer.describe_call(3, 7))
    assert reason is not None
    assert "0.4.38 is installed" in reason


def test_a_layer_is_exported_for_any_size() -> None:
    import jax
    from jax import export

    layer = layer_of("lstm", "auto", return_state=False)
    sizes = export.symbolic_shape(f"batch, time, {FEATURES}")
    exported = export.export(jax.jit(lambda x: layer(x)))(jax.ShapeDtypeStruct(sizes, "float64"))
    x = np.random.default_rng(0).normal(size=(2, 5, FEATURES))
    assert_close(to_numpy(exported.call(x)), to_numpy(layer(x)), "float64")
