"""Refresh what pages quote from the study, or name what is missing of it."""

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
    parser.add_argument("--write", action="store_true", help="refresh what pages quote")
    arguments = parser.parse_args()
    store = Store(arguments.store)
    if arguments.write:
        print(*published.publish(store), *claims.write(store), sep="\n")
        return
    print(*[cell.key for cell in plan.missing(store, arguments.only)], sep="\n")


if __name__ == "__main__":
    main()
