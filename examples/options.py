"""What every example takes: `--backend` and `--output`. Import it before keras."""

import argparse
import os
import sys
from pathlib import Path

BACKENDS = ("jax", "torch")

parser = argparse.ArgumentParser(
    description=sys.modules["__main__"].__doc__, formatter_class=argparse.RawTextHelpFormatter
)
parser.add_argument("--backend", choices=BACKENDS, help="Keras backend")
parser.add_argument(
    "--output", type=Path, default=Path(), help="folder for the picture (default: this one)"
)
if Path(sys.argv[0]).name == "char_text.py":
    parser.add_argument("--text", type=Path, help="the file that it learns from")
parser.set_defaults(text=Path(__file__).with_name("char_text.txt"))
# In a notebook the arguments are Jupyter's.
chosen = parser.parse_args([] if "ipykernel" in sys.modules else None)
if chosen.backend:
    os.environ["KERAS_BACKEND"] = chosen.backend
import kerasrnn  # noqa: E402, F401  picks a backend where nobody has

if os.environ["KERAS_BACKEND"] not in BACKENDS:
    parser.error(f"KERAS_BACKEND is {os.environ['KERAS_BACKEND']}; give --backend")
if chosen.output.is_file():
    parser.error(f"--output: {chosen.output} is a file; name a folder")
if not chosen.text.is_file():
    parser.error(f"--text: {chosen.text} is no file")
chosen.output.mkdir(parents=True, exist_ok=True)
OUTPUT: Path = chosen.output
TEXT: Path = chosen.text
