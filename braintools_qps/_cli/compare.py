"""``compare``: train a spiking classifier with each surrogate, side by side."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from .._comparison import DEFAULT_SURROGATES, Progress, compare
from .._comparison.storage import CSV_NAME, FIGURE_NAME, JSON_NAME, REPORT_NAME, numbered
from .._comparison.tasks import TASKS, load_task, read_file
from .._comparison.training import Settings
from .._report import write_report
from ..plotting import plot_comparison
from ..records.comparison import Comparison
from .writing import write_figure

INTERRUPTED = 130  # what a shell reports of a program that Ctrl-C ended

DEFAULTS = {"seeds": 3, "epochs": Settings.epochs, "hidden": Settings.hidden}
QUICK = {"seeds": 1, "epochs": 10, "hidden": 64}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--surrogates", nargs="+", metavar="SPEC", default=list(DEFAULT_SURROGATES),
        help="names or calls, such as Sigmoid 'QPseudoSpike(alpha=1.5)' "
        f"(default: {shlex.join(DEFAULT_SURROGATES)})",
    )  # fmt: skip
    data = parser.add_mutually_exclusive_group()
    data.add_argument(
        "--task", choices=sorted(TASKS), default="digits-rows", help="default: %(default)s"
    )
    data.add_argument(
        "--data", metavar="FILE.npz", help="arrays X (samples, time, features) and y to train on"
    )
    for name, what in (("seeds", "how many"), ("epochs", "passes"), ("hidden", "neurons")):
        parser.add_argument(f"--{name}", type=int, help=f"{what} (default: {DEFAULTS[name]})")
    parser.add_argument(
        "--neuron", default=Settings.neuron, help="a class of brainpy.state (default: %(default)s)"
    )
    parser.add_argument(
        "--reset", choices=("soft", "hard"), default=Settings.reset,
        help="how the membrane comes down after a spike (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=Path("comparison"), metavar="DIRECTORY",
        help=f"for {JSON_NAME}, {CSV_NAME}, {FIGURE_NAME} and {REPORT_NAME} (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help=f"as if {_options(QUICK)} were given")
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on from what is in --out; without it, that is renamed",
    )


def run(arguments: argparse.Namespace) -> int:
    task = load_task(arguments.task) if arguments.data is None else read_file(arguments.data)
    print(task)
    earlier = numbered(arguments.out).values()
    so_far: list[Comparison] = []
    try:
        with _progress_bar() as bar:
            comparison = compare(
                arguments.surrogates,
                task=task,
                neuron=arguments.neuron,
                reset=arguments.reset,
                out=arguments.out,
                resume=arguments.resume,
                on_epoch=partial(_show, bar),
                on_result=so_far.append,
                **_sizes(arguments),
            )
        _present(comparison, arguments.out, arguments.command_line)
    except KeyboardInterrupt:
        _explain_interruption(so_far, arguments.out)
        return INTERRUPTED
    finally:
        _explain_renaming(earlier)
    return 0


def _sizes(arguments: argparse.Namespace) -> dict[str, Any]:
    given = {name: getattr(arguments, name) for name in DEFAULTS}
    usual = QUICK if arguments.quick else DEFAULTS
    return {name: usual[name] if value is None else value for name, value in given.items()}


def _options(values: dict[str, int]) -> str:
    return " ".join(f"--{name} {value}" for name, value in values.items())


def _present(comparison: Comparison, out: Path, command: str) -> None:
    best = comparison.best
    write_figure(partial(plot_comparison, comparison), out / FIGURE_NAME)
    write_report(comparison, out / REPORT_NAME, command=command)
    print(comparison)
    print(f"Best by validation accuracy: {best.label}")
    print(f"Written to {out}: {JSON_NAME}, {CSV_NAME}, {FIGURE_NAME}, {REPORT_NAME}")


def _explain_interruption(so_far: Sequence[Comparison], out: Path) -> None:
    if not so_far:
        print("\nInterrupted before any candidate had finished.")
        return
    print(f"\nInterrupted. Finished until now, in {out} (go on with --resume):\n{so_far[-1]}")


def _explain_renaming(earlier: Iterable[Path]) -> None:
    if renamed := [path for path in earlier if path.exists()]:
        names = ", ".join(path.name for path in renamed)
        print(f"The comparison that was in {renamed[0].parent} before is kept: {names}")


def _progress_bar() -> Any:
    try:
        from tqdm import tqdm
    except ImportError as error:
        raise ImportError(
            "compare shows its progress with tqdm. Run pip install 'braintools-qps[train]'"
        ) from error
    return tqdm(unit="epoch", desc="compiling")


def _show(bar: Any, progress: Progress) -> None:
    first, *others = progress.labels
    bar.total = progress.total
    bar.set_description_str(first + (f" and {len(others)} more" if others else ""), refresh=False)
    bar.set_postfix_str(f"loss {progress.loss:.3f}", refresh=False)
    bar.update(progress.done - bar.n)
