"""``list``: surrogates by name, with the packages that they come from; or tasks."""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .._defaults import ADVICE
from .._wording import message_of

if TYPE_CHECKING:
    from .._registry import Entry

INDENT = "    "
# The shapes of the gradients of braintools' classes and of ours; others are described by their
# docstring.
SHAPES = {
    "Arctan": "bell, tail 1 / x^2",
    "ERF": "Gaussian bell",
    "GaussianGrad": "Gaussian bell",
    "InvSquareGrad": "peak, tail 1 / x^2",
    "LeakyRelu": "constant on each side",
    "LogTailedRelu": "asymmetric, tail 1 / x",
    "MultiGaussianGrad": "bell with negative lobes",
    "NonzeroSignLog": "peak, tail 1 / x",
    "PiecewiseExp": "peak, exponential tail",
    "PiecewiseLeakyRelu": "box, constant tail",
    "PiecewiseQuadratic": "triangle",
    "QPseudoSpike": "peak, tail 1 / x^alpha",
    "ReluGrad": "triangle",
    "S2NN": "asymmetric, tail 1 / x",
    "Scaled": "that of another surrogate, with a scale and a dampening",
    "Sigmoid": "bell, exponential tail",
    "SlayerGrad": "peak, exponential tail",
    "SoftSign": "peak, tail 1 / x^2",
    "SquarewaveFourierSeries": "sum of cosines",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--tasks", action="store_true", help="list the tasks that compare --task takes"
    )


def run(arguments: argparse.Namespace) -> None:
    """Print the shape of each surrogate and which to start with, or each task."""
    from ..records import wrapped

    for head, description in _tasks() if arguments.tasks else _surrogates():
        print(*wrapped(head, others=2 * INDENT), sep="\n")
        print(*wrapped(description, first=INDENT, others=INDENT), sep="\n")
    if not arguments.tasks:
        print("", *wrapped(ADVICE), sep="\n")


def _tasks() -> Iterator[tuple[str, str]]:
    from .._comparison import TASKS, described

    for name, build in TASKS.items():
        yield name, described(build)


def _surrogates() -> Iterator[tuple[str, str]]:
    from .._registry import listed_entries

    for name, entry in sorted(listed_entries().items()):
        try:
            yield _described(name, entry)
        except Exception as error:  # one broken surrogate must not hide the others
            yield f"{name}  {entry.distribution}", f"Broken: {message_of(error)}"


def _described(name: str, entry: Entry) -> tuple[str, str]:
    """The name, the package and the parameters; and the shape or description."""
    from .._registry import plain

    surrogate = entry.load()
    package = entry.distribution or surrogate.__module__.partition(".")[0].replace("_", "-")
    parameters = [
        p.name if p.default is p.empty else f"{p.name}={plain(p.default, repr)}"
        for p in inspect.signature(surrogate).parameters.values()
    ]
    known = SHAPES.get(surrogate.__name__) if package in ("braintools", "braintools-qps") else None
    return f"{name}  {package}  {', '.join(parameters)}", known or _first_sentence(surrogate)


def _first_sentence(documented: type) -> str:
    """The first sentence of a class's own docstring, without markup and references."""
    line = inspect.cleandoc(documented.__doc__ or "").partition("\n")[0]
    return re.sub(r"\s*\[\w+\]_|:[\w:]+:|`", "", line)
