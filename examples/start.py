"""Read what every example takes, and set the backend. Import it before keras."""

import os
import sys
from pathlib import Path

from matplotlib.figure import Figure
from options import BACKENDS, parser

# In a notebook the arguments are Jupyter's.
chosen = parser.parse_args([] if "ipykernel" in sys.modules else None)
if chosen.backend:
    os.environ["KERAS_BACKEND"] = chosen.backend
import kerasrnn  # noqa: F401  picks a backend where nobody has

if os.environ["KERAS_BACKEND"] not in BACKENDS:
    parser.error(f"KERAS_BACKEND is {os.environ['KERAS_BACKEND']}; give --backend")
OUTPUT: Path = chosen.output
OUTPUT.mkdir(parents=True, exist_ok=True)


def save(figure: Figure, name: str) -> None:
    """Save a picture into the folder that `--output` names, and say where it is."""
    figure.savefig(OUTPUT / name)
    print(f"wrote {OUTPUT / name}")
