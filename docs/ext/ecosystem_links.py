"""Links to the documentation of other packages.

In place of intersphinx, which fetches an inventory from each of them: this site builds offline.
"""

from docutils import nodes

import braintools_qps

PAGES = {
    "braintools": "https://brainx.chaobrain.com/braintools/apis/generated/{name}.html",
    "brainpy": "https://brainpy.readthedocs.io/",
    "brainstate": "https://brainx.chaobrain.com/brainstate/",
    "brainunit": "https://brainx.chaobrain.com/brainunit/",
    "distributed": "https://distributed.dask.org/en/stable/api.html",
    "jax": "https://docs.jax.dev/en/latest/_autosummary/{name}.html",
    "logging": "https://docs.python.org/3/library/logging.html",
    "matplotlib": "https://matplotlib.org/stable/api/_as_gen/{name}.html",
    "numpy": "https://numpy.org/doc/stable/reference/",
    "numpy.array_like": "https://numpy.org/doc/stable/glossary.html#term-array_like",
    "numpy.ndarray": "https://numpy.org/doc/stable/reference/generated/{name}.html",
    "optax": "https://optax.readthedocs.io/",
    "pandas": "https://pandas.pydata.org/docs/reference/api/{name}.html",
    "pathlib": "https://docs.python.org/3/library/pathlib.html",
    "saiunit": "https://brainx.chaobrain.com/saiunit/",
}


def link(app, env, node, contnode):
    """Answer Sphinx's ``missing-reference`` for names of theirs, and bare ones of ours."""
    name = node.get("reftarget", "")
    if name in braintools_qps.__all__:
        full, domain = f"braintools_qps.{name}", env.get_domain("py")
        return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", full, node, contnode)
    page = PAGES.get(name) or PAGES.get(name.partition(".")[0])
    if page is None:
        return None
    return nodes.reference("", "", contnode, refuri=page.format(name=name), internal=False)


def setup(app):
    app.connect("missing-reference", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
