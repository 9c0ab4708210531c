"""Numbers reach whatever logger is there."""

import logging

import pytest
from braintools.trainer import CSVLogger

from braintools_qps._monitoring.logs import writer

NUMBERS = {"flow/growth": 0.5, "flow/reach": 12.0}


def test_a_function():
    said = []
    writer(lambda numbers, step: said.append((numbers, step)))(NUMBERS, 3)
    assert said == [(NUMBERS, 3)]


def test_a_dict_gets_columns():
    log = {"loss": [1.0]}
    for step in (0, 10):
        writer(log)(NUMBERS, step)
    assert log == {
        "loss": [1.0],
        "step": [0, 10],
        "flow/growth": [0.5, 0.5],
        "flow/reach": [12.0, 12.0],
    }


def test_a_list_gets_rows():
    log = []
    writer(log)(NUMBERS, 3)
    assert log == [{"step": 3, **NUMBERS}]


def test_a_logger_of_the_standard_library(caplog):
    with caplog.at_level(logging.INFO):
        writer(logging.getLogger("training"))(NUMBERS, 3)
    assert caplog.messages == ["step 3: flow/growth 0.5, flow/reach 12"]


def test_tensorboard():
    class SummaryWriter:
        def __init__(self):
            self.scalars = []

        def add_scalar(self, tag, scalar_value, global_step):
            self.scalars.append((tag, scalar_value, global_step))

    log = SummaryWriter()
    writer(log)(NUMBERS, 3)
    assert log.scalars == [("flow/growth", 0.5, 3), ("flow/reach", 12.0, 3)]


def test_a_logger_of_braintools(tmp_path):
    log = CSVLogger(str(tmp_path))
    writer(log)(NUMBERS, 3)
    log.save()
    (file,) = tmp_path.rglob("metrics.csv")
    header, row = file.read_text().splitlines()
    assert dict(zip(header.split(","), row.split(",")))["flow/growth"] == "0.5"


def test_anything_else_is_refused():
    with pytest.raises(TypeError, match=r"log must be a function .* got 3\. For example log=print"):
        writer(3)
