"""Warn, and so fail the build, about a page that is not as meant.

That is a dead internal link, a resource from another machine, or a table shown as its source.
"""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sphinx.util import logging

logger = logging.getLogger(__name__)
REMOTE_CSS = re.compile(r"(?:url\(|@import)\s*[\"']?(https?:|//)")
FOLLOWED_BY_CLICK = {"a", "area"}


class Page(HTMLParser):
    """What a page can be linked at, what it links to, and what it makes the browser load."""

    def __init__(self, path: Path):
        super().__init__()
        self.anchors, self.links, self.loaded = set(), [], []
        self.tag, self.has_source_of_table = "", False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        self.tag, attributes = tag, dict(attributes)
        self.anchors |= {attributes.get("id"), attributes.get("name")}
        address = attributes.get("href") or attributes.get("src")
        if tag in FOLLOWED_BY_CLICK:
            self.links.append(address or "")
        elif address and attributes.get("rel") != "canonical":
            self.loaded.append(address)

    def handle_data(self, data):
        self.has_source_of_table |= self.tag == "p" and data.startswith("| ")


def is_remote(address):
    return address.startswith("//") or urlsplit(address).scheme in ("http", "https")


def check(app, exception):
    if exception or app.builder.format != "html":
        return
    root = Path(app.outdir)
    pages = {
        path.resolve(): Page(path) for path in root.rglob("*.html") if "_static" not in str(path)
    }
    for path, page in pages.items():
        for address in filter(is_remote, page.loaded):
            warn(path, root, f"loads {address} from another machine")
        for address in (*page.links, *page.loaded):
            if leads_nowhere(path, address, pages):
                warn(path, root, f"links to {address}, which is not there")
        if page.has_source_of_table:
            warn(path, root, "shows the source of a table")
    for path in root.rglob("*.css"):
        if REMOTE_CSS.search(path.read_text(encoding="utf-8")):
            warn(path, root, "loads a resource from another machine")


def leads_nowhere(path, address, pages):
    parts = urlsplit(address)
    if parts.scheme or is_remote(address):
        return False
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target in pages and parts.fragment:
        return unquote(parts.fragment) not in pages[target].anchors
    return not target.exists()


def warn(path, root, what):
    logger.warning("%s %s", path.resolve().relative_to(root.resolve()), what, type="self_contained")


def setup(app):
    app.connect("build-finished", check, priority=900)  # when every other extension has written
    return {"parallel_read_safe": True, "parallel_write_safe": True}
