"""What torch itself does with the kernels: compilation, repeated and second derivatives, memory."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import pytest

import kerasrnn
from kerasrnn.kernels import KERNELS, choose
from tests.making import MODES, built, new_layer, random_states, randomized
from tests.running import Run, assert_close, run, to_numpy
from tests.test_kernels import assert_same

FEATURES, UNITS = 2, 3
RETURN_ALL = {"return_sequences": True, "return_state": True}
MASK = np.array([[1, 1, 0, 0, 1, 1, 0], [0, 0, 1, 1, 1, 0, 1], [0] * 7], dtype=bool)


def run_with(mode: str, rng: np.random.Generator, mask: Any = None, **options: Any) -> Run:
    """Run a layer over 3 rows of 7 steps in float64."""
    layer = built(new_layer(mode, UNITS, **{**RETURN_ALL, "dtype": "float64", **options}), FEATURES)
    inputs, states = rng.normal(size=(3, 7, FEATURES)), random_states(layer, 3, rng)
    shapes = [layer.compute_output_shape(inputs.shape)]
    shapes = shapes[0] if layer.return_state else shapes
    cotangents = [rng.normal(size=shape) for shape in shapes]
    kwargs = {} if mask is None else {"mask": keras.ops.convert_to_tensor(mask)}
    found = run(layer, inputs, states, cotangents, training=True, **kwargs)
    return Run(
        found.outputs,
        found.input_gradient,
        found.state_gradients,
        dict(enumerate(found.weight_gradients.values())),
    )


@pytest.mark.parametrize("every", [1, 3, 7, 50, "sqrt"])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_checkpoints_change_no_gradient(mode: str, masked: bool, every: Any) -> None:
    options: dict[str, Any] = {"num_layers": 2, "bidirectional": True, "recurrent_dropout": 0.4}
    mask = MASK if masked else None
    for sequences in (True, False):
        options |= {"seed": 1, "return_sequences": sequences}
        plain = run_with(mode, np.random.default_rng(0), mask, **options)
        other = run_with(mode, np.random.default_rng(0), mask, **options, checkpoint_every=every)
        assert_same(other, plain, "float64")


def test_checkpoints_save_memory() -> None:
    def kept(every: Any) -> int:
        layer = built(
            kerasrnn.LSTM(8, checkpoint_every=every, implementation="torch_bptt"), FEATURES
        )
        node = layer(np.zeros((2, 400, FEATURES), "float32")).grad_fn
        while type(node).__name__ != "StackBackward":
            node = node.next_functions[0][0]
        return sum(tensor.nbytes for own in node.kept for tensor in own)

    # The square root of 400 is 20.
    assert kept("sqrt") * 20 < kept(None)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["torch_native", "torch_bptt", "torch_fused"])
def test_a_graph_can_be_run_backward_twice(name: str, mode: str) -> None:
    import torch

    layer = built(new_layer(mode, UNITS, implementation=name), FEATURES)
    if KERNELS[name].why_not(layer.describe_call(3, 7, gradients=True)) is not None:
        with pytest.raises(ValueError, match=f"implementation='{name}' cannot run"):
            layer(np.zeros((3, 7, FEATURES), "float32"))
        return
    x = torch.randn(3, 7, FEATURES)
    weights = [v.value for v in layer.trainable_variables]
    loss = layer(x).square().sum()
    first = torch.autograd.grad(loss, weights, retain_graph=True)
    second = torch.autograd.grad(loss, weights)
    for one, other in zip(first, second, strict=True):
        assert_close(to_numpy(one), to_numpy(other), "float32")


def test_a_change_of_the_outputs_in_place_is_noticed() -> None:
    import torch

    layer = built(kerasrnn.GRU(UNITS, return_sequences=True, return_state=True), FEATURES)
    outputs, state = layer(torch.randn(3, 7, FEATURES))
    with torch.no_grad():
        outputs.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        state.sum().backward()


@pytest.mark.parametrize("name", ["torch_native", "torch_bptt"])
@pytest.mark.parametrize("mode", MODES)
def test_second_derivatives_are_refused_clearly(mode: str, name: str) -> None:
    import torch

    if (name, mode) == ("torch_native", "gru_reset_before"):
        return
    layer = built(new_layer(mode, UNITS, implementation=name), FEATURES)
    x = torch.randn(3, 7, FEATURES, requires_grad=True)
    (gradient,) = torch.autograd.grad(layer(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="implementation='reference'"):
        gradient.sum().backward()


# The compiler of torch itself uses what torch has deprecated.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("masked", [False, True])
def test_compiled_layer_is_one_opaque_operator(mode: str, masked: bool) -> None:
    import torch

    options: dict[str, Any] = {"num_layers": 2, "bidirectional": True, **RETURN_ALL}
    layer = built(new_layer(mode, UNITS, **options), FEATURES)
    x = torch.randn(3, 7, FEATURES, requires_grad=True)
    mask = torch.tensor(MASK) if masked else None
    found: list[str] = []

    def backend(graph: Any, _: Any) -> Any:
        found.extend(
            str(node.target) for node in graph.graph.nodes if "kerasrnn" in str(node.target)
        )
        return graph

    def call(x: Any) -> Any:
        return layer(x, mask=mask)

    torch._dynamo.reset()
    torch.compile(call, fullgraph=True, backend=backend)(x)
    assert len(found) == 1, found
    torch._dynamo.reset()
    compiled = torch.compile(call, fullgraph=True, backend="aot_eager")
    inputs = [x, *(v.value for v in layer.trainable_variables)]
    for one, other in zip(compiled(x), call(x), strict=True):
        assert_close(to_numpy(one), to_numpy(other), "float32")
    losses = [sum(y.square().sum() for y in f(x)) for f in (compiled, call)]
    gradients = [torch.autograd.grad(loss, inputs) for loss in losses]
    for one, other in zip(*gradients, strict=True):
        assert_close(to_numpy(one), to_numpy(other), "float32")
    with torch.no_grad():
        for one, other in zip(compiled(x), call(x), strict=True):
            assert_close(to_numpy(one), to_numpy(other), "float32")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_exported_layer_does_not_grow_with_time() -> None:
    import torch

    layer = built(kerasrnn.LSTM(UNITS, return_sequences=True), FEATURES)
    sizes = []
    for time in (5, 50):
        with torch.no_grad():
            exported = torch.export.export(Wrapped(layer), (torch.randn(3, time, FEATURES),))
        sizes.append(len(exported.graph.nodes))
    assert sizes[0] == sizes[1]


def Wrapped(layer: Any) -> Any:  # noqa: N802
    """Return a torch module that calls a layer."""
    import torch

    class Module(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: Any) -> Any:
            return self.layer(x)

    return Module()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("mode", MODES)
def test_half_precision_is_near_float32(mode: str, dtype: str) -> None:
    x = np.random.default_rng(0).normal(size=(3, 7, FEATURES)).astype("float32")
    mask = keras.ops.convert_to_tensor(MASK)
    outputs, gradients = [], []
    for policy in (f"mixed_{dtype}", "float32"):
        layer = built(new_layer(mode, UNITS, return_sequences=True, dtype=policy), FEATURES)
        y = layer(x, mask=mask)
        outputs.append(y)
        y.float().square().sum().backward()
        gradients.append([v.value.grad for v in layer.trainable_variables])
        assert {g.dtype for g in gradients[-1]} == {layer.trainable_variables[0].value.dtype}
    assert keras.backend.standardize_dtype(outputs[0].dtype) == dtype
    tolerance = 0.05 if dtype == "bfloat16" else 0.01
    assert np.abs(to_numpy(outputs[0].float()) - to_numpy(outputs[1])).max() < tolerance
    for half, full in zip(*gradients, strict=True):
        assert np.abs(to_numpy(half - full)).max() < tolerance * max(
            1, np.abs(to_numpy(full)).max()
        )


def test_memory_is_used_again_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from kerasrnn.kernels import torch_memory

    torch_memory.clear()
    like = torch.zeros(1)
    one = torch_memory.take(like, 4, 4)
    torch_memory.give(one)
    assert torch_memory.take(like, 4, 4) is one
    assert torch_memory.take(like, 4, 4) is not one
    monkeypatch.setattr(torch_memory, "LIMIT", 100)
    torch_memory.give(torch.zeros(10), torch.zeros(20))
    assert torch_memory.held() == 80
    torch_memory.clear()
    assert torch_memory.held() == 0


def test_results_do_not_share_memory_that_is_used_again() -> None:
    layer = built(kerasrnn.LSTM(UNITS, 2, return_state=True), FEATURES)
    rng = np.random.default_rng(0)
    first = layer(rng.normal(size=(3, 7, FEATURES)).astype("float32"))
    sum(y.sum() for y in first).backward()
    before = [to_numpy(y).copy() for y in first]
    second = layer(rng.normal(size=(3, 7, FEATURES)).astype("float32"))
    sum(y.sum() for y in second).backward()
    for one, other in zip(before, first, strict=True):
        np.testing.assert_array_equal(one, to_numpy(other))


@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}], ids=str)
@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "gru_reset_before"])
def test_cudnn_is_called_with_what_it_takes(
    mode: str, use_bias: bool, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch's operators for the CPU stand in for cuDNN, behind cuDNN's arguments."""
    import torch

    from kerasrnn.kernels import torch_fused

    def cudnn(
        inputs: Any, weights: Any, stride: int, buffer: Any, hidden: Any, cell: Any, *facts: Any
    ) -> Any:
        number, units, size, layers, batch_first, rate, train, both, sizes, state = facts
        assert (buffer, batch_first, rate, sizes, state) == (None, False, 0.0, [], None)
        assert stride == 2 + 2 * use_bias + (mode == "lstm_projected")
        assert weights[1].shape[1] == (size or units)
        assert size == (2 if mode == "lstm_projected" else 0)
        (name,) = [name for name, own in torch_fused.MODES.items() if own == number]
        given = hidden if cell is None else (hidden, cell)
        run = torch_fused.CPU[name]
        results = run(inputs, given, weights, use_bias, layers, rate, train, both, batch_first)
        return (*results, *[None] * (5 - len(results)))

    own = {"use_bias": use_bias, **options}
    expected = run_with(mode, np.random.default_rng(0), **own, implementation="reference")
    monkeypatch.setattr(torch, "_cudnn_rnn", cudnn)
    monkeypatch.setattr(torch_fused, "on_cpu", torch_fused.on_gpu)
    found = run_with(mode, np.random.default_rng(0), **own, implementation="torch_fused")
    assert_same(found, expected, "float64")


def test_cudnn_operator_has_these_arguments() -> None:
    import torch

    arguments = [argument.name for argument in torch.ops.aten._cudnn_rnn.default._schema.arguments]
    assert arguments == [
        *("input", "weight", "weight_stride0", "weight_buf", "hx", "cx", "mode", "hidden_size"),
        *("proj_size", "num_layers", "batch_first", "dropout", "train", "bidirectional"),
        *("batch_sizes", "dropout_state"),
    ]


@pytest.mark.parametrize("mode", MODES)
def test_training_after_inference_mode(mode: str) -> None:
    import torch

    layer = built(new_layer(mode, UNITS, return_sequences=True), FEATURES)
    with torch.inference_mode():
        layer(torch.randn(3, 7, FEATURES))
    layer(torch.randn(3, 7, FEATURES)).sum().backward()
    assert all(v.value.grad is not None for v in layer.trainable_variables)


@pytest.mark.parametrize("mode", MODES)
def test_no_rows_give_no_rows(mode: str) -> None:
    import torch

    names = ["torch_bptt"] if mode == "gru_reset_before" else ["torch_native", "torch_bptt"]
    for name in names:
        layer = built(new_layer(mode, UNITS, implementation=name), FEATURES)
        outputs = layer(torch.zeros(0, 7, FEATURES))
        outputs.sum().backward()
        assert tuple(outputs.shape) == (0, layer.output_size)
        assert all((v.value.grad == 0).all() for v in layer.trainable_variables)


@pytest.mark.parametrize("every", [None, "sqrt", 3])
@pytest.mark.parametrize("mode", MODES)
def test_compiled_layer_takes_sequences_of_any_length(mode: str, every: Any) -> None:
    import torch

    layer = built(new_layer(mode, UNITS, 2, checkpoint_every=every), FEATURES)
    weights = [v.value for v in layer.trainable_variables]
    torch._dynamo.reset()
    compiled = torch.compile(lambda x: layer(x), fullgraph=True, backend="aot_eager")
    for time in (7, 9, 11):
        x = torch.randn(3, time, FEATURES)
        found, expected = (
            torch.autograd.grad(f(x).square().sum(), weights) for f in (compiled, layer)
        )
        for one, other in zip(found, expected, strict=True):
            assert_close(to_numpy(one), to_numpy(other), "float32")


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_exported_layer_takes_any_batch_and_length(kind: str) -> None:
    import torch

    layer = built(getattr(kerasrnn, kind)(UNITS, return_sequences=True), FEATURES)
    sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("time")}
    with torch.no_grad():
        exported = torch.export.export(
            Wrapped(layer), (torch.randn(3, 7, FEATURES),), dynamic_shapes=(sizes,), strict=False
        )
        x = torch.randn(4, 9, FEATURES)
        assert_close(to_numpy(exported.module()(x)), to_numpy(layer(x)), "float32")


@pytest.mark.parametrize("mode", ["gru", "gru_reset_before", "lstm_projected"])
def test_half_precision_adds_up_many_segments(mode: str) -> None:
    x = np.random.default_rng(0).normal(size=(2, 1000, FEATURES)).astype("float32")
    gradients = []
    for policy in ("mixed_bfloat16", "float32"):
        layer = built(new_layer(mode, UNITS, dtype=policy, checkpoint_every=1), FEATURES)
        randomized(layer, 0.3)
        layer(x).float().square().sum().backward()
        gradients.append([to_numpy(v.value.grad) for v in layer.trainable_variables])
    for half, full in zip(*gradients, strict=True):
        assert np.abs(half - full).max() < 0.05 * np.abs(full).max()


@pytest.mark.parametrize("every", [None, "sqrt", 17])
def test_plan_passes_as_text(every: Any) -> None:
    from kerasrnn.kernels.torch_bptt_stack import Plan

    for flag in range(7):
        flags = [index == flag for index in range(7)]
        plan = Plan("gru", 3, 2, *flags, every)  # type: ignore[call-arg]
        assert Plan.from_text(plan.to_text()) == plan


def test_choice_follows_torchs_switch_for_cudnn() -> None:
    import dataclasses

    import torch

    layer = built(kerasrnn.GRU(UNITS), FEATURES)
    call = dataclasses.replace(layer.describe_call(3, 7), device="gpu")
    assert choose(call) == "torch_fused"
    with torch.backends.cudnn.flags(enabled=False):
        assert choose(call) == "torch_bptt"
    assert choose(call) == "torch_fused"


@pytest.mark.parametrize("mode", MODES)
def test_backward_pass_under_autocast(mode: str) -> None:
    import torch

    layer = built(new_layer(mode, UNITS, recurrent_dropout=0.5), FEATURES)
    loss = layer(torch.randn(3, 7, FEATURES), training=True).sum()
    with torch.autocast("cpu", torch.bfloat16):
        loss.backward()
    assert all(v.value.grad.dtype == torch.float32 for v in layer.trainable_variables)


def native_layer(**options: Any) -> Any:
    options = {**RETURN_ALL, "implementation": "torch_native", "dtype": "float64", **options}
    return built(kerasrnn.LSTM(UNITS, **options), FEATURES)


def test_native_kernel_keeps_little_between_checkpoints() -> None:
    def kept(every: Any) -> int:
        layer = native_layer(checkpoint_every=every, return_sequences=False)
        node = layer(np.zeros((2, 400, FEATURES)))[0].grad_fn
        while type(node).__name__ != "StackBackward":
            node = node.next_functions[0][0]
        return node.reserve.nbytes

    assert kept("sqrt") * 20 < kept(None)


def test_native_kernel_takes_arrays_laid_out_in_any_way() -> None:
    import torch

    torch.manual_seed(0)
    layer = native_layer()
    x = torch.randn(FEATURES, 7, 3, dtype=torch.float64).permute(2, 1, 0)
    mask = torch.rand(7, 3).T < 0.7
    expected = reference_of(layer)
    weights = [v.value for v in layer.trainable_variables]
    wide = [torch.randn(UNITS, 3, dtype=torch.float64).T for _ in range(2)]
    for cotangent in (
        torch.ones(1, dtype=torch.float64).expand(3, 7, UNITS),
        torch.randn(UNITS, 7, 3, dtype=torch.float64).permute(2, 1, 0),
    ):
        found = []
        for one in (layer, expected):
            outputs = one(x, initial_state=wide, mask=mask)
            own = [v.value for v in one.trainable_variables]
            found.append([*outputs, *torch.autograd.grad(outputs[0], own, cotangent)])
        assert len(found[0]) == 3 + len(weights)
        for mine, other in zip(*found, strict=True):
            assert_close(to_numpy(mine), to_numpy(other), "float64")


def reference_of(layer: Any) -> Any:
    """Return the layer as the reference runs it, with the same weights."""
    config = {**layer.get_config(), "implementation": "reference"}
    expected = type(layer).from_config(config)
    expected.build((None, None, FEATURES))
    expected.set_weights(layer.get_weights())
    return expected


@pytest.mark.parametrize("frozen", ["kernel", "recurrent_kernel", "bias"])
def test_native_kernel_leaves_out_gradients_that_nobody_wants(frozen: str) -> None:
    import torch

    layer = native_layer()
    expected = reference_of(layer)
    x = torch.randn(3, 7, FEATURES, dtype=torch.float64)
    found = []
    for one in (layer, expected):
        getattr(one.cells[0], frozen).value.requires_grad_(False)
        one(x)[0].square().sum().backward()
        found.append({v.name: v.value.grad for v in one.cells[0].weights})
    assert found[0][frozen] is None
    for name in found[0].keys() - {frozen}:
        assert_close(to_numpy(found[0][name]), to_numpy(found[1][name]), "float64")


def test_native_kernel_in_several_threads_of_python() -> None:
    from concurrent.futures import ThreadPoolExecutor

    import torch

    layers = [built(kerasrnn.GRU(units, return_sequences=True), FEATURES) for units in (8, 70)]
    x = torch.randn(33, 50, FEATURES)

    def gradient(index: int) -> list[np.ndarray]:
        layer = layers[index % 2]
        weights = [v.value for v in layer.trainable_variables]
        return [to_numpy(g) for g in torch.autograd.grad(layer(x).square().sum(), weights)]

    expected = [gradient(0), gradient(1)]
    with ThreadPoolExecutor(4) as pool:
        for index, found in enumerate(pool.map(gradient, range(24))):
            for one, other in zip(found, expected[index % 2], strict=True):
                np.testing.assert_array_equal(one, other)


@pytest.fixture
def memory_full_of_nan() -> Iterator[None]:
    """Let torch fill new memory with NaN, so that a value nobody writes is seen."""
    import torch

    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.usefixtures("memory_full_of_nan")
@pytest.mark.parametrize("every", [None, 1, 3])
@pytest.mark.parametrize("size", [0, 2])
def test_native_operator_describes_its_results(size: int, every: Any) -> None:
    import torch

    from kerasrnn.kernels import torch_native_opaque
    from kerasrnn.kernels.torch_bptt import new_plan

    layer = native_layer(proj_size=size, checkpoint_every=every)
    plan = new_plan(layer.describe_call(3, 7, masked=True))
    weights = [v.value for v in layer.trainable_variables]
    x = torch.randn(3, FEATURES, 7, dtype=torch.float64).permute(2, 0, 1)
    widths = (size or UNITS, UNITS)
    states = [torch.randn(width, 3, dtype=torch.float64).T for width in widths]
    tensors = [x, *states, *weights, torch.rand(3, 7).T < 0.6]
    for tensor in tensors[:3]:
        tensor.requires_grad_()
    torch.library.opcheck(torch_native_opaque.opaque_stack, (tensors, plan.to_text(), True))


@pytest.mark.parametrize("convert", ["half", "double"])
def test_converted_weights_are_refused(convert: str) -> None:
    import torch

    layer = built(kerasrnn.GRU(UNITS, implementation="torch_native"), FEATURES)
    getattr(layer, convert)()
    with pytest.raises(ValueError, match=r"must all be torch\.float32 on the CPU"):
        layer(torch.randn(3, 7, FEATURES))


def test_torch_brings_the_threads() -> None:
    from kerasrnn.kernels.native import native

    assert native().has_openmp()
