"""Add to ``:::{container} thumbnails`` the first figure of each section of its page, small."""

from docutils import nodes


def fill(app, doctree, docname):
    for container in doctree.findall(nodes.container):
        if "thumbnails" in container["classes"]:
            container += [*map(thumbnail, filter(has_figure, leaves(doctree)))]


def leaves(doctree):
    for section in doctree.findall(nodes.section):
        if not any(isinstance(child, nodes.section) for child in section.children):
            yield section


def has_figure(section):
    return section.next_node(nodes.image) is not None


def thumbnail(section):
    """A small copy of the section's first figure, with its title, linked to it."""
    image = section.next_node(nodes.image)
    title = section.next_node(nodes.title).astext()
    small = nodes.image(uri=image["uri"], candidates=image["candidates"], alt="")
    link = nodes.reference("", "", small, nodes.inline("", title), refid=section["ids"][0])
    return nodes.paragraph("", "", link)


def setup(app):
    app.connect("doctree-resolved", fill)  # when the outputs of a page's code are images
    return {"parallel_read_safe": True, "parallel_write_safe": True}
