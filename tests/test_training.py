"""Training: its losses, its end, and checkpoints from which it goes on bit for bit."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasrnn.forecasting import DataError, Forecaster
from kerasrnn.forecasting import training as module
from kerasrnn.forecasting.models import Design, forecast_model
from kerasrnn.forecasting.scaling import Scaling
from kerasrnn.forecasting.training import LOSSES, MemberLoss, Training, default_epochs, train
from kerasrnn.forecasting.windows import Rows, WindowBatches, window_starts
from tests.tables import seasonal_series

LOOK_BACK, HORIZON, EPOCHS = 6, 3, 5
SCALING = Scaling(False, "last", 1, (0.1, 0.2, 0.3), 1.1, 0.9, loss_scale=2.5)
DESIGN = Design(LOOK_BACK, HORIZON, SCALING, model="rnn", units=3)
TRAINING = Training(EPOCHS, learning_rate=0.05, patience=99, loss="mse")


def noise(seed: int = 0) -> Rows:
    values = np.random.default_rng(seed).normal(size=50).astype("float32")
    nothing = np.zeros((50, 0), "float32")
    return Rows(values, nothing, nothing, nothing[:1], np.array([0, 50]), np.arange(50))


def batches_of(
    model: keras.Model, rows: Rows, part: slice, seed: int | None, batch_size: int = 8
) -> WindowBatches:
    starts = window_starts(rows.offsets, LOOK_BACK + HORIZON)[part]
    names = [tensor.name for tensor in model.inputs]
    return WindowBatches(rows, starts, LOOK_BACK, HORIZON, batch_size, names, seed=seed)


def trained(
    training: Training = TRAINING,
    design: Design = DESIGN,
    *,
    held_out: slice | None = slice(32, None),
    rows: Rows | None = None,
    part: slice = slice(30),
    seed: int = 5,
    batch_size: int = 8,
) -> tuple[keras.Model, dict[str, list[float]]]:
    """Train a network on noise, from the same first weights each time."""
    keras.utils.set_random_seed(1)
    model = forecast_model(design)
    rows = rows or noise()
    batches = batches_of(model, rows, part, seed, batch_size)
    validation = None if held_out is None else batches_of(model, rows, held_out, None)
    return model, train(model, design, batches, validation, training)


def weights(model: keras.Model) -> bytes:
    return b"".join(np.asarray(weight).tobytes() for weight in model.get_weights())


RUNS: dict[str, dict[str, Any]] = {
    "gru": {"design": replace(DESIGN, model="gru")},
    "stopping": {"training": replace(TRAINING, patience=2, epochs=30)},
    "lstm of two layers": {"design": replace(DESIGN, model="lstm", num_layers=2, dropout=0.4)},
    "two members": {"design": replace(DESIGN, num_members=2, dropout=0.4), "held_out": None},
}


@cache
def whole_run(name: str) -> tuple[bytes, dict[str, list[float]]]:
    """Train without an interrupt, once a process."""
    model, losses = trained(**RUNS[name])
    return weights(model), losses


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Break off in the middle of a pass; of none where its number is -1."""
    get, begin = WindowBatches.__getitem__, module.Reseeding.on_epoch_begin
    current = -1

    def counted(self: module.Reseeding, epoch: int, logs: Any = None) -> None:
        nonlocal current
        current = epoch
        begin(self, epoch, logs)

    def arm(number: int) -> None:
        def interrupted(self: WindowBatches, index: int) -> Any:
            if self.seed is not None and (current, index) == (number, 2):
                raise KeyboardInterrupt
            return get(self, index)

        monkeypatch.setattr(WindowBatches, "__getitem__", interrupted)

    monkeypatch.setattr(module.Reseeding, "on_epoch_begin", counted)
    return arm


def with_checkpoint(name: str, folder: Path, **changes: Any) -> dict[str, Any]:
    training = RUNS[name].get("training", TRAINING)
    return RUNS[name] | {"training": replace(training, checkpoint=folder, **changes)}


@pytest.mark.parametrize(
    ("name", "numbers"),
    [("gru", (0, 3)), ("stopping", (2,)), ("lstm of two layers", (1, 3)), ("two members", (1,))],
)
def test_interrupted_training_goes_on_bit_for_bit(
    tmp_path: Path,
    name: str,
    numbers: tuple[int, ...],
    interrupt: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = with_checkpoint(name, tmp_path / "folder")
    for number in numbers:
        interrupt(number)
        with pytest.raises(KeyboardInterrupt):
            trained(**run)
    interrupt(-1)
    model, losses = trained(**run)
    assert (weights(model), losses) == whole_run(name)
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["training.npz"]
    monkeypatch.setattr(keras.Model, "fit", None)  # nothing is left to do
    model, losses = trained(**run)
    assert (weights(model), losses) == whole_run(name)


def test_training_stopped_by_its_time_goes_on_bit_for_bit(tmp_path: Path) -> None:
    for count in (1, 2):
        model, losses = trained(**with_checkpoint("two members", tmp_path, max_time=1e-9))
        assert len(losses["loss"]) == count
    model, losses = trained(**with_checkpoint("two members", tmp_path, max_time=1e6))
    assert (weights(model), losses) == whole_run("two members")


def test_what_an_interrupted_write_left_does_no_harm(tmp_path: Path) -> None:
    partial = tmp_path / "training.partial"
    partial.write_bytes(b"half a file")
    model, losses = trained(**with_checkpoint("two members", tmp_path))
    assert (weights(model), losses) == whole_run("two members")


def test_failed_write_leaves_the_old_checkpoint_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = with_checkpoint("two members", tmp_path, max_time=1e-9)
    trained(**run)
    before = (tmp_path / "training.npz").read_bytes()

    def fail(file: Any, **arrays: Any) -> None:
        file.write(b"half a fi")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(OSError, match="disk full"):
        trained(**run)
    assert (tmp_path / "training.npz").read_bytes() == before


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep a training that has only begun."""
    folder = tmp_path_factory.mktemp("checkpoint")
    trained(replace(TRAINING, checkpoint=folder, max_time=1e-9))
    return folder


OTHERS: dict[str, dict[str, Any]] = {
    "epochs": {"training": replace(TRAINING, epochs=6)},
    "learning rate": {"training": replace(TRAINING, learning_rate=0.04)},
    "patience": {"training": replace(TRAINING, patience=98)},
    "loss": {"training": replace(TRAINING, loss="mae")},
    "units": {"design": replace(DESIGN, units=4)},
    "dropout": {"design": replace(DESIGN, dropout=0.3)},
    "scaling": {"design": replace(DESIGN, scaling=replace(SCALING, loss_scale=2.6))},
    "seed": {"seed": 6},
    "batch size": {"batch_size": 7},
    "values": {"rows": noise(1)},
    "windows": {"part": slice(29)},
    "validation": {"held_out": slice(33, None)},
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_checkpoint_of_another_run_is_refused(checkpoint: Path, other: dict[str, Any]) -> None:
    training = replace(other.get("training", TRAINING), checkpoint=checkpoint)
    with pytest.raises(DataError, match=r"^.*training\.npz is the checkpoint of other data, .*$"):
        trained(**other | {"training": training})


def test_checkpoint_does_not_depend_on_what_is_shown_or_how_long_it_may_take(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = replace(TRAINING, checkpoint=checkpoint, max_time=3.0, title="other", quiet=False)
    monkeypatch.setattr(keras.Model, "fit", lambda *_, **__: pytest.fail("began"))
    with pytest.raises(pytest.fail.Exception, match="began"):
        trained(training)


def test_checkpoint_of_another_precision_is_refused(checkpoint: Path) -> None:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        with pytest.raises(DataError, match="is the checkpoint of other data"):
            trained(replace(TRAINING, checkpoint=checkpoint))
    finally:
        keras.config.set_dtype_policy(before)


def test_checkpoint_in_a_file_is_refused_before_training(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("kept")
    with pytest.raises(DataError, match=r"^checkpoint .*/file is a file; name a directory$"):
        trained(replace(TRAINING, checkpoint=path))
    assert path.read_text() == "kept"


@pytest.mark.parametrize("damage", ["empty", "other", "cut", "flipped"])
def test_damaged_checkpoint_is_refused_and_left_alone(
    tmp_path: Path, checkpoint: Path, damage: str
) -> None:
    content = (checkpoint / "training.npz").read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 255
    path = tmp_path / "training.npz"
    path.write_bytes(
        {
            "empty": b"",
            "other": b"no checkpoint",
            "cut": content[: len(content) // 2],
            "flipped": bytes(flipped),
        }[damage]
    )
    before = path.read_bytes()
    with pytest.raises(DataError, match=r"^.*training\.npz is not a whole checkpoint .*$"):
        trained(replace(TRAINING, checkpoint=tmp_path))
    assert path.read_bytes() == before


def test_checkpoint_of_a_forecaster_holds_its_calibration_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments: dict[str, Any] = {"horizon": 3, "look_back": 6, "model": "rnn", "units": 3}
    arguments |= {"epochs": 2, "checkpoint": str(tmp_path)}
    first = Forecaster(**arguments).fit(seasonal_series(40))
    assert first.widths_.shape == (3, 1)
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.npz")}
    assert files == {"training.npz", "calibration/training.npz"}
    monkeypatch.setattr(keras.Model, "fit", None)  # nothing is left to do
    again = Forecaster(**arguments).fit(seasonal_series(40))
    assert again.predict().equals(first.predict())


def test_every_pass_is_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[int, list[int]] = {}
    original = WindowBatches.__getitem__

    def get(self: WindowBatches, index: int) -> Any:
        if self.seed is not None:
            drawn.setdefault(self.number, []).append(index)
        return original(self, index)

    monkeypatch.setattr(WindowBatches, "__getitem__", get)
    trained(replace(TRAINING, epochs=3), held_out=None)
    whole = [number for number, indices in drawn.items() if indices[-3:] == [0, 1, 2]]
    assert whole == list(range(whole[0], whole[0] + 3))


def test_other_seed_other_weights() -> None:
    model, _ = trained(**RUNS["two members"], seed=6)
    assert weights(model) != whole_run("two members")[0]


def test_training_ends_with_its_best_weights() -> None:
    model, losses = trained(**RUNS["stopping"])
    history = losses["val_loss"]
    best = int(np.argmin(history))
    assert len(history) == len(losses["loss"]) == best + 1 + 2 < 30
    batches = batches_of(model, noise(), slice(32, None), None)
    pairs = [batches[i] for i in range(batches.num_batches)]
    errors = [model.predict_on_batch(inputs) - targets for inputs, targets in pairs]
    loss = np.mean(np.concatenate(errors) ** 2) / SCALING.loss_scale
    assert loss == pytest.approx(history[best], rel=1e-5)


def loss_by_hand(name: str, error: float, quantile: float | None) -> float:
    if quantile is not None:
        return quantile * error if error > 0 else (quantile - 1) * error
    if name == "huber":
        return error**2 / 2 if abs(error) < 1 else abs(error) - 0.5
    return error**2 if name == "mse" else abs(error)


@settings(max_examples=15)
@pytest.mark.parametrize("quantiles", [(), (0.1, 0.5, 0.9)], ids=["point", "quantiles"])
@pytest.mark.parametrize("num_members", [1, 2])
@pytest.mark.parametrize("name", LOSSES)
@given(seed=st.integers(0, 2**32 - 1), horizon=st.integers(1, 3))
def test_loss_is_the_formula(
    name: str, num_members: int, quantiles: tuple[float, ...], seed: int, horizon: int
) -> None:
    design = replace(DESIGN, num_members=num_members, quantiles=quantiles)
    rng = np.random.default_rng(seed)
    shape = (4, *[num_members] * (num_members > 1), horizon, *[len(quantiles)] * bool(quantiles))
    target = rng.normal(0, 3, (4, horizon)).astype("float32")
    forecast = rng.normal(0, 3, shape).astype("float32")
    losses = []
    for place in np.ndindex(shape):
        step = place[-2] if quantiles else place[-1]
        error = (target[place[0], step] - forecast[place]) / np.sqrt(SCALING.loss_scale)
        quantile = quantiles[place[-1]] if quantiles else None
        losses.append(loss_by_hand(name, float(error), quantile))
    tensors = map(keras.ops.convert_to_tensor, (target, forecast))
    loss = float(keras.ops.convert_to_numpy(MemberLoss(name, design)(*tensors)))
    assert loss == pytest.approx(num_members * np.mean(losses), rel=1e-5)


@pytest.mark.parametrize("quantiles", [(), (0.1, 0.5, 0.9)], ids=["point", "quantiles"])
@pytest.mark.parametrize("num_members", [1, 2])
@pytest.mark.parametrize("horizon", [1, 3])
def test_loss_reaches_keras_as_it_is(
    rng: np.random.Generator, horizon: int, num_members: int, quantiles: tuple[float, ...]
) -> None:
    """Keras takes away an axis of one step where shapes differ."""
    scaling = replace(SCALING, growth=SCALING.growth[:horizon])
    design = replace(
        DESIGN, horizon=horizon, scaling=scaling, num_members=num_members, quantiles=quantiles
    )
    model = forecast_model(design)
    loss = MemberLoss("mse", design)
    model.compile("sgd", loss)
    window, target = rng.normal(size=(4, LOOK_BACK)), rng.normal(size=(4, horizon))
    forecast = keras.ops.stop_gradient(model({"window": window.astype("float32")}))
    target = keras.ops.convert_to_tensor(target.astype("float32"))
    through_keras = model.compute_loss(y=target, y_pred=forecast)
    assert float(through_keras) == pytest.approx(float(loss(target, forecast)), rel=1e-6)


def test_member_is_trained_as_it_would_be_alone(rng: np.random.Generator) -> None:
    both = forecast_model(replace(DESIGN, num_members=2, dropout=0.0))
    alone = forecast_model(replace(DESIGN, dropout=0.0))
    for variable in both.trainable_variables:
        variable.assign(rng.normal(0, 0.5, variable.shape))
    names = {f"member_1_{layer.name}": layer for layer in alone.layers if layer.weights}
    for name, layer in names.items():
        layer.set_weights(both.get_layer(name).get_weights())
    window, target = rng.normal(size=(4, LOOK_BACK)), rng.normal(size=(4, HORIZON))
    for model in (both, alone):
        design = replace(DESIGN, num_members=2 if model is both else 1)
        model.compile(keras.optimizers.SGD(0.1), MemberLoss("mse", design))
        before = model.get_weights()
        model.train_on_batch({"window": window.astype("float32")}, target.astype("float32"))
        changes = [np.abs(a - b).max() for a, b in zip(before, model.get_weights(), strict=True)]
        assert min(changes) > 1e-4
    for name, layer in names.items():
        for ours, theirs in zip(both.get_layer(name).weights, layer.weights, strict=True):
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-7)


def test_losses_are_those_of_a_member_on_average() -> None:
    """A network that starts at its base forecast: members agree, and the loss is near 1."""
    training = replace(TRAINING, epochs=1, learning_rate=1e-9)
    one, two = (trained(training, replace(DESIGN, num_members=n), held_out=None)[1] for n in (1, 2))
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-4)


@pytest.mark.parametrize(
    ("steps", "passes"), [(1, 400), (4, 100), (40, 10), (100, 10), (150, 10), (200, 8), (2000, 1)]
)
def test_default_epochs(steps: int, passes: int) -> None:
    assert default_epochs(steps) == passes


def test_dropout_depends_on_seed_and_pass_alone() -> None:
    drawn = []
    for seed, number in ((0, 0), (0, 1), (1, 0), (0, 0)):
        module.Reseeding(seed).on_epoch_begin(number)
        drawn.append(float(keras.random.uniform(())))
    assert drawn[0] == drawn[3]
    assert len(set(drawn)) == 3
