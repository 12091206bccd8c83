"""kerasrnn gradients: its table, its picture, and what it says."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.commands import kerasrnn


def run(folder: Path, *options: object) -> tuple[pd.DataFrame, str]:
    """Run the command, and return its table and what it printed."""
    result = kerasrnn("gradients", "--units", 6, "--output", folder, *options)
    assert result.status == 0, result.err
    assert (folder / "gradients.png").stat().st_size > 10_000
    return pd.read_csv(folder / "gradients.csv"), result.out


def reach(table: pd.DataFrame, layer: str, column: str = "hidden") -> float:
    """Return how much of the first state is felt at the last step."""
    return float(table[table["layer"] == layer][column].iloc[-1])


def test_table_has_a_row_for_each_layer_and_step(tmp_path: Path) -> None:
    table, told = run(tmp_path, "--length", 20)
    assert table.groupby("layer", sort=False).size().to_dict() == {"RNN": 20, "LSTM": 20, "GRU": 20}
    assert list(table["step"][:20]) == list(range(1, 21))
    first = table[table["step"] == 1]
    np.testing.assert_allclose(first["hidden"], 1)
    np.testing.assert_allclose(first["hidden_norm"], np.sqrt(6))
    assert table["cell"].notna().equals(table["layer"] == "LSTM")
    assert f"RNN   a change of h_1 is {reach(table, 'RNN'):.1e} times as large at step 20" in told
    assert "gradients.csv" in told


def test_scale_governs_vanishing_and_exploding(tmp_path: Path) -> None:
    small, large = (
        run(tmp_path / str(scale), "--length", 30, "--scale", scale)[0] for scale in (0.3, 4.0)
    )
    assert reach(small, "RNN") < 1e-12
    assert reach(large, "RNN") > 1e3 * reach(small, "RNN")
    for name in ("RNN", "LSTM", "GRU"):
        assert reach(large, name) != reach(small, name)


def test_open_forget_gate_remembers(tmp_path: Path) -> None:
    usual, told = run(tmp_path / "usual", "--length", 40)
    opened, told_of_open = run(tmp_path / "open", "--length", 40, "--remember")
    assert reach(opened, "LSTM", "cell") > 100 * reach(usual, "LSTM", "cell")
    assert reach(opened, "RNN") == reach(usual, "RNN")
    assert told != told_of_open


def test_same_seed_same_numbers(tmp_path: Path) -> None:
    first, _ = run(tmp_path / "a", "--length", 8, "--seed", 3)
    again, _ = run(tmp_path / "b", "--length", 8, "--seed", 3)
    other, _ = run(tmp_path / "c", "--length", 8, "--seed", 4)
    assert first.equals(again)
    assert not first.equals(other)


def test_quiet_prints_nothing(tmp_path: Path) -> None:
    _, told = run(tmp_path, "--length", 5, "--quiet")
    assert told == ""


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--length", 1, "--length must be at least 2"),
        ("--units", -2, "--units must be at least 1"),
        ("--scale", "nan", "--scale must be"),
        ("--scale", -1, "--scale must be"),
    ],
)
def test_bad_options_are_refused_in_one_line(
    tmp_path: Path, option: str, value: object, told: str
) -> None:
    result = kerasrnn("gradients", "--output", tmp_path / "out", option, value)
    assert result.status == 2
    assert told in result.err
    assert result.err.count("\n") == 1
    assert not (tmp_path / "out").exists()
