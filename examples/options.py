"""What every example takes: `--backend` and `--output`. `start` reads it."""

import argparse
import sys
from pathlib import Path

BACKENDS = ("jax", "torch")


def file(path: str) -> Path:
    if not Path(path).is_file():
        raise argparse.ArgumentTypeError(f"{path} is no file")
    return Path(path)


def folder(path: str) -> Path:
    if Path(path).is_file():
        raise argparse.ArgumentTypeError(f"{path} is a file; name a folder")
    return Path(path)


parser = argparse.ArgumentParser(
    description=sys.modules["__main__"].__doc__, formatter_class=argparse.RawTextHelpFormatter
)
parser.add_argument("--backend", choices=BACKENDS, help="Keras backend")
parser.add_argument(
    "--output", type=folder, default=Path(), help="folder for the picture (default: this one)"
)


def file_option(name: str, default: str, what: str) -> None:
    """Let a program take a file of its own; the default lies beside this one."""
    parser.add_argument(name, type=file, default=Path(__file__).with_name(default), help=what)
