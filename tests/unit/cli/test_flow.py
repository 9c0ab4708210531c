"""What the subcommand flow prints; tests/integration/gradient_flow runs it."""

import dataclasses

from report_records import FLOW

from braintools_qps._cli.flow import _print
from braintools_qps.records import GradientFlows

NOTE = "The inputs are constant."


def test_what_is_said_of_the_model_is_printed_once(capsys):
    flow = dataclasses.replace(FLOW, advice=(NOTE, "Look at lif."), notes=(NOTE,))
    for flows in (GradientFlows(one=flow), GradientFlows(one=flow, two=flow)):
        _print(flows)
        out = capsys.readouterr().out
        assert out.count(f"- {NOTE}") == 1
        assert out.count("- Look at lif.") == len(flows)
