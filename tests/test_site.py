"""The check of the built site finds what is broken in one."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parent.parent / "docs" / "check_site.py"
specification = importlib.util.spec_from_file_location("check_site", FILE)
check_site: Any = importlib.util.module_from_spec(specification)  # type: ignore[arg-type]
specification.loader.exec_module(check_site)  # type: ignore[union-attr]

GOOD = """
<link rel="stylesheet" href="site.css"><script src="deep/run.js"></script>
<h1 id="top">A page</h1><a name="old"></a>
<a href="#top">here</a> <a href="deep/other.html#place">there</a> <a href="deep/">folder</a>
<a href="https://example.org">elsewhere</a> <img src="deep/a%20picture.png">
<img src="data:image/png;base64,AAAA">
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    (tmp_path / "index.html").write_text(GOOD)
    (tmp_path / "deep" / "other.html").write_text('<p id="place"><a href="../index.html#old"></a>')
    (tmp_path / "deep" / "index.html").write_text("<p>")
    (tmp_path / "site.css").write_text("p { background: url(data:image/png;base64,AAAA) }")
    for name in ("run.js", "a picture.png"):
        (tmp_path / "deep" / name).touch()
    return tmp_path


def test_whole_site_has_no_fault(site: Path) -> None:
    assert check_site.faults(site) == []
    assert check_site.main(site) == 0


@pytest.mark.parametrize(
    ("added", "fault"),
    [
        ('<a href="gone.html">', "gone.html is not there"),
        ('<a href="#gone">', "has no place named 'gone'"),
        ('<a href="deep/other.html#gone">', "has no place named 'gone'"),
        ('<a href="../outside.html">', "leads out of the site"),
        ('<img src="gone.png">', "gone.png is not there"),
        ('<img srcset="gone.png 2x">', "gone.png is not there"),
        ('<script src="https://cdn.example.org/a.js"></script>', "loads https://cdn"),
        ('<script src="//cdn.example.org/a.js"></script>', "loads //cdn"),
        ('<link rel="preconnect" href="https://fonts.example.org">', "loads https://fonts"),
        ('<img src="http://example.org/badge.svg">', "loads http://example.org"),
        ('<p style="background: url(https://example.org/a.png)">', "loads https://example.org"),
        ("<style>@import 'https://example.org/a.css'</style>", "loads https://example.org"),
    ],
)
def test_fault_is_found(
    site: Path, added: str, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    page = site / "index.html"
    page.write_text(page.read_text() + added)
    (found,) = check_site.faults(site)
    assert found.startswith("index.html: ")
    assert fault in found
    assert check_site.main(site) == 1
    assert found in capsys.readouterr().out


def test_style_sheet_that_loads_from_elsewhere_is_found(site: Path) -> None:
    (site / "site.css").write_text("@font-face { src: url('https://example.org/a.woff2') }")
    assert check_site.faults(site) == ["site.css: loads https://example.org/a.woff2"]


def test_no_page_at_all_is_a_fault(tmp_path: Path) -> None:
    assert len(check_site.faults(tmp_path)) == 1
