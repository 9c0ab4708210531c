"""``flow``: how gradients travel back through a network, surrogate by surrogate, untrained."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .._flow import gradient_flow
from .._network import RecurrentClassifier
from .._surrogate import QPseudoSpike
from .._tasks import TASKS, load_task
from .._training import Settings, initial_state, time_constants
from .figures import write_flows

SAMPLES = 64


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("flow", help=__doc__.split(": ")[1], description=__doc__)
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
    parser.add_argument("--seed", type=int, default=0, help="of weights and projections")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the flow by lag there")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> None:
    if arguments.model is None:
        model, inputs = _demonstration(arguments.task, arguments.seed)
    else:
        model, inputs = _made_by(arguments.model)
    flows = gradient_flow(
        model,
        inputs,
        surrogates=arguments.surrogates,
        seed=arguments.seed,
        target=arguments.target,
    )
    print("\n\n".join(map(repr, flows.values())))
    if arguments.json:
        data = {name: flow.to_dict() for name, flow in flows.items()}
        arguments.json.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n")
    if arguments.plot:
        write_flows(flows, arguments.plot)


def _demonstration(name: str, seed: int) -> tuple[Any, Any]:
    """The network that ``compare`` trains, at its initial weights, and some of its samples."""
    task = load_task(name)
    weights = initial_state(jax.random.key(seed), task, Settings()).weights
    model = RecurrentClassifier(weights, QPseudoSpike(), time_constants=time_constants(task))
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
