"""The native kernel gives the same bits on torch and on JAX."""

import os
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.processes import in_process

BACKENDS = ("torch", "jax")
PROGRAM = """
import sys
import numpy as np
sys.path.append(sys.argv[2])
from tests.test_native import NAME, NATIVE_MODES, arrays_of, run_with

rng = np.random.default_rng(3)
found = {}
for mode in NATIVE_MODES:
    for dtype in ("float32", "float64"):
        for number, sizes in enumerate([(7, 9, 5, 17), (32, 30, 40, 96)]):
            mask = rng.random(sizes[:2]) < 0.8
            options = {"num_layers": 2, "bidirectional": True, "dtype": dtype}
            arrays = arrays_of(run_with(NAME, mode, sizes, mask, **options))
            found |= {f"{mode} {dtype} {number} {i}": array for i, array in enumerate(arrays)}
np.savez(sys.argv[1], **found)
"""


@pytest.mark.parametrize("other", [name for name in BACKENDS if name != keras.backend.backend()])
def test_same_bits_on_both_backends(other: str, tmp_path: Path) -> None:
    files = []
    for backend in (keras.backend.backend(), other):
        files.append(tmp_path / f"{backend}.npz")
        environment = {"KERAS_BACKEND": backend, "KERASRNN_TEST_BACKEND": backend}
        environment |= {"JAX_ENABLE_X64": "1"}
        in_process(PROGRAM, str(files[-1]), os.getcwd(), **environment)
    ours, theirs = (np.load(file) for file in files)
    assert set(ours) == set(theirs)
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
