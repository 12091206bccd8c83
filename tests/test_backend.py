"""The choice of Keras's backend, before Keras is imported."""

import json
import os
import subprocess
import sys
import textwrap
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import pytest

from kerasrnn import backend

INSTALLED = {name for name in ("jax", "torch") if find_spec(name)}
PREFERRED = "jax" if "jax" in INSTALLED else "torch"


@pytest.fixture
def only(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make it look as if only the named backends were installed."""

    def only(*names: str) -> None:
        monkeypatch.setattr(backend, "installed", lambda name: name in names)

    return only


def keras_json(folder: Path, text: str) -> dict[str, str]:
    (folder / "keras.json").write_text(text)
    return {"KERAS_HOME": str(folder)}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python with no backend chosen."""
    inherited = {k: v for k, v in os.environ.items() if k not in ("KERAS_BACKEND", "KERAS_HOME")}
    return subprocess.run(
        [sys.executable, *arguments],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("names", "chosen"),
    [(("jax", "torch"), "jax"), (("torch",), "torch"), (("jax", "tensorflow"), "jax")],
)
def test_jax_is_preferred_then_torch(
    names: tuple[str, ...], chosen: str, only: Any, tmp_path: Path
) -> None:
    only(*names)
    assert backend.choose_backend({"KERAS_HOME": str(tmp_path)}) == chosen
    assert backend.choose_backend({"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": ""}) == chosen


@pytest.mark.parametrize("requested", ["jax", "torch", "tensorflow"])
def test_environment_is_obeyed(requested: str, only: Any, tmp_path: Path) -> None:
    only("jax", "torch", "tensorflow")
    environment = keras_json(tmp_path, '{"backend": "jax"}') | {"KERAS_BACKEND": requested}
    assert backend.choose_backend(environment) == requested


@pytest.mark.parametrize(
    ("configured", "names", "chosen"),
    [
        ("torch", ("jax", "torch"), "torch"),
        ("jax", ("jax", "torch"), "jax"),
        ("tensorflow", ("jax", "torch", "tensorflow"), "tensorflow"),
        ("tensorflow", ("jax", "torch"), "jax"),
        ("jax", ("torch",), "torch"),
    ],
)
def test_keras_json_is_obeyed_where_its_backend_is_installed(
    configured: str, names: tuple[str, ...], chosen: str, only: Any, tmp_path: Path
) -> None:
    only(*names)
    environment = keras_json(tmp_path, json.dumps({"floatx": "float32", "backend": configured}))
    assert backend.choose_backend(environment) == chosen


@pytest.mark.parametrize("text", ["", "{", "{}", '{"floatx": "float32"}'])
def test_keras_json_without_a_backend_is_passed_over(text: str, only: Any, tmp_path: Path) -> None:
    only("jax", "torch")
    assert backend.choose_backend(keras_json(tmp_path, text)) == "jax"


def test_keras_json_is_looked_for_in_the_home_folder(
    only: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only("jax", "torch")
    (tmp_path / ".keras").mkdir()
    keras_json(tmp_path / ".keras", '{"backend": "torch"}')
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert backend.choose_backend({}) == "torch"


@pytest.mark.parametrize(
    ("requested", "remedy"),
    [
        ("torch", r"pip install 'kerasrnn\[torch\]'"),
        ("jax", r"pip install 'kerasrnn\[jax\]'"),
        ("tensorflow", "choose jax or torch"),
    ],
)
def test_missing_requested_backend_is_an_error(requested: str, remedy: str, only: Any) -> None:
    only("jax" if requested == "torch" else "torch")
    message = f"backend '{requested}' was asked for, but it is not installed: {remedy}"
    with pytest.raises(ImportError, match=message):
        backend.choose_backend({"KERAS_BACKEND": requested})


def test_no_backend_at_all_is_an_error(only: Any, tmp_path: Path) -> None:
    only("tensorflow")
    with pytest.raises(ImportError, match=r"kerasrnn\[jax\]' or pip install 'kerasrnn\[torch\]'"):
        backend.choose_backend({"KERAS_HOME": str(tmp_path)})


def test_installed_looks_without_importing() -> None:
    assert backend.installed(keras.backend.backend())
    assert not backend.installed("no_such_backend")
    assert backend.installed("numpy") == ("jax" in INSTALLED)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], None),
        (["sine", "--epochs", "3"], None),
        (["sine", "--backend", "torch"], "torch"),
        (["--backend=jax", "sine"], "jax"),
        (["sine", "--backend"], None),
        (["sine", "--backend="], ""),
        (["sine", "--backends", "torch"], None),
    ],
)
def test_command_line_names_the_backend(arguments: list[str], expected: str | None) -> None:
    assert backend.command_line_backend(arguments) == expected


@pytest.mark.parametrize(
    ("program", "original", "expected"),
    [
        ("/usr/bin/kerasrnn", ["python", "/usr/bin/kerasrnn"], True),
        ("kerasrnn.exe", ["kerasrnn.exe"], True),
        ("-m", ["python", "-m", "kerasrnn", "sine"], True),
        ("-m", ["python", "-W", "error", "-m", "kerasrnn"], True),
        ("-m", ["python", "-m", "another.package", "--backend", "gloo"], False),
        ("/usr/bin/pytest", ["python", "/usr/bin/pytest"], False),
        ("-c", ["python", "-c", "import kerasrnn"], False),
        ("", ["python"], False),
    ],
)
def test_only_the_command_reads_its_arguments(
    program: str, original: list[str], expected: bool
) -> None:
    assert backend.is_command(program, original) == expected


def test_nothing_is_changed_once_keras_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    backend.select_backend()
    assert "KERAS_BACKEND" not in os.environ


def select(monkeypatch: pytest.MonkeyPatch, program: str, *arguments: str) -> str:
    """Run `select_backend` as if Keras were not imported, and return its choice."""
    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.setattr(sys, "argv", [program, *arguments])
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    backend.select_backend()
    return os.environ["KERAS_BACKEND"]


def test_option_of_the_command_wins_over_the_environment(
    only: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    only("jax", "torch")
    assert select(monkeypatch, "/bin/kerasrnn", "sine", "--backend", "torch") == "torch"


def test_option_of_another_program_is_its_own(only: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    only("jax", "torch")
    assert select(monkeypatch, "train.py", "--backend", "torch") == "jax"


def test_command_ends_with_one_line(
    only: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only("jax")
    with pytest.raises(SystemExit) as caught:
        select(monkeypatch, "kerasrnn", "--backend", "torch")
    assert caught.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("kerasrnn: the Keras backend 'torch' was asked for")
    assert captured.err.count("\n") == 1


def test_import_picks_a_backend(tmp_path: Path) -> None:
    done = run(
        "-c", "import kerasrnn, keras; print(keras.config.backend())", KERAS_HOME=str(tmp_path)
    )
    assert done.stdout == f"{PREFERRED}\n", done.stderr


def test_import_obeys_keras_json(tmp_path: Path) -> None:
    wanted = sorted(INSTALLED)[-1]
    environment = keras_json(tmp_path, json.dumps({"backend": wanted}))
    done = run("-c", "import kerasrnn, keras; print(keras.config.backend())", **environment)
    assert done.stdout == f"{wanted}\n", done.stderr


def test_import_after_keras_leaves_its_backend_alone(tmp_path: Path) -> None:
    wanted = sorted(INSTALLED)[-1]
    program = (
        "import os; os.environ['KERAS_BACKEND'] = os.environ['FIRST']; import keras; "
        "os.environ['KERAS_BACKEND'] = 'untouched'; import kerasrnn; "
        "print(keras.config.backend(), os.environ['KERAS_BACKEND'])"
    )
    done = run("-c", program, FIRST=wanted, KERAS_HOME=str(tmp_path))
    assert done.stdout == f"{wanted} untouched\n", done.stderr


def test_import_fails_with_the_remedy_for_a_backend_that_is_missing() -> None:
    done = run("-c", "import kerasrnn", KERAS_BACKEND="no_such_backend")
    assert done.returncode == 1
    assert "ImportError: the Keras backend 'no_such_backend' was asked for" in done.stderr


def test_module_is_the_command(tmp_path: Path) -> None:
    done = run("-m", "kerasrnn", "--backend", "no_such_backend", KERAS_HOME=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("kerasrnn: the Keras backend 'no_such_backend' was asked for")
    assert done.stderr.count("\n") == 1


def test_interrupt_while_the_command_starts_is_told_in_one_line() -> None:
    program = """
        import os, signal, sys, time
        sys.argv = ["kerasrnn", "explain"]
        import kerasrnn.backend  # runs the package, up to where the command itself takes over
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
        """
    done = run("-c", textwrap.dedent(program))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "kerasrnn: interrupted\n")


def test_command_without_arguments_shows_its_help(tmp_path: Path) -> None:
    done = run("-m", "kerasrnn", KERAS_HOME=str(tmp_path))
    assert "Traceback" not in done.stderr
    assert "Usage" in done.stdout + done.stderr
