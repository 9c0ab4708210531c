"""``flow``: why does a network not learn? Measured as it is, untrained."""

from __future__ import annotations

import argparse
import inspect
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .data import add_data, check_data, task_of
from .factories import blamed_on, check_path, factory_of
from .figures import check_directory, check_figure, write_figure

if TYPE_CHECKING:
    from .._comparison import Task
    from ..records import GradientFlows

logger = logging.getLogger(__name__)

SAMPLES = 64
OPTIONS = ("surrogates", "seed", "paths")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", metavar="MODULE:FACTORY",
        help="your network: a function that returns a model, called with those of features, "
        "classes, outputs and steps that it takes, as by compare; or without arguments, returning "
        "(model, inputs), the inputs of shape (time, batch, features)",
    )  # fmt: skip
    add_data(parser)
    parser.add_argument(
        "--surrogates", nargs="+", metavar="SPEC",
        help="names or calls, such as Sigmoid 'QPseudoSpike(alpha=1.5)' (default: the model's own)",
    )  # fmt: skip
    parser.add_argument(
        "--paths", action="store_true",
        help="split the gain of one step into leak, reset, recurrence and feed-forward",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of weights and projections")
    parser.add_argument(
        "--json", type=Path, metavar="FILE",
        help="write all numbers there, and a report as HTML beside it if it ends in .json",
    )  # fmt: skip
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the flow by lag there")


def run(arguments: argparse.Namespace) -> None:
    if arguments.model is not None:  # before anything is loaded
        check_path(arguments.model)
    check_data(arguments)
    if arguments.json is not None:
        check_directory(arguments.json)
    if arguments.plot is not None:
        check_figure(arguments.plot)
    from .._checks import checked_seed

    checked_seed(arguments.seed)
    flows = _flows(arguments)
    print(flows)
    if arguments.json:
        arguments.json.write_text(flows.to_json(indent=1) + "\n")
        logger.info("Written to %s", arguments.json)
        if arguments.json.suffix == ".json":  # not beside a device such as /dev/stdout
            _write_report(flows, arguments)
    if arguments.plot:
        from ..plotting import plot_gradient_flow

        write_figure(partial(plot_gradient_flow, flows), arguments.plot)
        logger.info("Drawn in %s", arguments.plot)


def _write_report(flows: GradientFlows, arguments: argparse.Namespace) -> None:
    from .._report import write_report

    path = arguments.json.with_suffix(".html")
    settings = {"seed": arguments.seed}
    write_report(flows, path, command=arguments.command_line, settings=settings)
    logger.info("A report to read and to send: %s", path)


def _flows(arguments: argparse.Namespace) -> GradientFlows:
    """In what the factory returns: a model and its inputs, or one that gets a task's samples."""
    from .._candidates import candidates
    from .._comparison import demonstration
    from .._gradient_flow import gradient_flow

    options = {name: getattr(arguments, name) for name in OPTIONS}
    if arguments.surrogates is not None:
        options["surrogates"] = candidates(arguments.surrogates)
    if arguments.model is None:
        return _flows_on(_task(arguments), demonstration, options)
    with blamed_on(arguments.model):
        factory = factory_of(arguments.model)
        with _draws_of(arguments.seed):
            made = factory() if not inspect.signature(factory).parameters else None
    if isinstance(made, tuple) and len(made) == 2:
        if arguments.data or arguments.task:
            raise ValueError(
                "--task and --data are for a model without inputs, but "
                f"{arguments.model} returns (model, inputs). Leave them out"
            )
        logger.info("Measured on the inputs that %s returns.", arguments.model)
        with blamed_on(arguments.model):
            return gradient_flow(*made, **options)
    task = _task(arguments)
    with blamed_on(arguments.model):
        return _flows_on(task, factory, options)


def _task(arguments: argparse.Namespace) -> Task:
    task = task_of(arguments)
    usual = "" if arguments.task or arguments.data else ", as no --task or --data is given"
    samples = min(SAMPLES, task.sizes.train)
    logger.info("Measured on %d samples of %s%s.", samples, task.name, usual)
    return task


def _flows_on(task: Task, factory: Callable[..., Any], options: Mapping[str, Any]) -> GradientFlows:
    from .._comparison import environment
    from .._gradient_flow import gradient_flow

    with environment():
        return gradient_flow(*_made(factory, task, options["seed"]), **options)


def _made(factory: Callable[..., Any], task: Task, seed: int) -> tuple[Any, Any]:
    """A model as ``compare`` makes it, at its initial weights, and some of the samples."""
    import numpy as np

    from .._comparison import Factory

    with _draws_of(seed):
        model = Factory(factory)(task)
    rows = task.split(seed).train[:SAMPLES]
    return model, np.swapaxes(task.normalised(task.samples.inputs[rows]), 0, 1)


def _draws_of(seed: int) -> AbstractContextManager[None]:
    """Where factories draw the same weights each time."""
    import jax

    from .._comparison import seeded

    return seeded(jax.random.key(seed), seed)
