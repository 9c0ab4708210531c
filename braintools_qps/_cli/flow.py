"""``flow``: how gradients travel back through a network, surrogate by surrogate, untrained."""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import brainstate
import numpy as np

from .._comparison.network import demonstration
from .._comparison.tasks import TASKS, load_task
from .._gradient_flow import gradient_flow
from .._report import write_report
from ..plotting import plot_gradient_flow
from ..records import GradientFlow
from .errors import described, reason
from .writing import write_figure

logger = logging.getLogger(__name__)

SAMPLES = 64
OPTIONS = ("surrogates", "seed", "target", "rate", "paths")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    network = parser.add_mutually_exclusive_group()
    network.add_argument(
        "--model", metavar="MODULE:FACTORY",
        help="your network: a function without arguments that returns (model, inputs), the inputs "
        "of shape (time, batch, features)",
    )  # fmt: skip
    network.add_argument(
        "--task", choices=sorted(TASKS), default="digits-rows",
        help="of the demonstration network (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--surrogates", nargs="+", metavar="SPEC",
        help="names or calls, such as Sigmoid 'QPseudoSpike(alpha=1.5)' (default: the model's own)",
    )  # fmt: skip
    parser.add_argument(
        "--target", type=float, default=1.0, help="growth per step to aim at (default: %(default)s)"
    )
    parser.add_argument(
        "--rate", type=float, default=0.1,
        help="firing rate per step to aim at where neurons are silent or saturated (default: "
        "%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--paths", action="store_true",
        help="split the gain of one step into leak, reset, recurrence and feed-forward",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of weights and projections")
    parser.add_argument(
        "--json", type=Path, metavar="FILE",
        help="write all figures there, and a report as HTML beside it if it ends in .json",
    )  # fmt: skip
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the flow by lag there")


def run(arguments: argparse.Namespace) -> None:
    options = {name: getattr(arguments, name) for name in OPTIONS}
    if arguments.model is None:
        flows = gradient_flow(*_demonstration(arguments.task, arguments.seed), **options)
    else:
        with _blamed_on(arguments.model):
            flows = gradient_flow(*_made_by(arguments.model), **options)
    print("\n\n".join(map(repr, flows.values())))
    if len(flows) > 1:
        print(f"\nRanked by how near the growth is to 1:\n{flows!r}")
    if arguments.json:
        data = {name: flow.to_dict() for name, flow in flows.items()}
        arguments.json.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n")
        logger.info("Written to %s", arguments.json)
        if arguments.json.suffix == ".json":  # not beside a device such as /dev/stdout
            _write_report(flows, arguments)
    if arguments.plot:
        write_figure(partial(plot_gradient_flow, flows), arguments.plot)
        logger.info("Drawn in %s", arguments.plot)


def _write_report(flows: Mapping[str, GradientFlow], arguments: argparse.Namespace) -> None:
    path = arguments.json.with_suffix(".html")
    settings = {name: getattr(arguments, name) for name in ("seed", "target")}
    write_report(flows, path, command=arguments.command_line, settings=settings)
    logger.info("A report to read and to send: %s", path)


@contextmanager
def _blamed_on(path: str) -> Iterator[None]:
    """Say whose model an error is about: JAX's own messages do not."""
    try:
        yield
    except (Exception, SystemExit) as error:
        why = described(error)
        if isinstance(error, KeyError) and "'dt'" in reason(error):
            why = (
                "the model needs the length of a time step. Call for example "
                "brainstate.environ.set(dt=1.0 * brainunit.ms) where it is made"
            )
        raise ValueError(f"with the model of {path}: {why}") from error


def _demonstration(name: str, seed: int) -> tuple[Any, Any]:
    """The network that ``compare`` trains, at its initial weights, and some of its samples."""
    task = load_task(name)
    with brainstate.random.seed_context(seed):
        model = demonstration(task.features, task.classes, task.steps)
    return model, np.swapaxes(task.train.inputs[:SAMPLES], 0, 1)


def _made_by(path: str) -> tuple[Any, Any]:
    """Call the factory that ``module:factory`` names; modules in the working directory count."""
    module, colon, name = path.partition(":")
    if not (module and colon and name):
        raise ValueError(f"a model is given as module:factory, got {path!r}")
    if "" not in sys.path:
        sys.path.insert(0, "")
    factory = getattr(importlib.import_module(module), name, None)
    if not callable(factory):
        raise ValueError(f"{module} has no function {name!r}")
    made = factory()
    if not (isinstance(made, tuple) and len(made) == 2):
        raise ValueError(f"{path} must return a tuple (model, inputs), got {type(made).__name__}")
    return made
