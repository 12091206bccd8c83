"""Every example runs on this backend, and saves its picture."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import keras
import pytest

FOLDER = Path(__file__).parents[1] / "examples"
PICTURE = FOLDER.parent / "docs" / "images" / "examples" / "char_text.png"
BESIDE = ("make_stock_prices.py", "options.py", "start.py")
EXAMPLES = sorted(path.name for path in FOLDER.glob("*.py") if path.name not in BESIDE)
# What must stand in what they print, or part of it.
TOLD = {
    "char_text.py": ["GRU     ", "On this text the GRU is", "--- temperature 0.6 ---"],
    "csv_lstm.py": ["LSTM   root mean square error", "naive  root mean square error"],
    "date_translation.py": ["dates right throughout"],
    "five_kinds.py": ["one-to-one", "many-to-many, unequal"],
    "lstm_by_hand.py": ["largest difference before training:"],
    "shape_tour.py": ["RNN(20): outputs, h                            (10, 3, 20), (3, 20)"],
    "simple_rnn_by_hand.py": ["largest difference before training:"],
    "sine_rnn.py": ["iteration 6000  loss 0.00"],
    "stock_prices.py": ["the Close is not predictable", "the Move is predictable in part"],
    "torch_to_keras.py": ["back in torch.nn: largest difference"],
    "why_rnns_forget.py": ["RNN, orthogonal x 3   dh_60/dh_1"],
}


def test_all_examples_are_known() -> None:
    assert sorted(TOLD) == EXAMPLES


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_has_a_page(name: str) -> None:
    docs, stem = FOLDER.parent / "docs", name.removesuffix(".py")
    page = (docs / "examples" / f"{stem}.md").read_text(encoding="utf-8")
    assert f'--8<-- "examples/{name}"' in page
    assert f"[notebook]({stem}.ipynb)" in page
    assert f"(../images/examples/{stem}.png)" in page
    assert (docs / "images" / "examples" / f"{stem}.png").stat().st_size < 100_000
    assert f"({stem}.md)" in (docs / "examples" / "index.md").read_text(encoding="utf-8")


def test_stock_prices_are_those_of_the_generator() -> None:
    made = runpy.run_path(str(FOLDER / "make_stock_prices.py"))["stock_prices"]()
    text = made.to_csv(index=False, float_format="%.2f", lineterminator="\n")
    assert (FOLDER / "stock_prices.csv").read_text() == text


def run(name: str, *arguments: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run an example as a reader has it: a program imports from its own folder, and picks."""
    without = ("KERAS_BACKEND", "PYTHONSAFEPATH")
    environment = {k: v for k, v in os.environ.items() if k not in without} | more
    return subprocess.run(
        [sys.executable, "-W", "default", str(FOLDER / name), *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_runs(tmp_path: Path, name: str) -> None:
    done = run(name, "--backend", keras.backend.backend(), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    for told in TOLD[name]:
        assert told in done.stdout
    for line in done.stdout.splitlines():
        if "% of" in line:  # a score
            assert float(line.split("%")[0].split()[-1]) > 95
        if "largest difference" in line:
            assert float(line.split()[-1]) < 1e-5
    picture = f"{name.removesuffix('.py')}.png"
    assert done.stdout.splitlines()[-1] == f"wrote {picture}"
    assert (tmp_path / picture).stat().st_size > 5000


def test_backend_is_found_where_none_is_named(tmp_path: Path) -> None:
    # As in the configuration that Keras writes by itself.
    (tmp_path / "keras.json").write_text('{"backend": "tensorflow"}')
    arguments = ("--output", "pictures/today")
    done = run("shape_tour.py", *arguments, folder=tmp_path, KERAS_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    picture = Path("pictures", "today", "shape_tour.png")
    assert done.stdout.splitlines()[-1] == f"wrote {picture}"
    assert (tmp_path / picture).exists()


def test_help_has_the_options_of_the_program(tmp_path: Path) -> None:
    for name, takes in {"char_text.py": True, "shape_tour.py": False}.items():
        options = run(name, "--help", folder=tmp_path).stdout.split("options:")[1]
        assert ("--text" in options) == takes


def test_text_that_is_too_short_is_told(tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text(79 * "a")
    done = run("char_text.py", "--text", "short.txt", folder=tmp_path)
    assert done.returncode == 2
    told = "--text: short.txt has 79 characters; give 128 or more"
    assert told in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("csv_lstm.py", ["--output", __file__], "is a file; name a folder"),
        ("csv_lstm.py", ["--text", "a"], "unrecognized arguments: --text a"),
        ("char_text.py", ["--text", "nowhere.txt"], "nowhere.txt is no file"),
        ("char_text.py", ["--text", str(PICTURE)], "char_text.png is no text in UTF-8"),
        ("char_text.py", ["--text", os.devnull], "null is no file"),
        ("shape_tour.py", ["--backend", "numpy"], "invalid choice: 'numpy'"),
    ],
)
def test_wrong_arguments_are_told_in_one_line(
    tmp_path: Path, name: str, arguments: list[str], told: str
) -> None:
    done = run(name, *arguments, folder=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr.splitlines()[-1]
