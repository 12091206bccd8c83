"""Print the largest errors of the native kernel's sigmoid and tanh over all floats.

python benchmarks/activations.py
"""

import numpy as np

from kerasrnn.kernels.native import native

BLOCK = 1 << 24


def main() -> None:
    """Compare with NumPy in float64; takes a few minutes."""
    smallest = np.finfo(np.float32).smallest_normal
    worst = {"sigmoid": (0.0, 0.0), "tanh": (0.0, 0.0)}
    for start in range(0, 1 << 32, BLOCK):
        values = np.arange(start, start + BLOCK, dtype=np.uint64).astype(np.uint32)
        values = values.view(np.float32)
        values = values[np.isfinite(values)]
        if not values.size:
            continue
        found = {name: np.empty_like(values) for name in worst}
        at = [array.ctypes.data for array in (values, *found.values())]
        native().activations(*at, values.size, False)
        wide = values.astype(np.float64)
        with np.errstate(over="ignore"):
            expected = {"sigmoid": 1 / (1 + np.exp(-wide)), "tanh": np.tanh(wide)}
        for name, exact in expected.items():
            normal = np.abs(exact) >= smallest
            unit = np.spacing(np.abs(exact).astype(np.float32))
            error = np.where(normal, np.abs(found[name] - exact) / unit, 0)
            at_most = np.argmax(error)
            worst[name] = max(worst[name], (float(error[at_most]), float(values[at_most])))
    for name, (error, value) in worst.items():
        print(f"{name}: {error:.2f} units in the last place, at {value!r} ({native().isa()})")


if __name__ == "__main__":
    main()
