"""Make a notebook of every example, run it, and keep the picture that it saves.

    python docs/notebooks.py [PAGES [PICTURES [NAME ...]]]

PAGES gets NAME.ipynb with its outputs (default docs/examples), PICTURES gets NAME.png (default
docs/images/examples), for every example or those named. The backend is JAX unless KERAS_BACKEND
says otherwise.
"""

import ast
import io
import os
import shutil
import sys
import tempfile
from itertools import takewhile
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image

DOCS = Path(__file__).parent
EXAMPLES = DOCS.parent / "examples"
BESIDE = ("make_stock_prices", "options", "start")  # what the others import
SHOW = """from IPython.display import Image, display
from start import OUTPUT

display(Image(OUTPUT / "{name}.png"))"""
NOTE = "Run it in the folder `examples` of the repository."


def examples() -> list[str]:
    """Return the names of all examples."""
    return sorted(path.stem for path in EXAMPLES.glob("*.py") if path.stem not in BESIDE)


def notebook(name: str) -> NotebookNode:
    """Return an example as a notebook: its docstring as text, its picture at the end."""
    made = jupytext.read(EXAMPLES / f"{name}.py")
    title, _, text = ast.literal_eval(made.cells[0].source).strip().partition("\n")
    sources = [cell.source for cell in made.cells[1:]]
    imports = list(takewhile(lambda source: source.startswith(("from ", "import ")), sources))
    code = ["\n\n".join(imports), *sources[len(imports) :], SHOW.format(name=name)]
    text = f"# {title.rstrip('.')}\n{text}\n\n{NOTE}"
    cells = [new_markdown_cell(text), *map(new_code_cell, code)]
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"  # the same each time
    kernel = {"name": "python3", "display_name": "Python 3"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def small(picture: Path) -> bytes:
    """Return a picture as a PNG of 256 colours."""
    stream = io.BytesIO()
    with Image.open(picture) as image:
        image.convert("RGB").quantize().save(stream, "PNG", optimize=True)
    return stream.getvalue()


def run(name: str, pages: Path, pictures: Path) -> None:
    """Run the notebook of an example in a copy of the folder, and keep what it makes."""
    made = notebook(name)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)
        quiet = ["--log-level=ERROR", "--InteractiveShell.ast_node_interactivity=none"]
        client = NotebookClient(made, timeout=600, coalesce_streams=True, extra_arguments=quiet)
        client.execute(cwd=folder)
        (pictures / f"{name}.png").write_bytes(small(Path(folder) / f"{name}.png"))
    nbformat.write(made, pages / f"{name}.ipynb")


def main() -> None:
    """Make the notebooks, and the pictures."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    os.environ.pop("PYTHONSAFEPATH", None)  # a notebook imports what lies beside it
    given = sys.argv[1:]
    pages = Path(given[0]) if given else DOCS / "examples"
    pictures = Path(given[1]) if given[1:] else DOCS / "images" / "examples"
    for folder in (pages, pictures):
        folder.mkdir(parents=True, exist_ok=True)
    for name in given[2:] or examples():
        print(name, flush=True)
        run(name, pages, pictures)


if __name__ == "__main__":
    main()
