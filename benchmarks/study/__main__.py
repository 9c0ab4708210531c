"""Train what is missing of the study, or refresh what pages quote from it."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import __doc__ as about
from . import claims, plan, published
from .store import STORE, Store


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.study", description=about)
    parser.add_argument("--store", type=Path, default=STORE, help="the JSON file")
    parser.add_argument("--only", default="", help="cells whose key contains this")
    parser.add_argument("--minutes", type=float, default=1e9, help="start no cell after so many")
    parser.add_argument(
        "--list", action="store_true", help="name what is missing, and train nothing"
    )
    parser.add_argument("--write", action="store_true", help="only refresh what pages quote")
    arguments = parser.parse_args()
    store = Store(arguments.store)
    if arguments.write:
        print(*published.publish(store), *claims.write(store), sep="\n")
        return
    if arguments.list:
        print(*[cell.key for cell in plan.missing(store, arguments.only)], sep="\n")
        return
    plan.train(store, arguments.only, 60 * arguments.minutes)


if __name__ == "__main__":
    main()
