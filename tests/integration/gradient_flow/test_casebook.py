"""The first line on networks that learn nothing, as in public threads; the guide quotes them."""

import json
import re
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from braintools_qps import gradient_flow
from braintools_qps.testing import find_failures

ROOT = Path(__file__).parents[3]
sys.path.append(str(ROOT))  # benchmarks/ is not installed; last, so that an installed package wins

from benchmarks.casebook.cases import CASES  # noqa: E402
from benchmarks.casebook.networks import Overflowing  # noqa: E402
from benchmarks.casebook.train import FILE, SHOWN, built, digits, told  # noqa: E402

BOOK = json.loads(FILE.read_text("utf-8"))["cases"]
GUIDE = ROOT / "docs" / "guides" / "why_not_learning.md"


LEARNS = {"snntorch-33", "snntorch-219"}  # without help, otherwise than reported: no cause


@pytest.mark.thorough
@pytest.mark.parametrize("name", [name for name in CASES if name not in LEARNS])
def test_the_first_line_names_the_cause_and_the_population(name):
    case = CASES[name]
    flows = gradient_flow(built(case, 0, cured=False), case.shown(digits()[0][:SHOWN]))
    (flow,) = flows.values()
    line = str(flows).splitlines()[0]
    assert (flow.diagnosis.cause, flow.diagnosis.population) == (case.cause, case.population)
    assert flow.diagnosis.text in line
    assert case.population is None or case.population in line
    assert line == BOOK[name]["says"], "run python -m benchmarks.casebook.train"


@pytest.mark.parametrize("name", CASES)
def test_the_cure_trains_the_network(name):
    """Five seeds each; the intervals do not even touch."""
    before, after = BOOK[name]["before"], BOOK[name]["after"]
    assert len(before["scores"]) == len(after["scores"]) == 5
    if name in LEARNS:
        assert before["mean"] > 80
        assert CASES[name].cause == "none"
        assert "Not as reported" in BOOK[name]["remark"]
    else:
        for scores in (after, BOOK[name].get("other", after)):
            assert before["interval"][1] < scores["interval"][0]
            assert scores["mean"] - before["mean"] > 5


@pytest.mark.parametrize("name", CASES)
def test_the_json_tells_the_case_as_the_models_do(name):
    case = CASES[name]
    assert {key: BOOK[name][key] for key in told(case)} == told(case)


def test_the_guide_has_no_accuracy_that_is_not_read_from_the_json():
    prose = re.sub(r"```.*?```", "", GUIDE.read_text("utf-8"), flags=re.S)
    # Out of reach, faded, of the intervals, and by guessing.
    assert re.findall(r"[\d.]+%", prose) == ["95%", "1%", "95%", "10%"]


def test_check_surrogate_finds_the_sigmoid_whose_derivative_overflows():
    surrogate = Overflowing(25.0)
    assert jnp.isnan(jax.grad(surrogate)(-5.0))  # exp(125) is inf in float32
    first, *_ = find_failures(surrogate)
    assert (first.check, first.expected) == ("finite", "a finite gradient in float32")
    assert first.got.startswith("surrogate_grad = nan")
