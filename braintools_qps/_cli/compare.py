"""``compare``: train a spiking network with each surrogate, each at its own setting."""

from __future__ import annotations

import argparse
import ast
import logging
import shlex
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import _defaults
from .._defaults import (
    CHECKPOINT_NAME,
    CSV_NAME,
    FIGURE_NAME,
    JOURNAL_NAME,
    JSON_NAME,
    REPORT_NAME,
)
from .factories import blamed_on, check_path, factory_of, is_about_model
from .figures import write_figure
from .interrupts import MESSAGE, announce, before_leaving

if TYPE_CHECKING:
    from .._comparison import Task
    from ..records import Comparison

logger = logging.getLogger(__name__)

PASSED = (
    *("seeds", "epochs", "batch_size", "learning_rate", "clip", "patience", "readout"),
    *("save_memory", "hidden", "neuron", "reset"),
)
QUICK: dict[str, Any] = {"seeds": 1, "epochs": 10, "tune": {}}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--surrogates", nargs="+", metavar="SPEC", default=list(_defaults.SURROGATES),
        help="names or calls, such as Sigmoid 'QPseudoSpike(alpha=1.5)' "
        f"(default: {shlex.join(_defaults.SURROGATES)})",
    )  # fmt: skip
    _add_data(parser)
    _add_model(parser)
    _add_training(parser)
    _add_tuning(parser)
    _add_running(parser)


def _add_running(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--out", type=Path, default=Path("comparison"), metavar="DIRECTORY",
        help=f"for {JSON_NAME}, {CSV_NAME}, {FIGURE_NAME} and {REPORT_NAME} (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--quick", action="store_true", help="as if --no-tune --seeds 1 --epochs 10 were given"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--workers", type=int, help="train in this many processes of this machine")
    where.add_argument(
        "--scheduler", metavar="ADDRESS", help="train on the workers of this Dask scheduler"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on from what is in --out; without it, that is renamed",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="resume only on the same machine with the same versions",
    )


def _add_data(parser: argparse.ArgumentParser) -> None:
    data = parser.add_mutually_exclusive_group()
    data.add_argument(
        "--task", default=_defaults.TASK, metavar="NAME",
        help=f"one of {', '.join(_defaults.TASKS)} or of the classes in braintools.cogtask, or a "
        "call such as 'randman(dim=2)' (default: %(default)s)",
    )  # fmt: skip
    data.add_argument(
        "--data", metavar="FILE",
        help="what to train on: an .npz with arrays X (samples, time, features) and y, or HDF5 "
        "with spike times, as the Spiking Heidelberg Digits have them",
    )  # fmt: skip
    parser.add_argument("--test-data", metavar="FILE", help="another such file, to test on")
    parser.add_argument(
        "--bins", type=int, help=f"steps for the spike times (default: {_defaults.BINS})"
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("model")
    group.add_argument(
        "--model", metavar="MODULE:FACTORY",
        help="your network: a function that returns a brainstate model, called with those of "
        "features, classes, outputs and steps that it takes",
    )  # fmt: skip
    group.add_argument(
        "--option", nargs="+", action="extend", default=[], metavar="NAME=VALUE",
        help="further keywords of the function",
    )  # fmt: skip
    group.add_argument("--hidden", type=int, help="neurons of the default network")
    group.add_argument("--neuron", help="its class of brainpy.state, as --option neuron=ALIF")
    group.add_argument("--reset", help="how its membrane comes down after a spike: soft or hard")


def _add_training(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("training")
    for name, kind, usual, what in (
        ("seeds", int, _defaults.SEEDS, "networks of each candidate, each with its own weights"),
        ("epochs", int, _defaults.EPOCHS, "passes over the training data"),
        ("batch-size", int, _defaults.BATCH_SIZE, "samples in a batch"),
        ("learning-rate", float, _defaults.LEARNING_RATE, "where it is not tuned"),
        ("clip", float, _defaults.CLIP, "largest norm of the gradient, 0 for any"),
    ):
        group.add_argument(f"--{name}", type=kind, help=f"{what} (default: {usual})")
    group.add_argument(
        "--patience", type=int,
        help="end a run after so many epochs without a better validation score (default: never)",
    )  # fmt: skip
    group.add_argument(
        "--save-memory", action="store_true", default=None,
        help="8-bit slopes and spikes in one bit: less memory for a long sequence",
    )  # fmt: skip
    group.add_argument(
        "--readout",
        type=_readout,
        help="which steps are read: last, mean, all, or how many at the end",
    )


def _add_tuning(parser: argparse.ArgumentParser) -> None:
    tuning = parser.add_argument_group("tuning").add_mutually_exclusive_group()
    searched = {"learning_rate": _defaults.LEARNING_RATES, "dampening": _defaults.DAMPENINGS}
    usual = " ".join(f"{n}={','.join(map(str, values))}" for n, values in searched.items())
    tuning.add_argument(
        "--tune", nargs="+", metavar="NAME=VALUES",
        help=f"what to tune for each candidate (default: {usual})",
    )  # fmt: skip
    tuning.add_argument("--no-tune", action="store_true", help="compare as given, without tuning")


def run(arguments: argparse.Namespace) -> None:
    given = _given(arguments)  # before JAX is loaded, as the errors in arguments are the quick ones
    _check_data(arguments)
    from .._comparison import abandon, compare, discarding, numbered

    task = _task(arguments)
    print(task)
    earlier = numbered(arguments.out).values()
    announce(partial(_halfway, arguments.out))
    before_leaving(abandon, discarding(arguments.out))
    model = _model(arguments)
    options = model | (QUICK if arguments.quick else {}) | given | _running(arguments)
    blame = nullcontext() if not model else blamed_on(arguments.model, is_about_model)
    try:
        with blame, _executor(arguments) as executor:
            comparison = compare(arguments.surrogates, task=task, executor=executor, **options)
        _present(comparison, arguments.out, arguments.command_line)
    finally:
        _explain_renaming(earlier)


def _check_data(arguments: argparse.Namespace) -> None:
    files = [path for path in (arguments.data, arguments.test_data) if path is not None]
    if arguments.data is None and (files or arguments.bins is not None):
        raise ValueError("--test-data and --bins are for the file of --data, got none")
    for path in files:
        open(path, "rb").close()


def _task(arguments: argparse.Namespace) -> Task:
    from .._comparison import load_task

    if arguments.data is not None:
        return load_task(Path(arguments.data), test=arguments.test_data, bins=arguments.bins)
    return load_task(arguments.task)


def _model(arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.model is None:
        return {}
    with blamed_on(arguments.model):
        return {"model": factory_of(arguments.model)}


def _running(arguments: argparse.Namespace) -> dict[str, Any]:
    return {
        "out": arguments.out,
        "resume": arguments.resume,
        "strict": arguments.strict,
        "progress": not arguments.quiet,
        "on_result": partial(_announce, out=arguments.out),
    }


def _executor(arguments: argparse.Namespace) -> AbstractContextManager[Executor | None]:
    from .._comparison import dask_workers, local_workers

    if arguments.workers is not None:
        return local_workers(arguments.workers)
    return nullcontext() if arguments.scheduler is None else dask_workers(arguments.scheduler)


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    """Keywords of `compare` for what was given on the command line, and nothing else."""
    given = {n: getattr(arguments, n) for n in PASSED if getattr(arguments, n) is not None}
    if given.get("clip") == 0:
        given["clip"] = None
    if arguments.model is not None:
        check_path(arguments.model)
    if arguments.tune or arguments.no_tune:
        given["tune"] = {n: tuple(texts) for n, texts in _pairs(arguments.tune or [], many=True)}
    return given | dict(_pairs(arguments.option, many=False))


def _pairs(texts: Iterable[str], *, many: bool) -> Iterator[tuple[str, Any]]:
    """Read ``name=value``, or ``name=value,value``; fractions such as 1/4 count as numbers."""
    for text in texts:
        name, equals, values = text.partition("=")
        if not (name.isidentifier() and equals and values):
            raise ValueError(f"expected name={'value,value' if many else 'value'}, got {text!r}")
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


def _present(comparison: Comparison, out: Path, command: str) -> None:
    from .._report import write_report
    from ..plotting import plot_comparison

    print(comparison)
    with _whole_or_not(out / FIGURE_NAME) as path:
        write_figure(partial(plot_comparison, comparison), path)
    with _whole_or_not(out / REPORT_NAME) as path:
        write_report(comparison, path, command=command)
    files = ", ".join((JSON_NAME, CSV_NAME, FIGURE_NAME, REPORT_NAME))
    logger.info("Written to %s: %s", out, files)


@contextmanager
def _whole_or_not(path: Path) -> Iterator[Path]:
    """Remove the half of a file that a full disk leaves, and say where the results are."""
    try:
        yield path
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise OSError(
            f"{path.name} could not be written: {error}. The results above are in {JSON_NAME} "
            "beside it, or where a warning said; the same command with --resume draws them"
        ) from error


def _announce(so_far: Comparison, out: Path) -> None:
    """What Ctrl-C leaves: results are saved as they come in."""
    labels = ", ".join(result.label for result in so_far.results)
    announce(f"{MESSAGE}. Kept in {out}, to go on with --resume: {labels}")


def _halfway(out: Path) -> str:
    """What Ctrl-C leaves while there are no results."""
    if any((out / name).exists() for name in (JOURNAL_NAME, CHECKPOINT_NAME)):
        return f"{MESSAGE}. The training so far is kept in {out}, to go on with --resume"
    return MESSAGE


def _explain_renaming(earlier: Iterable[Path]) -> None:
    if renamed := [path for path in earlier if path.exists()]:
        names = ", ".join(path.name for path in renamed)
        logger.info("The comparison that was in %s before is kept: %s", renamed[0].parent, names)
