"""Defaults of classes as numbers, text and calls, where Sphinx would show the repr of an object."""

import dataclasses
import inspect

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
    return {"parallel_read_safe": True, "parallel_write_safe": True}
