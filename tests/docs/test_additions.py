"""What is often added, added to a copy of the package in the files that CONTRIBUTING.md names."""

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
        ("_defaults.py", '    "randman": "synthetic:randman",',
         '    "two-bits": "synthetic:two_bits",'),
        ("_comparison/tasks/synthetic.py", "", """
def two_bits():
    "Which?"
    X, y = np.zeros((40, 4, 2), np.float32), np.arange(40) % 2
    X[np.arange(40), 0, y] = 1
    return make_task(X, y)
"""),
    ],
    "a number that each run measures": [
        ("_comparison/runs.py", "    operations: Array  # synaptic ones per sample",
         "    pulses: Array"),
        ("_comparison/train.py", "            spikes=spikes[0],",
         "            pulses=counted / counted,"),
    ],
    "a column of a comparison": [
        ("records/candidate.py", "    spikes: Numbers = ()", "    pulses: Numbers = ()"),
        ("_comparison/result.py", "        spikes=_numbers(test.spikes for test in tested),",
         "        pulses=_numbers(7 * test.pulses for test in tested),"),
        ("_tables/columns.py", "COLUMNS = [",
         'Column("scores.pulses", "pulses", "beats", lambda values, form: f"{values[0]:.2f}"),'),
    ],
    "a cause": [
        ("_gradient_flow/causes/dull.py", "", """
from .cause import Cause, Finding


class Dull(Cause):
    name, rule, helps = "dull", "always", "a walk"

    def find(self, measured):
        if measured.evaluator.batch == 2:
            return Finding((), "It is dull.", "Take a walk.", exact=True)

    def changes(self, measured, finding):
        return iter(())
"""),
        ("_gradient_flow/causes/__init__.py", "CAUSES: tuple[Cause, ...] = (",
         "    Dull(),"),
        ("_gradient_flow/causes/__init__.py", "from .disconnected import Disconnected",
         "from .dull import Dull"),
    ],
    "a field of a surrogate": [
        ("_surrogate/pseudo_spike.py", '    alpha: Hyperparameter = field(default=2.0, '
         'metadata={"declaration": ALPHA})', """
    gain: Hyperparameter = field(
        default=1.0, kw_only=True, metadata={"declaration": ALPHA._replace(tuned_as="gain")}
    )
"""),
        ("_surrogate/spike.py", "    foreign: Foreign | None = None", "    gain: Any = 1.0"),
        ("_surrogate/spike.py", "    wide = x.astype(units.wide(x.dtype))", """
    if curve.foreign is None:
        dampening = above_zero(curve.dampening) * above_zero(curve.gain)
        return kernels.gradient(wide, curve.alpha, curve.scale, dampening).astype(x.dtype)
"""),
    ],
    "a registry source": [
        ("_registry/discovery.py", "    PUBLISHED = 1", "    HOUSE = 3"),
        ("_registry/discovery.py", "", """
def house():
    return [entry_of(type("Brick", (braintools.surrogate.Sigmoid,), {}), Source.HOUSE, "house")]
"""),
        ("_registry/discovery.py", "    ours = [entry_of(kind, Source.PUBLISHED, OURS) for kind in "
         "(QPseudoSpike, Scaled)]", "    ours += house()"),
    ],
    "a name of another library": [
        ("_registry/libraries.py", "LIBRARIES: dict[str, dict[str, Conversion | str]] = {",
         '    "nest": {"pulse": lambda width=1.0: Sigmoid(4 / width)},'),
    ],
    "a fact about a network that learns": [
        ("_gradient_flow/diagnose.py", 
         '    """Exact facts that a network may learn with all the same, but for those that a cause '
         'says."""',
         '    yield "But open a window."'),
    ],
    "a note below the table of a comparison": [
        ("_tables/notes.py", "    notes.append(_scale_note(comparison))",
         '    notes.append("Hm.")'),
    ],
    "a figure": [
        ("plotting/frame.py", "", "def plot_frame(axes):\n    axes.set_title('framed')"),
        ("plotting/__init__.py", "", "from .frame import plot_frame"),
    ],
    "a command": [
        ("__main__.py", "COMMANDS = {", '    "greet": "say hello",'),
        ("_cli/greet.py", "", """
def add_arguments(parser):
    parser.add_argument("name")


def run(arguments):
    print("Hello,", arguments.name)
"""),
    ],
}  # fmt: skip
SEEN = """
import brainpy, brainstate, brainunit as u, jax
from braintools_qps import (
    QPseudoSpike, compare, get_surrogate, gradient_flow, plotting, surrogate_spec,
)
from braintools_qps.__main__ import main

assert float(get_surrogate("QPseudoSpike(gain=3)").surrogate_grad(0.0)) == 3
assert surrogate_spec(QPseudoSpike(gain=3))["gain"] == 3
assert repr(QPseudoSpike()) == "QPseudoSpike(alpha=2.0)"
QPseudoSpike(gain=brainstate.ShortTermState(2.0))
for name in ("Brick", "house:Brick", "brick(alpha=4)"):
    assert type(get_surrogate(name)).__name__ == "Brick"
assert get_surrogate("nest.pulse(width=2)").alpha == 2
main(["list", "--tasks"]), main(["greet", "Ada"])
plotting.plot_frame(type("Axes", (), {"set_title": print})())
brainstate.environ.set(dt=1.0 * u.ms)
inputs = jax.random.uniform(jax.random.key(0), (20, 4, 3))
learning = brainstate.nn.Sequential(
    brainstate.nn.Linear(3, 8), lambda x: 60 * x * u.mA, brainpy.state.LIF(8),
    brainstate.nn.Linear(8, 2),
)
print(gradient_flow(learning, inputs), gradient_flow(brainpy.state.LIF(3), inputs[:, :2] * u.mA))
found = compare(
    "QPseudoSpike", task="two-bits", epochs=1, seeds=1, tune={"gain": [0.5, 2]},
    progress=False,
)
print(found.table(wide=True), found.to_csv())
assert found.results[0].tuned_spec["gain"] in (0.5, 2)
"""


@pytest.mark.parametrize("what", sorted(ADDED.keys() | NAMED.keys()))
def test_an_addition_touches_the_files_that_are_named_three_at_most(what):
    assert {file for file, *_ in ADDED[what] if (PACKAGE / file).exists()} <= NAMED[what]
    assert len(NAMED[what]) <= 3


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
    for shown in (
        "two-bits\n    Which?", "It is dull. Take a walk.", "But open a window.", "beats", "7.00",
        "pulses,", "Hm.", "framed", "Hello, Ada",
    ):  # fmt: skip
        assert shown in run.stdout
