"""``compare``: train a spiking network with each surrogate, each at its own setting."""

from __future__ import annotations

import argparse
import ast
import logging
import shlex
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
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
    from .._comparison import Event
    from ..records import Comparison

logger = logging.getLogger(__name__)

PASSED = ("seeds", "epochs", "batch_size", "learning_rate")
QUICK: dict[str, Any] = {"seeds": 1, "epochs": 10, "tune": None}
FROM_DATA = dict.fromkeys(("features", "classes", "outputs", "steps", "input_rms"), "the data") | {
    "surrogate": "--surrogates"
}
EXAMPLES = """examples:
  braintools-qps compare
  braintools-qps compare --surrogates Sigmoid 'QPseudoSpike(alpha=1.5)' --task cue-recall
  braintools-qps compare --data mine.npz --model mynet:network --option layers=2
  braintools-qps compare --tune learning_rate=0.1,0.01 dampening=1,1/4 hidden=64,128
  braintools-qps compare --workers 2 --out results --resume"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--surrogates", nargs="+", metavar="SPEC", default=list(_defaults.SURROGATES),
        help="surrogates to compare: names or calls, such as Sigmoid 'QPseudoSpike(alpha=1.5)' "
        f"(default: {shlex.join(_defaults.SURROGATES)})",
    )  # fmt: skip
    _add_data(parser)
    _add_model(parser)
    _add_training(parser)
    _add_running(parser)


def _add_running(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, default=Path("comparison"), metavar="DIRECTORY",
        help="directory for the results: a figure, a report, JSON and CSV (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--resume", nargs="?", const=True, default=False, choices=["strict"],
        help="continue the comparison saved in --out; without this, training starts over and the "
        "earlier files are renamed. 'strict' refuses another machine or other versions",
    )  # fmt: skip
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
    numbers: tuple[tuple[str, type, float, str], ...] = (
        ("seeds", int, _defaults.SEEDS, "repetitions, each with its own split of the data, initial "
         "weights and order of samples"),
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
        "--tune", nargs="+", metavar="NAME=VALUES",
        help="values to try for each surrogate: every seed trains all combinations and keeps the "
        f"one with the best validation score (default: {searched}). Names: learning_rate; "
        "mean_slope, which lowers the dampening until the mean surrogate gradient at the initial "
        "weights has this value; dampening and scale_factor, which multiply the surrogate's own; "
        "alpha; clip, the largest norm of the gradient; and arguments of the model",
    )  # fmt: skip
    tuning.add_argument("--no-tune", action="store_true", help="train the surrogates as given")


def run(arguments: argparse.Namespace) -> None:
    given = _given(arguments)  # before JAX is loaded: errors in arguments show at once
    check_data(arguments)
    from .._comparison import compare, numbered

    task = task_of(arguments)
    print(task)
    earlier = numbered(arguments.out).values()
    place = [arguments.out]  # where results really are
    options = (QUICK if arguments.quick else {}) | given | _running(arguments, place)
    blame: AbstractContextManager = nullcontext()
    if arguments.model is not None:
        blame = blamed_on(arguments.model, is_about_model)
    try:
        with blame, _executor(arguments) as executor:
            _say_what_is_kept(arguments)
            model = _model(arguments)
            comparison = compare(
                arguments.surrogates, task=task, model=model, executor=executor, **options
            )
        _present(comparison, place[-1], arguments)
    finally:
        _explain_renaming(earlier)


def _say_what_is_kept(arguments: argparse.Namespace) -> None:
    logger.info(
        "Results are saved in %s as they come in. You can press Ctrl-C at any time: the same "
        "command with --resume goes on.", arguments.out,
    )  # fmt: skip


def _model(arguments: argparse.Namespace) -> Callable[..., Any]:
    """The factory, with its options."""
    if arguments.model is None:
        from .._comparison import demonstration as factory
    else:
        with blamed_on(arguments.model):
            factory = factory_of(arguments.model)
    options = dict(_pairs(arguments.option, many=False))
    return partial(factory, **options) if options else factory


def _running(arguments: argparse.Namespace, place: list[Path]) -> dict[str, Any]:
    def note(event: Event) -> None:
        place.append(event.directory or arguments.out)

    return {
        "out": arguments.out,
        "resume": arguments.resume,
        "progress": not arguments.quiet,
        "callback": note,
    }


def _executor(arguments: argparse.Namespace) -> AbstractContextManager[Executor | None]:
    from .._comparison import dask_workers, local_workers

    if arguments.workers is not None:
        return local_workers(arguments.workers)
    return nullcontext() if arguments.scheduler is None else dask_workers(arguments.scheduler)


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
    for text in texts:
        name, equals, values = text.partition("=")
        if not (name.isidentifier() and equals and values):
            option, values = ("--tune", "VALUE,VALUE") if many else ("--option", "VALUE")
            raise ValueError(f"{option} is given as NAME={values}, got {text!r}")
        read = [_value(one) for one in values.split(",")]
        yield name, read if many else _value(values)


def _value(text: str) -> Any:
    """A number, a fraction, True, False, None, or else the text itself."""
    over, slash, under = text.partition("/")
    try:
        value = ast.literal_eval(over)
        return value / ast.literal_eval(under) if slash else value
    except (ValueError, SyntaxError, TypeError, ZeroDivisionError):
        return text


def _readout(text: str) -> str | int:
    return int(text) if text.isdigit() else text


def _present(comparison: Comparison, place: Path, arguments: argparse.Namespace) -> None:
    from .._report import write_report
    from ..plotting import plot_comparison

    print(comparison.table(wide=True) if arguments.wide else comparison)
    with _whole_or_not(place / FIGURE_NAME) as path:
        write_figure(partial(plot_comparison, comparison), path)
    with _whole_or_not(place / REPORT_NAME) as path:
        write_report(comparison, path, command=arguments.command_line)
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
            f"{JSON_NAME} in the same directory, unless a warning named another. Run the same "
            "command with --resume to write the file"
        ) from error


def _explain_renaming(earlier: Iterable[Path]) -> None:
    if renamed := [path for path in earlier if path.exists()]:
        names = ", ".join(path.name for path in renamed)
        logger.info("The earlier comparison in %s is kept as %s", renamed[0].parent, names)
