"""Networks with projections of brainpy.state, which leave their inputs at the neurons they feed."""

import brainstate
import braintools
import brainunit as u
import numpy as np
import pytest
from brainpy import state
from helpers import linear

from braintools_qps import compare, gradient_flow

Y = np.arange(24) % 2
X = np.float32(np.random.default_rng(0).random((24, 5, 3)) < 0.2 + 0.6 * Y[:, None, None])


class Projected(brainstate.nn.Module):
    def __init__(self, features, classes, out, unit):
        super().__init__()
        self.cells = state.LIF(4, V_th=1 * u.mV)
        weights = braintools.init.KaimingNormal(unit=unit)
        self.into = state.AlignPostProj(
            comm=brainstate.nn.Linear(features, 4, w_init=weights, b_init=None),
            syn=state.Expon(4, tau=5 * u.ms),
            out=out,
            post=self.cells,
        )
        self.head = linear(4, classes)

    def update(self, x):
        self.into(x)
        return self.head(self.cells(0 * u.mA))


def conductances(features, classes, unit=u.mS):
    return Projected(features, classes, state.COBA(E=5 * u.mV), unit)


def currents(features, classes):
    return Projected(features, classes, state.CUBA(scale=u.mV), u.mS)


@pytest.mark.thorough
@pytest.mark.usefixtures("one_millisecond")
@pytest.mark.parametrize("make", [conductances, currents])
def test_they_are_compared(make):
    options = {"tune": None, "epochs": 1, "seeds": 1, "batch_size": 8, "progress": False}
    comparison = compare(["Sigmoid"], task=(X, Y), model=make, **options)
    assert np.isfinite(comparison.best.scores.test).all()


@pytest.mark.usefixtures("one_millisecond")
def test_a_mistake_is_said_as_it_is_and_leaves_nothing_behind():
    model = conductances(3, 2, unit=u.UNITLESS)
    for _ in range(2):  # brainpy would say that the projection has been used
        with pytest.raises(Exception, match="failed to update|AlignPostProj") as caught:
            gradient_flow(model, X.swapaxes(0, 1))
        said = [str(caught.value), *getattr(caught.value, "__notes__", ())]
        assert "units do not match: mS" in "".join(said)
    options = {"tune": None, "epochs": 1, "seeds": 1, "batch_size": 8, "progress": False}
    make = lambda features, classes: conductances(features, classes, unit=u.UNITLESS)
    with pytest.raises(ValueError, match="units do not match: mS"):
        compare(["Sigmoid"], task=(X, Y), model=make, **options)
