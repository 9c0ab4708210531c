"""``compare``: train a spiking network with each surrogate, each at its own setting."""

from __future__ import annotations

import argparse
import ast
import logging
import math
import shlex
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import _defaults
from .._defaults import FIGURE_NAME, FILES, REPORT_NAME
from .._files import write_file
from .._wording import shown
from .data import add, add_data, add_model, add_surrogates, factory_of, task_of

if TYPE_CHECKING:
    from ..records import Comparison
    from ..typing import Model

logger = logging.getLogger(__name__)

PASSED = (
    "surrogates", "out", "fresh", "seeds", "epochs", "batch_size", "learning_rate", "prepare",
)  # fmt: skip
EXAMPLES = """examples:
  braintools-qps compare
  braintools-qps compare --no-tune --seeds 1 --epochs 10
  braintools-qps compare --surrogates Sigmoid 'QPseudoSpike(alpha=1.5)' --task mnist-rows
  braintools-qps compare --data mine.npz --model mynet:network --option layers=2
  braintools-qps compare --tune learning_rate=0.1,0.01 dampening=1,1/4 hidden=64,128
  braintools-qps compare --seeds 20
  braintools-qps compare --seeds 5-9 --workers 2 --out results"""
READOUT = (
    "which output is the answer: the 'last' step, the 'mean' of all steps, the mean of the last N "
    "steps (a number), or 'all' steps, one answer each"
)
OPTION = (
    "more arguments for that function; those of the default network are hidden=96, neuron=LIF and "
    "reset=soft"
)
PREPARE = "begin with weights that fire, the same for all surrogates, as prepare() makes them"
SEEDS = (
    "repetitions, each with its own split of the data, initial weights and order of samples; "
    "choose the number before you look at results. 5-9 or 1,4,7 name the seeds"
)
TUNE = (
    "values to try for each surrogate: every seed trains all combinations and keeps the one with "
    "the best validation score. Names: learning_rate; mean_slope, which lowers the dampening until "
    "the mean surrogate gradient at the initial weights has this value; dampening and "
    "scale_factor, which multiply the surrogate's own; alpha; clip, the largest norm of the "
    "gradient; arguments of the model"
)
OUT = (
    "directory for the results: a figure, a report, JSON, CSV, and all runs, which are reused the "
    "next time"
)


class Pairs(argparse.Action):
    """Collects texts such as ``name=value`` by their names."""

    def __call__(
        self, parser: Any, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        pairs = dict(getattr(namespace, self.dest) or {})
        for text in values:
            name, _, value = text.partition("=")
            if not (name.isidentifier() and value) or name in pairs:
                raise argparse.ArgumentError(
                    self, f"is given as {self.metavar}, each name once, got {shown(text)}"
                )
            pairs[name] = value
        setattr(namespace, self.dest, pairs)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_surrogates(parser, "compare", shlex.join(_defaults.SURROGATES))
    data = parser.add_argument_group("data")
    add_data(data)
    add(data, "--readout", READOUT, "'all' if each step has a label, otherwise 'mean'", type=_value)
    model = parser.add_argument_group("model")
    add_model(model)
    add(model, "--prepare", PREPARE, action="store_true")
    add(model, "--option", OPTION, nargs="+", action=Pairs, metavar="NAME=VALUE")
    _add_training(parser.add_argument_group("training"))
    add(parser, "--out", OUT, "%(default)s", default="comparison", metavar="DIRECTORY")
    again = "train all runs again, even those in --out"
    add(parser, "--fresh", again, action="store_true")
    add(parser, "--wide", "print the table with all its columns", action="store_true")
    where = parser.add_mutually_exclusive_group()
    add(where, "--workers", "train in this many processes on this machine", type=int)
    add(where, "--scheduler", "train on the workers of this Dask scheduler", metavar="ADDRESS")


def _add_training(group: argparse._ArgumentGroup) -> None:
    add(group, "--seeds", SEEDS, _defaults.SEEDS, type=_seeds, metavar="N")
    add(group, "--epochs", "passes over the training data", _defaults.EPOCHS, type=int)
    add(group, "--batch-size", "samples in a batch", _defaults.BATCH_SIZE, type=int)
    alone = "used with --no-tune, or if --tune does not name it"
    add(group, "--learning-rate", alone, _defaults.LEARNING_RATE, type=float)
    tuning = group.add_mutually_exclusive_group()
    usual = " ".join(f"{n}={','.join(map(str, values))}" for n, values in _defaults.TUNE.items())
    add(tuning, "--tune", TUNE, usual, nargs="+", action=Pairs, metavar="NAME=VALUE,VALUE")
    add(tuning, "--no-tune", "train the surrogates as given", action="store_true")


def run(arguments: argparse.Namespace) -> None:
    options = _options(arguments)  # before JAX is loaded: errors in arguments show at once
    from .._comparison import compare, connected

    task = task_of(arguments)
    print(task)
    cluster = arguments.scheduler if arguments.workers is None else arguments.workers
    with nullcontext() if cluster is None else connected(cluster) as client:
        logger.info(
            "Runs are saved in %s as they finish. You can press Ctrl-C at any time: the same "
            "command%s goes on.", arguments.out, " without --fresh" * arguments.fresh,
        )  # fmt: skip
        try:
            comparison = compare(task=task, model=_model(arguments), client=client, **options)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f"interrupted. Runs that have finished are in {arguments.out}; the same command"
                f"{' without --fresh' * arguments.fresh} goes on"
            ) from None
    _present(comparison, arguments)


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Keywords for `compare`, only those that the user gave."""
    options = {n: getattr(arguments, n) for n in PASSED if getattr(arguments, n) is not None}
    if arguments.no_tune:
        options["tune"] = None
    elif arguments.tune:
        listed = {name: text.split(",") for name, text in arguments.tune.items()}
        options["tune"] = {name: tuple(map(_value, texts)) for name, texts in listed.items()}
    for name in {*(arguments.option or {})} & {*(arguments.tune or {})}:
        raise ValueError(f"{name} is both an --option and tuned. Leave one out")
    tuned = options.get("tune", _defaults.TUNE) or ()
    if "learning_rate" in options and "learning_rate" in tuned:
        rate = f"{options['learning_rate']:g}"
        raise ValueError(
            f"--learning-rate {rate} conflicts with the learning rates to tune. Add --no-tune, or "
            f"give --tune learning_rate={rate}"
        )
    return options | {"progress": not arguments.quiet}


def _model(arguments: argparse.Namespace) -> Callable[..., Model]:
    """The factory with its options."""
    factory = factory_of(arguments.model)
    options = {name: _value(text) for name, text in (arguments.option or {}).items()}
    return partial(factory, **options) if options else factory


def _value(text: str) -> Any:
    """A number, a fraction such as 1/4, inf, True, False, None, or else the text itself."""
    over, slash, under = text.partition("/")
    if text == "inf":
        return math.inf
    try:
        value = ast.literal_eval(over)
        return value / ast.literal_eval(under) if slash else value
    except (ValueError, SyntaxError, TypeError, ZeroDivisionError):
        return text


def _seeds(text: str) -> int | list[int]:
    """A number of seeds; or the seeds themselves, as ``1,4,7`` or ``5-9``."""
    try:
        if text.isdigit():
            return int(text)
        ends = [list(map(int, part.split("-", 1))) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            "seeds are given as a number, such as 5, or by name, as in 5-9 or 1,4,7, got "
            f"{shown(text)}"
        ) from None
    if ends != [*map(sorted, ends)]:
        raise argparse.ArgumentTypeError(f"seeds run upwards, as in 5-9, got {shown(text)}")
    spans = (range(first, (last or [first])[0] + 1) for first, *last in ends)
    return list(islice(chain(*spans), _defaults.MOST_SEEDS + 1))  # more are refused


def _present(comparison: Comparison, arguments: argparse.Namespace) -> None:
    import matplotlib

    matplotlib.use("agg")
    from .._report import drawn, write_report
    from ..plotting import plot_comparison

    print(comparison.table(wide=True) if arguments.wide else comparison)
    place = Path(arguments.out).expanduser()
    try:
        write_file(place / FIGURE_NAME, drawn(plot_comparison, comparison, format="png", dpi=200))
        write_report(comparison, place / REPORT_NAME, command=arguments.command_line)
    except OSError as error:  # the table has been printed
        logger.warning("%s cannot be written: no figure, no report (%s)", place, error.strerror)
        return
    logger.info("Written to %s: %s", place, ", ".join(FILES))
