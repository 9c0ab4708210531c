"""Additions of several files, made in a copy of the package where CONTRIBUTING.md says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "braintools_qps"
TABLE = (ROOT / "CONTRIBUTING.md").read_text().partition("### To add")[2].partition("\n### ")[0]
NAMED = {
    what: set(re.findall(r"`([\w/]+\.py)`", where))
    for what, where in re.findall(r"^\| (an? [\w' `]+) \| (.*) \|$", TABLE, re.M)
}
# File, the line after which a text is put (none: the end of the file), and the text.
ADDED = {
    "a task": [
        ("_defaults.py", "", 'TASKS += ("two-bits",)'),
        ("_comparison/tasks/digits.py", "", """
def two_bits():
    "Which?"
    X, y = np.zeros((40, 4, 2), np.float32), np.arange(40) % 2
    X[np.arange(40), 0, y] = 1
    return make_task(X, y)
"""),
    ],
    "a number that each run measures": [
        ("records/candidate.py", "    spikes: Numbers = ()", "    pulses: Numbers = ()"),
        ("_comparison/one_run.py", '            "spikes": spikes,',
         '            "pulses": 7 * counted / counted,'),
        ("records/columns.py", "CANDIDATE_COLUMNS = [",
         'Column("scores.pulses", "pulses", "beats", lambda values, form: f"{values[0]:.2f}"),'),
    ],
    "a cause": [
        ("_gradient_flow/causes/dull.py", "", '''
from .cause import Cause, Finding

def _find(measured):
    few = measured.evaluator.batch == 2
    return Finding((), "It is dull.", "Take a walk.", exact=True) if few else None

DULL = Cause("dull", "there are two samples", "a walk", _find)
'''),
        ("_gradient_flow/causes/__init__.py", "CAUSES = (", "    DULL,"),
        ("_gradient_flow/causes/__init__.py", "from .dropout import DROPOUT",
         "from .dull import DULL"),
    ],
    "a field of a surrogate": [
        ("_surrogate/pseudo_spike.py", '    alpha: Hyperparameter = field(default=2.0, '
         'metadata={"declaration": ALPHA})', """
    gain: Hyperparameter = field(
        default=1.0, kw_only=True, metadata={"declaration": ALPHA._replace(tuned_as="gain")}
    )
    shift: Scale = field(default=0.0, kw_only=True, metadata={
        "declaration": ALPHA._replace(convert=lambda name, value: value, measured=True)
    })
"""),
        ("_surrogate/kernels.py", "    alpha: Array | Static", """
    gain: Array | Static
    shift: Array | Static
"""),
        ("_surrogate/kernels.py",
         "        return 0.5 + jnp.sign(x) * _integral(jnp.abs(x), self.alpha)", """
    def gradient(self, x):
        return unwrap(self.gain) * _tail(x - unwrap(self.shift), self.alpha)

    def original(self, x):
        x = x - unwrap(self.shift)
        return 0.5 + unwrap(self.gain) * jnp.sign(x) * _integral(jnp.abs(x), self.alpha)

    @property
    def height(self):
        return unwrap(self.gain)
"""),
    ],
}  # fmt: skip
SEEN = """
import brainpy, brainstate, brainunit as u, jax
from braintools_qps import (
    QPseudoSpike, compare, get_surrogate, gradient_flow, surrogate_spec,
)
from braintools_qps.__main__ import main
from braintools_qps.records.tidy import tidy_lines

assert float(get_surrogate("QPseudoSpike(gain=3)").surrogate_grad(0.0)) == 3
assert surrogate_spec(QPseudoSpike(gain=3))["gain"] == 3
shifted = get_surrogate("QPseudoSpike(scale='5 mV', shift='0.003 V')")
assert shifted == get_surrogate(surrogate_spec(shifted)) != shifted.replace(shift=4 * u.mV)
assert abs(shifted.surrogate_grad(3 * u.mV) * 5 * u.mV - 1) < 1e-6
assert abs(jax.jit(jax.grad(lambda x: shifted(x * u.mV)))(3.0) - 1 / 5) < 1e-6
assert repr(QPseudoSpike()) == "QPseudoSpike(alpha=2.0)"

# At x = 2, by hand: 1 + 2 |x - shift| / 3 = 2, and the integral from 0 to 1.5 is 3/4.
spike = lambda gain, shift, **rest: QPseudoSpike(gain=gain, shift=shift, **rest)
first = lambda x, gain=3.0, shift=0.5, **rest: jax.grad(spike(gain, shift, **rest))(x)
original = lambda x, gain=3.0: spike(gain, 0.5).surrogate_fun(x)
close = lambda got, expected, rtol=1e-6: abs(got - expected) <= rtol * abs(expected)
for wrap in (lambda f: f, jax.jit):
    assert close(wrap(first)(2.0), 3 / 4)
    assert close(wrap(jax.grad(first))(2.0), -1 / 2)
    assert close(wrap(jax.grad(first, 1))(2.0, 3.0), 1 / 4)
    assert close(wrap(jax.jacfwd(first, 2))(2.0, 3.0, 0.5), 1 / 2)
    assert close(wrap(original)(2.0), 1 / 2 + 3 * 3 / 4)
    assert close(wrap(jax.grad(original))(2.0), 3 / 4)
    assert close(wrap(jax.grad(original, 1))(2.0, 3.0), 3 / 4)
    for x, slope in ((0.5, 3.0), (2.0, 3 / 4)):
        assert close(wrap(lambda x: first(x, residual_dtype="uint8"))(x), slope, 0.02)
assert QPseudoSpike(shift=3 * u.mV)(4 * u.mV) == 1  # a spike needs no scale, a derivative does
try:
    QPseudoSpike(shift=3 * u.mV).surrogate_grad(4 * u.mV)
    raise AssertionError
except u.UnitMismatchError:
    pass
QPseudoSpike(gain=brainstate.ShortTermState(2.0))
main(["list", "--tasks"])
brainstate.environ.set(dt=1.0 * u.ms)
inputs = 3 * jax.random.uniform(jax.random.key(0), (20, 4, 3)) * u.mA
print(gradient_flow(brainpy.state.LIF(3), inputs[:, :2]))
found = compare(
    "QPseudoSpike", task="two-bits", epochs=1, seeds=1, tune={"gain": [0.5, 2]},
    progress=False,
)
print(found.table(wide=True), *tidy_lines(found, "seeds")[0])
assert found.results[0].tuned_spec["gain"] in (0.5, 2)
"""


def test_an_addition_touches_the_files_that_are_named_three_at_most():
    for what, changes in ADDED.items():
        assert {file for file, *_ in changes if (PACKAGE / file).exists()} <= NAMED[what]
    assert all(len(files) <= 3 for files in NAMED.values())


@pytest.mark.thorough
def test_what_is_added_appears(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / PACKAGE.name)
    for file, line, text in (change for changes in ADDED.values() for change in changes):
        path = tmp_path / PACKAGE.name / file
        source = path.read_text() if path.exists() else ""
        before, found, after = source.partition(f"\n{line}\n" if line else "\0")
        assert found or not line, f"{file} has no line {line!r}"
        path.write_text(f"{before}{found}{text}\n{after}")
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SEEN], cwd=tmp_path, text=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    for shown in ("two-bits\n    Which?", "It is dull. Take a walk.", "beats", "7.00", " pulses "):
        assert shown in run.stdout
