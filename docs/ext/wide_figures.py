"""Mark figures of several panels, which then scroll on a narrow screen (``custom.css``)."""

import re
import struct
from pathlib import Path

from docutils import nodes

VIEW_BOX = re.compile(rb"<svg[^>]*?\bviewBox=\"[\d.]+ [\d.]+ ([\d.]+) ([\d.]+)\"", re.DOTALL)
SEVERAL_PANELS = 1.9  # times as wide as high


def mark(app, doctree, docname):
    for image in doctree.findall(nodes.image):
        size = size_of(Path(app.srcdir, image["uri"]))
        if size and size[0] > SEVERAL_PANELS * size[1]:
            image["classes"].append("several-panels")


def size_of(path):
    """Width and height of a PNG or SVG file; None of any other."""
    head = path.read_bytes()[:5000] if path.is_file() else b""
    if head.startswith(b"\x89PNG"):
        return struct.unpack(">II", head[16:24])
    match = VIEW_BOX.search(head)
    return match and tuple(map(float, match.groups()))


def setup(app):
    app.connect("doctree-resolved", mark)  # when the outputs of a page's code are images
    return {"parallel_read_safe": True, "parallel_write_safe": True}
