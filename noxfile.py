import os
import shutil

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = True
nox.options.stop_on_first_error = False

BACKENDS = ("torch", "jax")
CONSTRAINTS = ("-c", "constraints.txt")


def install(session: nox.Session, *packages: str) -> None:
    session.install(*CONSTRAINTS, *packages)


def run_tests(session: nox.Session, backend: str, *arguments: str) -> None:
    environment = {
        "KERAS_BACKEND": backend,
        "KERASRNN_TEST_BACKEND": backend,
        "MPLBACKEND": "agg",
        # One process a core: more threads only fight each other.
        "OMP_NUM_THREADS": "1",
    }
    session.run(
        "python",
        "-m",
        "pytest",
        f"--numprocesses={os.cpu_count()}",
        *arguments,
        *session.posargs,
        env=environment,
    )


@nox.session
@nox.parametrize("backend", BACKENDS, ids=BACKENDS)
def tests(session: nox.Session, backend: str) -> None:
    """Run all tests on one backend, with torch.nn beside it as the oracle."""
    install(session, ".[bench]", *test_requirements())
    run_tests(session, backend)


@nox.session
@nox.parametrize("backend", BACKENDS, ids=BACKENDS)
def alone(session: nox.Session, backend: str) -> None:
    """Run what needs no other framework, with the other framework not installed."""
    install(session, f".[{backend}]", *test_requirements())
    other = "jax" if backend == "torch" else "torch"
    session.run("python", "-c", f"import importlib.util as u; assert not u.find_spec({other!r})")
    run_tests(session, backend, "--ignore=tests/against_torch")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and types."""
    install(session, ".", *nox.project.dependency_groups(pyproject(), "lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


@nox.session
def package(session: nox.Session) -> None:
    """Build the sdist and the wheel, and use the wheel outside the checkout."""
    install(session, "build", "jax")
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build", silent=True)
    (wheel,) = [name for name in os.listdir("dist") if name.endswith(".whl")]
    install(session, f"dist/{wheel}")
    folder = session.create_tmp()
    session.chdir(folder)
    session.run("kerasrnn", "forecast", "--epochs", "1", "--output", "out", "--quiet")
    session.run("python", "-c", "import os; assert os.path.getsize('out/forecast.png') > 10_000")


def pyproject() -> dict:
    return nox.project.load_toml("pyproject.toml")


def test_requirements() -> list[str]:
    return list(nox.project.dependency_groups(pyproject(), "test"))
