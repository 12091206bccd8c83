"""What is said about a CSV file that cannot be used: one line, with place and remedy."""

import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasrnn.forecasting.data import DataError, Reading, read_csv
from tests.tables import write

TEN_COLUMNS = "abcdefghij"


def refusal(path: Path, **options: Any) -> str:
    """Return the error that reading a file ends in, which is one line naming the file."""
    with pytest.raises(DataError) as caught:
        read_csv(path, Reading(**options))
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


# What is wrong: the file, and what the error must hold of line, column, cell and remedy.
BAD = {
    "empty": ("", ["is empty", "header line"]),
    "blank": ("\n\n \n", ["is empty", "header line"]),
    "header only": ("ds,y\n\n", ["no rows", "add rows"]),
    "no header": ("1,112\n2,118\n", ["line 1", "1, 112", "add a header line"]),
    "text": ("ds,y\n1,2\n2,x\n", ["line 3", "'y'", "'x'", "--target"]),
    "thousands": ('ds,y\n1,2\n2,"1,000"\n', ["line 3", "'y'", "'1,000'", "thousands"]),
    "decimal comma": ("ds;y\n1;2\n2;1,5\n", ["line 3", "'y'", "'1,5'", "decimal point"]),
    "infinite": ("ds,y\n1,2\n2,-inf\n", ["line 3", "'y'", "'-inf'", "--fill"]),
    "too large": ("ds,y\n1,2\n2,1e999\n", ["line 3", "'y'", "'1e999'", "--fill"]),
    "missing": ("ds,y\n1,2\n2,\n", ["line 3", "'y'", "--fill linear", "previous", "drop"]),
    "n/a, twice": ("ds,y\n1,2\n2,N/A\n3,nan\n", ["line 3", "'y'", "1 more", "--fill linear"]),
    "short row": ("ds,y\n1,2\n2\n3,4\n", ["line 3", "expected 2 cells", "got 1"]),
    "long row": ("ds,y\n1,2\n2,3,4\n3,4\n", ["line 3", "expected 2 cells", "got 3", "header"]),
    "nothing": ("ds,y\n1,\n2,\n", ["'y'", "no values", "--target"]),
    "constant": ("ds,y\n1,5\n2,5\n3,5\n", ["'y'", "all 3 values are 5", "--target"]),
    "unsorted": ("ds,y\n2,1\n1,2\n", ["line 3", "'ds'", "'1'", "--sort"]),
    "duplicate": ("ds,y\n1,1\n2,2\n1,3\n", ["line 4", "'ds'", "'1'", "--sort"]),
    "repeated": ("ds,y\n1,1\n2,2\n2,3\n", ["line 4", "'ds'", "'2'", "line 3", "--duplicates"]),
    "bad date": ("ds,y\n2000-01,1\n2000-13,2\n", ["line 3", "'ds'", "'2000-13'", "1960-12"]),
    "bad time": ("ds,y\nfoo,1\nbar,2\n", ["line 2", "'ds'", "'foo'", "--time"]),
    "no time": ("ds,y\n2000-01,1\n,2\n", ["line 3", "'ds'", "''", "--time"]),
    "ten columns": (
        f"{','.join(TEN_COLUMNS)}\n1,2,3,4,5,6,7,8,9,0\n",
        ["10 columns", "--target", ", ".join(TEN_COLUMNS)],
    ),
    "latin-1": ("ds,y\n1,2\n2,é\n".encode("latin-1"), ["line 3", "0xe9", "--encoding latin-1"]),
    "utf-16": ("ds,y\n1,2\n2,4\n".encode("utf-16"), ["not utf-8", "--encoding utf-16"]),
    "utf-16, unmarked": ("ds,y\n1,2\n2,4\n".encode("utf-16-le"), ["zero", "--encoding utf-16"]),
}


@pytest.mark.parametrize(("content", "parts"), BAD.values(), ids=BAD)
def test_bad_file_is_told_with_place_and_remedy(
    tmp_path: Path, content: str | bytes, parts: list[str]
) -> None:
    message = refusal(write(tmp_path, content))
    assert [part for part in parts if part not in message] == [], message


def test_missing_file(tmp_path: Path) -> None:
    assert "no such file; check the path" in refusal(tmp_path / "none.csv")
    assert "no such file; check the path" in refusal(tmp_path / "no" / "none.csv")


def test_directory(tmp_path: Path) -> None:
    assert "is a directory; name a CSV file" in refusal(tmp_path)


@pytest.mark.parametrize("name", ["table.zip", "table.xlsx", "table.csv"])
def test_archive(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("table.csv", "ds,y\n1,2\n")
    assert "is a zip archive or an Excel workbook; save the sheet" in refusal(tmp_path / name)


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(path: Path) -> bytes:
        raise PermissionError

    path = write(tmp_path, "y\n1\n2\n")
    monkeypatch.setattr(Path, "read_bytes", deny)
    assert "permissions" in refusal(path)


@pytest.mark.parametrize("option", ["target", "time"])
def test_wrong_column_name_suggests_the_near_one(tmp_path: Path, option: str) -> None:
    path = write(tmp_path, "month,passengers,note\n2000-01,1,a\n2000-02,2,b\n")
    near = {"target": "pasengers", "time": "mont"}[option]
    meant = {"target": "passengers", "time": "month"}[option]
    message = refusal(path, **{option: near})
    assert f"no column {near!r}; it has month, passengers, note" in message
    assert message.endswith(f"did you mean --{option} {meant!r}?")
    assert "did you mean" not in refusal(path, **{option: "zzz"})


def test_target_and_time_must_differ(tmp_path: Path) -> None:
    message = refusal(write(tmp_path, "a,b\n1,2\n2,3\n"), target="a", time="a")
    assert "--target and --time both name 'a'" in message


def test_unknown_ways_to_fill_and_to_keep_rows() -> None:
    for options in ({"fill": "zero"}, {"duplicates": "none"}):
        (name,) = options
        with pytest.raises(DataError, match=f"^--{name} must be one of .*Got '{options[name]}'"):
            Reading(**options)


def test_unknown_encoding(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--encoding klingon: no such encoding"):
        read_csv(write(tmp_path, "y\n1\n2\n"), Reading(encoding="klingon"))


BAD_ROWS = {
    "text": ("2000-07,word", "'y'"),
    "missing": ("2000-07,", "'y'"),
    "infinite": ("2000-07,inf", "'y'"),
    "bad time": ("soon,7", "'ds'"),
    "unsorted": ("1999-01,7", "'ds'"),
    "repeated": ("2000-01,7", "'ds'"),
}


@given(
    kind=st.sampled_from(sorted(BAD_ROWS)),
    blanks=st.lists(st.integers(0, 3), min_size=6, max_size=6),
    position=st.integers(1, 5),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_line_number_is_that_of_the_file(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    blanks: list[int],
    position: int,
    end: str,
) -> None:
    bad, column = BAD_ROWS[kind]
    position = 1 if kind == "repeated" else position
    rows = [f"2000-{month:02d},{month}" for month in range(1, 7)]
    rows[position] = bad
    lines = ["ds,y"]
    for row, blank in zip(rows, blanks, strict=True):
        lines += [""] * blank + [row]
    path = tmp_path_factory.mktemp("lines") / "table.csv"
    path.write_bytes(end.join(lines).encode())
    assert f"line {lines.index(bad) + 1}, column {column}" in refusal(path)
