"""The Chinese pages keep up with the English ones."""

import re
from pathlib import Path

import pytest

from tests.documents import ROOT

BESIDE = {"make_stock_prices", "options", "start"}  # what the programs import
PAGES = {"README.md": "README.zh.md", "docs/index.md": "docs/index.zh.md"}


def found(pattern: str, page: Path) -> list[str]:
    return re.findall(pattern, page.read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("part", [r"^```.*?^```$", r"!\[[^]]*\]\(([^)]+)\)", r"^#+ "])
def test_code_pictures_and_sections_are_the_same(page: str, part: str) -> None:
    ours, theirs = (found(part, ROOT / name) for name in (page, PAGES[page]))
    assert theirs
    if part == r"^#+ ":  # a page may lead on to others in place of its last sections
        assert abs(len(ours) - len(theirs)) <= 1
    else:
        assert ours == theirs


@pytest.mark.parametrize("page", PAGES)
def test_figures_are_those_of_the_english_page(page: str) -> None:
    number = r"\d+\.\d+"
    assert set(found(number, ROOT / PAGES[page])) <= set(found(number, ROOT / page))


def test_every_program_is_in_both() -> None:
    program = r"\(examples/(\w+)\.py\)"
    programs = sorted(path.stem for path in (ROOT / "examples").glob("*.py"))
    for page in ("README.md", "README.zh.md"):
        assert set(found(program, ROOT / page)) == set(programs) - BESIDE
