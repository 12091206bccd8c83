"""Pick Keras's backend, before Keras is imported.

Keras falls back on TensorFlow when nobody has chosen a backend, and fails where
TensorFlow is missing. kerasrnn runs on JAX and torch, so it looks for those.
"""

import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

INTERRUPTED = 130
PREFERENCE = ("jax", "torch")


def choose_backend(environment: Mapping[str, str]) -> str:
    """Return the name of the backend that Keras should run on.

    A choice made in `KERAS_BACKEND` is obeyed; the one in Keras's configuration
    file is obeyed where that backend is installed; else JAX, else torch.

    Raises:
        ImportError: `KERAS_BACKEND` names a backend that is not installed, or
            none is.
    """
    requested = environment.get("KERAS_BACKEND")
    if requested:
        if not installed(requested):
            remedy = (
                f"pip install 'kerasrnn[{requested}]'"
                if requested in PREFERENCE
                else f"choose {' or '.join(PREFERENCE)}"
            )
            raise ImportError(
                f"the Keras backend {requested!r} was asked for, but it is not installed: {remedy}"
            )
        return requested
    for name in (configured_backend(environment), *PREFERENCE):
        if name and installed(name):
            return name
    raise ImportError(
        "kerasrnn found no Keras backend: pip install 'kerasrnn[jax]' or pip install "
        "'kerasrnn[torch]'"
    )


def installed(backend: str) -> bool:
    """Say whether a backend can be imported, without importing it."""
    # Keras's NumPy backend needs JAX to trace shapes.
    modules = {"numpy": "jax"}
    return find_spec(modules.get(backend, backend)) is not None


def configured_backend(environment: Mapping[str, str]) -> str | None:
    """Return the backend named in Keras's configuration file, if there is one."""
    home = environment.get("KERAS_HOME") or Path.home() / ".keras"
    path = Path(home) / "keras.json"
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text()).get("backend")
    except ValueError:
        return None  # Keras itself ignores a file that it cannot read


def is_command(program: str, original: Sequence[str]) -> bool:
    """Say whether this process is the kerasrnn command.

    Args:
        program: `sys.argv[0]`, which is `-m` while `python -m` imports a package.
        original: `sys.orig_argv`, which tells that package.
    """
    if program == "-m":
        return ("-m", "kerasrnn") in pairwise(original)
    return Path(program).stem == "kerasrnn"


def command_line_backend(arguments: Sequence[str]) -> str | None:
    """Return the value of `--backend` among a command's arguments."""
    for argument, following in pairwise([*arguments, ""]):
        if argument == "--backend":
            return following or None
        if argument.startswith("--backend="):
            return argument.removeprefix("--backend=")
    return None


def select_backend() -> None:
    """Set `KERAS_BACKEND`, unless Keras is already running.

    The kerasrnn command's `--backend` is read here and not by its own parser,
    which cannot be imported without this package, and so without Keras.
    """
    if "keras" in sys.modules:
        return
    command = is_command(sys.argv[0], sys.orig_argv)
    environment = dict(os.environ)
    if command:
        signal.signal(signal.SIGINT, end_while_importing)
    if command and (requested := command_line_backend(sys.argv[1:])):
        environment["KERAS_BACKEND"] = requested
    try:
        os.environ["KERAS_BACKEND"] = choose_backend(environment)
    except ImportError as error:
        if not command:
            raise
        print(f"kerasrnn: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def end_while_importing(*_: Any) -> NoReturn:
    """End the command at once: an exception may be lost in what is being imported."""
    os.write(sys.stderr.fileno(), b"kerasrnn: interrupted\n")
    os._exit(INTERRUPTED)
