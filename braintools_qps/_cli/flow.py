"""``flow``: does a network learn, and if not why?"""

from __future__ import annotations

import argparse
import inspect
import logging
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from .._defaults import SAMPLES
from .._files import write_file
from .data import add, add_data, add_model, add_surrogates, blamed_on, factory_of, task_of

logger = logging.getLogger(__name__)

MEASURED = ("surrogates", "json")  # options that --prepare does not take
ALONE = "; or a function without arguments that returns (model, inputs)"
PREPARE = (
    "print the lines of code with which prepare(model, inputs) makes the network learn, instead of "
    "the diagnosis"
)
SEED = "seed of the weights, the samples and the random projections of the output"
JSON = "file for all numbers; if its name ends in .json, an HTML report is written, too"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_model(parser, ALONE)
    add_data(parser)
    add_surrogates(parser, "measure", "the model's own")
    add(parser, "--prepare", PREPARE, action="store_true")
    add(parser, "--seed", SEED, 0, type=int, default=0)
    add(parser, "--json", JSON, type=Path, metavar="FILE")


def run(arguments: argparse.Namespace) -> None:
    from .._checks import checked_count
    from .._gradient_flow import gradient_flow, prepare
    from .._registry import candidates

    checked_count("seed", arguments.seed, 0)
    if arguments.prepare:
        if given := [f"--{name}" for name in MEASURED if getattr(arguments, name)]:
            raise ValueError(f"--prepare measures nothing, got {', '.join(given)}. Leave them out")
        print(_on_model(arguments, prepare))
        return
    surrogates = arguments.surrogates and candidates(arguments.surrogates)
    flows = _on_model(arguments, partial(gradient_flow, surrogates=surrogates, seed=arguments.seed))
    print(flows)
    if arguments.json:
        write_file(arguments.json, flows.to_json(indent=1) + "\n")
        logger.info("Written to %s", arguments.json)
        if arguments.json.suffix == ".json":  # not beside a device such as /dev/stdout
            from .._report import write_report

            page = arguments.json.with_suffix(".html")
            write_report(flows, page, command=arguments.command_line)
            logger.info("Report written to %s", page)


def _on_model(arguments: argparse.Namespace, call: Callable[..., Any]) -> Any:
    """Call it with the factory's model and the inputs that it returns, or samples of a task."""
    import jax

    from .._comparison import Factory, environment, seeded

    factory = factory_of(arguments.model)
    blame: Any = partial(blamed_on, arguments.model) if arguments.model else nullcontext
    # The weights are those that compare draws with this seed.
    draws = partial(seeded, jax.random.key(arguments.seed), arguments.seed)
    with blame(), draws():
        made = None if inspect.signature(factory).parameters else factory()
    if isinstance(made, tuple) and len(made) == 2:
        if arguments.data or arguments.task:
            raise ValueError(
                "--task and --data need a factory that returns a model alone, but "
                f"{arguments.model} returns (model, inputs). Leave them out"
            )
        logger.info("Measured on the inputs that %s returns.", arguments.model)
        with blame():
            return call(*made)
    task = task_of(arguments)
    inputs, labels = task.batch(SAMPLES, arguments.seed)
    usual = "" if arguments.task or arguments.data else ", the default task"
    logger.info("Measured on %d samples of %s%s.", inputs.shape[1], task.name, usual)
    with blame(), environment():
        with draws():
            model = Factory(factory)(task)
        return call(model, inputs, labels=None if task.is_answered_at_each_step else labels)
