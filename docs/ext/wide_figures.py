"""Put wide figures, mostly of several panels, into a box that scrolls on a narrow screen."""

import re
import struct
from pathlib import Path

from docutils import nodes

VIEW_BOX = re.compile(rb"<svg[^>]*?\bviewBox=\"[\d.]+ [\d.]+ ([\d.]+) [\d.]+\"", re.DOTALL)
DOTS, POINTS = 144, 72  # per inch: savefig.dpi of matplotlibrc, and the unit of an SVG
WIDE = 5.5  # inches


def wrap(app, doctree, docname):
    for image in [*doctree.findall(nodes.image)]:
        if not isinstance(image.parent, nodes.TextElement) and is_wide(app, image):
            image.replace_self(nodes.container("", image.deepcopy(), classes=["wide-figure"]))


def is_wide(app, image):
    return inches(Path(app.srcdir, image["uri"])) > WIDE


def inches(path):
    """The width of a PNG or SVG file; 0 of any other."""
    head = path.read_bytes()[:5000] if path.is_file() else b""
    if head.startswith(b"\x89PNG"):
        return struct.unpack(">I", head[16:20])[0] / DOTS
    match = VIEW_BOX.search(head)
    return float(match[1]) / POINTS if match else 0


def setup(app):
    app.connect("doctree-resolved", wrap)  # when the outputs of a page's code are images
    return {"parallel_read_safe": True, "parallel_write_safe": True}
