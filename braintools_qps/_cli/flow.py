"""``flow``: why does a network not learn? Measures it as it is, without training."""

from __future__ import annotations

import argparse
import inspect
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .data import add_data, check_data, task_of
from .factories import blamed_on, check_path, factory_of
from .figures import check_directory, check_figure, write_figure

if TYPE_CHECKING:
    from .._comparison import Task
    from ..records import GradientFlows, Preparation

logger = logging.getLogger(__name__)

SAMPLES = 64
OPTIONS = ("surrogates", "seed")
MEASURED = ("surrogates", "json", "plot")  # options that --prepare does not take

R = TypeVar("R")


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
        "--prepare", action="store_true",
        help="print the lines of code with which prepare(model, inputs) brings the network into "
        "the range where it learns, in place of the measurement",
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
    if arguments.prepare:
        print(_prepared(arguments))
        return
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


def _prepared(arguments: argparse.Namespace) -> Preparation:
    """What `prepare` does to the model."""
    from .._gradient_flow import prepare

    given = [f"--{name}" for name in MEASURED if getattr(arguments, name)]
    if given:
        raise ValueError(f"--prepare measures nothing, got {', '.join(given)}. Leave them out")
    return _on_model(arguments, prepare)


def _flows(arguments: argparse.Namespace) -> GradientFlows:
    """Measure the model."""
    from .._candidates import candidates
    from .._gradient_flow import gradient_flow

    options = {name: getattr(arguments, name) for name in OPTIONS}
    if arguments.surrogates is not None:
        options["surrogates"] = candidates(arguments.surrogates)
    return _on_model(arguments, partial(gradient_flow, **options))


def _on_model(arguments: argparse.Namespace, call: Callable[[Any, Any], R]) -> R:
    """Call it with the factory's model and the inputs that it returns, or samples of a task."""
    from .._comparison import demonstration

    if arguments.model is None:
        return _on_task(_task(arguments), demonstration, arguments.seed, call)
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
            return call(*made)
    task = _task(arguments)
    with blamed_on(arguments.model):
        return _on_task(task, factory, arguments.seed, call)


def _task(arguments: argparse.Namespace) -> Task:
    task = task_of(arguments)
    usual = "" if arguments.task or arguments.data else ", the default task"
    samples = min(SAMPLES, task.sizes.train)
    logger.info("Measured on %d samples of %s%s.", samples, task.name, usual)
    return task


def _on_task(
    task: Task, factory: Callable[..., Any], seed: int, call: Callable[[Any, Any], R]
) -> R:
    from .._comparison import environment

    with environment():
        return call(*_made(factory, task, seed))


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
