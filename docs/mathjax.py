"""Put MathJax into a copy of the docs: python docs/mathjax.py FOLDER.

The package sphinx-mathjax-offline carries its files; nothing else of that package is used.
"""

import importlib.metadata
import shutil
import sys
from pathlib import Path


def main(folder: Path) -> None:
    """Copy the one file that turns TeX into SVG."""
    files = importlib.metadata.files("sphinx-mathjax-offline") or []
    (source,) = [file for file in files if file.name == "tex-svg.js"]
    shutil.copy(source.locate(), folder / "javascripts")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
