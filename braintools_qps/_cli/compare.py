"""``compare``: train a spiking network with each surrogate, each at its own setting."""

from __future__ import annotations

import argparse
import ast
import logging
import math
import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import _defaults
from .._defaults import FIGURE_NAME, FILES, JSON_NAME, REPORT_NAME
from .data import add_data, check_data, task_of
from .factories import blamed_on, check_path, factory_of, is_about_model
from .figures import write_figure

if TYPE_CHECKING:
    from distributed import Client

    from ..records import Comparison

logger = logging.getLogger(__name__)

PASSED = ("seeds", "most_seeds", "margin", "epochs", "batch_size", "learning_rate")
QUICK: dict[str, Any] = {"seeds": 1, "epochs": 10, "tune": None}
FROM_DATA = dict.fromkeys(("features", "classes", "outputs", "steps", "input_rms"), "the data") | {
    "surrogate": "--surrogates"
}
EXAMPLES = """examples:
  braintools-qps compare
  braintools-qps compare --surrogates Sigmoid 'QPseudoSpike(alpha=1.5)' --task cue-recall
  braintools-qps compare --data mine.npz --model mynet:network --option layers=2
  braintools-qps compare --tune learning_rate=0.1,0.01 dampening=1,1/4 hidden=64,128
  braintools-qps compare --most-seeds 40 --margin 1
  braintools-qps compare --seeds 5-9 --workers 2 --out results"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--surrogates", nargs="+", action="extend", metavar="SPEC",
        help="surrogates to compare: names or calls, such as Sigmoid 'QPseudoSpike(alpha=1.5)' "
        f"(default: {shlex.join(_defaults.SURROGATES)})",
    )  # fmt: skip
    _add_data(parser)
    _add_model(parser)
    _add_training(parser)
    _add_running(parser)


def _add_running(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", default="comparison", metavar="DIRECTORY",
        help="directory for the results: a figure, a report, JSON, CSV, and all runs, none of "
        "which is trained twice (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--fresh", action="store_true", help="train all runs again, even those in --out"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a quick try: --no-tune --seeds 1 --epochs 10"
    )
    parser.add_argument("--wide", action="store_true", help="print the table with all its columns")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--workers", type=int, help="train in this many processes on this machine")
    where.add_argument(
        "--scheduler", metavar="ADDRESS", help="train on the workers of this Dask scheduler"
    )


def _add_data(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("data")
    add_data(group)
    group.add_argument(
        "--test-data", metavar="FILE", help="a second file of the same kind, used as the test set"
    )
    group.add_argument(
        "--readout",
        type=_readout,
        help="which output is the answer: that of the 'last' step, the 'mean' of all steps, the "
        "mean of the last N (a number), or 'all' steps, one answer each (default: as the task "
        "needs, usually 'mean')",
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("model")
    group.add_argument(
        "--model", metavar="MODULE:FACTORY",
        help="your network: a function that returns a brainstate model. It may take any of the "
        "arguments features, classes, outputs, steps and surrogate (default: one layer of "
        "recurrent LIF neurons)",
    )  # fmt: skip
    group.add_argument(
        "--option", nargs="+", action="extend", default=[], metavar="NAME=VALUE",
        help="more arguments for that function; those of the default network are hidden=96, "
        "neuron=LIF and reset=soft",
    )  # fmt: skip


def _add_training(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("training")
    group.add_argument(
        "--seeds", type=_seeds, metavar="N",
        help="repetitions, each with its own split of the data, initial weights and order of "
        "samples; 5-9 or 1,4,7 name the seeds (default: "
        f"{_defaults.SEEDS})",
    )  # fmt: skip
    group.add_argument(
        "--most-seeds", type=int, metavar="N",
        help="add seeds until it is known which surrogate is best, up to this many",
    )  # fmt: skip
    group.add_argument(
        "--margin", type=float,
        help="the largest difference that does not matter: in points of an accuracy (default: 1), "
        "else in units of the score",
    )  # fmt: skip
    numbers: tuple[tuple[str, type, float, str], ...] = (
        ("epochs", int, _defaults.EPOCHS, "passes over the training data"),
        ("batch-size", int, _defaults.BATCH_SIZE, "samples in a batch"),
        ("learning-rate", float, _defaults.LEARNING_RATE, "used with --no-tune, or if --tune does "
         "not name it"),
    )  # fmt: skip
    for name, kind, usual, what in numbers:
        group.add_argument(f"--{name}", type=kind, help=f"{what} (default: {usual})")
    tuning = group.add_mutually_exclusive_group()
    searched = " ".join(f"{n}={','.join(map(str, values))}" for n, values in _defaults.TUNE.items())
    tuning.add_argument(
        "--tune", nargs="+", action="extend", metavar="NAME=VALUES",
        help="values to try for each surrogate: every seed trains all combinations and keeps the "
        f"one with the best validation score (default: {searched}). Names: learning_rate; "
        "mean_slope, which lowers the dampening until the mean surrogate gradient at the initial "
        "weights has this value; dampening and scale_factor, which multiply the surrogate's own; "
        "alpha, or the paper's q; clip, the largest norm of the gradient; arguments of the model",
    )  # fmt: skip
    tuning.add_argument("--no-tune", action="store_true", help="train the surrogates as given")


def run(arguments: argparse.Namespace) -> None:
    given = _given(arguments)  # before JAX is loaded: errors in arguments show at once
    check_data(arguments)
    from .._comparison import compare

    task = task_of(arguments)
    print(task)
    options = (QUICK if arguments.quick else {}) | given
    options |= {"out": arguments.out, "fresh": arguments.fresh, "progress": not arguments.quiet}
    surrogates = arguments.surrogates or _defaults.SURROGATES
    blame: AbstractContextManager = nullcontext()
    if arguments.model is not None:
        blame = blamed_on(arguments.model, is_about_model)
    with blame, _client(arguments) as client:
        logger.info(
            "Runs are saved in %s as they finish. You can press Ctrl-C at any time: the same "
            "command%s goes on.", arguments.out, " without --fresh" * arguments.fresh,
        )  # fmt: skip
        model = _model(arguments)
        comparison = compare(surrogates, task=task, model=model, client=client, **options)
    _present(comparison, Path(arguments.out), arguments)


def _model(arguments: argparse.Namespace) -> Callable[..., Any]:
    """The factory, with its options."""
    if arguments.model is None:
        from .._comparison import demonstration as factory
    else:
        with blamed_on(arguments.model):
            factory = factory_of(arguments.model)
    options = dict(_pairs(arguments.option, many=False))
    return partial(factory, **options) if options else factory


def _client(arguments: argparse.Namespace) -> AbstractContextManager[Client | None]:
    from .._comparison import connected

    given = arguments.scheduler if arguments.workers is None else arguments.workers
    return nullcontext() if given is None else connected(given)


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    """Keywords for `compare`, only those that the user gave."""
    given = {n: getattr(arguments, n) for n in PASSED if getattr(arguments, n) is not None}
    if arguments.model is not None:
        check_path(arguments.model)
    for name, _ in _pairs(arguments.option, many=False):
        if name in FROM_DATA:
            raise ValueError(
                f"{name} is set by {FROM_DATA[name]}, got --option {name}. Leave it out"
            )
    if arguments.no_tune:
        given["tune"] = None
    elif arguments.tune:
        given["tune"] = {n: tuple(texts) for n, texts in _pairs(arguments.tune, many=True)}
    tuned = given.get("tune", QUICK["tune"] if arguments.quick else _defaults.TUNE)
    if "learning_rate" in given and "learning_rate" in (tuned or {}):
        rate = f"{given['learning_rate']:g}"
        raise ValueError(
            f"--learning-rate {rate} conflicts with the learning rates to tune. Add --no-tune, or "
            f"give --tune learning_rate={rate}"
        )
    return given


def _pairs(texts: Iterable[str], *, many: bool) -> Iterator[tuple[str, Any]]:
    """Read ``name=value``, or ``name=value,value``; fractions such as 1/4 count as numbers."""
    option, form = ("--tune", "VALUE,VALUE") if many else ("--option", "VALUE")
    names: set[str] = set()
    for text in texts:
        name, equals, values = text.partition("=")
        if not (name.isidentifier() and equals and values):
            raise ValueError(f"{option} is given as NAME={form}, got {text!r}")
        if name in names:
            raise ValueError(
                f"{option} takes each name once, got {name} twice. Write {name}={form}"
            )
        names.add(name)
        yield name, [_value(each) for each in values.split(",")] if many else _value(values)


def _value(text: str) -> Any:
    """A number, a fraction, inf, True, False, None, or else the text itself."""
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
        return [seed for first, *last in ends for seed in range(first, (last or [first])[0] + 1)]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"seeds are given as a number, such as 5, or by name, as in 5-9 or 1,4,7, got {text!r}"
        ) from None


def _readout(text: str) -> str | int:
    return int(text) if text.isdigit() else text


def _present(comparison: Comparison, place: Path, arguments: argparse.Namespace) -> None:
    from .._report import write_report
    from ..plotting import plot_comparison

    print(comparison.table(wide=True) if arguments.wide else comparison)
    with _whole_or_not(place / FIGURE_NAME) as path:
        write_figure(partial(plot_comparison, comparison), path)
    with _whole_or_not(place / REPORT_NAME) as path:
        # A path may hold bytes that are no text.
        command = arguments.command_line.encode(errors="backslashreplace").decode()
        write_report(comparison, path, command=command)
    logger.info("Written to %s: %s", place, ", ".join(FILES))


@contextmanager
def _whole_or_not(path: Path) -> Iterator[Path]:
    """Remove a file that a full disk cut short, and say where the results are."""
    try:
        yield path
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise OSError(
            f"{path.name} could not be written: {error}. The results above are saved in "
            f"{JSON_NAME} in the same directory, unless a warning said otherwise. The same command "
            "writes the file without training again"
        ) from error
