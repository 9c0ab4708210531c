"""Surrogates by name: registered at run time, published by distributions, or braintools' own.

Start here with `get_surrogate`. A spec is built and written in `specs`, a call string is parsed in
`parsing`, a name becomes a class in `resolution`, which asks `discovery` for all names there are.
`plain_values` writes any value in terms of what JSON has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from braintools.surrogate import Surrogate

from ..typing import SurrogateSpec
from . import discovery, resolution, specs
from .discovery import Entry, is_surrogate_class
from .parsing import parse as parse_call
from .parsing import read as read_value
from .parsing import shown
from .plain_values import plain
from .resolution import UnknownSurrogateError, listed_entries, qualified_name

__all__ = [  # noqa: RUF022 -- what users meet first
    "UnknownSurrogateError",
    "get_surrogate",
    "list_surrogates",
    "register_surrogate",
    "surrogate_spec",
    # For the other rooms
    "Entry",
    "is_surrogate_class",
    "listed_entries",
    "parse_call",
    "plain",
    "qualified_name",
    "read_value",
]

Class = TypeVar("Class", bound=type[Surrogate])


def get_surrogate(spec: SurrogateSpec, /, **params: Any) -> Surrogate:
    """Build a surrogate from its name, or from a spec out of a script or a configuration file.

    A name is matched exactly or else ignoring case and underscores, so that ``"q_pseudo_spike"``
    is ``"QPseudoSpike"``. What was registered at run time comes before what distributions publish,
    and that before braintools' own; ``"distribution:Name"`` picks one distribution, and
    ``"braintools:QPseudoSpike"`` the built-in one, as does its place in Python,
    ``"braintools.surrogate.QPseudoSpike"``. Only the plugin that is asked for is imported.

    In strings and mappings, ``"15 mV"`` is a Quantity, ``"inf"`` and ``"1e3"`` are numbers and a
    list of numbers is an array, except where the default of the parameter is text. A parameter that
    is annotated as a `braintools.surrogate.Surrogate` takes whatever ``spec`` may be. So the repr
    of a surrogate of this package is a spec. Those of braintools are built as they are and take
    numbers only: for a membrane in mV, ``"Scaled('Sigmoid', scale='15 mV')"``.

    Parameters
    ----------
    spec : str, mapping, type or Surrogate
        A name; a call with literal arguments, ``"QPseudoSpike(alpha=1.5, scale='15 mV')"``, which
        is parsed and never evaluated; a mapping with a ``"name"`` and parameters; a subclass of
        `braintools.surrogate.Surrogate`; or a surrogate, which is returned as it is.
    **params
        Parameters of the surrogate. They replace those of the spec.

    Returns
    -------
    braintools.surrogate.Surrogate

    Raises
    ------
    UnknownSurrogateError
        If no surrogate has the name.
    LookupError
        If two distributions claim the name for different classes.
    ImportError
        If the plugin with that name cannot be imported.
    ValueError
        If a string is not a name or a call with literal arguments, a unit is unknown, or a spec is
        nested too deeply.
    TypeError
        If ``spec`` is none of the above, or the surrogate does not take the parameters.

    See Also
    --------
    surrogate_spec : The way back, from a surrogate to a mapping.
    list_surrogates : The names.
    braintools_qps.typing.SurrogateSpec : The type of ``spec``.

    Examples
    --------
    >>> from braintools_qps import get_surrogate
    >>> get_surrogate("q_pseudo_spike")
    QPseudoSpike(alpha=2.0)
    >>> get_surrogate("QPseudoSpike(alpha=inf, scale='15 mV')")
    QPseudoSpike(alpha=float('inf'), scale=Quantity(15.0, "mV"))
    >>> get_surrogate({"name": "Sigmoid", "alpha": 2.0})
    Sigmoid(alpha=2.0)
    >>> get_surrogate({"name": "Scaled", "surrogate": "Sigmoid", "dampening": 0.25})
    Scaled(surrogate=Sigmoid(alpha=4.0), dampening=0.25)
    """
    try:
        return specs.build(spec, params)
    except RecursionError as error:
        raise ValueError(
            f"the spec {shown(spec)} is nested too deeply, or contains itself. Pass numbers, text, "
            "lists of numbers, and surrogates in surrogates only as deep as you would write them"
        ) from error


def list_surrogates() -> list[str]:
    """Names that `get_surrogate` takes, sorted; every surrogate once.

    Nothing is imported to make the list, so a plugin that turns out to be broken is in it. A name
    that distributions seem to claim for different classes is listed as ``"distribution:Name"``, as
    is a surrogate that is hidden by one of higher precedence: ``"braintools:QPseudoSpike"``.

    Returns
    -------
    list of str

    Examples
    --------
    >>> from braintools_qps import list_surrogates
    >>> "QPseudoSpike" in list_surrogates()
    True
    """
    return sorted(resolution.listed_entries())


@overload
def register_surrogate(
    surrogate: Class, *, name: str | None = ..., overwrite: bool = ...
) -> Class: ...


@overload
def register_surrogate(
    surrogate: None = ..., *, name: str | None = ..., overwrite: bool = ...
) -> Callable[[Class], Class]: ...


def register_surrogate(
    surrogate: Any = None, *, name: str | None = None, overwrite: bool = False
) -> Any:
    """Give a surrogate class a name in this process; also as a decorator.

    It then takes precedence over published and built-in surrogates of that name. To offer one to
    other people, publish it with an entry point in the group ``braintools.surrogate`` instead.

    Parameters
    ----------
    surrogate : type, optional
        A subclass of `braintools.surrogate.Surrogate`; without it, a decorator is returned.
    name : str, optional
        The name; by default that of the class.
    overwrite : bool
        Whether to replace another class registered under the name. The same class, and one
        defined again in the same place as when a notebook cell is run twice, replaces itself.

    Returns
    -------
    type or callable
        The class, unchanged; or the decorator.

    Raises
    ------
    TypeError
        If it is not a subclass of Surrogate.
    ValueError
        If another class is registered under the name, or the name holds other characters
        than letters, digits, ``_``, ``.`` and ``-``.

    Examples
    --------
    >>> from braintools.surrogate import Sigmoid
    >>> from braintools_qps import get_surrogate, register_surrogate
    >>> @register_surrogate(name="SteepSigmoid")
    ... class SteepSigmoid(Sigmoid):
    ...     def __init__(self, alpha=10.0):
    ...         super().__init__(alpha)
    >>> get_surrogate("steep_sigmoid")
    SteepSigmoid(alpha=10.0)
    """
    if surrogate is None:
        return lambda surrogate: register_surrogate(surrogate, name=name, overwrite=overwrite)
    if not is_surrogate_class(surrogate):
        raise TypeError(
            "only a subclass of braintools.surrogate.Surrogate can be registered, "
            f"got {shown(surrogate)}"
        )
    resolution.register(discovery.registered(name or surrogate.__name__, surrogate), overwrite)
    return surrogate


def surrogate_spec(surrogate: Surrogate) -> dict[str, Any]:
    """A mapping that JSON can hold and from which `get_surrogate` builds an equal surrogate.

    Positional parameters are always written, keyword-only ones where they are not the default.
    Quantities become ``"15.0 mV"``, infinity ``"inf"``, arrays nested lists and surrogates specs;
    a surrogate with an array parameter comes back with the same numbers, but equality of arrays is
    by identity.

    Parameters
    ----------
    surrogate : braintools.surrogate.Surrogate
        One whose class has a name and keeps its parameters in attributes of the same names.

    Returns
    -------
    dict

    Raises
    ------
    TypeError
        If it is not a surrogate, its class has no name, a parameter is not kept, cannot be written,
        as with a State or a traced value, or contains itself.

    Examples
    --------
    >>> import brainunit as u
    >>> from braintools_qps import QPseudoSpike, surrogate_spec
    >>> surrogate_spec(QPseudoSpike(alpha=1.5, scale=15 * u.mV))
    {'name': 'QPseudoSpike', 'alpha': 1.5, 'scale': '15.0 mV'}
    """
    if not isinstance(surrogate, Surrogate):
        raise TypeError(f"surrogate_spec takes a Surrogate, got {shown(surrogate)}")
    try:
        return specs.write(surrogate)
    except RecursionError as error:
        raise TypeError(
            f"a parameter of {type(surrogate).__name__} is nested too deeply, or contains itself, "
            "and cannot be written in a spec"
        ) from error
