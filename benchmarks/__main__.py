"""``python -m benchmarks``: time the suites, print their tables, save them under results/."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
from pathlib import Path
from typing import Any

from . import accelerator, report
from .harness import Settings, measure

SUITES = (
    "kernels", "networks", "memory", "published", "long_sequences", "convolutions", "first_calls",
)  # fmt: skip
QUICK = Settings(quick=True, elements=1_000_000, rounds=5, seconds=3.0)


def main() -> None:
    arguments = _parser().parse_args()
    settings = QUICK if arguments.quick else Settings()
    changes = {"elements": arguments.elements, "rounds": arguments.rounds}
    changes = {name: value for name, value in changes.items() if value is not None}
    settings = dataclasses.replace(settings, **changes)
    facts = report.environment()  # once, so that the load is not that of the suites
    if arguments.command:
        facts["tests"] = accelerator.tested()
        run("accelerator", settings, facts, arguments.to)
    else:
        for name in arguments.only or SUITES:
            run(name, settings, facts, arguments.to)


def run(name: str, settings: Settings, facts: dict[str, Any], to: Path | None) -> None:
    """Measure one suite, print and save its tables; a quick run saves only into a given folder."""
    suite = importlib.import_module(f"benchmarks.{name}")
    measurements = []
    for case in suite.cases(settings):
        print(f"{name}: {case.table}, {case.work}", flush=True)
        measurements += measure(case, settings)
    print(report.markdown(suite.__doc__, facts, measurements))
    if to or not settings.quick:
        print("written:", report.write(suite, facts, measurements, to or report.folder(facts)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "command",
        nargs="?",
        choices=["accelerator"],
        help="test and measure the GPU or TPU that JAX finds, in one file",
    )
    parser.add_argument(
        "--quick", action="store_true", help="small sizes and few rounds: about a minute"
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=(*SUITES, "peers"),
        help="run only this suite; may be given several times",
    )
    parser.add_argument(
        "--elements", type=int, help="size of the arrays where size is not the subject"
    )
    parser.add_argument(
        "--rounds", type=int, help="samples of each contestant; 0 measures no times"
    )
    parser.add_argument("--to", type=Path, help="folder to save the results in")
    return parser


if __name__ == "__main__":
    main()
