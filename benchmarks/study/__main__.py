"""Train what is missing of a part of the study: ``python -m benchmarks.study matter``."""

from __future__ import annotations

import argparse

from braintools_qps import register_surrogate

from ..adaptive import FORMS
from . import __doc__ as about
from . import trainings


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.study", description=about)
    parser.add_argument("part", choices=trainings.PARTS)
    parser.add_argument("--half", choices=["development", "held-out"], default="development")
    arguments = parser.parse_args()
    for form in FORMS.values():  # comparisons keep candidates by name
        register_surrogate(type(form))
    done = trainings.kept(arguments.part).get("problems", {})
    for plan in trainings.PARTS[arguments.part]:
        name, held_out = plan.problem.name, arguments.half == "held-out"
        if plan.problem.held_out is held_out and name not in done:
            print(name, flush=True)
            trainings.keep(arguments.part, "problems", name, trainings.train(plan))


if __name__ == "__main__":
    main()
