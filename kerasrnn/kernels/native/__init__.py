"""The native kernel for CPUs: a stack of layers in C++, the same for torch and for JAX.

It is compiled when the package is installed, if there is a compiler; `src/` holds it.
"""

from functools import cache
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from kerasrnn.kernels.call import Call

NAME = "kerasrnn.kernels.native._native"
MISSING = (
    "the native kernel was not built when kerasrnn was installed; with a C++20 compiler, "
    "KERASRNN_NATIVE=require pip install --force-reinstall --no-deps --no-cache-dir "
    "--no-binary kerasrnn kerasrnn builds it or says what is wrong"
)
IS_BUILT = find_spec(NAME) is not None
# In the order of the numbers that the C++ gives them.
MODES = ("rnn_tanh", "rnn_relu", "lstm", "gru")
DTYPES = ("float32", "float64")


@cache
def native() -> ModuleType:
    """Return the compiled module."""
    return import_module(NAME)


def why_not_native(call: Call) -> str | None:
    """Return why the native kernel cannot run a call on either backend."""
    if call.device != "cpu":
        return "it runs on CPUs only"
    if not IS_BUILT:
        return MISSING
    if call.mode not in MODES:
        return f"it has no {call.mode}"
    if call.dtype not in DTYPES:
        return f"it computes in float32 and float64, not in {call.dtype}"
    if call.dropout or call.input_dropout or call.recurrent_dropout:
        return "it has no dropout"
    return None
