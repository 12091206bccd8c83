"""Which kernel runs: the table, explicit names, KERASRNN_DISABLE, and `explain`."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import keras
import numpy as np
import pytest

import kerasrnn
from kerasrnn import kernels
from kerasrnn.kernels import reference
from kerasrnn.kernels.call import Call
from tests.making import built

BACKEND = keras.backend.backend()
INPUTS = np.zeros((2, 5, 3), "float32")
PICKY = "it runs on Tuesdays only"


class Spy:
    """A kernel that runs the reference, or refuses, and notes what it was asked."""

    def __init__(self, reason: str | None) -> None:
        self.reason = reason
        self.asked: list[Call] = []
        self.ran = 0

    def why_not(self, call: Call) -> str | None:
        self.asked.append(call)
        return self.reason

    def run(self, *args: Any) -> Any:
        self.ran += 1
        return original_run(*args)


original_run = reference.run


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Spy:
    """Count the runs of the reference."""
    spy = Spy(None)
    monkeypatch.setattr(reference, "run", spy.run)
    return spy


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Forget the choices made with kernels that come and go with each test."""
    kernels.remembered.cache_clear()
    yield
    kernels.remembered.cache_clear()


@pytest.fixture
def add(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put kernels before the reference in this backend's table."""

    def add(**spies: Any) -> None:
        for name, spy in spies.items():
            monkeypatch.setitem(kernels.KERNELS, name, spy)  # type: ignore[arg-type]
        monkeypatch.setitem(kernels.ORDER, BACKEND, (*spies, "reference"))

    return add


def test_auto_takes_the_first_kernel_without_a_reason(add: Any, slow: Spy) -> None:
    picky, willing = Spy(PICKY), Spy(None)
    add(picky=picky, willing=willing)
    layer = built(kerasrnn.LSTM(4), 3)
    layer(INPUTS)
    assert (picky.ran, willing.ran, slow.ran) == (0, 1, 0)
    (explanation,) = kerasrnn.explain(layer)
    assert explanation.kernel == "willing"
    assert explanation.reasons == {"picky": PICKY}


def test_auto_ends_at_the_reference(add: Any, slow: Spy) -> None:
    picky = Spy(PICKY)
    add(picky=picky)
    layer = built(kerasrnn.LSTM(4, name="memory"), 3)
    layer(INPUTS)
    assert (picky.ran, slow.ran) == (0, 1)
    expected = f"memory (lstm, float32, {BACKEND} on cpu): reference\n  not picky: {PICKY}"
    assert str(kerasrnn.explain(layer)) == expected


def test_named_kernel_never_falls_back(add: Any, slow: Spy) -> None:
    picky, willing = Spy(PICKY), Spy(None)
    add(willing=willing, picky=picky)
    layer = built(kerasrnn.GRU(4, implementation="picky"), 3)
    message = f"implementation='picky' cannot run this layer: {PICKY}. Use implementation='auto'"
    with pytest.raises(ValueError, match=message):
        layer(INPUTS)
    with pytest.raises(ValueError, match=message):
        kerasrnn.explain(layer)
    assert (picky.ran, willing.ran, slow.ran) == (0, 0, 0)


def test_named_kernel_runs_before_faster_ones(add: Any, slow: Spy) -> None:
    willing = Spy(None)
    add(willing=willing)
    layer = built(kerasrnn.GRU(4, implementation="reference"), 3)
    layer(INPUTS)
    assert (willing.ran, slow.ran) == (0, 1)
    (explanation,) = kerasrnn.explain(layer)
    assert explanation.kernel == "reference"
    assert explanation.reasons == {"willing": "implementation='reference' was asked for"}


def test_an_error_in_a_kernel_is_not_hidden(add: Any, slow: Spy) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("out of memory")

    add(broken=SimpleNamespace(why_not=lambda _: None, run=broken))
    with pytest.raises(RuntimeError, match="out of memory"):
        built(kerasrnn.GRU(4), 3)(INPUTS)
    assert slow.ran == 0


@pytest.mark.parametrize("names", ["one", " one , ", "one,one"])
def test_environment_takes_kernels_out(
    names: str, add: Any, slow: Spy, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Spy(None)
    add(one=one)
    monkeypatch.setenv("KERASRNN_DISABLE", names)
    layer = built(kerasrnn.RNN(4), 3)
    layer(INPUTS)
    assert (one.ran, slow.ran) == (0, 1)
    assert kerasrnn.explain(layer)[0].reasons == {"one": "disabled by KERASRNN_DISABLE"}
    with pytest.raises(ValueError, match="'one' cannot run this layer: disabled by KERASRNN_DIS"):
        built(kerasrnn.RNN(4, implementation="one"), 3)(INPUTS)


def test_error_lists_every_reason_when_no_kernel_is_left(
    add: Any, slow: Spy, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(one=Spy("too small"), two=Spy("too large"))
    monkeypatch.setenv("KERASRNN_DISABLE", "reference")
    expected = "one: too small; two: too large; reference: disabled by KERASRNN_DISABLE"
    with pytest.raises(ValueError, match=f"No kernel can run this layer. {expected}"):
        built(kerasrnn.RNN(4), 3)(INPUTS)
    assert slow.ran == 0


def test_unknown_names_are_errors(add: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = built(kerasrnn.RNN(4), 3)
    call = layer.describe_call(2, 5, False, False)
    with pytest.raises(ValueError, match=r"'auto' or one of \[.*'reference'.*Got 'fastest'"):
        kernels.choose(call, "fastest")
    monkeypatch.setitem(kernels.KERNELS, "elsewhere", Spy(None))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=f"on the {BACKEND} backend. Got 'elsewhere'"):
        built(kerasrnn.RNN(4, implementation="elsewhere"), 3)(INPUTS)
    monkeypatch.setenv("KERASRNN_DISABLE", "reference,fastest")
    with pytest.raises(ValueError, match=r"unknown kernels \['fastest'\]; there are .*'reference'"):
        layer(INPUTS)


@pytest.mark.parametrize("compiled", [False, True])
def test_kernel_is_asked_about_the_facts_of_the_call(compiled: bool, add: Any) -> None:
    one = Spy(None)
    add(one=one)
    layer = built(
        kerasrnn.LSTM(4, 2, proj_size=2, bidirectional=True, use_bias=False, recurrent_dropout=0.5),
        3,
    )
    facts: dict[str, Any] = {
        "backend": BACKEND,
        "device": "cpu",
        "mode": "lstm",
        "batch": 2,
        "time": 5,
        "input_size": 3,
        "units": 4,
        "proj_size": 2,
        "num_layers": 2,
        "num_directions": 2,
        "use_bias": False,
        "dtype": "float32",
        "masked": False,
        "gradients": True,
        "compiling": False,
        "dropout": False,
        "input_dropout": False,
        "recurrent_dropout": True,
        "return_sequences": False,
        "checkpoint_every": None,
    }
    if compiled:
        model = keras.Sequential([keras.Input((5, 3)), layer])
        model.compile("sgd", "mse")
        model.fit(INPUTS, np.zeros((2, 4)), batch_size=2, verbose=0)
    else:
        layer(INPUTS, training=True)
    assert one.asked[-1] == Call(**facts)
    layer(INPUTS, mask=np.ones((2, 5), bool))
    assert one.asked[-1] == Call(**facts | {"masked": True, "recurrent_dropout": False})


def test_time_major_facts_are_not_swapped(add: Any) -> None:
    one = Spy(None)
    add(one=one)
    built(kerasrnn.GRU(4, batch_first=False, reset_after=False, dtype="float64"), 3)(INPUTS)
    (call,) = one.asked
    assert (call.time, call.batch) == (2, 5)
    assert (call.mode, call.dtype) == ("gru_reset_before", "float64")


def test_explained_kernel_is_the_one_that_runs(add: Any, slow: Spy) -> None:
    class Unmasked(Spy):
        def why_not(self, call: Call) -> str | None:
            return "it knows no mask" if call.masked else None

    unmasked = Unmasked(None)
    add(unmasked=unmasked)
    layer = built(kerasrnn.RNN(4, nonlinearity="relu"), 3)
    (masked,) = kerasrnn.explain(layer, masked=True)
    (plain,) = kerasrnn.explain(layer, batch_size=2, time_steps=5)
    assert (masked.kernel, plain.kernel) == ("reference", "unmasked")
    assert (plain.call.batch, plain.call.time, plain.call.mode) == (2, 5, "rnn_relu")
    layer(INPUTS)
    assert (unmasked.ran, slow.ran) == (1, 0)
    layer(INPUTS, mask=np.ones((2, 5), bool))
    assert (unmasked.ran, slow.ran) == (1, 1)


def test_explain_finds_every_layer_of_a_nested_model(add: Any, slow: Spy) -> None:
    add()
    inner_inputs = keras.Input((None, 8))
    inner = keras.Model(inner_inputs, kerasrnn.RNN(2, name="inner")(inner_inputs))
    inputs = keras.Input((6, 5, 3))
    x = keras.layers.TimeDistributed(kerasrnn.GRU(4, name="slices"))(inputs)
    x = keras.layers.Bidirectional(kerasrnn.LSTM(4, return_sequences=True, name="both"))(x)
    model = keras.Model(inputs, keras.layers.Dense(1)(inner(x)))
    explanations = kerasrnn.explain(model)
    found = {e.layer: (e.call.mode, e.kernel) for e in explanations}
    assert found == {
        "slices": ("gru", "reference"),
        "forward_both": ("lstm", "reference"),
        "backward_both": ("lstm", "reference"),
        "inner": ("rnn_tanh", "reference"),
    }
    assert len(explanations) == len(str(explanations).splitlines()) == 4
    model(np.zeros((2, 6, 5, 3), "float32"))
    assert slow.ran >= 4


def test_explain_says_what_it_cannot_explain() -> None:
    for other in (keras.layers.Dense(3), 3):
        with pytest.raises(ValueError, match="expected an RNN, LSTM or GRU of kerasrnn, or a mod"):
            kerasrnn.explain(other)
    with pytest.raises(ValueError, match=r"mine is not built: call it, or call build\(shape\)"):
        kerasrnn.explain(kerasrnn.GRU(3, name="mine"))
