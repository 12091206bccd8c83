"""Write the table of options and kernels in speed.md, for the backend that runs.

KERAS_BACKEND=torch python docs/kernel_table.py
KERAS_BACKEND=jax python docs/kernel_table.py
"""

from pathlib import Path
from typing import Any

import keras

import kerasrnn

PAGE = Path(__file__).with_name("speed.md")
KINDS = ("RNN", "LSTM", "GRU")
DEVICES = ("cpu", "gpu")
LARGE = {"batch_size": 64, "units": 512}
TRAINING = {"training": True}
STACK = {"num_layers": 2, "bidirectional": True}

# For each row: the options of the layer and the facts of the call. Units and batch size
# are 32 and 8 where nothing else is said; a kind left out does not have the option.
ROWS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "inference": ({}, {}),
    "inference, batch 64, units 512": ({}, LARGE),
    "training": ({}, TRAINING),
    "training, batch 64, units 512": ({}, TRAINING | LARGE),
    "mask": ({}, TRAINING | {"masked": True}),
    "stacked, bidirectional": (STACK, TRAINING),
    "stacked, bidirectional, mask": (STACK, TRAINING | {"masked": True}),
    "`go_backwards`": ({"go_backwards": True}, TRAINING),
    "`stateful`": ({"stateful": True}, TRAINING),
    "`use_bias=False`": ({"use_bias": False}, TRAINING),
    "`dropout`": ({"num_layers": 2, "dropout": 0.5}, TRAINING),
    "`input_dropout`": ({"input_dropout": 0.5}, TRAINING),
    "`input_dropout`, bidirectional": ({"input_dropout": 0.5, "bidirectional": True}, TRAINING),
    "`recurrent_dropout`": ({"recurrent_dropout": 0.5}, TRAINING),
    "`nonlinearity='relu'`": ({"nonlinearity": "relu"}, TRAINING),
    "`proj_size`": ({"proj_size": 16}, TRAINING),
    "`reset_after=False`": ({"reset_after": False}, TRAINING),
    "`checkpoint_every='sqrt'`": ({"checkpoint_every": "sqrt"}, TRAINING),
    "`dtype='float64'`": ({"dtype": "float64"}, TRAINING),
    "`dtype='mixed_bfloat16'`": ({"dtype": "mixed_bfloat16"}, TRAINING),
    "`dtype='mixed_float16'`": ({"dtype": "mixed_float16"}, TRAINING),
    "`torch.compile`, inference": ({}, {"compiling": True}),
    "`torch.compile`, training": ({}, TRAINING | {"compiling": True}),
}
OWN_OPTIONS = {"nonlinearity": "RNN", "proj_size": "LSTM", "reset_after": "GRU"}


def rows() -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Return the rows that the backend knows."""
    torch = keras.backend.backend() == "torch"
    return {name: row for name, row in ROWS.items() if torch or "torch.compile" not in name}


def new_layer(kind: str, options: dict[str, Any], facts: dict[str, Any]) -> Any:
    """Make and build the layer of a row, or return None where it lacks the option."""
    if any(owner != kind for option, owner in OWN_OPTIONS.items() if option in options):
        return None
    layer = getattr(kerasrnn, kind)(facts.get("units", 32), **options)
    layer.build((facts.get("batch_size", 8), None, 4))
    return layer


def kernel_of(kind: str, device: str, options: dict[str, Any], facts: dict[str, Any]) -> str:
    """Return the kernel that runs a row, or a dash."""
    layer = new_layer(kind, options, facts)
    if layer is None:
        return "-"
    told = {"batch_size": 8, **{name: fact for name, fact in facts.items() if name != "units"}}
    (found,) = kerasrnn.explain(layer, device=device, **told)
    return f"`{found.kernel}`"


def table() -> str:
    """Return the table in Markdown."""
    columns = [(kind, device) for device in DEVICES for kind in KINDS]
    header = ["", *(f"{kind}, {device.upper()}" for kind, device in columns)]
    lines = [header, ["---"] * len(header)]
    for name, row in rows().items():
        lines.append([name, *(kernel_of(kind, device, *row) for kind, device in columns)])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def marks() -> tuple[str, str]:
    """Return the lines before and after the backend's table."""
    backend = keras.backend.backend()
    return f"<!-- {backend} table -->\n\n", f"\n\n<!-- end of {backend} table -->"


def in_page() -> str:
    """Return the backend's table as the page has it."""
    begin, end = marks()
    return PAGE.read_text().split(begin)[1].split(end)[0]


def main() -> None:
    """Put the table in its place."""
    if keras.backend.backend() == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
    begin, end = marks()
    before, rest = PAGE.read_text().split(begin)
    PAGE.write_text(before + begin + table() + end + rest.split(end)[1])


if __name__ == "__main__":
    main()
