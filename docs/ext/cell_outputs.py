"""Outputs of cells without what a reader cannot use.

A figure is described by the title of its section, where myst-nb gives the name of its file. A
progress bar, which is a widget in a notebook, is dropped: tqdm ignores TQDM_DISABLE there.
"""

from docutils import nodes

WIDGET = "application/vnd.jupyter.widget-view+json"


def clean(app, doctree, docname):
    for raw in [*doctree.findall(nodes.raw)]:
        if WIDGET in raw.astext():
            raw.parent.remove(raw)
    for image in doctree.findall(nodes.image):
        if "alt" not in image:
            image["alt"] = f"Figure of the section {section_title(image)}"


def section_title(node):
    while not isinstance(node, nodes.section):
        node = node.parent
    return node.next_node(nodes.title).astext()


def setup(app):
    app.connect("doctree-resolved", clean, priority=400)  # before figures are copied or wrapped
    return {"parallel_read_safe": True, "parallel_write_safe": True}
