"""Signatures as `inspect.signature` gives them, where Sphinx would show fields in another order.

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
        fields = {field.name: field for field in dataclasses.fields(obj)}
        own = inspect.signature(obj)
        parameters = [readable(p, fields[p.name]) for p in own.parameters.values()]
        return stringify_signature(
            own.replace(parameters=parameters), show_annotation=False
        ), returned
    if inspect.isclass(obj) and text == UNKNOWN:
        own = signature(obj.__init__, bound_method=True)
        return stringify_signature(own, show_annotation=False), returned
    return None


def describe(app, domain, kind, content):
    """Drop "alias of Array | ndarray | bool | ..." from the description of a type."""
    for paragraph in [*content.findall(nodes.paragraph)]:
        if kind == "data" and paragraph.astext().startswith("alias of "):
            paragraph.parent.remove(paragraph)


def readable(parameter, field):
    """The parameter with its default: what a factory makes, and a record by its class alone."""
    made = field.default_factory
    default = field.default if made is dataclasses.MISSING else made()
    if dataclasses.is_dataclass(default):
        default = Text(f"{type(default).__name__}()")
    return parameter.replace(default=parameter.empty if default is dataclasses.MISSING else default)


class Text(str):
    """Text whose repr has no quotes."""

    __repr__ = str.__str__


def setup(app):
    app.connect("autodoc-process-signature", show)
    app.connect("object-description-transform", describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
