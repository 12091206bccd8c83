"""The look at pages in a browser finds what is wrong with one."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[2] / "docs" / "check_in_browser.py"
specification = importlib.util.spec_from_file_location("check_in_browser", FILE)
check: Any = importlib.util.module_from_spec(specification)  # type: ignore[arg-type]
specification.loader.exec_module(check)  # type: ignore[union-attr]

PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="
GOOD = f"""<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>A page</title><p>Text</p><img src="{PIXEL}" alt=""><script>console.log("fine")</script>
<img src="{PIXEL}" alt="" loading="lazy" style="display: block; margin-top: 9000px">
"""
SEARCH = """<input id="query"><ol id="found"></ol><script>
addEventListener("keyup", (event) => event.key === "/" && query.focus());
query.oninput = () => setTimeout(() => {
  found.innerHTML = "recurrent".includes(query.value) && "<li class=md-search-result__item>here";
}, 100);
</script>"""


def page(folder: Path, added: str = "", name: str = "page.html") -> Path:
    path = folder / name
    path.write_text(GOOD + added)
    return path


def test_good_page_has_no_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main([page(tmp_path)]) == 0
    assert capsys.readouterr().out == "Pages in order, 390 and 1280 px wide: 1.\n"


@pytest.mark.parametrize(
    ("added", "fault"),
    [
        ("<script>console.error('broken')</script>", "console error: broken"),
        ("<script>console.warn('odd')</script>", "console warning: odd"),
        ("<script>setTimeout(() => nothing())</script>", "console error: nothing is not defined"),
        ("<script>Promise.reject(Error('promised'))</script>", "console error: promised"),
        ("<script src='gone.js'></script>", "gone.js"),
        ("<p style='background: url(gone.png)'>", "gone.png"),
        ("<img src='gone.png'>", "lacks the picture file:"),
        ("<img src='data:image/png;base64,AAAA'>", "lacks the picture data:"),
        ("<img src='gone.png' loading='lazy' style='margin-top: 9000px'>", "lacks the picture"),
        ("<img src='http://host.invalid/a.png'>", "asks for http://host.invalid/a.png"),
        ("<script>fetch('https://host.invalid/a')</script>", "asks for https://host.invalid/a"),
        ("<script>new WebSocket('ws://host.invalid')</script>", "asks for ws://host.invalid"),
        ("<iframe src='https://host.invalid/'></iframe>", "asks for https://host.invalid/"),
        ("<p style='width: 1500px'>wide</p>", "px wide"),
    ],
)
def test_fault_is_found_at_either_width(
    tmp_path: Path, added: str, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = page(tmp_path, added)
    assert check.main([file]) == 1
    lines = capsys.readouterr().out.splitlines()
    for width in (390, 1280):
        assert any(s.startswith(f"{file} at {width} px: ") and fault in s for s in lines), lines


def test_page_that_is_too_wide_for_a_phone_only(tmp_path: Path) -> None:
    file = page(tmp_path, "<style>body { margin: 0 }</style><p style='width: 391px'>wide</p>")
    assert check.faults([file]) == [f"{file} at 390 px: is 391 px wide"]


def test_page_that_is_not_made_for_a_phone(tmp_path: Path) -> None:
    file = page(tmp_path)
    file.write_text("<!DOCTYPE html><title>A page</title><p>Text</p>")
    assert check.faults([file]) == [f"{file} at 390 px: is 980 px wide"]


def test_site_whose_search_answers_has_no_fault(tmp_path: Path) -> None:
    page(tmp_path, SEARCH, "index.html")
    page(tmp_path, name="other.html")
    page(tmp_path, "<img src='/gone.png'>", "404.html")
    assert check.faults([tmp_path]) == []


def test_search_that_does_not_answer_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "WORD", "convolutional")
    file = page(tmp_path, SEARCH, "index.html")
    fault = "the search does not find 'convolutional'"
    assert check.faults([tmp_path]) == [f"{file} at {width} px: {fault}" for width in (390, 1280)]


def test_fault_deep_in_a_site_is_found(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    page(tmp_path, SEARCH, "index.html")
    file = page(tmp_path / "deep", "<img src='gone.png'>")
    assert {line.partition(" at ")[0] for line in check.faults([tmp_path])} == {str(file)}


def test_no_page_at_all_is_a_fault(tmp_path: Path) -> None:
    assert check.faults([tmp_path]) == [f"{tmp_path}: there is no page"]


def test_chromium_that_is_not_installed_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "PROGRAMS", ("chromium-of-nobody",))
    with pytest.raises(SystemExit, match="Install Chromium"):
        check.chromium()
