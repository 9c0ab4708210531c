"""Numbers reach whatever logger is there."""

import logging
from types import SimpleNamespace

import pytest
from braintools.trainer import CSVLogger

from braintools_qps._monitoring.logs import writer

NUMBERS = {"flow/growth": 0.5, "flow/reach": 12.0}


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ({"loss": [1.0]}, {"loss": [1.0], "step": [3], "flow/growth": [0.5], "flow/reach": [12.0]}),
        ([], [{"step": 3, **NUMBERS}]),
    ],
    ids=["columns of a dict", "rows of a list"],
)
def test_what_a_log_has_after_a_measurement(log, said):
    writer(log)(NUMBERS, 3)
    assert log == said


def test_functions_and_loggers_are_called(caplog, tmp_path):
    said = []
    writer(lambda numbers, step: said.append((numbers, step)))(NUMBERS, 3)
    assert said == [(NUMBERS, 3)]
    with caplog.at_level(logging.INFO):
        writer(logging.getLogger("training"))(NUMBERS, 3)
    assert caplog.messages == ["step 3: flow/growth 0.5, flow/reach 12"]
    scalars = []
    tensorboard = SimpleNamespace(
        add_scalar=lambda tag, scalar_value, global_step: scalars.append((tag, scalar_value))
    )
    writer(tensorboard)(NUMBERS, 3)
    assert scalars == [*NUMBERS.items()]
    of_braintools = CSVLogger(str(tmp_path))
    writer(of_braintools)(NUMBERS, 3)
    of_braintools.save()
    (file,) = tmp_path.rglob("metrics.csv")
    header, row = file.read_text().splitlines()
    assert dict(zip(header.split(","), row.split(",")))["flow/growth"] == "0.5"
    with pytest.raises(TypeError, match=r"log must be a function .* got 3\. For example log=print"):
        writer(3)
