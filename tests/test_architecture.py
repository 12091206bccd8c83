"""Who may import whom, read from the source."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import kerasrnn

PACKAGE = Path(kerasrnn.__file__).parent
FILES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
ABOVE_KERNELS = ("layers", "interop", "forecasting", "diagnostics", "benchmark", "cli")
# Only files of these folders, named torch_* and jax_*, import what belongs to a framework.
FRAMEWORK_FOLDERS = ("kernels", "benchmark", "diagnostics")
FRAMEWORKS = {"torch": "torch", "torchlib": "torch", "jax": "jax", "jaxlib": "jax", "flax": "jax"}
# For a file, or all files of a folder: the parts of kerasrnn that it must not know.
FORBIDDEN = {
    "kernels/": ABOVE_KERNELS,
    "forecasting/": ("kernels", "benchmark", "cli"),
    "benchmark/": ("forecasting", "diagnostics", "cli"),
    "diagnostics/": ("forecasting", "benchmark", "cli"),
    "layers.py": ("forecasting", "interop", "diagnostics", "benchmark", "cli"),
    "interop.py": ("forecasting", "diagnostics", "benchmark", "cli"),
    "cells.py": (*ABOVE_KERNELS, "kernels"),
    "initializers.py": (*ABOVE_KERNELS, "kernels", "cells"),
    "exact.py": (*ABOVE_KERNELS, "kernels", "cells"),
}


@dataclass(frozen=True)
class Import:
    """One imported name, and the function in which that is done, if any."""

    name: str
    function: str | None


def imports(source: str) -> set[Import]:
    """Return every import of a module, at any depth; `from a import b` gives a.b."""

    def walk(node: ast.AST, function: str | None) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from (Import(alias.name, function) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                module = "." * child.level + (child.module or "")
                yield from (Import(f"{module}.{alias.name}", function) for alias in child.names)
            elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield from walk(child, child.name)
            else:
                yield from walk(child, function)

    return set(walk(ast.parse(source), None))


def reaches(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def broken_arrows(file: str, source: str) -> set[str]:
    """Return the names that a file imports and must not."""
    parts = [
        part
        for place, forbidden in FORBIDDEN.items()
        if file == place or (place.endswith("/") and file.startswith(place))
        for part in (*forbidden, *kerasrnn.__all__)
    ]
    names = {found.name for found in imports(source)}
    broken = {name for name in names for part in parts if reaches(name, f"kerasrnn.{part}")}
    # The package itself gives access to all of its parts.
    return broken | (names & {"kerasrnn"} if parts else set())


def stray_frameworks(file: str, source: str) -> set[Import]:
    """Return imports of torch, JAX and flax outside of their own files."""
    return {
        found
        for found in imports(source)
        for package, framework in FRAMEWORKS.items()
        if reaches(found.name, package)
        if not (
            file.startswith(tuple(f"{folder}/{framework}_" for folder in FRAMEWORK_FOLDERS))
            and file.count("/") == 1
        )
        if (file, found) != ("interop.py", Import("torch", "to_torch"))
    }


@pytest.mark.parametrize("file", FILES)
def test_arrows_point_one_way(file: str) -> None:
    assert broken_arrows(file, FILES[file].read_text()) == set()


@pytest.mark.parametrize("file", FILES)
def test_only_its_own_files_import_a_framework(file: str) -> None:
    assert stray_frameworks(file, FILES[file].read_text()) == set()


def test_only_the_bench_command_imports_the_benchmark() -> None:
    """And only when it runs, for its peers take long to import."""
    found = {
        (file, one.function)
        for file in FILES
        if not file.startswith("benchmark/")
        for one in imports(FILES[file].read_text())
        if reaches(one.name, "kerasrnn.benchmark")
    }
    assert found == {("cli/bench.py", "bench")}


@pytest.mark.parametrize("file", FILES)
def test_imports_are_absolute(file: str) -> None:
    names = {found.name for found in imports(FILES[file].read_text())}
    assert not any(name.startswith(".") for name in names)


@pytest.mark.parametrize("file", FILES)
def test_files_stay_readable(file: str) -> None:
    assert len(FILES[file].read_text().splitlines()) <= 700


@pytest.mark.parametrize(
    ("file", "source", "broken"),
    [
        ("kernels/jax_scan.py", "import kerasrnn.layers", {"kerasrnn.layers"}),
        ("kernels/native/cpu.py", "from kerasrnn import interop", {"kerasrnn.interop"}),
        ("kernels/call.py", "def f():\n  if 1:\n    import kerasrnn.cli as c", {"kerasrnn.cli"}),
        ("forecasting/a.py", "from kerasrnn.kernels import choose", {"kerasrnn.kernels.choose"}),
        ("forecasting/a.py", "from kerasrnn import explain", {"kerasrnn.explain"}),
        ("benchmark/a.py", "import kerasrnn.forecasting", {"kerasrnn.forecasting"}),
        ("benchmark/a.py", "from kerasrnn.layers import LSTM", set()),
        ("layers.py", "import kerasrnn", {"kerasrnn"}),
        ("layers.py", "from kerasrnn.kernels.call import Call", set()),
        ("cli/forecast.py", "import kerasrnn.forecasting.data", set()),
    ],
)
def test_broken_arrows_are_found(file: str, source: str, broken: set[str]) -> None:
    assert broken_arrows(file, source) == broken


@pytest.mark.parametrize(
    ("file", "source", "stray"),
    [
        ("layers.py", "import torch", True),
        ("layers.py", "def call():\n    from jax import numpy", True),
        ("interop.py", "import torch", True),
        ("interop.py", "def from_torch():\n    import torch", True),
        ("interop.py", "def to_torch():\n    import torch", False),
        ("kernels/torch_fused.py", "import torch.nn", False),
        ("kernels/torch_fused.py", "import jax", True),
        ("kernels/jax_scan.py", "from jax import lax", False),
        ("kernels/jax_scan.py", "import torch", True),
        ("forecasting/torch_model.py", "import torch", True),
        ("benchmark/torch_clock.py", "import torch", False),
        ("benchmark/torch_clock.py", "import jax", True),
        ("benchmark/jax_flax.py", "from flax import nnx", False),
        ("benchmark/table.py", "def f():\n    from flax import nnx", True),
        ("layers.py", "import torchlike", False),
    ],
)
def test_stray_frameworks_are_found(file: str, source: str, stray: bool) -> None:
    assert bool(stray_frameworks(file, source)) == stray


def test_package_has_public_names_and_nothing_else() -> None:
    tree = ast.parse(FILES["__init__.py"].read_text())
    assert ast.get_docstring(tree)
    statements = tree.body[1:]
    others = [s for s in statements if not isinstance(s, ast.ImportFrom)]
    assert [ast.unparse(s).split(" = ")[0] for s in others] == [
        "select_backend()",
        "__version__",
        "__all__",
    ]
    imported = {
        alias.name for s in statements if isinstance(s, ast.ImportFrom) for alias in s.names
    }
    assert set(kerasrnn.__all__) == imported - {"select_backend"}
    assert all(hasattr(kerasrnn, name) for name in kerasrnn.__all__)


def test_backend_is_picked_before_anything_imports_keras() -> None:
    """`backend.py` needs nothing but the standard library."""
    needed = {found.name.split(".")[0] for found in imports(FILES["backend.py"].read_text())}
    assert needed <= sys.stdlib_module_names
    statements = ast.parse(FILES["__init__.py"].read_text()).body
    assert [ast.unparse(s) for s in statements[1:3]] == [
        "from kerasrnn.backend import select_backend",
        "select_backend()",
    ]
