"""Look for broken links in the built site, and for what it would load from another host.

    python docs/check_site.py SITE

Every link, picture, script and style sheet must be there, and so must the place in a page that a
link names. Only links that a reader follows may leave the site.
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

URL_IN_CSS = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")


class Page(HTMLParser):
    """What one page of the site names and refers to.

    Attributes:
        names: The places that a link can name.
        links: Where a reader can go.
        loaded: What the browser loads by itself.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = {""}
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.in_style = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a tag's names and addresses."""
        given = {name: value for name, value in attrs if value is not None}
        self.names |= {given[name] for name in ("id", "name") if name in given}
        self.in_style = tag == "style"
        self.loaded += [given[name] for name in ("src", "poster", "data") if name in given]
        self.loaded += [part.split()[0] for part in given.get("srcset", "").split(",") if part]
        self.loaded += addresses_in_css(given.get("style", ""))
        if "href" in given:
            goes_there = tag in ("a", "area") or given.get("rel") in ("canonical", "prev", "next")
            (self.links if goes_there else self.loaded).append(given["href"])

    def handle_data(self, data: str) -> None:
        """Look into style sheets that stand in the page."""
        if self.in_style:
            self.loaded += addresses_in_css(data)


def addresses_in_css(text: str) -> list[str]:
    """Return what a style sheet loads."""
    return [url or imported for url, imported in URL_IN_CSS.findall(text)]


def is_elsewhere(address: str) -> bool:
    """Say whether an address leads to another host."""
    parts = urlsplit(address)
    return bool(parts.netloc) or parts.scheme in ("http", "https")


def fault(site: Path, pages: dict[Path, Page], file: Path, address: str) -> str | None:
    """Say what is wrong with an address inside the site, if anything is."""
    parts = urlsplit(address)
    if parts.scheme in ("data", "mailto", "javascript"):
        return None
    target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
    if target.is_dir():
        target /= "index.html"
    if site not in target.parents:
        return "leads out of the site"
    if not target.exists():
        return "is not there"
    if target in pages and unquote(parts.fragment) not in pages[target].names:
        return f"has no place named {parts.fragment!r}"
    return None


def faults(site: Path) -> list[str]:
    """Return a line for everything that is wrong."""
    site = site.resolve()
    pages = {file: Page(file.read_text(encoding="utf-8")) for file in site.rglob("*.html")}
    loaded = {file: page.loaded for file, page in pages.items()}
    for file in site.rglob("*.css"):
        loaded[file] = addresses_in_css(file.read_text(encoding="utf-8"))
    found = []
    for file in sorted(loaded):
        place = file.relative_to(site)
        found += [f"{place}: loads {one}" for one in loaded[file] if is_elsewhere(one)]
        links = pages[file].links if file in pages else []
        for address in [*loaded[file], *links]:
            # The page for addresses that do not exist may be asked for from anywhere.
            if is_elsewhere(address) or file.name == "404.html":
                continue
            if reason := fault(site, pages, file, address):
                found.append(f"{place}: {address} {reason}")
    return found if pages else [f"{site}: there is no page"]


def main(site: Path) -> int:
    """Print all faults."""
    found = faults(site)
    print("\n".join(found) or "Every link leads somewhere, and nothing is loaded from elsewhere.")
    return min(len(found), 1)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
