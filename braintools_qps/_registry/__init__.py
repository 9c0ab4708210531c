"""Surrogates by name: registered in this process, published by a package, or braintools' own.

Start here with `get_surrogate`. `specs` builds a surrogate from a spec and writes the spec of a
surrogate. `parsing` reads call strings. `resolution` finds the class for a name among those that
`discovery` lists, and `libraries` has the names of other libraries. `candidates` labels those that
a tool is given, and `plain_values` turns values into JSON's types.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from braintools.surrogate import Surrogate

from .._wording import shown
from ..typing import SurrogateSpec
from . import resolution, specs
from .candidates import candidates, is_candidate
from .discovery import Entry, entry_of, is_surrogate_class
from .parsing import read as read_value
from .plain_values import plain
from .resolution import UnknownSurrogateError, listed_entries
from .specs import call_text

Class = TypeVar("Class", bound=type[Surrogate])


def get_surrogate(spec: SurrogateSpec, **params: Any) -> Surrogate:
    """Build a surrogate from a name, a call string or a mapping, such as in a configuration file.

    Case and underscores do not matter: ``"q_pseudo_spike"`` is ``"QPseudoSpike"``. Surrogates
    registered in this process come first, then those of installed packages, then braintools' own.
    If a package uses a name of braintools, there is a warning. ``"distribution:Name"`` picks a
    package. For example, ``"braintools:QPseudoSpike"`` is braintools' own class; so is
    ``"braintools.surrogate.QPseudoSpike"``. No other plugin is imported.

    A name of snnTorch, SpikingJelly, Norse or spyx gives a surrogate with the same derivative:
    ``"snntorch.fast_sigmoid(slope=25)"``. The paper's parameters build its form, as
    `QPseudoSpike.from_q` does: ``"QPseudoSpike(q=3, sharpness=2)"``.

    In strings and mappings, ``"15 mV"`` is a Quantity, ``"inf"`` and ``"1e3"`` are numbers, and a
    list of numbers is an array. A string stays a string if the parameter's default is one. A
    parameter annotated as `braintools.surrogate.Surrogate` may be a spec itself. The repr of a
    surrogate of this package is a valid spec, if it has no arrays.

    braintools' surrogates take numbers only. For a membrane in mV use
    ``"Scaled('Sigmoid', scale='15 mV')"``.

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
        The surrogate that was built, or ``spec`` itself if it is one.

    Raises
    ------
    UnknownSurrogateError
        If no surrogate has the name.
    LookupError
        If two packages publish different classes under the name, or a surrogate of another library
        cannot be expressed here.
    ImportError
        If the plugin with that name cannot be imported.
    ValueError
        If a string is not a name or a call with literal arguments, a unit is unknown, or a mapping
        has no ``"name"``.
    TypeError
        If ``spec`` is none of the types above, or the surrogate does not take the parameters.

    See Also
    --------
    surrogate_spec : The way back, from a surrogate to a mapping.
    list_surrogates : All names.
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
    >>> get_surrogate("spikingjelly.ATan(alpha=2.0)")
    Arctan(alpha=2.0)
    """
    return specs.build(spec, **params)


def list_surrogates() -> list[str]:
    """List the names of all surrogates that `get_surrogate` can build, sorted.

    All can be built by name alone, except `Scaled`, which needs a surrogate to scale:
    ``"Scaled('Sigmoid')"``.

    No plugin is imported, so a broken plugin is listed, too. If two surrogates share a name, the
    one of lower precedence is listed with its package. For example, braintools' own QPseudoSpike is
    ``"braintools:QPseudoSpike"``. Names of other libraries, such as ``"snntorch.atan"``, are not
    listed: the page "Moving from another library" has them.

    Returns
    -------
    list of str
        Every surrogate once.

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
    surrogate: Class | None = None, *, name: str | None = None, overwrite: bool = False
) -> Class | Callable[[Class], Class]:
    """Register a surrogate class under a name in this process; works as a decorator, too.

    The class hides published and built-in surrogates of the same name. To share a surrogate with
    other people, publish it with an entry point in the group ``braintools.surrogate`` instead.

    Parameters
    ----------
    surrogate : type, optional
        A subclass of `braintools.surrogate.Surrogate`; without it, a decorator is returned.
    name : str, optional
        The name; by default that of the class.
    overwrite : bool
        Whether to replace another class of that name. You do not need it to register the same class
        again, for example by running a notebook cell twice.

    Returns
    -------
    type or callable
        The class, unchanged; or the decorator.

    Raises
    ------
    TypeError
        If ``surrogate`` is not a subclass of Surrogate.
    ValueError
        If another class is registered under the name, if the name differs from that of another
        surrogate only in case and underscores, or if it is not a valid name in Python.

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
            f"got {shown(surrogate)}. Derive a class from it, with surrogate_grad as a method"
        )
    resolution.register(entry_of(surrogate, name=name), overwrite)
    return surrogate


def surrogate_spec(surrogate: Surrogate) -> dict[str, Any]:
    """Write a surrogate as a JSON-ready dict from which `get_surrogate` builds an equal one.

    Positional parameters are always written, keyword-only ones only if they differ from the
    default. Quantities are written as ``"15.0 mV"``, infinity as ``"inf"``, arrays as nested lists
    and inner surrogates as specs. Arrays come back as NumPy arrays with the same numbers but not
    always the same dtype. A surrogate with a float32 or JAX array is therefore not equal to the one
    read back.

    Parameters
    ----------
    surrogate : braintools.surrogate.Surrogate
        Its class must be one that `get_surrogate` can find, and keep each parameter in an attribute
        of the same name.

    Returns
    -------
    dict
        The name of the class and its parameters.

    Raises
    ------
    TypeError
        If ``surrogate`` is not a Surrogate, its class has no name, or a parameter cannot be
        written: it is a State or a traced value, or is not kept as an attribute.

    Examples
    --------
    >>> import brainunit as u
    >>> from braintools_qps import QPseudoSpike, surrogate_spec
    >>> surrogate_spec(QPseudoSpike(alpha=1.5, scale=15 * u.mV))
    {'name': 'QPseudoSpike', 'alpha': 1.5, 'scale': '15.0 mV'}
    """
    if not isinstance(surrogate, Surrogate):
        raise TypeError(
            f"surrogate_spec takes a Surrogate, got {shown(surrogate)}. Build one: "
            "get_surrogate(...)"
        )
    return specs.write(surrogate)
