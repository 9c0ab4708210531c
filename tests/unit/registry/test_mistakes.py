"""A mistake with names and specs raises an error that contains its fix."""

from functools import partial

import brainstate
import brainunit as u
import jax
import numpy as np
import pytest
from braintools.surrogate import Surrogate

from braintools_qps import (
    QPseudoSpike,
    UnknownSurrogateError,
    get_surrogate,
    register_surrogate,
    surrogate_spec,
)
from braintools_qps._registry import candidates

get = lambda spec, **parameters: partial(get_surrogate, spec, **parameters)
write = lambda surrogate: partial(surrogate_spec, surrogate)
register = lambda kind, **options: partial(register_surrogate, kind, **options)
compared = lambda surrogates: partial(candidates, surrogates)


class Holder(Surrogate):
    """Takes a value and keeps it."""

    def __init__(self, value=None, number=1.0, *, mode=len):
        self.value, self.number, self.mode = value, number, mode


class Forgetful(Surrogate):
    def __init__(self, width):
        pass


class Named(Surrogate):
    def __init__(self, name="x"):
        self.name = name


def of_length(length):
    return u.Unit(u.metre.dim, name=length, dispname=length, scale=3)


def of_millivolts(scale):
    return surrogate_spec(QPseudoSpike(scale=scale * u.mV))


PATHS = "os.system", "braintools.surrogate.Surrogate", "."
SHAPE = "a name or a call with literal arguments"
KIND = "a surrogate is chosen by a name"
UNIT = "is unknown"
STATE = "cannot be written in a spec: a spec cannot hold a State or a traced value. Pass a number"
TEXT = "cannot be written in a spec: "
MISTAKES = [
    # Names
    (get("QPsuedoSpike"), UnknownSurrogateError, "'QPsuedoSpike'. Did you mean 'QPseudoSpike'?"),
    (get("q_psuedo_spike"), UnknownSurrogateError, "'QPseudoSpike'? Available: Arctan"),
    (get("braintols:QPseudoSpike"), UnknownSurrogateError, "mean 'braintools:QPseudoSpike'?"),
    (get("z" * 10_000), UnknownSurrogateError, f"'{'z' * 56}.... Available"),
    (get("a.b:c"), UnknownSurrogateError, "Add one with braintools_qps.register_surrogate"),
    # Nothing is imported
    *((get(path), UnknownSurrogateError, "") for path in PATHS),
    # Names of other libraries
    (get("SFS"), UnknownSurrogateError, "no surrogate is called 'SFS'. Available"),
    (get("snntorch.SFS"), LookupError, "'snntorch.SFS' cannot be expressed here: its"),
    (get("spyx.boxcr"), LookupError, "Did you mean 'boxcar'"),
    (get("snntorch.atan(slope=2)"), TypeError, "'slope'. Call it as snntorch.atan(alpha=2.0)"),
    (get("spikingjelly.SquarewaveFourierSeries(n=1)"), ValueError, "n must be 2 or more, got 1"),
    (get("spikingjelly.Rect(alpha=0)"), ValueError, "alpha must be greater than 0, got 0.0"),
    (get("QPseudoSpike(q=3, alpha=2)"), TypeError, "as QPseudoSpike(q, sharpness=1"),
    (get("QPseudoSpike(sharpness=2)"), TypeError, "'sharpness'. Call it as QPseudoSpike(alpha=2"),
    # Registration
    *(
        (register(Holder, name=name, overwrite=overwrite), ValueError, "only in case")
        for name in ("sigmoid", "SIGMOID", "Sig_moid", "qpseudo_spike")
        for overwrite in (False, True)
    ),
    # A call inside another holds only what Python takes for a name
    *(
        (register(Holder, name=name), ValueError, "name must be a name in Python")
        for name in ("a:b", "a(b)", " a", "a b", "", "2nd", "a-b", "1.5", "a..b")
    ),
    *((register(wrong), TypeError, "only a subclass") for wrong in (Holder(), len, int, "Holder")),
    # Specs
    *((get(spec), TypeError, KIND) for spec in (3, int)),
    (get(np.zeros((40, 3000))), TypeError, "got array([[0.,"),
    (get({"alpha": 1}), ValueError, "must have a text under the key 'name', got {'alpha': 1}"),
    (get("Sigmoid(beta=2)"), TypeError, ". Call it as Sigmoid(alpha=4.0)"),
    (get("QPseudoSpike(scale='wide')"), TypeError, "scale must be a positive real number"),
    (get("QPseudoSpike(scale='15 elephants')"), ValueError, "the unit in '15 elephants' is"),
    (get("QPseudoSpike(scale=Quantity(1.0, 'cow'))"), ValueError, "the unit in 'cow' is unknown"),
    (get(QPseudoSpike(), alpha=1.0), TypeError, "already built, got QPseudoSpike(alpha=2.0)"),
    *(
        (get(spec), ValueError, SHAPE)
        for spec in (
            "__import__('os').system('x')", "QPseudoSpike(alpha=open('f'))", "QPseudoSpike(*[1])",
            "QPseudoSpike(alpha=--1)", "QPseudoSpike(alpha=1).replace(alpha=2)", "QPseudoSpike(\0)",
            "QPseudoSpike(alpha=1); print()", "QPseudoSpike(alpha=1, alpha=2)",
            "QPseudoSpike(alpha=1", "QPseudoSpike(" + "[" * 5000 + "]" * 5000 + ")",
            "QPseudoSpike(scale=Quantity(1.0, 2))", "QPseudoSpike(alpha=[Sigmoid(2)])",
        )
    ),
    *(
        (get(Holder, **{name: text}), ValueError, UNIT)
        for name in ("value", "number")
        for text in ("15 mv", "15 mV; import os", "1 mV^1e999", "1 " + "(" * 5000, "[1, 2] parsec2")
    ),
    # Writing a spec
    (write(Holder()), TypeError, "Write @register_surrogate above the class, or after it"),
    (write(QPseudoSpike(brainstate.State(2.0))), TypeError, STATE),
    (lambda: jax.jit(of_millivolts)(1.0), TypeError, STATE),
    # What would be read as something else
    *((write(Holder(v)), TypeError, TEXT) for v in ("15 mV", "inf", object(), (1, 2), {"a": 1})),
    (write(Holder(mode=max)), TypeError, "mode=<built-in function max> cannot be written"),
    # Another unit, and none that brainunit knows
    *(
        (write(QPseudoSpike(scale=of_length(n))), TypeError, f"not be read back from '1.0 {n}'")
        for n in ("mV", "league")
    ),
    (write(Forgetful(1)), TypeError, "Set self.width = width in its __init__"),
    (write(Named()), TypeError, "Named has a parameter called name"),
    *((write(w), TypeError, "takes a Surrogate") for w in (QPseudoSpike, "QPseudoSpike", None)),
    # Candidates of a comparison
    (compared(["Sigmoid", "S2NN", "Sigmoid"]), ValueError, "got Sigmoid 2 times. Leave one"),
    (compared({"one": "Sigmoid", " \n": "S2NN"}), ValueError, "labels must not be blank"),
    (compared(iter(())), ValueError, "one candidate or more, got none"),
    (compared(3), TypeError, "a surrogate is chosen by"),
]  # fmt: skip


@pytest.mark.parametrize(("mistake", "error", "fix"), MISTAKES)
def test_a_mistake_is_answered_with_its_fix(mistake, error, fix):
    with pytest.raises(error) as caught:
        mistake()
    assert fix in str(caught.value)
