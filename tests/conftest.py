"""Settings of the whole suite: one backend a run, the one that was asked for."""

import os
from typing import Any

import hypothesis
import keras
import numpy as np
import pytest

from kerasrnn.kernels import KERNELS

hypothesis.settings.register_profile(
    "kerasrnn", deadline=None, max_examples=40, derandomize=True, print_blob=True
)
hypothesis.settings.load_profile("kerasrnn")

# What is about one framework's own transformations.
collect_ignore = [
    f"test_{framework}_kernels.py"
    for framework in ("torch", "jax")
    if framework != keras.backend.backend()
]

if keras.backend.backend() == "jax":
    import jax

    jax.config.update("jax_enable_x64", True)
    # Nearly all of the time goes into compiling small programs that run once.
    jax.config.update("jax_disable_most_optimizations", True)


def pytest_report_header() -> str:
    return f"Keras backend: {keras.backend.backend()}"


def pytest_sessionstart() -> None:
    """Fail where the run is on another backend than the one it was started for."""
    expected = os.environ.get("KERASRNN_TEST_BACKEND", keras.backend.backend())
    if keras.backend.backend() != expected:
        raise pytest.UsageError(f"expected {expected}, running on {keras.backend.backend()}")


@pytest.fixture(autouse=True)
def seeded() -> None:
    keras.utils.set_random_seed(0)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the names of the kernels that run."""
    ran: list[str] = []

    def spy(name: str, original: Any) -> Any:
        def recorded(*args: Any) -> Any:
            ran.append(name)
            return original(*args)

        return recorded

    for name, kernel in KERNELS.items():
        monkeypatch.setattr(kernel, "run", spy(name, kernel.run))
    return ran
