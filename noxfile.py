import math
import os
import shutil
import tarfile
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = True
nox.options.stop_on_first_error = False

BACKENDS = ("torch", "jax")
CHECKOUT = os.getcwd()
WHEELS = Path(CHECKOUT) / ".nox" / "wheels"
CONSTRAINTS = ("-c", "constraints.txt")
NATIVE = ("tests/test_native.py", "tests/test_kernels.py")
# What behaves in another way where both frameworks are installed, and what needs both.
BOTH = ("against_torch", "test_backend.py", "test_bench.py", "test_examples.py")
# Programs that JAX compiled in one process or session need not be compiled again in another.
JAX_CACHE = {
    "JAX_COMPILATION_CACHE_DIR": str(Path(CHECKOUT) / ".nox" / "jax"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}
ON_JAX = {"KERAS_BACKEND": "jax", "MPLBACKEND": "agg", "PYTHONSAFEPATH": "1", **JAX_CACHE}


def install(session: nox.Session, *packages: str, constraints: str = "constraints.txt") -> None:
    """Install packages; kerasrnn, with any extras, is the wheel that was built for all sessions."""
    built = str(max(WHEELS.glob("*.whl"), key=os.path.getmtime))
    session.install("-c", constraints, *(name.replace("kerasrnn", built) for name in packages))
    # pip keeps what it has of the same version, in an environment that is used again.
    session.install("--force-reinstall", "--no-deps", built)


def install_checkout(session: nox.Session, **environment: str) -> None:
    """Build and install the checkout itself, in a way of its own."""
    environment["KERASRNN_NATIVE"] = "require"
    session.install("--force-reinstall", "--no-deps", ".", env=environment)


def run_tests(session: nox.Session, backend: str, *arguments: str, **more: str) -> None:
    environment = {
        "KERAS_BACKEND": backend,
        "KERASRNN_TEST_BACKEND": backend,
        "MPLBACKEND": "agg",
        # What is installed is tested, in processes that tests start too.
        "PYTHONSAFEPATH": "1",
        # One process a core: more threads only fight each other.
        "OMP_NUM_THREADS": "1",
        **JAX_CACHE,
        **more,
    }
    session.run(
        "pytest",
        f"--numprocesses={os.cpu_count()}",
        *arguments,
        *session.posargs,
        env=environment,
    )


@nox.session
def wheel(session: nox.Session) -> None:
    """Build kerasrnn once for all sessions, with its native kernel."""
    command = ("pip", "wheel", "--quiet", "--no-deps", f"--wheel-dir={WHEELS}", ".")
    session.run_install("python", "-m", *command, env={"KERASRNN_NATIVE": "require"})


@nox.session(requires=["wheel"])
@nox.parametrize("backend", BACKENDS, ids=BACKENDS)
def tests(session: nox.Session, backend: str) -> None:
    """Run all that one backend needs alone, with the other framework not installed."""
    install(session, f"kerasrnn[{backend},parquet,tensorboard,tune]", *test_requirements())
    other = "jax" if backend == "torch" else "torch"
    session.run("python", "-c", f"import importlib.util as u; assert not u.find_spec({other!r})")
    elsewhere = ("against_torch", "test_examples.py", "with_statsforecast", "in_browser")
    run_tests(session, backend, *(f"--ignore=tests/{name}" for name in elsewhere))
    if not session.posargs:
        for isa in lower_instruction_sets(session):
            run_tests(session, backend, "-k", "native", *NATIVE, KERASRNN_NATIVE_ISA=isa)


def lower_instruction_sets(session: nox.Session) -> list[str]:
    """Return those that the native kernel has, but for the best one, which it runs by itself."""
    program = "from kerasrnn.kernels.native import native; print(*native().isas())"
    return session.run("python", "-P", "-c", program, silent=True).split()[1:]


@nox.session(requires=["wheel"])
def together(session: nox.Session) -> None:
    """Run both backends with both frameworks installed: torch.nn as the oracle, the examples."""
    install(session, "kerasrnn[bench]", *test_requirements())
    for backend in BACKENDS:
        run_tests(session, backend, *(f"tests/{name}" for name in BOTH))


@nox.session(requires=["wheel"])
def classical(session: nox.Session) -> None:
    """Score classical forecasts too; statsforecast needs pandas 2, so reading is tested on that."""
    pinned = Path("constraints.txt").read_text().splitlines()
    constraints = Path(session.create_tmp()) / "constraints.txt"
    constraints.write_text("\n".join(line for line in pinned if not line.startswith("pandas")))
    packages = ("kerasrnn[torch,classical,parquet]", *test_requirements())
    install(session, *packages, constraints=str(constraints))
    names = ("reading", "reading_errors", "following", "panel", "frequency", "saving")
    data = (f"tests/test_{name}.py" for name in names)
    run_tests(session, "torch", "tests/with_statsforecast", *data)


@nox.session
def builds(session: nox.Session) -> None:
    """Test the native kernel as clang builds it, and under sanitizers; compile it for ARM."""
    project = pyproject()["project"]
    needed = project["dependencies"] + project["optional-dependencies"]["torch"]
    session.install(*CONSTRAINTS, "ziglang", *needed, *test_requirements())
    # The package's program: pip builds where its Python module is out of sight.
    find = "import os, ziglang; print(os.path.dirname(ziglang.__file__))"
    compiler = f"{session.run('python', '-c', find, silent=True).strip()}/zig c++"
    install_checkout(session, CXX=compiler, SKBUILD_CMAKE_DEFINE="KERASRNN_WARNINGS=ON")
    run_tests(session, "torch", "-k", "native", *NATIVE)
    source = "kerasrnn/kernels/native/src/engine.cpp"
    # Given /dev/null, zig leaves its object file in the checkout.
    compiled = Path(session.create_tmp()) / "engine.o"
    for type_ in ("float", "double"):
        options = f"-target aarch64-linux-gnu -std=c++20 -O3 -Wall -Wextra -Werror -c {source}"
        names = f"-DKERASRNN_TYPE={type_} -DKERASRNN_ENGINE=engine_{type_} -o {compiled}"
        session.run(*compiler.split(), *options.split(), *names.split(), external=True)
    sanitizers = "KERASRNN_SANITIZE=address,undefined"
    install_checkout(session, CXX="g++", SKBUILD_CMAKE_DEFINE=sanitizers)
    libraries = [
        session.run("g++", f"-print-file-name=lib{name}.so", external=True, silent=True).strip()
        for name in ("asan", "stdc++")
    ]
    # Python itself never frees all of its memory.
    options = {"LD_PRELOAD": " ".join(libraries), "ASAN_OPTIONS": "detect_leaks=0"}
    run_tests(session, "torch", "-k", "native", *NATIVE, OMP_NUM_THREADS="2", **options)


@nox.session(requires=["wheel"])
def lint(session: nox.Session) -> None:
    """Check style and types."""
    install(session, "kerasrnn[tune]", *nox.project.dependency_groups(pyproject(), "lint"))
    sources = [*Path("kerasrnn/kernels/native/src").iterdir(), "benchmarks/peak.cpp"]
    session.run("clang-format", "--dry-run", "-Werror", *map(str, sources))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")


@nox.session(requires=["wheel"])
def docs(session: nox.Session) -> None:
    """Draw every picture anew, build the site into site/ and look for broken links in it."""
    install(session, "kerasrnn[all]", *nox.project.dependency_groups(pyproject(), "docs"))
    # It carries MathJax's files; what it depends on is not needed.
    session.install(*CONSTRAINTS, "--no-deps", "sphinx-mathjax-offline")
    folder = Path(session.create_tmp()) / "docs"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree("docs", folder)
    session.run("python", "docs/pictures.py", str(folder), env=ON_JAX)
    notebooks = (str(folder / "examples"), str(folder / "images" / "examples"))
    # A notebook imports from its own folder.
    session.run("python", "docs/notebooks.py", *notebooks, env={**ON_JAX, "PYTHONSAFEPATH": ""})
    session.run("python", "docs/mathjax.py", str(folder))
    # The theme's makers announce in every build that they write another program.
    quiet = {"KERASRNN_DOCS": str(folder), "NO_MKDOCS_2_WARNING": "1", "PYTHONWARNINGS": "error"}
    session.run("mkdocs", "build", "--strict", env=quiet)
    session.run("python", "docs/check_site.py", "site")


@nox.session(requires=["wheel"], default=False)
def browser(session: nox.Session) -> None:
    """Open the built site and two new reports in the Chromium that is installed here."""
    if not Path("site", "index.html").exists():
        session.error("site/ is not built: run nox -s docs browser")
    groups = nox.project.dependency_groups(pyproject(), "browser")
    install(session, "kerasrnn[jax]", *groups, *test_requirements())
    run_tests(session, "jax", "tests/in_browser")
    folder = Path(session.create_tmp())
    write_series(folder / "series.csv")
    reports = []
    for name, table in {"one": [], "many": [str(folder / "series.csv")]}.items():
        options = ("--epochs", "1", "--quiet", "--output", str(folder / name))
        session.run("kerasrnn", "forecast", *table, *options, env=ON_JAX)
        reports.append(str(folder / name / "report.html"))
    session.run("python", "docs/check_in_browser.py", "site", *reports)


def write_series(path: Path, series: int = 40, months: int = 60) -> None:
    """Write a table of many series, with names that are long for a phone."""
    lines = ["unique_id,ds,y"]
    for number in range(series):
        for month in range(months):
            value = number + math.sin(math.pi * month / 6) + math.sin((number + 1) * month**2) / 5
            day = f"{2020 + month // 12}-{month % 12 + 1:02}-01"
            lines.append(f"a_name_without_any_space_in_it_{number:02},{day},{value:.3f}")
    path.write_text("\n".join(lines))


@nox.session
def package(session: nox.Session) -> None:
    """Build sdist and wheel, use the wheel elsewhere, install the sdist without a compiler."""
    session.install(*CONSTRAINTS, "build", "jax")
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build", silent=True)
    (sdist,) = [name for name in os.listdir("dist") if name.endswith(".tar.gz")]
    refuse_untracked(session, f"dist/{sdist}")
    (built,) = [name for name in os.listdir("dist") if name.endswith(".whl")]
    session.install(*CONSTRAINTS, f"dist/{built}")
    folder = session.create_tmp()
    session.chdir(folder)
    session.run("kerasrnn", "forecast", "--epochs", "1", "--output", "out", "--quiet")
    session.run("python", "-c", "import os; assert os.path.getsize('out/forecast.png') > 10_000")
    session.run("kerasrnn", "explain", "out/forecaster")
    is_built = "from kerasrnn.kernels.native import IS_BUILT; assert IS_BUILT is {}"
    session.run("python", "-P", "-c", is_built.format(True))
    session.chdir(CHECKOUT)
    again = ("--force-reinstall", "--no-deps", f"dist/{sdist}")
    session.install(*again, env={"CXX": "/bin/false", "KERASRNN_NATIVE": "auto"})
    session.chdir(folder)
    session.run("python", "-P", "-c", is_built.format(False))
    session.run("kerasrnn", "forecast", "--epochs", "1", "--output", "pure", "--quiet")


def refuse_untracked(session: nox.Session, sdist: str) -> None:
    """End the session if the sdist holds files that git does not know."""
    tracked = set(session.run("git", "ls-files", external=True, silent=True).splitlines())
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    if strangers := sorted(packed - tracked - {"PKG-INFO"}):
        session.error(
            f"{sdist} holds {len(strangers)} files that git does not know: {strangers[:9]}"
        )


def pyproject() -> dict:
    return nox.project.load_toml("pyproject.toml")


def test_requirements() -> list[str]:
    return list(nox.project.dependency_groups(pyproject(), "test"))
