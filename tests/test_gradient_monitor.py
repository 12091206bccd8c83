"""The callback that watches gradients through time."""

import csv
import struct
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest

import kerasrnn
from kerasrnn.diagnostics import GradientMonitor, gradient_flow
from tests.running import to_numpy

TIME = 12


def model_of(scale: float, **options: object) -> keras.Model:
    """Return a model whose hidden state is multiplied at every step."""
    layer = kerasrnn.RNN(3, nonlinearity="relu", name="rnn", trainable=False, **options)
    model = keras.Sequential([keras.Input((TIME, 2)), layer, keras.layers.Dense(1)])
    for cell in layer.cells:
        cell.kernel.assign(np.zeros(cell.kernel.shape))
        cell.recurrent_kernel.assign(scale * np.eye(3))
        cell.bias.assign(np.full((2, 3), 0.1))
    model.compile("sgd", "mse")
    return model


def fit(model: keras.Model, monitor: GradientMonitor, epochs: int = 3) -> None:
    x, y = np.ones((4, TIME, 2), "float32"), np.ones((4, 1), "float32")
    model.fit(x, y, epochs=epochs, verbose=0, callbacks=[monitor])


DATA = (np.ones((2, TIME, 2), "float32"), np.ones((2, 1), "float32"))


@pytest.mark.parametrize(
    ("scale", "told"),
    [
        (0.2, "gradients vanish in rnn: .* 2.0e-08 times as large; start from recurrent_i"),
        (
            9.0,
            'gradients explode in rnn: .* clipnorm=1.0 .* start from recurrent_initializer="orth',
        ),
    ],
)
def test_what_is_lost_is_told_once(scale: float, told: str) -> None:
    monitor = GradientMonitor(*DATA, exploding=1e6)
    with pytest.warns(UserWarning, match=told) as caught:
        fit(model_of(scale), monitor)
    assert sum(one.category is UserWarning for one in caught) == 1
    assert monitor.epochs == [0, 1, 2]


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        (kerasrnn.RNN, "use an LSTM or a GRU"),
        (kerasrnn.LSTM, "unit_forget_bias=True"),
        (kerasrnn.GRU, "training may open its update gate"),
        (type("Custom", (kerasrnn.GRU,), {}), "training may open its update gate"),
    ],
)
def test_every_kind_has_its_own_remedy(kind: type, remedy: str) -> None:
    model = keras.Sequential([keras.Input((TIME, 2)), kind(3)])
    model.compile("sgd", "mse")
    x = np.ones((4, TIME, 2), "float32")
    monitor = GradientMonitor(x, vanishing=1.0)
    with pytest.warns(UserWarning, match=f"gradients vanish in .*{remedy}"):
        model.fit(x, np.ones((4, 3), "float32"), verbose=0, callbacks=[monitor])


def test_an_lstm_that_remembers_in_its_cell_is_no_news() -> None:
    layer = kerasrnn.LSTM(3, name="lstm", trainable=False)
    model = keras.Sequential([keras.Input((TIME, 2)), layer, keras.layers.Dense(1)])
    (cell,) = layer.cells
    cell.recurrent_kernel.assign(np.zeros(cell.recurrent_kernel.shape))
    bias = np.zeros(cell.bias.shape)
    bias[0, 3:6] = 8  # the forget gate is open
    cell.bias.assign(bias)
    model.compile("sgd", "mse")
    monitor = GradientMonitor(*DATA)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        fit(model, monitor)
    assert monitor.flows[0].hidden[0, -1] == 0
    assert monitor.flows[0].cell[0, -1] > 0.9


def test_what_cannot_be_measured_is_told_before_training() -> None:
    layer, given = kerasrnn.GRU(3, name="gru"), keras.Input((TIME, 2))
    model = keras.Model(given, keras.layers.Dense(1)(layer(given) + layer(given[:, 1:])))
    model.compile("sgd", "mse")
    before = model.get_weights()
    with pytest.raises(ValueError, match="gru is called more than once"):
        fit(model, GradientMonitor(*DATA))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_training_of_a_stateful_model_goes_on_as_if_unwatched() -> None:
    layer = kerasrnn.GRU(3, stateful=True)
    model = keras.Sequential([keras.Input(batch_shape=(2, TIME, 2)), layer, keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    start, ends = model.get_weights(), []
    for callbacks in ([], [GradientMonitor(*DATA)]):
        model.set_weights(start)
        layer.reset_state()
        model.fit(*DATA, epochs=3, verbose=0, callbacks=callbacks)
        ends.append([*model.get_weights(), *(to_numpy(state) for state in layer.states)])
    for alone, watched in zip(*ends, strict=True):
        np.testing.assert_array_equal(alone, watched)


def test_wrong_inputs_are_told_before_training() -> None:
    model = keras.Sequential([keras.Input((None, 2)), kerasrnn.GRU(3), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"features|incompatible"):
        fit(model, GradientMonitor(DATA[0][:, :, :1], DATA[1]))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_a_second_training_starts_anew(tmp_path: Path) -> None:
    model, monitor = model_of(0.9), GradientMonitor(*DATA, path=tmp_path / "flow.csv")
    fit(model, monitor, epochs=2)
    fit(model, monitor, epochs=1)
    assert monitor.epochs == [0]
    with (tmp_path / "flow.csv").open() as file:
        assert len(list(csv.DictReader(file))) == TIME


def test_a_healthy_flow_is_no_news() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        fit(model_of(1.0, bidirectional=True), GradientMonitor(*DATA))


def test_measures_are_those_of_the_model_as_it_is_then(tmp_path: Path) -> None:
    model = model_of(0.9)
    monitor = GradientMonitor(*DATA, every=2, path=tmp_path / "flow.csv")
    fit(model, monitor)
    assert monitor.epochs == [0, 2]
    last = gradient_flow(model, *DATA)
    np.testing.assert_allclose(monitor.flows[-1].gradients, last.gradients, rtol=1e-5)
    assert monitor.flows[-1].loss < monitor.flows[0].loss
    with (tmp_path / "flow.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * TIME
    assert [row["epoch"] for row in rows[::TIME]] == ["0", "2"]
    assert [float(row["gradient"]) for row in rows[TIME:]] == monitor.flows[1].gradients[0].tolist()
    assert {row["cell"] for row in rows} == {""}


ENDS = ("dL_dh_1", "dL_dh_T", "dh_T_dh_1")


def scalars(folder: Path) -> dict[tuple[str, int], float]:
    """Return what an event file holds: tag and step, and the number."""
    from tensorboardX.proto.event_pb2 import Event

    (file,) = folder.iterdir()
    content, found = file.read_bytes(), {}
    while content:  # each record: its length, a checksum, itself, another checksum
        (size,) = struct.unpack("<Q", content[:8])
        event = Event.FromString(content[12 : 12 + size])
        for value in event.summary.value:
            found[value.tag, event.step] = value.simple_value
        content = content[16 + size :]
    return found


def test_tensorboard_gets_both_ends_of_every_cell(tmp_path: Path) -> None:
    monitor = GradientMonitor(*DATA, log_dir=tmp_path / "logs")
    fit(model_of(0.9, bidirectional=True), monitor, epochs=2)
    found = scalars(tmp_path / "logs")
    names = ("rnn", "rnn/reverse")
    tags = {f"{name}/{end}" for name in names for end in ENDS}
    assert set(found) == {(tag, epoch) for tag in tags for epoch in (0, 1)}
    for epoch, flow in enumerate(monitor.flows):
        assert found["rnn/dh_T_dh_1", epoch] == pytest.approx(flow.hidden[0, -1])
        assert found["rnn/dL_dh_1", epoch] == pytest.approx(flow.gradients[0, 0])
        assert found["rnn/reverse/dh_T_dh_1", epoch] == pytest.approx(flow.hidden[1, 0])
        assert found["rnn/reverse/dL_dh_1", epoch] == pytest.approx(flow.gradients[1, -1])
        assert found["rnn/dh_T_dh_1", epoch] == pytest.approx(0.9 ** (TIME - 1), rel=1e-5)


def test_tensorboard_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kerasrnn.diagnostics.monitor.find_spec", lambda _: None)
    with pytest.raises(ImportError, match=r'pip install "kerasrnn\[tensorboard\]"'):
        GradientMonitor(*DATA, log_dir="logs")


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match=r"every must be a number of epochs, at least 1. Got 1.5"):
        GradientMonitor(*DATA, every=1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"every must be a number of epochs, at least 1. Got 0"):
        GradientMonitor(*DATA, every=0)
    with pytest.raises(ValueError, match=r"at least one, of at least one step. Got \(0, 12, 2\)"):
        GradientMonitor(DATA[0][:0], DATA[1][:0])
    with pytest.raises(ValueError, match=r"path: there is no folder nowhere. Make it first"):
        GradientMonitor(*DATA, path="nowhere/flow.csv")
    with pytest.raises(ValueError, match="vanishing must be below exploding"):
        GradientMonitor(*DATA, vanishing=2, exploding=1)
