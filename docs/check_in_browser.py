"""Open HTML pages from the disk in headless Chromium, as wide as a phone and as a desktop.

    python docs/check_in_browser.py [PAGE_OR_SITE...]

Without any it is site/. No page may complain on the console, ask a network for anything, lack a
picture or be wider than the window. Of a folder, a built site, every page is opened, and the search
on its first must answer.
"""

import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

from playwright import sync_api

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PHONE, DESKTOP = 390, 1280
LOCAL = ("file", "data", "blob")
WORD = "recurrent"
# Equations take their room only when they are set. A picture that is lazy would never be decoded.
LACKED_PICTURES = """async () => {
  await window.MathJax?.startup?.promise;
  const pictures = [...document.images];
  pictures.forEach((picture) => { picture.loading = "eager"; });
  const decoded = await Promise.allSettled(pictures.map((picture) => picture.decode()));
  return pictures.filter((_, i) => decoded[i].status === "rejected").map((picture) => picture.src);
}"""


def chromium() -> str:
    """Return the program that is installed here."""
    for name in PROGRAMS:
        if path := shutil.which(name):
            return path
    sys.exit(f"Install Chromium or Chrome: none of {', '.join(PROGRAMS)} is here.")


def pages_of(path: Path) -> list[Path]:
    """Return a page itself, or those of a site."""
    if path.is_file():
        return [path]
    # The page for addresses that do not exist finds its style sheets on a server only.
    return sorted(page for page in path.rglob("*.html") if page.name != "404.html")


def listen(page: sync_api.Page) -> list[str]:
    """Return a list that takes up what a page complains of, and what it asks a network for."""
    heard: list[str] = []

    def note_message(message: sync_api.ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            heard.append(f"console {message.type}: {message.text} {message.location['url']}")

    def note_address(request: sync_api.Request | sync_api.WebSocket) -> None:
        if urlsplit(request.url).scheme not in LOCAL:
            heard.append(f"asks for {request.url}")

    page.on("console", note_message)
    page.on("pageerror", lambda error: heard.append(f"console error: {error}"))
    page.on("request", note_address)
    page.on("websocket", note_address)
    return heard


def search_answers(page: sync_api.Page) -> bool:
    """Type a word into the search, which a key opens at any width, and say whether it is found."""
    page.keyboard.press("/")
    page.keyboard.type(WORD)
    try:
        page.locator(".md-search-result__item").first.wait_for(timeout=10_000)
    except sync_api.TimeoutError:
        return False
    return True


def page_faults(
    context: sync_api.BrowserContext, file: Path, width: int, search: bool
) -> list[str]:
    """Return what is wrong with a page in windows of one width."""
    with context.new_page() as page:
        found = listen(page)
        page.goto(file.absolute().as_uri())
        page.wait_for_load_state("networkidle")
        found += [f"lacks the picture {address}" for address in page.evaluate(LACKED_PICTURES)]
        taken = page.evaluate("document.documentElement.scrollWidth")
        if taken > width:
            found.append(f"is {taken} px wide")
        if search and not search_answers(page):
            found.append(f"the search does not find {WORD!r}")
    return [f"{file} at {width} px: {fault}" for fault in found]


def faults(paths: list[Path]) -> list[str]:
    """Return a line for everything that is wrong, at either width."""
    found = [f"{path}: there is no page" for path in paths if not pages_of(path)]
    with (
        sync_api.sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium()) as browser,
    ):
        for width in (PHONE, DESKTOP):
            # A phone lays a page that is not made for it out as on a wide screen.
            kind = {"viewport": {"width": width, "height": 844}, "is_mobile": width == PHONE}
            with browser.new_context(offline=True, **kind) as context:
                for path in paths:
                    for file in pages_of(path):
                        search = file == path / "index.html"
                        found += page_faults(context, file, width, search)
    return found


def main(paths: list[Path]) -> int:
    """Print all faults."""
    found = faults(paths)
    count = sum(len(pages_of(path)) for path in paths)
    print("\n".join(found) or f"Pages in order, {PHONE} and {DESKTOP} px wide: {count}.")
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main([Path(name) for name in sys.argv[1:] or ["site"]]))
