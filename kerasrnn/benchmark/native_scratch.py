"""What the native kernel takes from the system, which no framework's count sees."""

from collections.abc import Callable
from typing import Any

from kerasrnn.kernels.native import IS_BUILT, native


def native_scratch(step: Callable[[], Any]) -> int:
    """Return the most bytes that the native kernel's passes in a step take for themselves."""
    if not IS_BUILT:
        return 0
    native().forget_most_scratch()
    step()
    return int(native().forget_most_scratch())
