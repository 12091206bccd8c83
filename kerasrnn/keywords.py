"""Say what a keyword of another package's layer is called here."""

import difflib
import inspect
from collections.abc import Iterable

from kerasrnn.cells import Cell

GATES = "gates have tanh and sigmoid, and RNN has nonlinearity='relu'"
KERNEL = "implementation names a kernel"
ELSEWHERE = {
    "activation": GATES,
    "bias": "it is use_bias here",
    "device": "layers run where Keras's variables are",
    "hidden_size": "units, the first argument, is the size of the hidden state",
    "input_size": "it is found out at the first call",
    "merge_mode": "the outputs of both directions are concatenated",
    "nonlinearity": "only RNN has it",
    "recurrent_activation": GATES,
    "time_major": "batch_first=False puts time first",
    "unroll": KERNEL,
    "use_cudnn": KERNEL,
}
ALIKE = 0.8


def require_keywords(layer: str, cell: type[Cell], given: Iterable[str], own: set[str]) -> None:
    """Raise where a layer is given a keyword that neither it nor its cells have.

    Args:
        layer: Name of the layer's class.
        cell: The class of its cells.
        given: Keywords that the layer does not take itself.
        own: Those that it takes itself.

    Raises:
        ValueError: one is unknown.
    """
    makers = [vars(cls)["__init__"] for cls in cell.__mro__ if "__init__" in vars(cls)]
    known = {name for maker in makers for name in inspect.signature(maker).parameters}
    for name in given:
        if name in known:
            continue
        close = difflib.get_close_matches(name, [*known, *own], n=1, cutoff=ALIKE)
        if name in ELSEWHERE:
            hint = f"; {ELSEWHERE[name]}."
        else:
            hint = f"; did you mean {close[0]}?" if close else "."
        raise ValueError(f"{layer} has no argument {name!r}{hint}")
