"""Comparisons made by hand: scores by label, and whatever else a test is about."""

import itertools

from braintools_qps import Comparison
from braintools_qps.records import CandidateResult, Cost, Curves, Scores, Trial, Tuning

RATES, DAMPENINGS = (0.1, 0.3), (1.0, 0.5)


def candidate(label, test, number=0, losses=(2.0, 1.0, 0.5, 0.5), **fields):
    """A result with these test scores by seed; its spec has an alpha of its own."""
    count, error = len(test), fields.get("error")
    spec = {"name": "QPseudoSpike", "alpha": 1.0 + number}
    if error:
        return CandidateResult(label, spec, error=error)
    groups = {
        "scores": Scores(
            test=tuple(test),
            validation=tuple(test),
            firing_rate=(0.125,) * count,
            spikes=(12.5,) * count,
            operations=tuple(1000.0 * (1 + number) + n for n in range(count)),
        ),
        "curves": Curves(
            loss=(tuple(losses),) * count,
            validation=(tuple(0.75 - 0.25 / 2**n for n in range(len(losses))),) * count,
            firing_rate=((0.125,) * len(losses),) * count,
        ),
        "cost": Cost(seconds_per_epoch=0.5, peak_bytes=2_000_000),
        "setting": {"learning_rate": 0.1, "clip": 0.03},
        "tuned_spec": spec,
        "seeds": tuple(range(count)),
    }
    return CandidateResult(**{"label": label, "spec": spec} | groups | fields)


def tuned(label, test, number=0, *, chosen=(0.1, 0.5), **fields):
    """The same with two learning rates and two dampenings, of which all seeds chose one."""
    seeds = len(test)
    grid = list(itertools.product(RATES, DAMPENINGS))
    trials = tuple(
        Trial(
            {"learning_rate": rate, "dampening": height},
            validation=(0.9 - rate * height,) * seeds,
            test=tuple(test),
            loss=(0.5,) * seeds,
        )
        for rate, height in grid
    )
    setting = {"learning_rate": chosen[0], "clip": 0.03, "dampening": chosen[1]}
    trained = {"name": "QPseudoSpike", "alpha": 1.0 + number, "dampening": chosen[1]}
    tuning = Tuning(trials, (grid.index(chosen),) * seeds)
    own = {"tuning": tuning, "setting": setting, "tuned_spec": trained}
    return candidate(label, test, number, **own | fields)


def compared(*results, settings=None, **fields):
    """A comparison of these results; ``settings`` are added to the usual ones."""
    usual = {"epochs": 4, "score": "accuracy", "clip": 0.03, "batch_size": 32, "learning_rate": 0.1}
    settings = usual | {"options": {"hidden": 8}} | (settings or {})
    seeds = tuple(range(max((len(r.scores.test) for r in results), default=0)))
    specs = tuple(result.spec for result in results)
    return Comparison({"name": "made"}, settings, seeds, specs, results, **fields)


def of(settings=None, **scores):
    """A comparison by scores alone."""
    results = (candidate(*named, number) for number, named in enumerate(scores.items()))
    return compared(*results, settings=settings)
