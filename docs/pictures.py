"""Run the commands of forecasting.md and recipes.md, and take their pictures into images/.

    KERAS_BACKEND=jax python docs/pictures.py

A picture of a page is `images/NAME/FILE`: what a command with `--output NAME` wrote as FILE.
"""

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).parent
PAGES = ("forecasting.md", "recipes.md")


def run_blocks(page: str, folder: Path) -> None:
    """Run the Python and shell blocks of a page, in their order."""
    for language, block in re.findall(r"^```(python|sh)\n(.*?)^```", page, re.M | re.S):
        if language == "python":
            subprocess.run([sys.executable, "-c", block], cwd=folder, check=True)
            continue
        for line in block.splitlines():
            if line.startswith("kerasrnn "):
                command = [sys.executable, "-m", *shlex.split(line, comments=True)]
                subprocess.run(command, cwd=folder, check=True)


def main() -> None:
    """Make all pictures anew."""
    for name in PAGES:
        page = (DOCS / name).read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            run_blocks(page, Path(folder))
            for picture in re.findall(r"\]\(images/([^)]+)\)", page):
                (DOCS / "images" / picture).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(Path(folder) / picture, DOCS / "images" / picture)


if __name__ == "__main__":
    main()
