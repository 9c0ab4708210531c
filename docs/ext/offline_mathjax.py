"""sphinx-mathjax-offline, which copies MathJax beside the pages, declared safe for `-j auto`."""

from importlib import import_module


def setup(app):
    import_module("sphinx-mathjax-offline").setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
