"""Check the built documentation site: no page loads anything from elsewhere, and no local link or anchor is broken."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: Attributes by which a page loads something.
LOADING = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("link", "href")}
#: Kinds of links in a head that load nothing.
NAMING = {"canonical", "prev", "next", "alternate", "search"}


class Page(HTMLParser):
    """What a page loads, where it leads, and its anchors."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Note the attributes that count."""
        of = {name: value or "" for name, value in attributes}
        self.anchors |= {of[name] for name in ("id", "name") if name in of}
        for name, value in of.items():
            if (tag, name) in LOADING and not NAMING & set(of.get("rel", "").split()):
                self.loads.append(value)
        if tag == "a" and "href" in of:
            self.links.append(of["href"])


def main(folder: Path) -> int:
    """Print what is wrong; return the exit code."""
    # 404.html is served from anywhere, and its links begin at the root
    paths = [path for path in folder.rglob("*.html") if path.name != "404.html"]
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in paths}
    wrong = []
    for path, page in pages.items():
        shown = path.relative_to(folder)
        wrong += [f"{shown} loads {url}" for url in page.loads if urlsplit(url).scheme in ("http", "https")
                  or url.startswith("//")]  # fmt: skip
        for url in (*page.loads, *page.links):
            parts = urlsplit(url)
            if parts.scheme or url.startswith(("//", "#__")) or "pictures" in path.parts:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            if not target.exists():
                wrong.append(f"{shown} leads to {url}, which is not there")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                wrong.append(f"{shown} leads to {url}, where that anchor is not")
    sys.stderr.write("".join(f"{line}\n" for line in wrong))
    sys.stdout.write(f"{len(pages)} pages, {len(wrong)} faults\n")
    return 1 if wrong or len(pages) < 20 else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
