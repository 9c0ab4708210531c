"""Links to the documentation of other packages, without fetching their inventories."""

from docutils import nodes

PAGES = {
    "braintools": "https://brainx.chaobrain.com/braintools/apis/generated/{name}.html",
    "brainstate": "https://brainx.chaobrain.com/brainstate/",
    "brainunit": "https://brainx.chaobrain.com/brainunit/",
    "jax": "https://docs.jax.dev/en/latest/_autosummary/{name}.html",
}


def link(app, env, node, contnode):
    """Answer Sphinx's ``missing-reference`` for a name that belongs to one of the packages."""
    name = node.get("reftarget", "")
    page = PAGES.get(name.partition(".")[0])
    if page is None:
        return None
    return nodes.reference("", "", contnode, refuri=page.format(name=name), internal=False)


def setup(app):
    app.connect("missing-reference", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
