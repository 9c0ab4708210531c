"""Choose, diagnose and use surrogate gradients for spiking networks in brainstate."""

from typing import TYPE_CHECKING as _TYPE_CHECKING

if _TYPE_CHECKING:
    from ._comparison import load_task
    from ._comparison.compare import compare
    from ._gradient_flow import (
        gradient_flow,
        normalize_rates,
        normalize_surrogate,
        prepare,
        relay_weights,
    )
    from ._memory import (
        SpikeConv1d,
        SpikeConv2d,
        SpikeLinear,
        loop_in_parts,
        save_memory,
        spike_matmul,
    )
    from ._models import set_surrogate
    from ._registry import (
        UnknownSurrogateError,
        get_surrogate,
        list_surrogates,
        register_surrogate,
        surrogate_spec,
    )
    from ._report import write_report
    from ._surrogate import QPseudoSpike, Scaled, q_pseudo_spike
    from .records import Comparison, GradientFlow

    __version__: str

__all__ = [  # noqa: RUF022 -- grouped by use
    # The surrogate
    "QPseudoSpike",
    "q_pseudo_spike",
    "Scaled",
    # Surrogates by name
    "UnknownSurrogateError",
    "get_surrogate",
    "list_surrogates",
    "register_surrogate",
    "surrogate_spec",
    # Models
    "set_surrogate",
    # Memory
    "SpikeConv1d",
    "SpikeConv2d",
    "SpikeLinear",
    "loop_in_parts",
    "save_memory",
    "spike_matmul",
    # Measurements
    "Comparison",
    "GradientFlow",
    "compare",
    "gradient_flow",
    "load_task",
    "normalize_rates",
    "normalize_surrogate",
    "prepare",
    "relay_weights",
    "write_report",
]

# A public name is imported when it is first used. The package itself loads nothing, so that the
# command line can show its help, and be interrupted, before it has loaded JAX.
_ROOMS = (
    "_surrogate",
    "_registry",
    "_models",
    "records",
    "_gradient_flow",
    "_memory",
    "_comparison",
    "_report",
)
_MODULES = ("plotting", "records", "testing", "typing")

if not _TYPE_CHECKING:  # because of __getattr__, a type checker would accept any name

    def __getattr__(name):
        from importlib import import_module

        if name in _MODULES:
            return import_module(f".{name}", __name__)
        if name == "__version__":
            value = import_module("importlib.metadata").version("braintools-qps")
        elif name in __all__:
            rooms = (import_module(f".{room}", __name__) for room in _ROOMS)
            value = next(getattr(room, name) for room in rooms if hasattr(room, name))
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value

    def __dir__():
        private = {name for name in globals() if name[0] == "_"}
        return sorted({*private, *__all__, *_MODULES, "__version__"})
