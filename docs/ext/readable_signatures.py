"""The reference as one reads it, where Sphinx would show the repr of an object.

Defaults of classes are numbers, text and calls; a type is described in words, not by the union that
it stands for.
"""

import dataclasses
import inspect

from docutils import nodes
from sphinx.util.inspect import signature, stringify_signature

UNKNOWN = "(*args, **kwargs)"  # of a class whose metaclass takes the call


def show(app, what, name, obj, options, text, returned):
    """Answer Sphinx's ``autodoc-process-signature`` for dataclasses and brainstate's modules."""
    if inspect.isclass(obj) and dataclasses.is_dataclass(obj):
        fields = filter(lambda field: field.init, dataclasses.fields(obj))
        return f"({', '.join(map(parameter, fields))})", returned
    if inspect.isclass(obj) and text == UNKNOWN:
        own = signature(obj.__init__, bound_method=True)
        return stringify_signature(own, show_annotation=False), returned
    return None


def describe(app, domain, kind, content):
    """Drop "alias of Array | ndarray | bool | ..." from the description of a type."""
    for paragraph in [*content.findall(nodes.paragraph)]:
        if kind == "data" and paragraph.astext().startswith("alias of "):
            paragraph.parent.remove(paragraph)


def parameter(field):
    if field.default_factory is not dataclasses.MISSING:
        return f"{field.name}={field.default_factory()!r}"
    if field.default is dataclasses.MISSING:
        return field.name
    if dataclasses.is_dataclass(field.default):
        return f"{field.name}={type(field.default).__name__}()"
    return f"{field.name}={field.default!r}"


def setup(app):
    app.connect("autodoc-process-signature", show)
    app.connect("object-description-transform", describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
