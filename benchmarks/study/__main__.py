"""Train what is missing of one half; ``--part`` for the trainings beside it."""

from __future__ import annotations

import argparse

from ..problems import PROBLEMS
from . import __doc__ as about
from . import trainings

PARTS = {
    "problems": (trainings.train, [p.name for p in PROBLEMS]),
    "longer": (trainings.train_longer, trainings.DEVELOPMENT),
    "updates": (trainings.train_updates, trainings.DEVELOPMENT),
    "equal": (trainings.train_equal, trainings.EQUAL),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.study", description=about)
    parser.add_argument("half", choices=["development", "held-out"])
    parser.add_argument("--part", choices=PARTS, default="problems")
    parser.add_argument("--wave", type=int, choices=[1, 2], help="problems of one wave alone")
    parser.add_argument("--only", default="", help="problems whose name contains this")
    arguments = parser.parse_args()
    train, names = PARTS[arguments.part]
    for name in names:
        problem = trainings.problem_of(name)
        asked = problem.held_out is (arguments.half == "held-out") and arguments.only in name
        if asked and arguments.wave in (None, problem.wave):
            print(name, flush=True)
            trainings.keep(arguments.part, name, train(problem))


if __name__ == "__main__":
    main()
