"""``flow``: why does a network not learn? Measures it as it is, without training."""

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
        help="your network: a function that returns a model, as for compare. Or a function without "
        "arguments that returns (model, inputs), with inputs of shape (time, batch, features) "
        "(default: the network of compare)",
    )  # fmt: skip
    add_data(parser)
    parser.add_argument(
        "--surrogates", nargs="+", metavar="SPEC",
        help="surrogates to measure: names or calls, such as Sigmoid 'QPseudoSpike(alpha=1.5)' "
        "(default: the model's own)",
    )  # fmt: skip
    parser.add_argument(
        "--paths", action="store_true",
        help="also split the gradient of one step back into leak, reset, recurrence and "
        "feed-forward",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=0,
        help="seed of the weights, the samples and the random projections of the output "
        "(default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--json", type=Path, metavar="FILE",
        help="file for all numbers; if its name ends in .json, an HTML report is written, too",
    )  # fmt: skip
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="file for a figure of the gradient by time step"
    )


def run(arguments: argparse.Namespace) -> None:
    if arguments.model is not None:  # before JAX is loaded
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
        logger.info("Figure written to %s", arguments.plot)


def _write_report(flows: GradientFlows, arguments: argparse.Namespace) -> None:
    from .._report import write_report

    path = arguments.json.with_suffix(".html")
    settings = {"seed": arguments.seed}
    write_report(flows, path, command=arguments.command_line, settings=settings)
    logger.info("Report written to %s", path)


def _flows(arguments: argparse.Namespace) -> GradientFlows:
    """Measure the factory's model on the inputs that it returns, or on samples of a task."""
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
                "--task and --data need a factory that returns a model alone, but "
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
    usual = "" if arguments.task or arguments.data else ", the default task"
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
    from .._comparison import Factory

    with _draws_of(seed):
        model = Factory(factory)(task)
    return model, task.batch(SAMPLES, seed).inputs


def _draws_of(seed: int) -> AbstractContextManager[None]:
    """A context in which factories draw the weights of this seed."""
    import jax

    from .._comparison import seeded

    return seeded(jax.random.key(seed), seed)
