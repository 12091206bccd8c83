"""kerasrnn sine and kerasrnn explain, and the choice of the backend."""

import json
import subprocess
import sys
import textwrap
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from kerasrnn.cli import way_on
from kerasrnn.forecasting.sine import curve
from tests.commands import Result, complaint, kerasrnn, names, python_m_kerasrnn

BACKEND = keras.backend.backend()
OTHER = {"jax": "torch", "torch": "jax"}[BACKEND]
SINE_FILES = ["metrics.json", "model.keras", "sine.png"]


def metrics_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "metrics.json").read_text())


@pytest.mark.parametrize("recipe", ["classic", "improved"])
def test_sine_draws_three_curves(tmp_path: Path, recipe: str) -> None:
    out = tmp_path / "out"
    result = kerasrnn("sine", "--recipe", recipe, "--iterations", 100, "--output", out)
    assert (result.status, result.err) == (0, "")
    assert names(out) == SINE_FILES
    metrics = metrics_of(out)
    assert list(metrics["generated_rmse"]) == ["start_0", "start_1", "start_2"]
    assert (metrics["recipe"], metrics["iterations"], metrics["seed"]) == (recipe, 100, 0)
    assert result.out.startswith("iteration   100  loss 0.")
    for start, error in enumerate(metrics["generated_rmse"].values()):
        line = f"generated from {np.sin(start):.4f}: RMSE {error:.4f} over 49 points"
        assert line in result.out.splitlines()
    assert all(str(out / name) in result.out for name in SINE_FILES)


def test_saved_sine_model_goes_on_from_its_state(tmp_path: Path) -> None:
    """The first generated point comes from the saved weights and the state carried over."""
    kerasrnn("sine", "--iterations", 100, "--output", tmp_path, "--quiet")
    model = keras.saving.load_model(tmp_path / "model.keras")
    values = [model.predict_on_batch(np.full((1, 1, 1), curve(0)[0], "float32"))]
    for _ in range(48):
        values.append(model.predict_on_batch(values[-1]))
    error = np.sqrt(np.mean((np.ravel(values) - curve(0)[1:]) ** 2))
    assert metrics_of(tmp_path)["generated_rmse"]["start_0"] == pytest.approx(error, rel=1e-4)


def test_sine_options_reach_the_run(tmp_path: Path) -> None:
    def errors(*options: Any) -> tuple[float, ...]:
        arguments = ["--iterations", 100, *options, "--output", tmp_path, "--quiet"]
        assert kerasrnn("sine", *arguments) == Result(0, "", "")
        return tuple(metrics_of(tmp_path)["generated_rmse"].values())

    plain = errors()
    assert errors() == plain
    assert len({plain, errors("--seed", 1), errors("--init", "small"), errors("--clip", 0.01)}) == 4
    assert (metrics_of(tmp_path)["init"], metrics_of(tmp_path)["clip"]) == ("default", 0.01)


def test_sine_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    def errors(iterations: int, *options: Any) -> dict[str, float]:
        arguments = ["--iterations", iterations, *options, "--output", tmp_path / "out"]
        assert kerasrnn("sine", *arguments).status == 0
        return metrics_of(tmp_path / "out")["generated_rmse"]

    whole = errors(200)
    half = errors(100, "--checkpoint", tmp_path / "a" / "sine.keras")
    assert half != whole == errors(200, "--checkpoint", tmp_path / "a" / "sine.keras")
    assert names(tmp_path / "a") == ["sine.keras"]


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--iterations", 150], "--iterations must be a multiple of 100. Got 150."),
        (["--clip", 0], "--clip must be above 0. Got 0."),
        (["--checkpoint", "sine.h5"], "--checkpoint sine.h5: the name must end in .keras"),
    ],
)
def test_sine_refuses_bad_options_in_one_line(
    tmp_path: Path, options: list[Any], part: str
) -> None:
    assert part in complaint(kerasrnn("sine", *options, "--output", tmp_path / "out"))
    assert names(tmp_path) == []


def test_sine_refuses_the_checkpoint_of_another_run(tmp_path: Path) -> None:
    path = tmp_path / "sine.keras"
    kerasrnn("sine", "--iterations", 100, "--checkpoint", path, "--output", tmp_path / "out")
    line = complaint(
        kerasrnn("sine", "--seed", 1, "--checkpoint", path, "--output", tmp_path / "2")
    )
    assert "holds sine_classic_default_seed_0, this run is sine_classic_default_seed_1" in line
    assert names(tmp_path) == ["out", "sine.keras"]


def test_explain_says_what_runs_each_kind_of_layer() -> None:
    result = kerasrnn("explain", "--batch-size", 4, "--time-steps", 12)
    assert (result.status, result.err) == (0, "")
    heads = [line.split(")")[0] for line in result.out.splitlines() if not line.startswith("  not")]
    kinds = {"RNN": "rnn_tanh", "LSTM": "lstm", "GRU": "gru"}
    assert heads == [f"{name} ({mode}, float32, {BACKEND} on cpu" for name, mode in kinds.items()]


def test_explain_reads_a_saved_model(tmp_path: Path) -> None:
    arguments = ["--look-back", 4, "--horizon", 2, "--model", "lstm", "--epochs", 1]
    kerasrnn("forecast", *arguments, "--output", tmp_path, "--quiet")
    for path in ("forecaster", "forecaster/model.keras"):
        result = kerasrnn("explain", tmp_path / path)
        assert result.out.startswith(f"lstm (lstm, float32, {BACKEND} on cpu): ")
        assert (result.status, result.err) == (0, "")


def test_explain_refuses_what_is_no_model_of_ours(tmp_path: Path) -> None:
    assert "is no file; name a .keras file" in complaint(kerasrnn("explain", tmp_path / "no"))
    (tmp_path / "text.keras").write_text("no model")
    assert "text.keras" in complaint(kerasrnn("explain", tmp_path / "text.keras"))
    inputs = keras.Input((3,))
    plain = keras.Model(inputs, keras.layers.Dense(2)(inputs), name="plain")
    plain.save(tmp_path / "plain.keras")
    line = complaint(kerasrnn("explain", tmp_path / "plain.keras"))
    assert "expected an RNN, LSTM or GRU of kerasrnn, or a model of some. Got <" in line


def test_explain_says_why_a_model_cannot_be_loaded(tmp_path: Path) -> None:
    class Own(keras.layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs

    inputs = keras.Input((3,))
    keras.Model(inputs, Own()(inputs)).save(tmp_path / "own.keras")
    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as archive:
        archive.writestr("a", "b")
    for name in ("own.keras", "empty.keras"):
        line = complaint(kerasrnn("explain", tmp_path / name))
        assert f"{name} cannot be loaded (" in line
        assert "in Python, by kerasrnn.explain(model)" in line


def test_explain_names_what_was_meant(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("y\n1\n")
    assert "table.csv is no .keras file" in complaint(kerasrnn("explain", tmp_path / "table.csv"))
    (tmp_path / "out" / "forecaster").mkdir(parents=True)
    (tmp_path / "out" / "forecaster" / "model.keras").write_text("")
    line = complaint(kerasrnn("explain", tmp_path / "out"))
    assert "out holds no model.keras" in line
    assert line.endswith(f"did you mean {tmp_path / 'out' / 'forecaster'}?")


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["forecast", "--recipe=classic"], ""),
        (["forecast", "--recipe", "classic"], ""),
        (["forecast", "--target", "classic"], "; with --checkpoint the same command would go on"),
        (["tune", "--study=s.db"], "; the same command goes on from there"),
        (["explain"], ""),
    ],
)
def test_an_interrupted_command_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], hint: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["kerasrnn", *arguments])
    assert way_on().startswith(hint)
    assert bool(way_on()) == bool(hint)


def test_interrupt_ends_the_process_at_once() -> None:
    program = """
        import atexit, os, signal
        import kerasrnn.cli
        def forecast():
            os.kill(os.getpid(), signal.SIGINT)
        atexit.register(print, "the interpreter's own way out")
        kerasrnn.cli.app.registered_commands[0].callback = forecast
        kerasrnn.cli.run()
        """
    command = [sys.executable, "-c", textwrap.dedent(program), "forecast"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.startswith("kerasrnn: interrupted; with --checkpoint")


COMMANDS = ["backtest", "bench", "explain", "forecast", "predict", "sine", "tune"]


@pytest.mark.parametrize("command", COMMANDS)
def test_another_backend_than_the_running_one_is_refused(tmp_path: Path, command: str) -> None:
    arguments = {"explain": [], "predict": ["saved", "--output", tmp_path / "out"]}
    output = arguments.get(command, ["--output", tmp_path / "out"])
    line = complaint(kerasrnn(command, "--backend", OTHER, *output))
    assert f"Keras already runs on {BACKEND}; set KERAS_BACKEND={OTHER}" in line
    assert names(tmp_path) == []


def test_unknown_kernels_to_leave_out_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERASRNN_DISABLE", "native_jax")
    line = complaint(kerasrnn("forecast", "--output", tmp_path / "out"))
    assert line.startswith("kerasrnn: KERASRNN_DISABLE names unknown kernels ['native_jax']")


def test_the_running_backend_is_accepted() -> None:
    assert kerasrnn("explain", "--backend", BACKEND).status == 0


@pytest.mark.parametrize(
    ("environment", "option"),
    [(None, ["--backend", BACKEND]), ("mxnet", [f"--backend={BACKEND}"])],
)
def test_backend_is_chosen_before_keras_starts(environment: str | None, option: list[str]) -> None:
    result = python_m_kerasrnn("explain", *option, backend=environment)
    assert (result.status, result.err) == (0, "")
    assert f"GRU (gru, float32, {BACKEND} on cpu): " in result.out


@pytest.mark.parametrize(("environment", "option"), [("mxnet", []), (None, ["--backend", "mxnet"])])
def test_backend_that_is_not_installed_is_refused(
    environment: str | None, option: list[str]
) -> None:
    line = complaint(python_m_kerasrnn("explain", *option, backend=environment))
    assert "the Keras backend 'mxnet' was asked for, but it is not installed" in line


def test_backend_without_kernels_is_refused() -> None:
    result = python_m_kerasrnn("sine", "--backend", "numpy", backend=None)
    assert (result.status, result.out) == (2, "")
    # Keras's own backend of that name needs JAX, without which it counts as not installed.
    assert "'numpy' is not one of" in result.err or "'numpy' was asked for" in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("command", ["gradients", "explain"])
def test_backend_that_cannot_train_is_refused(tmp_path: Path, command: str) -> None:
    output = [] if command == "explain" else ["--output", tmp_path / "out"]
    line = complaint(python_m_kerasrnn(command, *output, backend="numpy"))
    if find_spec("jax"):
        assert "runs on jax and torch, and Keras was started on numpy" in line
    else:
        assert "'numpy' was asked for, but it is not installed" in line
    assert names(tmp_path) == []


def test_bad_input_shows_no_traceback_in_a_process_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("month,y\n2000-01,1\n\n2000-02,x\n")
    arguments = ["forecast", path, "--output", tmp_path / "out"]
    line = complaint(python_m_kerasrnn(*arguments, backend=BACKEND))
    assert line.startswith(f"kerasrnn: {path}, line 4, column 'y': expected a number, got 'x'")
    assert names(tmp_path) == ["table.csv"]


def test_forecast_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    arguments = ["--look-back", 4, "--horizon", 2, "--model", "rnn", "--epochs", 1]
    result = python_m_kerasrnn(
        "forecast", *arguments, "--backend", BACKEND, "--output", tmp_path / "out", backend=None
    )
    assert result.status == 0, result
    assert metrics_of(tmp_path / "out")["backend"] == BACKEND
    assert "Traceback" not in result.err


def test_help_names_every_command() -> None:
    result = kerasrnn("--help")
    assert (result.status, result.err) == (0, "")
    assert all(f"\n  {command} " in result.out for command in COMMANDS)
